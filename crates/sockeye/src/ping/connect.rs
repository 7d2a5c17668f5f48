//! Probes that set up TCP connections.

use std::{collections::VecDeque, net::SocketAddr, os::fd::AsFd};

use rustix::event::{PollFd, PollFlags};
use socket2::{Domain, Protocol, Socket, Type};
use sockeye_proto::icmp::{Family, Session, Stamp};

use super::{Event, Options};

/// As many set-ups as wait at once; the oldest is given up for a new one.
const MOST: usize = 256;

/// Connections under way.
#[derive(Debug)]
pub(super) struct Connects {
    to: SocketAddr,
    options: Options,
    under_way: VecDeque<(u64, Socket)>,
}

impl Connects {
    pub(super) fn new(mut to: SocketAddr, port: u16, options: &Options) -> Self {
        to.set_port(port);
        Self { to, options: options.clone(), under_way: VecDeque::new() }
    }

    pub(super) fn send(&mut self, sequence: u64, session: &mut Session, events: &mut VecDeque<Event>) {
        let stamp = super::stamp();
        if self.under_way.len() == MOST {
            self.under_way.pop_front();
        }
        match self.start() {
            Ok((socket, connected)) => {
                session.sent(stamp);
                events.push_back(Event::Sent { sequence });
                if connected {
                    self.settle(sequence, 0, session, events);
                } else {
                    self.under_way.push_back((sequence, socket));
                }
            }
            Err(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM | libc::EMFILE | libc::ENFILE) => {
                session.postpone(stamp.now);
            }
            // A refusal may come before connect returns: on loopback it always does.
            Err(errno) => {
                session.sent(stamp);
                events.push_back(Event::Sent { sequence });
                self.settle(sequence, errno, session, events);
            }
        }
    }

    /// What to poll, in the order of [`Connects::finish`]'s flags.
    pub(super) fn poll_fds(&self) -> impl Iterator<Item = PollFd<'_>> {
        self.under_way.iter().map(|(_, socket)| PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::OUT))
    }

    /// Settles the connections whose flag is set.
    pub(super) fn finish(&mut self, ready: &[bool], session: &mut Session, events: &mut VecDeque<Event>) {
        let mut settled = Vec::new();
        let mut flags = ready.iter();
        self.under_way.retain(|(sequence, socket)| {
            let ready = flags.next() == Some(&true);
            if ready {
                let errno = match socket.take_error() {
                    Ok(None) => 0,
                    Ok(Some(e)) | Err(e) => e.raw_os_error().unwrap_or(libc::EIO),
                };
                settled.push((*sequence, errno));
            }
            !ready
        });
        for (sequence, errno) in settled {
            self.settle(sequence, errno, session, events);
        }
    }

    fn start(&self) -> Result<(Socket, bool), i32> {
        let family = if self.to.is_ipv4() { Family::V4 } else { Family::V6 };
        let errno = |e: std::io::Error| e.raw_os_error().unwrap_or(libc::EIO);
        let socket =
            Socket::new(Domain::for_address(self.to), Type::STREAM.nonblocking(), Some(Protocol::TCP))
                .map_err(errno)?;
        self.options.apply(&socket, family).map_err(|e| e.errno().unwrap_or(libc::EINVAL))?;
        match socket.connect(&self.to.into()) {
            Ok(()) => Ok((socket, true)),
            Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => Ok((socket, false)),
            Err(e) => Err(errno(e)),
        }
    }

    fn settle(&self, sequence: u64, errno: i32, session: &mut Session, events: &mut VecDeque<Event>) {
        let at: Stamp = super::stamp();
        match errno {
            0 => {
                if let Some(answer) = session.answered(sequence as u16, at, true) {
                    events.push_back(Event::answer(&answer, self.to));
                }
            }
            libc::ECONNREFUSED => {
                if let Some((sequence, time)) = session.refused_after(sequence as u16, at) {
                    events.push_back(Event::Closed { sequence, from: self.to, time });
                }
            }
            errno => {
                if let Some(sequence) = session.refused(sequence as u16) {
                    events.push_back(Event::Failed { sequence, errno, mtu: None });
                }
            }
        }
    }
}
