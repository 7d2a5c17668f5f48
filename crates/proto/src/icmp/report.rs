//! What routers and hosts report about a packet, in ping's words.

use std::fmt;

use super::Family;

/// An ICMP error: its numbers as they are on the wire; the text of ping by `Display`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Report {
    /// Which table of types and codes applies.
    pub family: Family,
    /// The message's type.
    pub kind: u8,
    /// The message's code.
    pub code: u8,
    /// The word after the checksum: an MTU, a pointer to the bad byte, a gateway.
    pub info: u32,
}

impl Report {
    /// Whether the packet's time to live ran out on its way.
    pub fn is_time_exceeded(&self) -> bool {
        matches!((self.family, self.kind, self.code), (Family::V4, 11, 0) | (Family::V6, 3, 0))
    }

    /// Whether the host itself answered that nothing is open at the port.
    pub fn is_port_unreachable(&self) -> bool {
        matches!((self.family, self.kind, self.code), (Family::V4, 3, 3) | (Family::V6, 1, 4))
    }

    /// The largest packet that the next link takes, where the packet was too large for it.
    pub fn mtu(&self) -> Option<u32> {
        matches!((self.family, self.kind, self.code), (Family::V4, 3, 4) | (Family::V6, 2, _))
            .then_some(self.info)
    }

    fn v4(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match (self.kind, self.code) {
            (3, 0) => "Destination Net Unreachable",
            (3, 1) => "Destination Host Unreachable",
            (3, 2) => "Destination Protocol Unreachable",
            (3, 3) => "Destination Port Unreachable",
            (3, 4) => return write!(f, "Frag needed and DF set (mtu = {})", self.info),
            (3, 5) => "Source Route Failed",
            (3, 6) => "Destination Net Unknown",
            (3, 7) => "Destination Host Unknown",
            (3, 8) => "Source Host Isolated",
            (3, 9) => "Destination Net Prohibited",
            (3, 10) => "Destination Host Prohibited",
            (3, 11) => "Destination Net Unreachable for Type of Service",
            (3, 12) => "Destination Host Unreachable for Type of Service",
            (3, 13) => "Packet filtered",
            (3, 14) => "Precedence Violation",
            (3, 15) => "Precedence Cutoff",
            (3, code) => return write!(f, "Dest Unreachable, Bad Code: {code}"),
            (4, _) => "Source Quench",
            (5, _) => "Redirect",
            (11, 0) => "Time to live exceeded",
            (11, 1) => "Frag reassembly time exceeded",
            (11, code) => return write!(f, "Time exceeded, Bad Code: {code}"),
            (12, _) => return write!(f, "Parameter problem: pointer = {}", self.info >> 24),
            (kind, _) => return write!(f, "Bad ICMP type: {kind}"),
        };
        f.write_str(text)
    }

    fn v6(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match (self.kind, self.code) {
            (1, 0) => "Destination unreachable: No route",
            (1, 1) => "Destination unreachable: Administratively prohibited",
            (1, 2) => "Destination unreachable: Beyond scope of source address",
            (1, 3) => "Destination unreachable: Address unreachable",
            (1, 4) => "Destination unreachable: Port unreachable",
            (1, code) => return write!(f, "Destination unreachable: Unknown code {code}"),
            (2, _) => return write!(f, "Packet too big: mtu={}", self.info),
            (3, 0) => "Time exceeded: Hop limit",
            (3, 1) => "Time exceeded: Defragmentation failure",
            (3, code) => return write!(f, "Time exceeded: code {code}"),
            (4, code) => {
                let what = match code {
                    0 => "Wrong header field".into(),
                    1 => "Unknown header".into(),
                    2 => "Unknown option".into(),
                    code => format!("code {code}"),
                };
                return write!(f, "Parameter problem: {what} at {}", self.info);
            }
            (kind, _) => return write!(f, "unknown icmp type: {kind}"),
        };
        f.write_str(text)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.family {
            Family::V4 => self.v4(f),
            Family::V6 => self.v6(f),
        }
    }
}
