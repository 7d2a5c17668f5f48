//! `--states`: the TCP states of a command's own connections, as they live.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use sockeye::{
    diag::{Sampler, State, States as Set},
    endpoint::About,
    event::Events,
    proto::diag::{
        filter::{Expr, Host, Pattern, Predicate, Prefix, Side},
        watch::Change,
    },
};

use super::watch::TcpEvent;
use crate::output;

/// How often the kernel is asked.
const INTERVAL: Duration = Duration::from_millis(20);
/// How long the last states may take to come once the command is done.
const PATIENCE: Duration = Duration::from_millis(300);

/// Prints states until it is dropped, and then the last ones.
#[derive(Debug)]
pub(super) struct States {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl States {
    /// Those of the connection between these two ends; nothing where they are not TCP's.
    pub(super) fn between(about: &About, events: &Events) -> Option<Self> {
        let local = address(about.local.as_deref())?;
        let peer = address(about.peer.as_deref())?;
        Some(Self::of(Expr::And(vec![at(Side::Local, local), at(Side::Peer, peer)]), events))
    }

    /// Those of a listening socket and of every connection that it accepts.
    pub(super) fn at_port(about: &About, events: &Events) -> Option<Self> {
        let local = address(about.local.as_deref())?;
        let port = Host { address: Pattern::Any, port: Some(local.port().into()) };
        Some(Self::of(Expr::Is(Predicate::Host(Side::Local, port)), events))
    }

    fn of(filter: Expr, events: &Events) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let (asked, events) = (done.clone(), events.clone());
        let thread = std::thread::spawn(move || follow(filter, &events, &asked));
        Self { done, thread: Some(thread) }
    }
}

impl Drop for States {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn address(name: Option<&str>) -> Option<SocketAddr> {
    name?.parse().ok()
}

fn at(side: Side, address: SocketAddr) -> Expr {
    let len = if address.is_ipv4() { 32 } else { 128 };
    let prefix = Prefix { address: address.ip(), len };
    let host = Host { address: Pattern::Ip(vec![prefix]), port: Some(address.port().into()) };
    Expr::Is(Predicate::Host(side, host))
}

fn follow(filter: Expr, events: &Events, done: &AtomicBool) {
    let started = Instant::now();
    let mut sampler = Sampler::new(Set::ALL, Some(filter), Vec::new());
    let mut ending: Option<Instant> = None;
    let mut begun = false;
    loop {
        let changes = match sampler.sample(started.elapsed()) {
            Ok(changes) => changes,
            Err(error) => return output::notice(format_args!("{error}")),
        };
        if !std::mem::replace(&mut begun, true) {
            for (key, connection) in sampler.watch().connections() {
                tell(&Change { key: key.clone(), from: None, to: Some(connection.state) }, events);
            }
        }
        changes.iter().for_each(|change| tell(change, events));
        if done.load(Ordering::Relaxed) {
            let since = ending.get_or_insert_with(Instant::now).elapsed();
            let at_rest = sampler.watch().connections().all(|(_, c)| c.state == State::TimeWait);
            if at_rest || since > PATIENCE {
                return;
            }
        }
        std::thread::sleep(INTERVAL);
    }
}

fn tell(change: &Change, events: &Events) {
    let name = |state: Option<State>| state.map_or("CLOSED", State::name);
    output::notice(format_args!(
        "{} → {}: {} → {}",
        change.key.local,
        change.key.peer,
        name(change.from),
        name(change.to)
    ));
    events.emit(|| TcpEvent::of(change));
}
