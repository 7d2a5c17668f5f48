//! Many clients at a time: a task for each endpoint that a listener gives, within a limit.

use std::{
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinSet,
};

use super::{
    Endpoint, Listener, Shortage,
    accept::{BACKOFF, Shared},
};
use crate::{
    Error, Result,
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
    /// How many loops accept and serve at a time, where the listener allows it: one for each core, say.
    pub loops: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let (when_full, drain) = (WhenFull::default(), Duration::from_secs(5));
        Self { most: None, when_full, total: None, each: 1, drain, loops: 1 }
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

impl Served {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            clients: self.clients + other.clients,
            refused: self.refused + other.refused,
            cut: self.cut + other.cut,
        }
    }
}

/// Runs `client` for each endpoint of `listener` until it is asked to stop; then lets those that run finish.
///
/// Several loops are threads, each with a runtime of its own, that accept on the same socket: a connection
/// stays where it was accepted. One loop is on the caller's runtime; so it is where the listener is not a socket
/// that can be shared, and where clients are counted.
///
/// # Errors
/// When the listener itself fails.
pub async fn serve<F>(
    listener: Listener,
    limits: &Limits,
    events: &Events,
    stop: &Stop,
    client: impl Fn(Endpoint) -> F + Send + Sync + 'static,
) -> Result<Served>
where
    F: Future<Output = ()> + Send + 'static,
{
    let began = Instant::now();
    let loops = if limits.total.is_some() { 1 } else { limits.loops };
    let door = Arc::new(Door {
        loops,
        places: limits.most.map(|most| Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)))),
        descriptors: Descriptors::of(limits.each, loops),
        shortage: listener.shortage(),
        limits: limits.clone(),
        events: events.clone(),
        stop: stop.clone(),
        client,
        running: AtomicUsize::new(0),
    });
    let shared = if loops > 1 { listener.share(loops) } else { Err(listener) };
    let outcome = match shared {
        Ok(all) => in_threads(&door, all).await,
        Err(listener) => door.serve(listener).await,
    };
    let served = outcome.as_ref().copied().unwrap_or_default();
    events.emit(|| Event::Summary {
        clients: served.clients,
        refused: served.refused,
        seconds: began.elapsed().as_secs_f64(),
    });
    outcome
}

async fn in_threads<C, F>(door: &Arc<Door<C>>, all: Vec<Shared>) -> Result<Served>
where
    C: Fn(Endpoint) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let mut threads: JoinSet<_> = all.into_iter().map(|shared| thread(door.clone(), shared)).collect();
    let mut served = Served::default();
    // Whichever ends first: one that fails ends the others, as they are dropped.
    while let Some(ended) = threads.join_next().await {
        served = served.plus(ended.map_err(|e| Error::new("wait for", "a thread", io::Error::other(e)))??);
    }
    Ok(served)
}

/// A loop on a thread of its own. Dropping what it returns ends it at once.
fn thread<C, F>(door: Arc<Door<C>>, shared: Shared) -> impl Future<Output = Result<Served>>
where
    C: Fn(Endpoint) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (tell, told) = oneshot::channel();
    let (alive, dropped) = oneshot::channel::<()>();
    let run = move || {
        let served = tokio::runtime::Builder::new_current_thread().enable_all().build().map(|runtime| {
            runtime.block_on(async {
                let listener = shared.listener()?;
                tokio::select! {
                    served = door.serve(listener) => served,
                    _ = dropped => Ok(Served::default()),
                }
            })
        });
        // Whoever waited for it may have gone.
        let _ = tell.send(served.unwrap_or_else(|e| Err(Error::new("start", "a runtime", e))));
    };
    let started = std::thread::Builder::new().name("clients".into()).spawn(run);
    async move {
        started.map_err(|e| Error::new("start", "a thread", e))?;
        let served = told.await;
        drop(alive);
        served.unwrap_or_else(|e| Err(Error::new("run", "a thread", io::Error::other(e))))
    }
}

/// What all loops share.
struct Door<C> {
    limits: Limits,
    events: Events,
    stop: Stop,
    client: C,
    /// How many there are.
    loops: usize,
    places: Option<Arc<Semaphore>>,
    descriptors: Descriptors,
    shortage: Arc<Shortage>,
    running: AtomicUsize,
}

