//! Why a connection ends, and what a peer can do wrong.

use std::time::Duration;

/// What is wrong with a packet or what it says. Ends the connection, with [`Violation::code`] to the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A frame is cut short, has an unknown type or a field out of its range.
    #[error("a malformed frame ({0})")]
    Frame(&'static str),
    /// An acknowledgement of a packet that was never sent.
    #[error("an acknowledgement of packet {0}, which was never sent")]
    AckOfUnsent(u64),
    /// More bytes or messages than the receiver allowed.
    #[error("more {0} than the window allows")]
    FlowControl(&'static str),
    /// A message above the limit.
    #[error("a message of at least {size} bytes, above the limit of {limit}")]
    MessageTooLarge {
        /// Its size, as far as it is known.
        size: u64,
        /// The receiver's limit.
        limit: u64,
    },
    /// A channel above the limit.
    #[error("channel {0}, above the limit")]
    Channel(u8),
    /// A message whose end, length or bytes contradict what came before.
    #[error("a message that contradicts itself ({0})")]
    Message(&'static str),
    /// Fragments that never make whole messages: the bound of reassembly is reached.
    #[error("too many fragments of unfinished messages ({0})")]
    Reassembly(usize),
}

impl Violation {
    /// The code in the close frame.
    pub fn code(self) -> u64 {
        match self {
            Self::Frame(_) => 0x11,
            Self::AckOfUnsent(_) => 0x12,
            Self::FlowControl(_) => 0x13,
            Self::MessageTooLarge { .. } => 0x14,
            Self::Channel(_) => 0x15,
            Self::Message(_) => 0x16,
            Self::Reassembly(_) => 0x17,
        }
    }
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// This side closed it.
    #[error("closed here")]
    Local,
    /// The peer closed it.
    #[error("closed by the peer (code {code}: {reason})")]
    Peer {
        /// The peer's code: 0 is "done".
        code: u64,
        /// The peer's words.
        reason: String,
    },
    /// The peer refused it.
    #[error("refused by the peer: {0}")]
    Refused(Refusal),
    /// No first answer came.
    #[error("no answer within {0:?}")]
    NoAnswer(Duration),
    /// Nothing was heard from the peer for the idle timeout.
    #[error("nothing heard for {0:?}")]
    Idle(Duration),
    /// The peer broke the protocol.
    #[error("the peer sent {0}")]
    Violation(Violation),
    /// The keys of this connection have been used as often as they may be.
    #[error("too many packets failed authentication")]
    KeysExhausted,
}

/// Why a server refuses a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub enum Refusal {
    /// Another version of the protocol.
    #[error("it speaks another version of the protocol")]
    Version = 1,
    /// Another integrity mode.
    #[error("it demands another integrity mode")]
    Integrity = 2,
    /// The keys do not agree.
    #[error("the keys do not agree")]
    Key = 3,
    /// A parameter out of its range.
    #[error("a parameter is out of its range")]
    Parameters = 4,
    /// It has as many connections, or as much memory in use, as it may.
    #[error("it takes no more connections")]
    Full = 5,
    /// A reason that this version does not know.
    #[error("for a reason unknown here")]
    Other = 255,
}

impl Refusal {
    pub(crate) fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Version,
            2 => Self::Integrity,
            3 => Self::Key,
            4 => Self::Parameters,
            5 => Self::Full,
            _ => Self::Other,
        }
    }
}

/// Why a message cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The send buffer is full: wait for [`Event::Writable`](super::Event::Writable).
    #[error("the send buffer is full")]
    Full,
    /// Larger than the peer takes.
    #[error("the message has {size} bytes, the peer takes {limit}")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The peer's limit.
        limit: usize,
    },
    /// The peer has fewer channels.
    #[error("the peer has {0} channels")]
    NoSuchChannel(u8),
    /// The lane was ended.
    #[error("the channel was ended")]
    LaneEnded,
    /// The connection has ended, or was never made.
    #[error("the connection has ended")]
    NotConnected,
}
