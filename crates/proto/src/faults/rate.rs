//! A bottleneck: a rate, and the queue before it.

use crate::time::Time;
use std::time::Duration;

/// A bottleneck with a drop-tail queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Bytes a second.
    pub bytes: u64,
    /// Bytes that wait at most.
    pub queue: u64,
    /// Bytes that each datagram takes on the wire beside its own (28 for UDP over IPv4).
    pub overhead: u64,
}

/// The queue, as the time at which it will be empty.
#[derive(Debug, Default)]
pub(super) struct Queue {
    empty_at: Time,
}

impl Queue {
    /// When a datagram that enters now has left; `None` where there is no room.
    pub(super) fn pass(&mut self, now: Time, rate: Option<Rate>, len: usize) -> Option<Time> {
        let Some(rate) = rate else { return Some(now) };
        let nanos = |bytes: u64| Duration::from_nanos(bytes * 1_000_000_000 / rate.bytes.max(1));
        let waiting = self.empty_at.since(now);
        if waiting > nanos(rate.queue) {
            return None;
        }
        self.empty_at = self.empty_at.max(now) + nanos(len as u64 + rate.overhead);
        Some(self.empty_at)
    }
}
