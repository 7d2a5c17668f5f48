//! Socket options by name, from one table: `SO_RCVBUF`, `TCP_NODELAY`, `IP_TTL`, …
//!
//! [`table`] is the documentation too, `sockeye options` prints it. [`get`] and [`set`] work on any descriptor of a
//! socket, [`Value`] is read from and written as text.

/// One row of the table a line: names, number, form, access, sockets, documentation.
macro_rules! rows {
    ($level:expr; $($name:literal $short:literal $number:expr, $form:expr, $access:expr, $on:expr, $doc:literal;)*) => {
        [$(super::SocketOption {
            name: $name,
            short: $short,
            level: $level,
            number: $number,
            form: $form,
            access: $access,
            on: $on,
            doc: $doc,
        },)*]
    };
}
use rows;

mod codec;
mod ip;
mod socket;
mod transport;
mod value;

pub use value::{Form, Group, Unit, Value};

use std::os::fd::AsFd;

use super::{Family, Type, name_of, sys};
use crate::{Error, Result, error::Reason, proto::address};

pub(super) use codec::word;

/// A socket option as the kernel knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketOption {
    /// The constant's name in C: `SO_RCVBUF`.
    pub name: &'static str,
    /// The short name, as addresses spell it: `rcvbuf`.
    pub short: &'static str,
    /// The level.
    pub level: Level,
    /// The constant's number in C.
    pub number: i32,
    /// What its value looks like.
    pub form: Form,
    /// Whether it can be read, set, or both.
    pub access: Access,
    /// The sockets that have it.
    pub on: On,
    /// What it does, in one line.
    pub doc: &'static str,
}

/// The level of an option: the first argument of `getsockopt` after the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// `SOL_SOCKET`: socket(7), unix(7).
    Socket,
    /// `IPPROTO_IP`: ip(7).
    Ip,
    /// `IPPROTO_IPV6`: ipv6(7), RFC 3542.
    Ipv6,
    /// `IPPROTO_TCP`: tcp(7).
    Tcp,
    /// `IPPROTO_UDP`: udp(7).
    Udp,
}

impl Level {
    /// Every level, in the order of [`table`].
    pub const ALL: [Self; 5] = [Self::Socket, Self::Ip, Self::Ipv6, Self::Tcp, Self::Udp];

    /// The constant's number in C.
    pub fn number(self) -> i32 {
        match self {
            Self::Socket => libc::SOL_SOCKET,
            Self::Ip => libc::IPPROTO_IP,
            Self::Ipv6 => libc::IPPROTO_IPV6,
            Self::Tcp => libc::IPPROTO_TCP,
            Self::Udp => libc::IPPROTO_UDP,
        }
    }

    /// The constant's name in C.
    pub fn name(self) -> &'static str {
        match self {
            Self::Socket => "SOL_SOCKET",
            Self::Ip => "IPPROTO_IP",
            Self::Ipv6 => "IPPROTO_IPV6",
            Self::Tcp => "IPPROTO_TCP",
            Self::Udp => "IPPROTO_UDP",
        }
    }
}

/// What can be done with an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Read only.
    Get,
    /// Set only.
    Set,
    /// Read and set.
    Both,
}

impl Access {
    /// In words, for documentation.
    pub fn words(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Both => "get, set",
        }
    }
}

/// The sockets that have an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// All of them.
    Any,
    /// IPv4 and IPv6.
    Ip,
    /// IPv4. Some work on IPv6 sockets too, for the IPv4 packets that those send.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// UDP and raw sockets of IPv4.
    Ipv4Datagrams,
    /// UDP and raw sockets of IPv6.
    Ipv6Datagrams,
    /// IPv4, once connected.
    ConnectedIpv4,
    /// IPv6, once connected.
    ConnectedIpv6,
    /// Raw IPv4.
    RawIpv4,
    /// Raw IPv6.
    RawIpv6,
    /// TCP.
    Tcp,
    /// Connected TCP.
    ConnectedTcp,
    /// TCP over IPv4, accepted.
    ConnectedTcpIpv4,
    /// UDP.
    Udp,
    /// Unix sockets.
    Unix,
    /// Connected Unix streams and seqpackets, and pairs.
    ConnectedUnix,
}

impl On {
    /// Whether sockets of that family and type have the option (once they are connected, where that matters).
    pub fn includes(self, family: Family, kind: Type) -> bool {
        let ip = family != Family::Unix;
        match self {
            Self::Any => true,
            Self::Ip => ip,
            Self::Ipv4 | Self::ConnectedIpv4 => family == Family::Inet,
            Self::Ipv6 | Self::ConnectedIpv6 => family == Family::Inet6,
            Self::Ipv4Datagrams => family == Family::Inet && kind != Type::Stream,
            Self::Ipv6Datagrams => family == Family::Inet6 && kind != Type::Stream,
            Self::RawIpv4 => family == Family::Inet && kind == Type::Raw,
            Self::RawIpv6 => family == Family::Inet6 && kind == Type::Raw,
            Self::Tcp | Self::ConnectedTcp => ip && kind == Type::Stream,
            Self::ConnectedTcpIpv4 => family == Family::Inet && kind == Type::Stream,
            Self::Udp => ip && kind == Type::Datagram,
            Self::Unix => family == Family::Unix,
            Self::ConnectedUnix => family == Family::Unix && kind != Type::Datagram,
        }
    }

