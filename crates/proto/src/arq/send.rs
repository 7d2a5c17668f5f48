//! The send side: messages that wait, messages on their way, and what of them must go again.
//!
//! Invariants: a message counts against the window once, when its first byte goes; a lane runs at most as far ahead of
//! its oldest unfinished message as the peer's window has messages; what is retransmitted is cut anew, so that
//! it fits whatever the path carries now.

use super::{
    config::Params,
    error::SendError,
    frame::{Fragment, Frame, fragment_overhead, put, put_fragment},
    ranges::RangeSet,
    sent_packets::Record,
    types::{Channel, Lane, MessageId},
};
use crate::time::Time;
use bytes::Bytes;
use smallvec::SmallVec;
use std::collections::VecDeque;

pub(crate) type Records = SmallVec<[Record; 2]>;

/// A part of a message in a packet is not made smaller than this, unless the message is.
const MIN_FRAGMENT: usize = 16;
/// What a queued message costs beside its bytes.
const MESSAGE_COST: usize = 64;

/// A message that waits for its first packet.
#[derive(Debug)]
struct Waiting {
    data: Bytes,
    end: bool,
    expires: Time,
}

/// A message of which something was sent.
#[derive(Debug)]
struct Flying {
    data: Bytes,
    end: bool,
    expires: Time,
    /// Bytes sent before it in all lanes together.
    sequence: u64,
    sent: u32,
    acked: RangeSet,
    acked_bytes: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Sending,
    /// Nothing more of it is sent; the peer still waits for it until it has the skip frame.
    GivenUp,
    Done,
}

impl Flying {
    fn is_sent(&self) -> bool {
        self.sent as usize == self.data.len()
    }
}

#[derive(Debug)]
struct Queue {
    lane: Lane,
    waiting: VecDeque<Waiting>,
    flying: VecDeque<Flying>,
    /// The id of the first of `flying`.
    base: u64,
    /// The last of `flying` is not wholly sent.
    partial: bool,
    ended: bool,
}

impl Queue {
    fn get(&mut self, id: u64, state: State) -> Option<&mut Flying> {
        self.flying.get_mut(usize::try_from(id.checked_sub(self.base)?).ok()?).filter(|m| m.state == state)
    }

    fn trim(&mut self) {
        while self.flying.front().is_some_and(|m| m.state == State::Done) {
            self.flying.pop_front();
            self.base += 1;
        }
        if self.flying.is_empty() && self.waiting.is_empty() && self.flying.capacity() > 64 {
            self.flying.shrink_to(4);
            self.waiting.shrink_to(4);
        }
    }
}

/// A lost piece of a message.
#[derive(Debug, Clone, Copy)]
struct Piece {
    lane: Lane,
    id: u64,
    start: u32,
    end: u32,
}

/// What `fill` did, for the statistics.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Filled {
    /// Bytes of messages, sent for the first time and again.
    pub(crate) fresh: u64,
    pub(crate) again: u64,
    /// Where the first fragment is in the sequence of all bytes that were ever sent.
    pub(crate) sequence: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct SendSide {
    queues: Vec<Queue>,
    /// The queue whose turn it is.
    turn: usize,
    resend: VecDeque<Piece>,
    skips: VecDeque<(Lane, u64, u64)>,
    buffered: usize,
    limit: usize,
    retransmit: bool,
    peer: Params,
    max_bytes: u64,
    max_messages: u64,
    used_bytes: u64,
    used_messages: u64,
    expired: u64,
    sequence: u64,
}

impl SendSide {
    pub(crate) fn new(limit: usize, retransmit: bool, peer: Params) -> Self {
        Self {
            queues: Vec::new(),
            turn: 0,
            resend: VecDeque::new(),
            skips: VecDeque::new(),
            buffered: 0,
            limit,
            retransmit,
            peer,
            max_bytes: peer.window,
            max_messages: peer.messages,
            used_bytes: 0,
            used_messages: 0,
            expired: 0,
            sequence: 0,
        }
    }

    fn queue(&mut self, lane: Lane) -> Option<&mut Queue> {
        self.queues.iter_mut().find(|q| q.lane == lane)
    }

