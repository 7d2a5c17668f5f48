//! What is being relayed at this moment, and what was: for statistics at any time and for metrics.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Meter, Summary};
use crate::endpoint::About;

/// The relays of one process.
#[derive(Debug, Default)]
pub struct Registry(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    live: BTreeMap<u64, Live>,
    ended: Totals,
}

#[derive(Debug)]
struct Live {
    names: [Arc<About>; 2],
    meters: Arc<[Meter; 2]>,
    began: Instant,
}

/// A relay that runs.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its number: that of its first endpoint in events.
    pub id: u64,
    /// What its two sides are called.
    pub names: [Arc<About>; 2],
    /// Bytes from the first to the second, and back.
    pub bytes: [u64; 2],
    /// The same in reads or messages.
    pub chunks: [u64; 2],
    /// For how long it has run.
    pub age: Duration,
}

/// Sums over relays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many relays.
    pub relays: u64,
    /// Bytes from first to second, and back.
    pub bytes: [u64; 2],
    /// The same in reads or messages.
    pub chunks: [u64; 2],
    /// How many ended for each reason, by its word; the worse of the two directions counts.
    pub reasons: BTreeMap<&'static str, u64>,
}

impl Registry {
    pub(super) fn begin(&self, id: u64, names: [Arc<About>; 2], meters: &Arc<[Meter; 2]>) {
        self.lock().live.insert(id, Live { names, meters: meters.clone(), began: Instant::now() });
    }

    pub(super) fn end(&self, id: u64, summary: &Summary) {
        let mut inner = self.lock();
        inner.live.remove(&id);
        inner.ended.relays += 1;
        for (sum, flow) in inner.ended.bytes.iter_mut().zip([&summary.forward, &summary.backward]) {
            *sum += flow.bytes;
        }
        for (sum, flow) in inner.ended.chunks.iter_mut().zip([&summary.forward, &summary.backward]) {
            *sum += flow.chunks;
        }
        let words = [&summary.forward, &summary.backward].map(|flow| flow.ended.word());
        let harmless = ["end-of-data", "unused", "other-side"];
        let word = words.into_iter().find(|w| !harmless.contains(w)).unwrap_or("end-of-data");
        *inner.ended.reasons.entry(word).or_default() += 1;
    }

    /// The relays that run, the oldest first.
    pub fn live(&self) -> Vec<Snapshot> {
        let snapshot = |(&id, live): (&u64, &Live)| Snapshot {
            id,
            names: live.names.clone(),
            bytes: [live.meters[0].bytes(), live.meters[1].bytes()],
            chunks: [live.meters[0].chunks(), live.meters[1].chunks()],
            age: live.began.elapsed(),
        };
        self.lock().live.iter().map(snapshot).collect()
    }

    /// Sums over those that have ended.
    pub fn ended(&self) -> Totals {
        self.lock().ended.clone()
    }

    /// Prometheus' text format, version 0.0.4.
    pub fn metrics(&self) -> String {
        let (live, ended) = (self.live(), self.ended());
        let mut bytes = ended.bytes;
        for relay in &live {
            bytes[0] += relay.bytes[0];
            bytes[1] += relay.bytes[1];
        }
        let mut text = format!(
            "# HELP sockeye_relays_active Relays that run.\n\
             # TYPE sockeye_relays_active gauge\n\
             sockeye_relays_active {}\n\
             # HELP sockeye_relay_bytes_total Bytes relayed.\n\
             # TYPE sockeye_relay_bytes_total counter\n\
             sockeye_relay_bytes_total{{way=\"forward\"}} {}\n\
             sockeye_relay_bytes_total{{way=\"backward\"}} {}\n\
             # HELP sockeye_relays_ended_total Relays that have ended, by reason.\n\
             # TYPE sockeye_relays_ended_total counter\n",
            live.len(),
            bytes[0],
            bytes[1],
        );
        for (reason, count) in &ended.reasons {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "sockeye_relays_ended_total{{reason=\"{reason}\"}} {count}");
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
