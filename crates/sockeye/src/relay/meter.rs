//! Counters of one direction, read by others while it runs.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

/// What passed one way so far.
#[derive(Debug, Default)]
pub struct Meter {
    bytes: AtomicU64,
    chunks: AtomicU64,
    /// Nanoseconds from [`origin`] to the last activity; 0 before there was any.
    last: AtomicU64,
}

/// A moment before every other that a meter sees.
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

impl Meter {
    /// A pair, for the two directions of a relay.
    pub fn pair() -> std::sync::Arc<[Self; 2]> {
        std::sync::Arc::new([Self::default(), Self::default()])
    }

    /// How many bytes passed.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// In how many reads or messages.
    pub fn chunks(&self) -> u64 {
        self.chunks.load(Relaxed)
    }

    /// Counts one read, or `chunks` messages, of `bytes` bytes together. One task writes, so no atomic addition.
    pub(crate) fn add(&self, bytes: usize, chunks: usize) {
        self.bytes.store(self.bytes.load(Relaxed) + bytes as u64, Relaxed);
        self.chunks.store(self.chunks.load(Relaxed) + chunks as u64, Relaxed);
        let since = u64::try_from(origin().elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.last.store(since, Relaxed);
    }

    /// When something last passed, but not before `began`.
    pub(crate) fn last(&self, began: Instant) -> Instant {
        began.max(origin() + Duration::from_nanos(self.last.load(Relaxed)))
    }
}
