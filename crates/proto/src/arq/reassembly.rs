//! One message as its fragments arrive.

use super::{error::Violation, frame::Fragment};
use bytes::{Bytes, BytesMut};
use std::collections::BTreeMap;

/// What a fragment brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Insert {
    /// So many new bytes (or the end of an empty message).
    New(usize),
    /// Nothing.
    Known,
}

/// The fragments of a message so far: separate pieces that do not overlap.
#[derive(Debug, Default)]
pub(crate) struct Partial {
    pieces: BTreeMap<u32, Bytes>,
    received: u32,
    /// The length, once the final fragment is here, and whether the lane ends with the message.
    end: Option<(u32, bool)>,
}

impl Partial {
    pub(crate) fn pieces(&self) -> usize {
        self.pieces.len()
    }

    pub(crate) fn received(&self) -> u64 {
        u64::from(self.received)
    }

    /// Takes a fragment; of bytes that came before, the first arrival counts.
    pub(crate) fn insert(&mut self, f: &Fragment<'_>) -> Result<Insert, Violation> {
        let (start, end) = (f.offset, f.offset + f.data.len() as u32);
        match self.end {
            Some((len, last)) if f.fin && (len, last) != (end, f.end) => {
                return Err(Violation::Message("it has two ends"));
            }
            Some((len, _)) if end > len => return Err(Violation::Message("bytes after its end")),
            _ => {}
        }
        if f.fin && self.end.is_none() {
            if self.pieces.last_key_value().is_some_and(|(at, p)| at + p.len() as u32 > end) {
                return Err(Violation::Message("bytes after its end"));
            }
            self.end = Some((end, f.end));
        }
        let mut new = 0;
        let mut at = start;
        if let Some((s, p)) = self.pieces.range(..=start).next_back() {
            at = at.max(s + p.len() as u32);
        }
        while at < end {
            let (gap_end, next) = match self.pieces.range(at..end).next() {
                Some((&s, p)) => (s, s + p.len() as u32),
                None => (end, end),
            };
            if gap_end > at {
                let bytes = &f.data[(at - start) as usize..(gap_end - start) as usize];
                self.pieces.insert(at, Bytes::copy_from_slice(bytes));
                new += bytes.len();
            }
            at = next;
        }
        self.received += new as u32;
        Ok(if new > 0 || end == 0 { Insert::New(new) } else { Insert::Known })
    }

    /// The message, and whether the lane ends with it, once nothing is missing.
    pub(crate) fn take_whole(&mut self) -> Option<(Bytes, bool)> {
        let (len, end) = self.end.filter(|(len, _)| *len == self.received)?;
        let pieces = std::mem::take(&mut self.pieces);
        if pieces.len() == 1 {
            return pieces.into_values().next().map(|data| (data, end));
        }
        let mut data = BytesMut::with_capacity(len as usize);
        pieces.values().for_each(|p| data.extend_from_slice(p));
        Some((data.freeze(), end))
    }
}
