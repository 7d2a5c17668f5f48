//! A connection: the state that its parts share, and the verbs of its user.

mod connecting;
mod input;
mod output;
mod recovery;

pub(crate) use connecting::Connecting;

use super::{
    acks::Received,
    config::{self, Config, Params},
    congestion::{self, Controller, Rate},
    endpoint::Handle,
    error::{Ended, SendError, Violation},
    frame,
    loss::Loss,
    mtud::{BASE, Mtud},
    pacing::Pacer,
    path::Path,
    receive::{Limits, ReceiveSide},
    rtt::Rtt,
    seal::Seal,
    send::SendSide,
    sent_packets::SentPackets,
    stats::{Happened, Stats, Trace},
    timers::{Timer, Timers},
    types::{ConnectionId, Lane, Message, PacketNumber, Route, Side},
};
use crate::time::Time;
use bytes::Bytes;
use std::{collections::VecDeque, net::SocketAddr, sync::Arc, time::Duration};

/// Records of a trace that nobody has fetched; the oldest are dropped.
const MAX_TRACE: usize = 1 << 16;

/// What a session tells its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The connection is made.
    Connected,
    /// There is something to [`Session::recv`].
    Readable,
    /// There is room again after [`SendError::Full`].
    Writable,
    /// Everything sent has arrived (or was given up).
    Drained,
    /// The peer's address is now this one.
    Moved(SocketAddr),
    /// The connection is over. The last event.
    Ended(Ended),
}

#[derive(Debug)]
enum State {
    Connecting(Box<Connecting>),
    Open,
    /// Closed here: what comes is answered with the close frame, so many times.
    Closing {
        code: u64,
        reason: String,
        again: u8,
    },
    /// Closed by the peer, or for ever.
    Draining,
    Gone,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    config: Arc<Config>,
    side: Side,
    state: State,
    local: ConnectionId,
    remote: ConnectionId,
    peer: Params,
    path: Path,
    seal: Seal,
    rtt: Rtt,
    sent: SentPackets,
    loss: Loss,
    rate: Rate,
    congestion: Box<dyn Controller>,
    pacer: Pacer,
    late: Duration,
    mtud: Mtud,
    send: SendSide,
    receive: ReceiveSide,
    received: Received,
    timers: Timers,
    events: VecDeque<Event>,
    /// The server's answer to the first packet, kept for its repetitions.
    accept: Bytes,
    accept_due: bool,
    close_due: bool,
    ping_due: bool,
    window_due: bool,
    /// Packets that may go beyond the window, to find out what arrived.
    probes: u8,
    was_full: bool,
    was_drained: bool,
    finishing: bool,
    congested_seen: u64,
    /// When the next packet is lost by time.
    loss_time: Option<Time>,
    challenges: u64,
    stats: Stats,
    trace: Option<VecDeque<Trace>>,
    pub(crate) handle: Handle,
}

/// What a session is made from.
pub(crate) struct Begin {
    pub(crate) config: Arc<Config>,
    pub(crate) side: Side,
    pub(crate) local: ConnectionId,
    pub(crate) remote: ConnectionId,
    pub(crate) route: Route,
    /// The receive window, as it was advertised.
    pub(crate) window: u32,
    pub(crate) peer: Params,
    pub(crate) seal: Seal,
    pub(crate) challenges: u64,
    pub(crate) handle: Handle,
}

