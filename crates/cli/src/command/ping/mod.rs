//! `sockeye ping`, and the program under the name of ping.

mod many;
mod one;
mod settings;
mod signals;
mod trace;

use std::process::ExitCode;

use sockeye::{
    Error,
    error::Class,
    event::{Event, Events},
};

use crate::{
    args::Ping,
    output::{Failure, remark},
};
use settings::Settings;

/// ping's exit code for every error that is not silence.
const TROUBLE: u8 = 2;

pub(super) fn run(args: &Ping) -> Result<ExitCode, Failure> {
    let many = is_many(args);
    if args.flags.version {
        return crate::output::ping::version(args.flags.json_lines);
    }
    let root = rustix::process::getuid().is_root();
    let settings = match Settings::new(&args.flags, root).and_then(|s| combination(args, many).map(|()| s)) {
        Ok(settings) => settings,
        Err(wrong) => {
            remark(format_args!("{}: {wrong}", args.program));
            return Ok(ExitCode::from(if many { 3 } else { TROUBLE }));
        }
    };
    let result = events(args).map_err(Failure::from).and_then(|events| {
        let ran = match args.hosts.as_slice() {
            _ if many => many::run(args, &settings, &events),
            [host] if args.trace => trace::run(args, host, &settings, &events),
            [host] => one::run(args, host, &settings, &events),
            _ => unreachable!("combination() has seen that there is one host"),
        };
        if let Err(Failure::Error(error)) = &ran {
            events.emit(|| Event::failure(error, code(many, error)));
        }
        ran
    });
    match result {
        Err(Failure::Error(error)) => {
            remark(format_args!("{}: {}", args.program, in_pings_words(&error)));
            Ok(ExitCode::from(code(many, &error)))
        }
        other => other,
    }
}

/// The exit code of ping, or of fping where there are many hosts.
fn code(many: bool, error: &Error) -> u8 {
    match (many, error.class()) {
        (false, _) => TROUBLE,
        (true, Class::Usage) => 3,
        (true, _) => 4,
    }
}

/// Whether fping's ways apply: several hosts, or what may stand for several.
fn is_many(args: &Ping) -> bool {
    !args.strict
        && (args.hosts.len() > 1
            || args.file.is_some()
            || args.alive
            || args.unreach
            || args.worst.is_some()
            || args.rate.is_some()
            || args.retry.is_some()
            || args.hosts.iter().any(|h| h.contains('/')))
}

/// What is wrong with the flags together.
fn combination(args: &Ping, many: bool) -> Result<(), String> {
    if args.hosts.is_empty() && args.file.is_none() {
        return Err("usage error: Destination address required".into());
    }
    if args.strict && args.hosts.len() > 1 {
        return Err("source routes (several destinations) are not supported".into());
    }
    if !many {
        return Ok(());
    }
    let flags = &args.flags;
    let single = [
        (args.trace, "--trace"),
        (args.plot, "--plot"),
        (args.svg.is_some(), "--svg"),
        (args.tcp.is_some(), "--tcp"),
        (args.udp.is_some(), "--udp"),
        (flags.flood, "-f"),
        (flags.adaptive, "-A"),
        (flags.preload.is_some(), "-l"),
        (flags.deadline.is_some(), "-w"),
        (flags.outstanding, "-O"),
        (flags.json_lines, "-j"),
        (flags.record_route || flags.record_times.is_some(), "-R and -T"),
    ];
    match single.iter().find(|(given, _)| *given) {
        Some((_, flag)) => Err(format!("{flag} works with one host only")),
        None => Ok(()),
    }
}

/// Where events go.
fn events(args: &Ping) -> sockeye::Result<Events> {
    Ok(match args.events.as_deref() {
        None => Events::none(),
        Some("-") => Events::to(std::io::stdout()),
        Some(path) => {
            Events::to(std::fs::File::create(path).map_err(|e| Error::new("write events to", path, e))?)
        }
    })
}

/// The few errors that scripts look for, as ping says them; the rest as they are.
fn in_pings_words(error: &Error) -> String {
    let reason = error.reason();
    match error.attempt() {
        "find the address of" => format!("{}: {reason}", error.target()),
        "connect to" => format!("connect: {reason}"),
        "bind to" => format!("bind: {reason}"),
        "use the interface" => format!("SO_BINDTODEVICE {}: {reason}", error.target()),
        _ => error.to_string(),
    }
}
