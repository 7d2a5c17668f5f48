//! Requests for dumps and for the end of a socket, as bytes.
//!
//! ```text
//! inet_diag_req_v2:  family u8 │ protocol u8 │ extensions u8 │ pad u8 │ states u32 │ inet_diag_sockid (48)
//! inet_diag_req:     family u8 │ prefixes u8, u8 │ extensions u8 │ inet_diag_sockid (48) │ states u32 │ unused u32
//! unix_diag_req:     family u8 │ protocol u8 │ pad u16 │ states u32 │ inode u32 │ show u32 │ cookie u64
//! packet_diag_req:   family u8 │ protocol u8 │ pad u16 │ inode u32 │ show u32 │ cookie u64
//! netlink_diag_req:  family u8 │ protocol u8 │ pad u16 │ inode u32 │ show u32 │ cookie u64
//! vsock_diag_req:    family u8 │ protocol u8 │ pad u16 │ states u32 │ inode u32 │ show u32 │ cookie u64
//! ```

use super::{
    States,
    inet::{AF_INET, AF_INET6, attr},
    wire::{
        NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, SOCK_DESTROY, SOCK_DIAG_BY_FAMILY, TCPDIAG_GETSOCK, attribute,
        finish, start,
    },
};

/// IPPROTO_TCP and its neighbours, by the numbers of `linux/in.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
#[expect(missing_docs, reason = "the protocols' names")]
pub enum Protocol {
    Tcp = 6,
    Udp = 17,
    Dccp = 33,
    Sctp = 132,
    Raw = 255,
    Mptcp = 262,
}

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the families' names")]
pub enum IpFamily {
    V4,
    V6,
}

impl IpFamily {
    fn number(self) -> u8 {
        match self {
            Self::V4 => AF_INET,
            Self::V6 => AF_INET6,
        }
    }
}

/// What is wanted beyond the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Want {
    /// Memory and buffers.
    pub memory: bool,
    /// tcp_info, the congestion control and what it tells.
    pub info: bool,
    /// Type of service and traffic class.
    pub tos: bool,
    /// Unix: the file and the connections that wait.
    pub files: bool,
}

/// A whole dump request: which sockets, and what of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Dump {
    /// Inet sockets of one protocol and family, filtered by `bytecode` where it is not empty.
    Inet {
        /// The protocol.
        protocol: Protocol,
        /// The family; asked for one after the other.
        family: IpFamily,
        /// The filter, compiled.
        bytecode: Vec<u8>,
    },
    /// TCP sockets of both families, mixed as they stand in the kernel's table, which is walked once: the request
    /// of before Linux 3.3, in which the family says nothing.
    Tcp {
        /// The filter, compiled.
        bytecode: Vec<u8>,
    },
    /// Unix sockets.
    Unix,
    /// Packet sockets.
    Packet,
    /// Netlink sockets of every protocol.
    Netlink,
    /// Sockets between virtual machines.
    Vsock,
}

const AF_UNIX: u8 = 1;
const AF_NETLINK: u8 = 16;
const AF_PACKET: u8 = 17;
const AF_VSOCK: u8 = 40;
const REQ_BYTECODE: u16 = 1;
const REQ_PROTOCOL: u16 = 3;

