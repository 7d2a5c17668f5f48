//! Moving bytes inside the kernel: splice(2) and sendfile(2), through pipes that are borrowed for a burst.
//!
//! A burst lasts for as long as the source has something; then its pipe goes back to the thread's spares,
//! so that a connection that waits holds none. Pipes start at the kernel's size and grow when they fill.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    event::PollFlags,
    pipe::{PipeFlags, SpliceFlags},
};
use tokio::io::Interest;

use super::{Meter, copy::Stop};
use crate::{
    endpoint::{Handle, Nature, uninterrupted},
    socket::readiness::{wake_from, wakes_from},
};

/// A pipe's size under load: what an unprivileged process may ask for.
const LARGE: usize = 1 << 20;

/// After how much in one burst a pipe that was there is worth more room.
const BULK: usize = 256 * 1024;

/// How many idle pipes each thread keeps.
const SPARE: usize = 4;

/// What to do after a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The source has nothing at the moment.
    Wait,
    /// The source has ended.
    End,
    /// The kernel cannot splice these two: copy instead.
    Copy,
}

/// What a burst did.
#[derive(Debug)]
pub(super) struct Burst {
    pub(super) moved: usize,
    pub(super) then: Then,
}

/// Whether it is worth trying.
pub(super) fn possible(from: &Handle, to: &Handle) -> bool {
    from.splices() && to.splices() && (from.nature(), to.nature()) != (Nature::File, Nature::File)
}

/// Moves what the source has.
pub(super) async fn burst(from: &Handle, to: &Handle, meter: &Meter) -> Result<Burst, Stop> {
    if from.nature() == Nature::Pipe || to.nature() == Nature::Pipe {
        return direct(from, to, meter).await;
    }
    if from.nature() == Nature::File {
        return send_file(from, to, meter).await;
    }
    // Without descriptors to spare it goes on without splice.
    let Ok(mut pipe) = Pipe::take() else { return Ok(Burst { moved: 0, then: Then::Copy }) };
    let burst = through(&mut pipe, from, to, meter).await;
    if pipe.level == 0 {
        pipe.give_back();
    }
    burst
}

/// Socket → pipe → socket or file.
async fn through(pipe: &mut Pipe, from: &Handle, to: &Handle, meter: &Meter) -> Result<Burst, Stop> {
    let mut moved = 0;
    let mut muted = Muted::new(from);
    loop {
        match from.try_now(Interest::READABLE, || move_some(from, &pipe.write, pipe.size)) {
            Ok(0) => return Ok(Burst { moved, then: Then::End }),
            Ok(n) => pipe.level = n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(Burst { moved, then: Then::Wait }),
            Err(e) if is_unsupported(&e) => return Ok(Burst { moved, then: Then::Copy }),
            Err(e) => return Err(Stop::Read(e)),
        }
        let filled = pipe.level;
        if filled == pipe.size
            && let Some(muted) = &mut muted
        {
            muted.mute();
        }
        while pipe.level > 0 {
            match poll_fn(|cx| to.poll_write_with(cx, || move_some(&pipe.read, to, pipe.level))).await {
                Ok(n) => pipe.level -= n,
                Err(e) if is_unsupported(&e) => {
                    pipe.empty_by_copy(to).await.map_err(Stop::Write)?;
                    meter.add(filled, 1);
                    return Ok(Burst { moved: moved + filled, then: Then::Copy });
                }
                Err(e) => return Err(Stop::Write(e)),
            }
        }
        moved += filled;
        meter.add(filled, 1);
        if filled >= pipe.size / 2 {
            pipe.grow();
            to.carries_bulk();
        }
        tokio::task::consume_budget().await;
    }
}

/// One of the two is a pipe itself.
async fn direct(from: &Handle, to: &Handle, meter: &Meter) -> Result<Burst, Stop> {
    let (mut moved, mut grown) = (0, false);
    loop {
        match move_some(from, to, LARGE) {
            Ok(0) => return Ok(Burst { moved, then: Then::End }),
            Ok(n) => {
                moved += n;
                meter.add(n, 1);
                if moved >= BULK && !grown {
                    grown = true;
                    to.carries_bulk();
                    for pipe in [from, to].into_iter().filter(|end| end.nature() == Nature::Pipe) {
                        grow(pipe);
                    }
                }
            }
            // Which of the two has to wait, the error does not say.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                if from.try_now(Interest::READABLE, || from.polls(PollFlags::IN)).is_err() {
                    return Ok(Burst { moved, then: Then::Wait });
                }
                poll_fn(|cx| to.poll_write_with(cx, || to.polls(PollFlags::OUT)))
                    .await
                    .map_err(Stop::Write)?;
            }
            Err(e) if is_unsupported(&e) => return Ok(Burst { moved, then: Then::Copy }),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Err(Stop::Write(e)),
            // Nobody resets a pipe.
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset && from.nature() == Nature::Pipe => {
                return Err(Stop::Write(e));
            }
            Err(e) => return Err(Stop::Read(e)),
        }
        tokio::task::consume_budget().await;
    }
}

