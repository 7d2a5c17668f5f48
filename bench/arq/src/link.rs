//! A link between two network namespaces: a TUN device in each, and this process between them.
//! `link NS_A NS_B RATE_MBIT DELAY_MS QUEUE_BYTES LOSS`

use sockeye::proto::{
    faults::{Pipe, Plan, Rate},
    time::Time,
};
use std::{
    fs::File,
    io::{Read, Write},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::{Duration, Instant},
};

/// A TUN device named `tun0` in a namespace of iproute2's.
fn tun(namespace: &str, address: &str) -> File {
    let home = File::open("/proc/self/ns/net").expect("our namespace");
    let there = File::open(format!("/run/netns/{namespace}")).expect("the namespace");
    // SAFETY: descriptors that are open, and a request of the size that TUNSETIFF reads.
    let file = unsafe {
        assert_eq!(libc::setns(there.as_raw_fd(), libc::CLONE_NEWNET), 0, "setns");
        let fd = libc::open(c"/dev/net/tun".as_ptr(), libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC);
        assert!(fd >= 0, "open /dev/net/tun");
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"tun0") {
            *to = *from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as i16;
        assert_eq!(libc::ioctl(fd, libc::TUNSETIFF as _, &request), 0, "TUNSETIFF");
        assert_eq!(libc::setns(home.as_raw_fd(), libc::CLONE_NEWNET), 0, "setns");
        File::from(OwnedFd::from_raw_fd(fd))
    };
    for args in [
        vec!["-n", namespace, "addr", "add", address, "dev", "tun0"],
        vec!["-n", namespace, "link", "set", "tun0", "up", "mtu", "1500", "txqueuelen", "1000"],
    ] {
        assert!(std::process::Command::new("ip").args(args).status().expect("ip").success());
    }
    file
}

pub fn run(args: &[String]) {
    let number = |n: usize| args[n].parse::<f64>().expect("a number");
    let plan = Plan {
        loss: number(5),
        delay: Duration::from_secs_f64(number(3) / 1000.0),
        rate: Some(Rate { bytes: (number(2) * 125_000.0) as u64, queue: number(4) as u64, overhead: 0 }),
        ..Plan::default()
    };
    let mut ends = [tun(&args[0], "10.99.0.1/24"), tun(&args[1], "10.99.0.2/24")];
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |d| d.as_nanos() as u64);
    let mut pipes = [Pipe::new(plan, seed), Pipe::new(plan, seed ^ 1)];
    let epoch = Instant::now();
    let mut buffer = vec![0; 1 << 16];
    println!("ready");
    loop {
        let now = Time::after(epoch.elapsed());
        for side in 0..2 {
            // A packet is stamped when it is read, at most a poll later than it came.
            for _ in 0..64 {
                match ends[side].read(&mut buffer) {
                    Ok(n) => pipes[side].send(now, (), buffer[..n].to_vec()),
                    Err(_) => break,
                }
            }
            while let Some(((), packet)) = pipes[side].poll(now) {
                let _ = ends[1 - side].write(&packet);
            }
        }
        let next = pipes.iter().filter_map(Pipe::poll_timeout).min();
        let wait = next.map_or(Duration::from_millis(100), |at| at.since(Time::after(epoch.elapsed())));
        let mut fds = [0, 1].map(|i| libc::pollfd { fd: ends[i].as_raw_fd(), events: libc::POLLIN, revents: 0 });
        let spec = libc::timespec { tv_sec: wait.as_secs() as _, tv_nsec: wait.subsec_nanos() as _ };
        // SAFETY: two descriptors in an array of two.
        unsafe { libc::ppoll(fds.as_mut_ptr(), 2, &spec, std::ptr::null()) };
    }
}
