//! One host, again and again.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use sockeye_proto::icmp::{Answer, Family, Kind, Plan, Report, Session, Statistics, Step};

use super::{Host, Options, connect::Connects, datagram::Datagrams, icmp, readable};
use crate::{Error, Result};

/// What a probe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// An echo request.
    Icmp,
    /// The set-up of a connection to this port.
    Tcp(u16),
    /// A datagram to this port, which is answered by any datagram back.
    Udp(u16),
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A probe went out.
    Sent {
        /// Its number, from 1.
        sequence: u64,
    },
    /// The next probe goes out and this one is still without an answer.
    Unanswered {
        /// Its number.
        sequence: u64,
    },
    /// A probe was answered.
    Reply {
        /// The probe's number.
        sequence: u64,
        /// Who answered.
        from: SocketAddr,
        /// Bytes of the answer, the ICMP header included.
        bytes: usize,
        /// The identifier of the echo.
        id: u16,
        /// The remaining time to live of the answer.
        ttl: Option<u8>,
        /// From sending to arrival.
        time: Duration,
        /// The first answer, a further one, or a broken one.
        kind: Kind,
        /// Whether the answer is shorter than what was sent.
        truncated: bool,
        /// Where the payload came back changed.
        mismatch: Option<Box<Mismatch>>,
        /// Options in the IPv4 header of the answer, as they came.
        options: Box<[u8]>,
    },
    /// A router or the host refused a probe.
    Refused {
        /// The probe's number.
        sequence: u64,
        /// Who refused.
        from: SocketAddr,
        /// Why.
        report: Report,
    },
    /// The host itself refused the connection, or the datagram: it is there, and nothing is open.
    Closed {
        /// The probe's number.
        sequence: u64,
        /// The host.
        from: SocketAddr,
        /// From sending to the refusal.
        time: Duration,
    },
    /// This machine did not send a probe, or gave it up.
    Failed {
        /// The probe's number.
        sequence: u64,
        /// The system's error number.
        errno: i32,
        /// The path MTU, where the packet was larger.
        mtu: Option<u32>,
    },
    /// The descriptor given to [`Pinger::wake_on`] became readable.
    Woken,
}

impl Event {
    /// The reply of a probe that is not an echo.
    pub(super) fn answer(answer: &Answer, from: SocketAddr) -> Self {
        Self::Reply {
            sequence: answer.sequence,
            from,
            bytes: 0,
            id: 0,
            ttl: None,
            time: answer.time,
            kind: answer.kind,
            truncated: false,
            mismatch: None,
            options: Box::default(),
        }
    }
}

/// A payload that came back changed.
#[derive(Debug, Clone)]
pub struct Mismatch {
    /// The first byte that differs, from the start of the payload.
    pub at: usize,
    /// What was sent there.
    pub sent: u8,
    /// What came back there.
    pub received: u8,
    /// The whole payload that came back.
    pub payload: Box<[u8]>,
}

/// One host, asked again and again: an iterator over what happens. It ends when the plan is done.
#[derive(Debug)]
pub struct Pinger {
    session: Session,
    link: Link,
    events: VecDeque<Event>,
    wake: Option<OwnedFd>,
    failed: bool,
}

#[derive(Debug)]
enum Link {
    Echo(Box<EchoLink>),
    Connects(Connects),
    Datagrams(Datagrams),
}

impl Pinger {
    /// Opens what the probes need. The clock of the plan starts now.
    ///
    /// # Errors
    /// Where no socket can be opened, or an option cannot be set on it.
    pub fn new(host: &Host, probe: &Probe, plan: Plan, options: &Options) -> Result<Self> {
        let link = match *probe {
            Probe::Icmp => Link::Echo(Box::new(EchoLink::open(host, options)?)),
            Probe::Tcp(port) => Link::Connects(Connects::new(host.address, port, options)),
            Probe::Udp(port) => Link::Datagrams(Datagrams::open(host.address, port, options)?),
        };
        let session = Session::new(plan, Instant::now());
        Ok(Self { session, link, events: VecDeque::new(), wake: None, failed: false })
    }

    /// Makes the pinger wake up with [`Event::Woken`] while `fd` is readable: the read end of a pipe that a
    /// signal handler writes to, say. Whoever gets the event drains it.
    pub fn wake_on(&mut self, fd: OwnedFd) {
        self.wake = Some(fd);
    }

