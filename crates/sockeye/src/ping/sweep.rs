//! Many hosts at once, many probes per system call.

use std::{
    net::IpAddr,
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use rustix::net::sockopt;
use sockeye_proto::icmp::{Family, HostStatistics, Kind, Probe, Report, Sweep, SweepPlan, SweepStep};

use super::{Host, Options, icmp, readable};
use crate::{
    Error, Result,
    error::Reason,
    socket::batch::{MOST, Outgoing},
};

/// What a sweep found out, as it happens.
#[derive(Debug, Clone, Copy)]
pub enum Found {
    /// A host answered.
    Reply {
        /// Its place in the list.
        host: usize,
        /// From sending to arrival.
        time: Duration,
        /// Whether it was the first answer to its probe.
        kind: Kind,
    },
    /// A router refused a probe to a host.
    Refused {
        /// The host's place in the list.
        host: usize,
        /// Who refused.
        from: IpAddr,
        /// Why.
        report: Report,
    },
    /// A moment has passed: to show how far it is.
    Tick {
        /// Probes sent.
        sent: u64,
        /// Hosts that have not answered.
        unanswered: usize,
    },
    /// The descriptor to wake up on became readable.
    Woken,
}

/// How often a tick comes, at most.
const TICK: Duration = Duration::from_millis(100);

/// Asks `hosts` as `plan` says and tells `found` what happens, until it says no. `wake` ends a wait early.
/// Gives what is known of each host, in the order given.
///
/// # Errors
/// Where no echo socket can be opened, an option cannot be set, or the payload is too small for the mark
/// that answers are recognised by (24 bytes).
pub fn sweep(
    hosts: &[Host],
    plan: SweepPlan,
    options: &Options,
    wake: Option<BorrowedFd<'_>>,
    mut found: impl FnMut(Found, &[HostStatistics]) -> bool,
) -> Result<Vec<HostStatistics>> {
    if options.payload_size() < Sweep::mark_length() {
        let reason =
            Reason::Usage(format!("many hosts need payloads of at least {} bytes", Sweep::mark_length()));
        return Err(Error::new("use a payload of", options.payload_size(), reason));
    }
    let options = Options { fast: true, ..options.clone() };
    let mut links = Vec::new();
    for family in [Family::V4, Family::V6] {
        if hosts.iter().any(|h| h.address.is_ipv4() == (family == Family::V4)) {
            links.push(Link::open(family, &options)?);
        }
    }
    let addresses = hosts.iter().map(|h| h.address.ip());
    let mut sweep = Sweep::new(plan, addresses, icmp::secret(), Instant::now());
    let mut run = Run { links, wake, tick: Instant::now() };
    while run.once(&mut sweep, &mut found)? {}
    Ok(sweep.into_hosts())
}

struct Link {
    socket: icmp::EchoSocket,
    outgoing: Outgoing,
    probes: Vec<Probe>,
}

struct Run<'a> {
    links: Vec<Link>,
    wake: Option<BorrowedFd<'a>>,
    tick: Instant,
}

impl Run<'_> {
    /// One turn: fill and send what is due, take what has come. Gives whether there is more to do.
    fn once(
        &mut self,
        sweep: &mut Sweep,
        found: &mut impl FnMut(Found, &[HostStatistics]) -> bool,
    ) -> Result<bool> {
        let now = Instant::now();
        let until = loop {
            match sweep.step(now) {
                SweepStep::Done => return Ok(false),
                SweepStep::Wait(until) => break until,
                SweepStep::Send(probe) => {
                    let v4 = probe.address.is_ipv4();
                    let link = self.links.iter_mut().find(|l| (l.socket.family == Family::V4) == v4);
                    let link = link.expect("a socket was opened for each family of the hosts");
                    if link.push(sweep, probe) {
                        break now;
                    }
                }
            }
        };
        for link in &mut self.links {
            link.flush(sweep, found)?;
        }
        if until > now {
            self.wait(until.min(now + TICK), sweep, found)?;
        }
        let mut go_on = true;
        for link in &mut self.links {
            go_on &= link.receive(sweep, found)?;
        }
        if self.tick.elapsed() >= TICK {
            self.tick = Instant::now();
            let tick = Found::Tick { sent: sweep.probes(), unanswered: sweep.unanswered() };
            go_on &= found(tick, sweep.hosts());
        }
        if !go_on {
            sweep.stop();
        }
        Ok(true)
    }

    fn wait(
        &self,
        until: Instant,
        sweep: &mut Sweep,
        found: &mut impl FnMut(Found, &[HostStatistics]) -> bool,
    ) -> Result<()> {
        let mut fds: Vec<_> = self.links.iter().map(|l| readable(l.socket.fd())).collect();
        fds.extend(self.wake.map(readable));
        super::wait(&mut fds, until).map_err(|e| Error::new("wait for", "answers", e))?;
        let woken = self.wake.is_some() && fds.last().is_some_and(|fd| !fd.revents().is_empty());
        if woken && !found(Found::Woken, sweep.hosts()) {
            sweep.stop();
        }
        Ok(())
    }
}

