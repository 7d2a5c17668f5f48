//! `sockeye connect`: a console on a socket.

use std::process::ExitCode;

use sockeye::{
    Error,
    endpoint::{Direction, Endpoint, Opened, open},
    error::Reason,
    relay::{self, Outcome, Way},
    stop::Urgency,
};
use sockeye_proto::address::{Address, Kind, OptionName, Role, Value};

use super::{
    relay::finish,
    session::{Crowd, Session, block_on, frame, prompted, watch, window},
    states::States,
};
use crate::{
    args::Connect,
    output::{self, Failure, console},
};

pub(super) fn run(args: &Connect) -> Result<ExitCode, Failure> {
    let address = address(args)?;
    block_on(Crowd::One, connect(args, &address))?
}

async fn connect(args: &Connect, address: &Address) -> Result<ExitCode, Failure> {
    let session = Session::begin()?;
    let mut plan = session.plan(&args.traffic);
    let framed = address.options.has(OptionName::Frame);
    plan.rules.only = match (args.talk.send_only, args.talk.recv_only) {
        (true, _) => Some(Way::Forward),
        (_, true) => Some(Way::Backward),
        _ => None,
    };
    plan.rules.linger = args.talk.quit.or(plan.rules.linger);
    plan.rules.idle = args.wait.or(plan.rules.idle);
    plan.context.window = watch(&args.traffic, is_console(args));
    let opening = async {
        match open(address, Direction::Both, &plan.context).await? {
            Opened::Endpoint(endpoint) => Ok(*endpoint),
            Opened::Listener(listener) => {
                let reason = Reason::Usage("it is an address to listen on".into());
                Err(Error::new("connect to", &listener.about().address, reason).hint("use sockeye listen"))
            }
        }
    };
    let peer = tokio::select! {
        peer = opening => peer?,
        () = session.stop.asked(Urgency::Drain) => return Ok(session.cut_short()),
    };
    // Dropped last, when the connection is closed.
    let _states = if args.talk.states { States::between(&peer.about, &session.events) } else { None };
    if args.zero {
        output::notice(format_args!("connected to {}", peer.about.name()));
        peer.close().await;
        return Ok(ExitCode::SUCCESS);
    }
    let ours = ours(&peer, args, framed, &mut plan.rules)?;
    let names = [ours.about.clone(), peer.about.clone()];
    let summary =
        relay::pair(Box::new([ours, peer]), &plan, Box::pin(session.stop.asked(Urgency::Drain))).await;
    if plan.rules.ends_with_second {
        console::farewell(names[1].name(), &summary.backward.ended);
    }
    finish(&session, Outcome::Single(names, summary.into()), args.traffic.json)
}

/// Whether a person types and reads.
fn is_console(args: &Connect) -> bool {
    console::is_for_people() && !args.talk.recv_only && !args.talk.send_only
}

/// Our side: a console with a prompt for people, the plain streams for programs.
fn ours(peer: &Endpoint, args: &Connect, framed: bool, rules: &mut relay::Rules) -> Result<Endpoint, Error> {
    if is_console(args) {
        rules.ends_with_second = true;
        return console::open(peer.about.name(), framed);
    }
    let mut ours = console::streams(framed)?;
    if args.no_shutdown {
        ours.reader = sockeye::endpoint::without_end(ours.reader);
    }
    Ok(ours)
}

fn address(args: &Connect) -> Result<Address, Failure> {
    let plain = match (&args.talk.port, args.talk.unix, args.talk.udp) {
        (Some(port), _, false) => format!("tcp:{}:{port}", bracketed(&args.address)),
        (Some(port), _, true) => format!("udp:{}:{port}", bracketed(&args.address)),
        (None, true, _) => format!("unix-client:{}", args.address),
        (None, _, true) => format!("udp:{}", args.address),
        _ => args.address.clone(),
    };
    let mut address = prompted(&plain, Role::Connect)?.address;
    narrow(&mut address, args.talk.ipv4, args.talk.ipv6);
    let mut set = |name, value| address.options.push(name, value);
    if let Some(source) = &args.source {
        set(OptionName::Bind, Value::Text(source.clone()));
    }
    if let Some(port) = &args.source_port {
        let number = sockeye::socket::port(port)?;
        set(OptionName::Sourceport, Value::Number(number.into()));
    }
    if let Some(wait) = args.wait {
        set(OptionName::ConnectTimeout, Value::Time(wait));
    }
    if args.talk.crlf {
        set(OptionName::Crlf, Value::Flag(true));
    }
    if let Some(text) = &args.preamble {
        set(OptionName::Preamble, Value::Text(text.clone()));
    }
    frame(&mut address, args.traffic.frame.as_ref());
    window(&args.traffic, [&mut address])?;
    Ok(address)
}

/// An IPv6 address where a port follows.
pub(super) fn bracketed(host: &str) -> String {
    if host.parse::<std::net::Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() }
}

/// `-4` and `-6`.
pub(super) fn narrow(address: &mut Address, ipv4: bool, ipv6: bool) {
    use sockeye_proto::address::Family;
    let narrowed = match (ipv4, ipv6) {
        (true, _) => Family::V4,
        (_, true) => Family::V6,
        _ => return,
    };
    match &mut address.kind {
        Kind::Tcp { family, .. }
        | Kind::TcpListen { family, .. }
        | Kind::Udp { family, .. }
        | Kind::UdpListen { family, .. } => *family = narrowed,
        _ => {}
    }
}
