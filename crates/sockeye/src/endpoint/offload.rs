//! Many UDP datagrams in one system call: recvmmsg(2), and the kernel's segmentation (GSO) and its reverse (GRO).

use std::{
    cell::RefCell,
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};

use super::{Handle, datagram::LARGEST, message::Run};
use crate::socket::options;

/// What the kernel can do for one UDP socket.
#[derive(Debug)]
pub(crate) struct Offload(UdpSocketState);

/// Where datagrams go: to whom, and from which of our addresses where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) to: SocketAddr,
    pub(crate) from: Option<IpAddr>,
}

thread_local! {
    /// Room for one receive; the kernel may merge datagrams up to the largest in each place.
    static ROOM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Offload {
    /// Finds out, and turns it on.
    ///
    /// # Errors
    /// When the socket is no UDP socket, or the kernel refuses what is needed.
    pub(crate) fn new(handle: &Handle) -> io::Result<Self> {
        // Larger datagrams than the path takes are fragmented as for any program, or as the user said: setting
        // up for QUIC turns that off.
        let discover = ["IP_MTU_DISCOVER", "IPV6_MTU_DISCOVER"].map(|name| {
            let option = options::find(name)?;
            Some((option, options::get(handle, option).ok()?))
        });
        let state = UdpSocketState::new(UdpSockRef::from(handle))?;
        for (option, value) in discover.into_iter().flatten() {
            options::set(handle, option, &value)?;
        }
        Ok(Self(state))
    }

    /// One non-blocking receive: calls `each` with every datagram that it brought, and where an answer goes.
    pub(crate) fn recv(&self, handle: &Handle, mut each: impl FnMut(Route, &[u8])) -> io::Result<()> {
        ROOM.with_borrow_mut(|room| {
            room.resize(BATCH_SIZE * LARGEST, 0);
            let mut meta = [RecvMeta::default(); BATCH_SIZE];
            let mut places = room.chunks_mut(LARGEST);
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| IoSliceMut::new(places.next().unwrap_or_default()));
            let received = self.0.recv(UdpSockRef::from(handle), &mut slices, &mut meta)?;
            for (meta, slice) in meta[..received].iter().zip(&slices) {
                let route = Route { to: meta.addr, from: meta.dst_ip };
                match meta.len {
                    0 => each(route, &[]),
                    length => slice[..length].chunks(meta.stride.max(1)).for_each(|one| each(route, one)),
                }
            }
            Ok(())
        })
    }

    /// How many datagrams one send takes at most.
    pub(crate) fn at_once(&self) -> usize {
        self.0.max_gso_segments()
    }

    /// One non-blocking send of a run of datagrams.
    pub(crate) fn send(&self, handle: &Handle, route: Route, run: Run<'_>) -> io::Result<()> {
        let one = |contents, segment_size| {
            let transmit =
                Transmit { destination: route.to, ecn: None, contents, segment_size, src_ip: route.from };
            self.0.try_send(UdpSockRef::from(handle), &transmit)
        };
        if run.count == 1 {
            return one(run.bytes, None);
        }
        match one(run.bytes, Some(run.segment)) {
            // A device that cannot segment says so only now (EIO, EINVAL): one by one then, as UDP may lose the
            // rest when the queue fills in the middle.
            Err(e) if matches!(e.raw_os_error(), Some(libc::EIO | libc::EINVAL)) => {
                run.bytes.chunks(run.segment).try_for_each(|message| one(message, None))
            }
            result => result,
        }
    }
}
