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
    /// `UNIX-CONNECT:path` (`UNIX`, `LOCAL`), `ABSTRACT-CONNECT:name`: a connection to a Unix stream
    /// (or, with `type=5`, sequenced-packet) server.
    UnixConnect(UnixName),
    /// `UNIX-CLIENT:path`, `ABSTRACT-CLIENT:name`: tries a stream, then a datagram connection, as socat does.
    UnixClient(UnixName),
    /// `UNIX-LISTEN:path`, `ABSTRACT-LISTEN:name`: accepts Unix connections.
    UnixListen(UnixName),
    /// `UNIX-SENDTO:path`, `ABSTRACT-SENDTO:name`: datagrams to that socket.
    UnixSendto(UnixName),
    /// `UNIX-RECV:path`, `ABSTRACT-RECV:name`: datagrams from anyone, answers to none.
    UnixRecv(UnixName),
    /// `UNIX-RECVFROM:path`, `ABSTRACT-RECVFROM:name`: one datagram, answers go to its sender.
    UnixRecvfrom(UnixName),
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
    /// `EXEC:command line`: a program, started without a shell.
    Exec(String),
    /// `SYSTEM:shell command`: handed to `/bin/sh -c`.
    System(String),
    /// `SHELL[:shell command]`: handed to `$SHELL -c`, or an interactive shell.
    Shell(Option<String>),
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

/// The name of a Unix domain socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UnixName {
    /// A path in the file system.
    Path(String),
    /// A name in Linux's abstract namespace, without the leading NUL.
    Abstract(String),
}
