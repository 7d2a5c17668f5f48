//! Pacing: a token bucket that spreads a window over its round trip, in bursts of at most a millisecond.

use crate::time::Time;
use std::time::Duration;

const BURST: Duration = Duration::from_millis(1);
/// A burst may always be this many packets, so that a slow path is not paced packet by packet.
const PACKETS: u64 = 2;

/// Lets bytes go at a rate.
#[derive(Debug, Clone)]
pub(crate) struct Pacer {
    tokens: u64,
    at: Time,
    /// The fraction of a byte left over, in bytes × nanoseconds.
    rest: u64,
}

impl Pacer {
    pub(crate) fn new(now: Time) -> Self {
        Self { tokens: u64::MAX, at: now, rest: 0 }
    }

    /// When `bytes` may go at `rate` (bytes a second): `None` is now. `late` is how much later than asked
    /// the driver woke: what it missed is not lost.
    pub(crate) fn wait(&mut self, now: Time, rate: u64, mtu: u64, late: Duration) -> Option<Time> {
        let elapsed = now.since(self.at).as_nanos() as u64;
        let span = (BURST + late).as_nanos() as u64;
        let burst = (rate as u128 * span as u128 / 1_000_000_000) as u64;
        let burst = burst.max(PACKETS * mtu);
        let grown = rate as u128 * elapsed as u128 + self.rest as u128;
        self.tokens = self.tokens.saturating_add((grown / 1_000_000_000) as u64);
        self.rest = (grown % 1_000_000_000) as u64;
        self.at = now;
        if self.tokens >= burst {
            self.tokens = burst;
            self.rest = 0;
        }
        if self.tokens >= mtu {
            return None;
        }
        // Wake for half a burst at a time: fewer, fuller calls to the kernel.
        let want = (burst / 2).max(mtu) - self.tokens;
        let nanos = (u128::from(want) * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
        Some(now + Duration::from_nanos(nanos.min(1_000_000_000) as u64))
    }

    pub(crate) fn sent(&mut self, bytes: u64) {
        self.tokens = self.tokens.saturating_sub(bytes);
    }
}
