//! What is sent and how it is counted, the same for each transport.

use bytes::Bytes;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

/// What the messages are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// 1000 bytes each, as many as go.
    Throughput,
    /// 200 bytes each 10 ms, with the time of their sending.
    Latency,
}

impl Load {
    pub fn size(self) -> usize {
        if self == Self::Throughput { 1000 } else { 200 }
    }
}

/// What a sender is told.
pub struct Job {
    pub to: SocketAddr,
    pub seconds: f64,
    pub congestion: String,
    pub load: Load,
}

/// The monotonic clock, which all processes of a machine share, nanoseconds.
fn clock() -> u64 {
    // SAFETY: a plain struct of integers, filled by the kernel.
    unsafe {
        let mut now: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now);
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }
}

/// The messages of a job, one after another.
pub struct Source {
    load: Load,
    message: Bytes,
    until: Instant,
    ticks: tokio::time::Interval,
}

impl Source {
    pub fn new(job: &Job) -> Self {
        Self {
            load: job.load,
            message: Bytes::from(vec![7; job.load.size()]),
            until: Instant::now() + Duration::from_secs_f64(job.seconds),
            ticks: tokio::time::interval(Duration::from_millis(10)),
        }
    }

    pub async fn next(&mut self) -> Option<Bytes> {
        if self.load == Load::Latency {
            self.ticks.tick().await;
            let mut message = self.message.to_vec();
            message[..8].copy_from_slice(&clock().to_le_bytes());
            self.message = message.into();
        }
        (Instant::now() < self.until).then(|| self.message.clone())
    }
}

/// CPU seconds of this process, user and system.
pub fn cpu() -> f64 {
    // SAFETY: a plain struct of integers, filled by the kernel.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// Bytes that the interfaces of this namespace have sent.
pub fn wire() -> u64 {
    let table = std::fs::read_to_string("/proc/self/net/dev").expect("the table of interfaces");
    let sent = |line: &str| line.split_once(':')?.1.split_ascii_whitespace().nth(8)?.parse::<u64>().ok();
    table.lines().filter_map(sent).sum()
}

/// Counts what arrives, from the first byte on.
pub struct Meter {
    load: Load,
    begin: Option<Instant>,
    last: Instant,
    bytes: u64,
    /// The beginning of a message of which not all is here, and what each whole one took.
    partial: Vec<u8>,
    latencies: Vec<u64>,
}

impl Meter {
    pub fn new(load: Load) -> Self {
        let last = Instant::now();
        Self { load, begin: None, last, bytes: 0, partial: Vec::new(), latencies: Vec::new() }
    }

    pub fn add(&mut self, bytes: &[u8]) {
        self.last = Instant::now();
        self.begin.get_or_insert(self.last);
        self.bytes += bytes.len() as u64;
        if self.load == Load::Throughput {
            return;
        }
        let now = clock();
        self.partial.extend_from_slice(bytes);
        let whole = self.partial.len() - self.partial.len() % self.load.size();
        for message in self.partial[..whole].chunks(self.load.size()) {
            let sent = u64::from_le_bytes(message[..8].try_into().expect("8 bytes"));
            self.latencies.push(now.saturating_sub(sent));
        }
        self.partial.drain(..whole);
    }

    pub fn print(mut self) {
        let wall = self.begin.map_or(Duration::ZERO, |b| self.last.duration_since(b)).as_secs_f64();
        let mbit = self.bytes as f64 * 8.0 / wall / 1e6;
        print!("bytes={} mbit={mbit:.2} receiver_cpu={:.4}", self.bytes, cpu());
        self.latencies.sort_unstable();
        let at = |share: usize| self.latencies.get(self.latencies.len() * share / 1000).map_or(0.0, |&n| n as f64 / 1e6);
        println!(" messages={} p50={:.2} p99={:.2} p999={:.2}", self.latencies.len(), at(500), at(990), at(999));
    }
}
