//! A descriptor that tasks can wait on, whatever it stands for.
//!
//! Reads and writes are non-blocking system calls behind epoll readiness; regular files, which epoll
//! does not know, are always ready. A call interrupted by a signal is repeated, so EINTR never comes up.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    task::{Context, Poll, ready},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, Mode, OFlags},
    io::Errno,
    net::{RecvFlags, SendFlags},
};
use sockeye_proto::address::{OptionName, Options};
use tokio::io::{Interest, unix::AsyncFd};

use crate::socket::readiness::register;

/// What a descriptor is, as far as moving bytes is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nature {
    /// A stream socket: a short read means that it is empty for now.
    Stream,
    /// A socket of messages: datagrams or sequenced packets.
    Packets,
    /// A pipe or FIFO.
    Pipe,
    /// A regular file or block device: never waits.
    File,
    /// A terminal or another character device.
    Device,
}

/// Whether a read filled its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    /// There may be more.
    Wholly,
    /// There was no more at that moment.
    Partly,
}

impl Filled {
    pub(crate) fn of(length: usize, room: usize) -> Self {
        if length > 0 && length < room { Self::Partly } else { Self::Wholly }
    }
}

/// What comes after what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Who knows.
    Something,
    /// The end of the data, which has arrived.
    End,
}

/// An open descriptor with its readiness. Closed when dropped.
#[derive(Debug)]
pub struct Handle {
    fd: Polled,
    nature: Nature,
    /// Set where the descriptor's flags are not ours to change: `splice` would block on it.
    borrowed_flags: bool,
    /// Set for a TCP connection within this machine of which nobody has said how it avoids congestion.
    paced: AtomicBool,
}

#[derive(Debug)]
enum Polled {
    Epoll(AsyncFd<OwnedFd>),
    Always(OwnedFd),
}

