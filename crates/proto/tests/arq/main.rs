//! The transport on a virtual clock: traces, faults, simulations over many seeds, tables of goodput.
#![allow(missing_docs, unreachable_pub, unnameable_types, missing_debug_implementations)]

mod basics;
mod faults;
mod fuzz;
mod link;
mod pair;
mod seeds;