impl<C, F> Door<C>
where
    C: Fn(Endpoint) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    /// One loop.
    async fn serve(&self, mut listener: Listener) -> Result<Served> {
        let Self { limits, running: all, .. } = self;
        let mut asked = pin!(self.stop.asked(Urgency::Drain));
        let mut served = Served::default();
        let mut running = JoinSet::new();
        let outcome = loop {
            if limits.total.is_some_and(|total| served.clients >= total) {
                break Ok(());
            }
            let room = self.descriptors.is_room_for(all.load(Relaxed) + 1);
            if !room {
                self.shortage.tell(&io::Error::from_raw_os_error(libc::EMFILE).into());
            }
            let next = async {
                let place = match (&self.places, limits.when_full) {
                    (Some(places), WhenFull::Wait) => places.clone().acquire_owned().await.ok(),
                    _ => None,
                };
                listener.accept().await.map(|endpoint| (endpoint, place))
            };
            let (mut endpoint, place) = tokio::select! {
                biased;
                () = &mut asked => break Ok(()),
                Some(_) = running.join_next() => {
                    all.fetch_sub(1, Relaxed);
                    continue;
                }
                // The limit may be raised meanwhile.
                () = tokio::time::sleep(BACKOFF), if !room => continue,
                next = next, if room => match next {
                    Ok(next) => next,
                    Err(error) => break Err(error),
                },
            };
            all.fetch_add(1, Relaxed);
            let place = match (&self.places, limits.when_full) {
                (Some(places), WhenFull::Refuse) => match places.clone().try_acquire_owned() {
                    Ok(place) => Some(place),
                    Err(_) => {
                        served.refused += 1;
                        running.spawn(refuse(endpoint, limits.most.unwrap_or_default(), self.events.clone()));
                        continue;
                    }
                },
                _ => place,
            };
            endpoint.keep.place = place;
            served.clients += 1;
            running.spawn((self.client)(endpoint));
            // The next one is for another loop, where that has fewer.
            if running.len() * self.loops > all.load(Relaxed) {
                tokio::task::yield_now().await;
            }
        };
        // A new client is told at once that nobody listens, rather than left in a queue that nobody reads.
        drop(listener);
        served.cut = self.drain(running).await;
        outcome.map(|()| served)
    }

    /// Lets those that run finish, and says how many were cut off.
    async fn drain(&self, mut running: JoinSet<()>) -> u64 {
        let mut cut = 0;
        let drain = self.limits.drain;
        let finished = tokio::time::timeout(drain, async { while running.join_next().await.is_some() {} });
        tokio::select! {
            done = finished => if done.is_err() { cut = running.len() as u64 },
            () = self.stop.asked(Urgency::Now) => cut = running.len() as u64,
        }
        running.shutdown().await;
        cut
    }
}

/// Counts descriptors beforehand.
#[derive(Debug)]
struct Descriptors {
    /// How many one client takes.
    each: usize,
    /// How many were open before there were clients.
    others: usize,
    /// The limit when it was last read.
    limit: AtomicU64,
}

impl Descriptors {
    /// Room for what is open for a moment: resolving a name, starting a program, a pipe to splice through.
    const SPARE: usize = 8;

    /// What the runtime of a loop takes, and its copy of the socket.
    const LOOP: usize = 6;

    fn of(each: usize, loops: usize) -> Self {
        // One is for the directory that is read here.
        let open = std::fs::read_dir("/proc/self/fd").map_or(Self::SPARE, |all| all.count() - 1);
        Self { each, others: open + Self::SPARE + Self::LOOP * loops, limit: AtomicU64::new(0) }
    }

    /// Whether this many clients have room. One always has: whether it is enough it finds out itself. Where
    /// each takes only its own, accept(2) says so as well.
    fn is_room_for(&self, clients: usize) -> bool {
        if self.each <= 1 || clients <= 1 {
            return true;
        }
        let wanted = (self.others + clients * self.each) as u64;
        if wanted > self.limit.load(Relaxed) {
            let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
            self.limit.store(limit.unwrap_or(u64::MAX), Relaxed);
        }
        wanted <= self.limit.load(Relaxed)
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