    /// The numbers so far.
    pub fn statistics(&self) -> &Statistics {
        self.session.statistics()
    }

    /// Probes sent since the latest that was answered or refused.
    pub fn in_flight(&self) -> u64 {
        self.session.in_flight()
    }

    /// Whether enough was answered: one probe, or with a deadline as many as were asked for.
    pub fn succeeded(&self) -> bool {
        self.session.succeeded()
    }

    /// Ends the sequence: the iterator gives what is left and then `None`.
    pub fn stop(&mut self) {
        self.session.stop();
    }

    /// Whether echoes go out of a raw socket.
    pub fn is_raw(&self) -> bool {
        matches!(&self.link, Link::Echo(link) if link.socket.raw)
    }

    fn advance(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            match self.session.step(Instant::now()) {
                Step::Done => return Ok(None),
                Step::Send { sequence, unanswered } => {
                    if let Some(sequence) = unanswered {
                        self.events.push_back(Event::Unanswered { sequence });
                    }
                    let (session, events) = (&mut self.session, &mut self.events);
                    match &mut self.link {
                        Link::Echo(link) => link.send(sequence, session, events)?,
                        Link::Connects(link) => link.send(sequence, session, events),
                        Link::Datagrams(link) => link.send(sequence, session, events)?,
                    }
                }
                Step::Wait(until) => self.wait(until)?,
            }
        }
    }

    fn wait(&mut self, until: Instant) -> Result<()> {
        let failed = |e: rustix::io::Errno| Error::new("wait for", "answers", e);
        let (session, events) = (&mut self.session, &mut self.events);
        let mut fds = Vec::with_capacity(2);
        match &mut self.link {
            Link::Echo(link) => fds.push(readable(link.socket.socket.as_fd())),
            Link::Connects(link) => fds.extend(link.poll_fds()),
            Link::Datagrams(link) => fds.push(readable(link.as_fd())),
        }
        if let Some(wake) = &self.wake {
            fds.push(readable(wake.as_fd()));
        }
        super::wait(&mut fds, until).map_err(failed)?;
        let woken = self.wake.is_some() && fds.last().is_some_and(|fd| !fd.revents().is_empty());
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        match &mut self.link {
            Link::Echo(link) if ready[0] => link.receive(session, events)?,
            Link::Connects(link) => link.finish(&ready, session, events),
            Link::Datagrams(link) if ready[0] => link.receive(session, events)?,
            _ => {}
        }
        if woken {
            events.push_back(Event::Woken);
        }
        Ok(())
    }
}

impl Iterator for Pinger {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.advance().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

/// The part of the payload that tells our echoes from a stranger's with the same identifier: the moment of
/// sending and a secret.
const STAMP: usize = 16;

#[derive(Debug)]
struct EchoLink {
    socket: icmp::EchoSocket,
    /// Where to; nowhere in particular when the socket is connected.
    to: Option<SocketAddr>,
    packet: Vec<u8>,
    secret: [u8; 8],
    fast: bool,
    /// The sequence number before the first that the kernel's numbering of stamps counts.
    stamped_from: u64,
}

impl EchoLink {
    fn open(host: &Host, options: &Options) -> Result<Self> {
        let family = if host.address.is_ipv4() { Family::V4 } else { Family::V6 };
        let slots = if options.fast { 1 } else { 16 };
        let socket = icmp::EchoSocket::open(family, options, slots)?;
        // A connected socket spares each probe of a flood the routing table.
        let connect =
            options.connect || (options.fast && !options.broadcast && !host.address.ip().is_multicast());
        if connect {
            rustix::net::connect(&socket.socket, &host.address)
                .map_err(|e| Error::new("connect to", host, e))?;
        }
        let size = options.payload_size();
        let mut packet = vec![0; 8 + size];
        let from = if size >= STAMP { STAMP } else { 0 };
        for (i, byte) in packet[8..].iter_mut().enumerate().skip(from) {
            *byte = match options.pattern.as_slice() {
                [] => i as u8,
                pattern => pattern[(i - from) % pattern.len()],
            };
        }
        Ok(Self {
            socket,
            to: (!connect).then_some(host.address),
            packet,
            secret: icmp::secret().to_be_bytes(),
            fast: options.fast,
            stamped_from: 0,
        })
    }

