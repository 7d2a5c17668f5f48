//! The kinds of address, each with its parameters as typed values.

use std::net::IpAddr;

/// The kinds of address. Keywords and their aliases are in the table beside the parser.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `TCP[4|6]:host:port` (aliases `TCP-CONNECT`, …): a connection to a TCP server.
    Tcp {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// The server, as typed.
        to: HostPort,
    },
    /// `TCP[4|6]-LISTEN:[host:]port`: accepts TCP connections.
    TcpListen {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// Where to listen; no host means every interface.
        host: Option<Host>,
        /// The port to listen on; 0 lets the kernel choose.
        port: Port,
    },
    /// `UDP[4|6]:host:port` (`UDP-CONNECT`): datagrams to and from one peer.
    Udp {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// The peer, as typed.
        to: HostPort,
    },
    /// `UDP[4|6]-LISTEN:[host:]port`: one session for each peer that sends.
    UdpListen {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// Where to listen; no host means every interface.
        host: Option<Host>,
        /// The port to listen on.
        port: Port,
    },
    /// `UDP[4|6]-SENDTO:host:port`: sends to that address; takes answers from it only.
    UdpSendto {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// The peer, as typed.
        to: HostPort,
    },
    /// `UDP[4|6]-RECV:[host:]port`: takes datagrams from anyone, answers none.
    UdpRecv {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// Where to receive; no host means every interface.
        host: Option<Host>,
        /// The port to receive on.
        port: Port,
    },
    /// `UDP[4|6]-RECVFROM:[host:]port`: takes one datagram, answers go to its sender.
    UdpRecvfrom {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// Where to receive; no host means every interface.
        host: Option<Host>,
        /// The port to receive on.
        port: Port,
    },
    /// `UDP[4|6]-DATAGRAM:host:port`: sends to that address (broadcast, multicast too); takes from anyone.
    UdpDatagram {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// Where to send, as typed.
        to: HostPort,
    },
    /// `UNIX-CONNECT:path` (`LOCAL`), `ABSTRACT-CONNECT:name`: a connection to a Unix stream
    /// (or, with `type=5`, sequenced-packet) server.
    UnixConnect(UnixName),
    /// `UNIX-CLIENT:path` (`UNIX`), `ABSTRACT-CLIENT:name` (`ABSTRACT`): tries a stream, then a datagram connection, as socat does.
    UnixClient(UnixName),
    /// `UNIX-LISTEN:path`, `ABSTRACT-LISTEN:name`: accepts Unix connections.
    UnixListen(UnixName),
    /// `UNIX-SENDTO:path`, `ABSTRACT-SENDTO:name`: datagrams to that socket.
    UnixSendto(UnixName),
    /// `UNIX-RECV:path`, `ABSTRACT-RECV:name`: datagrams from anyone, answers to none.
    UnixRecv(UnixName),
    /// `UNIX-RECVFROM:path`, `ABSTRACT-RECVFROM:name`: one datagram, answers go to its sender.
    UnixRecvfrom(UnixName),
    /// `IP[4|6]-SENDTO:host:protocol`: raw packets to that host; takes answers from it only.
    IpSendto {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// The peer, as typed.
        host: Host,
        /// What the packets carry.
        protocol: Protocol,
    },
    /// `IP[4|6]-DATAGRAM:host:protocol`: raw packets to that host or group; takes from anyone.
    IpDatagram {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// Where to send, as typed.
        host: Host,
        /// What the packets carry.
        protocol: Protocol,
    },
    /// `IP[4|6]-RECV:protocol`: takes raw packets from anyone, answers none.
    IpRecv {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// What the packets carry.
        protocol: Protocol,
    },
    /// `IP[4|6]-RECVFROM:protocol`: takes one raw packet, answers go to its sender.
    IpRecvfrom {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// What the packets carry.
        protocol: Protocol,
    },
    /// `TLS:host:port` (`OPENSSL`, `SSL`): a connection to a TLS server over TCP.
    Tls {
        /// The server, as typed.
        to: HostPort,
    },
    /// `TLS-LISTEN:[host:]port` (`OPENSSL-LISTEN`, `SSL-L`): accepts TLS connections.
    TlsListen {
        /// Where to listen; no host means every interface.
        host: Option<Host>,
        /// The port to listen on; 0 lets the kernel choose.
        port: Port,
    },
    /// `ARQ:host:port`: a reliable connection over UDP datagrams.
    Arq {
        /// The peer, as typed.
        to: HostPort,
    },
    /// `ARQ-LISTEN:[host:]port`: accepts reliable connections over UDP datagrams.
    ArqListen {
        /// Where to listen; no host means every interface.
        host: Option<Host>,
        /// The port to listen on; 0 lets the kernel choose.
        port: Port,
    },
    /// `PROXY:proxy[:port]:host:port`: through an HTTP proxy's CONNECT (RFC 9110, section 9.3.6).
    Proxy {
        /// The proxy.
        via: Via,
        /// What the proxy is asked to connect to.
        to: HostPort,
    },
    /// `SOCKS4:server[:port]:host:port` (`SOCKS`): through a SOCKS 4 server; the name is resolved here.
    Socks4 {
        /// The SOCKS server.
        via: Via,
        /// What the server is asked to connect to.
        to: HostPort,
    },
    /// `SOCKS4A:server[:port]:host:port`: through a SOCKS 4A server, which resolves the name.
    Socks4a {
        /// The SOCKS server.
        via: Via,
        /// What the server is asked to connect to.
        to: HostPort,
    },
    /// `SOCKS5:server[:port]:host:port`: through a SOCKS 5 server (RFC 1928), which resolves the name.
    Socks5 {
        /// The SOCKS server.
        via: Via,
        /// What the server is asked to connect to.
        to: HostPort,
    },
    /// `SOCKET-CONNECT:family:protocol:address` and its siblings: a socket of any family, all in numbers.
    Socket(GenericSocket),
    /// `VSOCK-CONNECT:cid:port`: a connection between a virtual machine and its host (vsock(7)).
    VsockConnect(Vsock),
    /// `VSOCK-LISTEN:port`: accepts such connections.
    VsockListen(u32),
    /// `INTERFACE:name`: the packets of a network interface, with their link headers (packet(7)).
    Interface(String),
    /// `TUN[:address/bits]`: a new network interface, whose packets are read and written.
    Tun(Option<InterfaceAddress>),
    /// `SCTP[4|6]:host:port`: a connection to an SCTP server, as a stream (sctp(7)).
    Sctp {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// The server, as typed.
        to: HostPort,
    },
    /// `SCTP[4|6]-LISTEN:[host:]port`: accepts such connections.
    SctpListen {
        /// Narrowed by the digit in the keyword.
        family: Family,
        /// Where to listen; no host means every interface.
        host: Option<Host>,
        /// The port to listen on; 0 lets the kernel choose.
        port: Port,
    },
    /// `SOCKETPAIR`: two joined sockets; what is written comes back to be read.
    Socketpair,
    /// `STDIO`, `-`: standard input and output.
    Stdio,
    /// `STDIN`: standard input, read only.
    Stdin,
    /// `STDOUT`: standard output, write only.
    Stdout,
    /// `STDERR`: standard error, write only.
    Stderr,
    /// `FD:n`, or just the number: an inherited descriptor.
    Fd(u32),
    /// `OPEN:path`: an existing file (or what the open options make of it).
    Open(String),
    /// `CREATE:path` (`CREAT`): creates or truncates a file, write only.
    Create(String),
    /// `GOPEN:path`, or just a path with a slash: a file, FIFO, device or Unix socket, whatever it is.
    Gopen(String),
    /// `PIPE` (unnamed; what is written comes back) or `PIPE:path` (`FIFO`, made if missing).
    Pipe(Option<String>),
    /// `PTY`: the master side of a new pseudo terminal.
    Pty,
    /// `EXEC:command line`: a program, started without a shell.
    Exec(String),
    /// `SYSTEM:shell command`: handed to `/bin/sh -c`.
    System(String),
    /// `SHELL[:shell command]`: handed to `$SHELL -c`, or an interactive shell.
    Shell(Option<String>),
}

