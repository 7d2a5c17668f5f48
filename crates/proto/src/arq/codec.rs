//! Checked reading and writing of the integers that packets are made of.
//!
//! Variable-length integers are those of RFC 9000 section 16: two bits of length, then 6, 14, 30 or 62 bits,
//! big-endian.

/// What a variable-length integer can hold at most: 2^62 - 1.
pub const VARINT_MAX: u64 = (1 << 62) - 1;

/// A cursor over received bytes. Every read is checked; running out is `None`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(n)?;
        self.0 = tail;
        Some(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let first = *self.0.first()?;
        let bytes = self.bytes(1 << (first >> 6))?;
        let (&head, tail) = bytes.split_first()?;
        Some(tail.iter().fold(u64::from(head & 0x3f), |v, &b| v << 8 | u64::from(b)))
    }

    /// Skips bytes that are zero; gives their number.
    pub(crate) fn zeros(&mut self) -> usize {
        let n = self.0.iter().take_while(|&&b| b == 0).count();
        self.0 = &self.0[n..];
        n
    }
}

/// The length of `value` as a variable-length integer.
pub(crate) fn varint_len(value: u64) -> usize {
    match value {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..0x4000_0000 => 4,
        _ => 8,
    }
}

/// Appends `value`, which is capped at [`VARINT_MAX`].
pub(crate) fn put_varint(out: &mut Vec<u8>, value: u64) {
    let value = value.min(VARINT_MAX);
    let len = varint_len(value);
    let tagged = value | (len.trailing_zeros() as u64) << (len * 8 - 2);
    out.extend_from_slice(&tagged.to_be_bytes()[8 - len..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_as_in_the_appendix_of_rfc_9000() {
        for (bytes, value) in [
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..], 151_288_809_941_952_652),
            (&[0x9d, 0x7f, 0x3e, 0x7d][..], 494_878_333),
            (&[0x7b, 0xbd][..], 15_293),
            (&[0x25][..], 37),
        ] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out, bytes);
            assert_eq!(Reader::new(bytes).varint(), Some(value));
            assert_eq!(Reader::new(&bytes[..bytes.len() - 1]).varint(), None);
        }
    }
}
