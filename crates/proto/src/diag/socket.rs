//! A socket as a value: what every kind has in common, and what only some have.

use std::{
    fmt::{self, Write as _},
    net::{IpAddr, Ipv6Addr},
};

use serde::{Serialize, Serializer};

use super::{State, detail::Details};

/// A reply of the kernel (or a file that should hold one) that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// What kind of socket; the names are those of ss's Netid column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Netlink,
    PacketRaw,
    PacketDatagram,
    UnixStream,
    UnixDatagram,
    UnixSeqpacket,
    Raw,
    Icmp6,
    Udp,
    Tcp,
    Dccp,
    Sctp,
    VsockStream,
    VsockDatagram,
    Mptcp,
    /// A protocol over IP without a name of its own here.
    Other(u16),
}

impl Kind {
    /// The name in ss's Netid column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Netlink => "nl",
            Self::PacketRaw => "p_raw",
            Self::PacketDatagram => "p_dgr",
            Self::UnixStream => "u_str",
            Self::UnixDatagram => "u_dgr",
            Self::UnixSeqpacket => "u_seq",
            Self::Raw => "raw",
            Self::Icmp6 => "icmp6",
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Dccp => "dccp",
            Self::Sctp => "sctp",
            Self::VsockStream => "v_str",
            Self::VsockDatagram => "v_dgr",
            Self::Mptcp => "mptcp",
            Self::Other(_) => "???",
        }
    }

    /// The kind with this IP protocol number; 0 and 255 (IPPROTO_RAW) are raw sockets.
    pub fn from_protocol(protocol: u16) -> Self {
        match protocol {
            0 => Self::Raw,
            6 => Self::Tcp,
            17 => Self::Udp,
            33 => Self::Dccp,
            58 => Self::Icmp6,
            132 => Self::Sctp,
            262 => Self::Mptcp,
            other => Self::Other(other),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// One end of a socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// An address and a port (for raw sockets: the protocol number).
    Inet(IpAddr, u16),
    /// A path or abstract name, if it has one, and the inode by which ss tells unix sockets apart.
    Unix(Option<Box<[u8]>>, u32),
    /// The Ethernet protocol that a packet socket receives and the interface it is bound to (0: any).
    Packet(u16, u32),
    /// The netlink protocol (as a peer: the group) and the port, by habit a process id.
    Netlink(u32, i32),
    /// A virtual machine's context id and port; `u32::MAX` is any.
    Vsock(u32, u32),
    /// There is none.
    None,
}

impl Endpoint {
    /// What ss's filters call the port: also an inode, an interface or a netlink port.
    pub fn port(&self) -> i64 {
        match self {
            Self::Inet(_, port) => i64::from(*port),
            Self::Unix(_, inode) => i64::from(*inode),
            Self::Packet(_, interface) => i64::from(*interface),
            Self::Netlink(_, port) => i64::from(*port),
            Self::Vsock(_, port) => i64::from(*port),
            Self::None => -1,
        }
    }

    /// The IP address, where it has one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Inet(ip, _) => Some(*ip),
            _ => None,
        }
    }
}

impl fmt::Display for Endpoint {
    /// As in addresses elsewhere: `127.0.0.1:80`, `[::1]:80`, `/run/x.sock`, `@abstract`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(ip @ IpAddr::V4(_), port) => write!(f, "{ip}:{port}"),
            Self::Inet(IpAddr::V6(ip), port) => {
                f.write_char('[')?;
                write_ip(f, IpAddr::V6(*ip))?;
                write!(f, "]:{port}")
            }
            Self::Unix(Some(name), _) => f.write_str(&unix_name(name)),
            Self::Unix(None, _) | Self::None => f.write_char('*'),
            Self::Packet(protocol, interface) => write!(f, "{protocol}:{interface}"),
            Self::Netlink(protocol, port) => write!(f, "{protocol}:{port}"),
            Self::Vsock(cid, port) => write!(f, "{cid}:{port}"),
        }
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A unix name for people: the zero bytes of an abstract name as `@`.
pub(crate) fn unix_name(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    if name.first() == Some(&0) { text.replace('\0', "@") } else { text.into_owned() }
}

/// Writes an address as `inet_ntop(3)` does, which differs from Rust's text in addresses that begin with
/// 96 zero bits (`::10.0.0.1`).
pub fn write_ip(out: &mut impl fmt::Write, ip: IpAddr) -> fmt::Result {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            for (i, part) in [a, b, c, d].into_iter().enumerate() {
                if i > 0 {
                    out.write_char('.')?;
                }
                write_small(out, part)?;
            }
            Ok(())
        }
        IpAddr::V6(v6) if embeds_v4(v6) => {
            let [.., a, b, c, d] = v6.octets();
            write!(out, "::{a}.{b}.{c}.{d}")
        }
        IpAddr::V6(v6) => write!(out, "{v6}"),
    }
}

