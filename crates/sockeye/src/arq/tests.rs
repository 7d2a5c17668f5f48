//! What the kernel may say to a send, injected where datagrams are given to it.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use sockeye_proto::arq::{Config, Integrity, STREAM};

use super::Endpoint;

/// How long a test waits for something that should come at once, on a machine however busy.
const PATIENCE: Duration = Duration::from_secs(60);

const REFUSALS: [i32; 6] =
    [libc::EIO, libc::EINVAL, libc::EPERM, libc::ENOBUFS, libc::ECONNREFUSED, libc::ENETUNREACH];

static SENT: AtomicUsize = AtomicUsize::new(0);
static REFUSED: [AtomicUsize; REFUSALS.len()] = [const { AtomicUsize::new(0) }; REFUSALS.len()];
static SEGMENTED: AtomicUsize = AtomicUsize::new(0);

/// Each fifth send fails, with each error in turn; the first, with every error, under segmentation too.
fn refuse(state: &UdpSocketState, socket: UdpSockRef<'_>, transmit: &Transmit<'_>) -> io::Result<()> {
    let turn = SENT.fetch_add(1, Ordering::Relaxed);
    let which = turn / 5 % REFUSALS.len();
    if turn % 5 == 4 {
        REFUSED[which].fetch_add(1, Ordering::Relaxed);
        return Err(io::Error::from_raw_os_error(REFUSALS[which]));
    }
    state.try_send(socket, transmit)
}

/// Every transmission of several datagrams fails; those of one pass.
fn refuse_segments(
    state: &UdpSocketState,
    socket: UdpSockRef<'_>,
    transmit: &Transmit<'_>,
) -> io::Result<()> {
    if transmit.segment_size.is_some_and(|size| size < transmit.contents.len()) {
        let turn = SEGMENTED.fetch_add(1, Ordering::Relaxed);
        return Err(io::Error::from_raw_os_error([libc::EIO, libc::EINVAL][turn % 2]));
    }
    state.try_send(socket, transmit)
}

/// Sends a megabyte through `give` both ways and sees it arrive whole; gives how many packets were lost.
fn transfer(give: super::Give) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let work = async {
        let socket = || std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback is there");
        let config = Config { integrity: Integrity::Crc32c, ..Config::default() };
        let server = Endpoint::giving(socket(), config.clone(), true, give).expect("a socket");
        let client = Endpoint::giving(socket(), config, false, give).expect("a socket");
        let c = client.connect(server.local_address()).await.expect("connected");
        let s = server.accept().await.expect("accepted");
        let echo = tokio::spawn(async move {
            while let Some(message) = s.recv().await.expect("open") {
                let end = message.end;
                s.send(STREAM, message.data, end, None).await.expect("sent");
                if end {
                    s.ended().await;
                    return;
                }
            }
        });
        for n in 0..=255u8 {
            c.send(STREAM, vec![n; 4096].into(), n == 255, None).await.expect("sent");
        }
        for n in 0..=255u8 {
            let message = c.recv().await.expect("open").expect("an echo");
            assert!(message.data.len() == 4096 && message.data.iter().all(|&b| b == n));
        }
        let lost = c.stats().expect("open").packets_lost;
        c.finish().await.expect("finished");
        echo.await.expect("no panic");
        lost
    };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.expect("in time") })
}

#[test]
fn fault_22_a_connection_lives_through_what_the_kernel_refuses() {
    transfer(refuse);
    for (count, errno) in REFUSED.iter().zip(REFUSALS) {
        assert!(count.load(Ordering::Relaxed) > 0, "errno {errno} was never given");
    }
}

#[test]
fn fault_22_without_segmentation_each_datagram_goes_by_itself_and_none_is_lost() {
    assert_eq!(transfer(refuse_segments), 0);
    assert!(SEGMENTED.load(Ordering::Relaxed) > 1, "several datagrams were given at once, and refused");
}
