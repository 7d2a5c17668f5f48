//! The ping sequence of one host: when to send, what an answer means, when it is over.

use std::time::{Duration, Instant};

use super::Stamp;
use crate::stats::Summary;

/// What to send and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// End after so many answers (and send no more than that, unless there is a deadline).
    pub count: Option<u64>,
    /// Between one probe and the next; zero sends as fast as answers come, or a hundred each second.
    pub interval: Duration,
    /// Whether `interval` follows the measured round-trip time, not below this.
    pub adaptive: Option<Duration>,
    /// How many probes may go out before the first answer.
    pub preload: u32,
    /// End after this time, whatever was answered.
    pub deadline: Option<Duration>,
    /// How long to wait for answers after the last probe when none ever came. After an answer it is twice
    /// the longest round trip, or an interval.
    pub linger: Duration,
}

impl Default for Plan {
    /// Forever, one each second, as ping does.
    fn default() -> Self {
        Self {
            count: None,
            interval: Duration::from_secs(1),
            adaptive: None,
            preload: 1,
            deadline: None,
            linger: Duration::from_secs(10),
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send the probe with this number (from 1), and say so by [`Session::sent`].
    Send {
        /// Its number; the wire carries the low 16 bits.
        sequence: u64,
        /// The probe before it, where that is still without an answer.
        unanswered: Option<u64>,
    },
    /// Nothing to do before this moment, unless something arrives.
    Wait(Instant),
    /// All is answered, or the time is over.
    Done,
}

/// What kind of answer one was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The first answer to its probe.
    First,
    /// A further answer to the same probe.
    Duplicate,
    /// An answer whose checksum is wrong.
    Corrupt,
}

/// An answer to one of our probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The full number of the probe.
    pub sequence: u64,
    /// From the probe's sending to the answer's arrival.
    pub time: Duration,
    /// The first, a further one, or a broken one.
    pub kind: Kind,
}

/// What is known at any moment.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    /// Probes sent.
    pub transmitted: u64,
    /// Probes answered.
    pub received: u64,
    /// Answers beyond the first to a probe.
    pub duplicates: u64,
    /// Answers with a wrong checksum.
    pub corrupted: u64,
    /// Probes refused, by a router or by this machine.
    pub errors: u64,
    /// The most probes that were under way at once.
    pub pipe: u64,
    /// From the first probe to the last.
    pub elapsed: Duration,
    /// The times of all answers but corrupt ones.
    pub times: Summary,
}

impl Statistics {
    /// The share of probes without an answer, 0 to 1; 0 where none was sent.
    pub fn loss(&self) -> f64 {
        match self.transmitted {
            0 => 0.0,
            sent => sent.saturating_sub(self.received) as f64 / sent as f64,
        }
    }
}

/// How many probes are remembered: as many as the wire can tell apart.
const WINDOW: usize = 1 << 16;
/// A flood's pace while nothing is answered.
const FLOOD_PACE: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy)]
struct Sent {
    at: Stamp,
    answered: bool,
}

/// The sequence as a machine: see the [module](super) for how to drive it.
#[derive(Debug)]
pub struct Session {
    plan: Plan,
    interval: Duration,
    started: Instant,
    first: Option<Instant>,
    last: Option<Instant>,
    /// When the next probe is due.
    due: Instant,
    /// What was sent, at the number's low 16 bits.
    sent: Vec<Sent>,
    /// The highest number answered.
    acknowledged: u64,
    statistics: Statistics,
    stopped: bool,
}

impl Session {
    /// A sequence that starts `now`.
    pub fn new(plan: Plan, now: Instant) -> Self {
        Self {
            interval: plan.interval,
            plan,
            started: now,
            first: None,
            last: None,
            due: now,
            sent: Vec::new(),
            acknowledged: 0,
            statistics: Statistics::default(),
            stopped: false,
        }
    }

    /// What to do `now`.
    pub fn step(&mut self, now: Instant) -> Step {
        let end = self.end();
        if self.stopped || self.complete() || end.is_some_and(|end| end <= now) {
            return Step::Done;
        }
        match (self.next_due(), end) {
            (Some(due), _) if due <= now => {
                let last = self.statistics.transmitted;
                let unanswered = (last > 0 && self.slot(last).is_some_and(|s| !s.answered)).then_some(last);
                Step::Send { sequence: last + 1, unanswered }
            }
            (Some(due), Some(end)) => Step::Wait(due.min(end)),
            (Some(due), None) => Step::Wait(due),
            (None, end) => end.map_or(Step::Done, Step::Wait),
        }
    }

    /// The offered probe went out.
    pub fn sent(&mut self, at: Stamp) {
        self.statistics.transmitted += 1;
        let index = slot_index(self.statistics.transmitted);
        let slot = Sent { at, answered: false };
        match self.sent.get_mut(index) {
            Some(old) => *old = slot,
            None => self.sent.push(slot),
        }
        self.first.get_or_insert(at.now);
        self.last = Some(at.now);
        self.statistics.elapsed = at.now.saturating_duration_since(self.started_sending());
        // A probe that is late by less than an interval does not delay those after it.
        let late = at.now.saturating_duration_since(self.due);
        let base = if late < self.interval { self.due } else { at.now };
        self.due = base + self.interval;
    }

    /// The offered probe could not be sent for want of buffers: offer it again a little later.
    pub fn postpone(&mut self, now: Instant) {
        self.due = now + FLOOD_PACE + self.credit();
    }

