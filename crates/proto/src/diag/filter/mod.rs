//! The filter language of `ss(8)`: words → [`Expr`], evaluated here or compiled for the kernel.
//!
//! ```text
//! filter := { ("state" | "exclude" | "excl") STATE } [expr]
//! expr   := expr or expr | expr and expr | expr expr | not expr | ( expr ) | pred     not > and > or
//! pred   := (dst|src) [=] HOST | (dport|sport) [OP] [FAM:][:]PORT | (dev|fwmark|cgroup) [=|!=] VALUE
//!         | autobound | (pid|comm|uid|inode) [=|!=] VALUE
//! OP     := = == eq | != ne neq | > gt | < lt | >= ge geq | <= le leq
//! HOST   := [FAM:]ADDR[/len][:PORT]
//! ```
//!
//! Words are separated by blanks, and a backslash takes the next character as it is. Beyond ss, operators need
//! no blanks (`sport=:22`, `!sport=:22`, `(dport=:80`), an IPv6 address needs no brackets where it has no
//! port, and the four predicates of the last row exist.

pub mod bytecode;
mod eval;
mod glob;
mod host;
mod parse;

use std::net::IpAddr;

pub use eval::Context;
pub use glob::glob;

use super::States;

/// A parsed filter: which states, which family its hosts name, and the expression.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    /// The states it names; `None`: none named.
    pub states: Option<States>,
    /// The one family that its last host condition with a family prefix names.
    pub family: Option<Family>,
    /// The expression; `None` matches everything.
    pub expr: Option<Expr>,
}

/// An expression of predicates.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// All of these.
    And(Vec<Self>),
    /// Any of these.
    Or(Vec<Self>),
    /// The opposite.
    Not(Box<Self>),
    /// A test of one socket.
    Is(Predicate),
}

/// A test of one socket.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// `src`, `dst`, `sport = …`, `dport = …`.
    Host(Side, Host),
    /// `sport >= …` and its like.
    Port(Side, Order, i64),
    /// Bound to this interface.
    Device(u32),
    /// The mark, masked, is this.
    Mark {
        /// What it must be.
        mark: u32,
        /// Which of its bits count.
        mask: u32,
    },
    /// In the control group with this id.
    Cgroup(u64),
    /// The local port or name was chosen by the kernel.
    Autobound,
    /// Held by this process.
    Pid(u32),
    /// Held by a process whose name matches this pattern.
    Comm(String),
    /// Created by this user.
    Uid(u32),
    /// The socket with this inode.
    Inode(u32),
}

/// Which end of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// `src`, `sport`.
    Local,
    /// `dst`, `dport`.
    Peer,
}

/// How ports compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// At least.
    GreaterOrEqual,
    /// At most.
    LessOrEqual,
}

/// A host condition: an address pattern and a port, either of which may be any.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Host {
    /// The address pattern.
    pub address: Pattern,
    /// The port: also an interface index, a netlink port or an inode.
    pub port: Option<i64>,
}

/// What an address must look like.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Pattern {
    /// Anything.
    #[default]
    Any,
    /// In one of these prefixes (a name may stand for several).
    Ip(Vec<Prefix>),
    /// A unix name that matches this glob, in any case.
    Unix(String),
    /// A packet socket, of this Ethernet protocol if one is given.
    Packet(Option<u16>),
    /// A netlink socket, of this protocol if one is given.
    Netlink(Option<u32>),
    /// A vsock socket, with this context id if one is given.
    Vsock(Option<u32>),
}

/// The first bits of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// The address; bits beyond `len` do not count.
    pub address: IpAddr,
    /// How many bits count, at most 32 or 128.
    pub len: u8,
}

