//! BBR, after draft-ietf-ccwg-bbr (version 3): a model of the path, bandwidth and delay, instead of loss.
//!
//! One thing is decided differently. The draft takes any round that lost more than 2 % for a full queue, so
//! that random loss of 3 % stalls it. Here such a round counts only where the queue can be seen (the
//! round-trip time stands above its minimum), or where the loss is far beyond what a radio link has.

use super::{Acked, Controller, INITIAL_PACKETS, Lost, Rtt};
use crate::time::Time;
use std::time::Duration;

const STARTUP_GAIN: f64 = 2.77;
const DRAIN_GAIN: f64 = 0.35;
const UP_GAIN: f64 = 1.25;
const DOWN_GAIN: f64 = 0.9;
/// Send a little less than was measured, so that a queue of one's own drains.
const MARGIN: f64 = 0.99;
const BETA: f64 = 0.7;
const HEADROOM: f64 = 0.85;
const LOSS_WITH_QUEUE: f64 = 0.02;
const LOSS_WITHOUT_QUEUE: f64 = 0.15;
const MIN_LOSSES: u64 = 6;
const MIN_PACKETS: u64 = 4;
const MIN_RTT_WINDOW: Duration = Duration::from_secs(10);
const PROBE_RTT_INTERVAL: Duration = Duration::from_secs(5);
const PROBE_RTT_TIME: Duration = Duration::from_millis(200);
const CRUISE: Duration = Duration::from_millis(2500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Startup,
    Drain,
    Down,
    Cruise,
    Refill,
    Up,
    ProbeRtt,
}

/// What a round of one round trip showed.
#[derive(Debug, Default, Clone, Copy)]
struct Round {
    lost: u64,
    losses: u64,
    delivered_before: u64,
    min_rtt: Option<Duration>,
    /// The most that was in flight when a packet was sent.
    in_flight: u64,
}

#[derive(Debug)]
pub(crate) struct Bbr {
    mtu: u64,
    phase: Phase,
    phase_since: Time,
    window: u64,
    pace: u64,
    /// The largest rates of this cycle of probing and of the last.
    max_rate: [u64; 2],
    full_rate: u64,
    full_rounds: u8,
    min_rtt: Option<Duration>,
    min_rtt_at: Time,
    probe_rtt_min: Duration,
    probe_rtt_at: Time,
    round: Round,
    rounds: u64,
    round_end: u64,
    phase_round: u64,
    /// Bounds of what may be in flight: found when probing, and for now.
    ceiling: u64,
    short_term: u64,
    probe_rtt_done: Option<Time>,
    restore: u64,
    bunches: Bunches,
}

/// How far acknowledgements that come in bunches run ahead of the rate: as much must be in flight on top, or a
/// path that jitters stands still between two bunches.
#[derive(Debug, Default)]
struct Bunches {
    since: Time,
    acked: u64,
    /// The most of this period of rounds and of the last.
    most: [u64; 2],
    period: u64,
}

impl Bunches {
    /// Rounds of one period.
    const ROUNDS: u64 = 5;
    /// No bunch is longer than what goes in this time.
    const LONGEST: f64 = 0.1;

    fn acked(&mut self, acked: &Acked<'_>, bandwidth: u64, rounds: u64) {
        let expected = |since| (bandwidth as f64 * acked.now.since(since).as_secs_f64()) as u64;
        if self.acked <= expected(self.since) {
            (self.since, self.acked) = (acked.now, 0);
        }
        self.acked += acked.bytes;
        let extra = self.acked.saturating_sub(expected(self.since));
        if rounds >= self.period + Self::ROUNDS {
            self.period = rounds;
            self.most = [0, self.most[0]];
        }
        self.most[0] = self.most[0].max(extra.min((bandwidth as f64 * Self::LONGEST) as u64));
    }

    fn extra(&self) -> u64 {
        self.most[0].max(self.most[1])
    }
}

impl Bbr {
    pub(crate) fn new(now: Time, mtu: u16) -> Self {
        let mtu = u64::from(mtu);
        Self {
            mtu,
            phase: Phase::Startup,
            phase_since: now,
            window: INITIAL_PACKETS * mtu,
            pace: 0,
            max_rate: [0; 2],
            full_rate: 0,
            full_rounds: 0,
            min_rtt: None,
            min_rtt_at: now,
            probe_rtt_min: Duration::MAX,
            probe_rtt_at: now,
            round: Round::default(),
            rounds: 0,
            round_end: 0,
            phase_round: 0,
            ceiling: u64::MAX,
            short_term: u64::MAX,
            probe_rtt_done: None,
            restore: 0,
            bunches: Bunches::default(),
        }
    }

    fn bandwidth(&self) -> u64 {
        self.max_rate[0].max(self.max_rate[1])
    }

    /// Bytes that fill the path, times `gain`.
    fn bdp(&self, gain: f64) -> u64 {
        let Some(min_rtt) = self.min_rtt else { return INITIAL_PACKETS * self.mtu };
        (gain * self.bandwidth() as f64 * min_rtt.as_secs_f64()) as u64
    }

