//! The library against real kernels and real peers. One test program, so that it links once.

mod support;

mod arq;
mod chat;
mod diag;
mod examples;
mod framed;
mod http_server;
mod ping;
mod relay;
mod socket;
mod tls;
