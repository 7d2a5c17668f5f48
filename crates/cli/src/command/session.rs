//! What every command that moves data sets up: a runtime, events, notices, and how signals end it.

use std::{fmt, process::ExitCode, sync::Arc};

use sockeye::{
    Error,
    endpoint::{Context, Watch, Window, clients::Limits, passes_on},
    error::Reason,
    event::Events,
    relay::{Plan, Rules},
    stop::{Stop, Stopper, Urgency},
};
use sockeye_proto::{
    address::{Address, Groups, Kind, OptionName, ParseError, Problem, Prompted, Role, Spec, Value},
    framing::{self, Framing},
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    args::Traffic,
    output::{self, Failure, tap::Dump},
};

/// How many threads a command is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crowd {
    /// One conversation.
    One,
    /// As many as come.
    Many,
}

/// Runs a future on a runtime of its own; work that blocks (a read from a terminal) does not hold up the end.
pub(super) fn block_on<T>(crowd: Crowd, future: impl Future<Output = T>) -> Result<T, Failure> {
    let mut builder = match crowd {
        Crowd::One => tokio::runtime::Builder::new_current_thread(),
        Crowd::Many => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.enable_all().build().map_err(|e| Error::new("start", "the runtime", e))?;
    let outcome = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(outcome)
}

/// How many loops may serve clients at a time.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What a command knows while it runs.
pub(super) struct Session {
    pub(super) events: Events,
    pub(super) stop: Stop,
    /// Which signal asked it to end, if one did.
    signal: Arc<std::sync::atomic::AtomicI32>,
}

impl Session {
    /// Listens to signals from now on: the first SIGINT, SIGTERM or SIGHUP asks politely, the next at once.
    pub(super) fn begin() -> Result<Self, Failure> {
        Self::begin_with(&[])
    }

    /// As [`Session::begin`]; what an address passes on to its program ends nothing here.
    pub(super) fn begin_with(addresses: &[&Spec]) -> Result<Self, Failure> {
        let passed_on: Vec<SignalKind> = addresses
            .iter()
            .flat_map(|spec| match spec {
                Spec::Single(address) => vec![address],
                Spec::Dual { read, write } => vec![read, write],
            })
            .flat_map(|address| passes_on(&address.options))
            .collect();
        let (stopper, stop) = Stopper::new();
        let caught = Arc::new(std::sync::atomic::AtomicI32::new(0));
        let ending = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        for kind in ending.into_iter().filter(|kind| !passed_on.contains(kind)) {
            let mut signals = signal(kind).map_err(|e| Error::new("wait for", "signals", e))?;
            let (caught, asks) = (caught.clone(), stopper.clone());
            tokio::spawn(async move {
                let mut urgency = Urgency::Drain;
                while signals.recv().await.is_some() {
                    caught.store(kind.as_raw_value(), std::sync::atomic::Ordering::Relaxed);
                    asks.ask(urgency);
                    urgency = Urgency::Now;
                }
            });
        }
        output::ends_with_its_reader(&stopper);
        Ok(Self { events: output::events(), stop, signal: caught })
    }

    /// What opening addresses needs to know.
    pub(super) fn context(&self) -> Context {
        let tell = |text: fmt::Arguments<'_>| output::notice(text);
        Context { events: self.events.clone(), tell: Some(Arc::new(tell)), ..Context::default() }
    }

    /// The plan that the options of traffic describe.
    pub(super) fn plan(&self, traffic: &Traffic) -> Plan {
        let rules = Rules {
            linger: traffic.linger,
            idle: traffic.idle_timeout,
            total: traffic.total_timeout,
            block: traffic.block,
            tap: Dump::wanted(traffic.verbose, traffic.hex),
            ..Rules::default()
        };
        let mut context = self.context();
        if traffic.explain {
            context.explain = Some(Arc::new(output::explain::line));
        }
        let limits = Limits { loops: cores(), ..Limits::default() };
        Plan { rules, context, limits, ..Plan::default() }
    }

    /// 128 and the signal's number where one cut a conversation short, as shells have it.
    pub(super) fn cut_short(&self) -> ExitCode {
        match self.signal() {
            None => ExitCode::SUCCESS,
            Some(number) => ExitCode::from(u8::try_from(128 + number).unwrap_or(1)),
        }
    }

    /// The signal that asked the process to end, if one did.
    pub(super) fn signal(&self) -> Option<i32> {
        match self.signal.load(std::sync::atomic::Ordering::Relaxed) {
            0 => None,
            number => Some(number),
        }
    }
}

/// Puts `framing` on an address that can have one and has none yet; on the standard streams, lines.
pub(super) fn frame(address: &mut Address, framing: Option<&Framing>) {
    let Some(framing) = framing else { return };
    if address.options.has(OptionName::Frame) {
        return;
    }
    let framing = match address.kind {
        Kind::Stdio | Kind::Stdin | Kind::Stdout | Kind::Stderr => Framing::new(framing::Kind::Line),
        _ if address.kind.keyword().groups.meets(Groups::STREAM) => framing.clone(),
        _ => return,
    };
    address.options.push(OptionName::Frame, Value::Framing(framing));
}

/// Who shows how windows slide, if that is wanted. A console's prompt has the terminal's last line: then windows
/// are lines above it.
pub(super) fn watch(traffic: &Traffic, has_console: bool) -> Option<Watch> {
    if !traffic.window {
        return None;
    }
    if has_console || !output::is_for_people() {
        return Some(Arc::new(output::window::line));
    }
    let screen = output::window::Screen::default();
    Some(Arc::new(move |window: &Window<'_>| screen.show(window)))
}

/// Has the transfer drawn by the first of these addresses that can be; says so where none has a window to show.
pub(super) fn window<'a>(
    traffic: &Traffic,
    addresses: impl IntoIterator<Item = &'a mut Address>,
) -> Result<(), Failure> {
    if !traffic.window && traffic.window_svg.is_none() {
        return Ok(());
    }
    let is_arq = |a: &&mut Address| matches!(a.kind, Kind::Arq { .. } | Kind::ArqListen { .. });
    let Some(address) = addresses.into_iter().find(is_arq) else {
        let reason = Reason::Usage("no address here is arq: or arq-listen:".into());
        return Err(Error::new("show", "the window", reason)
            .hint("the kernel keeps the windows of TCP: sockeye ss -i shows them")
            .into());
    };
    if let Some(file) = &traffic.window_svg {
        address.options.push(OptionName::WindowSvg, Value::Text(file.clone()));
    }
    Ok(())
}

/// Reads an address as one side of a relay.
pub(super) fn spec(text: &str) -> Result<Spec, Failure> {
    Spec::parse(text).map_err(|e| unreadable(&e))
}

/// Reads an address as people mean it in that place.
pub(super) fn prompted(text: &str, role: Role) -> Result<Prompted, Failure> {
    Address::parse_for(text, role).map_err(|e| unreadable(&e))
}

fn unreadable(error: &ParseError) -> Failure {
    let shown = error.diagram();
    let (problem, place) = shown.split_once('\n').unwrap_or((&shown, ""));
    let reason = Reason::Usage(problem.to_owned());
    let shown = Error::new("read the address", format!("\"{}\"", error.text), reason);
    let shown = match &error.what {
        Problem::UnknownKeyword { nearest: None, .. } => {
            shown.hint("a file is named with a slash, as in ./file; `sockeye relay --help` shows what addresses look like")
        }
        Problem::UnknownOption { nearest: None, .. } => {
            shown.hint("`sockeye options` lists those that sockets take")
        }
        _ => shown,
    };
    Failure::Explained(shown.into(), place.to_owned())
}
