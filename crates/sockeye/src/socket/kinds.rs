//! The words that name a kind of socket: family, type, protocol, and the flags of a message.

use std::{fmt, ops::BitOr};

use libc::c_int;

/// The family of a socket: `AF_INET`, `AF_INET6`, `AF_UNIX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// `AF_INET`: IPv4, ip(7).
    Inet,
    /// `AF_INET6`: IPv6, and IPv4 too unless `IPV6_V6ONLY` is set, ipv6(7).
    Inet6,
    /// `AF_UNIX`: sockets of this machine, unix(7).
    Unix,
}

/// The type of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// `SOCK_STREAM`: bytes in order, with a connection.
    Stream,
    /// `SOCK_DGRAM`: messages with a length limit, without a connection.
    Datagram,
    /// `SOCK_SEQPACKET`: messages in order, with a connection; Unix sockets have it.
    SeqPacket,
    /// `SOCK_RAW`: packets with their protocol's header; needs `CAP_NET_RAW`, raw(7).
    Raw,
}

/// The protocol of a socket, an IP protocol number (IANA); [`Protocol::DEFAULT`] is the type's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Protocol(pub c_int);

impl Protocol {
    /// 0: TCP for IP streams, UDP for IP datagrams, and the only one there is for Unix sockets.
    pub const DEFAULT: Self = Self(0);
    /// `IPPROTO_ICMP`; with [`Type::Datagram`] echo requests without privilege, icmp(7).
    pub const ICMP: Self = Self(libc::IPPROTO_ICMP);
    /// `IPPROTO_TCP`.
    pub const TCP: Self = Self(libc::IPPROTO_TCP);
    /// `IPPROTO_UDP`.
    pub const UDP: Self = Self(libc::IPPROTO_UDP);
    /// `IPPROTO_ICMPV6`.
    pub const ICMPV6: Self = Self(libc::IPPROTO_ICMPV6);
    /// `IPPROTO_RAW`: the sender writes the IP header itself, and receives nothing.
    pub const RAW: Self = Self(libc::IPPROTO_RAW);
    /// `IPPROTO_MPTCP`: TCP over several paths, where the kernel has it.
    pub const MPTCP: Self = Self(262);
}

impl Family {
    pub(crate) fn number(self) -> c_int {
        match self {
            Self::Inet => libc::AF_INET,
            Self::Inet6 => libc::AF_INET6,
            Self::Unix => libc::AF_UNIX,
        }
    }

    pub(crate) fn from_number(number: c_int) -> Option<Self> {
        [Self::Inet, Self::Inet6, Self::Unix].into_iter().find(|f| f.number() == number)
    }
}

impl Type {
    pub(crate) fn number(self) -> c_int {
        match self {
            Self::Stream => libc::SOCK_STREAM,
            Self::Datagram => libc::SOCK_DGRAM,
            Self::SeqPacket => libc::SOCK_SEQPACKET,
            Self::Raw => libc::SOCK_RAW,
        }
    }

    pub(crate) fn from_number(number: c_int) -> Option<Self> {
        [Self::Stream, Self::Datagram, Self::SeqPacket, Self::Raw].into_iter().find(|t| t.number() == number)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Inet => "IPv4",
            Self::Inet6 => "IPv6",
            Self::Unix => "Unix",
        })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stream => "stream",
            Self::Datagram => "datagram",
            Self::SeqPacket => "seqpacket",
            Self::Raw => "raw",
        })
    }
}

/// Which directions [`shutdown`](super::Socket::shutdown) ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shutdown {
    /// `SHUT_RD`: nothing more is received.
    Read,
    /// `SHUT_WR`: nothing more is sent; the peer reads to the end and may still send.
    Write,
    /// `SHUT_RDWR`.
    Both,
}

/// Flags of a message, asked for or reported: send(2), recv(2). Joined by `|`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(pub(super) c_int);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $value:expr;)*) => {
        impl Flags {
            $($(#[$doc])* pub const $name: Self = Self($value);)*
            const NAMES: &[(&str, c_int)] = &[$((stringify!($name), $value),)*];
        }
    };
}

flags! {
    /// `MSG_PEEK`: what is received stays in the queue.
    PEEK = libc::MSG_PEEK;
    /// `MSG_WAITALL`: waits for the whole buffer. A signal, an error or a timeout still cut it short, which
    /// [`recv_exact`](super::Socket::recv_exact) does not let happen.
    WAIT_ALL = libc::MSG_WAITALL;
    /// `MSG_DONTWAIT`: this call fails with `EAGAIN` rather than wait.
    DONT_WAIT = libc::MSG_DONTWAIT;
    /// `MSG_TRUNC`: asked for, the count is the datagram's whole length, also beyond the buffer; reported, the
    /// datagram was longer than the buffer and its rest is lost.
    TRUNC = libc::MSG_TRUNC;
    /// `MSG_CTRUNC`: reported, ancillary data was lost for want of room.
    CTRUNC = libc::MSG_CTRUNC;
    /// `MSG_OOB`: TCP's urgent byte, or a Unix stream's.
    OOB = libc::MSG_OOB;
    /// `MSG_ERRQUEUE`: receives from the error queue (`IP_RECVERR`, transmit timestamps).
    ERR_QUEUE = libc::MSG_ERRQUEUE;
    /// `MSG_EOR`: ends a record of a seqpacket socket.
    EOR = libc::MSG_EOR;
    /// `MSG_MORE`: more follows; TCP and UDP hold the data back to send it together.
    MORE = libc::MSG_MORE;
    /// `MSG_CONFIRM`: the peer answered, so the link layer need not probe it.
    CONFIRM = libc::MSG_CONFIRM;
    /// `MSG_DONTROUTE`: only to directly connected networks.
    DONT_ROUTE = libc::MSG_DONTROUTE;
    /// `MSG_NOSIGNAL`: no SIGPIPE; always added when sending.
    NO_SIGNAL = libc::MSG_NOSIGNAL;
    /// `MSG_CMSG_CLOEXEC`: received descriptors are close-on-exec; always added when receiving.
    CMSG_CLOEXEC = libc::MSG_CMSG_CLOEXEC;
}

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);

    /// From the number that C has for them.
    pub fn from_bits(bits: c_int) -> Self {
        Self(bits)
    }

    /// The number that C has for them.
    pub fn bits(self) -> c_int {
        self.0
    }

    /// Whether every flag of `other` is among these.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Self::NAMES.iter().filter(|(_, bit)| self.0 & bit != 0).map(|(name, _)| *name);
        f.write_str("Flags(")?;
        f.write_str(&names.collect::<Vec<_>>().join(" | "))?;
        f.write_str(")")
    }
}
