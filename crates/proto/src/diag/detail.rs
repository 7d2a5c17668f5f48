//! What a socket has beyond its row in the table, where it was asked for.

use std::net::IpAddr;

use serde::Serialize;

use super::{
    TcpInfo,
    wire::{attributes, u16_at, u32_at, u64_at},
};

/// Everything beyond the row. What was not asked for, or does not apply, is absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(default)]
pub struct Details {
    /// Memory and buffers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Memory as kernels before 3.5 tell it: receive, write-queued, forward, transmit; bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_memory: Option<[u32; 4]>,
    /// TCP's measurements.
    #[serde(rename = "tcp_info", skip_serializing_if = "Option::is_none")]
    pub info: Option<Box<TcpInfo>>,
    /// The congestion control's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub congestion: Option<Name>,
    /// What the congestion control tells of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
    /// MPTCP's state.
    #[serde(rename = "mptcp_info", skip_serializing_if = "Option::is_none")]
    pub mptcp: Option<Mptcp>,
    /// SCTP: the addresses of this end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locals: Vec<IpAddr>,
    /// SCTP: those of the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<IpAddr>,
    /// The type of service of IPv4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos: Option<u8>,
    /// The traffic class of IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tclass: Option<u8>,
    /// The priority or network class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_id: Option<u32>,
    /// The protocol of a raw socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<u8>,
    /// The keys of TCP-MD5 (only to root).
    #[serde(skip)]
    pub md5_keys: Vec<Md5Key>,
    /// The upper layer protocol: TLS or MPTCP subflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ulp: Option<Ulp>,
    /// Unix: the inode and device of the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<(u32, u32)>,
    /// Unix: the inodes of the connections that wait to be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Vec<u32>>,
    /// Packet: version, copy threshold and flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<Packet>,
    /// Netlink: the multicast groups, as a mask of the first 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<u64>,
    /// Netlink: whether it is connected to a peer.
    #[serde(skip)]
    pub netlink_connected: bool,
}

/// Memory of a socket in bytes, `SK_MEMINFO_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Memory {
    /// Received and not yet read.
    pub receive: u32,
    /// The receive buffer's limit.
    pub receive_limit: u32,
    /// On its way out.
    pub send: u32,
    /// The send buffer's limit.
    pub send_limit: u32,
    /// Set aside in advance.
    pub forward: u32,
    /// Queued for sending.
    pub queued: u32,
    /// Options and filters.
    pub options: u32,
    /// Waiting while the socket is locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog: Option<u32>,
    /// Packets dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drops: Option<u32>,
}

impl Memory {
    /// Reads `SK_MEMINFO`: seven to nine numbers.
    pub fn parse(bytes: &[u8]) -> Self {
        let n = |i: usize| u32_at(bytes, 4 * i);
        let later = |i: usize| (bytes.len() >= 4 * (i + 1)).then(|| n(i));
        Self {
            receive: n(0),
            receive_limit: n(1),
            send: n(2),
            send_limit: n(3),
            forward: n(4),
            queued: n(5),
            options: n(6),
            backlog: later(7),
            drops: later(8),
        }
    }
}

/// A short name, held in place: congestion controls, upper layer protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Name {
    bytes: [u8; 16],
    len: u8,
}

impl Name {
    /// Reads up to the first zero byte, at most 15 bytes; what is not ASCII text becomes `?`.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut name = Self::default();
        for byte in bytes.iter().copied().take(15).take_while(|b| *b != 0) {
            name.bytes[usize::from(name.len)] = if byte.is_ascii_graphic() { byte } else { b'?' };
            name.len += 1;
        }
        name
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What a congestion control tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// Vegas, and others that speak its structure.
    Vegas {
        /// Whether it is in use.
        enabled: bool,
        /// Its round-trip time, microseconds.
        rtt: u32,
    },
    /// DCTCP.
    Dctcp {
        /// Whether it is in use, or has fallen back to Reno.
        enabled: bool,
        /// Whether the last packets were marked.
        ce_state: u16,
        /// The share of marked packets, in 1/1024.
        alpha: u32,
        /// Bytes marked in this window.
        ab_ecn: u32,
        /// Bytes in this window.
        ab_tot: u32,
    },
    /// BBR.
    Bbr {
        /// The bandwidth, bytes per second.
        bandwidth: u64,
        /// The least round-trip time, microseconds.
        min_rtt: u32,
        /// Gain of the pacing rate, in 1/256.
        pacing_gain: u32,
        /// Gain of the congestion window, in 1/256.
        cwnd_gain: u32,
    },
}

impl Control {
    pub(super) fn vegas(b: &[u8]) -> Self {
        Self::Vegas { enabled: u32_at(b, 0) != 0, rtt: u32_at(b, 8) }
    }

    pub(super) fn dctcp(b: &[u8]) -> Self {
        Self::Dctcp {
            enabled: u16_at(b, 0) != 0,
            ce_state: u16_at(b, 2),
            alpha: u32_at(b, 4),
            ab_ecn: u32_at(b, 8),
            ab_tot: u32_at(b, 12),
        }
    }

    pub(super) fn bbr(b: &[u8]) -> Self {
        Self::Bbr {
            bandwidth: u64::from(u32_at(b, 4)) << 32 | u64::from(u32_at(b, 0)),
            min_rtt: u32_at(b, 8),
            pacing_gain: u32_at(b, 12),
            cwnd_gain: u32_at(b, 16),
        }
    }
}

