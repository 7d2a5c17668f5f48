//! Messages in batches: what one system call may bring many of is handled many at a time.

use std::{future::Future, io, pin::Pin};

/// Messages that came together: their bytes one after another, and where each ends.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Storage that only grows; what counts of it is up to the last end.
    storage: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties the batch; its memory stays for the next use.
    pub fn clear(&mut self) {
        self.ends.clear();
    }

    /// Empties the batch and returns its memory: whoever waits long should hold none.
    pub fn release(&mut self) {
        *self = Self::default();
    }

    /// Whether there is no message in it. (A message may be empty itself.)
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of all messages together.
    pub fn bytes(&self) -> &[u8] {
        &self.storage[..self.used()]
    }

    /// Adds one message.
    pub fn push(&mut self, message: &[u8]) {
        self.storage.truncate(self.used());
        self.storage.extend_from_slice(message);
        self.ends.push(self.storage.len());
    }

    /// The messages, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.ends.iter().scan(0, |start, &end| {
            let message = &self.storage[*start..end];
            *start = end;
            Some(message)
        })
    }

    /// The messages in runs that one system call can send: their bytes together, the length of each but the
    /// last, which may be shorter, and how many they are, at most `most` and 65,000 bytes.
    pub(crate) fn runs(&self, most: usize) -> impl Iterator<Item = Run<'_>> {
        let (mut next, mut start) = (0, 0);
        std::iter::from_fn(move || {
            let &first = self.ends.get(next)?;
            let segment = first - start;
            let (mut end, mut count) = (first, 1);
            while let Some(&after) = self.ends.get(next + count) {
                let length = after - end;
                let shorter = (end - start) % segment.max(1) != 0;
                if segment == 0
                    || length == 0
                    || length > segment
                    || shorter
                    || count >= most
                    || after - start > RUN
                {
                    break;
                }
                (end, count) = (after, count + 1);
            }
            let run = Run { bytes: &self.storage[start..end], segment, count };
            (next, start) = (next + count, end);
            Some(run)
        })
    }

    /// Adds one message of at most `most` bytes that `fill` writes; `fill` says how long it became.
    pub(crate) fn push_with<T>(
        &mut self,
        most: usize,
        fill: impl FnOnce(&mut [u8]) -> io::Result<(usize, T)>,
    ) -> io::Result<(usize, T)> {
        let start = self.used();
        if self.storage.len() < start + most {
            self.storage.resize(start + most, 0);
        }
        let (length, extra) = fill(&mut self.storage[start..start + most])?;
        self.ends.push(start + length);
        Ok((length, extra))
    }

    /// Takes back the last message, if `push_with` brought one that is not wanted.
    pub(crate) fn pop(&mut self) {
        self.ends.pop();
    }

    fn used(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }
}

/// What fits one UDP datagram before the kernel cuts it into segments.
const RUN: usize = 65_000;

/// Messages of one length, one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) segment: usize,
    pub(crate) count: usize,
}

/// A future in a box, as the message traits return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Messages that come from something other than a socket of messages.
pub trait MessageRead: Send + Sync {
    /// Waits for messages and adds them to `batch`; `false` at the end of the data.
    ///
    /// # Errors
    /// What the source fails with; a peer that broke its protocol is [`io::ErrorKind::InvalidData`].
    fn recv<'a>(&'a mut self, batch: &'a mut Batch) -> BoxFuture<'a, io::Result<bool>>;

    /// Whether a peer is at the other end that must be read to its end before closing, so that the kernel does
    /// not answer what is unread with a reset.
    fn is_connection(&self) -> bool {
        false
    }

    /// Whether this can come to an end by itself.
    fn ends(&self) -> bool {
        true
    }
}

/// Messages that go to something other than a socket of messages.
pub trait MessageWrite: Send + Sync {
    /// Sends every message of `batch`, in order.
    ///
    /// # Errors
    /// What the sink fails with.
    fn send<'a>(&'a mut self, batch: &'a Batch) -> BoxFuture<'a, io::Result<()>>;

    /// Says that no more comes.
    ///
    /// # Errors
    /// What the sink fails with.
    fn finish(&mut self) -> BoxFuture<'_, io::Result<()>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(lengths: &[usize], most: usize) -> Vec<(usize, usize)> {
        let mut batch = Batch::new();
        lengths.iter().for_each(|&n| batch.push(&vec![0; n]));
        batch.runs(most).map(|run| (run.segment, run.count)).collect()
    }

    #[test]
    fn messages_of_one_length_run_together_and_a_shorter_one_ends_the_run() {
        assert_eq!(runs(&[5, 5, 5, 3, 5], 64), [(5, 4), (5, 1)]);
        assert_eq!(runs(&[5, 6, 6], 64), [(5, 1), (6, 2)]);
        assert_eq!(runs(&[0, 0, 4, 0], 64), [(0, 1), (0, 1), (4, 1), (0, 1)]);
        assert_eq!(runs(&[1; 10], 4), [(1, 4), (1, 4), (1, 2)]);
        assert_eq!(runs(&[30_000, 30_000, 30_000], 64), [(30_000, 2), (30_000, 1)]);
        assert_eq!(runs(&[], 64), []);
    }
}
