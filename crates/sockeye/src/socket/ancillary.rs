//! Ancillary data, cmsg(3): what travels beside the bytes of a message.
//!
//! ```text
//! ╭ cmsghdr ─────────────────────────────────╮
//! │ length (usize) │ level (i32) │ type (i32) │ data … │ padding to a multiple of usize │ next …
//! ╰──────────────────────────────────────────╯
//! ```
//! The length counts header and data, not the padding.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use libc::c_int;

use super::sys;

/// Ancillary data to send.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum SendAncillary<'a> {
    /// `SCM_RIGHTS`: the receiver gets its own descriptors of the same files; at most 253. Unix sockets only.
    Descriptors(&'a [BorrowedFd<'a>]),
    /// `SCM_CREDENTIALS`: who sends; others than one's own need privilege. Unix sockets only.
    Credentials(Credentials),
    /// Any other, as the kernel defines it: `IP_TTL`, `UDP_SEGMENT`, …
    Other {
        /// The level, as of `setsockopt`.
        level: i32,
        /// The type.
        kind: i32,
        /// The data.
        data: &'a [u8],
    },
}

/// Ancillary data received. Which of them the kernel sends is chosen by options, named with each.
#[derive(Debug)]
#[non_exhaustive]
pub enum Ancillary {
    /// `SCM_RIGHTS`: descriptors that the peer passed; closed when dropped.
    Descriptors(Vec<OwnedFd>),
    /// `SCM_CREDENTIALS`, asked for with `SO_PASSCRED`: who sent it, checked by the kernel.
    Credentials(Credentials),
    /// `SO_TIMESTAMP` (microseconds) or `SO_TIMESTAMPNS` (nanoseconds): when the kernel received it.
    Timestamp(SystemTime),
    /// `SO_TIMESTAMPING`: when the kernel and the network card saw it pass, where they say. What arrives just after
    /// the option was set may come without.
    Timestamping {
        /// The kernel's clock.
        software: Option<SystemTime>,
        /// The card's own clock, which need not agree with the kernel's.
        hardware: Option<SystemTime>,
    },
    /// `IP_RECVTTL`, `IPV6_RECVHOPLIMIT`: the hops that it had left.
    HopLimit(u8),
    /// `IP_RECVTOS`, `IPV6_RECVTCLASS`: DSCP and ECN.
    TrafficClass(u8),
    /// `IP_PKTINFO`, `IPV6_RECVPKTINFO`: where it arrived.
    PacketInfo {
        /// The index of the interface.
        interface: u32,
        /// The address that it was sent to.
        destination: IpAddr,
        /// The local address that it is for: another one where it was sent to a group or to everyone.
        local: IpAddr,
    },
    /// `IP_RECVERR`, `IPV6_RECVERR`, received with [`Flags::ERR_QUEUE`](super::Flags::ERR_QUEUE).
    Error(PacketError),
    /// Any other.
    Other {
        /// The level, as of `setsockopt`.
        level: i32,
        /// The type.
        kind: i32,
        /// The data.
        data: Vec<u8>,
    },
}

/// Who is at the other end of a Unix socket, `struct ucred`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Credentials {
    /// The process; 0 where it is outside of the receiver's pid namespace.
    pub pid: u32,
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// Why a packet that was sent failed, `struct sock_extended_err`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketError {
    /// The error number: `EHOSTUNREACH`, `EMSGSIZE`, …
    pub errno: i32,
    /// Who says so: `SO_EE_ORIGIN_LOCAL` (1), `_ICMP` (2), `_ICMP6` (3), `_TIMESTAMPING` (4), …
    pub origin: u8,
    /// The ICMP type.
    pub kind: u8,
    /// The ICMP code.
    pub code: u8,
    /// By origin; the MTU where the packet was too large.
    pub info: u32,
    /// By origin.
    pub data: u32,
    /// The node that reported it.
    pub offender: Option<IpAddr>,
}

