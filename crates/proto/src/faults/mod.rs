//! Faults on purpose: what a network does to datagrams, seeded and pure. The same seed and the same input
//! give the same output, so a failure found once can be had again.
//!
//! A [`Pipe`] is one direction. Datagrams go in with [`Pipe::send`] and come out of [`Pipe::poll`] when their
//! time has come; [`Pipe::poll_timeout`] says when that is. The order of mechanisms is that of a real path:
//!
//! ```text
//! MTU → loss → corruption → duplication → queue and rate → delay, jitter, reordering
//! ```

mod loss;
mod rate;
mod rng;

pub use loss::Burst;
pub use rate::Rate;
pub use rng::Rng;

use crate::time::Time;
use loss::Losses;
use rate::Queue;
use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

/// What a path does to datagrams. Probabilities are from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Plan {
    /// Each datagram is lost with this probability, independently of others.
    pub loss: f64,
    /// Losses come in bursts as well.
    pub burst: Option<Burst>,
    /// One bit of a datagram is turned with this probability.
    pub corrupt: f64,
    /// A datagram comes twice with this probability.
    pub duplicate: f64,
    /// The time that a datagram takes.
    pub delay: Duration,
    /// Up to so much more, evenly distributed. Order is kept: see `reorder`.
    pub jitter: Duration,
    /// A datagram is held back by `reorder_by` with this probability, so that later ones overtake it.
    pub reorder: f64,
    /// How long it is held back.
    pub reorder_by: Duration,
    /// Bytes a second, with a queue before it.
    pub rate: Option<Rate>,
    /// Larger datagrams vanish.
    pub mtu: Option<usize>,
    /// Everything vanishes.
    pub black_hole: bool,
}

/// What a pipe did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams that went in, and their bytes.
    pub sent: u64,
    /// Bytes of them.
    pub sent_bytes: u64,
    /// Datagrams that came out.
    pub delivered: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Lost because the queue was full.
    pub overflowed: u64,
    /// Lost because they were too large, or in a black hole.
    pub swallowed: u64,
    /// Changed.
    pub corrupted: u64,
    /// Sent twice.
    pub duplicated: u64,
    /// Held back.
    pub reordered: u64,
}

#[derive(Debug)]
struct Travelling<M> {
    at: Time,
    serial: u64,
    meta: M,
    bytes: Vec<u8>,
}

impl<M> PartialEq for Travelling<M> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.serial) == (other.at, other.serial)
    }
}

impl<M> Eq for Travelling<M> {}

impl<M> PartialOrd for Travelling<M> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> Ord for Travelling<M> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

/// One direction of a path. `M` travels with each datagram: its addresses, say.
#[derive(Debug)]
pub struct Pipe<M> {
    plan: Plan,
    rng: Rng,
    losses: Losses,
    queue: Queue,
    travelling: BinaryHeap<Reverse<Travelling<M>>>,
    serial: u64,
    /// Jitter alone does not reorder: nothing arrives before what went earlier.
    latest: Time,
    counts: Counts,
}

impl<M: Clone> Pipe<M> {
    /// A path that does as `plan` says; chance is drawn from `seed`.
    pub fn new(plan: Plan, seed: u64) -> Self {
        Self {
            plan,
            rng: Rng::new(seed),
            losses: Losses::default(),
            queue: Queue::default(),
            travelling: BinaryHeap::new(),
            serial: 0,
            latest: Time::ZERO,
            counts: Counts::default(),
        }
    }

    /// Changes what the path does from here on.
    pub fn set_plan(&mut self, plan: Plan) {
        self.plan = plan;
    }

    /// What the path does.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What it did.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// A datagram goes in.
    pub fn send(&mut self, now: Time, meta: M, mut bytes: Vec<u8>) {
        self.counts.sent += 1;
        self.counts.sent_bytes += bytes.len() as u64;
        if self.plan.black_hole || self.plan.mtu.is_some_and(|mtu| bytes.len() > mtu) {
            self.counts.swallowed += 1;
            return;
        }
        if self.losses.hit(&self.plan, &mut self.rng) {
            self.counts.lost += 1;
            return;
        }
        if self.rng.chance(self.plan.corrupt) && !bytes.is_empty() {
            let bit = self.rng.below(bytes.len() as u64 * 8) as usize;
            bytes[bit / 8] ^= 1 << (bit % 8);
            self.counts.corrupted += 1;
        }
        if self.rng.chance(self.plan.duplicate) {
            self.counts.duplicated += 1;
            self.travel(now, meta.clone(), bytes.clone());
        }
        self.travel(now, meta, bytes);
    }

    fn travel(&mut self, now: Time, meta: M, bytes: Vec<u8>) {
        let Some(leaves) = self.queue.pass(now, self.plan.rate, bytes.len()) else {
            self.counts.overflowed += 1;
            return;
        };
        let jitter = self.rng.below(self.plan.jitter.as_nanos() as u64 + 1);
        let mut at = (leaves + self.plan.delay + Duration::from_nanos(jitter)).max(self.latest);
        if self.rng.chance(self.plan.reorder) {
            self.counts.reordered += 1;
            at += self.plan.reorder_by;
        } else {
            self.latest = at;
        }
        self.serial += 1;
        self.travelling.push(Reverse(Travelling { at, serial: self.serial, meta, bytes }));
    }

    /// When the next datagram comes out.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.travelling.peek().map(|t| t.0.at)
    }

    /// The next datagram whose time has come.
    pub fn poll(&mut self, now: Time) -> Option<(M, Vec<u8>)> {
        if self.poll_timeout()? > now {
            return None;
        }
        self.counts.delivered += 1;
        self.travelling.pop().map(|Reverse(t)| (t.meta, t.bytes))
    }
}

#[cfg(test)]
mod tests;
