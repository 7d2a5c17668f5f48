//! Measures arq beside its peers: `send` and `receive` messages over arq, quinn, the kernel's TCP or KCP; `link`,
//! which joins two network namespaces by TUN devices through the faults of `sockeye::proto::faults`; `idle`, what
//! connections cost that do nothing. run.py calls these.

mod arq;
mod kcp;
mod kernel;
mod link;
mod load;
mod quic;

use load::{Job, Load};

/// The largest UDP payload, where it is set.
fn mtu() -> Option<u16> {
    std::env::var("MTU").ok().map(|mtu| mtu.parse().expect("MTU is a size"))
}

const USAGE: &str = "receive throughput|latency arq|quinn|tcp|kcp ADDRESS, send … SECONDS CONGESTION, link …, idle COUNT";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |n: usize| args.get(n).map_or("", String::as_str);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match arg(0) {
        "link" => return link::run(&args[1..]),
        "idle" => return runtime.block_on(arq::idle(arg(1).parse().expect("a number"))),
        _ => {}
    }
    let load = if arg(1) == "latency" { Load::Latency } else { Load::Throughput };
    let to = arg(3).parse().expect(USAGE);
    let before = load::wire();
    runtime.block_on(async {
        let job = || Job { to, seconds: arg(4).parse().expect("seconds"), congestion: arg(5).to_owned(), load };
        match (arg(0), arg(2)) {
            ("receive", "arq") => arq::receive(to, load).await,
            ("receive", "quinn") => quic::receive(to, load).await,
            ("receive", "tcp") => kernel::receive(to, load).await,
            ("receive", "kcp") => kcp::receive(to, load).await,
            ("send", "arq") => arq::send(job()).await,
            ("send", "quinn") => quic::send(job()).await,
            ("send", "tcp") => kernel::send(job()).await,
            ("send", "kcp") => kcp::send(job()).await,
            _ => panic!("{USAGE}"),
        }
    });
    if arg(0) == "send" {
        println!("sender_cpu={:.4} wire={}", load::cpu(), load::wire() - before);
    }
}
