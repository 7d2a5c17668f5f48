//! From [`Address`] to its canonical text, which parses back to the same value.

use std::fmt;

use super::kind::{
    Family, GenericSocket, Host, HostPort, InterfaceAddress, Kind, Port, Protocol, SocketUse, UnixName, Via,
    Vsock,
};
use super::option::{Setting, Value, ValueType, seconds};
use super::tokens::protect;
use super::{Address, Keyword, Spec};

impl Kind {
    /// The row of the keyword table that this kind is written with.
    pub fn keyword(&self) -> &'static Keyword {
        Keyword::from_name(self.name()).expect("each name below is in the table, as a test checks")
    }

    fn name(&self) -> &'static str {
        let digit = |family: &Family, names: [&'static str; 3]| match family {
            Family::Any => names[0],
            Family::V4 => names[1],
            Family::V6 => names[2],
        };
        let unix = |name: &UnixName, path: &'static str, abstract_name: &'static str| match name {
            UnixName::Path(_) => path,
            UnixName::Abstract(_) => abstract_name,
        };
        match self {
            Self::Tcp { family, .. } => digit(family, ["TCP-CONNECT", "TCP4-CONNECT", "TCP6-CONNECT"]),
            Self::TcpListen { family, .. } => digit(family, ["TCP-LISTEN", "TCP4-LISTEN", "TCP6-LISTEN"]),
            Self::Udp { family, .. } => digit(family, ["UDP-CONNECT", "UDP4-CONNECT", "UDP6-CONNECT"]),
            Self::UdpListen { family, .. } => digit(family, ["UDP-LISTEN", "UDP4-LISTEN", "UDP6-LISTEN"]),
            Self::UdpSendto { family, .. } => digit(family, ["UDP-SENDTO", "UDP4-SENDTO", "UDP6-SENDTO"]),
            Self::UdpRecv { family, .. } => digit(family, ["UDP-RECV", "UDP4-RECV", "UDP6-RECV"]),
            Self::UdpRecvfrom { family, .. } => {
                digit(family, ["UDP-RECVFROM", "UDP4-RECVFROM", "UDP6-RECVFROM"])
            }
            Self::UdpDatagram { family, .. } => {
                digit(family, ["UDP-DATAGRAM", "UDP4-DATAGRAM", "UDP6-DATAGRAM"])
            }
            Self::IpSendto { family, .. } => digit(family, ["IP-SENDTO", "IP4-SENDTO", "IP6-SENDTO"]),
            Self::IpDatagram { family, .. } => digit(family, ["IP-DATAGRAM", "IP4-DATAGRAM", "IP6-DATAGRAM"]),
            Self::IpRecv { family, .. } => digit(family, ["IP-RECV", "IP4-RECV", "IP6-RECV"]),
            Self::IpRecvfrom { family, .. } => digit(family, ["IP-RECVFROM", "IP4-RECVFROM", "IP6-RECVFROM"]),
            Self::Tls { .. } => "TLS",
            Self::TlsListen { .. } => "TLS-LISTEN",
            Self::Arq { .. } => "ARQ",
            Self::ArqListen { .. } => "ARQ-LISTEN",
            Self::Proxy { .. } => "PROXY",
            Self::Socks4 { .. } => "SOCKS4",
            Self::Socks4a { .. } => "SOCKS4A",
            Self::Socks5 { .. } => "SOCKS5",
            Self::UnixConnect(name) => unix(name, "UNIX-CONNECT", "ABSTRACT-CONNECT"),
            Self::UnixClient(name) => unix(name, "UNIX-CLIENT", "ABSTRACT-CLIENT"),
            Self::UnixListen(name) => unix(name, "UNIX-LISTEN", "ABSTRACT-LISTEN"),
            Self::UnixSendto(name) => unix(name, "UNIX-SENDTO", "ABSTRACT-SENDTO"),
            Self::UnixRecv(name) => unix(name, "UNIX-RECV", "ABSTRACT-RECV"),
            Self::UnixRecvfrom(name) => unix(name, "UNIX-RECVFROM", "ABSTRACT-RECVFROM"),
            Self::Socket(socket) => match socket.does {
                SocketUse::Connect => "SOCKET-CONNECT",
                SocketUse::Listen => "SOCKET-LISTEN",
                SocketUse::Sendto => "SOCKET-SENDTO",
                SocketUse::Datagram => "SOCKET-DATAGRAM",
                SocketUse::Recv => "SOCKET-RECV",
                SocketUse::Recvfrom => "SOCKET-RECVFROM",
            },
            Self::VsockConnect(_) => "VSOCK-CONNECT",
            Self::VsockListen(_) => "VSOCK-LISTEN",
            Self::Interface(_) => "INTERFACE",
            Self::Tun(_) => "TUN",
            Self::Sctp { family, .. } => digit(family, ["SCTP-CONNECT", "SCTP4-CONNECT", "SCTP6-CONNECT"]),
            Self::SctpListen { family, .. } => digit(family, ["SCTP-LISTEN", "SCTP4-LISTEN", "SCTP6-LISTEN"]),
            Self::Socketpair => "SOCKETPAIR",
            Self::Stdio => "STDIO",
            Self::Stdin => "STDIN",
            Self::Stdout => "STDOUT",
            Self::Stderr => "STDERR",
            Self::Fd(_) => "FD",
            Self::Open(_) => "OPEN",
            Self::Create(_) => "CREATE",
            Self::Gopen(_) => "GOPEN",
            Self::Pipe(_) => "PIPE",
            Self::Pty => "PTY",
            Self::Exec(_) => "EXEC",
            Self::System(_) => "SYSTEM",
            Self::Shell(_) => "SHELL",
        }
    }
}

