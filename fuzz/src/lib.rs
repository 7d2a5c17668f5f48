//! What the targets do with their input, apart from the fuzzer that calls them.
pub mod http;
pub mod proxies;
