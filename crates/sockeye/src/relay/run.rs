//! From two addresses to what runs: one pair of endpoints, or a pair for each peer of a listener that forks.

use std::{sync::Arc, time::Instant};

use sockeye_proto::address::{Address, OptionName, Spec};

use super::{Ended, Meter, Registry, Rules, Summary, Way, join};
use crate::{
    Error, Result,
    endpoint::{
        About, Context, Direction, Endpoint, Listener, Opened,
        clients::{self, Limits, Served},
        open_spec,
    },
    event::{Event, next_id},
    stop::{Stop, Urgency},
};

/// The pause before a client connects again, where `interval` says nothing.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

/// Told of each pair that has ended: what the two were called, and what passed.
pub type Report = Arc<dyn Fn([&About; 2], &Summary) + Send + Sync>;

/// How addresses are joined.
#[derive(Clone, Default)]
pub struct Plan {
    /// The rules for each pair.
    pub rules: Rules,
    /// What opening needs to know.
    pub context: Context,
    /// How many peers at a time.
    pub limits: Limits,
    /// Told of each pair that has ended.
    pub report: Option<Report>,
    /// Where the pairs that run are to be found.
    pub registry: Option<Arc<Registry>>,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("rules", &self.rules)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// One pair, with what the two were called.
    Single([Arc<About>; 2], Box<Summary>),
    /// A listener that forked.
    Many(Served),
}

/// Opens two addresses and relays between them until both have ended or it is asked to stop.
///
/// The first is opened first; where it listens, the second is opened for each peer. Without `fork` there is
/// one peer, and the listener closes when it has come.
///
/// # Errors
/// When an address cannot be opened. What ends a relay that runs is in its summary.
pub async fn run(first: &Spec, second: &Spec, plan: &Plan, stop: &Stop) -> Result<Outcome> {
    let directions = match plan.rules.only {
        None => [Direction::Both, Direction::Both],
        Some(Way::Forward) => [Direction::Read, Direction::Write],
        Some(Way::Backward) => [Direction::Write, Direction::Read],
    };
    let opening = open_spec(first, directions[0], &plan.context);
    let opened = tokio::select! {
        opened = opening => opened?,
        () = stop.asked(Urgency::Drain) => return Ok(interrupted()),
    };
    if let Opened::Listener(listener) = &opened {
        announce(listener, plan);
    }
    let opened = match opened {
        Opened::Listener(listener) if forks(first) => {
            return many(*listener, second, directions[1], plan, stop).await;
        }
        Opened::Endpoint(endpoint) if forks(first) => {
            return again(*endpoint, [first, second], directions, plan, stop).await;
        }
        other => other,
    };
    let first_opening = opened.first(accept_timeout(first));
    let first = tokio::select! {
        first = first_opening => first?,
        () = stop.asked(Urgency::Drain) => return Ok(interrupted()),
    };
    let context = plan.context.facing(&first.about);
    let opening = async {
        match open_spec(second, directions[1], &context).await? {
            Opened::Listener(listener) if forks(second) => {
                let reason =
                    crate::error::Reason::Usage("the first address has only one peer for them".into());
                Err(Error::new("serve many peers at", &listener.about().address, reason)
                    .hint("put the address with fork first"))
            }
            other => {
                if let Opened::Listener(listener) = &other {
                    announce(listener, plan);
                }
                other.first(accept_timeout(second)).await
            }
        }
    };
    let second = tokio::select! {
        second = opening => second?,
        () = stop.asked(Urgency::Drain) => return Ok(interrupted()),
    };
    let names = [first.about.clone(), second.about.clone()];
    let summary = pair(first, second, plan, stop, Urgency::Drain).await;
    Ok(Outcome::Single(names, summary.into()))
}

/// A client that connects again after each end, until one attempt fails for good (`retry`, `forever`).
async fn again(
    mut endpoint: Endpoint,
    [first, second]: [&Spec; 2],
    directions: [Direction; 2],
    plan: &Plan,
    stop: &Stop,
) -> Result<Outcome> {
    let pause = match first {
        Spec::Single(address) => address.options.time(OptionName::Interval),
        Spec::Dual { .. } => None,
    };
    let mut served = Served::default();
    loop {
        let context = plan.context.facing(&endpoint.about);
        let once = async {
            let other =
                open_spec(second, directions[1], &context).await?.first(accept_timeout(second)).await?;
            Ok::<_, Error>(pair(endpoint, other, plan, stop, Urgency::Drain).await)
        };
        tokio::select! {
            biased;
            done = once => drop(done?),
            () = stop.asked(Urgency::Now) => return Ok(Outcome::Many(served)),
        }
        served.clients += 1;
        let next = async {
            tokio::time::sleep(pause.unwrap_or(AGAIN)).await;
            open_spec(first, directions[0], &plan.context).await?.first(accept_timeout(first)).await
        };
        endpoint = tokio::select! {
            next = next => next?,
            () = stop.asked(Urgency::Drain) => return Ok(Outcome::Many(served)),
        };
    }
}