/// A path, name or command after its colon. Two slashes there would begin a URL.
fn parameter(text: &str) -> String {
    format!("{}{}", if text.starts_with("//") { ":\\" } else { ":" }, protect(text, false))
}

/// The keyword with its parameters.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Tcp { to, .. }
            | Self::Udp { to, .. }
            | Self::UdpSendto { to, .. }
            | Self::UdpDatagram { to, .. }
            | Self::Tls { to }
            | Self::Sctp { to, .. }
            | Self::Arq { to } => write!(f, ":{to}"),
            Self::TcpListen { host, port, .. }
            | Self::UdpListen { host, port, .. }
            | Self::UdpRecv { host, port, .. }
            | Self::UdpRecvfrom { host, port, .. }
            | Self::TlsListen { host, port }
            | Self::SctpListen { host, port, .. }
            | Self::ArqListen { host, port } => {
                if let Some(host) = host {
                    write!(f, ":{host}")?;
                }
                write!(f, ":{port}")
            }
            Self::IpSendto { host, protocol, .. } | Self::IpDatagram { host, protocol, .. } => {
                write!(f, ":{host}:{protocol}")
            }
            Self::IpRecv { protocol, .. } | Self::IpRecvfrom { protocol, .. } => write!(f, ":{protocol}"),
            Self::Proxy { via, to }
            | Self::Socks4 { via, to }
            | Self::Socks4a { via, to }
            | Self::Socks5 { via, to } => write!(f, ":{via}:{to}"),
            Self::UnixConnect(name)
            | Self::UnixClient(name)
            | Self::UnixListen(name)
            | Self::UnixSendto(name)
            | Self::UnixRecv(name)
            | Self::UnixRecvfrom(name) => {
                let (UnixName::Path(name) | UnixName::Abstract(name)) = name;
                f.write_str(&parameter(name))
            }
            Self::Fd(fd) => write!(f, ":{fd}"),
            Self::Socket(GenericSocket { does, family, kind, protocol, address }) => {
                write!(f, ":{family}")?;
                if !matches!(does, SocketUse::Connect | SocketUse::Listen) {
                    write!(f, ":{kind}")?;
                }
                // Quotes are part of the notation: they must not be taken for those of the grammar.
                write!(f, ":{protocol}:{}", protect(address, true).replace(':', "\\:"))
            }
            Self::VsockConnect(Vsock { cid, port }) => write!(f, ":{cid}:{port}"),
            Self::VsockListen(port) => write!(f, ":{port}"),
            Self::Tun(Some(InterfaceAddress { ip, bits })) => write!(f, ":{ip}/{bits}"),
            Self::Tun(None) => Ok(()),
            Self::Interface(name) => f.write_str(&parameter(name)),
            Self::Open(text)
            | Self::Create(text)
            | Self::Gopen(text)
            | Self::Exec(text)
            | Self::System(text)
            | Self::Pipe(Some(text))
            | Self::Shell(Some(text)) => f.write_str(&parameter(text)),
            Self::Pipe(None)
            | Self::Shell(None)
            | Self::Socketpair
            | Self::Stdio
            | Self::Stdin
            | Self::Stdout
            | Self::Stderr
            | Self::Pty => Ok(()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        self.options.iter().try_for_each(|setting| write!(f, ",{setting}"))
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(address) => write!(f, "{address}"),
            Self::Dual { read, write } => write!(f, "{read}!!{write}"),
        }
    }
}

/// `name=value`, or the name alone for a flag that is on.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.name.info();
        f.write_str(info.spelling)?;
        match &self.value {
            Value::Flag(true) => Ok(()),
            Value::Flag(false) => f.write_str("=0"),
            Value::Number(mode) if info.value == ValueType::Mode => write!(f, "={mode:04o}"),
            Value::Number(number) => write!(f, "={number}"),
            Value::Time(time) => write!(f, "={}", seconds(*time)),
            Value::Framing(framing) => write!(f, "={}", protect(&framing.to_string(), true)),
            Value::Text(text) => write!(f, "={}", protect(text, true)),
        }
    }
}

/// An IPv6 address stands in brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(std::net::IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Ip(std::net::IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Scoped(ip, zone) => write!(f, "[{ip}%{zone}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Service(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        self.port.iter().try_for_each(|port| write!(f, ":{port}"))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A path as it is, an abstract name after `@`, as ss(8) prints it.
impl fmt::Display for UnixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path),
            Self::Abstract(name) => write!(f, "@{name}"),
        }
    }
}
