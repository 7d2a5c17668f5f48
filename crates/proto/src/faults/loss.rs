//! Losses, each by itself or in bursts.

use super::{Plan, Rng};

/// Bursts after Gilbert and Elliott: a path is good or bad, and changes between datagrams.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burst {
    /// Probability that a good path turns bad.
    pub begin: f64,
    /// Probability that a bad path turns good; the mean burst is its inverse, datagrams.
    pub end: f64,
    /// Probability that a datagram is lost on a bad path.
    pub loss: f64,
}

/// The state of the path.
#[derive(Debug, Default)]
pub(super) struct Losses {
    bad: bool,
}

impl Losses {
    /// Whether this datagram is lost.
    pub(super) fn hit(&mut self, plan: &Plan, rng: &mut Rng) -> bool {
        let mut hit = rng.chance(plan.loss);
        if let Some(burst) = plan.burst {
            let turn = if self.bad { burst.end } else { burst.begin };
            self.bad ^= rng.chance(turn);
            hit |= self.bad && rng.chance(burst.loss);
        }
        hit
    }
}