impl Prefix {
    /// Whether `ip` lies in it. An IPv4 prefix holds the IPv4-mapped IPv6 addresses too.
    pub fn contains(self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(want), IpAddr::V4(is)) => same_bits(&want.octets(), &is.octets(), self.len),
            (IpAddr::V6(want), IpAddr::V6(is)) => same_bits(&want.octets(), &is.octets(), self.len),
            (IpAddr::V4(want), IpAddr::V6(is)) => {
                is.to_ipv4_mapped().is_some_and(|is| same_bits(&want.octets(), &is.octets(), self.len))
            }
            (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

fn same_bits(a: &[u8], b: &[u8], bits: u8) -> bool {
    let (whole, rest) = (usize::from(bits / 8), bits % 8);
    let mask = !(0xffu8.checked_shr(u32::from(rest)).unwrap_or(0));
    a[..whole] == b[..whole] && (rest == 0 || (a[whole] ^ b[whole]) & mask == 0)
}

/// A family of sockets, as named before a colon in hosts and after `-f`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Family {
    Inet,
    Inet6,
    Link,
    Unix,
    Netlink,
    Vsock,
    Tipc,
    Xdp,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 8] =
        [Self::Inet, Self::Inet6, Self::Link, Self::Unix, Self::Netlink, Self::Vsock, Self::Tipc, Self::Xdp];

    /// The name after `-f`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inet => "inet",
            Self::Inet6 => "inet6",
            Self::Link => "link",
            Self::Unix => "unix",
            Self::Netlink => "netlink",
            Self::Vsock => "vsock",
            Self::Tipc => "tipc",
            Self::Xdp => "xdp",
        }
    }

    /// The family with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }
}

/// What a filter's words may name that only the machine knows. Every method may say that it does not know.
pub trait Names {
    /// The addresses of a host name, IPv4 first; only those of `family` where one is given.
    fn host(&self, name: &str, family: Option<Family>) -> Vec<IpAddr>;
    /// The port of a service: the candidates for the protocols that are shown, without duplicates.
    fn service(&self, name: &str) -> Vec<u16>;
    /// The index of an interface.
    fn interface(&self, name: &str) -> Option<u32>;
    /// The id of the control group at this path.
    fn cgroup(&self, path: &str) -> Option<u64>;
    /// The number of an Ethernet protocol (`ip`, `arp`, `lldp`).
    fn ether_type(&self, name: &str) -> Option<u16>;
    /// The number of a netlink protocol (`rtnl`, `genl`).
    fn netlink_protocol(&self, name: &str) -> Option<u32>;
    /// The id of a user.
    fn user(&self, name: &str) -> Option<u32>;
}

/// Why words are not a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum FilterError {
    #[error("the filter ends where {0} should follow")]
    Unfinished(&'static str),
    #[error("{0:?} is not expected here; {1}")]
    Unexpected(String, &'static str),
    #[error("\"{0}\" is no state; known are {list}", list = States::NAMES.join(", "))]
    State(String),
    #[error("an inet prefix is expected rather than \"{0}\"")]
    Prefix(String),
    #[error("\"{0}\" does not look like a port")]
    Port(String),
    #[error("\"{0}\" is a different port in TCP and UDP: give its number")]
    AmbiguousPort(String),
    #[error("there is no interface \"{0}\"")]
    Device(String),
    #[error("\"{0}\" is not a mark (NUMBER or NUMBER/MASK)")]
    Mark(String),
    #[error("there is no control group \"{0}\"")]
    Cgroup(String),
    #[error("\"{value}\" is not {what}")]
    Value { what: &'static str, value: String },
    #[error("brackets are nested more than {0} deep")]
    TooDeep(usize),
}

impl Filter {
    /// Parses words as ss gives them: each argument may hold several, separated by blanks. `family` is
    /// the one asked for by option, which decides how hosts are read.
    pub fn parse<S: AsRef<str>>(
        arguments: &[S],
        family: Option<Family>,
        names: &dyn Names,
    ) -> Result<Self, FilterError> {
        parse::filter(arguments, family, names)
    }

    /// Whether the expression asks which processes hold a socket.
    pub fn asks_processes(&self) -> bool {
        fn any(expr: &Expr) -> bool {
            match expr {
                Expr::And(all) | Expr::Or(all) => all.iter().any(any),
                Expr::Not(inner) => any(inner),
                Expr::Is(p) => matches!(p, Predicate::Pid(_) | Predicate::Comm(_)),
            }
        }
        self.expr.as_ref().is_some_and(any)
    }

    /// The two filters at once.
    #[must_use]
    pub fn and(mut self, other: Expr) -> Self {
        self.expr = Some(match self.expr {
            Some(expr) => Expr::And(vec![expr, other]),
            None => other,
        });
        self
    }
}

#[cfg(test)]
mod tests;
