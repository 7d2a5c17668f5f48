//! Many hosts: who is asked when, and what each one answered.
//!
//! Every probe carries a mark of its own in its payload: a secret of this run, the host's number, the
//! attempt, the moment of sending. An answer is believed when it brings the mark back from the address
//! that was asked, so nothing is kept for a probe under way and 65,534 hosts cost a small record each.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{Kind, Report, Stamp};
use crate::{
    stats::Moments,
    wire::{u32_at, u64_at},
};

/// What to ask and how fast.
#[derive(Debug, Clone)]
pub struct SweepPlan {
    /// How often each host is asked, at most [`SweepPlan::MOST_ATTEMPTS`].
    pub attempts: u32,
    /// Whether a host that has answered is left alone.
    pub until_answer: bool,
    /// Between two probes to the same host.
    pub interval: Duration,
    /// How long to wait for answers after the last probe.
    pub timeout: Duration,
    /// Probes per second, over all hosts.
    pub rate: u32,
}

impl SweepPlan {
    /// As many attempts as a host's record can tell apart.
    pub const MOST_ATTEMPTS: u32 = 64;
}

/// A probe to be sent: put [`Sweep::mark`] at the start of its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Which host, by its place in the list.
    pub host: u32,
    /// Where it is.
    pub address: IpAddr,
    /// The sequence number on the wire.
    pub sequence: u16,
    attempt: u32,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepStep {
    /// Send this probe.
    Send(Probe),
    /// Nothing to do before this moment, unless something arrives.
    Wait(Instant),
    /// Every host has answered, or the time is over.
    Done,
}

/// What is known of one host.
#[derive(Debug, Clone)]
pub struct HostStatistics {
    /// Where it is.
    pub address: IpAddr,
    /// Probes sent to it.
    pub transmitted: u32,
    /// Probes that it answered.
    pub received: u32,
    /// Answers beyond the first to a probe.
    pub duplicates: u32,
    /// Probes that a router or this machine refused.
    pub errors: u32,
    /// The times of its answers.
    pub times: Moments,
    /// The last error that a router reported.
    pub report: Option<Report>,
    answered: u64,
}

impl HostStatistics {
    /// The share of probes without an answer, 0 to 1; 0 where none was sent.
    pub fn loss(&self) -> f64 {
        match self.transmitted {
            0 => 0.0,
            sent => f64::from(sent.saturating_sub(self.received)) / f64::from(sent),
        }
    }
}

/// The length of a mark.
const MARK: usize = 24;
/// How much of a second's probes may go out at once when the schedule is behind.
const CATCH_UP: Duration = Duration::from_millis(2);

/// The sweep as a machine: see the [module](super) for how to drive it.
#[derive(Debug)]
pub struct Sweep {
    plan: SweepPlan,
    secret: u64,
    hosts: Vec<HostStatistics>,
    /// Which host a wire sequence number last went to: reports quote no more than that.
    asked: Vec<u32>,
    /// The next host and attempt to look at.
    next: usize,
    attempt: u32,
    sent: u64,
    answers: u64,
    unanswered: usize,
    due: Instant,
    /// When the round that is being opened may start.
    round: Instant,
    opening: bool,
    last: Instant,
    stopped: bool,
}

impl Sweep {
    /// A sweep over `addresses` that starts `now`. `secret` must be unpredictable to others.
    pub fn new(
        plan: SweepPlan,
        addresses: impl IntoIterator<Item = IpAddr>,
        secret: u64,
        now: Instant,
    ) -> Self {
        let host = |address| HostStatistics {
            address,
            transmitted: 0,
            received: 0,
            duplicates: 0,
            errors: 0,
            times: Moments::default(),
            report: None,
            answered: 0,
        };
        let hosts: Vec<_> = addresses.into_iter().map(host).collect();
        let plan = SweepPlan {
            attempts: plan.attempts.clamp(1, SweepPlan::MOST_ATTEMPTS),
            rate: plan.rate.max(1),
            ..plan
        };
        Self {
            plan,
            secret,
            unanswered: hosts.len(),
            hosts,
            asked: Vec::new(),
            next: 0,
            attempt: 0,
            sent: 0,
            answers: 0,
            due: now,
            round: now,
            opening: true,
            last: now,
            stopped: false,
        }
    }

    /// What to do `now`. A probe that is given out counts as sent.
    pub fn step(&mut self, now: Instant) -> SweepStep {
        if self.stopped || self.all_answered() {
            return SweepStep::Done;
        }
        let Some(host) = self.choose() else {
            let end = self.last + self.plan.timeout;
            return if end <= now { SweepStep::Done } else { SweepStep::Wait(end) };
        };
        let due = if self.opening { self.due.max(self.round) } else { self.due };
        if due > now {
            return SweepStep::Wait(due);
        }
        SweepStep::Send(self.send(host, now))
    }

