//! The protocols of sockeye as machines: bytes, values and `now` go in; bytes, events and
//! deadlines come out. Nothing here opens a socket, reads a clock or sleeps, so every protocol is
//! tested on a virtual clock, and the driver that runs it (in the `sockeye` crate) stays thin.
//!
//! # Promises
//! - No input from a peer or a file makes a function of this crate panic. Bad input is an error value.
//! - Nothing is allocated on the word of a length field: limits are checked first.
#![forbid(unsafe_code)]

// The seeded runs of the fuzz targets name this crate as its users do.
#[cfg(test)]
extern crate self as sockeye_proto;

pub mod address;
pub mod arq;
pub mod diag;
pub mod faults;
pub mod framing;
pub mod http;
pub mod icmp;
pub mod proxy;
pub mod proxy_protocol;
pub mod stats;
pub mod time;
pub mod wire;