/// Says where it listens: port 0 becomes a number only now.
fn announce(listener: &Listener, plan: &Plan) {
    let about = listener.about();
    let local = about.local.as_deref();
    plan.context.events.emit(|| Event::Listening { address: &about.address, local });
    plan.context.notice(format_args!("listening on {}", local.unwrap_or(&about.address)));
}

fn interrupted() -> Outcome {
    Outcome::Many(Served::default())
}

/// A pair for each peer.
async fn many(
    listener: Listener,
    other: &Spec,
    direction: Direction,
    plan: &Plan,
    stop: &Stop,
) -> Result<Outcome> {
    let shared = Arc::new((other.clone(), plan.clone(), stop.clone(), listener.shortage()));
    let limits = Limits { each: 1 + descriptors(other), ..plan.limits.clone() };
    let client = move |endpoint: Endpoint| {
        let shared = shared.clone();
        async move {
            let (other, plan, stop, shortage) = &*shared;
            let context = plan.context.facing(&endpoint.about);
            let opened = loop {
                let opened = match Box::pin(open_spec(other, direction, &context)).await {
                    Ok(opened) => Box::pin(opened.first(accept_timeout(other))).await,
                    Err(error) => Err(error),
                };
                if !shortage.waited(opened.as_ref().err()).await {
                    break opened;
                }
            };
            match opened {
                Ok(second) => drop(Box::pin(pair(endpoint, second, plan, stop, Urgency::Now)).await),
                Err(error) => {
                    plan.context.notice(format_args!("{}: {error}", endpoint.about.name()));
                    plan.context.events.emit(|| Event::from(&error));
                }
            }
        }
    };
    let served = clients::serve(listener, &limits, &plan.context.events, stop, client).await?;
    Ok(Outcome::Many(served))
}

/// Relays between two endpoints, and tells events and the report what came of it.
///
/// `cut` is the urgency that cuts it short: a single conversation has nothing to finish and ends at once when
/// asked to drain; one of many goes on until its server's drain is over.
pub async fn pair(first: Endpoint, second: Endpoint, plan: &Plan, stop: &Stop, cut: Urgency) -> Summary {
    let began = Instant::now();
    let names = [first.about.clone(), second.about.clone()];
    let ids = [next_id(), next_id()];
    let events = &plan.context.events;
    for (id, about) in ids.iter().zip(&names) {
        events.emit(|| Event::opened(*id, about));
    }
    let meters = Meter::pair();
    if let Some(registry) = &plan.registry {
        registry.begin(ids[0], names.clone(), &meters);
    }
    let summary = join(first, second, &plan.rules, &meters, Box::pin(stop.asked(cut))).await;
    if let Some(registry) = &plan.registry {
        registry.end(ids[0], &summary);
    }
    for (flow, [from, to]) in [(&summary.forward, ids), (&summary.backward, [ids[1], ids[0]])] {
        let error = match &flow.ended {
            Ended::Failed(error) => Some(error.to_string()),
            _ => None,
        };
        let (bytes, chunks, reason) = (flow.bytes, flow.chunks, flow.ended.word());
        events.emit(|| Event::Ended { from, to, bytes, chunks, reason, error });
    }
    for id in ids {
        events.emit(|| Event::Closed { id, seconds: began.elapsed().as_secs_f64() });
    }
    if let Some(report) = &plan.report {
        report([&names[0], &names[1]], &summary);
    }
    summary
}

/// How many descriptors an address takes when it is open.
fn descriptors(spec: &Spec) -> usize {
    use sockeye_proto::address::Kind;
    match spec {
        Spec::Single(address) => match address.kind {
            Kind::Socketpair | Kind::Pipe(_) | Kind::Exec(_) | Kind::System(_) | Kind::Shell(_) => 2,
            _ => 1,
        },
        Spec::Dual { .. } => 2,
    }
}

fn forks(spec: &Spec) -> bool {
    matches!(spec, Spec::Single(address) if address.options.flag(OptionName::Fork))
}

fn accept_timeout(spec: &Spec) -> Option<std::time::Duration> {
    let of = |address: &Address| address.options.time(OptionName::AcceptTimeout);
    match spec {
        Spec::Single(address) => of(address),
        Spec::Dual { .. } => None,
    }
}
