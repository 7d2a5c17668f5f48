//! `sockeye watch`: a sampler, and who is shown what it sees.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use serde::Serialize;
use sockeye::{
    Error,
    diag::{Filter, Machine, Sampler, State, States},
    error::Reason,
    event::Events,
    proto::diag::{
        filter::{Expr, Host, Pattern, Predicate, Side},
        watch::Change,
    },
};

use crate::{
    args::Watch,
    output::{self, Failure, watch as screen},
};

/// A change of state as an event.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum TcpEvent {
    /// The first sample is taken: what was there before is known, and changes follow.
    TcpWatch { sockets: usize },
    /// A connection changed its state, came (`from` null) or went (`to` null).
    TcpState { local: String, peer: String, from: Option<State>, to: Option<State> },
}

impl TcpEvent {
    pub(super) fn of(change: &Change) -> Self {
        Self::TcpState {
            local: change.key.local.to_string(),
            peer: change.key.peer.to_string(),
            from: change.from,
            to: change.to,
        }
    }
}

pub(super) fn run(args: &Watch) -> Result<ExitCode, Failure> {
    watch(args).or_else(|failure| match failure {
        Failure::Error(error) => Ok(output::failed("sockeye", &error, error.class().exit_code(), args.json)),
        other => Err(other),
    })
}

fn watch(args: &Watch) -> Result<ExitCode, Failure> {
    let machine = Machine::new();
    let filter = Filter::parse(&args.filter, None, &machine)
        .map_err(|e| Error::new("understand", "the filter", Reason::Usage(e.to_string())))?;
    let states = filter.states.unwrap_or(States::ALL);
    let mut sampler = Sampler::new(states, expression(args, filter), args.pid.clone());
    let dash = args.events.events.as_ref().is_some_and(|p| p.as_os_str() == "-");
    let to_output = args.json || dash;
    let events = if dash { Events::none() } else { output::events() };
    let mut left = args.samples.unwrap_or(u64::MAX);
    let started = Instant::now();
    if to_output {
        return stream(args, &mut sampler, &events, started, left);
    }
    let mut screen = screen::Screen::open(args.interval)?;
    let mut begun = false;
    loop {
        let now = started.elapsed();
        let changes = sampler.sample(now)?;
        if !std::mem::replace(&mut begun, true) {
            events.emit(|| TcpEvent::TcpWatch { sockets: sampler.watch().len() });
        }
        changes.iter().for_each(|change| events.emit(|| TcpEvent::of(change)));
        screen.changed(now, &changes);
        sampler.measure(now, &screen.shown(sampler.watch()))?;
        left -= 1;
        let next = now + args.interval;
        // Keys act at once; the picture changes with each sample.
        loop {
            screen.draw(started.elapsed(), &sampler)?;
            let wait = next.saturating_sub(started.elapsed());
            match screen.keys(wait)? {
                screen::Key::Quit => return Ok(ExitCode::SUCCESS),
                screen::Key::Other if !wait.is_zero() => {}
                _ => break,
            }
        }
        if left == 0 {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// The filter with what `--pid` and `--port` add to it.
fn expression(args: &Watch, filter: Filter) -> Option<Expr> {
    let mut all = Vec::from_iter(filter.expr);
    let any = |parts: Vec<Expr>| (!parts.is_empty()).then_some(Expr::Or(parts));
    let port = |side, port: u16| {
        Expr::Is(Predicate::Host(side, Host { address: Pattern::Any, port: Some(port.into()) }))
    };
    all.extend(any(args.port.iter().flat_map(|p| [port(Side::Local, *p), port(Side::Peer, *p)]).collect()));
    all.extend(any(args.pid.iter().map(|p| Expr::Is(Predicate::Pid(*p))).collect()));
    (!all.is_empty()).then_some(Expr::And(all))
}

/// Lines of JSON until the samples are taken or the reader leaves.
fn stream(
    args: &Watch,
    sampler: &mut Sampler,
    events: &Events,
    started: Instant,
    mut left: u64,
) -> Result<ExitCode, Failure> {
    let mut out = output::Out::stdout();
    let mut begun = false;
    loop {
        let now = started.elapsed();
        let changes = sampler.sample(now)?;
        let first = (!std::mem::replace(&mut begun, true))
            .then(|| TcpEvent::TcpWatch { sockets: sampler.watch().len() });
        for event in first.into_iter().chain(changes.iter().map(TcpEvent::of)) {
            events.emit(|| &event);
            out.event(&event)?;
        }
        left -= 1;
        if left == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(
            (now + args.interval).saturating_sub(started.elapsed()).max(Duration::from_millis(1)),
        );
    }
}
