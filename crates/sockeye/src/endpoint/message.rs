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
