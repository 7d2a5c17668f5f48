//! Joins two endpoints: what one side says, the other hears, in both directions, until both have ended.
//!
//! - The end of one direction is passed on (half-close) and leaves the other alone: no answer is cut short.
//! - A failure of one direction tears down both, and both descriptors close.
//! - Every direction ends with a reason, and counts what passed.
//! - Boundaries of messages are kept where both sides have them.

mod copy;
mod meter;
mod registry;
mod run;
mod splice;

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use serde::Serialize;
use tokio::time::Instant;

pub use meter::Meter;
pub use registry::{Registry, Snapshot, Totals};
pub use run::{Outcome, Plan, Report, pair, run};

use crate::{
    Error,
    endpoint::{Endpoint, Handle, Reader, Terms, ends_by_character},
    error::Reason,
};

/// How long the remaining direction may be silent once the other has ended, where the side that is waited for
/// can say that it is done. A bound for peers that vanish; a slow answer is not one.
pub const LINGER: Duration = Duration::from_secs(3600);

/// The same for datagrams, of which nobody says that no more come.
pub const LINGER_DATAGRAMS: Duration = Duration::from_secs(2);

/// The same where a program was told the end of its input in a way that it may not see: a terminal in raw mode
/// has no end of file, and hangs up after this silence.
pub const LINGER_TERMINAL: Duration = Duration::from_secs(10);

/// How many bytes of a stream become one datagram at the most: socat's block size.
pub const BLOCK: usize = 8192;

/// Which way data passes between the first endpoint and the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// From the first to the second.
    Forward,
    /// From the second to the first.
    Backward,
}

/// Sees what passes, before it is written to the other side.
pub trait Tap: Send + Sync {
    /// One read's bytes, or one message.
    fn passes(&self, way: Way, bytes: &[u8]);
}

/// How two endpoints are joined.
#[derive(Clone)]
pub struct Rules {
    /// Only this way, if only one.
    pub only: Option<Way>,
    /// How long the remaining direction may be silent once the other has ended; without one, [`LINGER`] and
    /// [`LINGER_DATAGRAMS`].
    pub linger: Option<Duration>,
    /// How long both directions may be silent.
    pub idle: Option<Duration>,
    /// How long it may take altogether.
    pub total: Option<Duration>,
    /// How many bytes of a stream become one datagram at the most.
    pub block: usize,
    /// Who sees what passes.
    pub tap: Option<Arc<dyn Tap>>,
    /// Whether the end of the second endpoint's data ends the whole: nobody types to a peer that has left.
    pub ends_with_second: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            only: None,
            linger: None,
            idle: None,
            total: None,
            block: BLOCK,
            tap: None,
            ends_with_second: false,
        }
    }
}

