//! SIGINT ends a ping with its statistics, SIGQUIT shows them in between: flags for a busy loop, a
//! descriptor for a waiting one.

use std::{
    io::Read,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::consts::{SIGINT, SIGQUIT};
use sockeye::{Error, Result};

/// The signals that a ping answers.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Arc<AtomicBool>,
    quit: Arc<AtomicBool>,
    wake: UnixStream,
}

impl Signals {
    pub(super) fn catch() -> Result<Self> {
        let failed = |e: std::io::Error| Error::new("catch", "SIGINT and SIGQUIT", e);
        let (wake, write) = UnixStream::pair().map_err(failed)?;
        wake.set_nonblocking(true).map_err(failed)?;
        let (interrupt, quit) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        for (signal, flag) in [(SIGINT, &interrupt), (SIGQUIT, &quit)] {
            signal_hook::flag::register(signal, Arc::clone(flag)).map_err(failed)?;
            let write = write.try_clone().map_err(failed)?;
            signal_hook::low_level::pipe::register(signal, write).map_err(failed)?;
        }
        Ok(Self { interrupt, quit, wake })
    }

    /// Whether SIGINT has come.
    pub(super) fn interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    /// Whether SIGQUIT has come since this was asked last.
    pub(super) fn asked_for_status(&self) -> bool {
        self.quit.load(Ordering::Relaxed) && self.quit.swap(false, Ordering::Relaxed)
    }

    /// Makes the descriptor silent again.
    pub(super) fn drain(&self) {
        while (&self.wake).read(&mut [0; 64]).is_ok_and(|n| n > 0) {}
    }

    /// Readable when a signal has come.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// The same, to keep.
    pub(super) fn owned_fd(&self) -> Result<OwnedFd> {
        self.wake.try_clone().map(OwnedFd::from).map_err(|e| Error::new("copy", "a descriptor", e))
    }
}
