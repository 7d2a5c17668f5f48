//! Loss detection by packet and time thresholds (RFC 9002 section 6.1), both of which widen when packets turn
//! out to be late and not lost (as RACK does, RFC 8985), and probe timeouts.

use super::{
    rtt::{GRANULARITY, Rtt},
    sent_packets::SentPackets,
};
use crate::time::Time;
use std::time::Duration;

const PACKET_THRESHOLD: u64 = 3;
const MAX_PACKET_THRESHOLD: u64 = 1000;
/// Loss episodes without a spurious one after which the thresholds are narrow again (RFC 8985: 16).
const PATIENCE: u8 = 16;
const MAX_BACKOFF: u32 = 10;
/// Probes do not become rarer than this, so that a path that heals is soon found to.
const MAX_PROBE: Duration = Duration::from_secs(2);

/// Decides what is lost.
#[derive(Debug, Clone)]
pub(crate) struct Loss {
    largest_acked: Option<u64>,
    packet_threshold: u64,
    /// Eighths of the round-trip time that a packet may be late: at first 1.
    eighths: u32,
    calm: u8,
    /// Probe timeouts since the last acknowledgement.
    probes: u32,
    /// When the last packet that asks for an acknowledgement went.
    last_sent: Time,
}

impl Loss {
    pub(crate) fn new() -> Self {
        Self {
            largest_acked: None,
            packet_threshold: PACKET_THRESHOLD,
            eighths: 1,
            calm: 0,
            probes: 0,
            last_sent: Time::ZERO,
        }
    }

    pub(crate) fn largest_acked(&self) -> Option<u64> {
        self.largest_acked
    }

    pub(crate) fn sent(&mut self, now: Time) {
        self.last_sent = now;
    }

    pub(crate) fn acked(&mut self, largest: u64) {
        self.largest_acked = self.largest_acked.max(Some(largest));
        self.probes = 0;
    }

    /// Probe timeouts in a row.
    pub(crate) fn probes(&self) -> u32 {
        self.probes
    }

    pub(crate) fn probed(&mut self, now: Time) {
        self.probes = self.probes.saturating_add(1);
        self.last_sent = now;
    }

    /// A packet that was declared lost arrived after all: wait longer from now on.
    pub(crate) fn spurious(&mut self, number: u64) {
        let late = self.largest_acked.map_or(0, |l| l.saturating_sub(number));
        self.packet_threshold = self.packet_threshold.max((late + 1).min(MAX_PACKET_THRESHOLD));
        self.eighths = (self.eighths + 2).min(8);
        self.calm = 0;
    }

    fn delay(&self, rtt: &Rtt) -> Duration {
        let base = rtt.smoothed().max(rtt.latest());
        (base + base * self.eighths / 8).max(GRANULARITY)
    }

    /// Declares packets lost; gives their numbers, and when to look again.
    pub(crate) fn detect(
        &mut self,
        now: Time,
        rtt: &Rtt,
        sent: &mut SentPackets,
    ) -> (Vec<u64>, Option<Time>) {
        let Some(largest) = self.largest_acked else { return (Vec::new(), None) };
        let delay = self.delay(rtt);
        let mut again: Option<Time> = None;
        let threshold = self.packet_threshold;
        let lost = sent.declare_lost(largest, |number, packet| {
            let due = packet.at + delay;
            let lost = number + threshold <= largest || due <= now;
            if !lost {
                again = Some(again.map_or(due, |a| a.min(due)));
            }
            lost
        });
        if !lost.is_empty() {
            self.calm = self.calm.saturating_add(1);
            if self.calm >= PATIENCE {
                (self.packet_threshold, self.eighths, self.calm) = (PACKET_THRESHOLD, 1, 0);
            }
        }
        (lost, again)
    }

    /// When a silent peer is probed; `None` with nothing on its way.
    pub(crate) fn probe_at(&self, rtt: &Rtt, max_ack_delay: Duration, sent: &SentPackets) -> Option<Time> {
        if sent.outstanding() == 0 {
            return None;
        }
        let timeout = rtt.probe_timeout(max_ack_delay) * 2u32.pow(self.probes.min(MAX_BACKOFF));
        Some(self.last_sent + timeout.min(MAX_PROBE))
    }
}