impl Kind {
    /// The family that the keyword names or leaves open, of the kinds that have one.
    pub fn family(&self) -> Option<Family> {
        let mut copy = self.clone();
        copy.family_mut().copied()
    }

    /// Narrows or widens the family, of the kinds that have one.
    pub fn set_family(&mut self, wanted: Family) {
        if let Some(family) = self.family_mut() {
            *family = wanted;
        }
    }

    fn family_mut(&mut self) -> Option<&mut Family> {
        match self {
            Self::Tcp { family, .. }
            | Self::TcpListen { family, .. }
            | Self::Udp { family, .. }
            | Self::UdpListen { family, .. }
            | Self::UdpSendto { family, .. }
            | Self::UdpRecv { family, .. }
            | Self::UdpRecvfrom { family, .. }
            | Self::UdpDatagram { family, .. }
            | Self::IpSendto { family, .. }
            | Self::IpDatagram { family, .. }
            | Self::IpRecv { family, .. }
            | Self::IpRecvfrom { family, .. }
            | Self::Sctp { family, .. }
            | Self::SctpListen { family, .. } => Some(family),
            _ => None,
        }
    }
}

/// A socket of any family: what socket(2) takes, in numbers, and a socket address without its family.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GenericSocket {
    /// What is done with it.
    pub does: SocketUse,
    /// The family, such as 2 for AF_INET.
    pub family: u16,
    /// The type, such as 2 for SOCK_DGRAM; those that connect and listen are streams (1).
    pub kind: i32,
    /// The protocol; 0 is the usual one.
    pub protocol: i32,
    /// The address in the notation of [`data`](super::data), as typed.
    pub address: String,
}