/// Room for the replies to several batches, which on loopback arrive before the next call.
const RECEIVE_BUFFER: usize = 1 << 20;

impl Link {
    fn open(family: Family, options: &Options) -> Result<Self> {
        let socket = icmp::EchoSocket::open(family, options, MOST)?;
        // As much as the system allows: the kernel caps it without an error.
        let _ = sockopt::set_socket_recv_buffer_size(socket.socket.as_fd(), RECEIVE_BUFFER);
        let outgoing = Outgoing::new(8 + options.payload_size());
        Ok(Self { socket, outgoing, probes: Vec::with_capacity(MOST) })
    }

    /// Puts a probe among those to leave; gives whether there is no room for another.
    fn push(&mut self, sweep: &Sweep, probe: Probe) -> bool {
        if let Some(packet) = self.outgoing.push(probe.address) {
            sweep.mark(&probe, super::wall(), &mut packet[8..]);
            sockeye_proto::icmp::encode_request(self.socket.family, self.socket.id, probe.sequence, packet);
            self.probes.push(probe);
        }
        self.outgoing.len() == MOST
    }

    fn flush(
        &mut self,
        sweep: &mut Sweep,
        found: &mut impl FnMut(Found, &[HostStatistics]) -> bool,
    ) -> Result<()> {
        let mut at = 0;
        let mut tries = 0;
        while at < self.outgoing.len() {
            match self.outgoing.send(self.socket.fd(), at) {
                Ok(sent) => {
                    at += sent;
                    tries = 0;
                }
                Err(error) => match error.raw_os_error().unwrap_or(0) {
                    libc::EINTR => {}
                    libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM if tries < 100 => {
                        tries += 1;
                        super::wait(&mut [], Instant::now() + Duration::from_millis(1))
                            .map_err(|e| Error::new("wait for", "room to send", e))?;
                    }
                    _ => {
                        // It may be a router's report on an earlier probe: then this one is tried again.
                        if self.read_errors(sweep, found)? == 0 || tries > 2 {
                            sweep.unsendable(&self.probes[at]);
                            at += 1;
                            tries = 0;
                        } else {
                            tries += 1;
                        }
                    }
                },
            }
        }
        self.outgoing.clear();
        self.probes.clear();
        Ok(())
    }

    fn receive(
        &mut self,
        sweep: &mut Sweep,
        found: &mut impl FnMut(Found, &[HostStatistics]) -> bool,
    ) -> Result<bool> {
        let mut go_on = true;
        loop {
            let result = self.socket.replies(|reply| {
                let mut at = super::stamp();
                at.wall = reply.wall.unwrap_or(at.wall);
                if !reply.intact {
                    return;
                }
                if let Some((host, time, kind)) = sweep.answered(reply.from.ip(), reply.payload, at) {
                    go_on &= found(Found::Reply { host: host as usize, time, kind }, sweep.hosts());
                }
            });
            match result {
                Ok(MOST) => {}
                Ok(_) => return Ok(go_on),
                Err(_) => {
                    self.read_errors(sweep, found)?;
                }
            }
        }
    }

    fn read_errors(
        &mut self,
        sweep: &mut Sweep,
        found: &mut impl FnMut(Found, &[HostStatistics]) -> bool,
    ) -> Result<usize> {
        let mut total = 0;
        loop {
            let count = self.socket.errors(|queued| {
                if let icmp::Queued::Refused { to, from, sequence, report, .. } = queued
                    && let Some(host) = sweep.refused(to, sequence, report)
                {
                    found(Found::Refused { host: host as usize, from: from.ip(), report }, sweep.hosts());
                }
            });
            match count {
                Ok(0) => return Ok(total),
                Ok(count) => total += count,
                Err(e) => return Err(Error::new("read", "the error queue of the echo socket", e)),
            }
        }
    }
}
