//! Reading and writing sockets of messages: UDP, Unix datagrams, sequenced packets.
//!
//! Boundaries are kept: what one receive brings is one message, empty ones included.

use std::{
    io,
    os::fd::AsFd,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use rustix::net::{RecvFlags, SendFlags, SocketAddrAny};
use tokio::{io::Interest, sync::mpsc};

use super::{
    Batch, Handle,
    access::Access,
    framed::Watch,
    message::Run,
    offload::{Offload, Route},
    uninterrupted,
};

/// The largest datagram that UDP can carry, and then some.
pub(crate) const LARGEST: usize = 65_536;

/// How many messages one receive takes at most before they are passed on.
const AT_ONCE: usize = 32;

/// How much waits for one session before more is dropped, as a full socket buffer would.
const QUEUE: usize = 4 << 20;

/// Reads messages.
#[derive(Debug)]
pub struct DatagramReader {
    source: Source,
    watch: Option<Watch>,
}

#[derive(Debug)]
enum Source {
    /// From a socket: whatever it accepts.
    Socket { handle: Arc<Handle>, end: EmptyMeans, held: Option<io::Error> },
    /// From a UDP socket, many at a time.
    Udp { handle: Arc<Handle>, offload: Arc<Offload>, access: Option<Box<Access>> },
    /// One message that was received already, and nothing more (`RECVFROM`).
    Once(Option<Batch>),
    /// From a socket that many share: what its dispatcher found to be from this peer.
    Session { from: SessionQueue, activity: Activity },
}

/// What a receive of no bytes says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EmptyMeans {
    /// An empty message: datagrams.
    Message,
    /// That the peer has closed: sequenced packets.
    End,
}

/// When a session last saw a message in either direction, and for how long it may be silent.
#[derive(Debug, Clone)]
pub(crate) struct Activity {
    last: Arc<Mutex<Instant>>,
    idle: Duration,
}

impl Activity {
    /// A session that begins now and ends when nothing passes for `idle`.
    pub(crate) fn new(idle: Duration) -> Self {
        Self { last: Arc::new(Mutex::new(Instant::now())), idle }
    }

    pub(crate) fn touch(&self) {
        *self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now();
    }

    fn deadline(&self) -> Instant {
        *self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) + self.idle
    }
}

impl DatagramReader {
    pub(crate) fn socket(handle: Arc<Handle>, end: EmptyMeans) -> Self {
        Self { source: Source::Socket { handle, end, held: None }, watch: None }
    }

    pub(crate) fn once(message: Batch) -> Self {
        Self { source: Source::Once(Some(message)), watch: None }
    }

    /// From a UDP socket; datagrams from those whom `access` keeps out are dropped.
    pub(crate) fn udp(handle: Arc<Handle>, offload: Arc<Offload>, access: Access) -> Self {
        let access = (!access.is_open()).then(|| access.into());
        Self { source: Source::Udp { handle, offload, access }, watch: None }
    }

    pub(crate) fn session(from: SessionQueue, activity: Activity) -> Self {
        Self { source: Source::Session { from, activity }, watch: None }
    }