    fn send(&mut self, sequence: u64, session: &mut Session, events: &mut VecDeque<Event>) -> Result<()> {
        let mut drained = false;
        loop {
            let stamp = super::stamp();
            if let Some(mark) = self.packet.get_mut(8..8 + STAMP) {
                mark[..8].copy_from_slice(&(stamp.wall.as_micros() as u64).to_be_bytes());
                mark[8..].copy_from_slice(&self.secret);
            }
            let Err(error) = self.socket.send(self.to, sequence as u16, &mut self.packet) else {
                session.sent(stamp);
                events.push_back(Event::Sent { sequence });
                break;
            };
            match error.raw_os_error().unwrap_or(0) {
                libc::EINTR => continue,
                libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM => {
                    session.postpone(stamp.now);
                    self.restart_stamps(sequence - 1);
                    break;
                }
                errno => {
                    // The error may be a router's about an earlier probe: then this one was not tried.
                    let mtu = self.read_errors(session, events)?;
                    if mtu.is_none() && !std::mem::replace(&mut drained, true) {
                        continue;
                    }
                    match mtu {
                        Some(_) => session.unsendable(stamp),
                        None => session.sent(stamp),
                    }
                    self.restart_stamps(sequence);
                    events.push_back(Event::Failed { sequence, errno, mtu });
                    break;
                }
            }
        }
        if self.fast { self.receive(session, events) } else { Ok(()) }
    }

    /// The kernel numbers the probes that leave; one that could not leave may or may not have a number.
    fn restart_stamps(&mut self, last: u64) {
        if !self.fast {
            self.socket.restart_stamps();
            self.stamped_from = last;
        }
    }

    fn receive(&mut self, session: &mut Session, events: &mut VecDeque<Event>) -> Result<()> {
        if !self.fast {
            // Stamps of leaving first: the answers' times are counted from them.
            self.read_errors(session, events)?;
        }
        let (secret, sent) = (&self.secret, &self.packet[8..]);
        let id = self.socket.id;
        let result = self.socket.replies(|reply| {
            let mut at = super::stamp();
            at.wall = reply.wall.unwrap_or(at.wall);
            let whole = sent.len() >= STAMP;
            if whole && reply.payload.get(8..STAMP).is_some_and(|s| s != secret) {
                return;
            }
            let Some(answer) = session.answered(reply.sequence, at, reply.intact) else { return };
            let skip = if whole { STAMP } else { 0 };
            let pattern = (sent.get(skip..), reply.payload.get(skip..));
            let mismatch = match pattern {
                (Some(sent), Some(got)) => sockeye_proto::icmp::pattern_mismatch(sent, got),
                _ => None,
            };
            events.push_back(Event::Reply {
                sequence: answer.sequence,
                from: reply.from,
                bytes: reply.payload.len() + 8,
                id,
                ttl: reply.ttl,
                time: answer.time,
                kind: answer.kind,
                truncated: reply.payload.len() < sent.len(),
                mismatch: mismatch.map(|(at, sent, received)| {
                    Box::new(Mismatch { at: at + skip, sent, received, payload: reply.payload.into() })
                }),
                options: reply.options.into(),
            });
        });
        match result {
            Ok(_) => Ok(()),
            // A report about one of our probes, or about a stranger's.
            Err(_) => self.read_errors(session, events).map(|_| ()),
        }
    }

    /// Reads the error queue to its end. Gives the MTU where this machine found a packet too large.
    fn read_errors(&mut self, session: &mut Session, events: &mut VecDeque<Event>) -> Result<Option<u32>> {
        let mut too_large = None;
        let stamped_from = self.stamped_from;
        loop {
            let count = self.socket.errors(|queued| match queued {
                icmp::Queued::Left { nth, wall } => {
                    session.transmitted(stamped_from + u64::from(nth) + 1, wall)
                }
                icmp::Queued::Refused { from, sequence, report, .. } => {
                    if let Some(sequence) = session.refused(sequence) {
                        events.push_back(Event::Refused { sequence, from, report });
                    }
                }
                icmp::Queued::Local { errno, mtu } if errno == libc::EMSGSIZE => too_large = Some(mtu),
                icmp::Queued::Local { .. } => {}
            });
            match count {
                Ok(0) => return Ok(too_large),
                Ok(_) => {}
                Err(e) => return Err(Error::new("read", "the error queue of the echo socket", e)),
            }
        }
    }
}