impl Handle {
    /// Takes over a descriptor that this process opened, and makes it non-blocking.
    ///
    /// # Errors
    /// When the descriptor is not open, or epoll has no room for it. Must be called inside a tokio runtime.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        let nature = nature(fd.as_fd())?;
        if nature != Nature::File {
            rustix::io::ioctl_fionbio(&fd, true)?;
        }
        Self::register(fd, nature, false)
    }

    /// Takes over a socket that was made non-blocking, of a nature that is known: costs no system call more than
    /// epoll's.
    ///
    /// # Errors
    /// As [`Handle::new`].
    pub(crate) fn socket(fd: OwnedFd, nature: Nature) -> io::Result<Self> {
        Self::register(fd, nature, false)
    }

    /// Takes over a descriptor that other processes may share (standard input, `FD:3`). Its flags stay as they
    /// are: `O_NONBLOCK` belongs to the open file description, and a shell would stumble over it afterwards.
    /// Pipes and terminals are opened anew through /proc, sockets are used with `MSG_DONTWAIT`.
    ///
    /// # Errors
    /// As [`Handle::new`].
    pub fn inherited(fd: OwnedFd) -> io::Result<Self> {
        let nature = nature(fd.as_fd())?;
        match nature {
            Nature::File => Self::register(fd, nature, false),
            Nature::Stream | Nature::Packets => Self::register(fd, nature, true),
            Nature::Pipe | Nature::Device => match reopen(fd.as_fd()) {
                Ok(own) => Self::register(own, nature, false),
                Err(_) => Self::register(fd, nature, true),
            },
        }
    }

    fn register(fd: OwnedFd, nature: Nature, borrowed_flags: bool) -> io::Result<Self> {
        let fd = match nature {
            Nature::File => Polled::Always(fd),
            // Character devices such as /dev/null and /dev/zero cannot be polled, and never wait.
            Nature::Device => match register(fd) {
                Ok(fd) => Polled::Epoll(fd),
                Err((fd, _)) => Polled::Always(fd),
            },
            _ => Polled::Epoll(register(fd).map_err(|(_, e)| e)?),
        };
        Ok(Self { fd, nature, borrowed_flags, paced: AtomicBool::new(false) })
    }

    /// A TCP connection between these two: see [`Handle::carries_bulk`]. `None` is a name that says nothing.
    pub(crate) fn between(self, local: Option<SocketAddr>, peer: SocketAddr, options: &Options) -> Self {
        let here = peer.ip().is_loopback() || local.is_some_and(|local| local.ip() == peer.ip());
        self.paced.store(here && !options.has(OptionName::Congestion), Relaxed);
        self
    }

    /// To be called when there is much to write. Within a machine no link is congested, and where the system's
    /// choice is BBR, whose timers pace every segment, they take half of the throughput: Reno does without.
    pub(crate) fn carries_bulk(&self) {
        if self.paced.load(Relaxed) {
            self.paced.store(false, Relaxed);
            // Slower where it is refused.
            let _ = rustix::net::sockopt::set_tcp_congestion(self, "reno");
        }
    }

    /// The descriptor, unknown to epoll again.
    pub(crate) fn into_fd(self) -> OwnedFd {
        match self.fd {
            Polled::Epoll(fd) => fd.into_inner(),
            Polled::Always(fd) => fd,
        }
    }

    /// What the descriptor is.
    pub fn nature(&self) -> Nature {
        self.nature
    }

    /// Whether `splice` and `sendfile` on this descriptor return instead of blocking.
    pub(crate) fn splices(&self) -> bool {
        !self.borrowed_flags && matches!(self.nature, Nature::Stream | Nature::Pipe | Nature::File)
    }

    /// Reads what is there, waiting until something is. 0 is the end of the data. One task at a time may wait.
    ///
    /// # Errors
    /// What read(2) or recv(2) reports, EAGAIN and EINTR excepted.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, buffer)).await
    }

    /// [`Handle::read`] for those who poll.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let room = buffer.len();
        self.poll_read_with(cx, || self.try_read(buffer).map(|n| (n, Filled::of(n, room)))).map_ok(|(n, _)| n)
    }

    /// Calls `read` whenever something may be there, until it gives something: a value, and whether its room
    /// was filled. Room that is taken inside costs nothing while it waits.
    pub(crate) fn poll_read_with<R>(
        &self,
        cx: &mut Context<'_>,
        mut read: impl FnMut() -> io::Result<(R, Filled)>,
    ) -> Poll<io::Result<(R, After)>> {
        let Polled::Epoll(fd) = &self.fd else {
            return Poll::Ready(read().map(|(value, _)| (value, After::Something)));
        };
        loop {
            let mut ready = ready!(fd.poll_read_ready(cx))?;
            match read() {
                Ok((value, filled)) => {
                    // A short read from a stream socket drained it: saves the call that would say EAGAIN.
                    let mut after = After::Something;
                    if self.nature == Nature::Stream && filled == Filled::Partly {
                        if ready.ready().is_read_closed() {
                            after = After::End;
                        }
                        ready.clear_ready();
                    }
                    return Poll::Ready(Ok((value, after)));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }

    /// Writes some of `bytes`, waiting until there is room for at least one. One task at a time may wait.
    ///
    /// # Errors
    /// What write(2) or send(2) reports, EAGAIN and EINTR excepted.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_write(cx, bytes)).await
    }

    /// [`Handle::write`] for those who poll.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, || self.try_write(bytes))
    }

    /// Calls `write` whenever there may be room, until it gives something.
    pub(crate) fn poll_write_with<R>(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let Polled::Epoll(fd) = &self.fd else { return Poll::Ready(write()) };
        loop {
            let mut ready = ready!(fd.poll_write_ready(cx))?;
            match write() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                result => return Poll::Ready(result),
            }
        }
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// As [`Handle::write`]; how much was written before is lost.
    pub async fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut sent = 0;
        poll_fn(|cx| self.poll_write_all(cx, bytes, After::Something, &mut sent)).await
    }

    /// [`Handle::write_all`] for those who poll; `sent` is how much went before. Where the end comes after it, and
    /// is passed on at once, both go in one segment.
    pub(crate) fn poll_write_all(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        after: After,
        sent: &mut usize,
    ) -> Poll<io::Result<()>> {
        while *sent < bytes.len() {
            match ready!(self.poll_write_with(cx, || self.try_write_before(&bytes[*sent..], after)))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => *sent += n,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Calls `attempt` whenever the descriptor may be ready, until it returns something other than EAGAIN. Any
    /// number of tasks may wait.
    pub(crate) async fn wait<R>(
        &self,
        interest: Interest,
        mut attempt: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        let Polled::Epoll(fd) = &self.fd else { return attempt() };
        loop {
            let mut ready = fd.ready(interest).await?;
            match attempt() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                result => return result,
            }
        }
    }

    /// Calls `attempt` once if the descriptor may be ready, and says EAGAIN otherwise. When `attempt` does, the
    /// next wait waits for what comes after.
    pub(crate) fn try_now<R>(
        &self,
        interest: Interest,
        mut attempt: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        match &self.fd {
            Polled::Epoll(fd) => fd.try_io(interest, |_| attempt()),
            Polled::Always(_) => attempt(),
        }
    }

    /// Whether poll(2) finds any of `events` at this moment; EAGAIN where not.
    pub(crate) fn polls(&self, events: PollFlags) -> io::Result<()> {
        let mut fds = [PollFd::from_borrowed_fd(self.as_fd(), events)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        match uninterrupted(|| poll(&mut fds, Some(&now)))? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    }

    /// Whether something waits to be read on a socket.
    pub(crate) fn has_data(&self) -> bool {
        self.nature == Nature::Stream && rustix::io::ioctl_fionread(self).is_ok_and(|bytes| bytes > 0)
    }

    /// Ready once the descriptor is readable, as far as epoll knows; a read may still find nothing.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.fd {
            Polled::Epoll(fd) => fd.poll_read_ready(cx).map_ok(drop),
            Polled::Always(_) => Poll::Ready(Ok(())),
        }
    }

    /// Waits until nobody can read any more what is written here: the reader of a pipe has left, or the peer
    /// has reset the connection. Never returns for files.
    pub(crate) async fn until_broken(&self) {
        let Polled::Epoll(fd) = &self.fd else { return std::future::pending().await };
        if self.nature == Nature::Packets {
            return std::future::pending().await;
        }
        loop {
            match fd.ready(Interest::ERROR).await {
                Ok(mut ready) if self.is_broken() => {
                    ready.retain_ready();
                    return;
                }
                Ok(mut ready) => ready.clear_ready(),
                Err(_) => return,
            }
        }
    }

    fn is_broken(&self) -> bool {
        // With no event asked for, poll(2) reports errors and hang-ups only; a hang-up alone is an end.
        let mut fds = [PollFd::from_borrowed_fd(self.as_fd(), PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(poll(&mut fds, Some(&now)), Ok(1..)) && fds[0].revents().contains(PollFlags::ERR)
    }

    /// One non-blocking read.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| match self.nature {
            Nature::Stream | Nature::Packets => {
                rustix::net::recv(self, &mut *buffer, RecvFlags::DONTWAIT).map(|(n, _)| n)
            }
            _ => rustix::io::read(self, &mut *buffer),
        })
        .or_else(|e| match e.raw_os_error() {
            // The other side of a terminal has hung up: that is its way to say that there is no more.
            Some(libc::EIO) if self.nature == Nature::Device => Ok(0),
            _ => Err(e),
        })
    }

    /// One non-blocking write.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write_before(bytes, After::Something)
    }

    fn try_write_before(&self, bytes: &[u8], after: After) -> io::Result<usize> {
        let mut flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        if self.nature == Nature::Stream && after == After::End {
            flags |= SendFlags::MORE;
        }
        uninterrupted(|| match self.nature {
            Nature::Stream | Nature::Packets => rustix::net::send(self, bytes, flags),
            _ => rustix::io::write(self, bytes),
        })
    }

    /// Tells the peer that nothing more comes, where the descriptor has a way to say so while it stays open.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        match self.nature {
            Nature::Stream | Nature::Packets => {
                match rustix::net::shutdown(self, rustix::net::Shutdown::Write) {
                    // The peer has gone already, and knows.
                    Err(Errno::NOTCONN) => Ok(()),
                    result => Ok(result?),
                }
            }
            _ => Ok(()),
        }
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.fd {
            Polled::Epoll(fd) => fd.get_ref().as_fd(),
            Polled::Always(fd) => fd.as_fd(),
        }
    }
}

/// Repeats a call for as long as a signal interrupts it.
pub(crate) fn uninterrupted<R>(mut call: impl FnMut() -> rustix::io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
}

fn nature(fd: BorrowedFd<'_>) -> io::Result<Nature> {
    let stat = rustix::fs::fstat(fd)?;
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Socket => match rustix::net::sockopt::socket_type(fd)? {
            rustix::net::SocketType::STREAM => Nature::Stream,
            _ => Nature::Packets,
        },
        FileType::Fifo => Nature::Pipe,
        FileType::CharacterDevice => Nature::Device,
        _ => Nature::File,
    })
}

fn reopen(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    use std::os::fd::AsRawFd;
    let access = rustix::fs::fcntl_getfl(fd)? & OFlags::RWMODE;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    Ok(rustix::fs::open(path, access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?)
}
