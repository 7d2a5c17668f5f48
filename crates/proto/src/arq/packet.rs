//! The outside of packets: first byte, connection id, packet number.
//!
//! ```text
//! data       0vvvKxNN  connection id (8)  packet number (NN + 1)  frames …  tag
//! handshake  1vvvtttt  …  (see `handshake`)
//! ```
//! v: version 1; K: key phase; NN: length of the packet number - 1; t: type; x: zero.

use super::types::{ConnectionId, PacketNumber};

/// The version that this machine speaks.
pub const VERSION: u8 = 1;
pub(crate) const VERSION_BITS: u8 = VERSION << 4;
const LONG: u8 = 0x80;
const KEY_PHASE: u8 = 0x08;

/// First byte and connection id.
pub(crate) const SHORT_PREFIX: usize = 9;

/// Whether a datagram is a packet of a handshake.
pub(crate) fn is_long(first: u8) -> bool {
    first & LONG != 0
}

/// The version that a first byte names.
pub(crate) fn version(first: u8) -> u8 {
    first >> 4 & 7
}

/// The outside of a data packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The receiver's connection id.
    pub destination: ConnectionId,
    /// The packet number, in full.
    pub number: PacketNumber,
    /// Which of two generations of keys sealed it.
    pub key_phase: bool,
}

impl Header {
    /// Appends the header; `acked` is the largest packet number known to have arrived, from which the peer
    /// completes the number (RFC 9000 appendix A.2).
    pub(crate) fn put(&self, out: &mut Vec<u8>, acked: Option<u64>) {
        let number = self.number.0;
        let distance = acked.map_or(number + 1, |a| number.saturating_sub(a));
        let bits = 64 - distance.leading_zeros() + 1;
        let len = (bits.div_ceil(8) as usize).clamp(1, 4);
        let phase = if self.key_phase { KEY_PHASE } else { 0 };
        out.push(VERSION_BITS | phase | (len - 1) as u8);
        out.extend_from_slice(&self.destination.0.to_be_bytes());
        out.extend_from_slice(&number.to_be_bytes()[8 - len..]);
    }

    /// As the header is written: `acked` is the largest packet number known to have arrived.
    pub fn encode(&self, out: &mut Vec<u8>, acked: Option<u64>) {
        self.put(out, acked);
    }

    /// Reads the header of a data packet and its length; `largest` is the largest number received so far.
    pub(crate) fn parse(packet: &[u8], largest: Option<u64>) -> Option<(Self, usize)> {
        let first = *packet.first()?;
        if is_long(first) || version(first) != VERSION || first & 4 != 0 {
            return None;
        }
        let destination = destination(packet)?;
        let len = usize::from(first & 3) + 1;
        let bytes = packet.get(SHORT_PREFIX..SHORT_PREFIX + len)?;
        let short = bytes.iter().fold(0, |v, &b| v << 8 | u64::from(b));
        let number = PacketNumber(complete(short, len, largest)?);
        Some((Self { destination, number, key_phase: first & KEY_PHASE != 0 }, SHORT_PREFIX + len))
    }
}

/// The connection id of a data packet.
pub(crate) fn destination(packet: &[u8]) -> Option<ConnectionId> {
    Some(ConnectionId(u64::from_be_bytes(packet.get(1..SHORT_PREFIX)?.try_into().ok()?)))
}

/// The number closest to the one expected whose low bytes are these (RFC 9000 appendix A.3).
fn complete(short: u64, len: usize, largest: Option<u64>) -> Option<u64> {
    let expected = largest.map_or(0, |l| l + 1);
    let window = 1u64 << (len * 8);
    let near = expected & !(window - 1) | short;
    let number = if near + window / 2 <= expected {
        near.checked_add(window)?
    } else if near > expected + window / 2 && near >= window {
        near - window
    } else {
        near
    };
    (number < 1 << 62).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_as_in_the_appendix_of_rfc_9000() {
        assert_eq!(complete(0x9b32, 2, Some(0xa82f_30ea)), Some(0xa82f_9b32));
        let header =
            Header { destination: ConnectionId(1), number: PacketNumber(0xac5c02), key_phase: false };
        let mut out = Vec::new();
        header.put(&mut out, Some(0xab_e8b3));
        assert_eq!(out, [0x11, 0, 0, 0, 0, 0, 0, 0, 1, 0x5c, 0x02]);
    }

    proptest! {
        #[test]
        fn headers_come_back(id: u64, number in 0u64..1 << 40, behind in 0u64..5000, phase: bool) {
            let header = Header { destination: ConnectionId(id), number: PacketNumber(number), key_phase: phase };
            let acked = number.checked_sub(1 + behind);
            let mut out = Vec::new();
            header.put(&mut out, acked);
            // The receiver has something between what was acknowledged and the packet before.
            for largest in [acked, number.checked_sub(1)] {
                if number < 5000 || largest.is_some() {
                    prop_assert_eq!(Header::parse(&out, largest), Some((header, out.len())));
                }
            }
        }
    }
}
