//! The way to a host.

use std::{io::Write, process::ExitCode, time::Duration};

use sockeye::{
    event::Events,
    ping::{self, TracePlan},
};

use super::{settings::Settings, signals::Signals};
use crate::{
    args::Ping,
    output::{
        Failure, Out,
        ping::{hop_event, trace_json, trace_table},
    },
};

/// Between two probes: fast enough to be done soon, slow enough for routers that limit their reports.
const PACE: Duration = Duration::from_millis(20);

pub(super) fn run(
    args: &Ping,
    name: &str,
    settings: &Settings,
    events: &Events,
) -> Result<ExitCode, Failure> {
    let signals = Signals::catch()?;
    let host = ping::resolve(name, settings.family)?;
    let plan = TracePlan {
        hops: args.hops.unwrap_or(30),
        rounds: settings.plan.count.map_or(3, |c| u32::try_from(c).unwrap_or(u32::MAX)),
        interval: settings.interval.unwrap_or(PACE),
        timeout: settings.timeout.unwrap_or(Duration::from_secs(1)),
    };
    let mut out = Out::stdout();
    let silent = args.json || args.events.as_deref() == Some("-");
    if !silent {
        let address = ping::address_text(host.address);
        writeln!(out, "TRACE {host} ({address}), at most {} hops, {} probes each", plan.hops, plan.rounds)?;
        out.flush()?;
    }
    let mut dropped = false;
    let trace = ping::trace(&host, plan, &settings.options, Some(signals.fd()), |trace, hop| {
        if !std::mem::replace(&mut dropped, true) {
            // The socket is open by now. What cannot be given up was not held.
            let _ = ping::drop_privileges();
        }
        if let Some(record) = events.wanted().then(|| hop_event(trace, hop)).flatten() {
            events.emit(|| record);
        }
        signals.drain();
        !signals.interrupted()
    })?;
    if args.json {
        out.json(&trace_json(&host, &trace))?;
    } else if !silent {
        out.write_all(trace_table(&trace, settings.display.numeric).as_bytes())?;
        out.flush()?;
    }
    Ok(ExitCode::from(if trace.arrived() { 0 } else { 1 }))
}
