//! The socket that an address of the grammar names.

use crate::{
    Error, Result,
    error::Reason,
    proto::address::{self, Address, Host, Kind, OptionName},
    socket::{Family, Protocol, Socket, Type, UnixAddr, addresses, options},
};

impl Socket {
    /// The socket that `address` names, with the socket options given there, but neither bound nor connected. Of
    /// `FD:n` the descriptor itself, of `SOCKETPAIR` one of the two.
    ///
    /// A name is resolved to learn its family. Fails where the address is no socket.
    pub fn for_address(address: &Address) -> Result<Self> {
        let socket = match &address.kind {
            Kind::Socketpair => Self::pair(type_of(address, Type::Stream)?)?.0,
            Kind::Fd(n) => Self::inherited(i32::try_from(*n).unwrap_or(-1))?,
            kind => {
                let (family, usual, protocol) = what(kind)?;
                Self::with_protocol(family, type_of(address, usual)?, protocol)?
            }
        };
        for (option, value) in options::of_address(&address.options) {
            options::set(&socket, option, &value)?;
        }
        Ok(socket)
    }
}

/// The type that `type=` asks for, or else the usual one.
fn type_of(address: &Address, usual: Type) -> Result<Type> {
    let Some(number) = address.options.number(OptionName::Socktype) else { return Ok(usual) };
    i32::try_from(number).ok().and_then(Type::from_number).ok_or_else(|| {
        let reason =
            Reason::Usage("the types are 1 (stream), 2 (datagram), 3 (raw) and 5 (seqpacket)".into());
        Error::new("open a socket of type", number, reason)
    })
}

fn what(kind: &Kind) -> Result<(Family, Type, Protocol)> {
    let default = Protocol::DEFAULT;
    Ok(match kind {
        Kind::Tcp { family, to } => (family_of(*family, Some(&to.host))?, Type::Stream, default),
        Kind::TcpListen { family, host, .. } => (family_of(*family, host.as_ref())?, Type::Stream, default),
        Kind::Tls { to } => (family_of(address::Family::Any, Some(&to.host))?, Type::Stream, default),
        Kind::TlsListen { host, .. } => {
            (family_of(address::Family::Any, host.as_ref())?, Type::Stream, default)
        }
        Kind::Proxy { via, .. }
        | Kind::Socks4 { via, .. }
        | Kind::Socks4a { via, .. }
        | Kind::Socks5 { via, .. } => {
            (family_of(address::Family::Any, Some(&via.host))?, Type::Stream, default)
        }
        Kind::Udp { family, to } | Kind::UdpSendto { family, to } | Kind::UdpDatagram { family, to } => {
            (family_of(*family, Some(&to.host))?, Type::Datagram, default)
        }
        Kind::UdpListen { family, host, .. }
        | Kind::UdpRecv { family, host, .. }
        | Kind::UdpRecvfrom { family, host, .. } => {
            (family_of(*family, host.as_ref())?, Type::Datagram, default)
        }
        Kind::Arq { to } => (family_of(address::Family::Any, Some(&to.host))?, Type::Datagram, default),
        Kind::ArqListen { host, .. } => {
            (family_of(address::Family::Any, host.as_ref())?, Type::Datagram, default)
        }
        Kind::IpSendto { family, host, protocol } | Kind::IpDatagram { family, host, protocol } => {
            (family_of(*family, Some(host))?, Type::Raw, Protocol::of_address(protocol)?)
        }
        Kind::IpRecv { family, protocol } | Kind::IpRecvfrom { family, protocol } => {
            (family_of(*family, None)?, Type::Raw, Protocol::of_address(protocol)?)
        }
        Kind::UnixConnect(_) | Kind::UnixClient(_) | Kind::UnixListen(_) => {
            (Family::Unix, Type::Stream, default)
        }
        Kind::UnixSendto(_) | Kind::UnixRecv(_) | Kind::UnixRecvfrom(_) => {
            (Family::Unix, Type::Datagram, default)
        }
        other => {
            let reason = Reason::Usage("it is a file, a terminal or a program, not a socket".into());
            let error = Error::new("open a socket for", Address::new(other.clone()), reason);
            return Err(error.hint("socket options belong to tcp:, udp:, unix:, ip-… addresses and fd:N"));
        }
    })
}

fn family_of(asked: address::Family, host: Option<&Host>) -> Result<Family> {
    let asked = match asked {
        address::Family::V4 => return Ok(Family::Inet),
        address::Family::V6 => return Ok(Family::Inet6),
        address::Family::Any => None,
    };
    let first = match host {
        None => return Ok(Family::Inet),
        Some(Host::Ip(ip)) => return Ok(if ip.is_ipv6() { Family::Inet6 } else { Family::Inet }),
        Some(Host::Scoped(..)) => return Ok(Family::Inet6),
        Some(Host::Name(name)) => addresses(name, 0, asked)?.first().copied(),
    };
    Ok(if first.is_some_and(|a| a.is_ipv6()) { Family::Inet6 } else { Family::Inet })
}

impl From<&address::UnixName> for UnixAddr {
    fn from(name: &address::UnixName) -> Self {
        match name {
            address::UnixName::Path(path) => Self::Path(path.into()),
            address::UnixName::Abstract(name) => Self::Abstract(name.clone().into()),
        }
    }
}

impl Protocol {
    /// The protocol of a raw address: its number, or its name looked up.
    pub fn of_address(protocol: &address::Protocol) -> Result<Self> {
        match protocol {
            address::Protocol::Number(number) => Ok(Self((*number).into())),
            address::Protocol::Name(name) => super::protocol_by_name(name),
        }
    }
}
