//! The binary as a user meets it, alone and against real peers. One test program, so that it links once.

#[path = "../../../sockeye/tests/it/support.rs"]
mod support;

mod arq;
mod binary;
mod common;
mod connect;
mod datagrams;
mod errors;
mod events;
mod exit_codes;
mod faults;
mod frame;
mod framed;
mod get;
mod help;
mod kinds;
mod listen;
mod options;
mod ping;
mod relay;
mod serve;
mod services;
mod soak;
mod socat;
mod socat_options;
mod socat_system;
mod ss;
mod stats;
mod terms;
mod watch;
