//! arq: reliable (or not) messages over UDP, with a sliding window.
//!
//! A machine: it gets datagrams and the time, it gives datagrams, deadlines and events. To drive one
//! [`Endpoint`], repeat:
//!
//! 1. Change something: [`Endpoint::handle_datagram`], [`Endpoint::handle_timeout`], or through
//!    [`Endpoint::session_mut`] [`Session::send`], [`Session::recv`], [`Session::close`].
//! 2. Drain: [`Endpoint::poll_transmit`] until it gives `None`, sending what it gives; then
//!    [`Endpoint::poll_event`] until `None`.
//! 3. Wait for a datagram or for [`Endpoint::poll_timeout`], whichever is first.
//!
//! The protocol, the layout of its packets and its invariants are described in `docs/arq.md`.

mod acks;
mod codec;
mod config;
mod congestion;
mod cookie;
mod endpoint;
mod error;
pub mod frame;
mod handshake;
mod loss;
mod mtud;
mod noise;
mod pacing;
mod packet;
mod path;
mod ranges;
mod reassembly;
mod receive;
mod rtt;
mod seal;
mod send;
mod sent_packets;
mod session;
mod stats;
mod timers;
mod types;

pub use codec::VARINT_MAX;
pub use config::{Algorithm, Config, Integrity};
pub use endpoint::{Endpoint, EndpointStats, Handle, Transmit};
pub use error::{Ended, Refusal, SendError, Violation};
pub use mtud::BASE as MIN_DATAGRAM;
pub use packet::{Header, VERSION};
pub use rtt::Rtt;
pub use send::STREAM;
pub use session::{Event, Session};
pub use stats::{Happened, Stats, Trace};
pub use types::{Channel, ConnectionId, Lane, Message, MessageId, Mode, PacketNumber, Route, Side};
