//! What a stream of messages holds, counted: sizes, gaps, damage, and how it ended.

use super::{FrameError, Half, Junk, Order, Skipped, Step};

/// Counts the steps of a decoder. Takes the same small space however long the stream is.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Census {
    /// Whole messages that were delivered.
    pub messages: u64,
    /// Their bytes, without framing.
    pub bytes: u64,
    /// The bytes of the stream up to the end of the last frame or junk.
    pub stream_bytes: u64,
    /// The size of the smallest message.
    pub smallest: usize,
    /// The size of the largest message.
    pub largest: usize,
    /// How many messages have which sizes.
    pub sizes: Sizes,
    /// Sequence numbers that never came.
    pub missing: u64,
    /// Messages that others overtook.
    pub late: u64,
    /// Frames that came before, or may have.
    pub repeated: u64,
    /// How often the sender started anew.
    pub restarts: u64,
    /// Frames with a wrong checksum.
    pub corrupt: u64,
    /// Bytes that were skipped, those of repeated and corrupt frames among them.
    pub skipped_bytes: u64,
    /// Where bytes were skipped first, and why.
    pub first_skipped: Option<Skipped>,
    /// Half a message at the end.
    pub half: Option<Half>,
    /// What ended the stream before its end.
    pub error: Option<String>,
}

impl Census {
    /// Counts a step.
    pub fn step(&mut self, step: &Step) {
        match step {
            Step::NeedMore(_) => {}
            Step::Message(frame) => {
                self.message(frame.payload.len());
                self.stream_bytes += frame.consumed as u64;
                match frame.seal.map(|seal| seal.order) {
                    Some(Order::Gap { missing }) => self.missing = self.missing.saturating_add(missing),
                    Some(Order::Late) => {
                        self.late += 1;
                        self.missing = self.missing.saturating_sub(1);
                    }
                    Some(Order::Restart) => self.restarts += 1,
                    Some(Order::Next) | None => {}
                }
            }
            Step::Skipped(skipped) => {
                self.stream_bytes += skipped.bytes as u64;
                self.skipped_bytes += skipped.bytes as u64;
                self.first_skipped.get_or_insert(*skipped);
                match skipped.why {
                    Junk::BadHeader | Junk::BadChecksum { .. } => self.corrupt += 1,
                    Junk::Repeated { .. } | Junk::Stale { .. } => self.repeated += 1,
                    Junk::NoMagic => {}
                }
            }
        }
    }

    /// Counts a last message that needs no end of its own.
    pub fn last(&mut self, size: usize) {
        self.message(size);
        self.stream_bytes += size as u64;
    }

    /// The stream ended in the middle of a message.
    pub fn half(&mut self, half: Half) {
        self.half = Some(half);
    }

    /// Decoding failed for good.
    pub fn failed(&mut self, error: &FrameError) {
        self.error = Some(error.to_string());
    }

    /// Whether every byte belongs to a whole message, and no message is missing or came twice.
    pub fn is_sound(&self) -> bool {
        self.skipped_bytes == 0 && self.missing == 0 && self.half.is_none() && self.error.is_none()
    }

    fn message(&mut self, size: usize) {
        self.smallest = if self.messages == 0 { size } else { self.smallest.min(size) };
        self.largest = self.largest.max(size);
        self.messages += 1;
        self.bytes += size as u64;
        self.sizes.0[(usize::BITS - size.leading_zeros()) as usize] += 1;
    }
}

/// Messages by size, in ranges that double: 0, 1, 2–3, 4–7, …
#[derive(Debug, Clone)]
pub struct Sizes([u64; usize::BITS as usize + 1]);

/// The sizes from `from` to `to`, and how many messages have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct SizeRange {
    /// The smallest size of the range.
    pub from: usize,
    /// The largest.
    pub to: usize,
    /// How many messages.
    pub messages: u64,
}

impl Sizes {
    /// The ranges from the first to the last that has messages, those without in between.
    pub fn ranges(&self) -> impl Iterator<Item = SizeRange> {
        let first = self.0.iter().position(|&n| n > 0).unwrap_or(self.0.len());
        let last = self.0.iter().rposition(|&n| n > 0).unwrap_or(0);
        let counts = self.0.iter().enumerate().take(last + 1).skip(first);
        counts.map(|(bits, &messages)| {
            let from = if bits == 0 { 0 } else { 1 << (bits - 1) };
            SizeRange { from, to: if bits == 0 { 0 } else { from + (from - 1) }, messages }
        })
    }
}

impl Default for Sizes {
    fn default() -> Self {
        Self([0; usize::BITS as usize + 1])
    }
}

impl serde::Serialize for Sizes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.ranges())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_fall_into_doubling_ranges() {
        let mut census = Census::default();
        [0, 1, 3, 4, 7, 7].into_iter().for_each(|size| census.last(size));
        let ranges: Vec<_> = census.sizes.ranges().map(|r| (r.from, r.to, r.messages)).collect();
        assert_eq!(ranges, [(0, 0, 1), (1, 1, 1), (2, 3, 1), (4, 7, 3)]);
        assert_eq!((census.smallest, census.largest, census.bytes), (0, 7, 22));
        census.last(usize::MAX >> 1);
        assert_eq!(census.sizes.ranges().last().map(|r| r.to), Some(usize::MAX >> 1));
    }
}
