//! CUBIC (RFC 9438) with HyStart++ (RFC 9406).
//!
//! One thing is gentler: where the round-trip time shows no queue, a loss cuts the window to 0.85 and not to
//! 0.7, as RFC 8511 does for marks that come before a queue is full.

use super::{Acked, Controller, INITIAL_PACKETS, Lost, MIN_PACKETS, Rtt};
use crate::time::Time;
use std::time::Duration;

const BETA: f64 = 0.7;
const BETA_WITHOUT_QUEUE: f64 = 0.85;
const C: f64 = 0.4;
/// Growth of the Reno-friendly window: 3 (1 - β) / (1 + β).
const ALPHA: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);

/// What a congestion event replaced, so that it can be taken back.
#[derive(Debug, Clone, Copy)]
struct Before {
    window: u64,
    threshold: u64,
    w_max: f64,
    epoch: Option<Time>,
    reno: f64,
}

#[derive(Debug)]
pub(crate) struct Cubic {
    mtu: u64,
    window: u64,
    threshold: u64,
    /// In packets.
    w_max: f64,
    reno: f64,
    /// When this stage of congestion avoidance began, and how far from its plateau (seconds).
    epoch: Option<Time>,
    k: f64,
    w_epoch: f64,
    /// Losses of packets sent before are one event.
    recovery: Option<Time>,
    before: Option<Before>,
    start: HyStart,
}

impl Cubic {
    pub(crate) fn new(mtu: u16) -> Self {
        let mtu = u64::from(mtu);
        Self {
            mtu,
            window: INITIAL_PACKETS * mtu,
            threshold: u64::MAX,
            w_max: 0.0,
            reno: 0.0,
            epoch: None,
            k: 0.0,
            w_epoch: 0.0,
            recovery: None,
            before: None,
            start: HyStart::default(),
        }
    }

    fn packets(&self) -> f64 {
        self.window as f64 / self.mtu as f64
    }

    fn slow_start(&mut self, acked: &Acked<'_>) {
        let grow = self.start.acked(acked);
        self.window += grow;
        if self.start.is_done() {
            self.threshold = self.window;
        }
    }

    fn avoidance(&mut self, acked: &Acked<'_>) {
        let now = acked.now;
        let cwnd = self.packets();
        let epoch = *self.epoch.get_or_insert_with(|| {
            self.w_epoch = cwnd;
            self.w_max = self.w_max.max(cwnd);
            self.reno = cwnd;
            self.k = ((self.w_max - cwnd) / C).cbrt();
            now
        });
        let rtt = acked.rtt.smoothed().as_secs_f64();
        let t = now.since(epoch).as_secs_f64();
        let plateau = |t: f64| C * (t - self.k).powi(3) + self.w_max;
        let packets = acked.bytes as f64 / self.mtu as f64;
        // Once the Reno-friendly window is back where it was cut, it grows like Reno's.
        let alpha = if self.reno >= self.w_max { 1.0 } else { ALPHA };
        self.reno += alpha * packets / cwnd;
        let grown = if plateau(t) < self.reno {
            self.reno.max(cwnd)
        } else {
            let target = plateau(t + rtt).clamp(cwnd, 1.5 * cwnd);
            cwnd + (target - cwnd) / cwnd * packets
        };
        self.window = (grown * self.mtu as f64) as u64;
    }
}

impl Controller for Cubic {
    fn acked(&mut self, acked: &Acked<'_>) {
        if self.recovery.is_some_and(|r| acked.sent_at <= r) {
            return;
        }
        // A window that was not used says nothing about a larger one.
        let starting = self.window < self.threshold;
        if (acked.sample.app_limited || starting) && acked.prior_in_flight * 2 < self.window {
            self.epoch = self.epoch.map(|e| e + acked.sample.rtt.min(acked.now.since(e)));
            return;
        }
        if self.window < self.threshold { self.slow_start(acked) } else { self.avoidance(acked) }
    }

