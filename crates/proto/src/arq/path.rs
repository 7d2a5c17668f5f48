//! The peer's address, and its proof when it changes (RFC 9000 section 8.2).

use std::net::SocketAddr;

/// Probes of a new path before it is given up.
const ATTEMPTS: u8 = 4;

/// An address from which packets of the connection came, and which is not proved yet.
#[derive(Debug)]
struct Candidate {
    address: SocketAddr,
    challenge: [u8; 8],
    attempts: u8,
    due: bool,
}

/// Where the peer is.
#[derive(Debug)]
pub(crate) struct Path {
    remote: SocketAddr,
    candidate: Option<Box<Candidate>>,
    response: Option<Box<(SocketAddr, [u8; 8])>>,
}

impl Path {
    pub(crate) fn new(remote: SocketAddr) -> Self {
        Self { remote, candidate: None, response: None }
    }

    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// The newest packet came from another address: gives whether it is to be probed.
    pub(crate) fn seen(&mut self, from: SocketAddr, challenge: impl FnOnce() -> [u8; 8]) -> bool {
        if self.candidate.as_ref().is_some_and(|c| c.address == from) {
            return false;
        }
        let candidate = Candidate { address: from, challenge: challenge(), attempts: 0, due: true };
        self.candidate = Some(Box::new(candidate));
        true
    }

    /// A challenge came from there and must be answered there.
    pub(crate) fn challenged(&mut self, from: SocketAddr, bytes: [u8; 8]) {
        self.response = Some(Box::new((from, bytes)));
    }

    pub(crate) fn take_response(&mut self) -> Option<(SocketAddr, [u8; 8])> {
        self.response.take().map(|r| *r)
    }

    /// The challenge that must go now.
    pub(crate) fn take_challenge(&mut self) -> Option<(SocketAddr, [u8; 8])> {
        let candidate = self.candidate.as_mut().filter(|c| c.due)?;
        candidate.due = false;
        candidate.attempts += 1;
        Some((candidate.address, candidate.challenge))
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
        Some(std::mem::replace(&mut self.remote, candidate.address))
    }
}
