//! ping: is a host there, how far is it, and what happens on the way?
//!
//! - [`once`] asks one host once.
//! - [`Pinger`] asks one host again and again: an iterator of [`Event`]s, by ICMP, TCP or UDP ([`Probe`]).
//! - [`sweep()`] asks thousands of hosts at a bounded rate; [`targets`] lists a network or a file of them.
//! - [`trace()`] asks every router on the way.
//!
//! All of them are synchronous, run on the calling thread and drive the machines of
//! [`proto::icmp`](crate::proto::icmp). Echo sockets are opened without privilege where the kernel allows it
//! (`net.ipv4.ping_group_range`, see `icmp(7)`), else raw, which needs CAP_NET_RAW.
//!
//! ```no_run
//! let time = sockeye::ping::once("127.0.0.1", std::time::Duration::from_secs(1))?;
//! println!("{time:?}");
//! # Ok::<(), sockeye::Error>(())
//! ```

mod connect;
mod datagram;
mod icmp;
mod options;
mod pinger;
mod privilege;
mod sweep;
mod targets;
mod trace;

pub use options::{IpOptions, Options, PathMtu};
pub use pinger::{Event, Mismatch, Pinger, Probe};
pub use privilege::drop_privileges;
pub use sockeye_proto::icmp::{
    Answer, Family, Hop, HostStatistics, Kind, Plan, Report, Statistics, SweepPlan, Trace, TracePlan,
};
pub use sweep::{Found, sweep};
pub use targets::{Host, MOST_HOSTS, address_text, name_of, resolve, source_for, targets};
pub use trace::trace;

use std::{
    os::fd::BorrowedFd,
    time::{Duration, Instant, SystemTime},
};

use rustix::event::{PollFd, PollFlags, Timespec};
use sockeye_proto::icmp::Stamp;

use crate::{Error, Result, error::Reason};

/// Asks `host` once and waits for the answer, at most `timeout`. Gives the round-trip time.
///
/// # Errors
/// Where the name has no address, no echo socket may be opened, a router or this machine refused the
/// packet, or no answer came in time.
pub fn once(host: &str, timeout: Duration) -> Result<Duration> {
    let target = resolve(host, None)?;
    let plan = Plan { count: Some(1), linger: timeout, ..Plan::default() };
    for event in Pinger::new(&target, &Probe::Icmp, plan, &Options::default())? {
        match event? {
            Event::Reply { time, .. } => return Ok(time),
            Event::Refused { from, report, .. } => {
                return Err(Error::new(
                    "ping",
                    host,
                    Reason::Protocol(format!("{report} (from {})", from.ip())),
                ));
            }
            Event::Failed { errno, .. } => {
                return Err(Error::new("ping", host, std::io::Error::from_raw_os_error(errno)));
            }
            _ => {}
        }
    }
    Err(Error::new("ping", host, Reason::TimedOut(timeout)))
}

/// Now, on both clocks.
fn stamp() -> Stamp {
    Stamp { now: Instant::now(), wall: wall() }
}

fn wall() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Waits until one of `fds` is ready or `until` comes. A signal ends the wait too.
fn wait(fds: &mut [PollFd<'_>], until: Instant) -> rustix::io::Result<()> {
    let left = until.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 });
    match rustix::event::poll(fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error),
    }
}

fn readable(fd: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::from_borrowed_fd(fd, PollFlags::IN)
}
