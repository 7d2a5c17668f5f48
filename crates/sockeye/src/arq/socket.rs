//! Datagrams in batches, and what to do when the kernel refuses one.

use std::{
    io::{self, IoSliceMut},
    net::IpAddr,
};

use quinn_udp::{EcnCodepoint, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use sockeye_proto::arq::Route;
use tokio::{io::Interest, net::UdpSocket};

/// Receives of one call, each of as many datagrams as the kernel has put together.
const BATCH: usize = 8;
const LARGEST: usize = 1 << 16;
/// What the kernel should hold for us: bursts come while we are busy.
const BUFFER: usize = 4 << 20;

/// How a transmission is given to the kernel.
pub(super) type Give = fn(&UdpSocketState, UdpSockRef<'_>, &Transmit<'_>) -> io::Result<()>;

/// A UDP socket.
#[derive(Debug)]
pub(super) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    give: Give,
    /// Answers go from the address that was spoken to: the kernel would choose another where the host has
    /// several, and the peer not know it.
    pins: bool,
}

/// Where datagrams are received.
#[derive(Debug, Default)]
pub(super) struct Buffers(Vec<Box<[u8]>>);

/// What became of a transmission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The kernel took it, or lost it as a network would.
    Gone,
    /// The kernel has no room now.
    Blocked,
    /// Larger than the path, as far as the kernel knows.
    TooLarge,
}

impl Socket {
    pub(super) fn new(socket: std::net::UdpSocket, give: Give, pins: bool) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // More than net.core.?mem_max is cut to it without an error.
        state.set_recv_buffer_size(UdpSockRef::from(&socket), BUFFER)?;
        state.set_send_buffer_size(UdpSockRef::from(&socket), BUFFER)?;
        let io = UdpSocket::from_std(socket)?;
        Ok(Self { io, state, give, pins })
    }

    /// Datagrams of one size that one call may send.
    pub(super) fn max_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    pub(super) async fn writable(&self) -> io::Result<()> {
        self.io.writable().await
    }

    /// Receives what there is, without waiting; gives how many receives it was.
    pub(super) fn receive(
        &self,
        buffers: &mut Buffers,
        mut each: impl FnMut(Route, bool, &mut [u8]),
    ) -> io::Result<usize> {
        let buffers = &mut buffers.0;
        buffers.resize_with(BATCH, || vec![0; LARGEST].into());
        let mut meta = [RecvMeta::default(); BATCH];
        let (io, state) = (&self.io, &self.state);
        let received = {
            let mut slices = buffers.iter_mut().map(|b| IoSliceMut::new(b));
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| slices.next().expect("there are as many buffers"));
            io.try_io(Interest::READABLE, || state.recv(UdpSockRef::from(io), &mut slices, &mut meta))
        };
        let count = match received {
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            // What ICMP says of an earlier datagram (ECONNREFUSED): loss detection finds that out itself.
            Err(e) if is_transient(&e) => return Ok(1),
            Err(e) => return Err(e),
        };
        for (buffer, meta) in buffers.iter_mut().zip(&meta[..count]) {
            let local = meta.dst_ip.filter(|&ip| self.pins && is_ours(ip));
            let route = Route { peer: meta.addr, local };
            let congested = meta.ecn == Some(EcnCodepoint::Ce);
            for datagram in buffer[..meta.len].chunks_mut(meta.stride.max(1)) {
                each(route, congested, datagram);
            }
        }
        Ok(count)
    }

    /// Sends `contents`, datagrams of `segment` bytes each if it is more than one.
    pub(super) fn send(
        &self,
        route: Route,
        contents: &[u8],
        segment: Option<usize>,
        ecn: bool,
    ) -> io::Result<Outcome> {
        let ecn = ecn.then_some(EcnCodepoint::Ect0);
        let whole =
            Transmit { destination: route.peer, ecn, contents, segment_size: segment, src_ip: route.local };
        match self.try_send(&whole) {
            Ok(outcome) => Ok(outcome),
            // Offload that an interface lacks fails with EIO or EINVAL, a firewall says EPERM, ICMP an
            // earlier ECONNREFUSED: each datagram goes again by itself.
            Err(e) if is_transient(&e) || segment.is_some() => {
                for contents in contents.chunks(segment.unwrap_or(contents.len()).max(1)) {
                    let plain = Transmit { contents, segment_size: None, ..whole.clone() };
                    match self.try_send(&plain) {
                        Ok(Outcome::Gone) => {}
                        // The rest is lost, as a network might lose it.
                        Ok(outcome) => {
                            return Ok(if outcome == Outcome::Blocked { Outcome::Gone } else { outcome });
                        }
                        Err(e) if is_transient(&e) => {}
                        Err(e) => return Err(e),
                    }
                }
                Ok(Outcome::Gone)
            }
            Err(e) => Err(e),
        }
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<Outcome> {
        let (io, state) = (&self.io, &self.state);
        match io.try_io(Interest::WRITABLE, || (self.give)(state, UdpSockRef::from(io), transmit)) {
            Ok(()) => Ok(Outcome::Gone),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(Outcome::Blocked),
            Err(e) if e.raw_os_error() == Some(libc::EMSGSIZE) => Ok(Outcome::TooLarge),
            Err(e) => Err(e),
        }
    }
}

/// Whether answers can come from an address: a group's or everyone's is nobody's own.
fn is_ours(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_multicast(),
    }
}

/// Errors that say nothing about the socket: the next datagram may go.
fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::EIO
                | libc::EINVAL
                | libc::EPERM
                | libc::EACCES
                | libc::ENOBUFS
                | libc::ENOMEM
                | libc::EINTR
                | libc::ECONNREFUSED
                | libc::ECONNRESET
                | libc::ENETUNREACH
                | libc::EHOSTUNREACH
                | libc::ENETDOWN
                | libc::EHOSTDOWN
        )
    )
}
