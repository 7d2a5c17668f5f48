//! The netlink socket that sock_diag answers on.

use std::{io, os::fd::OwnedFd};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
        netlink::{self, SocketAddrNetlink},
    },
};
use sockeye_proto::diag::{
    Malformed, Progress, Reply,
    request::{self, Dump, Protocol, Want},
    wire::Message,
};

use super::States;
use crate::{Error, Result, error::Reason};

/// The kernel fills at most 32 KiB of a dump at once.
const BUFFER: usize = 64 << 10;

/// A connection to the kernel's sock_diag.
#[derive(Debug)]
pub(super) struct Diag {
    fd: OwnedFd,
    buffer: Vec<u8>,
    request: Vec<u8>,
    sequence: u32,
}

/// How a dump ended that was not whole.
#[derive(Debug)]
pub(super) enum Broken {
    /// The table changed, or rows were lost: ask again.
    Interrupted,
    /// The kernel does not answer this: no such table, no bytecode, no privilege.
    Refused(Errno),
    /// Something else, which whoever takes the rows may have found.
    Failed(Error),
}

impl From<Malformed> for Broken {
    fn from(error: Malformed) -> Self {
        Self::Failed(malformed(error))
    }
}

pub(super) fn malformed(error: Malformed) -> Error {
    Error::new("read", "the kernel's list of sockets", Reason::Protocol(error.to_string()))
}

fn failed(errno: Errno) -> Error {
    Error::new("ask", "the kernel for its sockets", errno)
}

impl Diag {
    pub(super) fn open() -> io::Result<Self> {
        Self::open_with(&[])
    }

    fn open_with(groups: &[u32]) -> io::Result<Self> {
        let fd = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(netlink::SOCK_DIAG),
        )?;
        let mask = groups.iter().fold(0, |mask, group| mask | 1 << (group - 1));
        rustix::net::bind(&fd, &SocketAddrNetlink::new(0, mask))?;
        Ok(Self { fd, buffer: vec![0; BUFFER], request: Vec::new(), sequence: 0 })
    }

    /// Asks for a dump and gives each message to `each`.
    pub(super) fn dump(
        &mut self,
        dump: &Dump,
        states: States,
        want: Want,
        mut each: impl FnMut(Message<'_>) -> Result<()>,
    ) -> Result<(), Broken> {
        self.sequence = self.sequence.wrapping_add(1);
        self.request.clear();
        dump.emit(states, want, self.sequence, &mut self.request);
        self.send()?;
        let mut reply = Reply::to(self.sequence);
        loop {
            let received = self.receive()?;
            let held = received.min(self.buffer.len());
            let progress = reply.feed(&self.buffer[..held], received, |m| each(m).map_err(Broken::Failed))?;
            match progress {
                Progress::More => {}
                Progress::Done => return Ok(()),
                Progress::Interrupted => return Err(Broken::Interrupted),
                Progress::Refused(errno) => return Err(Broken::Refused(Errno::from_raw_os_error(errno))),
            }
        }
    }

    fn send(&self) -> Result<(), Broken> {
        let to_kernel = SocketAddrNetlink::new(0, 0);
        rustix::net::sendto(&self.fd, &self.request, SendFlags::empty(), &to_kernel)
            .map(drop)
            .map_err(|e| Broken::Failed(failed(e)))
    }

    /// Receives a datagram into the buffer; its whole length.
    fn receive(&mut self) -> Result<usize, Broken> {
        loop {
            match rustix::net::recv(&self.fd, self.buffer.as_mut_slice(), RecvFlags::TRUNC) {
                Ok((_, received)) => return Ok(received),
                Err(Errno::INTR) => {}
                // The socket's buffer overflowed: rows are lost.
                Err(Errno::NOBUFS) => return Err(Broken::Interrupted),
                Err(e) => return Err(Broken::Failed(failed(e))),
            }
        }
    }

    /// Asks for one inet socket by its identity; its payload goes to `each`. Nothing where it is gone.
    pub(super) fn one(
        &mut self,
        protocol: Protocol,
        family: u8,
        identity: &[u8; 48],
        want: Want,
        mut each: impl FnMut(&[u8]),
    ) -> Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        self.request.clear();
        request::one(family, protocol, identity, want, self.sequence, &mut self.request);
        let answer = self.send().and_then(|()| self.receive());
        let received = match answer {
            Ok(received) => received.min(self.buffer.len()),
            Err(Broken::Failed(error)) => return Err(error),
            Err(_) => return Ok(()),
        };
        let mut reply = Reply::to(self.sequence);
        let fed = reply.feed::<Malformed>(&self.buffer[..received], received, |message| {
            each(message.payload);
            Ok(())
        });
        fed.map(drop).map_err(malformed)
    }

    /// Aborts one inet socket. `false`: it is gone already, or cannot be aborted.
    pub(super) fn destroy(
        &mut self,
        protocol: Protocol,
        raw_protocol: Option<u8>,
        family: u8,
        identity: &[u8; 48],
    ) -> Result<bool> {
        self.sequence = self.sequence.wrapping_add(1);
        self.request.clear();
        request::destroy(family, protocol, raw_protocol, identity, self.sequence, &mut self.request);
        let fail = |reason: Reason| {
            Err(Error::new("close", "a socket of another process", reason)
                .hint("it takes root or CAP_NET_ADMIN, and a kernel with CONFIG_INET_DIAG_DESTROY"))
        };
        match self.acknowledged() {
            Ok(()) => Ok(true),
            Err(Broken::Refused(Errno::OPNOTSUPP | Errno::NOENT)) => Ok(false),
            Err(Broken::Refused(errno)) => fail(errno.into()),
            Err(Broken::Interrupted) => fail(Errno::NOBUFS.into()),
            Err(Broken::Failed(error)) => Err(error),
        }
    }

    fn acknowledged(&mut self) -> Result<(), Broken> {
        self.send()?;
        let mut reply = Reply::to(self.sequence);
        loop {
            let received = self.receive()?.min(self.buffer.len());
            match reply.feed::<Broken>(&self.buffer[..received], received, |_| Ok(()))? {
                Progress::More => {}
                Progress::Done => return Ok(()),
                Progress::Interrupted => return Err(Broken::Interrupted),
                Progress::Refused(errno) => return Err(Broken::Refused(Errno::from_raw_os_error(errno))),
            }
        }
    }
}

