//! Messages on a byte stream: where one ends and the next begins.
//!
//! A stream keeps the order of bytes and nothing else: two sends may arrive as one receive (sticky), one
//! send as several (half). A [`Framing`] puts the boundaries back. It is a value parsed from text
//! (`line`, `delim:\r\n`, `len:u32be,max=64k`, `sealed`), and it makes [`Encoder`]s and [`Decoder`]s.
//!
//! # The contract of every framing
//! - [`Encoder::encode`] appends one frame to a buffer, or refuses a message that would not come back as
//!   itself, and then leaves the buffer as it was.
//! - [`Decoder::decode`] looks at a buffer that begins at the first byte not yet consumed and holds at least
//!   what it held at the last call. It answers with one [`Step`]: needs more; a message, as a range of the
//!   buffer (nothing is copied); junk to skip. The caller drops `consumed` bytes and calls again. An error
//!   is final: where the next message begins can no longer be known.
//! - [`Decoder::end`] is for the end of the input: all whole, or half a message, with how much of it came
//!   and how much was due.
//! - `max` bounds the size of a message, checked after adjustment and before anything waits for the bytes.
//!   Nothing is allocated on the word of a length field: the decoder allocates nothing at all.
//! - Errors carry the size, the limit and the offset in the stream.
//!
//! [`Deframer`] owns the buffer for those who read from a stream: ask it for space, read into that, say how
//! much came, take the steps until it needs more.
//!
//! ```
//! use sockeye_proto::framing::{Deframer, Framing, Item};
//! use std::time::Duration;
//!
//! let framing: Framing = "len:u32be".parse()?;
//! let mut wire = Vec::new();
//! let mut encoder = framing.encoder();
//! encoder.encode(b"hello", Duration::ZERO, &mut wire)?;
//! encoder.encode(b"world", Duration::ZERO, &mut wire)?;
//!
//! let mut deframer = Deframer::new(&framing);
//! deframer.space()[..wire.len()].copy_from_slice(&wire); // both arrive in one receive
//! deframer.received(wire.len());
//! assert!(matches!(deframer.step()?, Item::Message(m) if m.bytes == b"hello"));
//! assert!(matches!(deframer.step()?, Item::Message(m) if m.bytes == b"world"));
//! assert!(matches!(deframer.step()?, Item::NeedMore(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod census;
mod deframer;
mod delim;
mod error;
mod explain;
mod fixed;
mod guess;
mod length;
mod line;
mod netstring;
mod sealed;
mod spec;
#[cfg(test)]
mod tests;

pub use census::{Census, SizeRange, Sizes};
pub use deframer::{Deframer, Item, Message};
pub use delim::Delimiter;
pub use error::{EncodeError, FrameError};
pub use explain::{Explainer, Explanation, Shape};
pub use guess::{Guess, SAMPLE, guess};
pub use length::{ByteOrder, LengthField, Width};
pub use sealed::{Order, Seal};
pub use spec::SpecError;

use std::{num::NonZeroUsize, ops::Range, time::Duration};

/// The largest message where `max` is not given: 1 MiB.
pub const DEFAULT_MAX: usize = 1 << 20;

/// How messages are told apart on a stream. Text form: [`FromStr`](std::str::FromStr) and `Display`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framing {
    kind: Kind,
    max: usize,
}

/// The kinds of framing, each with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `line`: text lines, ended by LF or CR LF; the last one may lack its end.
    Line,
    /// `delim:BYTES`: messages ended by these bytes, exactly.
    Delim(Delimiter),
    /// `fixed:N`: every message has N bytes.
    Fixed(NonZeroUsize),
    /// `len:WIDTH`: a length field before each message.
    Length(LengthField),
    /// `netstring`: `5:hello,`.
    Netstring,
    /// `sealed`: magic, length, sequence number, timestamp, payload, CRC32C (see `docs/sealed-frame.md`).
    Sealed,
}