    /// Takes a message. `end`: nothing follows in the lane. What is not sent by `expires` is given up.
    pub(crate) fn send(
        &mut self,
        lane: Lane,
        data: Bytes,
        end: bool,
        expires: Time,
    ) -> Result<(), SendError> {
        let limit = self.peer.max_message as usize;
        if data.len() > limit {
            return Err(SendError::TooLarge { size: data.len(), limit });
        }
        if u64::from(lane.channel.0) >= self.peer.channels {
            return Err(SendError::NoSuchChannel(self.peer.channels.min(255) as u8));
        }
        if self.is_full() {
            return Err(SendError::Full);
        }
        if self.queue(lane).is_none() {
            let queue = Queue {
                lane,
                waiting: VecDeque::new(),
                flying: VecDeque::new(),
                base: 0,
                partial: false,
                ended: false,
            };
            self.queues.push(queue);
        }
        let queue = self.queue(lane).expect("it was just made");
        if queue.ended {
            return Err(SendError::LaneEnded);
        }
        queue.ended = end;
        // The end of a lane is no message: its time is never over.
        let expires = if end { Time::NEVER } else { expires };
        let cost = data.len() + MESSAGE_COST;
        queue.waiting.push_back(Waiting { data, end, expires });
        self.buffered += cost;
        Ok(())
    }

    pub(crate) fn is_full(&self) -> bool {
        self.buffered >= self.limit
    }

    /// Bytes that wait or are on their way, with what keeping them costs.
    pub(crate) fn buffered(&self) -> usize {
        self.buffered
    }

    /// Whether every message has arrived or was given up.
    pub(crate) fn is_drained(&self) -> bool {
        self.buffered == 0
    }

    /// Messages given up because their time was over, or because nothing is sent again.
    pub(crate) fn expired(&self) -> u64 {
        self.expired
    }

    /// Bytes that the peer still takes.
    pub(crate) fn credit(&self) -> u64 {
        self.max_bytes.saturating_sub(self.used_bytes)
    }

    /// The peer opened its window.
    pub(crate) fn widen(&mut self, bytes: u64, messages: u64) {
        self.max_bytes = self.max_bytes.max(bytes);
        self.max_messages = self.max_messages.max(messages);
    }

    fn may_send(&self, queue: &Queue) -> bool {
        if !queue.lane.mode.is_reliable() {
            return queue.partial || !queue.waiting.is_empty();
        }
        // A message begins only where the window has room for all of it: begun messages can always be
        // finished, and so read, however many lanes have begun one.
        if queue.partial {
            return true;
        }
        let Some(next) = queue.waiting.front() else { return false };
        self.used_messages < self.max_messages
            && (queue.flying.len() as u64) < self.peer.messages
            && self.credit() >= next.data.len() as u64
    }

    /// Whether `fill` would write something into a packet.
    pub(crate) fn has_data(&self) -> bool {
        !self.resend.is_empty() || !self.skips.is_empty() || self.queues.iter().any(|q| self.may_send(q))
    }

    /// Writes frames up to a length of `limit`, and what they are into `records`. `full` is the room that an
    /// empty packet has.
    pub(crate) fn fill(
        &mut self,
        now: Time,
        out: &mut Vec<u8>,
        (limit, full): (usize, usize),
        records: &mut Records,
    ) -> Filled {
        let mut filled = Filled::default();
        self.put_skips(out, limit, records);
        while let Some(piece) = self.resend.pop_front() {
            if !self.refill(now, piece, out, limit, records, &mut filled) {
                return filled;
            }
        }
        let mut idle = 0;
        while idle < self.queues.len() {
            self.turn = (self.turn + 1) % self.queues.len();
            let at = self.turn;
            match self.next_fragment(now, at, out, (limit, full), records) {
                Some((bytes, sequence)) => {
                    filled.fresh += bytes;
                    filled.sequence.get_or_insert(sequence);
                    idle = 0;
                }
                None => idle += 1,
            }
        }
        // What was found to be over meanwhile, and may be all that there is to say.
        self.put_skips(out, limit, records);
        filled
    }

    fn put_skips(&mut self, out: &mut Vec<u8>, limit: usize, records: &mut Records) {
        while limit.saturating_sub(out.len()) >= 20
            && let Some((lane, id, counted)) = self.skips.pop_front()
        {
            put(out, &Frame::Skip { lane, id: MessageId(id), counted });
            records.push(Record::Skip { lane, id, counted });
        }
    }

