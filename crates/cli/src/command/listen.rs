//! `sockeye listen`: accept, and talk, start programs, or let clients hear one another.

use std::{process::ExitCode, sync::Arc};

use sockeye::{
    Error,
    endpoint::{
        Context, Direction, Endpoint, Listener, Opened,
        clients::{self, WhenFull},
        lines, open,
    },
    error::Reason,
    event::{Event, next_id},
    relay::{self, Outcome, Plan, Way},
    service::hub::{self, Hub, Said},
    stop::Urgency,
};
use sockeye_proto::address::{Address, OptionName, Role, Value};

use super::{
    connect::{bracketed, narrow},
    relay::finish,
    session::{Crowd, Session, block_on, frame, prompted, watch, window},
    states::States,
};
use crate::{
    args::Listen,
    output::{self, Failure, console, traffic},
};

pub(super) fn run(args: &Listen) -> Result<ExitCode, Failure> {
    let address = address(args)?;
    let many = args.keep_open || args.broker || args.chat;
    block_on(if many { Crowd::Many } else { Crowd::One }, async {
        let session = Session::begin()?;
        let plan = plan(args, &session);
        let listener = listener(&address, &plan.context).await?;
        announce(&session, &listener);
        let framed = address.options.has(OptionName::Frame);
        let _states =
            if args.talk.states { States::at_port(listener.about(), &session.events) } else { None };
        if many {
            serve(args, &session, listener, plan, framed).await
        } else {
            one(args, &session, listener, plan, framed).await
        }
    })?
}

fn plan(args: &Listen, session: &Session) -> Plan {
    let mut plan = session.plan(&args.traffic);
    plan.rules.only = match (args.talk.send_only, args.talk.recv_only) {
        (true, _) => Some(Way::Forward),
        (_, true) => Some(Way::Backward),
        _ => None,
    };
    plan.rules.linger = args.talk.quit.or(plan.rules.linger);
    plan.rules.idle = args.wait.or(plan.rules.idle);
    plan.context.window =
        watch(&args.traffic, args.exec.is_none() && args.sh_exec.is_none() && console::is_for_people());
    plan.limits.most = args.max_conns.map(|n| n as usize);
    plan.limits.when_full = WhenFull::Refuse;
    plan
}

/// One client, at the console or with a program.
async fn one(
    args: &Listen,
    session: &Session,
    listener: Listener,
    mut plan: Plan,
    framed: bool,
) -> Result<ExitCode, Failure> {
    let accepted = tokio::select! {
        accepted = Opened::Listener(Box::new(listener)).first(args.wait) => accepted,
        () = session.stop.asked(Urgency::Drain) => return Ok(session.cut_short()),
    };
    let client = accepted?;
    let ours = match program(args) {
        Some(program) => {
            let context = plan.context.facing(&client);
            started(&program, &context, framed).await?
        }
        None if console::is_for_people() => {
            plan.rules.ends_with_second = true;
            console::open(client.about.name(), framed)?
        }
        None => console::streams(framed)?,
    };
    let names = [ours.about.clone(), client.about.clone()];
    let summary =
        relay::pair(Box::new([ours, client]), &plan, Box::pin(session.stop.asked(Urgency::Drain))).await;
    if plan.rules.ends_with_second {
        console::farewell(names[1].name(), &summary.backward.ended);
    }
    finish(session, Outcome::Single(names, summary.into()), args.traffic.json)
}

/// Client after client, several at a time.
async fn serve(
    args: &Listen,
    session: &Session,
    listener: Listener,
    plan: Plan,
    framed: bool,
) -> Result<ExitCode, Failure> {
    let (mut limits, events, json) = (plan.limits.clone(), session.events.clone(), args.traffic.json);
    let stop = session.stop.clone();
    let served = if let Some(program) = program(args) {
        // The client's own, and up to two pipes of its program.
        limits.each = 3;
        let shared = Arc::new((program, plan, listener.shortage()));
        let client = move |endpoint: Endpoint| {
            let shared = shared.clone();
            async move {
                let (program, plan, shortage) = &*shared;
                let context = plan.context.facing(&endpoint);
                let started = loop {
                    let started = started(program, &context, framed).await;
                    if !shortage.waited(started.as_ref().err()).await {
                        break started;
                    }
                };
                match started {
                    Ok(program) => {
                        // What cuts it short drops it.
                        let never = Box::pin(std::future::pending());
                        relay::pair(Box::new([program, endpoint]), plan, never).await;
                    }
                    Err(error) => {
                        output::notice(format_args!("{error}"));
                        plan.context.events.emit(|| Event::from(&error));
                    }
                }
            }
        };
        clients::serve(listener, &limits, &events, &stop, client).await
    } else {
        let meeting =
            Arc::new(Meeting { hub: Hub::default(), style: Style::of(args), framed, events: events.clone() });
        let speaker = tokio::spawn(console::lines(meeting.clone(), !args.talk.recv_only));
        let served = clients::serve(listener, &limits, &events, &stop, move |endpoint| {
            meet(meeting.clone(), endpoint)
        })
        .await;
        speaker.abort();
        served
    };
    traffic::served(&served?, json);
    Ok(ExitCode::SUCCESS)
}