impl Framing {
    /// A framing of this kind whose messages have at most [`DEFAULT_MAX`] bytes (`fixed:N`: N).
    pub fn new(kind: Kind) -> Self {
        let max = if let Kind::Fixed(n) = kind { n.get() } else { DEFAULT_MAX };
        Self { kind, max }
    }

    /// The same framing with another bound, in bytes. What is `fixed` stays as it is.
    #[must_use]
    pub fn with_max(self, max: usize) -> Self {
        if let Kind::Fixed(_) = self.kind { self } else { Self { max, ..self } }
    }

    /// The kind, with its parameters.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The size of the largest message, in bytes.
    pub fn max(&self) -> usize {
        self.max
    }

    /// The most bytes that a frame has beside its message.
    pub fn overhead(&self) -> usize {
        match &self.kind {
            Kind::Line => 2,
            Kind::Delim(d) => d.bytes().len(),
            Kind::Fixed(_) => 0,
            Kind::Length(field) => field.overhead(),
            Kind::Netstring => netstring::OVERHEAD,
            Kind::Sealed => sealed::OVERHEAD,
        }
    }

    /// Whether frames carry the time: whoever encodes must then pass a true `now`.
    pub fn stamps_time(&self) -> bool {
        self.kind == Kind::Sealed
    }

    /// Writes frames, from the first of a stream on.
    pub fn encoder(&self) -> Encoder {
        Encoder { framing: self.clone(), sequence: 0 }
    }

    /// Reads frames, from the first byte of a stream on.
    pub fn decoder(&self) -> Decoder {
        let state = match &self.kind {
            Kind::Line => State::Line(line::Decoder::default()),
            Kind::Delim(d) => State::Delim(Box::new(delim::Decoder::new(d))),
            Kind::Fixed(n) => State::Fixed(*n),
            Kind::Length(field) => State::Length(*field),
            Kind::Netstring => State::Netstring,
            Kind::Sealed => State::Sealed(sealed::Decoder::default()),
        };
        Decoder { state, max: self.max, offset: 0 }
    }
}

/// Writes the frames of one direction of one stream.
#[derive(Debug, Clone)]
pub struct Encoder {
    framing: Framing,
    sequence: u64,
}

impl Encoder {
    /// Appends `message` as one frame to `out`; `now` is the time since 1970 and counts only where
    /// [`Framing::stamps_time`] says so. On an error `out` is as it was.
    #[inline]
    pub fn encode(&mut self, message: &[u8], now: Duration, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if message.len() > self.framing.max {
            return Err(EncodeError::TooLong { size: message.len(), limit: self.framing.max });
        }
        match &self.framing.kind {
            Kind::Line => line::encode(message, out),
            Kind::Delim(d) => delim::encode(d, message, out),
            Kind::Fixed(n) => fixed::encode(*n, message, out),
            Kind::Length(field) => field.encode(message, out),
            Kind::Netstring => {
                netstring::encode(message, out);
                Ok(())
            }
            Kind::Sealed => {
                sealed::encode(message, self.sequence, now, out)?;
                self.sequence = self.sequence.wrapping_add(1);
                Ok(())
            }
        }
    }
}

/// What a decoder found at the start of the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing whole yet: read more and call again with the longer buffer.
    NeedMore(Need),
    /// A message.
    Message(Frame),
    /// Bytes that belong to no message that is to be delivered: drop them and go on.
    Skipped(Skipped),
}

/// How much is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// At least this many bytes more (one or more); how many in all is not known yet.
    AtLeast(usize),
    /// The message will be whole after exactly this many bytes more.
    Exactly(usize),
}

/// A whole frame at the start of the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The size of the frame: drop as many bytes from the buffer.
    pub consumed: usize,
    /// Where in the buffer the message is.
    pub payload: Range<usize>,
    /// What a sealed frame says beside the message.
    pub seal: Option<Seal>,
}

