//! What goes wrong with messages on a stream.

use super::{Half, Skipped};

/// Why a message cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Larger than `max`.
    #[error("a message of {size} bytes is over the limit of {limit} (max=)")]
    TooLong {
        /// The message's size.
        size: usize,
        /// The framing's `max`.
        limit: usize,
    },
    /// The delimiter in the message, or made by the message's last bytes and the delimiter after them.
    #[error("the message has the delimiter in it, at byte {at}: it would arrive as two")]
    Delimiter {
        /// Where in the message.
        at: usize,
    },
    /// A line that ends with a carriage return would arrive without it.
    #[error("a line that ends with a carriage return would arrive without it")]
    CarriageReturn,
    /// Not the size that every message has.
    #[error("a message of {size} bytes where each has {due}")]
    WrongSize {
        /// The message's size.
        size: usize,
        /// The framing's size.
        due: usize,
    },
    /// The length, after adjustment, is not a number that the field can hold.
    #[error("a message of {size} bytes has no length in a field of type {field} with adjust={adjust}")]
    Unrepresentable {
        /// The message's size.
        size: usize,
        /// The field's type.
        field: &'static str,
        /// The framing's `adjust`.
        adjust: i64,
    },
    /// With `skip` smaller than the header, messages carry their own header; this one's says something else.
    #[error("the message must carry its own header (skip={skip}), and the length in it is not its length")]
    OwnHeader {
        /// The framing's `skip`.
        skip: usize,
    },
}

/// What ends or damages a stream of messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A message larger than `max` is announced.
    #[error("the message at byte {at} of the stream has {size} bytes; the limit is {limit} (max=)")]
    TooLong {
        /// The announced size, after adjustment.
        size: u64,
        /// The framing's `max`.
        limit: usize,
        /// Where the frame begins in the stream.
        at: u64,
    },
    /// No delimiter within `max`.
    #[error(
        "the message at byte {at} of the stream has no end within {size} bytes; the limit is {limit} (max=)"
    )]
    Unended {
        /// How many bytes were looked at.
        size: usize,
        /// The framing's `max`.
        limit: usize,
        /// Where the message begins in the stream.
        at: u64,
    },
    /// The length after adjustment is below zero or beyond 64 bits.
    #[error("the length {length} at byte {at} of the stream is no size with adjust={adjust}")]
    BadLength {
        /// The length as sent.
        length: u64,
        /// The framing's `adjust`.
        adjust: i64,
        /// Where the frame begins in the stream.
        at: u64,
    },
    /// The whole frame would end before its own length field does.
    #[error("the frame at byte {at} of the stream has {size} bytes: it ends within its header of {header}")]
    EndsInHeader {
        /// The announced size of the frame.
        size: usize,
        /// The size of the header.
        header: usize,
        /// Where the frame begins in the stream.
        at: u64,
    },
    /// A varint that does not fit into 64 bits.
    #[error("the varint at byte {at} of the stream does not end within 64 bits")]
    Varint {
        /// Where the frame begins in the stream.
        at: u64,
    },
    /// Not a netstring.
    #[error("no netstring at byte {at} of the stream: {found} where {expected} is due")]
    Netstring {
        /// The byte found, as text.
        found: String,
        /// What belongs there.
        expected: &'static str,
        /// Where the byte is in the stream.
        at: u64,
    },
    /// A sealed frame of a version that is not spoken here.
    #[error("the sealed frame at byte {at} of the stream has version {version}; this program speaks 1")]
    Version {
        /// The version.
        version: u8,
        /// Where the frame begins in the stream.
        at: u64,
    },
    /// Bytes were skipped; the stream goes on after them.
    #[error("{} bytes at byte {} of the stream were skipped: {}", .0.bytes, .0.at, .0.why)]
    Damaged(Skipped),
    /// The input ended in the middle of a message.
    #[error("the stream ended in the middle of the message at byte {}: {}", .0.at, half(.0))]
    Half(Half),
}

impl FrameError {
    /// Whether decoding can go on with the next message.
    pub fn is_recoverable(&self) -> bool {
        matches!(self, Self::Damaged(_))
    }
}

fn half(half: &Half) -> String {
    match half.due {
        Some(due) => format!("{} of {due} bytes came", half.have),
        None => format!("{} bytes came, and no end", half.have),
    }
}
