//! The calls that move bytes: recv, send, and those that handle partial progress.

use std::{io, os::fd::AsFd};

use rustix::{
    event::PollFlags,
    net::{RecvFlags, recv},
};

use super::{
    Addr, Flags, Socket, name_of,
    wait::{Mode, Wait},
};
use crate::{Error, Result, error::Reason};

impl Socket {
    /// `recv`: what has arrived, at most `buffer`'s length; how many bytes. 0 means that the peer has closed, or
    /// on a datagram socket an empty datagram. A stream may bring less than was sent at once, or more; the rest
    /// of a datagram that does not fit is lost.
    pub fn recv(&self, buffer: &mut [u8]) -> Result<usize> {
        self.recv_with(buffer, Flags::NONE)
    }

    /// `recv` with flags.
    pub fn recv_with(&self, buffer: &mut [u8], flags: Flags) -> Result<usize> {
        self.recv_part(&self.wait_for(flags), buffer, flags)
            .map_err(|reason| self.error("receive from", reason))
    }

    /// Receives until `buffer` is full; the timeout is for all of it.
    ///
    /// A peer that closes too early is an error of kind `UnexpectedEof`.
    pub fn recv_exact(&self, buffer: &mut [u8]) -> Result<()> {
        let (wait, whole) = (self.wait(), buffer.len());
        let mut done = 0;
        while done < whole {
            let failed = |reason| self.error(format!("receive {whole} bytes ({done} arrived) from"), reason);
            match self.recv_part(&wait, &mut buffer[done..], Flags::NONE).map_err(failed)? {
                0 => {
                    let end = io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed before the rest");
                    return Err(failed(end.into()));
                }
                more => done += more,
            }
        }
        Ok(())
    }

    /// `send`: hands bytes to the kernel; how many it took, which may be fewer than given. A datagram is taken
    /// whole or not at all.
    pub fn send(&self, bytes: &[u8]) -> Result<usize> {
        self.send_with(bytes, Flags::NONE)
    }

    /// `send` with flags.
    pub fn send_with(&self, bytes: &[u8], flags: Flags) -> Result<usize> {
        self.send_part(&self.wait_for(flags), bytes, flags).map_err(|reason| self.error("send to", reason))
    }

    /// `sendall`: hands over everything; the timeout is for all of it. The error of a transfer cut short says how
    /// much was sent.
    pub fn send_all(&self, bytes: &[u8]) -> Result<()> {
        let wait = self.wait();
        let mut done = 0;
        // Once for an empty datagram too.
        loop {
            done += self.send_part(&wait, &bytes[done..], Flags::NONE).map_err(|reason| {
                self.error(format!("send {} bytes ({done} sent) to", bytes.len()), reason)
            })?;
            if done >= bytes.len() {
                return Ok(());
            }
        }
    }

    /// `sendto`: sends a datagram to an address; how many bytes.
    pub fn send_to(&self, bytes: &[u8], addr: impl Into<Addr>) -> Result<usize> {
        self.send_to_with(bytes, Flags::NONE, addr)
    }

    /// `sendto` with flags.
    pub fn send_to_with(&self, bytes: &[u8], flags: Flags, addr: impl Into<Addr>) -> Result<usize> {
        let addr = addr.into();
        let sent = addr.to_kernel().and_then(|kernel| {
            let flags = flags | Flags::NO_SIGNAL;
            let call = || self.inner.send_to_with_flags(bytes, &kernel, flags.0);
            self.wait_for(flags).run(self.as_fd(), PollFlags::OUT, call)
        });
        sent.map_err(|reason| Error::new("send to", &addr, reason))
    }

    /// `recvfrom`: the next datagram and its sender; how many bytes. On a stream, as `recv`, with the peer's
    /// address. The sender is unnamed where a Unix socket was not bound.
    pub fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, Addr)> {
        self.recv_from_with(buffer, Flags::NONE)
    }

    /// `recvfrom` with flags.
    pub fn recv_from_with(&self, buffer: &mut [u8], flags: Flags) -> Result<(usize, Addr)> {
        let received = self.recv_raw(buffer, &mut [], flags)?;
        let sender = match Addr::from_kernel(&received.sender) {
            Some(sender) => sender,
            None => self.unnamed_sender(),
        };
        Ok((received.bytes, sender))
    }

    /// Whose bytes these are where the kernel names no sender: the peer of a stream.
    fn unnamed_sender(&self) -> Addr {
        self.peer_addr().unwrap_or(Addr::Unix(super::UnixAddr::Unnamed))
    }

    pub(super) fn recv_raw(
        &self,
        buffer: &mut [u8],
        control: &mut [u8],
        flags: Flags,
    ) -> Result<super::sys::Received> {
        let wanted = flags | Flags::CMSG_CLOEXEC;
        let call = || super::sys::recvmsg(self.as_fd(), buffer, control, wanted.0);
        let received = self.wait_for(flags).run(self.as_fd(), readable(flags), call);
        received.map_err(|reason| self.error("receive from", reason))
    }

    fn recv_part(&self, wait: &Wait, buffer: &mut [u8], flags: Flags) -> Result<usize, Reason> {
        let wanted = RecvFlags::from_bits_retain(flags.0 as _);
        wait.run(self.as_fd(), readable(flags), || {
            let (_, whole) = recv(self, &mut *buffer, wanted)?;
            Ok(whole)
        })
    }

    fn send_part(&self, wait: &Wait, bytes: &[u8], flags: Flags) -> Result<usize, Reason> {
        let flags = flags | Flags::NO_SIGNAL;
        wait.run(self.as_fd(), PollFlags::OUT, || self.inner.send_with_flags(bytes, flags.0))
    }

    /// How a call with these flags waits.
    pub(super) fn wait_for(&self, flags: Flags) -> Wait {
        if flags.contains(Flags::DONT_WAIT) { Wait::new(Mode::NonBlocking) } else { self.wait() }
    }
}

/// What `poll` reports once a call with these flags can receive.
fn readable(flags: Flags) -> PollFlags {
    match flags {
        f if f.contains(Flags::ERR_QUEUE) => PollFlags::ERR,
        f if f.contains(Flags::OOB) => PollFlags::PRI,
        _ => PollFlags::IN,
    }
}

impl Socket {
    /// Waits until something can be received (or accepted), for as long as the timeout says.
    pub fn wait_readable(&self) -> Result<()> {
        self.wait()
            .ready(self.as_fd(), PollFlags::IN)
            .map_err(|reason| Error::new("wait for", name_of(self), reason))
    }

    /// Waits until something can be sent, or a connection is made, for as long as the timeout says.
    pub fn wait_writable(&self) -> Result<()> {
        self.wait()
            .ready(self.as_fd(), PollFlags::OUT)
            .map_err(|reason| Error::new("wait for", name_of(self), reason))
    }
}
