//! A decoder and the buffer it works on.

use std::ops::Range;

use super::{Decoder, End, FrameError, Framing, Half, Need, Seal, Skipped, Step};

/// What a new buffer has, and the least that is offered to a read.
const SMALL: usize = 8 << 10;
/// What a buffer grows to when reads fill it.
const LARGE: usize = 64 << 10;

/// Bytes of a stream in, messages out. Messages are slices of the buffer.
///
/// The loop of whoever reads: [`space`](Self::space), read into it, [`received`](Self::received), then
/// [`step`](Self::step) until it answers [`Item::NeedMore`]; at the end of the input [`end`](Self::end).
///
/// The buffer grows with the bytes that came, never with those announced: to the largest message, its
/// header and one read at the most. Once it has grown nothing is allocated any more.
#[derive(Debug)]
pub struct Deframer {
    decoder: Decoder,
    buf: Vec<u8>,
    start: usize,
    end: usize,
    limit: usize,
    /// The last read filled the buffer: a larger one would save reads.
    full: bool,
}

/// What [`Deframer::step`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// A message.
    Message(Message<'a>),
    /// Bytes that were skipped.
    Skipped(Skipped),
    /// Nothing whole: read more.
    NeedMore(Need),
}

/// A message in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What a sealed frame says beside them.
    pub seal: Option<Seal>,
}

impl Deframer {
    /// For one direction of one stream, from its first byte on.
    pub fn new(framing: &Framing) -> Self {
        Self {
            decoder: framing.decoder(),
            buf: vec![0; SMALL],
            start: 0,
            end: 0,
            limit: framing.max().saturating_add(framing.overhead()).saturating_add(LARGE),
            full: false,
        }
    }

    /// Space for the next read, never empty.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let scarce = |end, len| len - end < SMALL / 2;
        if scarce(self.end, self.buf.len()) && self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if scarce(self.end, self.buf.len()) || (self.full && self.buf.len() < LARGE) {
            // Decoding refuses messages over `max`, so what is kept leaves space below the limit.
            let grown = (self.buf.len() * 2).min(self.limit).max(self.end + 1);
            self.buf.resize(grown.max(self.buf.len()), 0);
        }
        self.full = false;
        &mut self.buf[self.end..]
    }

    /// `bytes` more were read into the start of [`space`](Self::space).
    pub fn received(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.buf.len());
        self.full = self.end == self.buf.len();
    }

    /// The next step in what was received. An error is final, unless it is [`FrameError::Damaged`].
    #[inline]
    pub fn step(&mut self) -> Result<Item<'_>, FrameError> {
        Ok(match self.advance()? {
            Step::Message(frame) => {
                Item::Message(Message { bytes: &self.buf[frame.payload], seal: frame.seal })
            }
            Step::Skipped(skipped) => Item::Skipped(skipped),
            Step::NeedMore(need) => Item::NeedMore(need),
        })
    }

    /// The next step, with the message as a place that [`bytes`](Self::bytes) turns into a slice: for loops that
    /// read more in between, which a borrowed message would forbid.
    #[inline]
    pub fn advance(&mut self) -> Result<Step, FrameError> {
        let base = self.start;
        let mut step = self.decoder.decode(&self.buf[base..self.end])?;
        match &mut step {
            Step::NeedMore(_) => {}
            Step::Message(frame) => {
                self.start += frame.consumed;
                frame.payload = base + frame.payload.start..base + frame.payload.end;
            }
            Step::Skipped(skipped) => self.start += skipped.bytes,
        }
        Ok(step)
    }

    /// The bytes of the message at `payload`, which [`advance`](Self::advance) gave; they stay until
    /// [`space`](Self::space) is asked for. A place that is not in the buffer has no bytes.
    #[inline]
    pub fn bytes(&self, payload: Range<usize>) -> &[u8] {
        self.buf.get(payload).unwrap_or_default()
    }

    /// The input ended: a last message that needs no end of its own (its place), nothing, or half a message.
    pub fn end(&mut self) -> Result<Option<Range<usize>>, Half> {
        match self.decoder.end(self.left()) {
            End::Clean => Ok(None),
            End::Half(half) => Err(half),
            End::Message(frame) => {
                let base = self.start;
                self.start = self.end;
                Ok(Some(base + frame.payload.start..base + frame.payload.end))
            }
        }
    }

    /// What was received and not yet consumed.
    pub fn left(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    /// How many bytes of the stream were consumed.
    pub fn offset(&self) -> u64 {
        self.decoder.offset()
    }

    /// How many bytes the buffer takes.
    pub fn capacity(&self) -> usize {
        self.buf.len()
    }
}
