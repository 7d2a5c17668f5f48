//! Frames: what a packet carries. The layout is in docs/arq.md.

use super::{
    codec::{Reader, put_varint, varint_len},
    error::Violation,
    types::{Channel, Lane, MessageId, Mode},
};
use std::ops::RangeInclusive;

const PING: u8 = 0x01;
const ACK: u8 = 0x02;
const WINDOW: u8 = 0x04;
const CHALLENGE: u8 = 0x06;
const RESPONSE: u8 = 0x07;
const CLOSE: u8 = 0x08;
const MTU_PROBE: u8 = 0x09;
const SKIP: u8 = 0x0a;
/// The types of message fragments: `010mmefo`, mode, end of the lane, final fragment, offset present.
const FRAGMENT: u8 = 0x40;
const END: u8 = 0x04;
const FIN: u8 = 0x02;
const OFFSET: u8 = 0x01;

/// The largest reason of a close frame, bytes.
pub const MAX_REASON: usize = 256;
/// Ranges in one acknowledgement at most.
pub(crate) const MAX_ACK_RANGES: usize = 64;

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Channel and mode.
    pub lane: Lane,
    /// The message.
    pub id: MessageId,
    /// Where in the message the bytes belong.
    pub offset: u32,
    /// Whether the message ends with them.
    pub fin: bool,
    /// Whether the lane ends with the message.
    pub end: bool,
    /// The bytes.
    pub data: &'a [u8],
}

/// An acknowledgement: packet numbers that arrived, newest first.
#[derive(Debug, Clone, Copy)]
pub struct Ack<'a> {
    /// The largest packet number that arrived.
    pub largest: u64,
    /// How long ago that was, microseconds.
    pub delay_us: u64,
    /// How many packets in all arrived with the mark "congestion experienced".
    pub congested: u64,
    /// Length of the first range - 1, then (gap - 1, length - 1) pairs: checked when decoded.
    ranges: &'a [u8],
}

impl Ack<'_> {
    /// The acknowledged ranges, newest first.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u64>> {
        let mut reader = Reader::new(self.ranges);
        let mut next = Some(self.largest);
        std::iter::from_fn(move || {
            let end = next?;
            let start = end.checked_sub(reader.varint()?)?;
            next = reader.varint().and_then(|gap| start.checked_sub(gap)?.checked_sub(2));
            Some(start..=end)
        })
    }
}

/// What they say counts, not how long the integers are in which they say it.
impl PartialEq for Ack<'_> {
    fn eq(&self, other: &Self) -> bool {
        let rest = |a: &Self| (a.largest, a.delay_us, a.congested);
        rest(self) == rest(other) && self.ranges().eq(other.ranges())
    }
}

impl Eq for Ack<'_> {}

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Asks for an acknowledgement.
    Ping,
    /// Which packets arrived.
    Ack(Ack<'a>),
    /// How many bytes and messages may be sent in all, since the connection began.
    Window {
        /// Bytes.
        bytes: u64,
        /// Messages.
        messages: u64,
    },
    /// Asks for a response with the same bytes, over the same path.
    Challenge([u8; 8]),
    /// Answers a challenge.
    Response([u8; 8]),
    /// The connection is over.
    Close {
        /// 0 for "done".
        code: u64,
        /// Why, for people: UTF-8, at most [`MAX_REASON`] bytes.
        reason: &'a str,
    },
    /// A packet that only tries its own size.
    MtuProbe,
    /// A message that the sender has given up (its time to live is over).
    Skip {
        /// Channel and mode.
        lane: Lane,
        /// The message.
        id: MessageId,
        /// Bytes of it that were counted against the window.
        counted: u64,
    },
    /// A part of a message.
    Fragment(Fragment<'a>),
}

impl Frame<'_> {
    /// Appends the frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put(out, self);
    }

    /// Whether the peer acknowledges a packet with this frame.
    pub fn is_ack_eliciting(&self) -> bool {
        !matches!(self, Self::Ack(_) | Self::Close { .. })
    }
}

/// The frames of a packet; ends after the first that is malformed.
#[derive(Debug, Clone)]
pub struct Frames<'a>(Reader<'a>);

impl<'a> Frames<'a> {
    /// The frames in the payload of a packet, padding left out.
    pub fn new(payload: &'a [u8]) -> Self {
        Self(Reader::new(payload))
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Violation>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.zeros();
        if self.0.is_empty() {
            return None;
        }
        let frame = decode(&mut self.0);
        if frame.is_err() {
            self.0 = Reader::new(&[]);
        }
        Some(frame)
    }
}

fn decode<'a>(r: &mut Reader<'a>) -> Result<Frame<'a>, Violation> {
    let (what, frame) = match r.u8() {
        None => ("empty", None),
        Some(PING) => ("ping", Some(Frame::Ping)),
        Some(ACK) => ("acknowledgement", ack(r).map(Frame::Ack)),
        Some(WINDOW) => ("window", window(r)),
        Some(CHALLENGE) => ("challenge", r.array().map(Frame::Challenge)),
        Some(RESPONSE) => ("response", r.array().map(Frame::Response)),
        Some(CLOSE) => ("close", close(r)),
        Some(MTU_PROBE) => ("MTU probe", Some(Frame::MtuProbe)),
        Some(SKIP) => ("skip", skip(r)),
        Some(kind) if kind & 0xe0 == FRAGMENT => ("fragment", fragment(kind, r).map(Frame::Fragment)),
        Some(_) => ("unknown type", None),
    };
    frame.ok_or(Violation::Frame(what))
}

fn window<'a>(r: &mut Reader<'a>) -> Option<Frame<'a>> {
    Some(Frame::Window { bytes: r.varint()?, messages: r.varint()? })
}

