//! When what happened in a transfer.

use std::time::Duration;

use tokio::time::Instant;

/// When what happened, each since the transfer began (the first request of a chain of redirects).
#[derive(Debug, Clone, Copy)]
pub struct Timings {
    pub(super) start: Instant,
    /// The name was looked up.
    pub name: Duration,
    /// The connection to the host or proxy was there.
    pub connect: Duration,
    /// TLS was agreed on, where it was.
    pub tls: Option<Duration>,
    /// The request was about to be sent.
    pub pretransfer: Duration,
    /// The first byte of the answer was there.
    pub first_byte: Duration,
    /// The last request of a chain of redirects began.
    pub redirect: Duration,
    /// Everything was done.
    pub total: Duration,
    /// The bytes of body that were sent.
    pub sent: u64,
}

impl Timings {
    pub(super) fn started(start: Instant) -> Self {
        let zero = Duration::ZERO;
        Self {
            start,
            name: zero,
            connect: zero,
            tls: None,
            pretransfer: zero,
            first_byte: zero,
            redirect: zero,
            total: zero,
            sent: 0,
        }
    }

    /// Since the transfer began.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// A kept connection needs neither name nor handshake.
    pub(super) fn reused(&mut self) {
        let now = self.elapsed();
        (self.name, self.connect) = (now, now);
    }
}
