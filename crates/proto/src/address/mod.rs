//! Text ⇄ [`Address`]: what a socket, pipe, file or program to talk to is called.
//!
//! The grammar is socat's, `KEYWORD:param:param,option[=value],…`, in any case, with URLs as a second
//! spelling (`tcp://host:port`, `unix:///run/x.sock`). Parsing makes no system call: names stay names,
//! service names stay names. An error points at the place in the text and names the nearest known word.

mod data;
mod display;
mod error;
mod group;
mod keywords;
mod kind;
mod option;
mod parse;
mod prompt;
#[cfg(test)]
mod tests;
mod tokens;
mod url;

use std::str::FromStr;

pub use data::data;
pub use error::{ParseError, Problem};
pub use group::Groups;
pub use keywords::{Keyword, keywords};
pub use kind::{
    Family, GenericSocket, Host, HostPort, InterfaceAddress, Kind, Port, Protocol, SocketUse, UnixName, Via,
    Vsock,
};
pub use option::{Numbered, OptionInfo, OptionName, Options, SHORTHANDS, Setting, Value, ValueType, options};

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

/// Where an address is typed, which decides what it means without a keyword, and what plain keywords mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Role {
    /// One side of a relay: socat's meaning. `host:port` is TCP where the host can be nothing else (it has
    /// a dot or brackets, or is `localhost`); a bare number is a descriptor.
    #[default]
    Relay,
    /// Something to connect to: `host:port` is TCP.
    Connect,
    /// Something to listen on: `host:port` (`*:port`, `:port` for every interface) is TCP-LISTEN, a bare
    /// port listens on 127.0.0.1, and TCP, UDP, UNIX, ABSTRACT, TLS and ARQ mean their listening kinds.
    Listen,
}

/// An address typed at a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompted {
    /// The address meant.
    pub address: Address,
    /// Whether only a port was given, so that the address listens on loopback; worth a hint.
    pub bare_port: bool,
}

impl From<Address> for Prompted {
    fn from(address: Address) -> Self {
        Self { address, bare_port: false }
    }
}

impl Address {
    /// An address of this kind without options.
    pub fn new(kind: Kind) -> Self {
        Self { kind, options: Options::default() }
    }

    /// Parses one address with socat's meaning: [`Role::Relay`].
    ///
    /// # Errors
    /// The place in the text and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_for(text, Role::Relay).map(|prompted| prompted.address)
    }

    /// Parses one address as people mean it in that place.
    ///
    /// # Errors
    /// The place in the text and what is wrong there.
    pub fn parse_for(text: &str, role: Role) -> Result<Prompted, ParseError> {
        let parsed = tokens::double_bang(text).and_then(|bang| match bang {
            Some(at) => Err(error::Fault::new(at..at + 2, Problem::Dual)),
            None => parse::single(text, 0..text.len(), role),
        });
        parsed.map_err(|fault| fault.within(text))
    }
}

impl FromStr for Address {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl Spec {
    /// Parses an address, or two joined by `!!`, with socat's meaning.
    ///
    /// # Errors
    /// The place in the text and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let side = |part| parse::single(text, part, Role::Relay).map(|prompted| prompted.address);
        let parsed = tokens::double_bang(text).and_then(|bang| match bang {
            Some(at) => Ok(Self::Dual { read: side(0..at)?, write: side(at + 2..text.len())? }),
            None => side(0..text.len()).map(Self::Single),
        });
        parsed.map_err(|fault| fault.within(text))
    }
}

impl FromStr for Spec {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}