/// What is done with a socket of any family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SocketUse {
    /// `SOCKET-CONNECT`
    Connect,
    /// `SOCKET-LISTEN`
    Listen,
    /// `SOCKET-SENDTO`: answers from the peer only.
    Sendto,
    /// `SOCKET-DATAGRAM`: answers from anyone.
    Datagram,
    /// `SOCKET-RECV`: no answers.
    Recv,
    /// `SOCKET-RECVFROM`: an answer to each.
    Recvfrom,
}

/// Where a VSOCK server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Vsock {
    /// The context: 1 is this machine, 2 the host.
    pub cid: u32,
    /// The port.
    pub port: u32,
}

/// The IPv4 address of an interface, with the length of its network's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InterfaceAddress {
    /// The interface's own address.
    pub ip: std::net::Ipv4Addr,
    /// How many bits name the network, up to 32.
    pub bits: u8,
}

/// IPv4, IPv6, or whichever the name resolves to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Family {
    /// Whatever the name resolves to.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Family {
    /// Whether an address is of this family.
    #[must_use]
    pub fn has(self, ip: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => ip.is_ipv4(),
            Self::V6 => ip.is_ipv6(),
        }
    }
}

/// A host as typed: an IP address (IPv6 in brackets where a port follows), or a name to be resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A literal IP address.
    Ip(IpAddr),
    /// A literal IPv6 address with a zone: `fe80::1%eth0`.
    Scoped(std::net::Ipv6Addr, String),
    /// A name, not looked up yet.
    Name(String),
}

/// A port as typed: a number, or the name of a service to be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Port {
    /// 0 to 65535.
    Number(u16),
    /// A service name such as `http`.
    Service(String),
}

/// `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: Port,
}

/// A server that connects on our behalf. Without a port the `proxyport` or `socksport` option, or else
/// the usual port (8080 for HTTP, 1080 for SOCKS), is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Via {
    /// The server's host.
    pub host: Host,
    /// The server's port, where it was typed.
    pub port: Option<Port>,
}

/// What an IP packet carries: a protocol number, or a name from /etc/protocols to be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// 0 to 255.
    Number(u8),
    /// A protocol name such as `icmp`.
    Name(String),
}

/// The name of a Unix domain socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UnixName {
    /// A path in the file system.
    Path(String),
    /// A name in Linux's abstract namespace, without the leading NUL.
    Abstract(String),
}