/// The kernel's notifications of TCP and UDP sockets that end. Needs CAP_NET_ADMIN.
#[derive(Debug)]
pub struct Destroyed(Diag);

impl Destroyed {
    /// Listens for the sockets of these groups: `SKNLGRP_INET_TCP_DESTROY` (1), `…_UDP_…` (2),
    /// `SKNLGRP_INET6_TCP_DESTROY` (3), `…_UDP_…` (4).
    pub fn listen(groups: &[u32]) -> Result<Self> {
        Diag::open_with(groups).map(Self).map_err(|e| {
            Error::new("listen to", "the kernel's notifications of sockets that end", e)
                .hint("it takes root or CAP_NET_ADMIN")
        })
    }

    /// Waits for the next notifications and gives each to `each` as protocol and payload.
    pub fn wait(&mut self, mut each: impl FnMut(u16, &[u8]) -> Result<()>) -> Result<()> {
        let received = match self.0.receive() {
            Ok(received) => received.min(self.0.buffer.len()),
            // Some were lost; those that follow are as good as ever.
            Err(Broken::Interrupted) => return Ok(()),
            Err(Broken::Refused(e)) => return Err(failed(e)),
            Err(Broken::Failed(e)) => return Err(e),
        };
        let mut reply = Reply::recorded();
        let fed = reply.feed(&self.0.buffer[..received], received, |message| {
            each(protocol_of(message.payload), message.payload).map_err(Broken::Failed)
        });
        match fed {
            Err(Broken::Failed(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// Gives the notifications that have come, and does not wait.
    pub fn drain(&mut self, mut each: impl FnMut(u16, &[u8]) -> Result<()>) -> Result<()> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        while matches!(poll(&mut [PollFd::new(&self.0.fd, PollFlags::IN)], Some(&now)), Ok(1..)) {
            self.wait(&mut each)?;
        }
        Ok(())
    }

    /// The descriptor, to poll for notifications.
    pub fn fd(&self) -> &OwnedFd {
        &self.0.fd
    }
}

/// Notifications carry tcp_info where they are about TCP, and the protocol in an attribute.
fn protocol_of(payload: &[u8]) -> u16 {
    use sockeye_proto::diag::wire::attributes;
    let of = attributes(payload.get(72..).unwrap_or_default());
    of.filter(|(kind, _)| *kind == 10).find_map(|(_, v)| v.first().map(|p| u16::from(*p))).unwrap_or(0)
}

/// Moves this process into a network namespace: a name as `ip netns` knows it, or a path.
pub fn enter_namespace(name: &str) -> Result<()> {
    let path = if name.contains('/') { name.to_owned() } else { format!("/var/run/netns/{name}") };
    let fail = |e: Errno| Error::new("enter", format_args!("the network namespace {name}"), e);
    let file =
        rustix::fs::open(&path, rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty()).map_err(fail)?;
    rustix::thread::move_into_link_name_space(
        std::os::fd::AsFd::as_fd(&file),
        Some(rustix::thread::LinkNameSpaceType::Network),
    )
    .map_err(fail)
}
