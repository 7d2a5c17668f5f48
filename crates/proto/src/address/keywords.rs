//! The one table of keywords: names, aliases, the shape of the parameters, groups, documentation.

use super::Groups;
use super::group::maybe;
use super::kind::{Family, Host, HostPort, InterfaceAddress, Kind, Port, Protocol, SocketUse, UnixName, Via};

/// What the table says of one keyword.
#[derive(Debug, Clone, Copy)]
pub struct Keyword {
    /// The canonical name, in capitals.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// The groups of options that it takes.
    pub groups: Groups,
    /// One line of documentation.
    pub doc: &'static str,
    /// How the parameters become a kind.
    pub(super) build: Build,
    /// What the keyword means where a listening address is expected, if that is something else.
    pub(super) listening: Option<&'static str>,
}

/// The shape of the parameters, with the constructor that takes them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Build {
    Nothing(fn() -> Kind),
    HostPort(fn(HostPort) -> Kind),
    ListenPort(fn(Option<Host>, Port) -> Kind),
    HostProtocol(fn(Host, Protocol) -> Kind),
    Protocol(fn(Protocol) -> Kind),
    Via(fn(Via, HostPort) -> Kind),
    Unix(fn(UnixName) -> Kind),
    Abstract(fn(UnixName) -> Kind),
    Path(fn(String) -> Kind),
    OptionalPath(fn(Option<String>) -> Kind),
    Command(fn(String) -> Kind),
    OptionalCommand(fn(Option<String>) -> Kind),
    Descriptor(fn(u32) -> Kind),
    Socket(SocketUse),
    Vsock,
    VsockPort,
    OptionalNetwork(fn(Option<InterfaceAddress>) -> Kind),
}

impl Keyword {
    /// The parameters as they are typed: `:<host>:<port>`, or nothing.
    pub fn parameters(&self) -> &'static str {
        match self.build {
            Build::Nothing(_) => "",
            Build::HostPort(_) => ":<host>:<port>",
            Build::ListenPort(_) => ":[<host>:]<port>",
            Build::HostProtocol(_) => ":<host>:<protocol>",
            Build::Protocol(_) => ":<protocol>",
            Build::Via(_) => ":<server>[:<port>]:<host>:<port>",
            Build::Unix(_) | Build::Path(_) => ":<filename>",
            Build::Abstract(_) => ":<name>",
            Build::OptionalPath(_) => "[:<filename>]",
            Build::Command(_) => ":<command-line>",
            Build::OptionalCommand(_) => "[:<shell-command>]",
            Build::Descriptor(_) => ":<num>",
            Build::Socket(SocketUse::Connect | SocketUse::Listen) => ":<domain>:<protocol>:<address>",
            Build::Socket(_) => ":<domain>:<type>:<protocol>:<address>",
            Build::Vsock => ":<cid>:<port>",
            Build::VsockPort => ":<port>",
            Build::OptionalNetwork(_) => "[:<ip-addr>/<bits>]",
        }
    }

    /// Every name, the canonical one first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// The keyword with this name, in any case.
    pub fn from_name(word: &str) -> Option<&'static Self> {
        KEYWORDS.iter().find(|k| k.names().any(|name| name.eq_ignore_ascii_case(word)))
    }

    /// The keyword that this one means where a listening address is expected.
    pub(super) fn when_listening(&'static self) -> &'static Self {
        self.listening.and_then(Self::from_name).unwrap_or(self)
    }
}

/// The whole table of keywords, for listings.
pub fn keywords() -> &'static [Keyword] {
    KEYWORDS
}

