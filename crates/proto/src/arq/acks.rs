//! What arrived: which packet numbers, which of them to acknowledge, and when.

use super::{frame, ranges::RangeSet};
use crate::time::Time;
use std::time::Duration;

/// Ranges of packet numbers that are remembered. What falls below counts as a repetition.
const MAX_RANGES: usize = 256;

/// The packets received, with replay protection, and the acknowledgement that is owed.
#[derive(Debug, Default)]
pub(crate) struct Received {
    numbers: RangeSet,
    /// Everything below arrived or is given up.
    floor: u64,
    largest_at: Time,
    congested: u64,
    /// Packets that ask for an acknowledgement, since the last one.
    owed: u32,
    at_once: bool,
    /// Whether one ever asked.
    asked: bool,
}

impl Received {
    /// Whether packet `number` must not be looked at again.
    pub(crate) fn is_known(&self, number: u64) -> bool {
        number < self.floor || self.numbers.contains(number)
    }

    pub(crate) fn largest(&self) -> Option<u64> {
        self.numbers.max().or_else(|| self.floor.checked_sub(1))
    }

    /// Notes an authentic packet. Gives the deadline of its acknowledgement, where one is owed and can wait.
    pub(crate) fn note(
        &mut self,
        now: Time,
        number: u64,
        eliciting: bool,
        congested: bool,
        delay: Duration,
    ) -> Option<Time> {
        let expected = self.largest().map_or(0, |l| l + 1);
        if number >= expected {
            self.largest_at = now;
        }
        self.numbers.insert(number..number + 1);
        if self.numbers.len() > MAX_RANGES
            && let Some(low) = self.numbers.pop_min()
        {
            self.floor = self.floor.max(low.end);
        }
        self.congested += u64::from(congested);
        if !eliciting {
            return None;
        }
        self.owed += 1;
        // Retransmission on request: a gap, and what fills one, is reported at once.
        self.at_once |= number != expected || congested || self.owed >= 2;
        // The peer's first sample of the round-trip time should be one, and not hold a delay of ours.
        self.at_once |= !std::mem::replace(&mut self.asked, true);
        (!self.at_once).then(|| now + delay)
    }

    /// The deadline has come: acknowledge.
    pub(crate) fn due(&mut self) {
        self.at_once |= self.owed > 0;
    }

    /// Whether an acknowledgement must go now.
    pub(crate) fn is_due(&self) -> bool {
        self.at_once && !self.numbers.is_empty()
    }

    /// Whether one may ride along with something else.
    pub(crate) fn is_owed(&self) -> bool {
        self.owed > 0 && !self.numbers.is_empty()
    }

    /// Appends the acknowledgement; gives the largest number in it.
    pub(crate) fn put(&mut self, now: Time, out: &mut Vec<u8>, space: usize) -> Option<u64> {
        let largest = self.numbers.max()?;
        let delay = now.since(self.largest_at).as_micros() as u64;
        frame::put_ack(out, self.numbers.iter().rev().cloned(), delay, self.congested, space);
        self.owed = 0;
        self.at_once = false;
        Some(largest)
    }

    /// The peer has an acknowledgement up to `largest`: what is below needs no other.
    pub(crate) fn acknowledged(&mut self, largest: u64) {
        // The newest ranges stay, so that what comes late between them is told apart from a repetition.
        let keep = largest.saturating_sub(1024);
        if keep > self.floor {
            self.numbers.drop_below(keep);
            self.floor = keep;
        }
    }

    /// Ranges remembered, for the bounds that tests check.
    pub(crate) fn ranges(&self) -> usize {
        self.numbers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(5);

    #[test]
    fn the_first_and_every_second_packet_a_gap_and_its_end_are_acknowledged_at_once() {
        let mut r = Received::default();
        let mut out = Vec::new();
        assert_eq!(r.note(Time::ZERO, 0, true, false, DELAY), None, "the first");
        assert!(r.is_due());
        r.put(Time::ZERO, &mut out, 100);
        assert_eq!(r.note(Time::ZERO, 1, true, false, DELAY), Some(Time::ZERO + DELAY));
        assert_eq!(r.note(Time::ZERO, 2, true, false, DELAY), None);
        assert!(r.is_due());
        r.put(Time::ZERO, &mut out, 100);
        assert!(!r.is_owed());
        for number in [4, 3] {
            assert_eq!(r.note(Time::ZERO, number, true, false, DELAY), None, "packet {number}");
            assert!(r.is_due());
            r.put(Time::ZERO, &mut out, 100);
        }
        assert!(r.note(Time::ZERO, 5, false, false, DELAY).is_none() && !r.is_owed());
    }

    /// Fault run 14: a repetition is known, however long ago the packet came.
    #[test]
    fn fault_14_replays_are_known_forever() {
        let mut r = Received::default();
        for number in (0..4000).step_by(2) {
            assert!(!r.is_known(number));
            r.note(Time::ZERO, number, true, false, DELAY);
        }
        assert!((0..4000).step_by(2).all(|n| r.is_known(n)));
        assert!(r.ranges() <= MAX_RANGES);
        assert!(r.is_known(1), "too old to tell: refused");
        assert!(!r.is_known(3997));
        r.acknowledged(3998);
        assert!(r.is_known(2000) && !r.is_known(3997));
    }
}
