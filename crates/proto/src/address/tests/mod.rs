//! Tests of the grammar: what is read, what is refused and where, what is printed.

mod docs;
mod errors;
mod framing;
mod grammar;
mod prompt;
mod roundtrip;
mod tables;
mod urls;