impl Credentials {
    /// Those of this process (its effective user and group).
    pub fn own() -> Self {
        Self {
            pid: std::process::id(),
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        }
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = bytes.chunks_exact(4).map(word);
        Some(Self { pid: words.next()?, uid: words.next()?, gid: words.next()? })
    }
}

const ALIGN: usize = size_of::<usize>();
const HEADER: usize = size_of::<libc::cmsghdr>();

/// Lays out a control buffer.
pub(super) fn encode(messages: &[SendAncillary<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        match message {
            SendAncillary::Descriptors(fds) => {
                let numbers = fds.iter().flat_map(|fd| fd.as_raw_fd().to_ne_bytes()).collect::<Vec<_>>();
                encode_one(&mut out, libc::SOL_SOCKET, libc::SCM_RIGHTS, &numbers);
            }
            SendAncillary::Credentials(who) => {
                let words = [who.pid, who.uid, who.gid].map(u32::to_ne_bytes).concat();
                encode_one(&mut out, libc::SOL_SOCKET, libc::SCM_CREDENTIALS, &words);
            }
            SendAncillary::Other { level, kind, data } => encode_one(&mut out, *level, *kind, data),
        }
    }
    out
}

fn encode_one(out: &mut Vec<u8>, level: c_int, kind: c_int, data: &[u8]) {
    out.extend((HEADER + data.len()).to_ne_bytes());
    out.extend(level.to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(data);
    out.resize(out.len().next_multiple_of(ALIGN), 0);
}

/// Reads a control buffer, as far as the kernel filled it.
pub(super) fn decode(mut control: &[u8]) -> Vec<Ancillary> {
    let mut messages = Vec::new();
    while let Some((header, rest)) = control.split_at_checked(HEADER) {
        let (len, kinds) = header.split_at(ALIGN);
        let len = usize::from_ne_bytes(len.try_into().expect("split at the size of usize"));
        let (level, kind) = (word(&kinds[..4]) as c_int, word(&kinds[4..8]) as c_int);
        let Some(data) = len.checked_sub(HEADER).and_then(|n| rest.get(..n.min(rest.len()))) else { break };
        messages.push(decode_one(level, kind, data));
        control = control.get(len.next_multiple_of(ALIGN)..).unwrap_or_default();
    }
    messages
}

fn decode_one(level: c_int, kind: c_int, data: &[u8]) -> Ancillary {
    let known = match (level, kind) {
        (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
            let numbers = data.chunks_exact(4).map(|n| word(n) as c_int).collect::<Vec<_>>();
            Some(Ancillary::Descriptors(sys::received_descriptors(&numbers)))
        }
        (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => {
            Credentials::from_bytes(data).map(Ancillary::Credentials)
        }
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMP) => time(data, 1000).map(Ancillary::Timestamp),
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => time(data, 1).map(Ancillary::Timestamp),
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) => Some(Ancillary::Timestamping {
            software: time(data, 1),
            hardware: data.get(4 * ALIGN..).and_then(|third| time(third, 1)),
        }),
        (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
            small(data).map(Ancillary::HopLimit)
        }
        (libc::IPPROTO_IP, libc::IP_TOS) | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
            small(data).map(Ancillary::TrafficClass)
        }
        // struct in_pktinfo: index, local address, destination.
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => data.get(..12).map(|d| Ancillary::PacketInfo {
            interface: word(d),
            destination: IpAddr::V4(Ipv4Addr::from(bytes(&d[8..]))),
            local: IpAddr::V4(Ipv4Addr::from(bytes(&d[4..]))),
        }),
        // struct in6_pktinfo: destination, index.
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => data.get(..20).map(|d| Ancillary::PacketInfo {
            interface: word(&d[16..]),
            destination: IpAddr::V6(Ipv6Addr::from(bytes(d))),
            local: IpAddr::V6(Ipv6Addr::from(bytes(d))),
        }),
        (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {
            packet_error(data).map(Ancillary::Error)
        }
        _ => None,
    };
    known.unwrap_or_else(|| Ancillary::Other { level, kind, data: data.to_owned() })
}