/// Bytes that were skipped, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    /// How many.
    pub bytes: usize,
    /// Where they began in the stream.
    pub at: u64,
    /// Why.
    #[serde(flatten)]
    pub why: Junk,
}

/// Why bytes are skipped. Only the sealed framing can skip: the others cannot find their way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Junk {
    /// No frame begins here.
    #[error("no frame begins there")]
    NoMagic,
    /// The header's checksum is wrong.
    #[error("the checksum of the header is wrong")]
    BadHeader,
    /// The frame's checksum is wrong; its header was right.
    #[error("the checksum of frame {sequence} is wrong")]
    BadChecksum {
        /// The frame's sequence number.
        sequence: u64,
    },
    /// A frame that was delivered before.
    #[error("frame {sequence} came before")]
    Repeated {
        /// The frame's sequence number.
        sequence: u64,
    },
    /// A frame so old that it is not known whether it was delivered before.
    #[error("frame {sequence} is older than what is remembered")]
    Stale {
        /// The frame's sequence number.
        sequence: u64,
    },
}

/// How an input ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// After a whole message.
    Clean,
    /// With a last message that needs no end of its own (a line without its newline).
    Message(Frame),
    /// In the middle of a message.
    Half(Half),
}

/// Half a message at the end of the input; sizes are of the frame, its header included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Half {
    /// How many bytes came.
    pub have: usize,
    /// How many were due, where that is known.
    pub due: Option<u64>,
    /// Where the message began in the stream.
    pub at: u64,
}

/// Reads the frames of one direction of one stream. The contract is in the [module](self).
#[derive(Debug, Clone)]
pub struct Decoder {
    state: State,
    max: usize,
    offset: u64,
}

#[derive(Debug, Clone)]
enum State {
    Line(line::Decoder),
    Delim(Box<delim::Decoder>),
    Fixed(NonZeroUsize),
    Length(LengthField),
    Netstring,
    Sealed(sealed::Decoder),
}

impl Decoder {
    /// The next step; `buf` begins at the first byte that was not consumed yet.
    #[inline]
    pub fn decode(&mut self, buf: &[u8]) -> Result<Step, FrameError> {
        let (max, at) = (self.max, self.offset);
        let step = match &mut self.state {
            State::Line(line) => line.decode(buf, max, at),
            State::Delim(delim) => delim.decode(buf, max, at),
            State::Fixed(n) => Ok(fixed::decode(*n, buf)),
            State::Length(field) => field.decode(buf, max, at),
            State::Netstring => netstring::decode(buf, max, at),
            State::Sealed(sealed) => sealed.decode(buf, max, at),
        }?;
        match &step {
            Step::NeedMore(_) => {}
            Step::Message(frame) => self.offset += frame.consumed as u64,
            Step::Skipped(skipped) => self.offset += skipped.bytes as u64,
        }
        Ok(step)
    }

    /// What the end of the input means for the bytes that are left, after [`decode`](Self::decode) needed more.
    pub fn end(&self, buf: &[u8]) -> End {
        if buf.is_empty() {
            return End::Clean;
        }
        let due = match &self.state {
            State::Line(_) => return End::Message(line::last(buf)),
            State::Delim(_) => None,
            State::Fixed(n) => Some(n.get() as u64),
            State::Length(field) => field.due(buf),
            State::Netstring => netstring::due(buf),
            State::Sealed(_) => sealed::due(buf),
        };
        End::Half(Half { have: buf.len(), due, at: self.offset })
    }

    /// How many bytes were consumed so far: where in the stream the buffer begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl Frame {
    fn new(consumed: usize, payload: Range<usize>) -> Self {
        Self { consumed, payload, seal: None }
    }
}

/// `Exactly` what is missing of a frame of `total` bytes.
fn missing(total: usize, have: usize) -> Step {
    Step::NeedMore(Need::Exactly(total - have))
}
