//! The receive side: fragments become messages, messages are put in order and wait for the application.
//!
//! Bounds, all of them checked before anything is kept: bytes and messages by the window that was advertised,
//! the size of a message, channels, how far a lane runs ahead of its oldest unfinished message, and the number
//! of separate fragments.

use super::{
    error::Violation,
    frame::Fragment,
    reassembly::{Insert, Partial},
    types::{Lane, Message, MessageId, Mode},
};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

/// What is kept of unreliable messages: unfinished ones in a lane, and bytes that wait for the application.
const UNRELIABLE_PARTIAL: usize = 8;
const UNRELIABLE_BYTES: usize = 256 << 10;

/// What the receiver allows; it advertises the window and holds the sender to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) window: u64,
    pub(crate) messages: u64,
    pub(crate) max_message: u64,
    pub(crate) channels: u16,
}

impl Limits {
    /// An honest sender cuts no more fragments than this: see the rule of the smallest in the documentation.
    fn fragments(&self) -> usize {
        (self.window / 256 + 4 * self.messages.min(self.window / 64 + 16)) as usize + 64
    }
}

#[derive(Debug)]
struct Inbox {
    lane: Lane,
    /// All below are finished.
    next: u64,
    /// One more than the largest id seen.
    seen: u64,
    unfinished: BTreeMap<u64, Slot>,
}

#[derive(Debug)]
enum Slot {
    Partial(Partial),
    /// Whole, and waiting for earlier ones.
    Whole(Bytes, bool),
    /// Delivered ahead of earlier ones, or given up by the sender.
    Finished,
}

/// What happened to the receive side, for the statistics.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Arrived {
    /// Fragments that were here already.
    pub(crate) duplicates: u64,
    /// Unreliable messages dropped because the application did not read.
    pub(crate) dropped: u64,
    /// Messages that the sender gave up.
    pub(crate) skipped: u64,
}

#[derive(Debug)]
pub(crate) struct ReceiveSide {
    limits: Limits,
    inboxes: Vec<Inbox>,
    ready: VecDeque<Message>,
    unreliable_ready: usize,
    /// Bytes and messages of the reliable modes: seen, and done with.
    seen_bytes: u64,
    seen_messages: u64,
    used_bytes: u64,
    used_messages: u64,
    advertised: (u64, u64),
    fragments: usize,
    pub(crate) arrived: Arrived,
}