    fn lost(&mut self, lost: &Lost) {
        let min = MIN_PACKETS * self.mtu;
        if lost.persistent {
            self.window = min;
            self.threshold = self.threshold.min(self.window * 4);
            self.epoch = None;
            self.before = None;
            self.recovery = Some(lost.now);
            return;
        }
        if self.recovery.is_some_and(|r| lost.sent_at <= r) {
            return;
        }
        let cwnd = self.packets();
        self.before = Some(Before {
            window: self.window,
            threshold: self.threshold,
            w_max: self.w_max,
            epoch: self.epoch,
            reno: self.reno,
        });
        self.recovery = Some(lost.now);
        // Fast convergence: leave room for others when the plateau sinks.
        self.w_max = if cwnd < self.w_max { cwnd * (1.0 + BETA) / 2.0 } else { cwnd };
        let beta = if lost.queue { BETA } else { BETA_WITHOUT_QUEUE };
        self.window = ((cwnd * beta) * self.mtu as f64) as u64;
        self.window = self.window.max(min);
        self.threshold = self.window;
        self.epoch = None;
    }

    fn spurious(&mut self) {
        if let Some(before) = self.before.take() {
            self.window = self.window.max(before.window);
            self.threshold = before.threshold;
            self.w_max = before.w_max;
            self.epoch = before.epoch;
            self.reno = before.reno;
            self.recovery = None;
        }
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn rate(&self, rtt: &Rtt) -> u64 {
        let gain = if self.window < self.threshold { 2.0 } else { 1.25 };
        (gain * self.window as f64 / rtt.smoothed().as_secs_f64().max(1e-6)) as u64
    }

    fn mtu(&mut self, mtu: u16) {
        let mtu = u64::from(mtu);
        // The first window is counted in packets.
        self.window = self.window.max((INITIAL_PACKETS * mtu).min(self.threshold)).max(MIN_PACKETS * mtu);
        let scale = self.mtu as f64 / mtu as f64;
        self.w_max *= scale;
        self.reno *= scale;
        self.mtu = mtu;
        self.epoch = None;
    }

    fn phase(&self) -> &'static str {
        if self.window < self.threshold { "slow-start" } else { "avoidance" }
    }
}

/// HyStart++: leaves slow start when the round-trip time grows, before the queue overflows.
#[derive(Debug, Default)]
struct HyStart {
    round_end: u64,
    samples: u8,
    round_min: Option<Duration>,
    last_min: Option<Duration>,
    /// Rounds of conservative slow start left, and the round-trip time that began it.
    conservative: Option<(u8, Duration)>,
    done: bool,
}

impl HyStart {
    const SAMPLES: u8 = 8;
    const ROUNDS: u8 = 5;
    const DIVISOR: u64 = 4;

    fn is_done(&self) -> bool {
        self.done
    }

    /// Gives the bytes by which the window grows.
    fn acked(&mut self, acked: &Acked<'_>) -> u64 {
        if acked.sample.prior_delivered >= self.round_end {
            self.round_end = acked.sample.delivered;
            self.last_min = self.round_min.take();
            self.samples = 0;
            if let Some((rounds, _)) = &mut self.conservative {
                *rounds -= 1;
                self.done = *rounds == 0;
            }
        }
        self.samples = self.samples.saturating_add(1);
        let rtt = acked.sample.rtt;
        let min = self.round_min.map_or(rtt, |m| m.min(rtt));
        self.round_min = Some(min);
        if self.samples >= Self::SAMPLES
            && let Some(last) = self.last_min
        {
            let slack = (last / 8).clamp(Duration::from_millis(4), Duration::from_millis(16));
            match self.conservative {
                None if min >= last + slack => self.conservative = Some((Self::ROUNDS, min)),
                Some((_, base)) if min < base => self.conservative = None,
                _ => {}
            }
        }
        if self.conservative.is_some() { acked.bytes / Self::DIVISOR } else { acked.bytes }
    }
}
