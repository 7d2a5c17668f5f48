//! Congestion control: how much may be on its way, and how fast it leaves.

mod bbr;
mod cubic;
mod rate;

pub(crate) use bbr::Bbr;
pub(crate) use cubic::Cubic;
pub(crate) use rate::{Rate, Sample, Stamp};

use super::{config::Algorithm, rtt::Rtt};
use crate::time::Time;
use std::fmt::Debug;

/// Packets that the window always admits.
pub(crate) const MIN_PACKETS: u64 = 2;
/// Packets of the first window (RFC 6928).
pub(crate) const INITIAL_PACKETS: u64 = 10;

/// An acknowledgement, as congestion control sees it.
#[derive(Debug)]
pub(crate) struct Acked<'a> {
    pub(crate) now: Time,
    /// Bytes newly acknowledged.
    pub(crate) bytes: u64,
    /// Bytes in flight before, and after it and the losses found with it.
    pub(crate) prior_in_flight: u64,
    pub(crate) in_flight: u64,
    pub(crate) sample: Sample,
    pub(crate) rtt: &'a Rtt,
    /// When the newest acknowledged packet was sent.
    pub(crate) sent_at: Time,
}

/// A loss, as congestion control sees it.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) now: Time,
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
    /// When the newest lost packet was sent.
    pub(crate) sent_at: Time,
    /// Whether a queue stands on the path: the round-trip time is above its minimum.
    pub(crate) queue: bool,
    /// Everything sent for several probe timeouts is gone (RFC 9002 section 7.6).
    pub(crate) persistent: bool,
}

/// An algorithm of congestion control.
pub(crate) trait Controller: Debug + Send {
    /// Packets were acknowledged.
    fn acked(&mut self, acked: &Acked<'_>);
    /// Packets were lost, or (with no bytes) marked by a router.
    fn lost(&mut self, lost: &Lost);
    /// A loss was none: take back what it did, where that is possible.
    fn spurious(&mut self);
    /// Bytes that may be in flight.
    fn window(&self) -> u64;
    /// Bytes a second.
    fn rate(&self, rtt: &Rtt) -> u64;
    /// The packet size changed.
    fn mtu(&mut self, mtu: u16);
    /// The phase that it is in, for people.
    fn phase(&self) -> &'static str;
}

/// The algorithm, as it begins.
pub(crate) fn new(algorithm: Algorithm, now: Time, mtu: u16) -> Box<dyn Controller> {
    match algorithm {
        Algorithm::Cubic => Box::new(Cubic::new(mtu)),
        Algorithm::Bbr => Box::new(Bbr::new(now, mtu)),
    }
}
