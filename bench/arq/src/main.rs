//! Measures arq beside QUIC: `send`/`receive` messages over arq or quinn, and `link`, which joins two network
//! namespaces by TUN devices through the faults of `sockeye::proto::faults`. See run.sh.

mod arq;
mod link;
mod quic;

use std::time::{Duration, Instant};

/// What a sender is told.
struct Job {
    to: std::net::SocketAddr,
    seconds: f64,
    congestion: String,
    size: usize,
}

/// CPU seconds of this process, user and system.
fn cpu() -> f64 {
    // SAFETY: a plain struct of integers, filled by the kernel.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

/// Counts what arrives and prints the rate, from the first message on.
struct Meter {
    begin: Option<Instant>,
    bytes: u64,
    last: Instant,
}

impl Meter {
    fn new() -> Self {
        Self { begin: None, bytes: 0, last: Instant::now() }
    }

    fn add(&mut self, bytes: usize) {
        self.last = Instant::now();
        self.begin.get_or_insert(self.last);
        self.bytes += bytes as u64;
    }

    fn print(&self, name: &str) {
        let wall = self.begin.map_or(Duration::ZERO, |b| self.last.duration_since(b)).as_secs_f64();
        println!(
            "{name}: {:.1} Mbit/s, {:.2} GiB, receiver CPU {:.3} s/GiB",
            self.bytes as f64 * 8.0 / wall / 1e6,
            self.bytes as f64 / (1u64 << 30) as f64,
            cpu() / (self.bytes as f64 / (1u64 << 30) as f64),
        );
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |n: usize| args.get(n).map_or("", String::as_str);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match (arg(0), arg(1)) {
        ("link", _) => link::run(&args[1..]),
        ("idle", count) => runtime.block_on(arq::idle(count.parse().expect("a number"))),
        (verb, transport) => {
            let address = arg(2).parse().expect("an address");
            let job = || Job {
                to: address,
                seconds: arg(3).parse().expect("seconds"),
                congestion: arg(4).to_owned(),
                size: 1000,
            };
            runtime.block_on(async {
                match (verb, transport) {
                    ("receive", "arq") => arq::receive(address).await,
                    ("receive", "quinn") => quic::receive(address).await,
                    ("send", "arq") => arq::send(job()).await,
                    ("send", "quinn") => quic::send(job()).await,
                    _ => panic!("usage: send|receive arq|quinn ADDRESS [SECONDS CONGESTION], link …"),
                }
            });
            if verb == "send" {
                println!("sender CPU {:.3} s", cpu());
            }
        }
    }
}