    /// In words, for documentation.
    pub fn words(self) -> &'static str {
        match self {
            Self::Any => "any socket",
            Self::Ip => "IPv4 and IPv6",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::Ipv4Datagrams => "UDP and raw IPv4",
            Self::Ipv6Datagrams => "UDP and raw IPv6",
            Self::ConnectedIpv4 => "connected IPv4",
            Self::ConnectedIpv6 => "connected IPv6",
            Self::RawIpv4 => "raw IPv4",
            Self::RawIpv6 => "raw IPv6",
            Self::Tcp => "TCP",
            Self::ConnectedTcp => "connected TCP",
            Self::ConnectedTcpIpv4 => "connected TCP over IPv4",
            Self::Udp => "UDP",
            Self::Unix => "Unix sockets",
            Self::ConnectedUnix => "connected Unix streams",
        }
    }
}

/// Every option, grouped by level.
pub fn table() -> impl Iterator<Item = &'static SocketOption> {
    [socket::SOCKET, ip::IP, ip::IPV6, transport::TCP, transport::UDP].into_iter().flatten()
}

/// The option of that name (`SO_RCVBUF`) or short name (`rcvbuf`), in any case, with `-` or `_`.
pub fn find(name: &str) -> Option<&'static SocketOption> {
    let plain = |name: &str| name.to_ascii_lowercase().replace('_', "-");
    let wanted = match plain(name).as_str() {
        // Two names of one number.
        "ipv6-add-membership" => "ipv6-join-group".to_owned(),
        "ipv6-drop-membership" => "ipv6-leave-group".to_owned(),
        wanted => wanted.to_owned(),
    };
    table().find(|o| plain(o.name) == wanted).or_else(|| table().find(|o| o.short == wanted))
}

/// The socket options among the options of an address, in the order in which they were typed, with their values.
pub fn of_address(options: &address::Options) -> impl Iterator<Item = (&'static SocketOption, Value)> {
    options.iter().filter_map(|setting| {
        let option = find(setting.name.info().socket?)?;
        Some((option, Value::from(&setting.value)))
    })
}

/// As [`find`]; the error of a name that is unknown gives the nearest one.
pub fn lookup(name: &str) -> Result<&'static SocketOption> {
    find(name).ok_or_else(|| {
        let reason = Reason::Usage("there is no socket option of that name".into());
        let error = Error::new("find the option", format_args!("`{name}`"), reason);
        match nearest(name) {
            Some(near) => error.hint(format!("did you mean {near}? `sockeye options` lists all of them")),
            None => error.hint("`sockeye options` lists all of them"),
        }
    })
}

fn nearest(name: &str) -> Option<&'static str> {
    let (upper, lower) = (name.to_ascii_uppercase(), name.to_ascii_lowercase());
    let near = table().flat_map(|o| {
        [(strsim::jaro_winkler(&upper, o.name), o.name), (strsim::jaro_winkler(&lower, o.short), o.name)]
    });
    near.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// `getsockopt`: the value of an option on a socket.
///
/// Fails with `ENOPROTOOPT` or `EOPNOTSUPP` where the socket or kernel does not have it, `ENOTCONN` where it must be
/// connected for it, and as wrong usage where the option can only be set.
pub fn get(fd: impl AsFd, option: &SocketOption) -> Result<Value> {
    let failed = |reason| Error::new(format!("get {} of", option.name), name_of(&fd), reason);
    if option.access == Access::Set {
        return Err(failed(Reason::Usage("the kernel lets it be set, not read".into())));
    }
    let mut bytes = vec![0; option.form.room()];
    let got = sys::getsockopt(fd.as_fd(), option.level.number(), option.number, &mut bytes);
    bytes.truncate(got.map_err(|e| failed(e.into()))?);
    codec::decode(fd.as_fd(), option.form, &bytes).map_err(failed)
}

/// `setsockopt`: gives an option a value. A [`Value::Text`] is read as the option's own form.
///
/// The kernel may round or bound what it is given; it doubles `SO_SNDBUF` and `SO_RCVBUF`.
pub fn set(fd: impl AsFd, option: &SocketOption, value: &Value) -> Result<()> {
    let failed = |reason| Error::new(format!("set {} of", option.name), name_of(&fd), reason);
    if option.access == Access::Get {
        return Err(failed(Reason::Usage("the kernel lets it be read, not set".into())));
    }
    let value = value.read_as(option.form).map_err(|e| failed(Reason::Usage(e)))?;
    let bytes = codec::encode(fd.as_fd(), option.form, &value).map_err(failed)?;
    let set = sys::setsockopt(fd.as_fd(), option.level.number(), option.number, &bytes);
    set.map_err(|e| failed(e.into()))
}

/// `setsockopt` by numbers, for options that are not in the table.
pub(crate) fn set_by_number(fd: impl AsFd, level: i32, name: i32, value: &[u8]) -> Result<()> {
    let attempt = format!("set option {name} of level {level} of");
    sys::setsockopt(fd.as_fd(), level, name, value).map_err(|e| Error::new(attempt, name_of(&fd), e))
}