    /// Writes the probe's mark, with the time of day of its sending, over the start of its payload, as much
    /// as fits.
    pub fn mark(&self, probe: &Probe, wall: Duration, payload: &mut [u8]) {
        let mut mark = [0; MARK];
        mark[..8].copy_from_slice(&self.secret.to_be_bytes());
        mark[8..12].copy_from_slice(&probe.host.to_be_bytes());
        mark[12..16].copy_from_slice(&probe.attempt.to_be_bytes());
        mark[16..].copy_from_slice(&(wall.as_nanos() as u64).to_be_bytes());
        let length = payload.len().min(MARK);
        payload[..length].copy_from_slice(&mark[..length]);
    }

    /// The shortest payload that carries a mark.
    pub const fn mark_length() -> usize {
        MARK
    }

    /// An answer arrived `from` an address, with this payload. Gives the host, the time and whether it was
    /// the first answer to that probe; `None` where it answers nothing that was asked.
    pub fn answered(&mut self, from: IpAddr, payload: &[u8], at: Stamp) -> Option<(u32, Duration, Kind)> {
        if u64_at(payload, 0)? != self.secret {
            return None;
        }
        let (number, attempt) = (u32_at(payload, 8)?, u32_at(payload, 12)?);
        let sent = Duration::from_nanos(u64_at(payload, 16)?);
        let host = self.hosts.get_mut(number as usize)?;
        if host.address != from || attempt >= host.transmitted.min(SweepPlan::MOST_ATTEMPTS) {
            return None;
        }
        let time = at.wall.saturating_sub(sent);
        let bit = 1 << attempt;
        if host.answered & bit != 0 {
            host.duplicates += 1;
            return Some((number, time, Kind::Duplicate));
        }
        if host.received == 0 {
            self.unanswered -= 1;
        }
        host.answered |= bit;
        host.received += 1;
        self.answers += 1;
        host.times.record(time);
        Some((number, time, Kind::First))
    }

    /// A router reported what became of the probe with this sequence number to `to`. Gives the host, or
    /// `None` where that is no probe of ours.
    pub fn refused(&mut self, to: IpAddr, sequence: u16, report: Report) -> Option<u32> {
        let number = *self.asked.get(usize::from(sequence))?;
        let host = self.hosts.get_mut(number as usize)?;
        if host.address != to {
            return None;
        }
        host.errors += 1;
        host.report = Some(report);
        Some(number)
    }

    /// This machine refused to send the probe.
    pub fn unsendable(&mut self, probe: &Probe) {
        if let Some(host) = self.hosts.get_mut(probe.host as usize) {
            host.errors += 1;
        }
    }

    /// End at the next step.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// What is known of each host, in the order given.
    pub fn hosts(&self) -> &[HostStatistics] {
        &self.hosts
    }

    /// The same, when all is over.
    pub fn into_hosts(self) -> Vec<HostStatistics> {
        self.hosts
    }

    /// How many hosts have not answered yet.
    pub fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// How many probes were sent.
    pub fn probes(&self) -> u64 {
        self.sent
    }

    fn send(&mut self, host: usize, now: Instant) -> Probe {
        if self.opening {
            self.opening = false;
            self.round = now + self.plan.interval;
        }
        let sequence = self.sent as u16;
        let number = host as u32;
        match self.asked.get_mut(usize::from(sequence)) {
            Some(slot) => *slot = number,
            None => self.asked.push(number),
        }
        let record = &mut self.hosts[host];
        let probe = Probe { host: number, address: record.address, sequence, attempt: record.transmitted };
        record.transmitted += 1;
        self.sent += 1;
        self.last = now;
        self.next = host + 1;
        let behind = now.checked_sub(CATCH_UP).unwrap_or(now);
        self.due = self.due.max(behind) + Duration::from_nanos(1_000_000_000 / u64::from(self.plan.rate));
        probe
    }

    /// The next host to ask, going round by round; `None` when all were asked as often as planned.
    fn choose(&mut self) -> Option<usize> {
        loop {
            let rest = self.hosts.get(self.next..).unwrap_or_default();
            let skip = |h: &HostStatistics| self.plan.until_answer && h.received > 0;
            if let Some(at) = rest.iter().position(|h| !skip(h)) {
                self.next += at;
                return Some(self.next);
            }
            if self.attempt + 1 >= self.plan.attempts {
                return None;
            }
            self.attempt += 1;
            self.next = 0;
            self.opening = true;
            if self.plan.until_answer {
                // A host is asked again only when its time to answer is over.
                self.round = self.last + self.plan.timeout;
            }
        }
    }

    fn all_answered(&self) -> bool {
        if self.plan.until_answer {
            return self.unanswered == 0;
        }
        self.answers >= self.hosts.len() as u64 * u64::from(self.plan.attempts)
    }
}
