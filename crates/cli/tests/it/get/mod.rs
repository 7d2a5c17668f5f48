//! `sockeye get` against real servers and against one that misbehaves to order.

mod faults;
mod files;
mod outputs;
mod real;
mod requests;
mod servers;
