//! Several datagrams per system call (`recvmmsg(2)`, `sendmmsg(2)`) with what the kernel says about each:
//! its time of arrival, its time to live, the error that it caused (`ip(7)`, IP_RECVERR).
#![allow(unsafe_code, reason = "recvmmsg and sendmmsg have no safe wrapper")]

use std::{
    io,
    mem::{MaybeUninit, size_of},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::{AsRawFd, BorrowedFd},
    time::Duration,
};

use socket2::SockAddr;

/// As many datagrams as one call moves.
pub(crate) const MOST: usize = 64;

const CONTROL: usize = 256;

/// Control messages start on the boundary of a word.
#[derive(Debug, Clone)]
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

/// Room for datagrams to arrive in.
pub(crate) struct Slots {
    size: usize,
    bytes: Vec<u8>,
    control: Vec<Control>,
    names: Vec<libc::sockaddr_storage>,
    arrived: Vec<Arrived>,
}

impl std::fmt::Debug for Slots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slots").field("size", &self.size).field("arrived", &self.arrived.len()).finish()
    }
}

#[derive(Debug, Clone, Copy)]
struct Arrived {
    length: usize,
    control: usize,
    name: usize,
}

/// One datagram that arrived.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    /// Its bytes, cut where the slot ended.
    pub(crate) bytes: &'a [u8],
    /// Who sent it; of a queued error, to whom the datagram had been sent.
    pub(crate) peer: Option<SocketAddr>,
    /// When the kernel saw it, since 1970.
    pub(crate) wall: Option<Duration>,
    /// Its remaining time to live, where that was asked for.
    pub(crate) ttl: Option<u8>,
    /// What went wrong, of a queued error.
    pub(crate) error: Option<QueuedError>,
}

/// An entry of the error queue (`struct sock_extended_err`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueuedError {
    pub(crate) errno: i32,
    pub(crate) origin: u8,
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) info: u32,
    pub(crate) data: u32,
    /// The router that reported it.
    pub(crate) offender: Option<SocketAddr>,
}

impl Slots {
    /// Room for `count` datagrams (at most [`MOST`]) of `size` bytes.
    pub(crate) fn new(count: usize, size: usize) -> Self {
        let count = count.clamp(1, MOST);
        // SAFETY: all-zero bytes are a valid sockaddr_storage, which has integers only.
        let name: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        Self {
            size,
            bytes: vec![0; count * size],
            control: vec![Control([0; CONTROL]); count],
            names: vec![name; count],
            arrived: Vec::with_capacity(count),
        }
    }

    /// Takes what has arrived at `socket`, without waiting; gives how many. With `MSG_ERRQUEUE` in `flags`
    /// from its error queue.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>, flags: libc::c_int) -> io::Result<usize> {
        let count = self.control.len();
        self.arrived.clear();
        let mut parts = [const { MaybeUninit::<libc::iovec>::uninit() }; MOST];
        let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; MOST];
        for (i, bytes) in self.bytes.chunks_exact_mut(self.size).enumerate().take(count) {
            let part =
                parts[i].write(libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: self.size });
            headers[i].write(libc::mmsghdr {
                msg_hdr: libc::msghdr {
                    msg_name: (&raw mut self.names[i]).cast(),
                    msg_namelen: size_of::<libc::sockaddr_storage>() as u32,
                    msg_iov: part,
                    msg_iovlen: 1,
                    msg_control: self.control[i].0.as_mut_ptr().cast(),
                    msg_controllen: CONTROL as _,
                    msg_flags: 0,
                },
                msg_len: 0,
            });
        }
        let flags = flags | libc::MSG_DONTWAIT;
        // SAFETY: the first `count` headers were just written; each points to its own name, buffer and
        // control area in `self`, with their true sizes, and all of them outlive the call.
        let got = unsafe {
            let first: *mut libc::mmsghdr = headers.as_mut_ptr().cast();
            if count == 1 {
                // A flood's case, where the plain call is measurably cheaper.
                let length = libc::recvmsg(socket.as_raw_fd(), &raw mut (*first).msg_hdr, flags);
                (*first).msg_len = u32::try_from(length).unwrap_or(0);
                if length < 0 { -1 } else { 1 }
            } else {
                libc::recvmmsg(socket.as_raw_fd(), first, count as _, flags, std::ptr::null_mut())
            }
        };
        let got = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
        for header in &headers[..got.min(count)] {
            // SAFETY: `got` is at most `count`, and that many headers are initialised.
            let header = unsafe { header.assume_init_ref() };
            self.arrived.push(Arrived {
                length: (header.msg_len as usize).min(self.size),
                control: header.msg_hdr.msg_controllen.min(CONTROL),
                name: header.msg_hdr.msg_namelen as usize,
            });
        }
        Ok(self.arrived.len())
    }

    /// What arrived in the last call.
    pub(crate) fn received(&self) -> impl Iterator<Item = Received<'_>> {
        self.arrived.iter().enumerate().map(|(i, arrived)| {
            let mut received = Received {
                bytes: &self.bytes[i * self.size..][..arrived.length],
                peer: socket_address(name_bytes(&self.names[i], arrived.name)),
                wall: None,
                ttl: None,
                error: None,
            };
            read_control(&self.control[i].0[..arrived.control], &mut received);
            received
        })
    }
}

fn name_bytes(name: &libc::sockaddr_storage, length: usize) -> &[u8] {
    let length = length.min(size_of::<libc::sockaddr_storage>());
    // SAFETY: a sockaddr_storage is plain bytes, zeroed at first, so all of them are initialised.
    unsafe { std::slice::from_raw_parts((&raw const *name).cast(), length) }
}

