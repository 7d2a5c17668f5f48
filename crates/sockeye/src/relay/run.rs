//! From two addresses to what runs: one pair of endpoints, or a pair for each peer of a listener that forks.

use std::{pin::Pin, sync::Arc, time::Instant};

use sockeye_proto::address::{Address, OptionName, Spec};

use super::{Ended, Meter, Registry, Rules, Summary, Way, join};
use crate::{
    Error, Result,
    endpoint::{
        About, Context, Direction, Endpoint, Listener, Opened, Shortage,
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
    let context = plan.context.facing(&first);
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
    let summary = pair(Box::new([first, second]), plan, Box::pin(stop.asked(Urgency::Drain))).await;
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
        let context = plan.context.facing(&endpoint);
        let once = async {
            let other =
                open_spec(second, directions[1], &context).await?.first(accept_timeout(second)).await?;
            let stop = Box::pin(stop.asked(Urgency::Drain));
            Ok::<_, Error>(pair(Box::new([endpoint, other]), plan, stop).await)
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
    let shared = Arc::new((other.clone(), plan.clone(), listener.shortage()));
    let limits = Limits { each: 1 + descriptors(other), ..plan.limits.clone() };
    let client = move |endpoint: Endpoint| {
        let shared = shared.clone();
        // Opening is large and soon over, so it is in a box that is gone while the relay runs.
        let opening = Box::pin({
            let shared = shared.clone();
            async move { open_other(endpoint, direction, &shared).await }
        });
        async move {
            if let Some(ends) = opening.await {
                // What cuts it short drops it.
                pair(ends, &shared.1, Box::pin(std::future::pending())).await;
            }
        }
    };
    let served = clients::serve(listener, &limits, &plan.context.events, stop, client).await?;
    Ok(Outcome::Many(served))
}

/// The other end for one that came; without, it is told why.
async fn open_other(
    endpoint: Endpoint,
    direction: Direction,
    (other, plan, shortage): &(Spec, Plan, Arc<Shortage>),
) -> Option<Box<[Endpoint; 2]>> {
    let context = plan.context.facing(&endpoint);
    let opened = loop {
        let opened = match open_spec(other, direction, &context).await {
            Ok(opened) => opened.first(accept_timeout(other)).await,
            Err(error) => Err(error),
        };
        if !shortage.waited(opened.as_ref().err()).await {
            break opened;
        }
    };
    match opened {
        Ok(second) => Some(Box::new([endpoint, second])),
        Err(error) => {
            plan.context.notice(format_args!("{}: {error}", endpoint.about.name()));
            plan.context.events.emit(|| Event::from(&error));
            None
        }
    }
}

/// Relays between two endpoints until both directions have ended or `stop` resolves, and tells events and the
/// report what came of it, even when it is dropped. Not an `async fn`, which would keep its arguments twice.
#[expect(clippy::manual_async_fn)]
pub fn pair<'a>(
    ends: Box<[Endpoint; 2]>,
    plan: &'a Plan,
    stop: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
) -> impl Future<Output = Summary> + Send + 'a {
    async move {
        let mut record = Record::begin(&ends, plan);
        let summary = join(ends, &plan.rules, &record.meters.clone(), stop).await;
        record.end(&summary);
        summary
    }
}

/// A relay that runs: what is to be told of it in the end.
struct Record<'a> {
    plan: &'a Plan,
    names: [Arc<About>; 2],
    ids: [u64; 2],
    meters: Arc<[Meter; 2]>,
    began: Instant,
    ended: bool,
}

impl<'a> Record<'a> {
    fn begin(ends: &[Endpoint; 2], plan: &'a Plan) -> Self {
        let names = ends.each_ref().map(|end| end.about.clone());
        let ids = [next_id(), next_id()];
        for (id, about) in ids.iter().zip(&names) {
            plan.context.events.emit(|| Event::opened(*id, about));
        }
        let meters = Meter::pair();
        if let Some(registry) = &plan.registry {
            registry.begin(ids[0], names.clone(), &meters);
        }
        Self { plan, names, ids, meters, began: Instant::now(), ended: false }
    }

    fn end(&mut self, summary: &Summary) {
        self.ended = true;
        let Self { plan, ids, .. } = *self;
        if let Some(registry) = &plan.registry {
            registry.end(ids[0], summary);
        }
        let events = &plan.context.events;
        for (flow, [from, to]) in [(&summary.forward, ids), (&summary.backward, [ids[1], ids[0]])] {
            let error = match &flow.ended {
                Ended::Failed(error) => Some(error.to_string()),
                _ => None,
            };
            let (bytes, chunks, reason) = (flow.bytes, flow.chunks, flow.ended.word());
            events.emit(|| Event::Ended { from, to, bytes, chunks, reason, error });
        }
        for id in ids {
            events.emit(|| Event::Closed { id, seconds: self.began.elapsed().as_secs_f64() });
        }
        if let Some(report) = &plan.report {
            report([&self.names[0], &self.names[1]], summary);
        }
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let ended = [Ended::Signal, Ended::Signal];
            let summary = Summary::of(&self.meters, ended, self.began.elapsed());
            self.end(&summary);
        }
    }
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
