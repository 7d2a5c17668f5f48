//! `sockeye socat`, and the binary under the name socat: socat's command line, defaults, log and exit codes.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use sockeye::{
    Error,
    endpoint::Context,
    error::Reason,
    event::Events,
    relay::{self, Outcome, Plan, Rules},
    socket,
};
use sockeye_proto::address::{Address, Family, Host, Kind, OptionName, Spec, Value};

use super::{
    relay::forks,
    session::{Crowd, Session, block_on},
};
use crate::{
    args::{Socat, socat::Prefers},
    output::{
        Failure,
        socat::{self as output, Level, Logger},
    },
};

/// ECONNRESET
const RESET: i32 = rustix::io::Errno::CONNRESET.raw_os_error();

pub(super) fn run(args: &Socat) -> Result<ExitCode, Failure> {
    if args.version {
        return output::version();
    }
    if args.help > 0 {
        return output::help(args.help);
    }
    let logger = match Logger::new(&args.log, args.verbosity) {
        Ok(logger) => Arc::new(logger),
        Err(error) => {
            let reason = error.reason();
            output::complain(&match reason {
                Reason::Usage(text) => text.clone(),
                reason => format!("cannot {} {}: {reason}", error.attempt(), error.target()),
            });
            return Ok(ExitCode::from(1));
        }
    };
    let Some([first, second]) = &args.addresses else { return Ok(ExitCode::from(1)) };
    let (first, second) = match (spec(first, args), spec(second, args)) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(message), _) | (_, Err(message)) => {
            logger.log(Level::Error, &message);
            return Ok(ExitCode::from(1));
        }
    };
    if args.descriptors {
        output::descriptors();
    }
    let crowd = if forks(&first) { Crowd::Many } else { Crowd::One };
    block_on(crowd, relay(args, &first, &second, logger))?
}

async fn relay(args: &Socat, first: &Spec, second: &Spec, logger: Arc<Logger>) -> Result<ExitCode, Failure> {
    let mut session = Session::begin_with(&[first, second])?;
    let child = Arc::new(AtomicU8::new(0));
    session.events = Events::to(output::EventLog::new(logger.clone(), args.only, child.clone()));
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
        prefix: Some(prefix(args).into()),
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
    let registry = Arc::new(relay::Registry::default());
    let mut plan = Plan { rules, context, registry: Some(registry.clone()), ..Plan::default() };
    let statistics = output::Statistics::new(logger.clone(), registry, args.only);
    statistics.on_signal()?;
    plan.limits.most = super::relay::limit(first);
    plan.limits.drain = Duration::ZERO;
    let outcome = relay::run(first, second, &plan, &session.stop).await;
    drop(lock);
    if args.statistics {
        statistics.tell();
    }
    let code = match outcome {
        // Nobody came in the time that was given for it: that is no failure.
        Err(error) if error.attempt() == "accept on" && matches!(error.reason(), Reason::TimedOut(_)) => 0,
        Err(error) => return Ok(failed(&logger, &error)),
        Ok(outcome) => ended(outcome, args, &session, child.load(Ordering::Relaxed)),
    };
    if let Some(signal) = session.signal() {
        logger.log(Level::Warning, &format!("exiting on signal {signal}"));
    }
    match code {
        0 => logger.log(Level::Notice, "exiting with status 0"),
        code => logger.log(Level::Notice, &format!("exit({code})")),
    }
    Ok(ExitCode::from(code))
}

/// The exit code of what ran; `child` is the code that a program leaves to us.
fn ended(outcome: Outcome, args: &Socat, session: &Session, child: u8) -> u8 {
    let cut_short = || session.signal().map_or(0, |number| u8::try_from(128 + number).unwrap_or(1));
    let Outcome::Single(_, summary) = outcome else { return cut_short() };
    let asked = matches!(summary.forward.ended, relay::Ended::Signal)
        || matches!(summary.backward.ended, relay::Ended::Signal);
    match [summary.forward.ended, summary.backward.ended].into_iter().find_map(failure) {
        // What failed was logged when it did.
        Some(_) if !args.sloppy => 1,
        _ if child != 0 => child,
        _ if asked => cut_short(),
        _ => 0,
    }
}

/// What the variables for programs begin with: the name in the log, in capitals.
fn prefix(args: &Socat) -> String {
    args.log.name.as_deref().unwrap_or("socat").to_uppercase()
}

/// What failed. A reset while reading is the end of the data here, as socat has it.
fn failure(ended: relay::Ended) -> Option<Box<Error>> {
    match ended {
        relay::Ended::Failed(error) if error.attempt() == "read from" && error.errno() == Some(RESET) => None,
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
    // What a path does not name yet is made, whether it is to be read or written.
    if let Kind::Gopen(path) = &address.kind
        && !std::path::Path::new(path).exists()
    {
        set(OptionName::Create, Value::Flag(true));
    }
    if address.kind.keyword().groups.meets(sockeye_proto::address::Groups::CONNECT) {
        set(OptionName::ConnectTimeout, Value::Time(Duration::from_secs(3600)));
    }
    let serves = address.kind.keyword().groups.meets(sockeye_proto::address::Groups::RANGE);
    let serves = serves && !has_place(&address.kind) && !address.options.has(OptionName::Bind);
    let (name, asked) = match args.prefers {
        Prefers::V4 => ("", Some('4')),
        Prefers::V6 => ("", Some('6')),
        Prefers::Neither => return,
        Prefers::Usual if serves => ("SOCAT_DEFAULT_LISTEN_IP", Some('4')),
        Prefers::Usual => ("SOCAT_PREFERRED_RESOLVE_IP", None),
    };
    let family = match variable(name).or(asked) {
        Some('6') => Family::V6,
        Some('4') => Family::V4,
        _ => return,
    };
    let fits = serves || target(&address.kind).is_none_or(|host| has_address(host, family));
    if fits && address.kind.family() == Some(Family::Any) && !address.options.has(OptionName::ProtocolFamily)
    {
        address.kind.set_family(family);
    }
}

/// Whom an address of any family connects or sends to.
fn target(kind: &Kind) -> Option<&Host> {
    match kind {
        Kind::Tcp { to, .. }
        | Kind::Udp { to, .. }
        | Kind::UdpSendto { to, .. }
        | Kind::UdpDatagram { to, .. } => Some(&to.host),
        Kind::IpSendto { host, .. } | Kind::IpDatagram { host, .. } => Some(host),
        _ => None,
    }
}

/// Whether a host can be reached in the preferred family: without an address in it, any other will do.
fn has_address(host: &Host, family: Family) -> bool {
    let (family, is_preferred) = match family {
        Family::V6 => (socket::Family::Inet6, std::net::IpAddr::is_ipv6 as fn(&_) -> bool),
        _ => (socket::Family::Inet, std::net::IpAddr::is_ipv4 as fn(&_) -> bool),
    };
    match host {
        Host::Ip(ip) => is_preferred(ip),
        Host::Scoped(..) => family == socket::Family::Inet6,
        Host::Name(name) => socket::addresses(name, 0, Some(family)).is_ok(),
    }
}

fn variable(name: &str) -> Option<char> {
    std::env::var(name).ok()?.chars().next()
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
