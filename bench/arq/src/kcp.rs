//! KCP at its quickest ("turbo"): no congestion control, resent at the second gap, a tick of 10 ms.

use crate::load::{Job, Load, Meter, Source};
use std::{net::SocketAddr, time::Duration};
use tokio_kcp::{KcpConfig, KcpListener, KcpNoDelayConfig, KcpStream};

fn config() -> KcpConfig {
    KcpConfig {
        nodelay: KcpNoDelayConfig::fastest(),
        wnd_size: (1024, 1024),
        flush_write: true,
        flush_acks_input: true,
        ..KcpConfig::default()
    }
}

pub async fn receive(at: SocketAddr, load: Load) {
    let mut listener = KcpListener::bind(config(), at).await.expect("bound");
    let (mut stream, _) = listener.accept().await.expect("accepted");
    let mut meter = Meter::new(load);
    let mut buffer = vec![0; 1 << 16];
    let silence = Duration::from_secs(1);
    while let Ok(Ok(n @ 1..)) = tokio::time::timeout(silence, stream.recv(&mut buffer)).await {
        meter.add(&buffer[..n]);
    }
    meter.print();
}

pub async fn send(job: Job) {
    let mut stream = KcpStream::connect(&config(), job.to).await.expect("connected");
    let mut source = Source::new(&job);
    while let Some(message) = source.next().await {
        stream.send(&message).await.expect("sent");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
}
