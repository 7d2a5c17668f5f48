//! Text ⇄ [`Address`]: what a socket, pipe, file or program to talk to is called.
//!
//! The grammar is socat's, `KEYWORD:param:param,option[=value],…`, in any case, with URLs as a second
//! spelling (`tcp://host:port`, `unix:///run/x.sock`). Parsing makes no system call: names stay names,
//! service names stay names. An error points at the place in the text and names the nearest known word.

mod kind;
mod option;

pub use kind::{Family, Host, HostPort, Kind, Port, UnixName};
pub use option::{OptionName, Options, Setting, Value};

/// One address: what it is, and the options given with it.
///
/// ```text
/// TCP-LISTEN:8080,bind=127.0.0.1,fork
/// ╰───┬────╯ ╰┬─╯ ╰──────┬─────╯ ╰┬─╯
///  keyword  param   option=value  option
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The keyword with its parameters.
    pub kind: Kind,
    /// The options, in the order they were typed.
    pub options: Options,
}

/// What a command takes as one side: an address, or `A!!B`, which reads from A and writes to B.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    /// One address for both directions.
    Single(Address),
    /// `read!!write`: socat's dual address.
    Dual {
        /// Where data comes from.
        read: Address,
        /// Where data goes.
        write: Address,
    },
}
