//! Fault run 10: signals in the midst of every call.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use sockeye::{
    Addr, Socket,
    socket::{Family, Type, UnixAddr},
};
use tokio::signal::unix::{SignalKind, signal};

use super::{connection, listener, pattern, socket};

/// Ends the storm, also when the work panics.
struct Calm<'a>(&'a AtomicBool);

impl Drop for Calm<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends this thread a signal every millisecond while `work` runs; `work` gets the count so far.
fn in_a_storm<T>(work: impl FnOnce(&AtomicU64) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _guard = runtime.enter();
    // A handler, so that the signal interrupts and does not kill.
    let _handler = signal(SignalKind::user_defined2()).expect("a handler");
    // Linux prefers the thread whose number is given for a signal to its process.
    let thread =
        Pid::from_raw(rustix::thread::gettid().as_raw_nonzero().get()).expect("a thread has a number");
    let (done, count) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                kill_process(thread, Signal::USR2).expect("this thread lives");
                count.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(1));
            }
        });
        let _calm = Calm(&done);
        work(&count)
    })
}

/// Waits until so many more signals have come.
fn more(count: &AtomicU64, signals: u64) {
    let goal = count.load(Ordering::Relaxed) + signals;
    while count.load(Ordering::Relaxed) < goal {
        thread::yield_now();
    }
}

/// Blocking sockets whose calls the kernel does not restart by itself, whatever the handler says: signal(7) names
/// those with a timeout of the kernel's.
fn interruptible(socket: &Socket) {
    socket.set_timeout(None).expect("set");
    socket.set_option("SO_RCVTIMEO", "600").expect("set");
    socket.set_option("SO_SNDTIMEO", "600").expect("set");
}

#[test]
fn fault_10_the_storm_does_interrupt_plain_calls() {
    let (a, _b) = connection(Family::Inet);
    interruptible(&a);
    in_a_storm(|_| {
        let error = rustix::net::recv(&a, &mut [0; 1], rustix::net::RecvFlags::empty()).expect_err("no data");
        assert_eq!(error, rustix::io::Errno::INTR);
    });
}

#[test]
fn fault_10_signals_change_no_byte_of_a_transfer() {
    for kernel_timeout in [true, false] {
        let (client, server) = connection(Family::Inet);
        if kernel_timeout {
            interruptible(&client);
        }
        client.set_option("SO_SNDBUF", 4608).expect("set");
        let data = pattern(400_000);
        let echo = thread::spawn(move || {
            let mut all = vec![0; 400_000];
            server.recv_exact(&mut all).expect("receive");
            server.send_all(&all).expect("send back");
        });
        let mut back = vec![0; data.len()];
        in_a_storm(|count| {
            client.send_all(&data).expect("no EINTR");
            client.recv_exact(&mut back).expect("no EINTR");
            more(count, 1);
        });
        assert!(back == data, "the bytes differ");
        echo.join().expect("no panic");
    }
}

#[test]
fn fault_10_accept_and_receive_wait_on_over_signals() {
    let (listener, addr) = listener(Family::Inet);
    for kernel_timeout in [true, false] {
        if kernel_timeout {
            interruptible(&listener);
        } else {
            listener.set_timeout(Some(crate::support::PATIENCE)).expect("set");
        }
        in_a_storm(|count| {
            thread::scope(|scope| {
                scope.spawn(|| {
                    more(count, 20);
                    let client = socket(Family::Inet, Type::Stream);
                    client.connect(&addr).expect("connect");
                    more(count, 20);
                    client.send_all(b"late").expect("send");
                });
                let (server, _) = listener.accept().expect("no EINTR");
                if kernel_timeout {
                    interruptible(&server);
                }
                let mut got = [0; 4];
                assert_eq!(
                    server.recvmsg(&mut got, sockeye::socket::Flags::NONE).expect("no EINTR").bytes,
                    4
                );
            });
        });
    }
}

#[test]
fn fault_10_a_timeout_counts_on_over_signals() {
    let (client, _server) = connection(Family::Inet);
    client.set_timeout(Some(Duration::from_millis(50))).expect("set");
    in_a_storm(|_| {
        let error = client.recv(&mut [0]).expect_err("nothing comes");
        assert_eq!(error.class(), sockeye::error::Class::Deadline);
    });
}

#[test]
fn fault_10_connect_waits_on_over_signals() {
    let listener = socket(Family::Unix, Type::Stream);
    listener.bind(Addr::Unix(UnixAddr::Unnamed)).expect("the kernel chooses a name");
    listener.listen(1).expect("listen");
    let addr = listener.local_addr().expect("an abstract name");
    // Until the queue is full.
    let mut waiting = Vec::new();
    loop {
        let client = Socket::new(Family::Unix, Type::Stream).expect("a socket");
        client.set_blocking(false).expect("set");
        if client.connect_ex(&addr) == libc::EAGAIN {
            break;
        }
        waiting.push(client);
    }
    let client = socket(Family::Unix, Type::Stream);
    interruptible(&client);
    in_a_storm(|count| {
        thread::scope(|scope| {
            scope.spawn(|| {
                more(count, 20);
                for _ in 0..=waiting.len() {
                    listener.accept().expect("those that wait");
                }
            });
            client.connect(&addr).expect("no EINTR");
            client.peer_addr().expect("it is connected");
        });
    });
}