impl Session {
    fn new(now: Time, begin: Begin, state: State, accept: Bytes) -> Self {
        let Begin { config, side, local, remote, route, window, peer, seal, challenges, handle } = begin;
        let limits = Limits {
            window: u64::from(window),
            messages: u64::from(config.receive_messages.max(1)),
            max_message: u64::from(config::max_message(&config, window)),
            channels: u16::from(config.channels.max(1)),
        };
        let mut session = Self {
            side,
            state,
            local,
            remote,
            peer,
            path: Path::new(route),
            seal,
            rtt: Rtt::new(),
            sent: SentPackets::default(),
            loss: Loss::new(),
            rate: Rate::new(now),
            congestion: congestion::new(config.congestion, now, BASE),
            pacer: Pacer::new(now),
            late: Duration::ZERO,
            mtud: Mtud::new(BASE),
            send: SendSide::new(config.send_buffer, config.retransmit, peer),
            receive: ReceiveSide::new(limits),
            received: Received::default(),
            timers: Timers::new(),
            events: VecDeque::new(),
            accept,
            accept_due: false,
            close_due: false,
            ping_due: false,
            window_due: false,
            probes: 0,
            was_full: false,
            was_drained: true,
            finishing: false,
            congested_seen: 0,
            loss_time: None,
            challenges,
            stats: Stats::default(),
            trace: None,
            handle,
            config,
        };
        session.adopt(now, peer);
        session
    }

    /// A connection that a client begins.
    pub(crate) fn connect(now: Time, begin: Begin, connecting: Connecting) -> Self {
        let timeout = begin.config.handshake_timeout;
        let mut session = Self::new(now, begin, State::Connecting(Box::new(connecting)), Bytes::new());
        session.timers.stop_all();
        session.begin_handshake(now, timeout);
        session
    }

    /// A connection that a server accepted; `accept` is its answer.
    pub(crate) fn accept(now: Time, begin: Begin, accept: Bytes) -> Self {
        let mut session = Self::new(now, begin, State::Open, accept);
        session.accept_due = true;
        session.events.push_back(Event::Connected);
        session
    }

    /// The first packet came again: so goes the answer.
    pub(crate) fn repeat_accept(&mut self) {
        self.accept_due = true;
    }

    /// Takes over what the peer said of itself.
    fn adopt(&mut self, now: Time, peer: Params) {
        self.peer = peer;
        self.send = SendSide::new(self.config.send_buffer, self.config.retransmit, peer);
        self.mtud = Mtud::new(self.config.max_datagram.min(peer.max_datagram as u16));
        self.restart_idle(now);
    }

    /// Queues a message. `end`: nothing follows in the lane, the peer learns it. With `lifetime`, what of
    /// the message is not sent by then is never sent (again).
    pub fn send(
        &mut self,
        now: Time,
        lane: Lane,
        data: Bytes,
        end: bool,
        lifetime: Option<Duration>,
    ) -> Result<(), SendError> {
        if !matches!(self.state, State::Open) || self.finishing {
            return Err(SendError::NotConnected);
        }
        let expires = lifetime.map_or(Time::NEVER, |l| now + l);
        let sent = self.send.send(lane, data, end, expires);
        self.was_full |= sent == Err(SendError::Full);
        self.was_drained &= sent.is_err();
        sent
    }

    /// The next message that arrived.
    pub fn recv(&mut self) -> Option<Message> {
        let message = self.receive.recv()?;
        self.window_due |= self.receive.wants_window();
        Some(message)
    }

    /// Ends the connection at once, telling the peer: code 0 is "done". What was not delivered is dropped.
    pub fn close(&mut self, now: Time, code: u64, reason: &str) {
        self.begin_close(now, code, reason, Ended::Local);
    }

    /// Ends the connection when everything sent has arrived.
    pub fn finish(&mut self, now: Time) {
        self.finishing = true;
        self.check_drained(now);
    }

    /// Sends a ping: a sign of life is asked for.
    pub fn ping(&mut self) {
        self.ping_due = true;
    }

    fn begin_close(&mut self, now: Time, code: u64, reason: &str, ended: Ended) {
        match self.state {
            State::Open => {
                self.state = State::Closing { code, reason: frame::clip(reason).to_owned(), again: 2 };
                self.close_due = true;
                self.timers.stop_all();
                self.timers.set(Timer::Close, now + self.probe_timeout());
            }
            State::Connecting(_) => self.gone(),
            State::Closing { .. } | State::Draining | State::Gone => return,
        }
        self.events.push_back(Event::Ended(ended));
    }

    fn violated(&mut self, now: Time, violation: Violation) {
        let reason = violation.to_string();
        self.begin_close(now, violation.code(), &reason, Ended::Violation(violation));
    }

