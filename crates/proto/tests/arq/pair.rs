//! Two endpoints, a path each way, and a clock that only this file turns.

use sockeye_proto::{
    arq::{Config, Ended, Endpoint, Event, Handle, Lane, Message, Session},
    faults::{Pipe, Plan},
    time::Time,
};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

/// Segments in one call at most, as a kernel's segmentation offload has it.
const SEGMENTS: usize = 10;

/// One end: its endpoint, its connection, what it got.
pub struct End {
    pub endpoint: Endpoint,
    pub handle: Option<Handle>,
    pub address: SocketAddr,
    pub events: Vec<Event>,
    pub got: BTreeMap<Lane, Vec<Message>>,
    pub ended: Option<(Time, Ended)>,
    /// Whether the application reads what arrives.
    pub reads: bool,
    pub most_held: u64,
    pub most_pieces: usize,
}

impl End {
    fn new(endpoint: Endpoint, address: &str) -> Self {
        Self {
            endpoint,
            handle: None,
            address: address.parse().expect("an address"),
            events: Vec::new(),
            got: BTreeMap::new(),
            ended: None,
            reads: true,
            most_held: 0,
            most_pieces: 0,
        }
    }

    pub fn session(&mut self) -> &mut Session {
        self.endpoint.session_mut(self.handle.expect("a connection")).expect("it is still there")
    }

    pub fn open(&self) -> bool {
        self.handle.and_then(|h| self.endpoint.session(h)).is_some_and(Session::is_open)
    }

    pub fn messages(&self, lane: Lane) -> &[Message] {
        self.got.get(&lane).map_or(&[], Vec::as_slice)
    }

    fn drain_events(&mut self, now: Time) {
        while let Some((handle, event)) = self.endpoint.poll_event() {
            self.handle.get_or_insert(handle);
            if Some(handle) != self.handle {
                continue;
            }
            if let Event::Ended(ended) = &event {
                self.ended.get_or_insert_with(|| (now, ended.clone()));
            }
            self.events.push(event);
        }
        let Some(handle) = self.handle else { return };
        let Some(session) = self.endpoint.session(handle) else { return };
        self.most_held = self.most_held.max(session.held());
        self.most_pieces = self.most_pieces.max(session.pieces());
        if self.reads && session.has_ready() {
            let session = self.endpoint.session_mut(handle).expect("it is there");
            while let Some(message) = session.recv() {
                self.got.entry(message.lane).or_default().push(message);
            }
        }
    }
}

/// The world of a test.
pub struct Pair {
    pub now: Time,
    pub client: End,
    pub server: End,
    /// From the client to the server, and back. What travels with a datagram: where it came from.
    pub up: Pipe<SocketAddr>,
    pub down: Pipe<SocketAddr>,
    /// Where the server's packets for these addresses go nowhere: the client has left them.
    pub left: Vec<SocketAddr>,
    buffer: Vec<u8>,
    /// Steps without the clock going on: a machine that spins is caught.
    still: (Time, u32),
}

impl Pair {
    pub fn new(config: Config, plan: Plan, seed: u64) -> Self {
        Self::with(config.clone(), config, plan, seed)
    }

    pub fn with(client: Config, server: Config, plan: Plan, seed: u64) -> Self {
        let secret = |n: u8| {
            let mut s = [n; 32];
            s[..8].copy_from_slice(&seed.to_le_bytes());
            s
        };
        Self {
            now: Time::after(Duration::from_secs(1)),
            client: End::new(Endpoint::new(client, secret(1), false), "192.0.2.1:1000"),
            server: End::new(Endpoint::new(server, secret(2), true), "192.0.2.2:2000"),
            up: Pipe::new(plan, seed ^ 0x1111),
            down: Pipe::new(plan, seed ^ 0x2222),
            left: Vec::new(),
            buffer: Vec::new(),
            still: (Time::ZERO, 0),
        }
    }

    pub fn set_plan(&mut self, plan: Plan) {
        self.up.set_plan(plan);
        self.down.set_plan(plan);
    }

    /// Connects, over whatever the path does.
    pub fn connect(&mut self) {
        let to = self.server.address;
        self.client.handle = self.client.endpoint.connect(self.now, to);
        let connected = self.run(Duration::from_secs(60), |p| p.client.open() && p.server.open());
        assert!(connected, "connected; client: {:?}, server: {:?}", self.client.ended, self.server.ended);
    }

    /// Everything that can happen now.
    fn settle(&mut self) {
        for (end, pipe) in [(&mut self.client, &mut self.up), (&mut self.server, &mut self.down)] {
            end.drain_events(self.now);
            loop {
                self.buffer.clear();
                let Some(sent) = end.endpoint.poll_transmit(self.now, &mut self.buffer, SEGMENTS) else {
                    break;
                };
                assert_eq!(sent.len, self.buffer.len());
                let size = sent.segment.unwrap_or(sent.len);
                for packet in self.buffer.chunks(size) {
                    if !self.left.contains(&sent.route.peer) {
                        pipe.send(self.now, end.address, packet.to_vec());
                    }
                }
            }
            end.drain_events(self.now);
        }
    }

    /// Goes on to the next thing that happens, at most to `until`; gives false where nothing does.
    pub fn step(&mut self, until: Time) -> bool {
        self.settle();
        let next = [
            self.client.endpoint.poll_timeout(),
            self.server.endpoint.poll_timeout(),
            self.up.poll_timeout(),
            self.down.poll_timeout(),
        ];
        let Some(next) = next.into_iter().flatten().min().filter(|&t| t <= until) else {
            self.now = self.now.max(until);
            return false;
        };
        self.now = self.now.max(next);
        self.still = if self.still.0 == self.now { (self.now, self.still.1 + 1) } else { (self.now, 0) };
        assert!(self.still.1 < 10_000, "it spins at {:?}: {:#?}", self.now, self.client.endpoint);
        while let Some((from, mut packet)) = self.up.poll(self.now) {
            self.server.endpoint.handle_datagram(self.now, from, false, &mut packet);
        }
        while let Some((from, mut packet)) = self.down.poll(self.now) {
            self.client.endpoint.handle_datagram(self.now, from, false, &mut packet);
        }
        self.client.endpoint.handle_timeout(self.now);
        self.server.endpoint.handle_timeout(self.now);
        self.settle();
        true
    }

    /// Runs until `done`, for `limit` at most; gives whether it was.
    pub fn run(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let until = self.now + limit;
        loop {
            self.settle();
            if done(self) {
                return true;
            }
            if !self.step(until) {
                return done(self);
            }
        }
    }

    /// Lets `time` pass.
    pub fn wait(&mut self, time: Duration) {
        self.run(time, |_| false);
    }
}
