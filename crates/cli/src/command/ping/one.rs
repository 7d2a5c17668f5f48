//! One host, as ping does it.

use std::process::ExitCode;

use sockeye::{
    Error,
    event::Events,
    ping::{self, Event, Host, Options, Pinger, Probe},
};

use super::{TROUBLE, settings::Settings, signals::Signals};
use crate::{
    args::Ping,
    output::{
        Failure, Out,
        ping::{Json, JsonLines, Plot, Series, Show, Target, Text, event, svg},
        remark,
    },
};

pub(super) fn run(
    args: &Ping,
    name: &str,
    settings: &Settings,
    events: &Events,
) -> Result<ExitCode, Failure> {
    let signals = Signals::catch()?;
    let target = match target(args, name, settings)? {
        Ok(target) => target,
        Err(refusal) => {
            remark(format_args!("{}: {refusal}", args.program));
            return Ok(ExitCode::from(TROUBLE));
        }
    };
    let mut plan = settings.plan.clone();
    let forever = plan.count.is_none() && plan.deadline.is_none();
    if args.json && forever {
        // A result that never ends would be none.
        plan.count = Some(5);
    }
    let mut pinger = Pinger::new(&target.host, &target.probe, plan.clone(), &target.options)?;
    ping::drop_privileges()?;
    pinger.wake_on(signals.owned_fd()?);
    let mut show: Box<dyn Show> = if args.plot {
        Box::new(Plot::new(&target, plan.interval)?)
    } else if args.json || args.events.as_deref() == Some("-") {
        Box::new(Json::new(&target, args.json))
    } else if settings.display.json_lines {
        Box::new(JsonLines::new(&target, &settings.display, Out::stdout()))
    } else {
        Box::new(Text::new(&target, &settings.display, Out::stdout()))
    };
    if args.flags.pattern.is_some() && !settings.display.quiet {
        show.pattern(&settings.options.pattern)?;
    }
    show.start()?;
    if let Some(forbidden) = settings.forbidden {
        remark(format_args!("{}: {forbidden}", args.program));
        return Ok(ExitCode::from(TROUBLE));
    }
    let mut series = Series::new(args.svg.is_some());
    let result = turn(&mut pinger, &signals, show.as_mut(), events, &target, &mut series);
    show.end(&pinger)?;
    result?;
    events.emit(|| event::summary(&target, pinger.statistics()));
    if let Some(path) = &args.svg {
        let picture = svg(&target, &series, pinger.statistics());
        std::fs::write(path, picture).map_err(|e| Error::new("write", path.display(), e))?;
    }
    Ok(ExitCode::from(if pinger.succeeded() { 0 } else { 1 }))
}

fn turn(
    pinger: &mut Pinger,
    signals: &Signals,
    show: &mut dyn Show,
    events: &Events,
    target: &Target,
    series: &mut Series,
) -> Result<(), Failure> {
    while let Some(next) = pinger.next() {
        let next = next?;
        if events.wanted()
            && let Some(record) = event::of(target, &next)
        {
            events.emit(|| record);
        }
        series.take(&next);
        if matches!(next, Event::Woken) {
            signals.drain();
        }
        if signals.interrupted() {
            pinger.stop();
        }
        if signals.asked_for_status() {
            show.status(pinger)?;
        }
        if !show.event(&next, pinger)? {
            pinger.stop();
        }
    }
    Ok(())
}

/// Resolves and checks what can be checked before a socket is open; the inner error is ping's refusal.
fn target(args: &Ping, name: &str, settings: &Settings) -> Result<Result<Target, String>, Failure> {
    let host = ping::resolve(name, settings.family)?;
    let mut options = settings.options.clone();
    if options.source.is_some_and(|s| s.is_ipv4() != host.address.is_ipv4()) {
        options.source = None;
    }
    let source = match ping::source_for(&host, &options) {
        Err(error) if error.errno() == Some(rustix::io::Errno::ACCESS.raw_os_error()) => {
            return Ok(Err(
                "Do you want to ping broadcast? Then -b. If not, check your local firewall rules".into(),
            ));
        }
        other => other?,
    };
    if options.broadcast && host.address.is_ipv4() && is_broadcast(&host, &options) {
        remark("WARNING: pinging broadcast address");
    }
    // As ping does it: a destination of all zeros is this machine, by the address that it would use.
    let mut host = host;
    if host.address.ip().is_unspecified() {
        host.address.set_ip(source.ip());
    }
    let strict_source = args.flags.sticky_source || options.source.is_some();
    let shown = strict_source || options.interface.is_some();
    if args.flags.sticky_source {
        options.source = Some(source.ip());
    }
    let from =
        shown.then(|| format!("from {} {}: ", source.ip(), options.interface.as_deref().unwrap_or("")));
    let probe = match (args.tcp, args.udp) {
        (Some(port), _) => Probe::Tcp(port.get()),
        (_, Some(port)) => Probe::Udp(port.get()),
        _ => Probe::Icmp,
    };
    Ok(Ok(Target { host, probe, options, from, program: args.program.clone() }))
}

/// Whether the kernel takes the host's address for a broadcast one: it refuses it where that is not allowed.
fn is_broadcast(host: &Host, options: &Options) -> bool {
    let not_allowed = Options { broadcast: false, ..options.clone() };
    ping::source_for(host, &not_allowed)
        .is_err_and(|e| e.errno() == Some(rustix::io::Errno::ACCESS.raw_os_error()))
}
