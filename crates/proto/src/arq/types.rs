//! The values that the wire and the interface share.

use bytes::Bytes;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// Names a connection at its receiver, who chose it at random: it survives a change of the peer's address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The number of a packet in one direction: counts up from 0, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketNumber(pub u64);

/// The number of a message within its channel and mode: counts up from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u64);

/// One of the independent sequences of messages of a connection: a lost message holds up only its channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(pub u8);

/// What the network may do to a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Mode {
    /// Arrives exactly once, after all earlier ones of the channel.
    #[default]
    Ordered = 0,
    /// Arrives exactly once, as soon as it is whole.
    Unordered = 1,
    /// Sent once; arrives at most once, and never after a later one.
    Sequenced = 2,
    /// Sent once; arrives at most once.
    Unreliable = 3,
}

impl Mode {
    /// All of them, by their number on the wire.
    pub const ALL: [Self; 4] = [Self::Ordered, Self::Unordered, Self::Sequenced, Self::Unreliable];

    /// Whether what is lost is sent again.
    pub fn is_reliable(self) -> bool {
        matches!(self, Self::Ordered | Self::Unordered)
    }

    /// The name, as in the address option `mode=`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ordered => "ordered",
            Self::Unordered => "unordered",
            Self::Sequenced => "sequenced",
            Self::Unreliable => "unreliable",
        }
    }
}

/// A channel and a mode: messages are numbered for each lane by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// The channel.
    pub channel: Channel,
    /// The mode.
    pub mode: Mode,
}

/// A message that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was sent.
    pub lane: Lane,
    /// Its number in the lane.
    pub id: MessageId,
    /// Its bytes.
    pub data: Bytes,
    /// Whether the peer ended the lane with it: nothing follows.
    pub end: bool,
}

/// Which end of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Sent the first packet.
    Client,
    /// Answered it.
    Server,
}

/// Where a datagram comes from, or goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The peer.
    pub peer: SocketAddr,
    /// The address of this host that the peer speaks to; `None` where the kernel may choose.
    pub local: Option<IpAddr>,
}

impl From<SocketAddr> for Route {
    fn from(peer: SocketAddr) -> Self {
        Self { peer, local: None }
    }
}