/// The first `N` bytes of a slice that is known to have them.
fn bytes<const N: usize>(data: &[u8]) -> [u8; N] {
    data[..N].try_into().expect("the slice has the array's length")
}

fn word(data: &[u8]) -> u32 {
    u32::from_ne_bytes(bytes(data))
}

/// A number below 256, which the kernel sends as one byte (`IP_TOS`) or as an int.
fn small(data: &[u8]) -> Option<u8> {
    match data.len() {
        1 => Some(data[0]),
        4.. => u8::try_from(word(data)).ok(),
        _ => None,
    }
}

/// A `timeval` or `timespec`; one that is zero was not taken.
fn time(data: &[u8], nanos_per_unit: u32) -> Option<SystemTime> {
    let number = |at: usize| data.get(at..at + ALIGN).map(|n| isize::from_ne_bytes(bytes(n)));
    let seconds = u64::try_from(number(0)?).ok()?;
    let units = u32::try_from(number(ALIGN)?).ok()?;
    let since = Duration::new(seconds, units.checked_mul(nanos_per_unit)?);
    if since == Duration::ZERO { None } else { UNIX_EPOCH.checked_add(since) }
}

fn packet_error(data: &[u8]) -> Option<PacketError> {
    let (error, offender) = data.split_at_checked(16)?;
    Some(PacketError {
        errno: word(error) as c_int,
        origin: error[4],
        kind: error[5],
        code: error[6],
        info: word(&error[8..]),
        data: word(&error[12..]),
        offender: sockaddr_ip(offender),
    })
}

/// The IP address in a `sockaddr_in` or `sockaddr_in6`.
fn sockaddr_ip(data: &[u8]) -> Option<IpAddr> {
    match c_int::from(u16::from_ne_bytes(bytes(data.get(..2)?))) {
        libc::AF_INET => Some(IpAddr::V4(Ipv4Addr::from(bytes(data.get(4..8)?)))),
        libc::AF_INET6 => Some(IpAddr::V6(Ipv6Addr::from(bytes(data.get(8..24)?)))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn other(level: i32, kind: i32, data: &[u8]) -> SendAncillary<'_> {
        SendAncillary::Other { level, kind, data }
    }

    #[test]
    fn the_layout_is_the_kernels() {
        let bytes = encode(&[other(1, 2, b"abcde"), other(3, 4, b"")]);
        let mut wanted = Vec::new();
        wanted.extend((HEADER + 5).to_ne_bytes()); // cmsg_len: without the padding
        wanted.extend(1_i32.to_ne_bytes()); // cmsg_level
        wanted.extend(2_i32.to_ne_bytes()); // cmsg_type
        wanted.extend(b"abcde\0\0\0"); // data, to a multiple of 8
        wanted.extend(HEADER.to_ne_bytes());
        wanted.extend(3_i32.to_ne_bytes());
        wanted.extend(4_i32.to_ne_bytes());
        assert_eq!(bytes, wanted);
    }

    proptest! {
        // No level below is SOL_SOCKET, whose messages may hold descriptors to own.
        #[test]
        fn what_was_laid_out_is_read_back(data in proptest::collection::vec(
            (300..400_i32, 0..9_i32, proptest::collection::vec(any::<u8>(), 0..30)), 0..5)) {
            let sent: Vec<_> = data.iter().map(|(level, kind, data)| other(*level, *kind, data)).collect();
            let read = decode(&encode(&sent)).into_iter().map(|m| match m {
                Ancillary::Other { level, kind, data } => (level, kind, data),
                m => panic!("{m:?}"),
            });
            prop_assert_eq!(read.collect::<Vec<_>>(), data);
        }

        #[test]
        fn no_length_and_no_data_makes_it_panic(
            len: usize, short in 0..64_usize, level in prop_oneof![Just(libc::IPPROTO_IP), Just(libc::IPPROTO_IPV6)],
            kind in 0..80_i32, data in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            for len in [len, short] {
                let header = [&len.to_ne_bytes()[..], &level.to_ne_bytes(), &kind.to_ne_bytes()].concat();
                decode(&[&header[..], &data].concat());
            }
        }
    }
}
