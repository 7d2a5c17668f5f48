//! The task that serves a socket: wait, read the clock, move datagrams.

use std::{io, sync::Arc};

use sockeye_proto::arq::{Ended, Transmit};

use super::{
    Shared, handle_event,
    socket::{Buffers, Outcome},
    timer::Timer,
};

/// Receives between two looks at what there is to send: acknowledgements must not wait for long.
const RECEIVES: usize = 32;

/// The task.
#[derive(Debug)]
pub(super) struct Driver {
    shared: Arc<Shared>,
    buffers: Buffers,
    timer: Timer,
    /// Packets on their way to the kernel: the machine's, and what is known of them.
    buffer: Vec<u8>,
    blocked: Option<Transmit>,
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>) -> io::Result<Self> {
        let (timer, buffers) = (Timer::new()?, Buffers::default());
        Ok(Self { shared, buffers, timer, buffer: Vec::new(), blocked: None })
    }

    /// Serves until nobody is left to serve, or the socket fails.
    pub(super) async fn run(mut self) {
        let failed = loop {
            match self.turn() {
                Ok(true) => {}
                Ok(false) => break None,
                Err(e) => break Some(e),
            }
            let shared = Arc::clone(&self.shared);
            let waited = tokio::select! {
                biased;
                ready = shared.socket.readable() => ready,
                () = shared.work.notified() => Ok(()),
                expired = self.timer.wait() => expired,
                ready = shared.socket.writable(), if self.blocked.is_some() => ready,
            };
            if let Err(e) = waited {
                break Some(e);
            }
        };
        let mut inner = self.shared.lock();
        inner.failed = Some(failed.map_or(io::ErrorKind::NotConnected, |e| e.kind()));
        for (_, link) in inner.links.iter() {
            link.end(Ended::Local);
        }
        drop(inner);
        self.shared.incoming.notify_waiters();
    }

    /// Does everything that can be done without waiting; gives whether there is anyone to serve.
    fn turn(&mut self) -> io::Result<bool> {
        let shared = Arc::clone(&self.shared);
        let mut inner = shared.lock();
        let now = self.shared.now();
        let mut received = 0;
        while received < RECEIVES {
            let count = shared.socket.receive(&mut self.buffers, |from, congested, datagram| {
                inner.machine.handle_datagram(now, from, congested, datagram);
            })?;
            if count == 0 {
                break;
            }
            received += count;
        }
        inner.machine.handle_timeout(now);
        if self.blocked.is_some() {
            self.flush(&mut inner)?;
        }
        while self.blocked.is_none() {
            self.buffer.clear();
            let segments = shared.socket.max_segments();
            let Some(transmit) = inner.machine.poll_transmit(now, &mut self.buffer, segments) else { break };
            self.blocked = Some(transmit);
            self.flush(&mut inner)?;
        }
        while let Some((handle, event)) = inner.machine.poll_event() {
            handle_event(&mut inner, &self.shared.incoming, handle, event);
        }
        let wait = inner.machine.poll_timeout().map(|at| at.since(self.shared.now()));
        let alive = inner.users > 0 || inner.machine.connections() > 0;
        drop(inner);
        self.timer.set(wait)?;
        Ok(alive)
    }

    /// Gives the packets in the buffer to the kernel, if it takes them.
    fn flush(&mut self, inner: &mut super::Inner) -> io::Result<()> {
        let Some(transmit) = self.blocked else { return Ok(()) };
        match self.shared.socket.send(transmit.route, &self.buffer, transmit.segment, transmit.ecn)? {
            Outcome::Gone => self.blocked = None,
            Outcome::Blocked => {}
            Outcome::TooLarge => {
                self.blocked = None;
                let size = transmit.segment.unwrap_or(transmit.len);
                inner.machine.refused_size(self.shared.now(), transmit.route.peer, size);
            }
        }
        Ok(())
    }
}
