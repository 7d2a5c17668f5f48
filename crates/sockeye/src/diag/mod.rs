//! Every socket on the machine: what `ss(8)` shows, as values.
//!
//! A [`Query`] says which tables, states and details, and may carry a filter, written as text
//! ([`sockeye_proto::diag::Filter`]) or built in code. Its rows come one at a time ([`Query::each`]) or as an
//! iterator ([`Query::sockets`]). [`Processes`] says who holds a socket; it walks `/proc` and is made only where
//! it is wanted.
//!
//! A dump that the kernel reports as inconsistent, or of which a part was lost, is repeated, and in the end an
//! error: never silently partial. Where the kernel has no `sock_diag`, `/proc/net` serves.
//!
//! ```no_run
//! use sockeye::diag::{Query, Table};
//! for socket in Query::of(&[Table::Tcp]).sockets()? {
//!     println!("{} {} {}", socket.state, socket.local, socket.peer);
//! }
//! # Ok::<(), sockeye::Error>(())
//! ```

mod file;
mod follow;
mod in_use;
mod names;
mod netlink;
mod process;
mod procfs;
mod query;
mod sample;
mod summary;
mod tables;

pub use file::{read_dump, write_dump};
pub use follow::{Follow, Transition};
pub use in_use::{Bind, explain_in_use, explained};
pub use names::Machine;
pub use netlink::{Destroyed, enter_namespace};
pub use process::{Holder, Processes};
pub use procfs::unix_lines;
pub use query::{FilterContext, Query, Step};
pub use sample::Sampler;
pub use sockeye_proto::diag::{
    Endpoint, Filter, Kind, Socket, State, States, procfs::UnixLine, request::Want,
};
pub use summary::{Counters, Summary, counters, counters_v6};
pub use tables::{Families, Table, Tables};