impl Rules {
    /// These rules with the deadlines that the addresses have of their own; none where they have none.
    fn under(&self, terms: [Terms; 2]) -> Option<Box<Self>> {
        let [first, second] = terms;
        let least = |a: Option<Duration>, b: Option<Duration>| a.into_iter().chain(b).min();
        let (idle, total) = (least(first.idle, second.idle), least(first.total, second.total));
        (idle.is_some() || total.is_some()).then(|| {
            let (idle, total) = (least(idle, self.idle), least(total, self.total));
            Box::new(Self { idle, total, ..self.clone() })
        })
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("only", &self.only)
            .field("linger", &self.linger)
            .field("idle", &self.idle)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

/// Why a direction ended.
#[derive(Debug)]
pub enum Ended {
    /// The source said that no more comes; that was passed on.
    EndOfData,
    /// Whoever read the output has left.
    ReaderGone,
    /// Nothing passed for this long.
    Idle(Duration),
    /// Nothing more came for this long after the other direction had ended, as was agreed.
    Silent(Duration),
    /// The whole took this long.
    Total(Duration),
    /// The process was asked to end.
    Signal,
    /// The other direction failed, or ended the whole.
    OtherSide,
    /// Nothing was to pass this way.
    Unused,
    /// Reading or writing failed.
    Failed(Box<Error>),
}

impl Ended {
    /// The word for it that events carry.
    pub fn word(&self) -> &'static str {
        match self {
            Self::EndOfData => "end-of-data",
            Self::ReaderGone => "reader-gone",
            Self::Idle(_) | Self::Total(_) => "timeout",
            Self::Silent(_) => "silence",
            Self::Signal => "signal",
            Self::OtherSide => "other-side",
            Self::Unused => "unused",
            Self::Failed(error) if is_reset(error) => "reset",
            Self::Failed(_) => "error",
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndOfData => f.write_str("end of data"),
            Self::ReaderGone => f.write_str("the reader has left"),
            Self::Idle(limit) | Self::Silent(limit) => write!(f, "nothing passed for {limit:?}"),
            Self::Total(limit) => write!(f, "it took longer than the {limit:?} that it was given"),
            Self::Signal => f.write_str("asked to end"),
            Self::OtherSide => f.write_str("the other direction ended it"),
            Self::Unused => f.write_str("unused"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

/// What passed one way, and why no more did.
#[derive(Debug)]
pub struct Flow {
    /// How many bytes passed.
    pub bytes: u64,
    /// In how many reads or messages.
    pub chunks: u64,
    /// Why it ended.
    pub ended: Ended,
}

/// What a relay did.
#[derive(Debug)]
pub struct Summary {
    /// From the first endpoint to the second.
    pub forward: Flow,
    /// From the second to the first.
    pub backward: Flow,
    /// From the joining to the end of both directions.
    pub took: Duration,
}

impl Summary {
    fn of(meters: &[Meter; 2], ended: [Ended; 2], took: Duration) -> Self {
        let flow = |meter: &Meter, ended| Flow { bytes: meter.bytes(), chunks: meter.chunks(), ended };
        let ([up, down], [forward, backward]) = (meters, ended);
        Self { forward: flow(up, forward), backward: flow(down, backward), took }
    }

    /// Whether all that either side had to say has reached the other.
    fn is_complete(&self) -> bool {
        [&self.forward, &self.backward].iter().all(|flow| matches!(flow.ended, Ended::EndOfData))
    }

    /// The failure that ended it, if one did; a deadline that passed is one.
    pub fn into_error(self, names: &str) -> Option<Error> {
        let timeout = |reason| Some(Error::new("go on with", names, reason));
        let mut late = None;
        for flow in [self.forward, self.backward] {
            match flow.ended {
                Ended::Failed(error) => return Some(*error),
                Ended::Idle(limit) => late = timeout(Reason::Silent(limit)),
                Ended::Total(limit) => late = timeout(Reason::Overdue(limit)),
                _ => {}
            }
        }
        late
    }
}

fn is_reset(error: &Error) -> bool {
    matches!(error.errno(), Some(libc::ECONNRESET | libc::EPIPE))
}

/// Joins two endpoints until both directions have ended, or `stop` resolves. `meters` count while it runs.
///
/// This future is the whole relay: dropping it closes both endpoints at once. Not an `async fn`, which would
/// keep its arguments twice.
#[expect(clippy::manual_async_fn)]
pub fn join<'a>(
    mut ends: Box<[Endpoint; 2]>,
    rules: &'a Rules,
    meters: &'a [Meter; 2],
    mut stop: Pin<Box<dyn Future<Output = ()> + Send + 'a>>,
) -> impl Future<Output = Summary> + Send + 'a {
    async move {
        let began = Instant::now();
        let [forward, backward] = run_both(&mut ends, rules, meters, &mut stop, began).await;
        let summary = Summary::of(meters, [forward, backward], began.elapsed());
        // Where both ends were read and passed on, closing cuts nothing off.
        if !(summary.is_complete() && ends.iter().all(Endpoint::is_plain)) {
            Box::pin(close(ends)).await;
        }
        summary
    }
}

async fn close(ends: Box<[Endpoint; 2]>) {
    let [first, second] = *ends;
    first.close().await;
    second.close().await;
}

/// Copies both ways, and says why each ended.
#[expect(clippy::manual_async_fn)]
fn run_both<'a, 'b: 'a>(
    ends: &'a mut [Endpoint; 2],
    rules: &'a Rules,
    meters: &'a [Meter; 2],
    stop: &'a mut Pin<Box<dyn Future<Output = ()> + Send + 'b>>,
    began: Instant,
) -> impl Future<Output = [Ended; 2]> + Send + 'a {
    async move {
        let [first, second] = ends;
        let (mut forward, mut backward) = (None, None);
        let terms = [first.keep.terms(), second.keep.terms()];
        let own = rules.under(terms);
        let rules = own.as_deref().unwrap_or(rules);
        let [up, down] = meters;
        // By which direction has ended: the other one is what it is waited for.
        let lingers = [&second.reader, &first.reader].map(|awaited| Linger::of(rules, awaited));
        let (one, other) = (&*first.about, &*second.about);
        let there = copy::Route {
            way: Way::Forward,
            names: [one, other],
            rules,
            meter: up,
            cool: terms[1].cool_write,
        };
        let back = copy::Route {
            way: Way::Backward,
            names: [other, one],
            rules,
            meter: down,
            cool: terms[0].cool_write,
        };
        // In boxes: a pinned local is kept twice, as what it was and where it is pinned.
        let mut forwards = Box::pin(copy::run(&mut first.reader, &mut second.writer, there));
        let mut backwards = Box::pin(copy::run(&mut second.reader, &mut first.writer, back));
        let mut unused = rules.only == Some(Way::Backward);
        if unused {
            forward = Some(Ended::Unused);
        }
        if rules.only == Some(Way::Forward) {
            (backward, unused) = (Some(Ended::Unused), true);
        }
        while forward.is_none() || backward.is_none() {
            let ended_alone = if unused { None } else { forward.as_ref().or(backward.as_ref()) };
            let linger = ended_alone.map(|_| &lingers[usize::from(forward.is_none())]);
            // Its mode may change meanwhile, and with it what is due.
            let waits_for_terminal = linger.is_some_and(|linger| linger.terminal.is_some());
            let linger = linger.map(Linger::verdict);
            // One timer for all the deadlines, and none where there is no deadline.
            let due = || deadline(rules, linger, began, [up, down]);
            let wakes = |due: Instant| {
                if waits_for_terminal { due.min(Instant::now() + LINGER_TERMINAL) } else { due }
            };
            let timer = due().map(|(due, _)| Box::pin(tokio::time::sleep_until(wakes(due))));
            tokio::select! {
                biased;
                // First, for a source that never waits uses up the task's budget, and what comes after it starves.
                () = &mut *stop => settle(&mut forward, &mut backward, || Ended::Signal),
                () = passed(timer) => {
                    // Something may have passed meanwhile.
                    if let Some((_, verdict)) = due().filter(|(due, _)| *due <= Instant::now()) {
                        settle(&mut forward, &mut backward, || verdict.ended());
                    }
                }
                ended = &mut forwards, if forward.is_none() => {
                    unused |= matches!(ended, Ended::Unused);
                    forward = Some(ended);
                }
                ended = &mut backwards, if backward.is_none() => {
                    unused |= matches!(ended, Ended::Unused);
                    if rules.ends_with_second && !matches!(ended, Ended::Unused) && forward.is_none() {
                        forward = Some(Ended::OtherSide);
                    }
                    backward = Some(ended);
                }
            }
            if ends_all(&forward, terms[1]) || ends_all(&backward, terms[0]) {
                settle(&mut forward, &mut backward, || Ended::OtherSide);
            }
        }
        [forward, backward].map(|ended| ended.unwrap_or(Ended::OtherSide))
    }
}

/// How long one side is waited for once the other has ended.
struct Linger {
    verdict: Verdict,
    /// The terminal that is waited for, where nothing else was agreed.
    terminal: Option<Arc<Handle>>,
}

impl Linger {
    fn of(rules: &Rules, awaited: &Reader) -> Self {
        let (verdict, terminal) = match rules.linger {
            Some(limit) => (Verdict::Silent(limit), None),
            None if awaited.ends() => (Verdict::Idle(LINGER), awaited.terminal()),
            None => (Verdict::Silent(LINGER_DATAGRAMS), None),
        };
        Self { verdict, terminal }
    }