    fn enter(&mut self, phase: Phase, now: Time) {
        self.phase = phase;
        self.phase_since = now;
        self.phase_round = self.rounds;
    }

    fn gains(&self) -> (f64, f64) {
        match self.phase {
            Phase::Startup => (STARTUP_GAIN, 2.0),
            Phase::Drain => (DRAIN_GAIN, 2.0),
            Phase::Down => (DOWN_GAIN, 2.0),
            Phase::Cruise | Phase::Refill => (1.0, 2.0),
            Phase::Up => (UP_GAIN, 2.25),
            Phase::ProbeRtt => (1.0, 0.5),
        }
    }

    /// Whether the round that ends shows a full queue.
    fn is_congested(&self, delivered: u64) -> bool {
        let arrived = delivered - self.round.delivered_before;
        let share = self.round.lost as f64 / (self.round.lost + arrived).max(1) as f64;
        let queue = match (self.round.min_rtt, self.min_rtt) {
            (Some(now), Some(min)) => now > min + min / 4 + Duration::from_millis(1),
            _ => false,
        };
        let limit = if queue { LOSS_WITH_QUEUE } else { LOSS_WITHOUT_QUEUE };
        self.round.losses >= MIN_LOSSES && share > limit
    }

    fn end_round(&mut self, acked: &Acked<'_>) {
        let now = acked.now;
        let congested = self.is_congested(acked.sample.delivered);
        if self.phase == Phase::Startup && !acked.sample.app_limited {
            if self.bandwidth() as f64 >= self.full_rate as f64 * 1.25 {
                (self.full_rate, self.full_rounds) = (self.bandwidth(), 0);
            } else {
                self.full_rounds += 1;
            }
            if self.full_rounds >= 3 || congested {
                if congested {
                    self.ceiling = self.bdp(1.0).max(self.round.in_flight);
                }
                self.enter(Phase::Drain, now);
            }
        } else if self.phase == Phase::Up && !congested {
            // The first round shows what was sent before it.
            if self.bandwidth() as f64 >= self.full_rate as f64 * 1.15 {
                (self.full_rate, self.full_rounds) = (self.bandwidth(), 0);
            } else {
                self.full_rounds = self.full_rounds.saturating_add(1);
            }
        } else if congested {
            self.congestion(now, acked.sample.delivered - self.round.delivered_before);
        }
        self.rounds += 1;
        self.round_end = acked.sample.delivered;
        self.round = Round { delivered_before: acked.sample.delivered, ..Round::default() };
    }

    fn congestion(&mut self, now: Time, arrived: u64) {
        match self.phase {
            Phase::Refill | Phase::Up => {
                let target = (BETA * self.bdp(1.0).min(self.ceiling) as f64) as u64;
                self.ceiling = self.round.in_flight.max(target);
                self.start_cycle(now);
            }
            _ => {
                let before = self.short_term.min(self.window);
                self.short_term = arrived.max((before as f64 * BETA) as u64);
            }
        }
    }

    fn start_cycle(&mut self, now: Time) {
        // Of a cycle in which the application set the pace, nothing was learned.
        if self.max_rate[0] > 0 {
            self.max_rate = [0, self.max_rate[0]];
        }
        self.enter(Phase::Down, now);
    }

    fn update_min_rtt(&mut self, acked: &Acked<'_>) {
        let (now, rtt) = (acked.now, acked.sample.rtt);
        self.round.min_rtt = Some(self.round.min_rtt.map_or(rtt, |m| m.min(rtt)));
        if rtt <= self.probe_rtt_min || now.since(self.probe_rtt_at) > PROBE_RTT_INTERVAL * 2 {
            self.probe_rtt_min = rtt;
            self.probe_rtt_at = now;
        }
        if self.min_rtt.is_none_or(|m| rtt <= m) || now.since(self.min_rtt_at) > MIN_RTT_WINDOW {
            self.min_rtt = Some(self.probe_rtt_min.min(rtt));
            self.min_rtt_at = now;
        }
    }

