//! `sockeye socat`, and the binary under the name socat: socat's command line, defaults, log and exit codes.

use std::{process::ExitCode, sync::Arc, time::Duration};

use sockeye::{
    Error,
    endpoint::Context,
    event::Events,
    relay::{self, Outcome, Plan, Rules},
};
use sockeye_proto::address::{Address, Family, Kind, OptionName, Spec, Value};

use super::{
    relay::forks,
    session::{Crowd, Session, block_on},
};
use crate::{
    args::Socat,
    output::{
        Failure,
        socat::{self as output, Level, Logger},
    },
};

pub(super) fn run(args: &Socat) -> Result<ExitCode, Failure> {
    if args.version {
        return output::version();
    }
    if args.help > 0 {
        return output::help(args.help);
    }
    let logger = match Logger::new(&args.log, args.verbosity) {
        Ok(logger) => Arc::new(logger),
        Err(error) => return Err(error.into()),
    };
    let Some([first, second]) = &args.addresses else { return Ok(ExitCode::from(1)) };
    let (first, second) = match (spec(first, args), spec(second, args)) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(message), _) | (_, Err(message)) => {
            logger.log(Level::Error, &message);
            return Ok(ExitCode::from(1));
        }
    };
    let crowd = if forks(&first) { Crowd::Many } else { Crowd::One };
    block_on(crowd, relay(args, &first, &second, logger))?
}

async fn relay(args: &Socat, first: &Spec, second: &Spec, logger: Arc<Logger>) -> Result<ExitCode, Failure> {
    let mut session = Session::begin()?;
    session.events = Events::to(output::EventLog::new(logger.clone()));
    let lock = match &args.lock {
        Some((path, waits)) => match sockeye::endpoint::lock(path.into(), *waits).await {
            Ok(lock) => Some(lock),
            Err(error) => return Ok(failed(&logger, &error)),
        },
        None => None,
    };
    let told = logger.clone();
    // Where it listens is an event too.
    let tell = move |text: std::fmt::Arguments<'_>| {
        let text = text.to_string();
        if !text.starts_with("listening on") {
            told.log(Level::Notice, &text);
        }
    };
    let context = Context {
        events: session.events.clone(),
        tell: Some(Arc::new(tell)),
        prefix: Some("SOCAT"),
        ..Context::default()
    };
    let tap = match output::Tap::wanted(args.text, args.hex, &args.raw) {
        Ok(tap) => tap,
        Err(error) => return Ok(failed(&logger, &error)),
    };
    let rules = Rules {
        only: args.only,
        linger: Some(args.linger),
        idle: args.idle,
        block: args.block,
        tap,
        ..Rules::default()
    };
    let mut plan = Plan { rules, context, ..Plan::default() };
    plan.limits.most = super::relay::limit(first);
    plan.limits.drain = Duration::ZERO;
    let outcome = relay::run(first, second, &plan, &session.stop).await;
    drop(lock);
    let code = match outcome {
        Err(error) => return Ok(failed(&logger, &error)),
        Ok(Outcome::Many(_)) => session.cut_short(),
        Ok(Outcome::Single(_, summary)) => {
            let asked = matches!(summary.forward.ended, relay::Ended::Signal)
                || matches!(summary.backward.ended, relay::Ended::Signal);
            match [summary.forward.ended, summary.backward.ended].into_iter().find_map(failure) {
                // What failed was logged when it did.
                Some(_) if !args.sloppy => ExitCode::from(1),
                _ if asked => session.cut_short(),
                _ => ExitCode::SUCCESS,
            }
        }
    };
    Ok(code)
}

fn failure(ended: relay::Ended) -> Option<Box<Error>> {
    match ended {
        relay::Ended::Failed(error) => Some(error),
        _ => None,
    }
}

fn failed(logger: &Logger, error: &Error) -> ExitCode {
    logger.log(Level::Error, &output::in_its_words(error));
    logger.log(Level::Notice, "exit(1)");
    ExitCode::from(1)
}

/// Reads an address with socat's defaults.
fn spec(text: &str, args: &Socat) -> Result<Spec, String> {
    let mut spec = Spec::parse(text).map_err(|e| output::unreadable(&e))?;
    match &mut spec {
        Spec::Single(address) => defaults(address, args),
        Spec::Dual { read, write } => {
            defaults(read, args);
            defaults(write, args);
        }
    }
    Ok(spec)
}

/// Where socat does something else than sockeye: it binds servers without SO_REUSEADDR and to IPv4, and waits
/// for as long as the kernel does for a connection.
fn defaults(address: &mut Address, args: &Socat) {
    let mut set = |name: OptionName, value: Value| {
        if !address.options.has(name) {
            address.options.push(name, value);
        }
    };
    if matches!(address.kind, Kind::TcpListen { .. } | Kind::TlsListen { .. }) {
        set(OptionName::Reuseaddr, Value::Flag(false));
    }
    if address.kind.keyword().groups.meets(sockeye_proto::address::Groups::CONNECT) {
        set(OptionName::ConnectTimeout, Value::Time(Duration::from_secs(3600)));
    }
    let serves = address.kind.keyword().groups.meets(sockeye_proto::address::Groups::RANGE);
    let family = match args.prefers_6 {
        Some(true) => Family::V6,
        Some(false) => Family::V4,
        None if serves && !has_place(&address.kind) && !address.options.has(OptionName::Bind) => Family::V4,
        None => return,
    };
    if address.kind.family() == Some(Family::Any) && !address.options.has(OptionName::ProtocolFamily) {
        address.kind.set_family(family);
    }
}

/// Whether the address says where it serves.
fn has_place(kind: &Kind) -> bool {
    match kind {
        Kind::TcpListen { host, .. }
        | Kind::UdpListen { host, .. }
        | Kind::UdpRecv { host, .. }
        | Kind::UdpRecvfrom { host, .. } => host.is_some(),
        Kind::UdpDatagram { .. } | Kind::IpDatagram { .. } => true,
        _ => false,
    }
}
