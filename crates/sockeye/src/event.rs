//! Events: one line of JSON for each thing that happened, the same shape from every command.
//!
//! A record is `{"time": seconds since 1970, "event": "kind", …}`; the kinds are in `docs/events.md`, and
//! `docs/events.schema.json` describes each of them. An [`Events`] that nobody listens to costs a branch.

use std::{
    fmt, io,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use serde::Serialize;

/// Where events go. Cloning gives another handle to the same place.
#[derive(Clone, Default)]
pub struct Events(Option<Arc<Mutex<Box<dyn io::Write + Send>>>>);

#[derive(Serialize)]
struct Record<'a, E> {
    time: f64,
    #[serde(flatten)]
    event: &'a E,
}

impl Events {
    /// Events go nowhere.
    pub fn none() -> Self {
        Self(None)
    }

    /// Each event becomes a line of JSON on `out`.
    pub fn to(out: impl io::Write + Send + 'static) -> Self {
        Self(Some(Arc::new(Mutex::new(Box::new(out)))))
    }

    /// Whether anyone listens: worth asking before building a costly event.
    pub fn wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Emits what `event` returns, which is not called when nobody listens. `event` serialises as a map
    /// with a field named `event`. A failing sink loses the event, never the work that it reports.
    pub fn emit<E: Serialize>(&self, event: impl FnOnce() -> E) {
        let Some(sink) = &self.0 else { return };
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        let Ok(mut line) = serde_json::to_vec(&Record { time, event: &event() }) else { return };
        line.push(b'\n');
        let mut out = sink.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Events").field(&self.wanted()).finish()
    }
}

/// What every command that moves data can tell. Commands with a subject of their own add kinds of their own.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// A socket listens, or receives datagrams, at `local`.
    Listening {
        /// The address as given.
        address: &'a str,
        /// What it is bound to.
        local: Option<&'a str>,
    },
    /// An endpoint was opened: a connection made or accepted, a session begun, a file or program opened.
    Opened {
        /// Unique to this endpoint in this process.
        id: u64,
        /// The address as given.
        address: &'a str,
        /// The local name, where there is one.
        local: Option<&'a str>,
        /// The peer's name, where there is one.
        peer: Option<&'a str>,
        /// The descriptors that are read and written, where bytes move on descriptors.
        descriptors: Option<[i32; 2]>,
    },
    /// A peer was not let in.
    Refused {
        /// The address that it came to.
        address: &'a str,
        /// Its name, where there is one.
        peer: Option<&'a str>,
        /// Why: `limit`, `access`.
        reason: &'a str,
    },
    /// A message as a service received it.
    Message {
        /// The endpoint.
        id: u64,
        /// The peer's name, where there is one.
        peer: Option<&'a str>,
        /// The length in bytes.
        bytes: u64,
        /// The text; what is no UTF-8 is replaced.
        text: String,
    },
    /// One direction between two endpoints has ended.
    Ended {
        /// The endpoint that data came from.
        from: u64,
        /// The endpoint that data went to.
        to: u64,
        /// How many bytes passed.
        bytes: u64,
        /// In how many reads or messages.
        chunks: u64,
        /// Why: see [`crate::relay::Ended::word`].
        reason: &'static str,
        /// The failure, where it was one.
        error: Option<String>,
    },
    /// What the kernel told of a datagram beside its bytes.
    Ancillary {
        /// The address as given.
        address: &'a str,
        /// The kind of ancillary message: `IP_TTL`.
        kind: &'a str,
        /// What in it: `ttl`.
        name: &'a str,
        /// The value, as programs get it.
        value: &'a str,
    },
    /// A program that an address started has ended.
    Exited {
        /// The address as given.
        program: &'a str,
        /// The process id it had.
        pid: Option<u32>,
        /// What it exited with, unless a signal ended it.
        status: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
    },
    /// An endpoint was closed.
    Closed {
        /// The endpoint.
        id: u64,
        /// How long it was open.
        seconds: f64,
    },
    /// The command failed.
    Error {
        /// What class of error, which decides the exit code.
        class: crate::error::Class,
        /// The process's exit code.
        code: u8,
        /// What was attempted.
        attempt: &'a str,
        /// On what.
        target: &'a str,
        /// Why it failed.
        reason: String,
        /// What to do next.
        hint: Option<&'a str>,
    },
    /// A server has ended: what it did in all.
    Summary {
        /// How many clients it had.
        clients: u64,
        /// How many it refused.
        refused: u64,
        /// How long it ran.
        seconds: f64,
    },
}

impl<'a> Event<'a> {
    /// The event of an endpoint that was opened.
    pub fn opened(id: u64, about: &'a crate::endpoint::About) -> Self {
        Self::Opened {
            id,
            address: &about.address,
            local: about.local.as_deref(),
            peer: about.peer.as_deref(),
            descriptors: about.descriptors,
        }
    }
}

impl<'a> Event<'a> {
    /// The event of a failure that ends the process with `code`: that of another tool's table.
    pub fn failure(error: &'a crate::Error, code: u8) -> Self {
        Self::Error {
            class: error.class(),
            code,
            attempt: error.attempt(),
            target: error.target(),
            reason: error.reason().to_string(),
            hint: error.advice(),
        }
    }
}

impl<'a> From<&'a crate::Error> for Event<'a> {
    fn from(error: &'a crate::Error) -> Self {
        Self::failure(error, error.class().exit_code())
    }
}

/// A number for an endpoint, unique in this process.
pub fn next_id() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