    fn advance(&mut self, acked: &Acked<'_>) {
        let (now, in_flight) = (acked.now, acked.in_flight);
        let elapsed = now.since(self.phase_since);
        let rtt = self.min_rtt.unwrap_or(acked.sample.rtt);
        match self.phase {
            Phase::Startup => {}
            Phase::Drain if in_flight <= self.bdp(1.0) => self.start_cycle(now),
            Phase::Drain => {}
            Phase::Down => {
                let room = (self.ceiling as f64 * HEADROOM) as u64;
                if in_flight <= self.bdp(1.0).min(room) || elapsed > rtt * 4 {
                    self.enter(Phase::Cruise, now);
                }
            }
            Phase::Cruise => {
                // Like a Reno flow of this window, so as not to starve one; at most every few seconds.
                let packets = (self.bdp(1.0) / self.mtu).clamp(8, 63);
                if elapsed > CRUISE || self.rounds - self.phase_round >= packets {
                    self.short_term = u64::MAX;
                    self.enter(Phase::Refill, now);
                }
            }
            Phase::Refill if self.rounds > self.phase_round + 1 => {
                (self.full_rate, self.full_rounds) = (self.bandwidth(), 0);
                self.enter(Phase::Up, now);
            }
            Phase::Refill => {}
            Phase::Up => {
                if acked.prior_in_flight + 2 * self.mtu >= self.ceiling {
                    self.ceiling = self.ceiling.saturating_add(acked.bytes);
                }
                // As long as the rate grows the path has more.
                let full = acked.prior_in_flight >= self.bdp(UP_GAIN) || elapsed > rtt * 6;
                if self.full_rounds >= 2 && full {
                    self.start_cycle(now);
                }
            }
            Phase::ProbeRtt => self.probe_rtt(now, in_flight),
        }
        if self.phase != Phase::ProbeRtt
            && self.phase != Phase::Startup
            && now.since(self.probe_rtt_at) > PROBE_RTT_INTERVAL
        {
            self.restore = self.window;
            self.probe_rtt_done = None;
            self.enter(Phase::ProbeRtt, now);
        }
    }

    fn probe_rtt(&mut self, now: Time, in_flight: u64) {
        match self.probe_rtt_done {
            None if in_flight <= self.bdp(0.5).max(MIN_PACKETS * self.mtu) => {
                self.probe_rtt_done = Some(now + PROBE_RTT_TIME);
                self.phase_round = self.rounds;
            }
            Some(done) if now >= done && self.rounds > self.phase_round => {
                self.probe_rtt_at = now;
                self.window = self.window.max(self.restore);
                self.short_term = u64::MAX;
                self.enter(Phase::Cruise, now);
            }
            _ => {}
        }
    }

    fn set_window(&mut self, acked: &Acked<'_>) {
        let (_, gain) = self.gains();
        // What one burst and its answer hold comes on top.
        let quantum = (self.pace / 1000).clamp(2 * self.mtu, 64 << 10);
        let target = self.bdp(gain) + 3 * quantum + self.bunches.extra();
        if self.phase == Phase::Startup && self.full_rounds == 0 {
            self.window += acked.bytes;
        } else {
            self.window = (self.window + acked.bytes).min(target);
        }
        let cap = match self.phase {
            Phase::Startup | Phase::Up | Phase::Refill => self.ceiling,
            Phase::ProbeRtt => self.bdp(0.5),
            _ => (self.ceiling as f64 * HEADROOM) as u64,
        };
        self.window = self.window.min(cap.min(self.short_term)).max(MIN_PACKETS * self.mtu);
    }
}

impl Controller for Bbr {
    fn acked(&mut self, acked: &Acked<'_>) {
        let sample = &acked.sample;
        self.round.in_flight = self.round.in_flight.max(sample.in_flight);
        self.update_min_rtt(acked);
        if sample.rate > 0 && (!sample.app_limited || sample.rate >= self.bandwidth()) {
            self.max_rate[0] = self.max_rate[0].max(sample.rate);
        }
        if sample.prior_delivered >= self.round_end {
            self.end_round(acked);
        }
        self.bunches.acked(acked, self.bandwidth(), self.rounds);
        self.advance(acked);
        let (gain, _) = self.gains();
        let pace = (gain * MARGIN * self.bandwidth() as f64) as u64;
        if self.phase != Phase::Startup || pace > self.pace {
            self.pace = pace;
        }
        self.set_window(acked);
    }

    fn lost(&mut self, lost: &Lost) {
        self.round.lost += lost.bytes;
        self.round.losses += lost.packets;
        if lost.persistent {
            self.window = MIN_PACKETS * self.mtu;
        }
    }

    fn spurious(&mut self) {}

    fn window(&self) -> u64 {
        self.window
    }

    fn rate(&self, rtt: &Rtt) -> u64 {
        if self.pace > 0 {
            // However little was measured, the smallest window goes in a round trip.
            let least = (MIN_PACKETS * self.mtu) as f64 / rtt.smoothed().as_secs_f64().max(1e-6);
            return self.pace.max(least as u64);
        }
        let start = if rtt.is_known() { rtt.smoothed() } else { Duration::from_millis(1) };
        (STARTUP_GAIN * self.window as f64 / start.as_secs_f64()) as u64
    }

    fn mtu(&mut self, mtu: u16) {
        self.mtu = u64::from(mtu);
        self.window = self.window.max(MIN_PACKETS * self.mtu);
    }

    fn phase(&self) -> &'static str {
        match self.phase {
            Phase::Startup => "startup",
            Phase::Drain => "drain",
            Phase::Down => "probe-down",
            Phase::Cruise => "cruise",
            Phase::Refill => "refill",
            Phase::Up => "probe-up",
            Phase::ProbeRtt => "probe-rtt",
        }
    }
}