    /// The same with each message explained.
    pub(super) fn explained(self, watch: Watch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// The socket, where this is the only one who reads it.
    pub(super) fn handle(&self) -> Option<&Arc<Handle>> {
        match &self.source {
            Source::Socket { handle, .. } | Source::Udp { handle, .. } => Some(handle),
            _ => None,
        }
    }

    pub(super) fn ends(&self) -> bool {
        !matches!(self.source, Source::Socket { end: EmptyMeans::Message, .. } | Source::Udp { .. })
    }

    /// Datagrams, not sequenced packets.
    pub(super) fn is_connectionless(&self) -> bool {
        !matches!(self.source, Source::Socket { end: EmptyMeans::End, .. })
    }

    /// Waits for messages and puts them into `batch`; `false` at the end of the data.
    ///
    /// # Errors
    /// What recvfrom(2) reports. On a connected UDP socket that includes what ICMP said of an earlier send.
    pub async fn recv(&mut self, batch: &mut Batch) -> io::Result<bool> {
        let more = self.source.recv(batch).await?;
        if let Some(watch) = &mut self.watch {
            batch.iter().for_each(|message| watch.datagram(message));
        }
        Ok(more)
    }
}

impl Source {
    async fn recv(&mut self, batch: &mut Batch) -> io::Result<bool> {
        batch.clear();
        match self {
            Self::Socket { handle, end, held } => {
                if let Some(error) = held.take() {
                    return Err(error);
                }
                *held = handle.wait(Interest::READABLE, || recv_many(handle, batch)).await?;
                if *end == EmptyMeans::End && batch.iter().last().is_some_and(<[u8]>::is_empty) {
                    batch.pop();
                }
                Ok(!batch.is_empty())
            }
            Self::Udp { handle, offload, access } => {
                while batch.is_empty() {
                    let recv = || {
                        offload.recv(handle, |from, datagram| {
                            if access.as_ref().is_none_or(|access| access.admits_from(from.to)) {
                                batch.push(datagram);
                            }
                        })
                    };
                    handle.wait(Interest::READABLE, recv).await?;
                    // Those who are kept out must not keep everyone else on the thread waiting.
                    tokio::task::consume_budget().await;
                }
                Ok(true)
            }
            Self::Once(message) => match message.take() {
                Some(message) => {
                    *batch = message;
                    Ok(true)
                }
                None => Ok(false),
            },
            Self::Session { from, activity } => loop {
                let deadline = activity.deadline();
                match tokio::time::timeout_at(deadline.into(), from.recv()).await {
                    Ok(Some(next)) => {
                        activity.touch();
                        *batch = next;
                        return Ok(true);
                    }
                    Ok(None) => return Ok(false),
                    Err(_) if activity.deadline() > deadline => {}
                    Err(_) => return Ok(false),
                }
            },
        }
    }
}

/// Receives what is there. An error after the first message waits until those before it are passed on.
fn recv_many(handle: &Handle, batch: &mut Batch) -> io::Result<Option<io::Error>> {
    while batch.len() < AT_ONCE {
        match batch.push_with(LARGEST, |room| recv_from(handle, room)) {
            // Empty may be the end of sequenced packets: what follows is not to be waited for.
            Ok((0, _)) => break,
            Ok(_) => {}
            Err(e) if batch.is_empty() => return Err(e),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
            Err(e) => return Ok(Some(e)),
        }
    }
    Ok(None)
}

/// One non-blocking receive: the length and the sender, who may have no name.
pub(crate) fn recv_from(socket: impl AsFd, room: &mut [u8]) -> io::Result<(usize, Option<SocketAddrAny>)> {
    let (length, _, from) =
        uninterrupted(|| rustix::net::recvfrom(&socket, &mut *room, RecvFlags::DONTWAIT))?;
    Ok((length, from))
}

/// What a dispatcher has for one session, bounded in bytes.
#[derive(Debug)]
pub(crate) struct SessionQueue {
    queue: mpsc::UnboundedReceiver<Batch>,
    waiting: Arc<AtomicUsize>,
}

/// The dispatcher's side of a [`SessionQueue`].
#[derive(Debug)]
pub(crate) struct SessionSender {
    queue: mpsc::UnboundedSender<Batch>,
    waiting: Arc<AtomicUsize>,
}

/// Why a session took no more.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// Too much waits for it already.
    Full,
    /// It has ended; the messages come back.
    Ended(Batch),
}

impl SessionQueue {
    pub(crate) fn new() -> (SessionSender, Self) {
        let (send, queue) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        (SessionSender { queue: send, waiting: waiting.clone() }, Self { queue, waiting })
    }

    async fn recv(&mut self) -> Option<Batch> {
        let batch = self.queue.recv().await?;
        self.waiting.fetch_sub(weight(&batch), Relaxed);
        Some(batch)
    }
}

impl SessionSender {
    pub(crate) fn send(&self, batch: Batch) -> Result<(), NotTaken> {
        let weight = weight(&batch);
        if self.waiting.load(Relaxed) + weight > QUEUE {
            return Err(if self.queue.is_closed() { NotTaken::Ended(batch) } else { NotTaken::Full });
        }
        self.waiting.fetch_add(weight, Relaxed);
        self.queue.send(batch).map_err(|e| NotTaken::Ended(e.0))
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.queue.is_closed()
    }
}

