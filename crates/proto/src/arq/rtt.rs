//! The round-trip time: RFC 6298 as refined by RFC 9002 section 5. No floor of 200 ms: a granularity of 1 ms.

use std::time::Duration;

/// What timers count in.
pub(crate) const GRANULARITY: Duration = Duration::from_millis(1);
const INITIAL: Duration = Duration::from_millis(200);

/// Estimates of the round-trip time of a path.
#[derive(Debug, Clone)]
pub struct Rtt {
    latest: Duration,
    smoothed: Option<Duration>,
    variation: Duration,
    min: Duration,
}

impl Rtt {
    pub(crate) fn new() -> Self {
        Self { latest: INITIAL, smoothed: None, variation: INITIAL / 2, min: INITIAL }
    }

    /// Takes a sample; `ack_delay` is what the peer says that it waited before it acknowledged.
    pub(crate) fn sample(&mut self, rtt: Duration, ack_delay: Duration) {
        let rtt = rtt.max(Duration::from_micros(1));
        self.latest = rtt;
        let Some(smoothed) = self.smoothed else {
            self.min = rtt;
            self.smoothed = Some(rtt);
            self.variation = rtt / 2;
            return;
        };
        self.min = self.min.min(rtt);
        let adjusted = if rtt >= self.min + ack_delay { rtt - ack_delay } else { rtt };
        let deviation = smoothed.abs_diff(adjusted);
        self.variation = (self.variation * 3 + deviation) / 4;
        self.smoothed = Some((smoothed * 7 + adjusted) / 8);
    }

    /// The smoothed round-trip time; 200 ms until there is a sample.
    pub fn smoothed(&self) -> Duration {
        self.smoothed.unwrap_or(INITIAL)
    }

    /// Whether there was a sample.
    pub fn is_known(&self) -> bool {
        self.smoothed.is_some()
    }

    /// The newest sample.
    pub fn latest(&self) -> Duration {
        self.latest
    }

    /// The smallest sample.
    pub fn min(&self) -> Duration {
        self.min
    }

    /// Whether a queue stands on the path.
    pub(crate) fn shows_queue(&self) -> bool {
        self.latest > self.min + self.min / 4 + GRANULARITY / 4
    }

    /// The mean deviation.
    pub fn variation(&self) -> Duration {
        self.variation
    }

    /// How long after the last packet its acknowledgement is overdue (RFC 9002 section 6.2.1).
    pub(crate) fn probe_timeout(&self, max_ack_delay: Duration) -> Duration {
        self.smoothed() + (self.variation * 4).max(GRANULARITY) + max_ack_delay
    }
}