/// Where the clients of one listener meet, and the console with them.
pub(crate) struct Meeting {
    pub(crate) hub: Hub,
    style: Style,
    /// Whether clients speak in messages rather than in bytes as they come.
    pub(crate) framed: bool,
    events: sockeye::event::Events,
}

/// Who hears what a client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// The console.
    Console,
    /// The other clients.
    Broker,
    /// The other clients, with the number of who said it.
    Chat,
}

impl Style {
    fn of(args: &Listen) -> Self {
        match (args.broker, args.chat) {
            (true, _) => Self::Broker,
            (_, true) => Self::Chat,
            _ => Self::Console,
        }
    }
}

async fn meet(meeting: Arc<Meeting>, mut endpoint: Endpoint) {
    let id = next_id();
    let (began, about) = (std::time::Instant::now(), endpoint.about.clone());
    meeting.events.emit(|| Event::opened(id, &about));
    let said = |text: &[u8]| match meeting.style {
        Style::Console => {
            console::heard(about.name(), text, meeting.framed);
            Said::Nothing
        }
        Style::Broker => Said::ToOthers(text.to_vec()),
        Style::Chat => Said::ToOthers([format!("<user{id}> ").as_bytes(), text].concat()),
    };
    if let Err(error) = hub::member(&meeting.hub, id, &mut endpoint, None, said).await {
        let error = Error::new("go on with", about.name(), error);
        output::notice(format_args!("{error}"));
        meeting.events.emit(|| Event::from(&error));
    }
    endpoint.close().await;
    meeting.events.emit(|| Event::Closed { id, seconds: began.elapsed().as_secs_f64() });
}

/// A program; with a framed client it reads and writes lines.
async fn started(program: &Address, context: &Context, framed: bool) -> Result<Endpoint, Error> {
    match open(program, Direction::Both, context).await? {
        Opened::Endpoint(endpoint) if framed => Ok(lines(*endpoint)),
        Opened::Endpoint(endpoint) => Ok(*endpoint),
        Opened::Listener(listener) => {
            let reason = Reason::Usage("it is no program".into());
            Err(Error::new("start", &listener.about().address, reason))
        }
    }
}

fn program(args: &Listen) -> Option<Address> {
    use sockeye_proto::address::Kind;
    let kind = match (&args.exec, &args.sh_exec) {
        (Some(line), _) => Kind::Exec(line.clone()),
        (_, Some(line)) => Kind::System(line.clone()),
        _ => return None,
    };
    Some(Address::new(kind))
}

pub(super) async fn listener(address: &Address, context: &Context) -> Result<Listener, Error> {
    match open(address, Direction::Both, context).await? {
        Opened::Listener(listener) => Ok(*listener),
        Opened::Endpoint(endpoint) => {
            let reason = Reason::Usage("it is not an address to listen on".into());
            Err(Error::new("listen on", &endpoint.about.address, reason).hint("use sockeye connect"))
        }
    }
}

/// Says where it listens: port 0 becomes a number only now.
pub(super) fn announce(session: &Session, listener: &Listener) {
    let about = listener.about();
    let local = about.local.as_deref();
    session.events.emit(|| Event::Listening { address: &about.address, local });
    output::notice(format_args!("listening on {}", local.unwrap_or(&about.address)));
}

fn address(args: &Listen) -> Result<Address, Failure> {
    let plain = match (&args.talk.port, args.talk.unix, args.talk.udp) {
        (Some(port), _, false) => format!("tcp-listen:{}:{port}", bracketed(&args.address)),
        (Some(port), _, true) => format!("udp-listen:{}:{port}", bracketed(&args.address)),
        (None, true, _) => format!("unix-listen:{}", args.address),
        (None, _, true) if args.address.bytes().all(|b| b.is_ascii_digit()) => {
            format!("udp-listen:127.0.0.1:{}", args.address)
        }
        (None, _, true) => format!("udp-listen:{}", args.address),
        _ => args.address.clone(),
    };
    let found = prompted(&plain, Role::Listen)?;
    if found.bare_port {
        output::hint(format_args!(
            "only this machine can connect; for others: sockeye listen 0.0.0.0:{}",
            args.address
        ));
    }
    let mut address = found.address;
    narrow(&mut address, args.talk.ipv4, args.talk.ipv6);
    for (name, lists) in [(OptionName::Allow, &args.allow), (OptionName::Deny, &args.deny)] {
        for networks in lists {
            address.options.push(name, Value::Text(networks.clone()));
        }
    }
    if args.talk.crlf {
        address.options.push(OptionName::Crlf, Value::Flag(true));
    }
    frame(&mut address, args.traffic.frame.as_ref());
    window(&args.traffic, [&mut address])?;
    Ok(address)
}