/// A `struct sockaddr_in` or `sockaddr_in6`, from its bytes.
fn socket_address(bytes: &[u8]) -> Option<SocketAddr> {
    let word = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    let family = i32::from(u16::from_ne_bytes(*bytes.first_chunk()?));
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    match family {
        libc::AF_INET => {
            let octets: [u8; 4] = *bytes.get(4..)?.first_chunk()?;
            Some(SocketAddrV4::new(Ipv4Addr::from(octets), port).into())
        }
        libc::AF_INET6 => {
            let octets: [u8; 16] = *bytes.get(8..)?.first_chunk()?;
            Some(SocketAddrV6::new(Ipv6Addr::from(octets), port, 0, word(24)?).into())
        }
        _ => None,
    }
}

/// Reads `struct cmsghdr`s: a word of length, two ints of level and type, the data padded to a word.
fn read_control(mut bytes: &[u8], received: &mut Received<'_>) {
    const HEADER: usize = 16;
    while let (Some(length), Some(level), Some(kind)) =
        (bytes.first_chunk::<8>(), bytes.get(8..12), bytes.get(12..HEADER))
    {
        let length = usize::from_ne_bytes(*length);
        let Some(data) = bytes.get(HEADER..length) else { return };
        let int = |b: &[u8]| b.first_chunk().map(|b| i32::from_ne_bytes(*b));
        match (int(level), int(kind)) {
            (Some(libc::SOL_SOCKET), Some(libc::SCM_TIMESTAMPING | libc::SO_TIMESTAMPNS)) => {
                received.wall = timespec(data)
            }
            (Some(libc::IPPROTO_IP), Some(libc::IP_TTL))
            | (Some(libc::IPPROTO_IPV6), Some(libc::IPV6_HOPLIMIT)) => {
                received.ttl = int(data).and_then(|ttl| u8::try_from(ttl).ok());
            }
            (Some(libc::IPPROTO_IP), Some(libc::IP_RECVERR))
            | (Some(libc::IPPROTO_IPV6), Some(libc::IPV6_RECVERR)) => received.error = queued_error(data),
            _ => {}
        }
        bytes = bytes.get(length.next_multiple_of(8)..).unwrap_or_default();
    }
}

fn timespec(data: &[u8]) -> Option<Duration> {
    let seconds = i64::from_ne_bytes(*data.first_chunk()?);
    let nanos = i64::from_ne_bytes(*data.get(8..)?.first_chunk()?);
    let stamp = Duration::new(
        u64::try_from(seconds).ok()?,
        u32::try_from(nanos).ok().filter(|n| *n < 1_000_000_000)?,
    );
    (!stamp.is_zero()).then_some(stamp)
}

fn queued_error(data: &[u8]) -> Option<QueuedError> {
    let &[e0, e1, e2, e3, origin, kind, code, _, i0, i1, i2, i3, d0, d1, d2, d3, ref offender @ ..] = data
    else {
        return None;
    };
    Some(QueuedError {
        errno: i32::from_ne_bytes([e0, e1, e2, e3]),
        origin,
        kind,
        code,
        info: u32::from_ne_bytes([i0, i1, i2, i3]),
        data: u32::from_ne_bytes([d0, d1, d2, d3]),
        offender: socket_address(offender),
    })
}

/// Datagrams of one size that leave together.
#[derive(Debug)]
pub(crate) struct Outgoing {
    size: usize,
    bytes: Vec<u8>,
    to: Vec<SockAddr>,
}

impl Outgoing {
    /// Room for [`MOST`] datagrams of `size` bytes.
    pub(crate) fn new(size: usize) -> Self {
        Self { size, bytes: Vec::with_capacity(size * MOST), to: Vec::with_capacity(MOST) }
    }

    /// How many wait to leave.
    pub(crate) fn len(&self) -> usize {
        self.to.len()
    }

    /// Adds a datagram, zeros until it is written; `None` where there is no room.
    pub(crate) fn push(&mut self, to: IpAddr) -> Option<&mut [u8]> {
        if self.to.len() == MOST {
            return None;
        }
        self.to.push(SocketAddr::new(to, 0).into());
        let at = self.bytes.len();
        self.bytes.resize(at + self.size, 0);
        Some(&mut self.bytes[at..])
    }

    /// Sends from the `from`th on, without waiting; gives how many left before the first that could not.
    pub(crate) fn send(&mut self, socket: BorrowedFd<'_>, from: usize) -> io::Result<usize> {
        let mut parts = [const { MaybeUninit::<libc::iovec>::uninit() }; MOST];
        let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; MOST];
        let mut count = 0;
        for (to, bytes) in self.to.iter().zip(self.bytes.chunks_exact_mut(self.size)).skip(from) {
            let part =
                parts[count].write(libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() });
            headers[count].write(libc::mmsghdr {
                msg_hdr: libc::msghdr {
                    msg_name: to.as_ptr().cast_mut().cast(),
                    msg_namelen: to.len(),
                    msg_iov: part,
                    msg_iovlen: 1,
                    msg_control: std::ptr::null_mut(),
                    msg_controllen: 0,
                    msg_flags: 0,
                },
                msg_len: 0,
            });
            count += 1;
        }
        // SAFETY: the first `count` headers were just written; each points to an address and to bytes in
        // `self`, which outlive the call and are only read.
        let sent = unsafe {
            libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr().cast(), count as _, libc::MSG_DONTWAIT)
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.to.clear();
        self.bytes.clear();
    }
}
