//! Services that clients can talk to: each a small conversation on one endpoint.
//!
//! Without a framing a message is what one receive brings. That holds for as long as every side waits for the
//! other's answer; under load a stream splits and merges messages, and only a framing mends it.

mod chat;
mod classic;
pub mod hub;
mod simple;

pub use chat::Room;

use std::{io, sync::Arc, time::Duration};

use crate::{
    Result,
    endpoint::{
        About, Endpoint, Listener,
        clients::{self, Limits, Served},
    },
    event::{Event, Events, next_id},
    stop::Stop,
};

/// What is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Welcomes, then answers each NAME with `Hello, NAME!`; `exit` closes.
    Hello,
    /// Sends back what comes.
    Echo,
    /// Thanks for connecting, and closes.
    Greet,
    /// Reads and forgets (RFC 863).
    Discard,
    /// Sends characters without end (RFC 864).
    Chargen,
    /// Sends the date and the time as text (RFC 867).
    Daytime,
    /// Sends the seconds since 1900 (RFC 868).
    Time,
    /// Reads, counts and measures.
    Sink,
    /// Lets clients talk to one another.
    Chat,
}

/// How a service behaves.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// How long it thinks before each answer.
    pub delay: Duration,
    /// Whether a client gets one answer and is closed.
    pub once: bool,
    /// Where events go.
    pub events: Events,
    /// Who is told of each message.
    pub watcher: Option<Watcher>,
    /// Who is told what a sink took in.
    pub report: Option<Report>,
    /// Where the clients of a chat meet.
    pub room: Arc<Room>,
}

/// What a sink took in from one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sunk {
    /// How many bytes.
    pub bytes: u64,
    /// In how many receives, or messages.
    pub messages: u64,
    /// From the first to the last of them.
    pub took: Duration,
}

/// Told of each client of a sink that has ended.
#[derive(Clone)]
pub struct Report(Arc<Reporting>);

type Reporting = dyn Fn(&About, &Sunk) + Send + Sync;

impl Report {
    /// Tells `report`, from many tasks at once.
    pub fn new(report: impl Fn(&About, &Sunk) + Send + Sync + 'static) -> Self {
        Self(Arc::new(report))
    }
}

impl std::fmt::Debug for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Report")
    }
}

/// Told of each message: from whom, and what.
#[derive(Clone)]
pub struct Watcher(Arc<Watch>);

type Watch = dyn Fn(&About, &[u8]) + Send + Sync;

impl Watcher {
    /// Tells `watch`, from many tasks at once.
    pub fn new(watch: impl Fn(&About, &[u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(watch))
    }
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watcher")
    }
}

/// Serves every client of `listener` until asked to stop.
///
/// # Errors
/// When the listener itself fails; what happens to single clients is told as events.
pub async fn serve(
    service: Service,
    listener: Listener,
    limits: &Limits,
    manner: &Manner,
    stop: &Stop,
) -> Result<Served> {
    let manner = Arc::new(manner.clone());
    let events = manner.events.clone();
    clients::serve(listener, limits, &events, stop, move |endpoint| client(service, endpoint, manner.clone()))
        .await
}

/// Serves one client to its end.
async fn client(service: Service, mut endpoint: Endpoint, manner: Arc<Manner>) {
    // People talk in lines.
    if service == Service::Chat && !endpoint.reader.is_messages() {
        endpoint = crate::endpoint::lines(endpoint);
    }
    let (id, began) = (next_id(), std::time::Instant::now());
    let about = endpoint.about.clone();
    manner.events.emit(|| Event::opened(id, &about));
    let mut client = Client { id, endpoint: &mut endpoint, manner: &manner, received: (0, 0) };
    let served = match service {
        Service::Hello => simple::hello(&mut client).await,
        Service::Echo => simple::echo(&mut client).await,
        Service::Greet => simple::greet(&mut client).await,
        Service::Discard => simple::discard(&mut client).await,
        Service::Chargen => classic::chargen(&mut client).await,
        Service::Daytime => classic::daytime(&mut client).await,
        Service::Time => classic::time(&mut client).await,
        Service::Sink => classic::sink(&mut client).await,
        Service::Chat => chat::chat(&mut client).await,
    };
    let (bytes, chunks) = client.received;
    manner.events.emit(|| Event::Ended {
        from: id,
        to: id,
        bytes,
        chunks,
        reason: match &served {
            Ok(()) => "end-of-data",
            Err(e) if matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
                "reset"
            }
            Err(_) => "error",
        },
        error: served.err().map(|e| e.to_string()),
    });
    endpoint.close().await;
    manner.events.emit(|| Event::Closed { id, seconds: began.elapsed().as_secs_f64() });
}

/// One client while it is served.
struct Client<'a> {
    id: u64,
    endpoint: &'a mut Endpoint,
    manner: &'a Manner,
    /// Bytes and messages.
    received: (u64, u64),
}

impl Client<'_> {
    /// Takes note of a message.
    fn note(&mut self, message: &[u8]) {
        note(self.manner, self.id, &self.endpoint.about, message, &mut self.received);
    }
}

/// Counts a message, and tells whoever wants to know of it.
fn note(manner: &Manner, id: u64, about: &About, message: &[u8], received: &mut (u64, u64)) {
    *received = (received.0 + message.len() as u64, received.1 + 1);
    if let Some(Watcher(watch)) = &manner.watcher {
        watch(about, message);
    }
    manner.events.emit(|| Event::Message {
        id,
        peer: about.peer.as_deref(),
        bytes: message.len() as u64,
        text: String::from_utf8_lossy(message).into_owned(),
    });
}
