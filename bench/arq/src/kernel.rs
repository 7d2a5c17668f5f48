//! TCP as the kernel has it.

use crate::load::{Job, Load, Meter, Source};
use std::{net::SocketAddr, os::fd::AsRawFd, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub async fn receive(at: SocketAddr, load: Load) {
    let listener = TcpListener::bind(at).await.expect("bound");
    let (mut stream, _) = listener.accept().await.expect("accepted");
    let mut meter = Meter::new(load);
    let mut buffer = vec![0; 1 << 16];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        meter.add(&buffer[..n]);
    }
    meter.print();
}

pub async fn send(job: Job) {
    let mut stream = TcpStream::connect(job.to).await.expect("connected");
    let name = job.congestion.as_bytes();
    // SAFETY: an open descriptor, and the name's own length.
    let set = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_CONGESTION,
            name.as_ptr().cast(),
            name.len() as libc::socklen_t,
        )
    };
    assert_eq!(set, 0, "the kernel has {}", job.congestion);
    stream.set_nodelay(job.load == Load::Latency).expect("nodelay");
    let mut source = Source::new(&job);
    while let Some(message) = source.next().await {
        stream.write_all(&message).await.expect("sent");
    }
    if job.load == Load::Throughput {
        // Like the others: the end is now, not when all that waits has gone.
        stream.set_zero_linger().expect("linger");
    } else {
        stream.shutdown().await.expect("shut down");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
