//! Probes that are UDP datagrams: any datagram back is an answer, an echo of ours the exact one.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd},
};

use socket2::{Domain, Protocol, Socket, Type};
use sockeye_proto::{
    icmp::{Family, Report, Session},
    wire::u64_at,
};

use super::{Event, Options, icmp::secret};
use crate::{
    Error, Result,
    socket::{batch::Slots, echo_options},
};

/// A socket connected to the host's port.
#[derive(Debug)]
pub(super) struct Datagrams {
    socket: Socket,
    to: SocketAddr,
    family: Family,
    secret: u64,
    payload: Vec<u8>,
    slots: Slots,
    last: u64,
}

/// Where the payload carries the secret and the number.
const MARK: usize = 16;

impl Datagrams {
    pub(super) fn open(mut to: SocketAddr, port: u16, options: &Options) -> Result<Self> {
        to.set_port(port);
        let family = if to.is_ipv4() { Family::V4 } else { Family::V6 };
        let v6 = family == Family::V6;
        let failed = |e: std::io::Error| Error::new("open", format_args!("a datagram socket to {to}"), e);
        let socket = Socket::new(Domain::for_address(to), Type::DGRAM.nonblocking(), Some(Protocol::UDP))
            .map_err(failed)?;
        options.apply(&socket, family)?;
        echo_options::error_queue(socket.as_fd(), v6).map_err(failed)?;
        echo_options::receive_ttl(socket.as_fd(), v6).map_err(failed)?;
        let _ = echo_options::timestamps(socket.as_fd(), false);
        socket.connect(&to.into()).map_err(failed)?;
        let mut payload: Vec<u8> = (0..options.payload_size()).map(|i| i as u8).collect();
        if !options.pattern.is_empty() {
            let length = payload.len();
            payload = options.pattern.iter().copied().cycle().take(length).collect();
        }
        let slots = Slots::new(16, payload.len().max(2048));
        Ok(Self { socket, to, family, secret: secret(), payload, slots, last: 0 })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(super) fn send(
        &mut self,
        sequence: u64,
        session: &mut Session,
        events: &mut VecDeque<Event>,
    ) -> Result<()> {
        if let Some(mark) = self.payload.get_mut(..MARK) {
            mark[..8].copy_from_slice(&self.secret.to_be_bytes());
            mark[8..].copy_from_slice(&sequence.to_be_bytes());
        }
        let stamp = super::stamp();
        // An earlier refusal may be pending on the socket and is reported once; the error queue has it too.
        for _ in 0..2 {
            match self.socket.send(&self.payload) {
                Ok(_) => {
                    self.last = sequence;
                    session.sent(stamp);
                    events.push_back(Event::Sent { sequence });
                    return Ok(());
                }
                Err(e) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM)) => {
                    session.postpone(stamp.now);
                    return Ok(());
                }
                Err(e) => {
                    if !self.read_errors(session, events)? {
                        session.unsendable(stamp);
                        let errno = e.raw_os_error().unwrap_or(libc::EIO);
                        events.push_back(Event::Failed { sequence, errno, mtu: None });
                        return Ok(());
                    }
                }
            }
        }
        session.postpone(stamp.now);
        Ok(())
    }

    pub(super) fn receive(&mut self, session: &mut Session, events: &mut VecDeque<Event>) -> Result<()> {
        self.read_errors(session, events)?;
        let (secret, last) = (self.secret, self.last);
        // An error here was in the error queue and has been told.
        let Ok(_) = self.slots.receive(self.socket.as_fd(), 0) else { return Ok(()) };
        for received in self.slots.received() {
            let mut at = super::stamp();
            at.wall = received.wall.unwrap_or(at.wall);
            let ours = u64_at(received.bytes, 0) == Some(secret);
            let sequence = u64_at(received.bytes, 8).filter(|_| ours).unwrap_or(last);
            if let Some(answer) = session.answered(sequence as u16, at, true) {
                let mut event = Event::answer(&answer, self.to);
                if let Event::Reply { bytes, ttl, .. } = &mut event {
                    (*bytes, *ttl) = (received.bytes.len(), received.ttl);
                }
                events.push_back(event);
            }
        }
        Ok(())
    }

    /// Reads the error queue; gives whether there was anything about our probes.
    fn read_errors(&mut self, session: &mut Session, events: &mut VecDeque<Event>) -> Result<bool> {
        let mut any = false;
        loop {
            match self.slots.receive(self.socket.as_fd(), libc::MSG_ERRQUEUE) {
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return Ok(any),
                Err(e) => return Err(Error::new("read the errors of", self.to, e)),
                Ok(0) => return Ok(any),
                Ok(_) => {}
            }
            for received in self.slots.received() {
                let Some(error) = received.error else { continue };
                if !matches!(error.origin, libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6) {
                    continue;
                }
                any = true;
                let sequence = u64_at(received.bytes, 8).unwrap_or(self.last) as u16;
                let mut at = super::stamp();
                at.wall = received.wall.unwrap_or(at.wall);
                let report =
                    Report { family: self.family, kind: error.kind, code: error.code, info: error.info };
                let from = error.offender.unwrap_or(self.to);
                let Some((sequence, time)) = session.refused_after(sequence, at) else { continue };
                events.push_back(if report.is_port_unreachable() && from.ip() == self.to.ip() {
                    Event::Closed { sequence, from: self.to, time }
                } else {
                    Event::Refused { sequence, from, report }
                });
            }
        }
    }
}
