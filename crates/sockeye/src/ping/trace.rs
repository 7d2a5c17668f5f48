//! The way to a host.

use std::{os::fd::BorrowedFd, time::Instant};

use sockeye_proto::icmp::{Family, Trace, TracePlan, TraceStep};

use super::{Host, Options, icmp, readable};
use crate::{Error, Result};

/// Asks every hop on the way to `host`. `changed` is told after each answer and each wake-up by `wake`, with
/// the number of the hop that answered, and says whether to go on. Gives what is known of the way.
///
/// # Errors
/// Where no echo socket can be opened, or an option cannot be set on it.
pub fn trace(
    host: &Host,
    plan: TracePlan,
    options: &Options,
    wake: Option<BorrowedFd<'_>>,
    mut changed: impl FnMut(&Trace, Option<u8>) -> bool,
) -> Result<Trace> {
    let family = if host.address.is_ipv4() { Family::V4 } else { Family::V6 };
    let options = Options { fast: true, ..options.clone() };
    let mut socket = icmp::EchoSocket::open(family, &options, 16)?;
    let mut packet = vec![0; 8 + options.payload_size()];
    let mut trace = Trace::new(plan, Instant::now());
    loop {
        match trace.step(Instant::now()) {
            TraceStep::Done => return Ok(trace),
            TraceStep::Send { sequence, ttl } => {
                let hops = u32::from(ttl);
                let set = match family {
                    Family::V4 => socket.socket.set_ttl_v4(hops),
                    Family::V6 => socket.socket.set_unicast_hops_v6(hops),
                };
                set.map_err(|e| Error::new("set the time to live to", ttl, e))?;
                let stamp = super::stamp();
                // A send that fails is a hop that does not answer; a pending report is read below.
                if socket.send(Some(host.address), sequence, &mut packet).is_err() {
                    receive(&mut socket, &mut trace, &mut changed)?;
                    let _ = socket.send(Some(host.address), sequence, &mut packet);
                }
                trace.sent(stamp);
            }
            TraceStep::Wait(until) => {
                let mut fds = vec![readable(socket.fd())];
                fds.extend(wake.map(readable));
                super::wait(&mut fds, until).map_err(|e| Error::new("wait for", "answers", e))?;
                if wake.is_some()
                    && fds.last().is_some_and(|fd| !fd.revents().is_empty())
                    && !changed(&trace, None)
                {
                    trace.stop();
                }
                drop(fds);
                receive(&mut socket, &mut trace, &mut changed)?;
            }
        }
    }
}

fn receive(
    socket: &mut icmp::EchoSocket,
    trace: &mut Trace,
    changed: &mut impl FnMut(&Trace, Option<u8>) -> bool,
) -> Result<()> {
    let mut go_on = true;
    loop {
        let errors = socket.errors(|queued| {
            if let icmp::Queued::Refused { from, sequence, report, wall, .. } = queued {
                let mut at = super::stamp();
                at.wall = wall.unwrap_or(at.wall);
                if let Some((hop, _)) = trace.answered(sequence, from.ip(), Some(report), at) {
                    go_on &= changed(trace, Some(hop));
                }
            }
        });
        let errors = errors.map_err(|e| Error::new("read", "the error queue of the echo socket", e))?;
        let replies = socket.replies(|reply| {
            let mut at = super::stamp();
            at.wall = reply.wall.unwrap_or(at.wall);
            if let Some((hop, _)) = trace.answered(reply.sequence, reply.from.ip(), None, at) {
                go_on &= changed(trace, Some(hop));
            }
        });
        // An error of the receiving call is one that the queue has told, or will.
        if errors == 0 && replies.unwrap_or(0) == 0 {
            break;
        }
    }
    if !go_on {
        trace.stop();
    }
    Ok(())
}
