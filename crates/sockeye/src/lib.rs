//! A socket workbench: the whole Socket API, endpoints opened by address, a relay between any two of
//! them, services, and the drivers of the protocols in [`sockeye_proto`].
//!
//! Layers, each using only those below: services → relay → [`mod@endpoint`] → [`mod@socket`]. Every protocol
//! decision is made in `sockeye_proto`; what is here waits, reads the clock and moves bytes.

pub mod arq;
pub mod diag;
pub mod endpoint;
pub mod error;
pub mod event;
pub mod framed;
pub mod http;
pub mod ping;
pub mod relay;
pub mod service;
pub mod socket;
pub mod stop;
pub mod tls;

pub use error::{Error, Result};
pub use socket::{Addr, Socket};
pub use sockeye_proto as proto;

/// The pieces of code in the documentation, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/socket-api.md")]
struct SocketApiPage;