/// What a batch costs while it waits: its bytes, and something for each message that may be empty.
fn weight(batch: &Batch) -> usize {
    batch.bytes().len() + 64 * batch.len()
}

/// Writes messages.
#[derive(Debug)]
pub struct DatagramWriter {
    handle: Arc<Handle>,
    to: To,
    activity: Option<Activity>,
    finish: EmptyMeans,
}

/// To whom.
#[derive(Debug)]
enum To {
    /// A connected socket knows.
    Peer,
    /// A socket that others may use too.
    Address(SocketAddrAny),
    /// A UDP socket, many at a time.
    Udp(Arc<Offload>, Route),
}

impl DatagramWriter {
    /// Sends on a connected socket. `finish` says whether shutdown(2) tells the peer the end.
    pub(crate) fn connected(handle: Arc<Handle>, finish: EmptyMeans) -> Self {
        Self { handle, to: To::Peer, activity: None, finish }
    }

    /// Sends to `to` on a socket that others may use too.
    pub(crate) fn to(handle: Arc<Handle>, to: SocketAddrAny) -> Self {
        Self { handle, to: To::Address(to), activity: None, finish: EmptyMeans::Message }
    }

    /// Sends on a UDP socket, many at a time.
    pub(crate) fn udp(
        handle: Arc<Handle>,
        offload: Arc<Offload>,
        route: Route,
        activity: Option<Activity>,
    ) -> Self {
        Self { handle, to: To::Udp(offload, route), activity, finish: EmptyMeans::Message }
    }

    /// The same on behalf of a session.
    pub(crate) fn during(self, activity: Option<Activity>) -> Self {
        Self { activity, ..self }
    }

    /// Sends every message of `batch`.
    ///
    /// # Errors
    /// What sendto(2) reports: EMSGSIZE for a message that is too long, ECONNREFUSED for what ICMP said.
    pub async fn send(&mut self, batch: &Batch) -> io::Result<()> {
        match &self.to {
            To::Udp(offload, route) => {
                for run in batch.runs(offload.at_once()) {
                    let send = || offload.send(&self.handle, *route, run);
                    self.handle.wait(Interest::WRITABLE, send).await?;
                }
            }
            To::Peer | To::Address(_) => {
                for message in batch.iter() {
                    self.send_plain(message).await?;
                }
            }
        }
        if let Some(activity) = &self.activity {
            activity.touch();
        }
        Ok(())
    }

    /// Sends one message.
    ///
    /// # Errors
    /// As [`DatagramWriter::send`].
    pub async fn send_one(&mut self, message: &[u8]) -> io::Result<()> {
        match &self.to {
            To::Udp(offload, route) => {
                let run = Run { bytes: message, segment: message.len(), count: 1 };
                let send = || offload.send(&self.handle, *route, run);
                self.handle.wait(Interest::WRITABLE, send).await?;
            }
            To::Peer | To::Address(_) => self.send_plain(message).await?,
        }
        if let Some(activity) = &self.activity {
            activity.touch();
        }
        Ok(())
    }

    async fn send_plain(&self, message: &[u8]) -> io::Result<()> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let handle = &self.handle;
        let To::Address(to) = &self.to else {
            let sent = || uninterrupted(|| rustix::net::send(handle, message, flags));
            return handle.wait(Interest::WRITABLE, sent).await.map(drop);
        };
        loop {
            match uninterrupted(|| rustix::net::sendto(handle, message, flags, to)) {
                // It is the receiver's queue that is full: epoll on this socket does not tell when there is
                // room again.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                result => return result.map(drop),
            }
        }
    }

    pub(super) fn handle(&self) -> &Arc<Handle> {
        &self.handle
    }

    pub(super) fn finish(&self) -> io::Result<()> {
        match self.finish {
            EmptyMeans::End => self.handle.shutdown_write(),
            EmptyMeans::Message => Ok(()),
        }
    }
}
