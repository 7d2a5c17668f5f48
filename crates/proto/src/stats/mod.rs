//! Summaries of measured times: what ping, relay and bench print at their end.
//!
//! A [`Summary`] takes one duration after another in constant memory and gives minimum, mean, maximum,
//! deviation, a moving average, jitter and percentiles. [`Moments`] is its small part, for tables of
//! thousands of hosts.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Count, minimum, mean, maximum and deviation of durations, in 40 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    count: u64,
    min: u64,
    max: u64,
    // Welford's running mean and sum of squared distances from it: no cancellation for close values.
    mean: f64,
    distances: f64,
}

impl Moments {
    /// Takes one more duration.
    pub fn record(&mut self, value: Duration) {
        let nanos = nanos(value);
        self.count += 1;
        self.min = if self.count == 1 { nanos } else { self.min.min(nanos) };
        self.max = self.max.max(nanos);
        let distance = nanos as f64 - self.mean;
        self.mean += distance / self.count as f64;
        self.distances += distance * (nanos as f64 - self.mean);
    }

    /// How many durations were taken.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The smallest; zero where there is none.
    pub fn min(&self) -> Duration {
        Duration::from_nanos(self.min)
    }

    /// The mean; zero where there is none.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.mean as u64)
    }

    /// The largest; zero where there is none.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The standard deviation of all that were taken (ping's mdev); zero where there is none.
    pub fn deviation(&self) -> Duration {
        if self.count == 0 {
            return Duration::ZERO;
        }
        Duration::from_nanos((self.distances / self.count as f64).max(0.0).sqrt() as u64)
    }
}

/// Everything that is said about a series of durations.
#[derive(Debug, Clone)]
pub struct Summary {
    moments: Moments,
    ewma: f64,
    jitter: f64,
    last: u64,
    histogram: Histogram<u32>,
}

impl Default for Summary {
    fn default() -> Self {
        Self::new()
    }
}

impl Summary {
    /// An empty summary. Percentiles are exact to three digits up to an hour; longer durations count as
    /// an hour there.
    pub fn new() -> Self {
        let histogram =
            Histogram::new_with_bounds(1, HOUR, 3).expect("1 < an hour in nanoseconds, and 3 <= 5 digits");
        Self { moments: Moments::default(), ewma: 0.0, jitter: 0.0, last: 0, histogram }
    }

    /// Takes one more duration.
    pub fn record(&mut self, value: Duration) {
        let nanos = nanos(value);
        if self.moments.count == 0 {
            self.ewma = nanos as f64;
        } else {
            // RFC 6298 smooths a round-trip time by an eighth, RFC 3550 section 6.4.1 jitter by a sixteenth.
            self.ewma += (nanos as f64 - self.ewma) / 8.0;
            self.jitter += (nanos.abs_diff(self.last) as f64 - self.jitter) / 16.0;
        }
        self.last = nanos;
        self.moments.record(value);
        self.histogram.saturating_record(nanos.clamp(1, HOUR));
    }

    /// Count, minimum, mean, maximum and deviation.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// The moving average, each new value weighing an eighth.
    pub fn ewma(&self) -> Duration {
        Duration::from_nanos(self.ewma as u64)
    }

    /// The smoothed difference between one duration and the next (RFC 3550 section 6.4.1).
    pub fn jitter(&self) -> Duration {
        Duration::from_nanos(self.jitter as u64)
    }

    /// The duration that `percent` (0 to 100) of all do not exceed, to three digits; zero where there is
    /// none.
    pub fn percentile(&self, percent: f64) -> Duration {
        if self.moments.count == 0 {
            return Duration::ZERO;
        }
        let value = self.histogram.value_at_quantile((percent / 100.0).clamp(0.0, 1.0));
        // A bucket's upper end may lie beyond the largest value seen.
        Duration::from_nanos(value.clamp(self.moments.min, self.moments.max))
    }
}

const HOUR: u64 = 3_600_000_000_000;

fn nanos(value: Duration) -> u64 {
    u64::try_from(value.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    #[test]
    fn nothing_recorded_is_all_zero() {
        let empty = Summary::new();
        assert_eq!(empty.moments().count(), 0);
        assert_eq!(
            [empty.moments().min(), empty.moments().deviation(), empty.percentile(99.0)],
            [Duration::ZERO; 3]
        );
    }

    #[test]
    fn moments_of_a_known_series() {
        let mut moments = Moments::default();
        for value in [2, 4, 4, 4, 5, 5, 7, 9] {
            moments.record(ms(value));
        }
        assert_eq!(
            [moments.min(), moments.mean(), moments.max(), moments.deviation()],
            [ms(2), ms(5), ms(9), ms(2)]
        );
    }

    #[test]
    fn percentiles_are_close_and_within_what_was_seen() {
        let mut summary = Summary::new();
        for value in 1..=1000 {
            summary.record(ms(value));
        }
        for percent in [50, 90, 99] {
            let (got, want) = (summary.percentile(f64::from(percent)), ms(u64::from(percent as u32) * 10));
            assert!(got.abs_diff(want) <= want / 500, "p{percent} = {got:?}");
        }
        assert_eq!(summary.percentile(100.0), ms(1000));
        assert_eq!(summary.jitter().as_millis(), 0, "steps of 1 ms approach 1 ms from below");
        assert!(summary.jitter() > Duration::from_micros(990));
    }

    #[test]
    fn extremes_do_not_panic() {
        let mut summary = Summary::new();
        summary.record(Duration::ZERO);
        summary.record(Duration::MAX);
        assert_eq!(summary.moments().min(), Duration::ZERO);
        assert!(summary.percentile(f64::NAN) <= Duration::from_nanos(u64::MAX));
    }
}