const G: Groups = Groups::FD;
const SOCK: Groups = G.and(Groups::SOCKET);
const IP: Groups = Groups::IP4.and(Groups::IP6);
const STREAM: Groups = Groups::STREAM;
const CLIENT: Groups = Groups::CHILD.and(Groups::RETRY).and(Groups::CONNECT);
const SERVER: Groups = Groups::LISTEN.and(Groups::CHILD).and(Groups::RETRY).and(Groups::RANGE);
const TCP_CLIENT: Groups = SOCK.and(CLIENT).and(Groups::TCP).and(STREAM);
const TCP_SERVER: Groups = SOCK.and(SERVER).and(Groups::TCP).and(STREAM);
const UDP: Groups = SOCK.and(Groups::UDP).and(Groups::CONNECT);
const UDP_SERVER: Groups = SOCK.and(Groups::UDP).and(Groups::LISTEN).and(Groups::CHILD).and(Groups::RANGE);
const UDP_FROM: Groups = SOCK.and(Groups::UDP).and(Groups::CHILD).and(Groups::RANGE);
const UDP_ANY: Groups = SOCK.and(Groups::UDP).and(Groups::RANGE);
const RAW: Groups = SOCK.and(Groups::RANGE);
const UNIX: Groups = SOCK.and(Groups::UNIX).and(Groups::RETRY);
const PATH: Groups = UNIX.and(Groups::NAMED);
const FILE: Groups = G.and(STREAM).and(Groups::FIFO).and(Groups::DEVICE).and(Groups::REG).and(Groups::NAMED);
const OPENED: Groups = FILE.and(Groups::OPEN).and(Groups::TERMIOS);
const INHERITED: Groups = G
    .and(STREAM)
    .and(Groups::FIFO)
    .and(Groups::DEVICE)
    .and(Groups::REG)
    .and(Groups::TERMIOS)
    .and(Groups::SOCKET)
    .and(Groups::UNIX)
    .and(IP)
    .and(Groups::UDP)
    .and(Groups::TCP);
const PROGRAM: Groups = G
    .and(STREAM)
    .and(Groups::FIFO)
    .and(Groups::SOCKET)
    .and(Groups::FORK)
    .and(Groups::TERMIOS)
    .and(Groups::PTY)
    .and(Groups::PARENT)
    .and(Groups::UNIX);

macro_rules! keywords {
    ($($name:literal [$($alias:literal)*] $(=> $listening:literal,)? $groups:expr, $build:expr; $doc:literal)*) => {
        static KEYWORDS: &[Keyword] = &[$(Keyword {
            name: $name,
            aliases: &[$($alias),*],
            groups: $groups,
            doc: $doc,
            build: $build,
            listening: maybe(&[$($listening)?]),
        }),*];
    };
}

use Build as B;
use Family::{Any, V4, V6};

