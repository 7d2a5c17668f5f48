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
