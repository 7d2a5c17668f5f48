//! Connections opened, closed and reset at random, for a while: nothing stays behind.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    process::Command,
    time::{Duration, Instant},
};

use crate::support::{PATIENCE, Running};

/// A small generator (xorshift64*): the same seed, the same soak.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }
}

/// Echoes on as many connections as come.
fn echo(server: TcpListener) {
    for client in server.incoming() {
        let Ok(mut client) = client else { return };
        std::thread::spawn(move || {
            let mut room = [0; 16 * 1024];
            while let Ok(n @ 1..) = client.read(&mut room) {
                if client.write_all(&room[..n]).is_err() {
                    return;
                }
            }
        });
    }
}

fn one_conversation(port: u16, random: &mut Random) {
    let Ok(mut client) = TcpStream::connect(("127.0.0.1", port)) else { return };
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let length = random.below(100_000) as usize;
    let (data, mut back) = (vec![7; length], vec![0; length]);
    match random.below(4) {
        // The whole exchange, ended in order.
        0 | 1 => {
            let mut sender = client.try_clone().expect("a second handle");
            let send = std::thread::spawn(move || {
                sender.write_all(&data).expect("sent");
                sender.shutdown(Shutdown::Write).expect("half-closed");
            });
            client.read_exact(&mut back).expect("everything comes back");
            assert_eq!(client.read(&mut [0]).expect("and then the end"), 0);
            send.join().expect("the sender ends");
        }
        // Gone without a word.
        2 => drop(client),
        // Gone with data on the way: that is a reset.
        _ => {
            let _ = client.write_all(&data[..length.min(4096)]);
            let _ = client.read(&mut [0; 1]);
        }
    }
}

fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count()
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("a process has memory");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
}

fn soak(pid: u32, port: u16, udp: u16, time: Duration, seed: u64) {
    let end = Instant::now() + time;
    let workers: Vec<_> = (0..8)
        .map(|worker| {
            std::thread::spawn(move || {
                let mut random = Random(seed + worker);
                while Instant::now() < end {
                    one_conversation(port, &mut random);
                    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
                    // Nobody answers: the session ends by its idle time.
                    let _ = socket.send_to(b"x", ("127.0.0.1", udp));
                }
            })
        })
        .collect();
    workers.into_iter().for_each(|w| w.join().unwrap_or_else(|_| panic!("seed {seed} on {pid}")));
}

#[test]
fn nothing_stays_behind() {
    let scale: u32 = std::env::var("SOCKEYE_SCALE").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let to = format!("tcp:{}", server.local_addr().expect("bound"));
    std::thread::spawn(move || echo(server));
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let silent_at = format!("udp:{}", silent.local_addr().expect("bound"));
    let start =
        |a: &str, b: &str| Running::start(Command::new(env!("CARGO_BIN_EXE_sockeye")).args(["relay", a, b]));
    let mut streams = start("tcp-listen:127.0.0.1:0,fork", &to);
    let mut datagrams = start("udp-listen:127.0.0.1:0,fork,idle-timeout=0.05", &silent_at);
    let port = |line: String| line.rsplit(':').next().and_then(|p| p.parse().ok()).expect("a port");
    let (tcp, udp) = (port(streams.line("listening on")), port(datagrams.line("listening on")));
    let pids = [streams.child.id(), datagrams.child.id()];

    // The first part fills caches and pools, and has its busiest moment; what the second adds to that is a leak.
    soak(pids[0], tcp, udp, Duration::from_secs(1).max(Duration::from_millis(250) * scale), 1);
    let settle = |before: [usize; 2]| {
        let deadline = Instant::now() + PATIENCE;
        while pids.iter().zip(before).any(|(pid, most)| descriptors(*pid) > most) {
            let open = pids.map(descriptors);
            assert!(Instant::now() < deadline, "descriptors stay open: {open:?}, {before:?} at first");
            std::thread::yield_now();
        }
    };
    settle([40, 40]);
    let (before, memory) = (pids.map(descriptors), pids.map(resident_kib));
    soak(pids[0], tcp, udp, Duration::from_secs(2) * scale, 100);
    settle([before[0] + 34, before[1] + 4]);
    for (pid, was) in pids.iter().zip(memory) {
        let now = resident_kib(*pid);
        // What the allocator keeps of the busiest moment differs; a leak grows with every conversation.
        assert!(now < was + 32 * 1024, "{now} KiB resident, {was} before");
    }
}