/// A file into a socket.
async fn send_file(from: &Handle, to: &Handle, meter: &Meter) -> Result<Burst, Stop> {
    let mut moved = 0;
    loop {
        let send = || uninterrupted(|| rustix::fs::sendfile(to, from, None, LARGE));
        let sent = poll_fn(|cx| to.poll_write_with(cx, send)).await;
        match sent {
            Ok(0) => return Ok(Burst { moved, then: Then::End }),
            Ok(n) => {
                moved += n;
                meter.add(n, 1);
                if moved >= BULK {
                    to.carries_bulk();
                }
            }
            Err(e) if is_unsupported(&e) => return Ok(Burst { moved, then: Then::Copy }),
            Err(e) => return Err(Stop::Write(e)),
        }
        tokio::task::consume_budget().await;
    }
}

fn move_some(from: impl AsFd, to: impl AsFd, most: usize) -> io::Result<usize> {
    let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
    uninterrupted(|| rustix::pipe::splice(&from, None, &to, None, most, flags))
}

/// Makes a pipe as large as an unprivileged process may, and says how large it is. The kernel may refuse
/// (pipe-user-pages-soft); then it stays as it is.
fn grow(pipe: impl AsFd) -> Option<usize> {
    match rustix::pipe::fcntl_getpipe_size(&pipe) {
        Ok(size) if size < LARGE => rustix::pipe::fcntl_setpipe_size(&pipe, LARGE).ok(),
        size => size.ok(),
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP))
}

/// A source that does not wake the runtime for each segment that arrives while the burst is busy or waits for
/// the sink: what has arrived is read anyway when its turn comes. Its end, and errors, are told all the same.
struct Muted<'a> {
    socket: &'a Handle,
    before: u32,
    now: u32,
}

impl<'a> Muted<'a> {
    fn new(socket: &'a Handle) -> Option<Self> {
        let before = wakes_from(socket).ok()?;
        Some(Self { socket, before, now: before })
    }

    /// To be called again now and then: the kernel enlarges the buffer of a stream that flows.
    fn mute(&mut self) {
        let Ok(size) = rustix::net::sockopt::socket_recv_buffer_size(self.socket) else { return };
        // More than half of it would make the kernel enlarge the buffer of a source whose sink is slow.
        let most = u32::try_from(size / 2).unwrap_or(u32::MAX).max(self.before);
        if most != self.now && wake_from(self.socket, most).is_ok() {
            self.now = most;
        }
    }
}

impl Drop for Muted<'_> {
    fn drop(&mut self) {
        if self.now != self.before {
            // The kernel tells at once what has arrived meanwhile. It cannot refuse what it had before.
            let _ = wake_from(self.socket, self.before);
        }
    }
}

/// A pipe between two splices.
#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    size: usize,
    level: usize,
}

thread_local! {
    static PIPES: RefCell<Vec<Pipe>> = const { RefCell::new(Vec::new()) };
}

impl Pipe {
    fn take() -> io::Result<Self> {
        if let Some(pipe) = PIPES.with_borrow_mut(Vec::pop) {
            return Ok(pipe);
        }
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let size = rustix::pipe::fcntl_getpipe_size(&write)?;
        Ok(Self { read, write, size, level: 0 })
    }

    fn give_back(self) {
        PIPES.with_borrow_mut(|spare| {
            if spare.len() < SPARE {
                spare.push(self);
            }
        });
    }

    /// Makes room for more at once.
    fn grow(&mut self) {
        if self.size < LARGE {
            self.size = grow(&self.write).unwrap_or(self.size);
        }
    }

    /// Writes what is in the pipe without splice, for a sink that refused it.
    async fn empty_by_copy(&mut self, to: &Handle) -> io::Result<()> {
        let mut room = vec![0; self.level];
        while self.level > 0 {
            let n = uninterrupted(|| rustix::io::read(&self.read, &mut room[..]))?;
            to.write_all(&room[..n]).await?;
            self.level -= n;
        }
        Ok(())
    }
}
