//! Path MTU discovery by probes (RFC 8899): sizes that links are known to have, smallest first, and the way
//! back down when a path starts to swallow large packets without a word.

use crate::time::Time;
use std::time::Duration;

/// What every path carries: the size of the first packet, and the fallback. UDP payload, bytes.
pub const BASE: u16 = 1200;
/// UDP payloads that fill a link: with tunnels, IPv6 over Ethernet, IPv4 over Ethernet, jumbo frames.
const SIZES: [u16; 7] = [1252, 1332, 1392, 1452, 1472, 8932, 8972];
const ATTEMPTS: u8 = 3;
const AGAIN: Duration = Duration::from_secs(60);
/// Losses in a row, of large packets only, that mean a black hole.
const BLACK_HOLE: u8 = 3;

/// Finds the largest size that the path carries.
#[derive(Debug, Clone)]
pub(crate) struct Mtud {
    current: u16,
    max: u16,
    /// The size being tried, and how often it was.
    probing: Option<u16>,
    attempts: u8,
    /// The smallest size that failed.
    ceiling: u16,
    suspicious: u8,
    largest_lost: u64,
}

impl Mtud {
    /// `max` is what the peer takes and the user allows.
    pub(crate) fn new(max: u16) -> Self {
        let max = max.max(BASE);
        Self {
            current: BASE,
            max,
            probing: None,
            attempts: 0,
            ceiling: u16::MAX,
            suspicious: 0,
            largest_lost: 0,
        }
    }

    pub(crate) fn current(&self) -> u16 {
        self.current
    }

    /// The size to probe now, if the search is on and no probe is on its way.
    pub(crate) fn wants(&self) -> Option<u16> {
        if self.probing.is_some() {
            return None;
        }
        let sizes = SIZES.into_iter().chain([self.max]);
        sizes.filter(|&s| s > self.current && s <= self.max && s < self.ceiling).min()
    }

    pub(crate) fn sent_probe(&mut self, size: u16) {
        self.probing = Some(size);
        self.attempts += 1;
    }

    pub(crate) fn acked_probe(&mut self, size: u16) {
        self.current = self.current.max(size);
        self.probing = None;
        self.attempts = 0;
        self.suspicious = 0;
    }

    /// A probe was lost, or refused by the kernel (`refused`). Gives when to search again.
    pub(crate) fn lost_probe(&mut self, now: Time, refused: bool) -> Option<Time> {
        let size = self.probing.take()?;
        if self.attempts >= ATTEMPTS || refused {
            self.attempts = 0;
            self.ceiling = self.ceiling.min(size);
            return Some(now + AGAIN);
        }
        None
    }

    /// Starts the search anew.
    pub(crate) fn search(&mut self) {
        self.ceiling = u16::MAX;
        self.attempts = 0;
    }

    /// A packet of `size` arrived at the peer.
    pub(crate) fn acked(&mut self, size: u16) {
        if size > BASE {
            self.suspicious = 0;
        }
    }

    /// A burst of losses whose largest packet number is `number`, all larger than the base (`large`).
    /// Gives true where the path turned out to be a black hole and the size fell back.
    pub(crate) fn lost_burst(&mut self, number: u64, large: bool) -> bool {
        if !large || self.current == BASE || number < self.largest_lost {
            return false;
        }
        self.largest_lost = number + 1;
        self.suspicious += 1;
        self.suspicious >= BLACK_HOLE && self.fall_back()
    }

    /// Falls back to the base size: gives whether there was a larger one.
    pub(crate) fn fall_back(&mut self) -> bool {
        self.suspicious = 0;
        self.probing = None;
        self.attempts = 0;
        let fell = self.current > BASE;
        if fell {
            self.ceiling = self.current;
        }
        self.current = BASE;
        fell
    }
}