/// A byte in decimal; most of a table of sockets is these.
fn write_small(out: &mut impl fmt::Write, n: u8) -> fmt::Result {
    let digit = |n: u8| char::from(b'0' + n);
    if n >= 100 {
        out.write_char(digit(n / 100))?;
    }
    if n >= 10 {
        out.write_char(digit(n / 10 % 10))?;
    }
    out.write_char(digit(n % 10))
}

fn embeds_v4(v6: Ipv6Addr) -> bool {
    let segments = v6.segments();
    segments[..6] == [0; 6] && segments[6] != 0
}

/// Which timer of a TCP socket runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimerKind {
    /// Retransmission (also early retransmit and tail loss probe).
    On,
    /// Keepalive.
    Keepalive,
    /// The end of TIME-WAIT.
    Timewait,
    /// The zero window probe.
    Persist,
    /// One that this code does not know.
    Unknown,
}

impl TimerKind {
    /// The kind with the kernel's number; 0 is none.
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => return None,
            1 => Self::On,
            2 => Self::Keepalive,
            3 => Self::Timewait,
            4 => Self::Persist,
            _ => Self::Unknown,
        })
    }

    /// The name as ss prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Keepalive => "keepalive",
            Self::Timewait => "timewait",
            Self::Persist => "persist",
            Self::Unknown => "unknown",
        }
    }
}

/// The running timer of a TCP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Timer {
    /// Which timer.
    pub kind: TimerKind,
    /// Milliseconds until it expires; in JSON seconds.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub milliseconds: u32,
    /// Retransmissions or probes so far.
    pub retransmits: u8,
}

/// Which directions are shut down: bit 0 receiving, bit 1 sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutdown(pub u8);

impl Serialize for Shutdown {
    /// In words: `none`, `receive`, `send`, `both`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(["none", "receive", "send", "both"][usize::from(self.0 & 3)])
    }
}

impl Shutdown {
    /// As ss shows it: `<->` open, `-->` not receiving, `<--` not sending, `---` neither.
    pub fn arrow(self) -> &'static str {
        match self.0 & 3 {
            0 => "<->",
            1 => "-->",
            2 => "<--",
            _ => "---",
        }
    }
}

/// One socket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Socket {
    /// The kind, by ss's Netid.
    pub netid: Kind,
    /// The state.
    pub state: State,
    /// Bytes received and not yet read; for a listening socket: connections not yet accepted.
    pub recv_q: u32,
    /// Bytes sent and not yet acknowledged; for a listening socket: the limit of `recv_q`.
    pub send_q: u32,
    /// The local end.
    pub local: Endpoint,
    /// The other end.
    pub peer: Endpoint,
    /// The interface that the socket is bound to; 0: any.
    #[serde(skip_serializing_if = "is_zero")]
    pub interface: u32,
    /// The inode, by which `/proc/PID/fd` names the socket; 0 where no process holds it.
    pub inode: u32,
    /// The user who created it.
    pub uid: u32,
    /// The kernel's unique number for it.
    pub cookie: u64,
    /// The running timer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer: Option<Timer>,
    /// The firewall mark.
    #[serde(skip_serializing_if = "is_zero")]
    pub mark: u32,
    /// The control group's id; 0 unknown.
    #[serde(skip_serializing_if = "is_zero_wide")]
    pub cgroup: u64,
    /// Directions shut down, where the kernel says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown: Option<Shutdown>,
    /// Whether an IPv6 socket refuses IPv4, where the kernel says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v6only: Option<bool>,
    /// Bits of `struct inet_diag_sockopt` in its order, where the kernel says.
    #[serde(skip)]
    pub options: Option<u16>,
    /// What was asked for beyond the row: memory, tcp_info, options, and what only one family has.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Details>>,
}

fn seconds<S: Serializer>(milliseconds: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(f64::from(*milliseconds) / 1000.0)
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

fn is_zero_wide(n: &u64) -> bool {
    *n == 0
}

impl Socket {
    /// A socket of this kind with nothing known but its ends.
    pub fn new(netid: Kind, state: State, local: Endpoint, peer: Endpoint) -> Self {
        Self {
            netid,
            state,
            recv_q: 0,
            send_q: 0,
            local,
            peer,
            interface: 0,
            inode: 0,
            uid: 0,
            cookie: 0,
            timer: None,
            mark: 0,
            cgroup: 0,
            shutdown: None,
            v6only: None,
            options: None,
            details: None,
        }
    }

    /// The TCP measurements, where they were asked for.
    pub fn info(&self) -> Option<&super::TcpInfo> {
        self.details.as_ref()?.info.as_deref()
    }

    pub(super) fn details_mut(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }
}
