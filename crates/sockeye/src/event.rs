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
