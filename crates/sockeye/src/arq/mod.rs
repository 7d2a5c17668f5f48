//! Reliable messages over UDP: the driver of [`sockeye_proto::arq`].
//!
//! One [`Endpoint`] is one socket with any number of connections; one task moves its datagrams, in batches
//! (segmentation offload both ways), and wakes at the nanosecond that the machine asks for. A [`Connection`]
//! sends and receives messages.
//!
//! ```no_run
//! # async fn example() -> sockeye::Result<()> {
//! use sockeye::{arq::Endpoint, proto::arq::{Config, STREAM}};
//! let server = Endpoint::bind(([127, 0, 0, 1], 0).into(), Config::default(), true)?;
//! let client = Endpoint::bind(([127, 0, 0, 1], 0).into(), Config::default(), false)?;
//! let connection = client.connect(server.local_address()).await?;
//! connection.send(STREAM, "hello".into(), true, None).await?;
//! let accepted = server.accept().await?;
//! assert_eq!(accepted.recv().await?.map(|m| m.data), Some("hello".into()));
//! connection.finish().await?;
//! # Ok(()) }
//! ```

mod driver;
mod link;
pub mod picture;
mod socket;
#[cfg(test)]
mod tests;
mod timer;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use sockeye_proto::{
    arq::{self as machine, Config, Ended, Event, Handle, Lane, Message, SendError, Stats, Trace},
    time::Time,
};
use tokio::sync::Notify;

use crate::{Error, Result, error::Reason};
use driver::Driver;
use link::Link;
use socket::{Give, Socket};

/// Packets that closing a connection sends by itself at most; the task sends the rest.
const LAST_WORDS: usize = 16;

/// A socket and its connections.
#[derive(Debug)]
pub struct Endpoint(Arc<Shared>);

/// What the users and the task share.
#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    socket: Socket,
    /// Something is to be sent, or there is nobody left to serve.
    work: Notify,
    /// A connection was accepted, or the task has ended.
    incoming: Notify,
    epoch: Instant,
    local: SocketAddr,
}

#[derive(Debug)]
struct Inner {
    machine: machine::Endpoint,
    links: slab::Slab<Arc<Link>>,
    by_handle: std::collections::HashMap<Handle, usize>,
    accepted: std::collections::VecDeque<(Handle, Arc<Link>)>,
    /// Endpoints and connections that someone holds.
    users: usize,
    /// Why the task ended.
    failed: Option<std::io::ErrorKind>,
}

