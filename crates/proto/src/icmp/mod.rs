//! ICMP and ICMPv6 echo: packets ([`decode`], [`encode_request`]), what routers report ([`Report`]), the
//! ping sequence of one host ([`Session`]), of a network ([`Sweep`]) and the way to a host ([`Trace`]).
//!
//! The three machines are driven alike:
//!
//! 1. ask `step(now)`: it says what to send, until when to wait, or that all is done;
//! 2. what was sent, answered or refused is handed back with the [`Stamp`] of its moment;
//! 3. repeat. Nothing happens inside between two calls.
//!
//! IPv4 and IPv6 (RFC 792, RFC 4443) differ in field values and in [`Report`]'s texts only. The machines
//! do not know packets at all: connection set-ups and datagrams are measured by the same ones.

mod packet;
mod report;
mod session;
mod sweep;
mod trace;

pub use packet::{
    Echo, Ipv4Header, Malformed, Message, decode, echo_id, encode_request, ipv4_header, pattern_mismatch,
    quoted_echo,
};
pub use report::Report;
pub use session::{Answer, Kind, Plan, Session, Statistics, Step};
pub use sweep::{HostStatistics, Probe, Sweep, SweepPlan, SweepStep};
pub use trace::{Hop, Trace, TracePlan, TraceStep};

use std::time::{Duration, Instant};

/// The version of the Internet protocol that carries an echo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4 with ICMP (RFC 792).
    V4,
    /// IPv6 with ICMPv6 (RFC 4443).
    V6,
}

/// A moment on two clocks: kernels stamp packets with the time of day, but only the monotonic clock never
/// steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The monotonic clock when the program learnt of it.
    pub now: Instant,
    /// The time of day since 1970 when it happened, by the kernel's stamp where there is one.
    pub wall: Duration,
}

impl Stamp {
    /// The time from `earlier` to this: by the time of day, which kernels stamp, unless that clock was
    /// stepped in between.
    pub fn since(&self, earlier: &Self) -> Duration {
        let observed = self.now.saturating_duration_since(earlier.now);
        match self.wall.checked_sub(earlier.wall) {
            // The wire cannot have taken longer than the program saw, some slack for the clocks' rates aside.
            Some(wire) if wire <= observed + Duration::from_millis(5) => wire,
            _ => observed,
        }
    }
}

#[cfg(test)]
mod tests;
