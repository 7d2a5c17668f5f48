//! All connections of one socket: which packet is whose, and who may connect.

use super::{
    codec::Reader,
    config::{Config, Integrity, Params},
    cookie::Jar,
    error::Refusal,
    handshake::{Accept, Handshake, INIT_SIZE, Init, encode},
    noise, packet,
    seal::{Aead, Seal},
    session::{Begin, Connecting, Event, Session},
    types::{ConnectionId, Route, Side},
};
use crate::time::Time;
use bytes::Bytes;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use slab::Slab;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
};

/// The smallest receive window that is worth a connection.
const MIN_WINDOW: u32 = 16 << 10;
/// Answers to handshakes that wait to be sent at most.
const MAX_REPLIES: usize = 1024;

/// Names a connection of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle {
    index: u32,
    serial: u32,
}

/// Packets to send: what [`Endpoint::poll_transmit`] appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// To whom, and from which of this host's addresses.
    pub route: Route,
    /// With several packets, the size of each but the last.
    pub segment: Option<usize>,
    /// Whether to mark them as capable of explicit congestion notification.
    pub ecn: bool,
    /// Bytes appended.
    pub len: usize,
}

/// What an endpoint has seen that belongs to no connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct EndpointStats {
    /// First packets answered with a cookie.
    pub cookies: u64,
    /// First packets refused.
    pub refused: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Datagrams that are for nobody, or damaged.
    pub stray: u64,
}

#[derive(Debug)]
struct Entry {
    session: Session,
    serial: u32,
    deadline: Option<Time>,
    /// Whether it is in `ready`, and in `talking`.
    queued: bool,
    talking: bool,
    /// Bytes of window promised to the peer.
    window: u32,
    /// How the peer names the connection until it is made: repetitions of its first packet are known by it.
    client: Option<(SocketAddr, ConnectionId)>,
}

/// The connections of one socket.
#[derive(Debug)]
pub struct Endpoint {
    config: Arc<Config>,
    accepts: bool,
    max_connections: usize,
    /// Bytes of receive windows that may still be promised.
    budget: u64,
    rng: ChaCha20Rng,
    jar: Jar,
    sessions: Slab<Entry>,
    by_id: BTreeMap<ConnectionId, u32>,
    by_client: BTreeMap<(SocketAddr, ConnectionId), u32>,
    deadlines: BTreeSet<(Time, u32)>,
    /// Those that may have something to send or to tell.
    ready: VecDeque<u32>,
    talking: VecDeque<u32>,
    replies: VecDeque<(Route, Vec<u8>)>,
    serial: u32,
    stats: EndpointStats,
}

