//! Many hosts, with fping's exit codes.

use std::{
    io::{BufRead, BufReader},
    process::ExitCode,
    time::{Duration, Instant},
};

use sockeye::{
    Error,
    event::{Event, Events},
    ping::{self, Found, SweepPlan},
};

use super::{settings::Settings, signals::Signals};
use crate::{
    args::Ping,
    output::{
        Failure,
        ping::{Sweeping, report, sweep_event},
        remark,
    },
};

/// Probes per second towards a network that others use too, and towards this machine itself.
const RATE: u32 = 1000;
const LOOPBACK_RATE: u32 = 1_000_000;

const UNKNOWN: u8 = 2;

pub(super) fn run(args: &Ping, settings: &Settings, events: &Events) -> Result<ExitCode, Failure> {
    let signals = Signals::catch()?;
    let words = words(args)?;
    let mut unknown = 0;
    let hosts = ping::targets(words.iter().map(String::as_str), settings.family, |word, error| {
        unknown += 1;
        remark(format_args!("{word}: {}", error.reason()));
        events.emit(|| Event::failure(error, UNKNOWN));
    })?;
    let loopback = hosts.iter().all(|h| h.address.ip().is_loopback());
    let retries = args.retry.unwrap_or(0);
    let attempts = match settings.plan.count {
        Some(count) if count > u64::from(SweepPlan::MOST_ATTEMPTS) => {
            remark(format_args!(
                "{}: with several hosts, -c is at most {}",
                args.program,
                SweepPlan::MOST_ATTEMPTS
            ));
            return Ok(ExitCode::from(3));
        }
        Some(count) => count as u32,
        None => retries.saturating_add(1),
    };
    let plan = SweepPlan {
        attempts,
        until_answer: settings.plan.count.is_none(),
        interval: settings.interval.unwrap_or(Duration::from_secs(1)),
        timeout: settings.timeout.unwrap_or(Duration::from_secs(1)),
        rate: args.rate.map_or(if loopback { LOOPBACK_RATE } else { RATE }, std::num::NonZeroU32::get),
    };
    let started = Instant::now();
    let mut live = Sweeping::new(&hosts, args.flags.quiet || args.json);
    let mut dropped = false;
    let all = ping::sweep(&hosts, plan, &settings.options, Some(signals.fd()), |found, all| {
        if !std::mem::replace(&mut dropped, true) {
            // The sockets are open by now. What cannot be given up was not held.
            let _ = ping::drop_privileges();
        }
        if let Some(record) = events.wanted().then(|| sweep_event(&hosts, &found)).flatten() {
            events.emit(|| record);
        }
        match found {
            Found::Woken => signals.drain(),
            Found::Tick { sent, unanswered } => live.tick(sent, unanswered, all),
            _ => {}
        }
        !signals.interrupted()
    })?;
    let took = started.elapsed();
    live.erase();
    if args.events.as_deref() != Some("-") {
        report(args, &hosts, &all, took)?;
    }
    let silent = all.iter().any(|s| s.received == 0);
    Ok(ExitCode::from(match (unknown > 0, silent) {
        (true, _) => UNKNOWN,
        (false, true) => 1,
        (false, false) => 0,
    }))
}

/// Hosts from the command line, then from the file: words between blanks, `#` to the line's end a remark.
fn words(args: &Ping) -> Result<Vec<String>, Error> {
    let mut words = args.hosts.clone();
    let Some(path) = &args.file else { return Ok(words) };
    let failed = |e: std::io::Error| Error::new("read hosts from", path.display(), e);
    let lines: Box<dyn BufRead> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(BufReader::new(std::fs::File::open(path).map_err(failed)?))
    };
    for line in lines.lines() {
        let line = line.map_err(failed)?;
        let line = line.split('#').next().unwrap_or("");
        words.extend(line.split_whitespace().map(String::from));
        if words.len() as u64 > ping::MOST_HOSTS {
            let reason = sockeye::error::Reason::Usage(format!("more than {} hosts", ping::MOST_HOSTS));
            return Err(Error::new("read hosts from", path.display(), reason));
        }
    }
    Ok(words)
}
