//! arq, encrypted unless INTEGRITY=crc32c, one lane: MODE= ordered or unordered. MTU= bounds the datagrams.

use crate::load::{Job, Load, Meter, Source};
use bytes::Bytes;
use sockeye::{
    arq::Endpoint,
    proto::arq::{Algorithm, Channel, Config, Integrity, Lane, Mode, STREAM, SendError},
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
    let default = Config::default();
    Config { integrity, congestion, max_datagram: crate::mtu().unwrap_or(default.max_datagram), ..default }
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

pub async fn receive(at: SocketAddr, load: Load) {
    let endpoint = Endpoint::bind(at, config("cubic"), true).expect("bound");
    let connection = endpoint.accept().await.expect("accepted");
    let mut meter = Meter::new(load);
    while let Ok(Some(message)) = connection.recv().await {
        meter.add(&message.data);
    }
    meter.print();
}

pub async fn send(job: Job) {
    let any = if job.to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let endpoint = Endpoint::bind(any.parse().expect("an address"), config(&job.congestion), false).expect("bound");
    let connection = endpoint.connect(job.to).await.expect("connected");
    let lane = match std::env::var("MODE").as_deref() {
        Ok("unordered") => Lane { channel: Channel(0), mode: Mode::Unordered },
        _ => STREAM,
    };
    let mut source = Source::new(&job);
    while let Some(message) = source.next().await {
        match connection.try_send(lane, message.clone(), false, None) {
            Ok(()) => {}
            Err(SendError::Full) => connection.send(lane, message, false, None).await.expect("sent"),
            Err(e) => panic!("{e}"),
        }
    }
    if std::env::var_os("STATS").is_some() {
        eprintln!("{:?}", connection.stats());
    }
    match job.load {
        // The end is now, not when all that waits has gone.
        Load::Throughput => connection.close(0, "done"),
        Load::Latency => drop(connection.finish().await),
    }
    connection.ended().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
}
