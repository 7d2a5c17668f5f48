//! How long a call waits: blocking, non-blocking, or to a deadline that EINTR and partial progress do not move.

use std::{
    io,
    os::fd::BorrowedFd,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::Reason;

/// What a call does when it cannot go on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Waits for as long as it takes.
    Blocking,
    /// Fails with `EAGAIN`.
    NonBlocking,
    /// Waits so long in all. The descriptor is non-blocking, so that no call outlasts its `poll`.
    Timeout(Duration),
}

/// A [`Mode`] that threads share: nanoseconds, where 0 and `u64::MAX` stand for the other two.
#[derive(Debug)]
pub(super) struct SharedMode(AtomicU64);

impl SharedMode {
    pub(super) fn new(mode: Mode) -> Self {
        let shared = Self(AtomicU64::new(0));
        shared.store(mode);
        shared
    }

    pub(super) fn store(&self, mode: Mode) {
        let nanos = match mode {
            Mode::Blocking => u64::MAX,
            Mode::NonBlocking => 0,
            // 584 years are the limit.
            Mode::Timeout(t) => u64::try_from(t.as_nanos()).unwrap_or(u64::MAX - 1).max(1),
        };
        self.0.store(nanos, Ordering::Relaxed);
    }

    pub(super) fn load(&self) -> Mode {
        match self.0.load(Ordering::Relaxed) {
            u64::MAX => Mode::Blocking,
            0 => Mode::NonBlocking,
            nanos => Mode::Timeout(Duration::from_nanos(nanos)),
        }
    }
}

/// One wait of a call, or of all parts of a call that has several.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    pub(super) mode: Mode,
    deadline: Option<Instant>,
}

impl Wait {
    pub(super) fn new(mode: Mode) -> Self {
        let deadline = match mode {
            // A deadline beyond what the clock can count never comes.
            Mode::Timeout(after) => Instant::now().checked_add(after),
            Mode::Blocking | Mode::NonBlocking => None,
        };
        Self { mode, deadline }
    }

    /// Calls until it is done: again after EINTR, and, in the mode with a timeout, once `fd` is ready.
    pub(super) fn run<T>(
        &self,
        fd: BorrowedFd<'_>,
        ready: PollFlags,
        mut call: impl FnMut() -> io::Result<T>,
    ) -> Result<T, Reason> {
        let mut in_vain = 0;
        loop {
            match call() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && matches!(self.mode, Mode::Timeout(_)) => {
                    if in_vain > 1 {
                        self.pause(Duration::from_millis(1 << in_vain.min(6)));
                    }
                    in_vain += 1;
                    self.ready(fd, ready)?;
                }
                other => return other.map_err(Reason::Io),
            }
        }
    }

    /// Waits until `fd` is ready.
    pub(super) fn ready(&self, fd: BorrowedFd<'_>, events: PollFlags) -> Result<(), Reason> {
        loop {
            let left = self.left();
            if let (Some(Duration::ZERO), Mode::Timeout(whole)) = (left, self.mode) {
                return Err(Reason::TimedOut(whole));
            }
            let timeout = left.and_then(|left| Timespec::try_from(left).ok());
            match poll(&mut [PollFd::from_borrowed_fd(fd, events)], timeout.as_ref()) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Waits a little, for what `poll` reports as ready all the time: a Unix socket towards a queue that is full.
    fn pause(&self, time: Duration) {
        let time = self.left().map_or(time, |left| left.min(time));
        if let Ok(time) = Timespec::try_from(time) {
            // A signal makes the pause shorter, which does no harm.
            let _ = poll(&mut [], Some(&time));
        }
    }

    /// What is left before the deadline, where there is one.
    pub(super) fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}