impl Endpoint {
    /// An endpoint. All its randomness comes from `seed`, which must be unpredictable where peers are not
    /// trusted. `accepts`: whether peers may connect.
    pub fn new(config: Config, seed: [u8; 32], accepts: bool) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        Self {
            config: Arc::new(config),
            accepts,
            max_connections: 32_768,
            budget: 1 << 30,
            rng,
            jar: Jar::new(&secret),
            sessions: Slab::new(),
            by_id: BTreeMap::new(),
            by_client: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            ready: VecDeque::new(),
            talking: VecDeque::new(),
            replies: VecDeque::new(),
            serial: 0,
            stats: EndpointStats::default(),
        }
    }

    /// Bounds all connections together: their number, and the bytes that peers may make this end keep.
    #[must_use]
    pub fn limits(mut self, max_connections: usize, max_memory: u64) -> Self {
        self.max_connections = max_connections;
        self.budget = max_memory;
        self
    }

    /// Begins a connection to `to`; `None` where the limits admit no other.
    pub fn connect(&mut self, now: Time, to: SocketAddr) -> Option<Handle> {
        let window = self.grant()?;
        let params = encode(&Params::of(&self.config, window));
        let exchange = match &self.config.integrity {
            Integrity::Aead(key) => {
                let mut seed = [0; 32];
                self.rng.fill_bytes(&mut seed);
                Some(noise::Initiator::begin(key, &params, seed)?)
            }
            _ => None,
        };
        let peer = Params::of(&self.config, window);
        let begin = self.begin(Side::Client, to.into(), ConnectionId(0), window, peer, Seal::Off);
        let session = Session::connect(now, begin, Connecting::new(params, exchange));
        Some(self.insert(session, window, None))
    }

    fn begin(
        &mut self,
        side: Side,
        route: Route,
        remote: ConnectionId,
        window: u32,
        peer: Params,
        seal: Seal,
    ) -> Begin {
        let local = loop {
            let id = ConnectionId(self.rng.next_u64());
            if !self.by_id.contains_key(&id) {
                break id;
            }
        };
        self.serial = self.serial.wrapping_add(1);
        let handle = Handle { index: self.sessions.vacant_key() as u32, serial: self.serial };
        let (config, challenges) = (Arc::clone(&self.config), self.rng.next_u64());
        Begin { config, side, local, remote, route, window, peer, seal, challenges, handle }
    }

    /// The receive window for one more connection: the smallest is kept free for every one that may still
    /// come, and of what is left beyond that it gets half at most, so that none starves the next.
    fn grant(&mut self) -> Option<u32> {
        if self.sessions.len() >= self.max_connections || self.budget < u64::from(MIN_WINDOW) {
            return None;
        }
        let most = u64::from(self.config.receive_window.max(MIN_WINDOW));
        let others = (self.max_connections - self.sessions.len()) as u64 * u64::from(MIN_WINDOW);
        let spare = self.budget.saturating_sub(others) / 2;
        let window = (u64::from(MIN_WINDOW) + spare).min(most) as u32;
        self.budget -= u64::from(window);
        Some(window)
    }

    fn insert(
        &mut self,
        session: Session,
        window: u32,
        client: Option<(SocketAddr, ConnectionId)>,
    ) -> Handle {
        let (handle, id) = (session.handle, session.local_id());
        let entry = Entry {
            session,
            serial: handle.serial,
            deadline: None,
            queued: false,
            talking: false,
            window,
            client,
        };
        let index = self.sessions.insert(entry) as u32;
        debug_assert_eq!(index, handle.index);
        self.by_id.insert(id, index);
        if let Some(client) = client {
            self.by_client.insert(client, index);
        }
        self.touch(index);
        handle
    }

    /// Something about a session changed: what it has to send and say is to be fetched.
    fn touch(&mut self, index: u32) {
        let Some(entry) = self.sessions.get_mut(index as usize) else { return };
        if !std::mem::replace(&mut entry.queued, true) {
            self.ready.push_back(index);
        }
        if !std::mem::replace(&mut entry.talking, true) {
            self.talking.push_back(index);
        }
    }

    /// A connection, to look at.
    pub fn session(&self, handle: Handle) -> Option<&Session> {
        self.sessions.get(handle.index as usize).filter(|e| e.serial == handle.serial).map(|e| &e.session)
    }

    /// A connection, to use: drain the endpoint afterwards.
    pub fn session_mut(&mut self, handle: Handle) -> Option<&mut Session> {
        self.session(handle)?;
        self.touch(handle.index);
        self.sessions.get_mut(handle.index as usize).map(|e| &mut e.session)
    }

    /// All connections.
    pub fn handles(&self) -> impl Iterator<Item = Handle> {
        self.sessions.iter().map(|(_, e)| e.session.handle)
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.sessions.len()
    }

    /// What belongs to no connection.
    pub fn stats(&self) -> EndpointStats {
        self.stats
    }

    /// Takes a datagram, which it may decrypt in place. `from`: who sent it, and to which of this host's
    /// addresses where the answer must come from there. `congested`: a router marked it.
    pub fn handle_datagram(
        &mut self,
        now: Time,
        from: impl Into<Route>,
        congested: bool,
        datagram: &mut [u8],
    ) {
        let from = from.into();
        let Some(&first) = datagram.first() else { return };
        if packet::is_long(first) {
            self.handle_handshake(now, from, datagram);
            return;
        }
        let index = packet::destination(datagram).and_then(|id| self.by_id.get(&id)).copied();
        let Some(index) = index else {
            self.stats.stray += 1;
            return;
        };
        if let Some(entry) = self.sessions.get_mut(index as usize) {
            entry.session.handle_datagram(now, from, congested, datagram);
            self.touch(index);
        }
    }

    fn handle_handshake(&mut self, now: Time, from: Route, datagram: &[u8]) {
        match Handshake::parse(datagram) {
            Some(Handshake::Init(init)) if self.accepts => self.handle_init(now, from, &init),
            Some(Handshake::OtherVersion { client }) if self.accepts => {
                self.refuse(from, client, Refusal::Version);
            }
            Some(
                answer @ (Handshake::Cookie { client, .. }
                | Handshake::Refuse { client, .. }
                | Handshake::Accept(Accept { client, .. })),
            ) => {
                let Some(&index) = self.by_id.get(&client) else {
                    self.stats.stray += 1;
                    return;
                };
                if let Some(entry) = self.sessions.get_mut(index as usize)
                    && entry.session.remote_address() == from.peer
                {
                    entry.session.handle_handshake(now, &answer);
                    self.touch(index);
                }
            }
            _ => self.stats.stray += 1,
        }
    }

    /// A first packet. Until its cookie is good, nothing is kept of it and no answer is larger than it.
    fn handle_init(&mut self, now: Time, from: Route, init: &Init<'_>) {
        if let Some(&index) = self.by_client.get(&(from.peer, init.client)) {
            if let Some(entry) = self.sessions.get_mut(index as usize) {
                entry.session.repeat_accept();
                self.touch(index);
            }
            return;
        }
        if !self.jar.check(now, from.peer, init.client, init.cookie) {
            self.stats.cookies += 1;
            let cookie = self.jar.bake(now, from.peer, init.client);
            self.reply(from, &Handshake::Cookie { client: init.client, cookie: &cookie });
            return;
        }
        if let Err(refusal) = self.accept(now, from, init) {
            self.refuse(from, init.client, refusal);
        }
    }

    fn accept(&mut self, now: Time, from: Route, init: &Init<'_>) -> Result<(), Refusal> {
        if init.integrity != self.config.integrity.code() {
            return Err(Refusal::Integrity);
        }
        let peer = Params::read(&mut Reader::new(init.params))?;
        let window = self.grant().ok_or(Refusal::Full)?;
        let params = encode(&Params::of(&self.config, window));
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        let sealed = match &self.config.integrity {
            Integrity::Off => Some((Seal::Off, Vec::new())),
            Integrity::Crc32c => Some((Seal::Crc32c, Vec::new())),
            Integrity::Aead(key) => noise::respond(key, init.params, seed, init.noise, &params)
                .map(|(keys, answer)| (Seal::Aead(Box::new(Aead::new(keys))), answer)),
        };
        let Some((seal, noise)) = sealed else {
            self.budget += u64::from(window);
            return Err(Refusal::Key);
        };
        let begin = self.begin(Side::Server, from, init.client, window, peer, seal);
        let params = if noise.is_empty() { &params[..] } else { &[] };
        let mut accept = Vec::new();
        let (client, server) = (init.client, begin.local);
        Handshake::Accept(Accept { client, server, params, noise: &noise }).put(&mut accept);
        let session = Session::accept(now, begin, Bytes::from(accept));
        self.insert(session, window, Some((from.peer, init.client)));
        self.stats.accepted += 1;
        Ok(())
    }

    fn refuse(&mut self, to: Route, client: ConnectionId, refusal: Refusal) {
        self.stats.refused += 1;
        self.reply(to, &Handshake::Refuse { client, refusal });
    }

    fn reply(&mut self, to: Route, packet: &Handshake<'_>) {
        if self.replies.len() < MAX_REPLIES {
            let mut out = Vec::new();
            packet.put(&mut out);
            debug_assert!(out.len() <= INIT_SIZE, "no answer is larger than the first packet");
            self.replies.push_back((to, out));
        }
    }

    /// The next packets to send, appended to `out`: up to `max_segments` of one connection, of one size but
    /// for the last, which may be shorter.
    pub fn poll_transmit(&mut self, now: Time, out: &mut Vec<u8>, max_segments: usize) -> Option<Transmit> {
        if let Some((route, reply)) = self.replies.pop_front() {
            out.extend_from_slice(&reply);
            return Some(Transmit { route, segment: None, ecn: false, len: reply.len() });
        }
        while let Some(&index) = self.ready.front() {
            if let Some(entry) = self.sessions.get_mut(index as usize) {
                if let Some(transmit) = entry.session.poll_transmit(now, out, max_segments) {
                    // Everyone's turn comes, burst by burst.
                    self.ready.rotate_left(1);
                    return Some(transmit);
                }
                entry.queued = false;
                self.note_deadline(index);
            }
            self.ready.pop_front();
        }
        None
    }

    fn note_deadline(&mut self, index: u32) {
        let Some(entry) = self.sessions.get_mut(index as usize) else { return };
        let next = entry.session.poll_timeout();
        let old = std::mem::replace(&mut entry.deadline, next);
        if old != next {
            if let Some(old) = old {
                self.deadlines.remove(&(old, index));
            }
            if let Some(next) = next {
                self.deadlines.insert((next, index));
            }
        }
    }

    /// When to call [`Endpoint::handle_timeout`]. To be asked when everything is drained.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Lets every deadline up to `now` take effect.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(&(at, index)) = self.deadlines.first().filter(|(at, _)| *at <= now) {
            self.deadlines.remove(&(at, index));
            if let Some(entry) = self.sessions.get_mut(index as usize) {
                entry.deadline = None;
                entry.session.handle_timeout(now);
                self.touch(index);
            }
        }
    }

    /// What happened. To be asked when there is nothing left to transmit; a connection is forgotten after
    /// its last event.
    pub fn poll_event(&mut self) -> Option<(Handle, Event)> {
        while let Some(&index) = self.talking.front() {
            if let Some(entry) = self.sessions.get_mut(index as usize) {
                let handle = entry.session.handle;
                if let Some(event) = entry.session.poll_event() {
                    return Some((handle, event));
                }
                entry.talking = false;
                if entry.session.is_gone() {
                    self.forget(index);
                }
            }
            self.talking.pop_front();
        }
        None
    }

    fn forget(&mut self, index: u32) {
        let Some(entry) = self.sessions.try_remove(index as usize) else { return };
        self.by_id.remove(&entry.session.local_id());
        if let Some(client) = entry.client {
            self.by_client.remove(&client);
        }
        if let Some(at) = entry.deadline {
            self.deadlines.remove(&(at, index));
        }
        self.ready.retain(|&i| i != index);
        self.budget += u64::from(entry.window);
    }

    /// The kernel refused to send `size` bytes to `to` as too many for the path.
    pub fn refused_size(&mut self, now: Time, to: SocketAddr, size: usize) {
        let those = self.sessions.iter_mut().filter(|(_, e)| e.session.remote_address() == to);
        let touched: Vec<u32> = those
            .map(|(index, entry)| {
                entry.session.refused_size(now, size);
                index as u32
            })
            .collect();
        touched.into_iter().for_each(|index| self.touch(index));
    }
}