    /// What the mode of a terminal says, it says by then.
    fn verdict(&self) -> Verdict {
        match &self.terminal {
            Some(terminal) if !ends_by_character(terminal) => Verdict::Silent(LINGER_TERMINAL),
            _ => self.verdict,
        }
    }
}

/// Whether the end of one direction ends the other: it failed, or whoever it went to wants to end with it.
fn ends_all(ended: &Option<Ended>, to: Terms) -> bool {
    match ended {
        Some(Ended::Failed(_) | Ended::ReaderGone) => true,
        Some(Ended::EndOfData) => to.ends_with_other,
        _ => false,
    }
}

async fn passed(timer: Option<Pin<Box<tokio::time::Sleep>>>) {
    match timer {
        Some(timer) => timer.await,
        None => std::future::pending().await,
    }
}

/// Gives a reason to every direction that has none yet.
fn settle(forward: &mut Option<Ended>, backward: &mut Option<Ended>, why: impl Fn() -> Ended) {
    forward.get_or_insert_with(&why);
    backward.get_or_insert_with(&why);
}

/// What it means when a deadline passes.
#[derive(Debug, Clone, Copy)]
enum Verdict {
    Idle(Duration),
    Silent(Duration),
    Total(Duration),
}

impl Verdict {
    fn ended(self) -> Ended {
        match self {
            Self::Idle(limit) => Ended::Idle(limit),
            Self::Silent(limit) => Ended::Silent(limit),
            Self::Total(limit) => Ended::Total(limit),
        }
    }

    /// When it is due, for what began and was last active then.
    fn due(self, began: Instant, active: Instant) -> Instant {
        match self {
            Self::Idle(limit) | Self::Silent(limit) => active + limit,
            Self::Total(limit) => began + limit,
        }
    }
}

/// The next deadline, and what it means.
fn deadline(
    rules: &Rules,
    linger: Option<Verdict>,
    began: Instant,
    meters: [&Meter; 2],
) -> Option<(Instant, Verdict)> {
    let active = meters[0].last(began).max(meters[1].last(began));
    [rules.idle.map(Verdict::Idle), linger, rules.total.map(Verdict::Total)]
        .into_iter()
        .flatten()
        .map(|verdict| (verdict.due(began, active), verdict))
        .min_by_key(|(due, _)| *due)
}
