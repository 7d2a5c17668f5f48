//! `struct inet_diag_msg` and its attributes: TCP, UDP, raw and MPTCP sockets.
//!
//! ```text
//!  0 family u8 │ state u8 │ timer u8 │ retransmits u8
//!  4 sport be16 │ dport be16 │ src 16 bytes │ dst 16 bytes │ interface u32 │ cookie u64   (inet_diag_sockid)
//! 52 expires u32 (ms) │ rqueue u32 │ wqueue u32 │ uid u32 │ inode u32
//! 72 attributes
//! ```

use std::net::IpAddr;

use super::{
    Endpoint, Kind, Malformed, Shutdown, Socket, State, TcpInfo, Timer, TimerKind,
    detail::{Control, Details, Md5Key, Memory, Mptcp, Name, Ulp},
    wire::{attribute, attributes, port_at, u16_at, u32_at, u64_at},
};

pub(super) const AF_INET: u8 = 2;
pub(super) const AF_INET6: u8 = 10;
const HEADER: usize = 72;

/// Attribute numbers of `linux/inet_diag.h`.
pub(super) mod attr {
    pub(crate) const MEMINFO: u16 = 1;
    pub(crate) const INFO: u16 = 2;
    pub(crate) const VEGASINFO: u16 = 3;
    pub(crate) const CONG: u16 = 4;
    pub(crate) const TOS: u16 = 5;
    pub(crate) const TCLASS: u16 = 6;
    pub(crate) const SKMEMINFO: u16 = 7;
    pub(crate) const SHUTDOWN: u16 = 8;
    pub(crate) const DCTCPINFO: u16 = 9;
    pub(crate) const PROTOCOL: u16 = 10;
    pub(crate) const SKV6ONLY: u16 = 11;
    pub(crate) const LOCALS: u16 = 12;
    pub(crate) const PEERS: u16 = 13;
    pub(crate) const MARK: u16 = 15;
    pub(crate) const BBRINFO: u16 = 16;
    pub(crate) const CLASS_ID: u16 = 17;
    pub(crate) const MD5SIG: u16 = 18;
    pub(crate) const ULP_INFO: u16 = 19;
    pub(crate) const CGROUP_ID: u16 = 21;
    pub(crate) const SOCKOPT: u16 = 22;
}

/// Where `inet_diag_sockid` lies in a message: the identity with which a socket is asked for or killed.
pub const IDENTITY: std::ops::Range<usize> = 4..52;

/// The family and `inet_diag_sockid` of a message, for a request about this very socket.
pub fn identity(payload: &[u8]) -> Option<(u8, [u8; 48])> {
    Some((*payload.first()?, payload.get(IDENTITY)?.try_into().ok()?))
}

/// An address of this family from the first bytes of `bytes`.
pub(super) fn address(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => bytes.first_chunk::<4>().map(|b| IpAddr::from(*b)),
        AF_INET6 => bytes.first_chunk::<16>().map(|b| IpAddr::from(*b)),
        _ => None,
    }
}

/// The addresses in an array of `struct sockaddr_storage`, 128 bytes each: the family, the port, then IPv4's
/// address, or IPv6's behind its flow label. Others are skipped.
fn addresses(bytes: &[u8]) -> Vec<IpAddr> {
    let one = |b: &[u8]| {
        let family = u8::try_from(u16_at(b, 0)).ok()?;
        address(family, &b[if family == AF_INET6 { 8 } else { 4 }..])
    };
    bytes.chunks_exact(128).filter_map(one).collect()
}

impl Socket {
    /// Reads the payload of a reply about an inet socket of `protocol` (IPPROTO_…).
    pub fn parse_inet(protocol: u16, b: &[u8]) -> Result<Self, Malformed> {
        if b.len() < HEADER {
            return Err(Malformed("an inet socket shorter than its header"));
        }
        let end = |port, at: usize| address(b[0], &b[at..]).map(|ip| Endpoint::Inet(ip, port_at(b, port)));
        let (Some(local), Some(peer)) = (end(4, 8), end(6, 24)) else {
            return Err(Malformed("an inet socket of another family"));
        };
        let state = State::from_number(b[1]).ok_or(Malformed("a socket in an unknown state"))?;
        let netid = if protocol == 255 { Kind::Raw } else { Kind::from_protocol(protocol) };
        let mut socket = Self {
            interface: u32_at(b, 40),
            cookie: u64_at(b, 44),
            timer: TimerKind::from_number(b[2]).map(|kind| Timer {
                kind,
                milliseconds: u32_at(b, 52),
                retransmits: b[3],
            }),
            recv_q: u32_at(b, 56),
            send_q: u32_at(b, 60),
            uid: u32_at(b, 64),
            inode: u32_at(b, 68),
            ..Self::new(netid, state, local, peer)
        };
        for (kind, value) in attributes(&b[HEADER..]) {
            socket.inet_attribute(kind, value);
        }
        Ok(socket)
    }