impl ReceiveSide {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            inboxes: Vec::new(),
            ready: VecDeque::new(),
            unreliable_ready: 0,
            seen_bytes: 0,
            seen_messages: 0,
            used_bytes: 0,
            used_messages: 0,
            advertised: (limits.window, limits.messages),
            fragments: 0,
            arrived: Arrived::default(),
        }
    }

    fn inbox(&mut self, lane: Lane) -> Result<usize, Violation> {
        if u16::from(lane.channel.0) >= self.limits.channels {
            return Err(Violation::Channel(lane.channel.0));
        }
        let found = self.inboxes.iter().position(|i| i.lane == lane);
        Ok(found.unwrap_or_else(|| {
            self.inboxes.push(Inbox { lane, next: 0, seen: 0, unfinished: BTreeMap::new() });
            self.inboxes.len() - 1
        }))
    }

    /// Takes a fragment.
    pub(crate) fn fragment(&mut self, f: &Fragment<'_>) -> Result<(), Violation> {
        let size = u64::from(f.offset) + f.data.len() as u64;
        if size > self.limits.max_message {
            return Err(Violation::MessageTooLarge { size, limit: self.limits.max_message });
        }
        if f.end && !f.fin {
            return Err(Violation::Message("its lane ends before it does"));
        }
        let at = self.inbox(f.lane)?;
        if f.lane.mode.is_reliable() { self.reliable(at, f) } else { self.unreliable(at, f) }
    }

    /// Counts the messages up to `id` against the window.
    fn see(&mut self, at: usize, id: u64) -> Result<(), Violation> {
        let inbox = &mut self.inboxes[at];
        if id >= inbox.next.saturating_add(self.limits.messages) {
            return Err(Violation::FlowControl("messages ahead of a missing one"));
        }
        let new = (id + 1).saturating_sub(inbox.seen);
        if self.seen_messages + new > self.advertised.1 {
            return Err(Violation::FlowControl("messages"));
        }
        inbox.seen += new;
        self.seen_messages += new;
        Ok(())
    }

    fn reliable(&mut self, at: usize, f: &Fragment<'_>) -> Result<(), Violation> {
        let (id, next) = (f.id.0, self.inboxes[at].next);
        if id < next {
            self.arrived.duplicates += 1;
            return Ok(());
        }
        self.see(at, id)?;
        let inbox = &mut self.inboxes[at];
        // The common case: the next message, whole.
        if id == next && f.fin && f.offset == 0 && inbox.unfinished.is_empty() {
            self.count(f.data.len())?;
            self.inboxes[at].next += 1;
            self.deliver(f.lane, id, Bytes::copy_from_slice(f.data), f.end);
            return Ok(());
        }
        let slot = inbox.unfinished.entry(id).or_insert_with(|| Slot::Partial(Partial::default()));
        let Slot::Partial(partial) = slot else {
            self.arrived.duplicates += 1;
            return Ok(());
        };
        let before = partial.pieces();
        let inserted = partial.insert(f)?;
        self.fragments = self.fragments - before + partial.pieces();
        let pieces = partial.pieces();
        if let Some((data, end)) = partial.take_whole() {
            self.fragments -= pieces;
            *slot = Slot::Whole(data, end);
        }
        match inserted {
            Insert::New(bytes) => self.count(bytes)?,
            Insert::Known => self.arrived.duplicates += 1,
        }
        if self.fragments > self.limits.fragments() {
            return Err(Violation::Reassembly(self.fragments));
        }
        self.advance(at, id);
        Ok(())
    }

    /// Counts new bytes against the window.
    fn count(&mut self, bytes: usize) -> Result<(), Violation> {
        self.seen_bytes += bytes as u64;
        if self.seen_bytes > self.advertised.0 {
            return Err(Violation::FlowControl("bytes"));
        }
        Ok(())
    }

    /// Delivers what can be delivered now that something about message `id` is new.
    fn advance(&mut self, at: usize, id: u64) {
        let lane = self.inboxes[at].lane;
        if lane.mode == Mode::Unordered
            && let Some(slot) = self.inboxes[at].unfinished.get_mut(&id)
            && let Slot::Whole(data, end) = slot
        {
            let (data, end) = (std::mem::take(data), *end);
            *slot = Slot::Finished;
            self.deliver(lane, id, data, end);
        }
        loop {
            let inbox = &mut self.inboxes[at];
            let Some(entry) = inbox.unfinished.first_entry().filter(|e| *e.key() == inbox.next) else {
                return;
            };
            if matches!(entry.get(), Slot::Partial(_)) {
                return;
            }
            let (id, slot) = entry.remove_entry();
            inbox.next += 1;
            if let Slot::Whole(data, end) = slot {
                self.deliver(lane, id, data, end);
            }
        }
    }

    fn deliver(&mut self, lane: Lane, id: u64, data: Bytes, end: bool) {
        self.ready.push_back(Message { lane, id: MessageId(id), data, end });
    }

    /// The sender has given message `id` up, of which it had counted so many bytes.
    pub(crate) fn skip(&mut self, lane: Lane, id: u64, counted: u64) -> Result<(), Violation> {
        let at = self.inbox(lane)?;
        if !lane.mode.is_reliable() || id < self.inboxes[at].next {
            return Ok(());
        }
        self.see(at, id)?;
        let received = match self.inboxes[at].unfinished.insert(id, Slot::Finished) {
            None => 0,
            Some(Slot::Partial(partial)) => {
                self.fragments -= partial.pieces();
                partial.received()
            }
            // Whole before it was given up: it counts as arrived.
            Some(slot) => {
                self.inboxes[at].unfinished.insert(id, slot);
                return Ok(());
            }
        };
        let Some(missing) = counted.checked_sub(received).filter(|_| counted <= self.limits.max_message)
        else {
            return Err(Violation::Message("fewer bytes counted than arrived"));
        };
        self.count(missing as usize)?;
        self.used_bytes += counted;
        self.used_messages += 1;
        self.arrived.skipped += 1;
        self.advance(at, id);
        Ok(())
    }

    fn unreliable(&mut self, at: usize, f: &Fragment<'_>) -> Result<(), Violation> {
        let id = f.id.0;
        let inbox = &mut self.inboxes[at];
        if id < inbox.next {
            return Ok(());
        }
        let (data, end) = if f.offset == 0 && f.fin {
            (Bytes::copy_from_slice(f.data), f.end)
        } else {
            let slot = inbox.unfinished.entry(id).or_insert_with(|| Slot::Partial(Partial::default()));
            let Slot::Partial(partial) = slot else { return Ok(()) };
            partial.insert(f)?;
            let Some(whole) = partial.take_whole() else {
                let held = |s: &Slot| if let Slot::Partial(p) = s { p.received() as usize } else { 0 };
                while inbox.unfinished.len() > UNRELIABLE_PARTIAL
                    || inbox.unfinished.values().map(held).sum::<usize>()
                        > UNRELIABLE_BYTES.max(held_limit(&self.limits))
                {
                    inbox.unfinished.pop_first();
                }
                return Ok(());
            };
            inbox.unfinished.remove(&id);
            whole
        };
        if f.lane.mode == Mode::Sequenced {
            inbox.next = id.saturating_add(1);
            inbox.unfinished = inbox.unfinished.split_off(&inbox.next);
        }
        if self.unreliable_ready + data.len() + 64 > UNRELIABLE_BYTES.max(held_limit(&self.limits)) {
            self.arrived.dropped += 1;
            return Ok(());
        }
        self.unreliable_ready += data.len() + 64;
        self.deliver(f.lane, id, data, end);
        Ok(())
    }

    /// The next message, if one is there.
    pub(crate) fn recv(&mut self) -> Option<Message> {
        let message = self.ready.pop_front()?;
        if message.lane.mode.is_reliable() {
            self.used_bytes += message.data.len() as u64;
            self.used_messages += 1;
        } else {
            self.unreliable_ready -= message.data.len() + 64;
        }
        if self.ready.is_empty() && self.ready.capacity() > 64 {
            self.ready.shrink_to(4);
        }
        Some(message)
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The window, where it has opened enough to tell the peer.
    pub(crate) fn wants_window(&self) -> bool {
        let (bytes, messages) = self.window();
        bytes - self.advertised.0 >= (self.limits.window / 4).max(1)
            || messages - self.advertised.1 >= (self.limits.messages / 4).max(1)
    }

    fn window(&self) -> (u64, u64) {
        (self.used_bytes + self.limits.window, self.used_messages + self.limits.messages)
    }

    /// The window to advertise now.
    pub(crate) fn advertise(&mut self) -> (u64, u64) {
        self.advertised = self.window();
        self.advertised
    }

    /// Bytes held, for the application and for reassembly.
    pub(crate) fn held(&self) -> u64 {
        self.seen_bytes - self.used_bytes.min(self.seen_bytes) + self.unreliable_ready as u64
    }

    /// Separate fragments held.
    pub(crate) fn fragments(&self) -> usize {
        self.fragments
    }
}

fn held_limit(limits: &Limits) -> usize {
    limits.max_message as usize
}