    /// Sends a lost piece again; gives false where the packet is full (and the rest of the piece is kept).
    fn refill(
        &mut self,
        now: Time,
        piece: Piece,
        out: &mut Vec<u8>,
        limit: usize,
        records: &mut Records,
        filled: &mut Filled,
    ) -> bool {
        let Piece { lane, id, .. } = piece;
        let retransmit = self.retransmit;
        let Some(queue) = self.queue(lane) else { return true };
        let Some(message) = queue.get(id, State::Sending) else { return true };
        if message.expires <= now || !retransmit {
            self.give_up(lane, id);
            return true;
        }
        let len = message.data.len();
        let mut left: SmallVec<[std::ops::Range<u32>; 2]> = if len == 0 {
            std::iter::once(0..0).collect()
        } else {
            let range = u64::from(piece.start)..u64::from(piece.end);
            message.acked.missing(range).map(|r| r.start as u32..r.end as u32).collect()
        };
        left.reverse();
        while let Some(range) = left.pop() {
            let want = (range.end - range.start) as usize;
            let room = limit.saturating_sub(out.len() + fragment_overhead(MessageId(id), range.start, want));
            if room < want.min(MIN_FRAGMENT) || room == 0 && want == 0 && limit < out.len() + 20 {
                self.resend.push_front(Piece { lane, id, start: range.start, end: piece.end });
                return false;
            }
            let end = range.start + want.min(room) as u32;
            let fin = end as usize == len && message.is_sent();
            let data = &message.data[range.start as usize..end as usize];
            let (id, offset) = (MessageId(id), range.start);
            put_fragment(out, &Fragment { lane, id, offset, fin, end: fin && message.end, data });
            records.push(Record::Fragment { lane, id: id.0, start: offset, end });
            filled.again += data.len() as u64;
            let sequence = message.sequence + u64::from(offset);
            filled.sequence.get_or_insert(sequence);
            if end < range.end {
                left.push(end..range.end);
            }
        }
        true
    }

    /// Writes the next fragment of queue `at`; `None` where it has none that may go, or that fits.
    fn next_fragment(
        &mut self,
        now: Time,
        at: usize,
        out: &mut Vec<u8>,
        (limit, full): (usize, usize),
        records: &mut Records,
    ) -> Option<(u64, u64)> {
        self.drop_expired(now, at);
        if !self.may_send(&self.queues[at]) {
            return None;
        }
        let reliable = self.queues[at].lane.mode.is_reliable();
        let queue = &mut self.queues[at];
        let (lane, fresh) = (queue.lane, !queue.partial);
        let (id, offset, len) = if fresh {
            (queue.base + queue.flying.len() as u64, 0, queue.waiting.front()?.data.len())
        } else {
            let message = queue.flying.back()?;
            (queue.base + queue.flying.len() as u64 - 1, message.sent, message.data.len())
        };
        let rest = len - offset as usize;
        let whole = rest + fragment_overhead(MessageId(id), offset, rest);
        // Two packets are lost twice as often as one: what is sent only once is cut only where it must be.
        if !reliable && limit.saturating_sub(out.len()) < whole && whole <= full {
            return None;
        }
        let room = limit.saturating_sub(out.len() + fragment_overhead(MessageId(id), offset, rest));
        if room < rest.min(MIN_FRAGMENT) || rest == 0 && limit < out.len() + 20 {
            return None;
        }
        if fresh {
            let Waiting { data, end, expires } = queue.waiting.pop_front()?;
            let acked = RangeSet::default();
            let sequence = self.sequence;
            self.sequence += data.len() as u64;
            let message = Flying {
                data,
                end,
                expires,
                sequence,
                sent: 0,
                acked,
                acked_bytes: 0,
                state: State::Sending,
            };
            queue.flying.push_back(message);
        }
        let message = queue.flying.back_mut()?;
        let until = offset + rest.min(room) as u32;
        let fin = until as usize == len;
        let data = &message.data[offset as usize..until as usize];
        let id = MessageId(id);
        put_fragment(out, &Fragment { lane, id, offset, fin, end: fin && message.end, data });
        let bytes = data.len() as u64;
        let sequence = message.sequence + u64::from(offset);
        message.sent = until;
        queue.partial = !fin;
        if reliable {
            records.push(Record::Fragment { lane, id: id.0, start: offset, end: until });
            if fresh {
                self.used_bytes += len as u64;
                self.used_messages += 1;
            }
        } else if fin {
            // Sent once is all that is promised.
            message.state = State::Done;
            self.buffered -= len + MESSAGE_COST;
            queue.trim();
        }
        Some((bytes, sequence))
    }