impl Dump {
    /// Appends the request to `out`.
    pub fn emit(&self, states: States, want: Want, sequence: u32, out: &mut Vec<u8>) {
        let kind = if matches!(self, Self::Tcp { .. }) { TCPDIAG_GETSOCK } else { SOCK_DIAG_BY_FAMILY };
        let at = start(out, kind, NLM_F_REQUEST | NLM_F_DUMP, sequence);
        match self {
            Self::Tcp { bytecode } => {
                out.extend([AF_INET, 0, 0, extensions(want)]);
                out.extend([0; 48]);
                out.extend(states.mask().to_ne_bytes());
                out.extend([0; 4]);
                if !bytecode.is_empty() {
                    attribute(out, REQ_BYTECODE, bytecode);
                }
            }
            Self::Inet { protocol, family, bytecode } => {
                inet(out, *protocol, *family, states, want, &[0; 48]);
                if !bytecode.is_empty() {
                    attribute(out, REQ_BYTECODE, bytecode);
                }
                wide_protocol(out, *protocol);
            }
            Self::Unix => {
                let mut show = 1 | 4 | 16 | 64; // name, peer, queues, uid
                if want.memory {
                    show |= 32;
                }
                if want.files {
                    show |= 2 | 8; // file, waiting connections
                }
                plain(out, [AF_UNIX, 0], &[states.mask(), 0, show]);
            }
            // info, rings, fanout, memory and filter
            Self::Packet => plain(out, [AF_PACKET, 0], &[0, 0x3d]),
            // memory and groups of every protocol
            Self::Netlink => plain(out, [AF_NETLINK, 0xff], &[0, 1 | 2]),
            Self::Vsock => plain(out, [AF_VSOCK, 0], &[states.mask(), 0, 0]),
        }
        finish(out, at);
    }
}

/// Appends a request to abort the inet socket with this identity (see [`super::identity`]). `raw_protocol`
/// is that of a raw socket.
pub fn destroy(
    family: u8,
    protocol: Protocol,
    raw_protocol: Option<u8>,
    identity: &[u8; 48],
    sequence: u32,
    out: &mut Vec<u8>,
) {
    let at = start(out, SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK, sequence);
    // As inet_diag_req_raw the pad byte is the raw socket's protocol.
    out.extend([family, protocol as u16 as u8, 0, raw_protocol.unwrap_or(0)]);
    out.extend(0u32.to_ne_bytes());
    out.extend(identity);
    wide_protocol(out, protocol);
    finish(out, at);
}

/// Appends a request about the one inet socket with this identity (see [`super::identity`]).
pub fn one(
    family: u8,
    protocol: Protocol,
    identity: &[u8; 48],
    want: Want,
    sequence: u32,
    out: &mut Vec<u8>,
) {
    let at = start(out, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, sequence);
    let family = if family == AF_INET { IpFamily::V4 } else { IpFamily::V6 };
    inet(out, protocol, family, States::ALL, want, identity);
    wide_protocol(out, protocol);
    finish(out, at);
}

fn inet(
    out: &mut Vec<u8>,
    protocol: Protocol,
    family: IpFamily,
    states: States,
    want: Want,
    identity: &[u8; 48],
) {
    out.extend([family.number(), protocol as u16 as u8, extensions(want), 0]);
    out.extend(states.mask().to_ne_bytes());
    out.extend(identity);
}

/// A bit for each attribute that is wanted.
fn extensions(want: Want) -> u8 {
    let bit = |attribute: u16| 1u8 << (attribute - 1);
    let mut extensions = 0;
    if want.memory {
        extensions |= bit(attr::MEMINFO) | bit(attr::SKMEMINFO);
    }
    if want.info {
        extensions |= bit(attr::INFO) | bit(attr::VEGASINFO) | bit(attr::CONG);
    }
    if want.tos {
        extensions |= bit(attr::TOS) | bit(attr::TCLASS);
    }
    extensions
}

/// A protocol that does not fit the request's byte goes into an attribute.
fn wide_protocol(out: &mut Vec<u8>, protocol: Protocol) {
    let number = protocol as u16;
    if number > 255 {
        attribute(out, REQ_PROTOCOL, &u32::from(number).to_ne_bytes());
    }
}

/// Family, protocol, a pad, these numbers and a cookie that is not used.
fn plain(out: &mut Vec<u8>, head: [u8; 2], numbers: &[u32]) {
    out.extend(head);
    out.extend([0; 2]);
    for number in numbers {
        out.extend(number.to_ne_bytes());
    }
    out.extend([0xff; 8]);
}
