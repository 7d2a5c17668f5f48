//! The way to a host: probes whose time to live ends one router further each time (RFC 1393's purpose, by
//! the means of every traceroute).

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{Report, Stamp};
use crate::stats::Moments;

/// What to ask and for how long.
#[derive(Debug, Clone)]
pub struct TracePlan {
    /// The farthest hop to ask, 1 to 255.
    pub hops: u8,
    /// How often each hop is asked.
    pub rounds: u32,
    /// Between one probe and the next.
    pub interval: Duration,
    /// How long to wait for the answers to the last probes.
    pub timeout: Duration,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceStep {
    /// Send a probe with this sequence number and time to live, and say so by [`Trace::sent`].
    Send {
        /// The sequence number on the wire.
        sequence: u16,
        /// After how many hops it ends.
        ttl: u8,
    },
    /// Nothing to do before this moment, unless something arrives.
    Wait(Instant),
    /// The way is known as well as it will be.
    Done,
}

/// What is known of one hop.
#[derive(Debug, Clone, Default)]
pub struct Hop {
    /// Who answered, in the order of first answers; several where the way forks.
    pub addresses: Vec<IpAddr>,
    /// Probes sent.
    pub transmitted: u32,
    /// Probes answered.
    pub received: u32,
    /// The times of the answers.
    pub times: Moments,
    /// What was reported, where it was not that the time to live had ended.
    pub report: Option<Report>,
}

impl Hop {
    /// The share of probes without an answer, 0 to 1.
    pub fn loss(&self) -> f64 {
        match self.transmitted {
            0 => 0.0,
            sent => f64::from(sent.saturating_sub(self.received)) / f64::from(sent),
        }
    }
}

/// Addresses remembered for one hop: a fork has few ways, and a liar may name many.
const MOST_ADDRESSES: usize = 8;

#[derive(Debug, Clone, Copy)]
struct Sent {
    ttl: u8,
    at: Stamp,
    answered: bool,
}

/// The trace as a machine: see the [module](super) for how to drive it.
#[derive(Debug)]
pub struct Trace {
    plan: TracePlan,
    sent: Vec<Sent>,
    hops: Vec<Hop>,
    /// The nearest hop that was the host itself, or beyond which nothing answers.
    last_hop: u8,
    round: u32,
    ttl: u8,
    due: Instant,
    last: Instant,
    arrived: bool,
    stopped: bool,
}

impl Trace {
    /// A trace that starts `now`.
    pub fn new(plan: TracePlan, now: Instant) -> Self {
        let last_hop = plan.hops.max(1);
        Self {
            plan,
            sent: Vec::new(),
            hops: Vec::new(),
            last_hop,
            round: 0,
            ttl: 1,
            due: now,
            last: now,
            arrived: false,
            stopped: false,
        }
    }

    /// What to do `now`.
    pub fn step(&mut self, now: Instant) -> TraceStep {
        if self.ttl > self.last_hop {
            self.ttl = 1;
            self.round += 1;
        }
        let all_sent = self.round >= self.plan.rounds || self.sent.len() > usize::from(u16::MAX);
        let end = self.last + self.plan.timeout;
        if self.stopped || (all_sent && (self.all_answered() || end <= now)) {
            return TraceStep::Done;
        }
        if all_sent {
            return TraceStep::Wait(end);
        }
        if self.due > now {
            return TraceStep::Wait(self.due);
        }
        TraceStep::Send { sequence: self.sent.len() as u16, ttl: self.ttl }
    }

    /// The offered probe went out.
    pub fn sent(&mut self, at: Stamp) {
        let index = usize::from(self.ttl) - 1;
        if self.hops.len() <= index {
            self.hops.resize_with(index + 1, Hop::default);
        }
        self.hops[index].transmitted += 1;
        self.sent.push(Sent { ttl: self.ttl, at, answered: false });
        self.ttl = self.ttl.saturating_add(1);
        self.last = at.now;
        self.due = at.now + self.plan.interval;
    }

    /// Someone answered the probe with this number: a router by a `report`, the host itself without one or
    /// with any other than that the time to live had ended. Gives the hop, from 1, and the time; `None`
    /// where no such probe was sent, or it was answered before.
    pub fn answered(
        &mut self,
        sequence: u16,
        from: IpAddr,
        report: Option<Report>,
        at: Stamp,
    ) -> Option<(u8, Duration)> {
        let probe = self.sent.get_mut(usize::from(sequence)).filter(|p| !p.answered)?;
        probe.answered = true;
        let (ttl, time) = (probe.ttl, at.since(&probe.at));
        let hop = self.hops.get_mut(usize::from(ttl) - 1)?;
        hop.received += 1;
        hop.times.record(time);
        if !hop.addresses.contains(&from) && hop.addresses.len() < MOST_ADDRESSES {
            hop.addresses.push(from);
        }
        if report.is_none_or(|r| !r.is_time_exceeded()) {
            hop.report = report;
            self.last_hop = self.last_hop.min(ttl);
            self.arrived = true;
        }
        Some((ttl, time))
    }

    /// End at the next step.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// The hops from the nearest on, without the silent ones beyond the last that answered.
    pub fn hops(&self) -> &[Hop] {
        let reached = &self.hops[..self.hops.len().min(usize::from(self.last_hop))];
        let answered = reached.iter().rposition(|h| h.received > 0).map_or(0, |at| at + 1);
        &reached[..answered]
    }

    /// Whether the host itself (or whoever refuses in front of it) answered.
    pub fn arrived(&self) -> bool {
        self.arrived
    }

    fn all_answered(&self) -> bool {
        self.sent.iter().all(|p| p.answered || p.ttl > self.last_hop)
    }
}
