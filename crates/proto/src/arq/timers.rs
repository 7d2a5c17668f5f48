//! The timers of a session: one small table whose next deadline is a minimum.

use crate::time::Time;

/// What there is to wait for. Each row reads "when to …".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Timer {
    /// repeat the first packet, or give up
    Handshake,
    /// declare packets lost by time, or probe a silent peer
    Loss,
    /// acknowledge what arrived
    Ack,
    /// let the next burst go
    Pacing,
    /// end a connection whose peer is silent
    Idle,
    /// ask a silent peer whether it is there
    KeepAlive,
    /// look for a larger path MTU
    Mtu,
    /// repeat a path probe, or give the path up
    Path,
    /// forget a closed connection
    Close,
}

const ALL: [Timer; 9] = [
    Timer::Handshake,
    Timer::Loss,
    Timer::Ack,
    Timer::Pacing,
    Timer::Idle,
    Timer::KeepAlive,
    Timer::Mtu,
    Timer::Path,
    Timer::Close,
];

/// The deadline of each timer; `NEVER` where it is not set.
#[derive(Debug, Clone)]
pub(crate) struct Timers([Time; ALL.len()]);

impl Timers {
    pub(crate) fn new() -> Self {
        Self([Time::NEVER; ALL.len()])
    }

    pub(crate) fn set(&mut self, timer: Timer, at: Time) {
        self.0[timer as usize] = at;
    }

    pub(crate) fn set_or_stop(&mut self, timer: Timer, at: Option<Time>) {
        self.set(timer, at.unwrap_or(Time::NEVER));
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.set(timer, Time::NEVER);
    }

    pub(crate) fn stop_all(&mut self) {
        *self = Self::new();
    }

    pub(crate) fn at(&self, timer: Timer) -> Option<Time> {
        Some(self.0[timer as usize]).filter(|&t| t != Time::NEVER)
    }

    /// The next deadline.
    pub(crate) fn next(&self) -> Option<Time> {
        self.0.iter().copied().min().filter(|&t| t != Time::NEVER)
    }

    /// Stops and gives one timer that is due.
    pub(crate) fn expired(&mut self, now: Time) -> Option<Timer> {
        let timer = ALL.into_iter().find(|&t| self.0[t as usize] <= now)?;
        self.stop(timer);
        Some(timer)
    }
}