impl Shared {
    fn now(&self) -> Time {
        Time::after(self.epoch.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what is due without the task, which may not run again: the process may be about to end. What
    /// the kernel does not take is lost, as a network might lose it.
    fn send_now(&self) {
        let (mut inner, mut buffer) = (self.lock(), Vec::new());
        for _ in 0..LAST_WORDS {
            buffer.clear();
            let Some(transmit) = inner.machine.poll_transmit(self.now(), &mut buffer, 1) else { return };
            if self.socket.send(transmit.route, &buffer, None, transmit.ecn).is_err() {
                return;
            }
        }
    }
}

impl Endpoint {
    /// Binds a socket and serves it on the current runtime. `accepts`: whether peers may connect.
    ///
    /// # Errors
    /// What the kernel says of the address.
    pub fn bind(local: SocketAddr, config: Config, accepts: bool) -> Result<Self> {
        let socket = std::net::UdpSocket::bind(local).map_err(|e| Error::new("bind to", local, e))?;
        Self::with_socket(socket, config, accepts)
    }

    /// Serves a socket that is bound already.
    ///
    /// # Errors
    /// What the kernel says of its options.
    pub fn with_socket(socket: std::net::UdpSocket, config: Config, accepts: bool) -> Result<Self> {
        Self::giving(socket, config, accepts, |state, socket, transmit| state.try_send(socket, transmit))
    }

    fn giving(socket: std::net::UdpSocket, config: Config, accepts: bool, give: Give) -> Result<Self> {
        let failed = |e: std::io::Error| Error::new("use a UDP socket for", "arq", e);
        let local = socket.local_addr().map_err(failed)?;
        let mut seed = [0; 32];
        rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())
            .map_err(|e| failed(e.into()))?;
        let inner = Inner {
            machine: machine::Endpoint::new(config, seed, accepts),
            links: slab::Slab::new(),
            by_handle: std::collections::HashMap::new(),
            accepted: std::collections::VecDeque::new(),
            users: 1,
            failed: None,
        };
        let shared = Arc::new(Shared {
            inner: Mutex::new(inner),
            socket: Socket::new(socket, give, accepts && local.ip().is_unspecified()).map_err(failed)?,
            work: Notify::new(),
            incoming: Notify::new(),
            epoch: Instant::now(),
            local,
        });
        let driver = Driver::new(Arc::clone(&shared)).map_err(failed)?;
        tokio::spawn(driver.run());
        Ok(Self(shared))
    }

    /// What the socket is bound to.
    pub fn local_address(&self) -> SocketAddr {
        self.0.local
    }

    /// How many connections there are, those that are ending included.
    pub fn connections(&self) -> usize {
        self.0.lock().machine.connections()
    }

    /// What belongs to no connection.
    pub fn stats(&self) -> machine::EndpointStats {
        self.0.lock().machine.stats()
    }

    /// Connects to `to`.
    ///
    /// # Errors
    /// Nobody answers, or the peer refuses and says why.
    pub async fn connect(&self, to: SocketAddr) -> Result<Connection> {
        let now = self.0.now();
        let connection = {
            let mut inner = self.0.lock();
            let full =
                || Error::new("connect to", to, Reason::Usage("there are too many connections".into()));
            let handle = inner.machine.connect(now, to).ok_or_else(full)?;
            let link = inner.link(handle);
            inner.users += 1;
            Connection { shared: Arc::clone(&self.0), handle, link }
        };
        self.0.work.notify_one();
        connection.link.made().await.map_err(|ended| failure("connect to", to, &ended))?;
        Ok(connection)
    }

    /// Waits for a peer to connect.
    ///
    /// # Errors
    /// The socket has failed.
    pub async fn accept(&self) -> Result<Connection> {
        loop {
            let incoming = self.0.incoming.notified();
            {
                let mut inner = self.0.lock();
                if let Some((handle, link)) = inner.accepted.pop_front() {
                    inner.users += 1;
                    return Ok(Connection { shared: Arc::clone(&self.0), handle, link });
                }
                if let Some(kind) = inner.failed {
                    return Err(Error::new("accept on", self.0.local, std::io::Error::from(kind)));
                }
            }
            incoming.await;
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.0.lock().users -= 1;
        self.0.work.notify_one();
    }
}

impl Inner {
    /// The meeting place of a connection's user and the task.
    fn link(&mut self, handle: Handle) -> Arc<Link> {
        let link = Arc::new(Link::default());
        let key = self.links.insert(Arc::clone(&link));
        self.by_handle.insert(handle, key);
        link
    }

    fn session(&mut self, handle: Handle) -> Option<&mut machine::Session> {
        self.machine.session_mut(handle)
    }
}

/// A connection. Dropped without [`Connection::finish`], it is cut off.
#[derive(Debug)]
pub struct Connection {
    shared: Arc<Shared>,
    handle: Handle,
    link: Arc<Link>,
}

impl Connection {
    fn with<T>(&self, act: impl FnOnce(&mut machine::Session, Time) -> T) -> Option<T> {
        let now = self.shared.now();
        self.shared.lock().session(self.handle).map(|session| act(session, now))
    }

    /// Where the peer is now.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.with(|session, _| session.remote_address())
    }

    /// What the socket is bound to.
    pub fn local_address(&self) -> SocketAddr {
        self.shared.local
    }

    /// How the connection stands, or stood when it ended; `None` where its socket failed before.
    pub fn stats(&self) -> Option<Stats> {
        self.link.last_stats().or_else(|| {
            let live = self.shared.lock().machine.session(self.handle).map(machine::Session::stats);
            // It may have ended in between.
            live.or_else(|| self.link.last_stats())
        })
    }

    /// What happened to packets since the last call; the first call begins the record.
    pub fn trace(&self) -> Vec<Trace> {
        let taken = self.with(|session, _| {
            session.record_trace();
            session.take_trace()
        });
        taken.filter(|trace| !trace.is_empty()).unwrap_or_else(|| self.link.take_trace())
    }

    /// The time, as traces count it.
    pub fn now(&self) -> Time {
        self.shared.now()
    }

    /// Sends a message, waiting for room. `end`: nothing follows in the lane. What is not sent by the end of
    /// `lifetime` is given up.
    ///
    /// # Errors
    /// The message is too large, the lane ended, or the connection has.
    pub async fn send(&self, lane: Lane, data: Bytes, end: bool, lifetime: Option<Duration>) -> Result<()> {
        loop {
            let room = self.link.room.notified();
            match self.try_send(lane, data.clone(), end, lifetime) {
                Err(SendError::Full) => room.await,
                Ok(()) => return Ok(()),
                Err(error) => return Err(self.send_failure(error)),
            }
        }
    }

    /// Sends a message if there is room.
    ///
    /// # Errors
    /// As [`Connection::send`], and [`SendError::Full`] where it would wait.
    pub fn try_send(
        &self,
        lane: Lane,
        data: Bytes,
        end: bool,
        lifetime: Option<Duration>,
    ) -> Result<(), SendError> {
        let sent = self
            .with(|session, now| session.send(now, lane, data, end, lifetime))
            .unwrap_or(Err(SendError::NotConnected));
        if sent.is_ok() {
            self.shared.work.notify_one();
        }
        sent
    }

    fn send_failure(&self, error: SendError) -> Error {
        match (&error, self.link.ended()) {
            (SendError::NotConnected, Some(ended)) => failure("send to", self.shared.local, &ended),
            _ => Error::new("send to", "the arq peer", Reason::Usage(error.to_string())),
        }
    }

    /// Waits for the next message; `None` when the connection has ended well: closed by either side as done.
    ///
    /// # Errors
    /// Why the connection ended otherwise.
    pub async fn recv(&self) -> Result<Option<Message>> {
        loop {
            let readable = self.link.readable.notified();
            if let Some(message) = self.try_recv() {
                return Ok(Some(message));
            }
            match self.link.ended() {
                None => readable.await,
                Some(Ended::Local | Ended::Peer { code: 0, .. }) => return Ok(None),
                Some(ended) => return Err(failure("receive from", self.shared.local, &ended)),
            }
        }
    }

    /// The next message, if one is there.
    pub fn try_recv(&self) -> Option<Message> {
        // Without a look at the clock, which costs as much as the rest.
        let taken = self.shared.lock().session(self.handle).map(|s| (s.recv(), s.wants_output()));
        let (message, wants) = taken.unwrap_or((None, false));
        if wants {
            self.shared.work.notify_one();
        }
        message.or_else(|| self.link.take_rest())
    }

    /// Waits until everything sent has arrived (or was given up).
    ///
    /// # Errors
    /// Why the connection ended before.
    pub async fn flush(&self) -> Result<()> {
        loop {
            let room = self.link.room.notified();
            match (self.stats(), self.link.ended()) {
                (Some(stats), None) if stats.buffered > 0 => room.await,
                // A peer that has closed as done had taken in all that it wanted.
                (_, None | Some(Ended::Local | Ended::Peer { code: 0, .. })) => return Ok(()),
                (_, Some(ended)) => return Err(failure("send to", self.shared.local, &ended)),
            }
        }
    }

    /// Ends the connection after everything sent has arrived, and waits for that.
    ///
    /// # Errors
    /// Why the connection ended before.
    pub async fn finish(&self) -> Result<()> {
        self.with(|session, now| session.finish(now));
        self.shared.work.notify_one();
        match self.link.over().await {
            Ended::Local | Ended::Peer { code: 0, .. } => Ok(()),
            ended => Err(failure("finish the connection of", self.shared.local, &ended)),
        }
    }

    /// Ends the connection at once.
    pub fn close(&self, code: u64, reason: &str) {
        if self.with(|session, now| session.close(now, code, reason)).is_some() {
            self.shared.send_now();
            self.shared.work.notify_one();
        }
    }

    /// Waits for the end, and gives why it came.
    pub async fn ended(&self) -> Ended {
        self.link.over().await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close(1, "the application let go of it");
        self.shared.lock().users -= 1;
        self.shared.work.notify_one();
    }
}

/// Why a connection ended, as an error with advice.
fn failure(attempt: &'static str, target: SocketAddr, ended: &Ended) -> Error {
    use machine::Refusal;
    let reason = match ended {
        Ended::NoAnswer(after) | Ended::Idle(after) => Reason::TimedOut(*after),
        Ended::Violation(_) => Reason::Protocol(ended.to_string()),
        other => Reason::Io(std::io::Error::new(std::io::ErrorKind::ConnectionReset, other.to_string())),
    };
    let error = Error::new(attempt, target, reason);
    match ended {
        Ended::NoAnswer(_) => error.hint("is an arq listener there, and does UDP get through?"),
        Ended::Refused(Refusal::Integrity) => error.hint("give both sides the same integrity="),
        Ended::Refused(Refusal::Key) => error.hint("give both sides the same key="),
        _ => error,
    }
}

/// What the task does with an event of the machine.
fn handle_event(inner: &mut Inner, incoming: &Notify, handle: Handle, event: Event) {
    let key = match inner.by_handle.get(&handle) {
        Some(&key) => key,
        None => {
            // Nobody here began it: it was accepted.
            let link = inner.link(handle);
            inner.accepted.push_back((handle, link));
            incoming.notify_one();
            inner.by_handle[&handle]
        }
    };
    let link = Arc::clone(&inner.links[key]);
    match event {
        Event::Connected => link.set_made(),
        Event::Readable => link.readable.notify_waiters(),
        Event::Writable | Event::Drained => link.room.notify_waiters(),
        Event::Moved(_) => {}
        Event::Ended(ended) => {
            // What arrived before the end is still the application's.
            if let Some(session) = inner.session(handle) {
                link.keep_rest(std::iter::from_fn(|| session.recv()));
                link.keep_last(session.stats(), session.take_trace());
            }
            link.end(ended);
            inner.by_handle.remove(&handle);
            inner.links.remove(key);
        }
    }
}
