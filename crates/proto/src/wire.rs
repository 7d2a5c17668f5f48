//! What several protocols share on the wire: the Internet checksum and big-endian fields.
//!
//! The readers return `None` where the bytes end too early, so that a decoder ends with `?`.

/// The Internet checksum of `bytes` (RFC 1071): the ones' complement of their ones' complement sum. Over
/// bytes that carry a right checksum it is 0.
///
/// ```
/// let mut packet = [8, 0, 0, 0, 0x12, 0x34, 0, 1];
/// let sum = sockeye_proto::wire::checksum(&packet);
/// packet[2..4].copy_from_slice(&sum.to_be_bytes());
/// assert_eq!(sockeye_proto::wire::checksum(&packet), 0);
/// ```
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut words = bytes.chunks_exact(4);
    // 64 bits hold the carries of 2^32 words, more than any packet has.
    let mut sum: u64 = words.by_ref().map(|w| u64::from(u32::from_be_bytes([w[0], w[1], w[2], w[3]]))).sum();
    let mut rest = [0; 4];
    rest[..words.remainder().len()].copy_from_slice(words.remainder());
    sum += u64::from(u32::from_be_bytes(rest));
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The big-endian 16 bits at `at`.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The big-endian 32 bits at `at`.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The big-endian 64 bits at `at`.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc1071_example() {
        // RFC 1071 section 3: the sum of these is ddf2.
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }

    #[test]
    fn an_odd_last_byte_is_padded_with_zero() {
        assert_eq!(checksum(&[1, 2, 3]), checksum(&[1, 2, 3, 0]));
        assert_eq!(checksum(&[]), 0xffff);
    }

    #[test]
    fn readers_end_where_the_bytes_end() {
        assert_eq!(u16_at(&[1, 2, 3], 1), Some(0x0203));
        assert_eq!(u16_at(&[1, 2, 3], 2), None);
        assert_eq!(u32_at(&[1, 2, 3], usize::MAX), None);
        assert_eq!(u64_at(&[0, 0, 0, 0, 0, 0, 1, 0], 0), Some(256));
    }
}
