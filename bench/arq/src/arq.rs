//! arq, encrypted, one ordered lane.

use crate::{Job, Meter};
use bytes::Bytes;
use sockeye::{
    arq::Endpoint,
    proto::arq::{Algorithm, Config, Integrity, STREAM, SendError},
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

fn config(congestion: &str) -> Config {
    let integrity = match std::env::var("INTEGRITY").as_deref() {
        Ok("crc32c") => Integrity::Crc32c,
        _ => Integrity::Aead(Box::new([7; 32])),
    };
    let congestion = if congestion == "bbr" { Algorithm::Bbr } else { Algorithm::Cubic };
    Config { integrity, congestion, ..Config::default() }
}

/// What an idle connection costs: `count` of them, both ends in this process.
pub async fn idle(count: usize) {
    let local: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let idle = Config { idle: Duration::from_secs(3600), ..config("cubic") };
    let server = Endpoint::bind(local, idle.clone(), true).expect("bound");
    let client = Endpoint::bind(local, idle, false).expect("bound");
    let mut open = Vec::with_capacity(2 * count);
    let (begin, mut before) = (Instant::now(), 0);
    for n in 0..count {
        // The first few warm up what is shared: buffers, tables.
        if n == 100 {
            before = resident();
        }
        let c = client.connect(server.local_address()).await.expect("connected");
        let s = server.accept().await.expect("accepted");
        c.send(STREAM, Bytes::from_static(b"hello"), false, None).await.expect("sent");
        s.recv().await.expect("open").expect("a message");
        open.push((c, s));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let each = (resident() - before) as f64 / (2 * (count - 100)) as f64;
    let seconds = begin.elapsed().as_secs_f64();
    println!("{count} connections in {seconds:.1} s, both ends here: {each:.0} bytes for each end");
}

/// Bytes of memory in use: the proportional set size.
fn resident() -> u64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").expect("smaps_rollup");
    let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).expect("a total");
    pss.trim().trim_end_matches(" kB").parse::<u64>().expect("kilobytes") * 1024
}

pub async fn receive(at: SocketAddr) {
    let endpoint = Endpoint::bind(at, config("cubic"), true).expect("bound");
    let connection = endpoint.accept().await.expect("accepted");
    let mut meter = Meter::new();
    while let Ok(Some(message)) = connection.recv().await {
        meter.add(message.data.len());
    }
    meter.print("arq");
}

pub async fn send(job: Job) {
    let any = if job.to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let endpoint = Endpoint::bind(any.parse().expect("an address"), config(&job.congestion), false).expect("bound");
    let connection = endpoint.connect(job.to).await.expect("connected");
    let message = Bytes::from(vec![7; job.size]);
    let until = Instant::now() + Duration::from_secs_f64(job.seconds);
    while Instant::now() < until {
        match connection.try_send(STREAM, message.clone(), false, None) {
            Ok(()) => {}
            Err(SendError::Full) => connection.send(STREAM, message.clone(), false, None).await.expect("sent"),
            Err(e) => panic!("{e}"),
        }
    }
    println!("{:?}", connection.stats());
    connection.close(0, "done");
    connection.ended().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
}
