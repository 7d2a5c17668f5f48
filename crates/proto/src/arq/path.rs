//! The peer's address, and its proof when it changes (RFC 9000 section 8.2).

use super::types::Route;
use std::net::SocketAddr;

/// Probes of a new path before it is given up.
const ATTEMPTS: u8 = 4;

/// An address from which packets of the connection came, and which is not proved yet.
#[derive(Debug)]
struct Candidate {
    route: Route,
    challenge: [u8; 8],
    attempts: u8,
    due: bool,
}

/// Where the peer is.
#[derive(Debug)]
pub(crate) struct Path {
    route: Route,
    candidate: Option<Box<Candidate>>,
    response: Option<Box<(Route, [u8; 8])>>,
}

impl Path {
    pub(crate) fn new(route: Route) -> Self {
        Self { route, candidate: None, response: None }
    }

    pub(crate) fn route(&self) -> Route {
        self.route
    }

    pub(crate) fn remote(&self) -> SocketAddr {
        self.route.peer
    }

    /// The newest packet came this way: gives whether it is to be probed.
    pub(crate) fn seen(&mut self, from: Route, challenge: impl FnOnce() -> [u8; 8]) -> bool {
        if from.peer == self.route.peer {
            // The peer is proved; which of this host's addresses it speaks to, it may choose.
            self.route.local = from.local;
            return false;
        }
        if self.candidate.as_ref().is_some_and(|c| c.route.peer == from.peer) {
            return false;
        }
        let candidate = Candidate { route: from, challenge: challenge(), attempts: 0, due: true };
        self.candidate = Some(Box::new(candidate));
        true
    }

    /// A challenge came from there and must be answered there.
    pub(crate) fn challenged(&mut self, from: Route, bytes: [u8; 8]) {
        self.response = Some(Box::new((from, bytes)));
    }

    pub(crate) fn take_response(&mut self) -> Option<(Route, [u8; 8])> {
        self.response.take().map(|r| *r)
    }

    /// The challenge that must go now.
    pub(crate) fn take_challenge(&mut self) -> Option<(Route, [u8; 8])> {
        let candidate = self.candidate.as_mut().filter(|c| c.due)?;
        candidate.due = false;
        candidate.attempts += 1;
        Some((candidate.route, candidate.challenge))
    }

    pub(crate) fn has_output(&self) -> bool {
        self.response.is_some() || self.candidate.as_ref().is_some_and(|c| c.due)
    }

    /// No answer in time: try again (true), or give the candidate up.
    pub(crate) fn timed_out(&mut self) -> bool {
        match &mut self.candidate {
            Some(c) if c.attempts < ATTEMPTS => {
                c.due = true;
                true
            }
            _ => {
                self.candidate = None;
                false
            }
        }
    }

    /// A response: gives the old address where the candidate has proved itself and is now the peer's.
    pub(crate) fn proved(&mut self, bytes: [u8; 8]) -> Option<SocketAddr> {
        let candidate = self.candidate.take_if(|c| c.challenge == bytes)?;
        Some(std::mem::replace(&mut self.route, candidate.route).peer)
    }
}
