//! Sockets as the kernel describes them (`sock_diag(7)`), and the filter language of `ss(8)`.
//!
//! Requests are built as bytes ([`request`]), replies are read as bytes ([`wire`], [`Socket`]); a [`Filter`]
//! is read from words, evaluated on a [`Socket`], and compiled to the bytecode with which the kernel filters
//! TCP, UDP and raw sockets itself ([`filter::bytecode`]).
//!
//! # Promises
//! - A reply that is cut short or makes no sense is a [`Malformed`] error, never a panic, and no length in it is
//!   believed before it is checked against the bytes that are there.
//! - Attributes that this code does not know are skipped: newer kernels add them.
//!
//! Source of the layouts: `linux/netlink.h`, `linux/inet_diag.h`, `linux/unix_diag.h`,
//! `linux/packet_diag.h`, `linux/netlink_diag.h`, `linux/vm_sockets_diag.h`, `linux/tcp.h`. Numbers are in the
//! machine's own byte order except ports and addresses, which are in network order.

pub mod detail;
mod dump;
pub mod filter;
mod inet;
mod local;
pub mod procfs;
pub mod request;
mod socket;
mod state;
pub mod tcp_info;
pub mod watch;
pub mod wire;

pub use dump::{Progress, Reply};
pub use filter::Filter;
pub use inet::{IDENTITY, identity};
pub use socket::{Endpoint, Kind, Malformed, Shutdown, Socket, Timer, TimerKind, write_ip};
pub use state::{State, States};
pub use tcp_info::TcpInfo;

#[cfg(test)]
mod tests;
