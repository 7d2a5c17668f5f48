//! The states of one TCP connection as it lives.

use std::{net::SocketAddr, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use serde::Serialize;
use sockeye_proto::diag::{
    Endpoint, Socket, State, States,
    filter::{Expr, Host, Pattern, Predicate, Prefix, Side},
};

use super::{Destroyed, Machine, Processes, Query, Step, Table};
use crate::Result;

/// A change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// The state before; `None`: the connection was not there.
    pub from: Option<State>,
    /// The state now; `None`: it is gone (CLOSED).
    pub to: Option<State>,
}

/// Follows one connection, by its two ends. States that last less than a sampling interval may be missed:
/// sock_diag is asked, it does not tell.
#[derive(Debug)]
pub struct Follow {
    query: Query,
    machine: Machine,
    state: Option<State>,
    /// Wakes the sampling when any TCP socket ends, where that is allowed.
    destroyed: Option<Destroyed>,
}

impl Follow {
    /// Follows the connection between these two ends (a wildcard peer port 0 follows a listening socket).
    pub fn new(local: SocketAddr, peer: SocketAddr) -> Self {
        let end = |side, address: SocketAddr| {
            let ip = address.ip();
            let len = if ip.is_ipv4() { 32 } else { 128 };
            let host = Host {
                address: Pattern::Ip(vec![Prefix { address: ip, len }]),
                port: Some(address.port().into()),
            };
            Expr::Is(Predicate::Host(side, host))
        };
        let both = Expr::And(vec![end(Side::Local, local), end(Side::Peer, peer)]);
        Self {
            query: Query::of(&[Table::Tcp]).states(States::ALL).filter(both),
            machine: Machine::new(),
            state: None,
            destroyed: Destroyed::listen(&[1, 3]).ok(),
        }
    }

    /// Asks for the state now; the transition since the last call, if there is one.
    pub fn sample(&mut self) -> Result<Option<Transition>> {
        let mut now = None;
        self.query.each(&self.machine, &Processes::default(), &mut |step| {
            match step {
                Step::Socket(socket) => now = Some(socket.state),
                Step::Begin | Step::MarksHidden => {}
                Step::Again => now = None,
            }
            Ok(())
        })?;
        let from = std::mem::replace(&mut self.state, now);
        Ok((from != now).then_some(Transition { from, to: now }))
    }

    /// Waits at most `interval`, less when a socket ends, and then samples.
    pub fn next(&mut self, interval: Duration) -> Result<Option<Transition>> {
        match &mut self.destroyed {
            None => std::thread::sleep(interval),
            Some(destroyed) => {
                let mut fds = [PollFd::new(destroyed.fd(), PollFlags::IN)];
                let timeout = Timespec::try_from(interval).ok();
                let ready = match poll(&mut fds, timeout.as_ref()) {
                    Ok(ready) => ready,
                    Err(Errno::INTR) => 0,
                    Err(_) => 0,
                };
                if ready > 0 {
                    destroyed.wait(|_, _| Ok(()))?;
                }
            }
        }
        self.sample()
    }
}

/// The ends of a socket as addresses.
impl Follow {
    /// Follows this very socket.
    pub fn socket(socket: &Socket) -> Option<Self> {
        let (Endpoint::Inet(local, lport), Endpoint::Inet(peer, rport)) = (&socket.local, &socket.peer)
        else {
            return None;
        };
        Some(Self::new((*local, *lport).into(), (*peer, *rport).into()))
    }
}
