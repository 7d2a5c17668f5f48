//! Where the user of a connection and the task that serves its socket meet.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sockeye_proto::arq::{Ended, Message, Stats, Trace};
use tokio::sync::Notify;

/// The state of one connection, as its user waits for it.
#[derive(Debug, Default)]
pub(super) struct Link {
    state: Mutex<State>,
    pub(super) readable: Notify,
    pub(super) room: Notify,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    made: bool,
    ended: Option<Ended>,
    /// What arrived before the end and was not read yet.
    rest: VecDeque<Message>,
    last: Option<Box<Last>>,
}

/// What is left of a connection that is over.
#[derive(Debug)]
struct Last {
    stats: Stats,
    trace: Vec<Trace>,
}

impl Link {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_made(&self) {
        self.state().made = true;
        self.changed.notify_waiters();
    }

    pub(super) fn end(&self, ended: Ended) {
        self.state().ended.get_or_insert(ended);
        self.changed.notify_waiters();
        self.readable.notify_waiters();
        self.room.notify_waiters();
    }

    pub(super) fn ended(&self) -> Option<Ended> {
        self.state().ended.clone()
    }

    pub(super) fn keep_rest(&self, messages: impl Iterator<Item = Message>) {
        self.state().rest.extend(messages);
    }

    pub(super) fn keep_last(&self, stats: Stats, trace: Vec<Trace>) {
        self.state().last = Some(Box::new(Last { stats, trace }));
    }

    /// How it stood at the end.
    pub(super) fn last_stats(&self) -> Option<Stats> {
        self.state().last.as_ref().map(|last| last.stats)
    }

    /// What happened at the end.
    pub(super) fn take_trace(&self) -> Vec<Trace> {
        self.state().last.as_mut().map(|last| std::mem::take(&mut last.trace)).unwrap_or_default()
    }

    pub(super) fn take_rest(&self) -> Option<Message> {
        self.state().rest.pop_front()
    }

    /// Waits until the connection is made, or has ended before it was.
    pub(super) async fn made(&self) -> Result<(), Ended> {
        loop {
            let changed = self.changed.notified();
            {
                let state = self.state();
                if state.made {
                    return Ok(());
                }
                if let Some(ended) = &state.ended {
                    return Err(ended.clone());
                }
            }
            changed.await;
        }
    }

    /// Waits for the end.
    pub(super) async fn over(&self) -> Ended {
        loop {
            let changed = self.changed.notified();
            if let Some(ended) = self.ended() {
                return ended;
            }
            changed.await;
        }
    }
}