    fn gone(&mut self) {
        self.state = State::Gone;
        self.timers.stop_all();
    }

    /// Whether the session can be forgotten.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.state, State::Gone)
    }

    /// Whether the connection is made and not yet ended.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    fn check_drained(&mut self, now: Time) {
        if self.was_full && self.send.buffered() < self.config.send_buffer / 2 {
            self.was_full = false;
            self.events.push_back(Event::Writable);
        }
        if self.send.is_drained() {
            if !self.was_drained {
                self.was_drained = true;
                self.send.shrink();
                self.events.push_back(Event::Drained);
            }
            if self.finishing {
                self.close(now, 0, "done");
            }
        }
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if event.is_none() && self.events.capacity() > 8 {
            self.events.shrink_to(2);
        }
        event
    }

    /// When to call `handle_timeout`.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    fn restart_idle(&mut self, now: Time) {
        self.timers.set(Timer::Idle, now + self.idle());
        self.timers.set_or_stop(Timer::KeepAlive, self.config.keep_alive.map(|k| now + k));
    }

    /// The idle timeout that both ends agreed upon.
    pub fn idle(&self) -> Duration {
        self.config.idle.min(Duration::from_millis(self.peer.idle_ms))
    }

    fn probe_timeout(&self) -> Duration {
        self.rtt.probe_timeout(Duration::from_micros(self.peer.ack_delay_us))
    }

    /// The peer's address.
    pub fn remote_address(&self) -> SocketAddr {
        self.path.remote()
    }

    /// This end's connection id: what the peer's packets carry.
    pub fn local_id(&self) -> ConnectionId {
        self.local
    }

    /// Which end this is.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Whether what was read has opened the window so far that the peer is to be told.
    pub fn wants_output(&self) -> bool {
        self.window_due
    }

    /// Whether [`Session::recv`] would give something.
    pub fn has_ready(&self) -> bool {
        self.receive.has_ready()
    }

    /// Bytes of messages held for the application and for reassembly.
    pub fn held(&self) -> u64 {
        self.receive.held()
    }

    /// Separate pieces that are remembered: fragments of messages, ranges of packet numbers, packets.
    pub fn pieces(&self) -> usize {
        self.receive.fragments() + self.received.ranges() + self.sent.outstanding() as usize
    }

    /// How the connection stands.
    pub fn stats(&self) -> Stats {
        Stats {
            expired: self.send.expired(),
            skipped: self.receive.arrived.skipped,
            duplicates: self.receive.arrived.duplicates,
            dropped: self.receive.arrived.dropped,
            cwnd: self.admitted(),
            in_flight: self.sent.in_flight(),
            credit: self.send.credit(),
            buffered: self.send.buffered() as u64,
            rate: self.congestion.rate(&self.rtt),
            rtt: self.rtt.smoothed(),
            min_rtt: self.rtt.min(),
            mtu: self.mtud.current(),
            phase: self.congestion.phase(),
            integrity: self.config.integrity.name(),
            ..self.stats
        }
    }

    /// What may be in flight, bytes: by congestion control, or by the bound in packets where that is less.
    fn admitted(&self) -> u64 {
        let window = self.congestion.window();
        self.config
            .window
            .map_or(window, |packets| window.min(u64::from(packets) * u64::from(self.mtud.current())))
    }

    /// Begins to record what happens to packets, for [`Session::take_trace`].
    pub fn record_trace(&mut self) {
        self.trace.get_or_insert_default();
    }

    /// What happened since the last call, oldest first.
    pub fn take_trace(&mut self) -> Vec<Trace> {
        self.trace.as_mut().map(|t| t.drain(..).collect()).unwrap_or_default()
    }

    fn trace(&mut self, at: Time, number: u64, what: Happened) {
        if let Some(trace) = &mut self.trace {
            if trace.len() == MAX_TRACE {
                trace.pop_front();
            }
            trace.push_back(Trace { at, number: PacketNumber(number), what });
        }
    }
}