    /// The kernel stamped the probe's leaving more exactly than the program could.
    pub fn transmitted(&mut self, sequence: u64, wall: Duration) {
        if self.slot(sequence).is_some()
            && let Some(slot) = self.sent.get_mut(slot_index(sequence))
            && slot.at.wall <= wall
        {
            slot.at.wall = wall;
        }
    }

    /// An answer arrived to the probe whose number ends in `sequence`; `intact` says whether its checksum
    /// was right. `None` where no such probe was sent: someone else's.
    pub fn answered(&mut self, sequence: u16, at: Stamp, intact: bool) -> Option<Answer> {
        let sequence = self.full_sequence(sequence)?;
        let slot = self.sent.get_mut(slot_index(sequence))?;
        let time = at.since(&slot.at);
        if !intact {
            self.statistics.corrupted += 1;
            return Some(Answer { sequence, time, kind: Kind::Corrupt });
        }
        let kind = if slot.answered { Kind::Duplicate } else { Kind::First };
        slot.answered = true;
        match kind {
            Kind::First => self.statistics.received += 1,
            _ => self.statistics.duplicates += 1,
        }
        self.statistics.times.record(time);
        self.acknowledge(sequence);
        if let Some(floor) = self.plan.adaptive {
            // Whole milliseconds, as ping paces: below half of one it is a flood.
            let ms = (self.statistics.times.ewma().as_micros() as u64 + 500) / 1000;
            self.interval = Duration::from_millis(ms).max(floor);
            self.due = self.last.unwrap_or(self.started) + self.interval;
        }
        Some(Answer { sequence, time, kind })
    }

    /// A router or this machine refused the probe whose number ends in `sequence`; gives the full number,
    /// or `None` where no such probe was sent.
    pub fn refused(&mut self, sequence: u16) -> Option<u64> {
        let sequence = self.full_sequence(sequence)?;
        self.statistics.errors += 1;
        self.acknowledge(sequence);
        Some(sequence)
    }

    /// The same, with the time that the refusal took: a closed port's is a measured round trip.
    pub fn refused_after(&mut self, sequence: u16, at: Stamp) -> Option<(u64, Duration)> {
        let sequence = self.refused(sequence)?;
        let sent = self.slot(sequence)?;
        Some((sequence, at.since(&sent.at)))
    }

    /// This machine refused to send the offered probe at all: it counts as sent and failed.
    pub fn unsendable(&mut self, at: Stamp) {
        self.sent(at);
        self.statistics.errors += 1;
        self.acknowledge(self.statistics.transmitted);
    }

    /// End at the next step.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// The numbers so far.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Probes sent since the highest number that was answered or refused.
    pub fn in_flight(&self) -> u64 {
        self.statistics.transmitted - self.acknowledged
    }

    /// Whether the exit is that of success: something was answered, and with a deadline all that was asked.
    pub fn succeeded(&self) -> bool {
        let wanted = self.plan.deadline.and(self.plan.count).unwrap_or(1);
        self.statistics.received >= wanted
    }

    fn started_sending(&self) -> Instant {
        self.first.unwrap_or(self.started)
    }

    fn complete(&self) -> bool {
        let s = &self.statistics;
        self.plan.count.is_some_and(|count| s.received + s.errors >= count)
            || (self.plan.deadline.is_some() && s.errors > 0)
    }

    fn all_sent(&self) -> bool {
        self.plan.deadline.is_none()
            && self.plan.count.is_some_and(|count| self.statistics.transmitted >= count)
    }

    /// When it is over even though answers are missing.
    fn end(&self) -> Option<Instant> {
        match (self.plan.deadline, self.last) {
            (Some(deadline), _) => Some(self.started + deadline),
            (None, Some(last)) if self.all_sent() => Some(last + self.patience()),
            _ => None,
        }
    }

    fn patience(&self) -> Duration {
        if self.statistics.received == 0 {
            return self.plan.linger;
        }
        let round_trips = self.statistics.times.moments().max().saturating_mul(2);
        round_trips.max(self.interval).max(FLOOD_PACE)
    }

    fn next_due(&self) -> Option<Instant> {
        if self.all_sent() {
            return None;
        }
        let preload = u64::from(self.plan.preload);
        match self.last {
            Some(last) if self.interval.is_zero() && self.in_flight() >= preload => Some(last + FLOOD_PACE),
            _ => Some(self.due.checked_sub(self.credit()).unwrap_or(self.started)),
        }
    }

    /// How far ahead of its schedule the sequence may run, since several may be under way.
    fn credit(&self) -> Duration {
        self.interval.saturating_mul(self.plan.preload.saturating_sub(1))
    }

    fn acknowledge(&mut self, sequence: u64) {
        let under_way = self.statistics.transmitted - sequence + 1;
        self.statistics.pipe = self.statistics.pipe.max(under_way);
        self.acknowledged = self.acknowledged.max(sequence);
    }

    /// The latest number sent that ends in these 16 bits.
    fn full_sequence(&self, low: u16) -> Option<u64> {
        let back = (self.statistics.transmitted as u16).wrapping_sub(low);
        let sequence = self.statistics.transmitted.checked_sub(u64::from(back))?;
        (sequence > 0).then_some(sequence)
    }

    fn slot(&self, sequence: u64) -> Option<&Sent> {
        let age = self.statistics.transmitted.checked_sub(sequence)?;
        (age < WINDOW as u64 && sequence > 0).then(|| self.sent.get(slot_index(sequence)))?
    }
}

/// Numbers start at 1, slots at 0.
fn slot_index(sequence: u64) -> usize {
    (sequence.wrapping_sub(1) % WINDOW as u64) as usize
}
