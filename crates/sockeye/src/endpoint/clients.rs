//! Many clients at a time: a task for each endpoint that a listener gives, within a limit.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet};

use super::{Endpoint, Listener, accept::BACKOFF};
use crate::{
    Result,
    event::{Event, Events},
    stop::{Stop, Urgency},
};

/// What happens to clients over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// They wait in the listen queue until one of the others leaves.
    #[default]
    Wait,
    /// They are told so, and closed.
    Refuse,
}

/// How many clients at a time, and how they end.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How many at a time; none is as many as descriptors allow.
    pub most: Option<usize>,
    /// What happens to those over it.
    pub when_full: WhenFull,
    /// After how many clients the listener closes, if after any.
    pub total: Option<u64>,
    /// How many descriptors a client takes. Those that take more than their own are let in only where there is
    /// room for all of them: clients that each hold one and wait for a second would wait for one another.
    pub each: usize,
    /// How long clients may go on once the process was asked to end.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let (when_full, drain) = (WhenFull::default(), Duration::from_secs(5));
        Self { most: None, when_full, total: None, each: 1, drain }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Served {
    /// How many clients were served.
    pub clients: u64,
    /// How many were refused.
    pub refused: u64,
    /// How many were cut off when the process ended.
    pub cut: u64,
}

/// Runs `client` for each endpoint of `listener` until it is asked to stop; then lets those that run finish.
///
/// # Errors
/// When the listener itself fails.
pub async fn serve<F>(
    mut listener: Listener,
    limits: &Limits,
    events: &Events,
    stop: &Stop,
    client: impl Fn(Endpoint) -> F,
) -> Result<Served>
where
    F: Future<Output = ()> + Send + 'static,
{
    let began = Instant::now();
    let places = limits.most.map(|most| Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS))));
    let descriptors = Descriptors::of(limits.each);
    let shortage = listener.shortage();
    let mut served = Served::default();
    let mut running = JoinSet::new();
    let outcome = loop {
        if limits.total.is_some_and(|total| served.clients >= total) {
            break Ok(());
        }
        let room = descriptors.is_room_for(running.len() + 1);
        if !room {
            shortage.tell(&io::Error::from_raw_os_error(libc::EMFILE).into());
        }
        let next = async {
            let place = match (&places, limits.when_full) {
                (Some(places), WhenFull::Wait) => places.clone().acquire_owned().await.ok(),
                _ => None,
            };
            listener.accept().await.map(|endpoint| (endpoint, place))
        };
        let (mut endpoint, place) = tokio::select! {
            biased;
            () = stop.asked(Urgency::Drain) => break Ok(()),
            Some(_) = running.join_next() => continue,
            // The limit may be raised meanwhile.
            () = tokio::time::sleep(BACKOFF), if !room => continue,
            next = next, if room => match next {
                Ok(next) => next,
                Err(error) => break Err(error),
            },
        };
        let place = match (&places, limits.when_full) {
            (Some(places), WhenFull::Refuse) => match places.clone().try_acquire_owned() {
                Ok(place) => Some(place),
                Err(_) => {
                    served.refused += 1;
                    running.spawn(refuse(endpoint, limits.most.unwrap_or_default(), events.clone()));
                    continue;
                }
            },
            _ => place,
        };
        endpoint.keep.place = place;
        served.clients += 1;
        running.spawn(client(endpoint));
    };
    // A new client is told at once that nobody listens, rather than left in a queue that nobody reads.
    drop(listener);
    let finished = tokio::time::timeout(limits.drain, async { while running.join_next().await.is_some() {} });
    tokio::select! {
        done = finished => if done.is_err() { served.cut = running.len() as u64 },
        () = stop.asked(Urgency::Now) => served.cut = running.len() as u64,
    }
    running.shutdown().await;
    events.emit(|| Event::Summary {
        clients: served.clients,
        refused: served.refused,
        seconds: began.elapsed().as_secs_f64(),
    });
    outcome.map(|()| served)
}

/// Counts descriptors beforehand.
#[derive(Debug)]
struct Descriptors {
    /// How many one client takes.
    each: usize,
    /// How many were open before there were clients.
    others: usize,
}

impl Descriptors {
    /// Room for what is open for a moment: resolving a name, starting a program, a pipe to splice through.
    const SPARE: usize = 8;

    fn of(each: usize) -> Self {
        // One is for the directory that is read here.
        let open = std::fs::read_dir("/proc/self/fd").map_or(Self::SPARE, |all| all.count() - 1);
        Self { each, others: open + Self::SPARE }
    }

    /// Whether this many clients have room. One always has: whether it is enough it finds out itself. Where
    /// each takes only its own, accept(2) says so as well.
    fn is_room_for(&self, clients: usize) -> bool {
        if self.each <= 1 || clients <= 1 {
            return true;
        }
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let wanted = (self.others + clients * self.each) as u64;
        limit.is_none_or(|limit| wanted <= limit)
    }
}

async fn refuse(mut endpoint: Endpoint, most: usize, events: Events) {
    let about = endpoint.about.clone();
    events.emit(|| Event::Refused { address: &about.address, peer: about.peer.as_deref(), reason: "limit" });
    let text = format!("server is full: {most} clients are its limit, try again later\r\n");
    // Whether the peer still listens to its refusal is its own affair.
    let _ = endpoint.writer.send(text.as_bytes()).await;
    endpoint.close().await;
}