    /// Messages whose time is over before anything of them went leave no trace.
    fn drop_expired(&mut self, now: Time, at: usize) {
        let queue = &mut self.queues[at];
        while queue.waiting.front().is_some_and(|w| w.expires <= now) {
            if let Some(w) = queue.waiting.pop_front() {
                self.buffered -= w.data.len() + MESSAGE_COST;
                self.expired += 1;
            }
        }
        if queue.partial && queue.flying.back().is_some_and(|m| m.expires <= now) {
            let (lane, id) = (queue.lane, queue.base + queue.flying.len() as u64 - 1);
            self.give_up(lane, id);
        }
    }

    fn give_up(&mut self, lane: Lane, id: u64) {
        let Some(queue) = self.queue(lane) else { return };
        let last = id + 1 == queue.base + queue.flying.len() as u64;
        if last {
            queue.partial = false;
        }
        let Some(message) = queue.get(id, State::Sending) else { return };
        let len = std::mem::take(&mut message.data).len();
        message.acked = RangeSet::default();
        let reliable = lane.mode.is_reliable();
        message.state = if reliable { State::GivenUp } else { State::Done };
        queue.trim();
        self.buffered -= len;
        self.expired += 1;
        if reliable {
            self.skips.push_back((lane, id, len as u64));
        } else {
            self.buffered -= MESSAGE_COST;
        }
    }

    /// What the record stands for has arrived.
    pub(crate) fn acked(&mut self, record: &Record) {
        let (lane, id, start, end) = match *record {
            Record::Fragment { lane, id, start, end } => (lane, id, start, end),
            Record::Skip { lane, id, .. } => return self.skipped(lane, id),
            Record::Window | Record::Ack(_) => return,
        };
        let Some(queue) = self.queue(lane) else { return };
        let Some(message) = queue.get(id, State::Sending) else { return };
        let len = message.data.len();
        message.acked_bytes += message.acked.insert(u64::from(start)..u64::from(end)) as u32;
        if message.acked_bytes as usize == len {
            message.state = State::Done;
            message.data = Bytes::new();
            message.acked = RangeSet::default();
            queue.trim();
            self.buffered -= len + MESSAGE_COST;
        }
    }

    /// The peer knows that it need not wait for the message.
    fn skipped(&mut self, lane: Lane, id: u64) {
        let Some(queue) = self.queue(lane) else { return };
        let Some(message) = queue.get(id, State::GivenUp) else { return };
        message.state = State::Done;
        queue.trim();
        self.buffered -= MESSAGE_COST;
    }

    /// What the record stands for is lost, or (`probe`) is sent again to be sure.
    pub(crate) fn lost(&mut self, record: &Record) {
        match *record {
            Record::Fragment { lane, id, start, end } => {
                if self.queue(lane).is_some_and(|q| q.get(id, State::Sending).is_some()) {
                    self.resend.push_back(Piece { lane, id, start, end });
                }
            }
            Record::Skip { lane, id, counted } => {
                if self.queue(lane).is_some_and(|q| q.get(id, State::GivenUp).is_some()) {
                    self.skips.push_back((lane, id, counted));
                }
            }
            Record::Window | Record::Ack(_) => {}
        }
    }

    /// Gives back memory that a burst needed.
    pub(crate) fn shrink(&mut self) {
        if self.resend.is_empty() {
            self.resend.shrink_to(0);
        }
        self.queues.iter_mut().for_each(Queue::trim);
    }
}

/// The lane of channel 0, reliable and ordered: what a stream uses.
pub const STREAM: Lane = Lane { channel: Channel(0), mode: super::types::Mode::Ordered };
