//! The client's handshake.

use super::{Event, Session, State};
use crate::{
    arq::{
        codec::Reader,
        config::{Integrity, Params},
        error::{Ended, Refusal},
        handshake::{Accept, Handshake, Init},
        noise::Initiator,
        seal::{Aead, Seal},
        timers::Timer,
        types::ConnectionId,
    },
    time::Time,
};
use std::time::Duration;

/// The first packet is repeated after this time, then after twice as much, and so on.
const FIRST_REPEAT: Duration = Duration::from_millis(250);
const MAX_REPEAT: Duration = Duration::from_secs(1);
/// Cookies that are accepted from a server that keeps asking.
const MAX_COOKIES: u8 = 16;

/// What the client keeps until it is answered.
#[derive(Debug)]
pub(crate) struct Connecting {
    /// The parameters, encoded.
    pub(crate) params: Vec<u8>,
    /// The key exchange and its first message.
    pub(crate) exchange: Option<(Initiator, Vec<u8>)>,
    cookie: Vec<u8>,
    cookies: u8,
    due: bool,
    repeat: Duration,
    deadline: Time,
}

impl Connecting {
    pub(crate) fn new(params: Vec<u8>, exchange: Option<(Initiator, Vec<u8>)>) -> Self {
        Self {
            params,
            exchange,
            cookie: Vec::new(),
            cookies: 0,
            due: true,
            repeat: FIRST_REPEAT,
            deadline: Time::NEVER,
        }
    }
}

impl Session {
    pub(super) fn begin_handshake(&mut self, now: Time, timeout: Duration) {
        if let State::Connecting(c) = &mut self.state {
            c.deadline = now + timeout;
            self.timers.set(Timer::Handshake, (now + c.repeat).min(c.deadline));
        }
    }

    pub(super) fn handshake_timeout(&mut self, now: Time) {
        let State::Connecting(c) = &mut self.state else { return };
        if now >= c.deadline {
            self.gone();
            self.events.push_back(Event::Ended(Ended::NoAnswer(self.config.handshake_timeout)));
            return;
        }
        c.due = true;
        c.repeat = (c.repeat * 2).min(MAX_REPEAT);
        let next = (now + c.repeat).min(c.deadline);
        self.timers.set(Timer::Handshake, next);
    }

    /// Writes the first packet, if it is due.
    pub(super) fn put_init(&mut self, out: &mut Vec<u8>) -> bool {
        let State::Connecting(c) = &mut self.state else { return false };
        if !std::mem::take(&mut c.due) {
            return false;
        }
        let noise = c.exchange.as_ref().map_or(&[][..], |(_, message)| message);
        let init = Init {
            client: self.local,
            integrity: self.config.integrity.code(),
            cookie: &c.cookie,
            params: &c.params,
            noise,
        };
        Handshake::Init(init).put(out);
        true
    }

    /// The server's answers.
    pub(crate) fn handle_handshake(&mut self, now: Time, packet: &Handshake<'_>) {
        let State::Connecting(c) = &mut self.state else { return };
        match packet {
            Handshake::Cookie { cookie, .. } if c.cookies < MAX_COOKIES && c.cookie != *cookie => {
                c.cookie = cookie.to_vec();
                c.cookies += 1;
                c.due = true;
                c.repeat = FIRST_REPEAT;
                let next = (now + c.repeat).min(c.deadline);
                self.timers.set(Timer::Handshake, next);
            }
            Handshake::Refuse { refusal, .. } => self.refused(*refusal),
            Handshake::Accept(accept) => self.accepted(now, accept),
            _ => {}
        }
    }

    fn refused(&mut self, refusal: Refusal) {
        self.gone();
        self.events.push_back(Event::Ended(Ended::Refused(refusal)));
    }

    fn accepted(&mut self, now: Time, accept: &Accept<'_>) {
        let State::Connecting(c) = &mut self.state else { return };
        let (seal, params) = match (&self.config.integrity, &mut c.exchange) {
            (Integrity::Off, _) => (Seal::Off, accept.params.to_vec()),
            (Integrity::Crc32c, _) => (Seal::Crc32c, accept.params.to_vec()),
            (Integrity::Aead(_), Some((exchange, _))) => {
                // What does not prove the key was not sent by the server: go on waiting.
                let Some((keys, params)) = exchange.finish(accept.noise) else { return };
                (Seal::Aead(Box::new(Aead::new(keys))), params)
            }
            (Integrity::Aead(_), None) => return,
        };
        match Params::read(&mut Reader::new(&params)) {
            Ok(peer) => self.open(now, accept.server, seal, peer),
            Err(refusal) => self.refused(refusal),
        }
    }

    fn open(&mut self, now: Time, server: ConnectionId, seal: Seal, peer: Params) {
        self.state = State::Open;
        self.timers.stop(Timer::Handshake);
        self.remote = server;
        self.seal = seal;
        self.adopt(now, peer);
        // A first packet tells the server that its answer arrived.
        self.ping_due = true;
        self.events.push_back(Event::Connected);
    }
}