fn ack<'a>(r: &mut Reader<'a>) -> Option<Ack<'a>> {
    let (largest, delay_us, congested, more) = (r.varint()?, r.varint()?, r.varint()?, r.varint()?);
    let all = r.rest();
    let mut start = largest.checked_sub(r.varint()?)?;
    if more >= MAX_ACK_RANGES as u64 {
        return None;
    }
    for _ in 0..more {
        let end = start.checked_sub(r.varint()?)?.checked_sub(2)?;
        start = end.checked_sub(r.varint()?)?;
    }
    Some(Ack { largest, delay_us, congested, ranges: &all[..all.len() - r.rest().len()] })
}

fn close<'a>(r: &mut Reader<'a>) -> Option<Frame<'a>> {
    let code = r.varint()?;
    let len = usize::try_from(r.varint()?).ok().filter(|&l| l <= MAX_REASON)?;
    Some(Frame::Close { code, reason: std::str::from_utf8(r.bytes(len)?).ok()? })
}

fn skip<'a>(r: &mut Reader<'a>) -> Option<Frame<'a>> {
    let mode = Mode::ALL[usize::from(r.u8()? & 3)];
    let lane = Lane { channel: Channel(r.u8()?), mode };
    Some(Frame::Skip { lane, id: MessageId(r.varint()?), counted: r.varint()? })
}

fn fragment<'a>(kind: u8, r: &mut Reader<'a>) -> Option<Fragment<'a>> {
    let mode = Mode::ALL[usize::from(kind >> 3 & 3)];
    let lane = Lane { channel: Channel(r.u8()?), mode };
    let id = MessageId(r.varint()?);
    let offset = if kind & OFFSET != 0 { u32::try_from(r.varint()?).ok()? } else { 0 };
    let len = usize::try_from(r.varint()?).ok()?;
    let data = r.bytes(len)?;
    offset.checked_add(u32::try_from(len).ok()?)?;
    Some(Fragment { lane, id, offset, fin: kind & FIN != 0, end: kind & END != 0, data })
}

/// Bytes that a fragment takes beside its data, which has at most `len` bytes.
pub(crate) fn fragment_overhead(id: MessageId, offset: u32, len: usize) -> usize {
    let offset = if offset == 0 { 0 } else { varint_len(u64::from(offset)) };
    2 + varint_len(id.0) + offset + varint_len(len as u64)
}

pub(crate) fn put_fragment(out: &mut Vec<u8>, f: &Fragment<'_>) {
    let flag = |on, bit| if on { bit } else { 0 };
    let kind = FRAGMENT
        | (f.lane.mode as u8) << 3
        | flag(f.end, END)
        | flag(f.fin, FIN)
        | flag(f.offset != 0, OFFSET);
    out.extend_from_slice(&[kind, f.lane.channel.0]);
    put_varint(out, f.id.0);
    if f.offset != 0 {
        put_varint(out, u64::from(f.offset));
    }
    put_varint(out, f.data.len() as u64);
    out.extend_from_slice(f.data);
}

/// Appends an acknowledgement of `ranges` (newest first, not empty) that fits in `space` bytes.
pub(crate) fn put_ack(
    out: &mut Vec<u8>,
    ranges: impl Iterator<Item = std::ops::Range<u64>>,
    delay_us: u64,
    congested: u64,
    space: usize,
) {
    let mut ranges = ranges.take(MAX_ACK_RANGES);
    let Some(first) = ranges.next() else { return };
    let limit = out.len() + space;
    out.push(ACK);
    put_varint(out, first.end - 1);
    put_varint(out, delay_us);
    put_varint(out, congested);
    // At most 63 further ranges: the count is one byte, patched at the end.
    let count_at = out.len();
    out.push(0);
    put_varint(out, first.end - 1 - first.start);
    let mut start = first.start;
    for range in ranges {
        let (gap, len) = (start - range.end - 1, range.end - 1 - range.start);
        if out.len() + varint_len(gap) + varint_len(len) > limit {
            break;
        }
        put_varint(out, gap);
        put_varint(out, len);
        out[count_at] += 1;
        start = range.start;
    }
}

pub(crate) fn put(out: &mut Vec<u8>, frame: &Frame<'_>) {
    match *frame {
        Frame::Ping => out.push(PING),
        Frame::Ack(ref ack) => {
            let ranges = ack.ranges().map(|r| *r.start()..*r.end() + 1);
            put_ack(out, ranges, ack.delay_us, ack.congested, usize::MAX / 2);
        }
        Frame::Window { bytes, messages } => {
            out.push(WINDOW);
            put_varint(out, bytes);
            put_varint(out, messages);
        }
        Frame::Challenge(bytes) => {
            out.push(CHALLENGE);
            out.extend_from_slice(&bytes);
        }
        Frame::Response(bytes) => {
            out.push(RESPONSE);
            out.extend_from_slice(&bytes);
        }
        Frame::Close { code, reason } => {
            out.push(CLOSE);
            put_varint(out, code);
            put_varint(out, reason.len() as u64);
            out.extend_from_slice(reason.as_bytes());
        }
        Frame::MtuProbe => out.push(MTU_PROBE),
        Frame::Skip { lane, id, counted } => {
            out.extend_from_slice(&[SKIP, lane.mode as u8, lane.channel.0]);
            put_varint(out, id.0);
            put_varint(out, counted);
        }
        Frame::Fragment(ref fragment) => put_fragment(out, fragment),
    }
}

/// Shortens `reason` to what a close frame may carry.
pub(crate) fn clip(reason: &str) -> &str {
    let mut end = reason.len().min(MAX_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