keywords! {
    "TCP-CONNECT" ["TCP" "INET"] => "TCP-LISTEN", TCP_CLIENT.and(IP), B::HostPort(|to| Kind::Tcp { family: Any, to }); "A connection to a TCP server."
    "TCP4-CONNECT" ["TCP4" "INET4"] => "TCP4-LISTEN", TCP_CLIENT.and(Groups::IP4), B::HostPort(|to| Kind::Tcp { family: V4, to }); "The same over IPv4 only."
    "TCP6-CONNECT" ["TCP6" "INET6"] => "TCP6-LISTEN", TCP_CLIENT.and(Groups::IP6), B::HostPort(|to| Kind::Tcp { family: V6, to }); "The same over IPv6 only."
    "TCP-LISTEN" ["TCP-L" "INET-LISTEN" "INET-L"] TCP_SERVER.and(IP), B::ListenPort(|host, port| Kind::TcpListen { family: Any, host, port }); "Accepts TCP connections; without a host on every interface."
    "TCP4-LISTEN" ["TCP4-L" "INET4-LISTEN" "INET4-L"] TCP_SERVER.and(Groups::IP4), B::ListenPort(|host, port| Kind::TcpListen { family: V4, host, port }); "The same over IPv4 only."
    "TCP6-LISTEN" ["TCP6-L" "INET6-LISTEN" "INET6-L"] TCP_SERVER.and(Groups::IP6), B::ListenPort(|host, port| Kind::TcpListen { family: V6, host, port }); "The same over IPv6 only, unless ipv6only=0."
    "TLS" ["TLS-CONNECT" "OPENSSL" "OPENSSL-CONNECT" "SSL" "SSL-CONNECT"] => "TLS-LISTEN", TCP_CLIENT.and(IP).and(Groups::TLS), B::HostPort(|to| Kind::Tls { to }); "A connection to a TLS server over TCP."
    "TLS-LISTEN" ["TLS-L" "OPENSSL-LISTEN" "OPENSSL-L" "SSL-LISTEN" "SSL-L"] TCP_SERVER.and(IP).and(Groups::TLS), B::ListenPort(|host, port| Kind::TlsListen { host, port }); "Accepts TLS connections over TCP."
    "PROXY" ["PROXY-CONNECT"] TCP_CLIENT.and(IP).and(Groups::HTTP), B::Via(|via, to| Kind::Proxy { via, to }); "A TCP connection made by an HTTP proxy (CONNECT)."
    "SOCKS4" ["SOCKS" "SOCKS4-CONNECT"] TCP_CLIENT.and(IP).and(Groups::SOCKS), B::Via(|via, to| Kind::Socks4 { via, to }); "A TCP connection made by a SOCKS 4 server; the name is resolved here."
    "SOCKS4A" ["SOCKS4A-CONNECT"] TCP_CLIENT.and(IP).and(Groups::SOCKS), B::Via(|via, to| Kind::Socks4a { via, to }); "A TCP connection made by a SOCKS 4A server, which resolves the name."
    "SOCKS5" ["SOCKS5-CONNECT"] TCP_CLIENT.and(IP).and(Groups::SOCKS), B::Via(|via, to| Kind::Socks5 { via, to }); "A TCP connection made by a SOCKS 5 server, which resolves the name."
    "ARQ" ["ARQ-CONNECT"] => "ARQ-LISTEN", UDP.and(IP).and(CLIENT).and(Groups::ARQ), B::HostPort(|to| Kind::Arq { to }); "Reliable messages over UDP datagrams."
    "ARQ-LISTEN" ["ARQ-L"] UDP_SERVER.and(IP).and(SERVER).and(Groups::ARQ), B::ListenPort(|host, port| Kind::ArqListen { host, port }); "Accepts connections that carry reliable messages over UDP datagrams."
    "UDP-CONNECT" ["UDP"] => "UDP-LISTEN", UDP.and(IP), B::HostPort(|to| Kind::Udp { family: Any, to }); "Datagrams to and from one peer."
    "UDP4-CONNECT" ["UDP4"] => "UDP4-LISTEN", UDP.and(Groups::IP4), B::HostPort(|to| Kind::Udp { family: V4, to }); "The same over IPv4 only."
    "UDP6-CONNECT" ["UDP6"] => "UDP6-LISTEN", UDP.and(Groups::IP6), B::HostPort(|to| Kind::Udp { family: V6, to }); "The same over IPv6 only."
    "UDP-LISTEN" ["UDP-L"] UDP_SERVER.and(IP), B::ListenPort(|host, port| Kind::UdpListen { family: Any, host, port }); "A session with each peer that sends."
    "UDP4-LISTEN" ["UDP4-L"] UDP_SERVER.and(Groups::IP4), B::ListenPort(|host, port| Kind::UdpListen { family: V4, host, port }); "The same over IPv4 only."
    "UDP6-LISTEN" ["UDP6-L"] UDP_SERVER.and(Groups::IP6), B::ListenPort(|host, port| Kind::UdpListen { family: V6, host, port }); "The same over IPv6 only, unless ipv6only=0."
    "UDP-SENDTO" ["UDP-SEND"] UDP.and(IP), B::HostPort(|to| Kind::UdpSendto { family: Any, to }); "Sends datagrams to a peer; takes answers from it only."
    "UDP4-SENDTO" ["UDP4-SEND"] UDP.and(Groups::IP4), B::HostPort(|to| Kind::UdpSendto { family: V4, to }); "The same over IPv4 only."
    "UDP6-SENDTO" ["UDP6-SEND"] UDP.and(Groups::IP6), B::HostPort(|to| Kind::UdpSendto { family: V6, to }); "The same over IPv6 only."
    "UDP-DATAGRAM" ["UDP-DGRAM"] UDP_ANY.and(IP), B::HostPort(|to| Kind::UdpDatagram { family: Any, to }); "Sends datagrams to a peer, a group or everyone; takes them from anyone."
    "UDP4-DATAGRAM" ["UDP4-DGRAM"] UDP_ANY.and(Groups::IP4), B::HostPort(|to| Kind::UdpDatagram { family: V4, to }); "The same over IPv4 only."
    "UDP6-DATAGRAM" ["UDP6-DGRAM"] UDP_ANY.and(Groups::IP6), B::HostPort(|to| Kind::UdpDatagram { family: V6, to }); "The same over IPv6 only."
    "UDP-RECV" [] UDP_ANY.and(IP), B::ListenPort(|host, port| Kind::UdpRecv { family: Any, host, port }); "Takes datagrams from anyone, answers none."
    "UDP4-RECV" [] UDP_ANY.and(Groups::IP4), B::ListenPort(|host, port| Kind::UdpRecv { family: V4, host, port }); "The same over IPv4 only."
    "UDP6-RECV" [] UDP_ANY.and(Groups::IP6), B::ListenPort(|host, port| Kind::UdpRecv { family: V6, host, port }); "The same over IPv6 only."
    "UDP-RECVFROM" [] UDP_FROM.and(IP), B::ListenPort(|host, port| Kind::UdpRecvfrom { family: Any, host, port }); "Takes one datagram; answers go to its sender."
    "UDP4-RECVFROM" [] UDP_FROM.and(Groups::IP4), B::ListenPort(|host, port| Kind::UdpRecvfrom { family: V4, host, port }); "The same over IPv4 only."
    "UDP6-RECVFROM" [] UDP_FROM.and(Groups::IP6), B::ListenPort(|host, port| Kind::UdpRecvfrom { family: V6, host, port }); "The same over IPv6 only."
    "IP-SENDTO" ["IP" "IP-SEND"] SOCK.and(IP), B::HostProtocol(|host, protocol| Kind::IpSendto { family: Any, host, protocol }); "Sends raw IP packets to a peer; takes answers from it only."
    "IP4-SENDTO" ["IP4" "IP4-SEND"] SOCK.and(Groups::IP4), B::HostProtocol(|host, protocol| Kind::IpSendto { family: V4, host, protocol }); "The same over IPv4 only."
    "IP6-SENDTO" ["IP6" "IP6-SEND"] SOCK.and(Groups::IP6), B::HostProtocol(|host, protocol| Kind::IpSendto { family: V6, host, protocol }); "The same over IPv6 only."
    "IP-DATAGRAM" ["IP-DGRAM"] RAW.and(IP), B::HostProtocol(|host, protocol| Kind::IpDatagram { family: Any, host, protocol }); "Sends raw IP packets to a peer or group; takes them from anyone."
    "IP4-DATAGRAM" ["IP4-DGRAM"] RAW.and(Groups::IP4), B::HostProtocol(|host, protocol| Kind::IpDatagram { family: V4, host, protocol }); "The same over IPv4 only."
    "IP6-DATAGRAM" ["IP6-DGRAM"] RAW.and(Groups::IP6), B::HostProtocol(|host, protocol| Kind::IpDatagram { family: V6, host, protocol }); "The same over IPv6 only."
    "IP-RECV" [] RAW.and(IP), B::Protocol(|protocol| Kind::IpRecv { family: Any, protocol }); "Takes raw IP packets from anyone, answers none."
    "IP4-RECV" [] RAW.and(Groups::IP4), B::Protocol(|protocol| Kind::IpRecv { family: V4, protocol }); "The same over IPv4 only."
    "IP6-RECV" [] RAW.and(Groups::IP6), B::Protocol(|protocol| Kind::IpRecv { family: V6, protocol }); "The same over IPv6 only."
    "IP-RECVFROM" [] RAW.and(IP).and(Groups::CHILD), B::Protocol(|protocol| Kind::IpRecvfrom { family: Any, protocol }); "Takes one raw IP packet; answers go to its sender."
    "IP4-RECVFROM" [] RAW.and(Groups::IP4).and(Groups::CHILD), B::Protocol(|protocol| Kind::IpRecvfrom { family: V4, protocol }); "The same over IPv4 only."
    "IP6-RECVFROM" [] RAW.and(Groups::IP6).and(Groups::CHILD), B::Protocol(|protocol| Kind::IpRecvfrom { family: V6, protocol }); "The same over IPv6 only."
    "UNIX-CONNECT" ["LOCAL" "LOCAL-CONNECT"] => "UNIX-LISTEN", PATH.and(STREAM).and(Groups::CONNECT), B::Unix(Kind::UnixConnect); "A connection to a Unix domain server (with type=5, sequenced packets)."
    "UNIX-CLIENT" ["UNIX"] => "UNIX-LISTEN", PATH.and(STREAM).and(Groups::CONNECT), B::Unix(Kind::UnixClient); "The same; falls back to datagrams where the server takes those."
    "UNIX-LISTEN" ["UNIX-L" "LOCAL-LISTEN"] PATH.and(STREAM).and(Groups::LISTEN).and(Groups::CHILD), B::Unix(Kind::UnixListen); "Accepts Unix domain connections."
    "UNIX-SENDTO" ["UNIX-SEND"] PATH.and(Groups::CONNECT), B::Unix(Kind::UnixSendto); "Datagrams to a Unix domain socket."
    "UNIX-RECV" [] PATH, B::Unix(Kind::UnixRecv); "Takes Unix domain datagrams from anyone, answers none."
    "UNIX-RECVFROM" [] PATH.and(Groups::CHILD), B::Unix(Kind::UnixRecvfrom); "Takes one Unix domain datagram; answers go to its sender."
    "ABSTRACT-CONNECT" [] => "ABSTRACT-LISTEN", UNIX.and(STREAM).and(Groups::CONNECT), B::Abstract(Kind::UnixConnect); "As UNIX-CONNECT, with a name outside the file system."
    "ABSTRACT-CLIENT" ["ABSTRACT"] => "ABSTRACT-LISTEN", UNIX.and(STREAM).and(Groups::CONNECT), B::Abstract(Kind::UnixClient); "As UNIX-CLIENT, with a name outside the file system."
    "ABSTRACT-LISTEN" ["ABSTRACT-L"] UNIX.and(STREAM).and(Groups::LISTEN).and(Groups::CHILD), B::Abstract(Kind::UnixListen); "As UNIX-LISTEN, with a name outside the file system."
    "ABSTRACT-SENDTO" ["ABSTRACT-SEND"] UNIX.and(Groups::CONNECT), B::Abstract(Kind::UnixSendto); "As UNIX-SENDTO, with a name outside the file system."
    "ABSTRACT-RECV" [] UNIX, B::Abstract(Kind::UnixRecv); "As UNIX-RECV, with a name outside the file system."
    "ABSTRACT-RECVFROM" [] UNIX.and(Groups::CHILD), B::Abstract(Kind::UnixRecvfrom); "As UNIX-RECVFROM, with a name outside the file system."
    "SOCKET-CONNECT" ["SOCKET"] SOCK.and(CLIENT).and(STREAM), B::Socket(SocketUse::Connect); "A connection on a socket of any family, in numbers."
    "SOCKET-LISTEN" ["SOCKET-L"] SOCK.and(Groups::LISTEN).and(Groups::CHILD).and(Groups::RETRY).and(STREAM), B::Socket(SocketUse::Listen); "Accepts connections on a socket of any family."
    "SOCKET-SENDTO" ["SENDTO"] SOCK.and(Groups::CONNECT), B::Socket(SocketUse::Sendto); "Datagrams to an address of any family; takes answers from it only."
    "SOCKET-DATAGRAM" ["DATAGRAM" "DGRAM"] SOCK, B::Socket(SocketUse::Datagram); "Datagrams to an address of any family; takes them from anyone."
    "SOCKET-RECV" [] SOCK, B::Socket(SocketUse::Recv); "Takes datagrams at an address of any family, answers none."
    "SOCKET-RECVFROM" [] SOCK.and(Groups::CHILD), B::Socket(SocketUse::Recvfrom); "Takes one datagram at an address of any family; answers go to its sender."
    "VSOCK-CONNECT" ["VSOCK"] => "VSOCK-LISTEN", SOCK.and(CLIENT).and(STREAM), B::Vsock; "A connection between a virtual machine and its host."
    "VSOCK-LISTEN" ["VSOCK-L"] SOCK.and(Groups::LISTEN).and(Groups::CHILD).and(Groups::RETRY).and(STREAM), B::VsockPort; "Accepts connections between virtual machines and their host."
    "SCTP-CONNECT" ["SCTP"] => "SCTP-LISTEN", SOCK.and(CLIENT).and(STREAM).and(IP), B::HostPort(|to| Kind::Sctp { family: Any, to }); "A connection to an SCTP server, as a stream."
    "SCTP4-CONNECT" ["SCTP4"] => "SCTP4-LISTEN", SOCK.and(CLIENT).and(STREAM).and(Groups::IP4), B::HostPort(|to| Kind::Sctp { family: V4, to }); "The same over IPv4 only."
    "SCTP6-CONNECT" ["SCTP6"] => "SCTP6-LISTEN", SOCK.and(CLIENT).and(STREAM).and(Groups::IP6), B::HostPort(|to| Kind::Sctp { family: V6, to }); "The same over IPv6 only."
    "SCTP-LISTEN" ["SCTP-L"] SOCK.and(SERVER).and(STREAM).and(IP), B::ListenPort(|host, port| Kind::SctpListen { family: Any, host, port }); "Accepts SCTP connections, as streams."
    "SCTP4-LISTEN" ["SCTP4-L"] SOCK.and(SERVER).and(STREAM).and(Groups::IP4), B::ListenPort(|host, port| Kind::SctpListen { family: V4, host, port }); "The same over IPv4 only."
    "SCTP6-LISTEN" ["SCTP6-L"] SOCK.and(SERVER).and(STREAM).and(Groups::IP6), B::ListenPort(|host, port| Kind::SctpListen { family: V6, host, port }); "The same over IPv6 only, unless ipv6only=0."
    "TUN" [] G.and(Groups::INTERFACE), B::OptionalNetwork(Kind::Tun); "A new network interface; its packets are read and written."
    "INTERFACE" ["IF"] SOCK.and(Groups::INTERFACE), B::Path(Kind::Interface); "The packets of a network interface, with their link headers."
    "SOCKETPAIR" [] SOCK.and(Groups::UNIX).and(STREAM), B::Nothing(|| Kind::Socketpair); "Two joined sockets: what is written comes back."
    "STDIO" [] INHERITED, B::Nothing(|| Kind::Stdio); "Standard input and output; - is short for it."
    "STDIN" [] INHERITED, B::Nothing(|| Kind::Stdin); "Standard input."
    "STDOUT" [] INHERITED, B::Nothing(|| Kind::Stdout); "Standard output."
    "STDERR" [] INHERITED, B::Nothing(|| Kind::Stderr); "Standard error."
    "FD" [] INHERITED, B::Descriptor(Kind::Fd); "An inherited descriptor; the number alone is short for it."
    "OPEN" ["FILE"] OPENED, B::Path(Kind::Open); "A file, opened."
    "CREATE" ["CREAT"] FILE, B::Path(Kind::Create); "A file, created or emptied, for writing."
    "GOPEN" [] OPENED.and(Groups::SOCKET).and(Groups::UNIX), B::Path(Kind::Gopen); "A file, device, FIFO or Unix socket, whatever it is; a path with a slash is short for it."
    "PIPE" ["FIFO" "ECHO"] G.and(STREAM).and(Groups::FIFO).and(Groups::NAMED).and(Groups::OPEN), B::OptionalPath(Kind::Pipe); "A named pipe, made if missing; without a name what is written comes back."
    "PTY" [] G.and(STREAM).and(Groups::NAMED).and(Groups::TERMIOS).and(Groups::PTY), B::Nothing(|| Kind::Pty); "A new pseudo terminal."
    "EXEC" [] PROGRAM.and(Groups::EXEC), B::Command(Kind::Exec); "A program, started without a shell."
    "SYSTEM" [] PROGRAM, B::Command(Kind::System); "A command for /bin/sh."
    "SHELL" [] PROGRAM, B::OptionalCommand(Kind::Shell); "A command for $SHELL, or that shell itself."
}
