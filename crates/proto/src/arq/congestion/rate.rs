//! The rate at which packets are delivered (draft-cheng-iccrg-delivery-rate-estimation).

use crate::time::Time;
use std::time::Duration;

/// What a packet remembers of the moment that it was sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stamp {
    delivered: u64,
    delivered_at: Time,
    first_sent: Time,
    app_limited: bool,
    /// Bytes in flight with it.
    in_flight: u64,
}

/// What an acknowledgement tells of the path.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    /// Bytes a second; 0 where it cannot be told.
    pub(crate) rate: u64,
    /// Bytes delivered in all, when the packet was sent and now.
    pub(crate) prior_delivered: u64,
    pub(crate) delivered: u64,
    /// Bytes in flight when the packet was sent.
    pub(crate) in_flight: u64,
    /// Whether the application, and not the path, set the pace.
    pub(crate) app_limited: bool,
    /// The round-trip time of the packet.
    pub(crate) rtt: Duration,
}

/// Counts what is delivered.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    delivered: u64,
    delivered_at: Time,
    first_sent: Time,
    /// Samples are the application's until so much is delivered.
    app_limited_until: u64,
}

impl Rate {
    /// Counts anew, on another path.
    pub(crate) fn new(now: Time) -> Self {
        Self { delivered_at: now, first_sent: now, ..Self::default() }
    }

    pub(crate) fn sent(&mut self, now: Time, in_flight: u64, size: u64) -> Stamp {
        if in_flight == 0 {
            self.first_sent = now;
            self.delivered_at = now;
        }
        Stamp {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent: self.first_sent,
            app_limited: self.delivered < self.app_limited_until,
            in_flight: in_flight + size,
        }
    }

    pub(crate) fn acked(&mut self, now: Time, bytes: u64) {
        self.delivered += bytes;
        self.delivered_at = now;
    }

    /// There is nothing to send though there might be.
    pub(crate) fn app_limited(&mut self, in_flight: u64) {
        self.app_limited_until = (self.delivered + in_flight).max(1);
    }

    /// The sample of the newest acknowledged packet, sent at `sent`.
    pub(crate) fn sample(&mut self, now: Time, stamp: &Stamp, sent: Time, min_rtt: Duration) -> Sample {
        self.first_sent = sent;
        let between = self.delivered.saturating_sub(stamp.delivered);
        // Acknowledgements may be bunched, departures may be: the slower of both tells the truth.
        let interval = now.since(stamp.delivered_at).max(sent.since(stamp.first_sent));
        let rate = if interval < min_rtt || interval.is_zero() {
            0
        } else {
            (u128::from(between) * 1_000_000_000 / interval.as_nanos()) as u64
        };
        Sample {
            rate,
            prior_delivered: stamp.delivered,
            delivered: self.delivered,
            in_flight: stamp.in_flight,
            app_limited: stamp.app_limited,
            rtt: now.since(sent),
        }
    }
}