    fn inet_attribute(&mut self, kind: u16, value: &[u8]) {
        let byte = value.first().copied().unwrap_or(0);
        match kind {
            attr::SHUTDOWN => self.shutdown = Some(Shutdown(byte)),
            attr::SKV6ONLY => self.v6only = Some(byte != 0),
            attr::MARK => self.mark = u32_at(value, 0),
            attr::CGROUP_ID => self.cgroup = u64_at(value, 0),
            attr::PROTOCOL => {
                self.netid = Kind::from_protocol(u16::from(byte));
                self.details_mut().protocol = Some(byte);
            }
            attr::INFO if self.netid == Kind::Mptcp => {
                self.details_mut().mptcp = Some(Mptcp::parse(value));
            }
            attr::LOCALS => self.details_mut().locals = addresses(value),
            attr::PEERS => self.details_mut().peers = addresses(value),
            // SCTP's own structure, which is not TCP's.
            attr::INFO if self.netid == Kind::Sctp => {}
            attr::SOCKOPT => self.options = Some(u16_at(value, 0)),
            attr::INFO => self.details_mut().info = Some(Box::new(TcpInfo::parse(value))),
            attr::CONG => self.details_mut().congestion = Some(Name::parse(value)),
            attr::SKMEMINFO => self.details_mut().memory = Some(Memory::parse(value)),
            attr::MEMINFO => {
                // idiag_rmem, wmem, fmem, tmem
                self.details_mut().old_memory = Some([0, 4, 8, 12].map(|at| u32_at(value, at)));
            }
            attr::VEGASINFO => self.details_mut().control = Some(Control::vegas(value)),
            attr::DCTCPINFO => self.details_mut().control = Some(Control::dctcp(value)),
            attr::BBRINFO => self.details_mut().control = Some(Control::bbr(value)),
            attr::TOS => self.details_mut().tos = Some(byte),
            attr::TCLASS => self.details_mut().tclass = Some(byte),
            attr::CLASS_ID => self.details_mut().class_id = Some(u32_at(value, 0)),
            attr::MD5SIG => self.details_mut().md5_keys = Md5Key::parse_all(value),
            attr::ULP_INFO => self.details_mut().ulp = Some(Ulp::parse(value)),
            _ => {}
        }
    }

    /// Writes the payload that [`Socket::parse_inet`] reads, attributes of the row included. Sockets of
    /// other families are not written: `false`.
    pub fn emit_inet(&self, out: &mut Vec<u8>) -> bool {
        let (Endpoint::Inet(local, sport), Endpoint::Inet(peer, dport)) = (&self.local, &self.peer) else {
            return false;
        };
        let timer = self.timer.map_or([0, 0], |t| [t.kind as u8 + 1, t.retransmits]);
        out.extend([if local.is_ipv4() { AF_INET } else { AF_INET6 }, self.state as u8, timer[0], timer[1]]);
        out.extend(sport.to_be_bytes());
        out.extend(dport.to_be_bytes());
        for ip in [local, peer] {
            let start = out.len();
            match ip {
                IpAddr::V4(v4) => out.extend(v4.octets()),
                IpAddr::V6(v6) => out.extend(v6.octets()),
            }
            out.resize(start + 16, 0);
        }
        out.extend(self.interface.to_ne_bytes());
        out.extend(self.cookie.to_ne_bytes());
        let expires = self.timer.map_or(0, |t| t.milliseconds);
        for number in [expires, self.recv_q, self.send_q, self.uid, self.inode] {
            out.extend(number.to_ne_bytes());
        }
        self.emit_attributes(out);
        true
    }

    fn emit_attributes(&self, out: &mut Vec<u8>) {
        if let Some(Shutdown(mask)) = self.shutdown {
            attribute(out, attr::SHUTDOWN, &[mask]);
        }
        if let Some(only) = self.v6only {
            attribute(out, attr::SKV6ONLY, &[u8::from(only)]);
        }
        if self.mark != 0 {
            attribute(out, attr::MARK, &self.mark.to_ne_bytes());
        }
        if self.cgroup != 0 {
            attribute(out, attr::CGROUP_ID, &self.cgroup.to_ne_bytes());
        }
        if let Some(bits) = self.options {
            attribute(out, attr::SOCKOPT, &bits.to_ne_bytes());
        }
        let Some(details) = &self.details else { return };
        details.emit(out);
    }
}

impl Details {
    fn emit(&self, out: &mut Vec<u8>) {
        if let Some(protocol) = self.protocol {
            attribute(out, attr::PROTOCOL, &[protocol]);
        }
        if let Some(info) = &self.info {
            let mut bytes = Vec::with_capacity(256);
            info.emit(&mut bytes);
            attribute(out, attr::INFO, &bytes);
        }
        if let Some(name) = &self.congestion {
            attribute(out, attr::CONG, &[name.as_str().as_bytes(), b"\0"].concat());
        }
        if let Some(m) = &self.memory {
            let seven = [m.receive, m.receive_limit, m.send, m.send_limit, m.forward, m.queued, m.options];
            let all = seven.into_iter().chain(m.backlog).chain(m.drops);
            attribute(out, attr::SKMEMINFO, &all.flat_map(u32::to_ne_bytes).collect::<Vec<_>>());
        }
        for (kind, byte) in [(attr::TOS, self.tos), (attr::TCLASS, self.tclass)] {
            if let Some(byte) = byte {
                attribute(out, kind, &[byte]);
            }
        }
        if let Some(id) = self.class_id {
            attribute(out, attr::CLASS_ID, &id.to_ne_bytes());
        }
    }
}