/// `struct mptcp_info`, the part that ss shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[expect(missing_docs, reason = "the names of linux/mptcp.h")]
pub struct Mptcp {
    pub subflows: u8,
    pub add_addr_signal: u8,
    pub add_addr_accepted: u8,
    pub subflows_max: u8,
    pub add_addr_signal_max: u8,
    pub add_addr_accepted_max: u8,
    pub flags: u32,
    pub token: u32,
    pub write_seq: u64,
    pub snd_una: u64,
    pub rcv_nxt: u64,
}

impl Mptcp {
    pub(super) fn parse(b: &[u8]) -> Self {
        let byte = |i: usize| b.get(i).copied().unwrap_or(0);
        Self {
            subflows: byte(0),
            add_addr_signal: byte(1),
            add_addr_accepted: byte(2),
            subflows_max: byte(3),
            add_addr_signal_max: byte(4),
            add_addr_accepted_max: byte(5),
            flags: u32_at(b, 8),
            token: u32_at(b, 12),
            write_seq: u64_at(b, 16),
            snd_una: u64_at(b, 24),
            rcv_nxt: u64_at(b, 32),
        }
    }
}

/// A key of TCP-MD5 and the prefix it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Md5Key {
    /// The address.
    pub address: IpAddr,
    /// How many bits of it count.
    pub prefix: u8,
    /// The key.
    pub key: Vec<u8>,
}

impl Md5Key {
    /// Bytes of `struct tcp_diag_md5sig`: family, prefix, key length (16 bits), address (16), key (80).
    const SIZE: usize = 100;

    pub(super) fn parse_all(bytes: &[u8]) -> Vec<Self> {
        bytes.chunks_exact(Self::SIZE).filter_map(Self::parse).collect()
    }

    fn parse(b: &[u8]) -> Option<Self> {
        let address = super::inet::address(*b.first()?, &b[4..20])?;
        let len = usize::from(u16_at(b, 2)).min(80);
        Some(Self { address, prefix: b[1], key: b[20..20 + len].to_vec() })
    }
}

/// The upper layer protocol of a TCP socket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Ulp {
    /// Its name: `tls`, `mptcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Kernel TLS: version, cipher, receive and transmit configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// An MPTCP subflow's attributes by their numbers in `linux/mptcp.h`.
    #[serde(skip)]
    pub subflow: Option<Subflow>,
}

/// Kernel TLS, the numbers of `linux/tls.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Tls {
    pub version: Option<u16>,
    pub cipher: Option<u16>,
    pub receive: Option<u16>,
    pub transmit: Option<u16>,
    pub zerocopy: bool,
}

/// An MPTCP subflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names of linux/mptcp.h")]
pub struct Subflow {
    pub token_remote: Option<u32>,
    pub token_local: Option<u32>,
    pub id_remote: Option<u8>,
    pub id_local: Option<u8>,
    pub map_seq: Option<u64>,
    pub map_sfseq: Option<u32>,
    pub ssn_offset: Option<u32>,
    pub map_datalen: Option<u16>,
    pub flags: Option<u32>,
}

impl Ulp {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut ulp = Self::default();
        for (kind, value) in attributes(bytes) {
            match kind {
                1 => ulp.name = Some(Name::parse(value)),
                2 => ulp.tls = Some(Tls::parse(value)),
                3 => ulp.subflow = Some(Subflow::parse(value)),
                _ => {}
            }
        }
        ulp
    }
}

impl Tls {
    fn parse(bytes: &[u8]) -> Self {
        let mut tls = Self::default();
        for (kind, value) in attributes(bytes) {
            let number = Some(u16_at(value, 0));
            match kind {
                1 => tls.version = number,
                2 => tls.cipher = number,
                3 => tls.transmit = number,
                4 => tls.receive = number,
                5 => tls.zerocopy = true,
                _ => {}
            }
        }
        tls
    }
}

impl Subflow {
    fn parse(bytes: &[u8]) -> Self {
        let mut flow = Self::default();
        for (kind, value) in attributes(bytes) {
            match kind {
                1 => flow.token_remote = Some(u32_at(value, 0)),
                2 => flow.token_local = Some(u32_at(value, 0)),
                4 => flow.map_seq = Some(u64_at(value, 0)),
                5 => flow.map_sfseq = Some(u32_at(value, 0)),
                6 => flow.ssn_offset = Some(u32_at(value, 0)),
                7 => flow.map_datalen = Some(u16_at(value, 0)),
                8 => flow.flags = Some(u32_at(value, 0)),
                9 => flow.id_remote = value.first().copied(),
                10 => flow.id_local = value.first().copied(),
                _ => {}
            }
        }
        flow
    }
}

/// What only a packet socket has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Packet {
    /// TPACKET version.
    pub version: u32,
    /// Packets below this size are copied, bytes.
    pub copy_threshold: u32,
    /// `PDI_*`: running 1, auxdata 2, origdev 4, vnethdr 8, loss 16.
    pub flags: u32,
    /// The receive ring: block size and count, frame size and count, timeout, features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_ring: Option<[u32; 6]>,
    /// The transmit ring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_ring: Option<[u32; 6]>,
    /// The fanout group (low half) and mode (high half).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fanout: Option<u32>,
    /// The filter: code, jump if true, jump if false, value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Vec<(u16, u8, u8, u32)>>,
}
