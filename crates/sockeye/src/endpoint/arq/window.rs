//! The window of a connection: told while it slides, and drawn when it is over.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use sockeye_proto::arq::{Stats, Trace};

use super::super::{About, Context};
use crate::arq::{Connection, picture};

/// How often it is told, where it changed.
const EVERY: Duration = Duration::from_millis(100);

/// How the window of a connection stands. As an event: `arq-window`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(tag = "event", rename = "arq-window")]
pub struct Window<'a> {
    /// What the socket is bound to.
    pub local: Option<&'a str>,
    /// Where the peer was when the connection was made.
    pub peer: Option<&'a str>,
    /// Whether the connection is over; nothing is told after that.
    pub over: bool,
    /// How it stands.
    #[serde(flatten)]
    pub stats: Stats,
}

/// Who gets told how windows stand.
pub type Watch = Arc<dyn Fn(&Window<'_>) + Send + Sync>;

/// A connection whose window is watched until this is dropped.
pub(super) struct Watched {
    pub(super) connection: Connection,
    about: About,
    context: Context,
    record: Option<Record>,
}

/// What a picture is drawn from when the connection is over.
struct Record {
    file: String,
    trace: Mutex<Vec<Trace>>,
}

impl Watched {
    /// Begins to watch, where anyone wants to know. `file`: where a picture goes in the end.
    pub(super) fn begin(
        connection: Connection,
        about: About,
        file: Option<&str>,
        context: &Context,
    ) -> Arc<Self> {
        let record = file.map(|file| Record { file: file.to_owned(), trace: Mutex::default() });
        let watched = Arc::new(Self { connection, about, context: context.clone(), record });
        if watched.record.is_some() || watched.is_told() {
            watched.record();
            tokio::spawn(watch(Arc::downgrade(&watched)));
        }
        watched
    }

    fn is_told(&self) -> bool {
        self.context.events.wanted() || self.context.window.is_some()
    }

    fn tell(&self, stats: Stats, over: bool) {
        let (local, peer) = (self.about.local.as_deref(), self.about.peer.as_deref());
        let window = Window { local, peer, over, stats };
        self.context.events.emit(|| window);
        if let Some(watch) = &self.context.window {
            watch(&window);
        }
    }

    /// Takes what happened to packets before the machine forgets it.
    fn record(&self) {
        let Some(record) = &self.record else { return };
        let mut trace = record.trace.lock().unwrap_or_else(PoisonError::into_inner);
        if trace.len() < picture::MOST {
            trace.extend(self.connection.trace());
        }
    }

    fn draw(&self) {
        let Some(record) = &self.record else { return };
        let trace = record.trace.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(e) = std::fs::write(&record.file, picture::svg(&trace)) {
            self.context.notice(format_args!("cannot write {}: {e}", record.file));
        }
    }
}

async fn watch(watched: Weak<Watched>) {
    let mut last = None;
    while let Some(watched) = watched.upgrade() {
        watched.record();
        let stats = watched.connection.stats().filter(|_| watched.is_told());
        if let Some(stats) = stats
            && last != Some(stats)
        {
            last = Some(stats);
            watched.tell(stats, false);
        }
        drop(watched);
        tokio::time::sleep(EVERY).await;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.record();
        self.draw();
        if let Some(stats) = self.connection.stats().filter(|_| self.is_told()) {
            self.tell(stats, true);
        }
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("connection", &self.connection).finish_non_exhaustive()
    }
}
