//! What the kinds of network address share: names to addresses, sockets with their options, connecting.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustix::net::SocketAddrAny;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use sockeye_proto::address::{Address, Family, Host, HostPort, Kind, OptionName, Options, Port};
use tokio::{io::Interest, task::JoinSet};

use super::{Handle, Name, Nature, namespace, sockopt};
use crate::{
    Error, Result,
    diag::{self, Bind},
    error::Reason,
    socket,
};

/// How long one attempt to connect may take where `connect-timeout` says nothing.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The ports of `lowport`: the upper of those that only root may bind.
pub(super) const LOW_PORTS: std::ops::RangeInclusive<u16> = 640..=1023;

/// How often a full queue of a Unix server is tried.
const QUEUE_RETRY: Duration = Duration::from_millis(5);

/// How long the next address waits for the one before it (RFC 8305, "Connection Attempt Delay").
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// All addresses that a host and a port stand for, in the resolver's order (RFC 6724).
///
/// # Errors
/// When the name or service is unknown, or has no address in the family asked for.
pub(crate) async fn resolve(to: &HostPort, family: Family) -> Result<Vec<SocketAddr>> {
    match (&to.host, &to.port) {
        (Host::Ip(ip), Port::Number(port)) if family.has(*ip) => {
            return Ok(vec![SocketAddr::new(*ip, *port)]);
        }
        (Host::Ip(_) | Host::Scoped(..), _) => return lookup(to, family),
        (Host::Name(_), _) => {}
    }
    let to = to.clone();
    // The resolver waits for name servers: on a thread of its own.
    match tokio::task::spawn_blocking(move || lookup(&to, family)).await {
        Ok(found) => found,
        Err(e) => Err(Error::new("resolve", "the name", io::Error::other(e))),
    }
}

fn lookup(to: &HostPort, family: Family) -> Result<Vec<SocketAddr>> {
    let port = match &to.port {
        Port::Number(number) => *number,
        Port::Service(name) => socket::port(name)?,
    };
    let family = match family {
        Family::Any => None,
        Family::V4 => Some(socket::Family::Inet),
        Family::V6 => Some(socket::Family::Inet6),
    };
    let host = match &to.host {
        Host::Ip(ip) => ip.to_string(),
        Host::Scoped(ip, zone) => format!("{ip}%{zone}"),
        Host::Name(name) => name.clone(),
    };
    socket::addresses(&host, port, family)
}

/// The address to listen on or receive at: `host`, else `bind=`, else every interface.
pub(crate) async fn listening(
    options: &Options,
    family: Family,
    host: Option<&Host>,
    port: &Port,
) -> Result<SocketAddr> {
    let every = match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        // Dual stack where the kernel has IPv6, unless `ipv6only` narrows it.
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        Family::Any if has_ipv6() => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        Family::Any => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let host = match (host, options.text(OptionName::Bind)) {
        (Some(host), _) => host.clone(),
        (None, Some(text)) => bind_place(text)?.0.unwrap_or(Host::Ip(every)),
        (None, None) => Host::Ip(every),
    };
    let all = resolve(&HostPort { host, port: port.clone() }, family).await?;
    Ok(all[0])
}

/// Where a connecting socket is bound to before it connects to `peer`: `bind=` and `sourceport=`.
pub(super) async fn source(options: &Options, peer: SocketAddr) -> Result<Option<SocketAddr>> {
    let family = if peer.is_ipv4() { Family::V4 } else { Family::V6 };
    let (host, mut port) = match options.text(OptionName::Bind) {
        Some(text) => bind_place(text)?,
        None => (None, None),
    };
    if let Some(number) = options.number(OptionName::Sourceport) {
        port = u16::try_from(number).ok().map(Port::Number);
    }
    if host.is_none() && port.is_none() && !options.flag(OptionName::Lowport) {
        return Ok(None);
    }
    let any = if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let place = HostPort { host: host.unwrap_or(Host::Ip(any)), port: port.unwrap_or(Port::Number(0)) };
    Ok(Some(Box::pin(resolve(&place, family)).await?[0]))
}

/// A new non-blocking socket with the options of its address that are socket options set on it.
pub(crate) fn socket(options: &Options, domain: Domain, kind: Type, what: &str) -> Result<Socket> {
    let protocol = options.number(OptionName::Socketprotocol).and_then(|n| i32::try_from(n).ok());
    socket_of(options, domain, kind, protocol.map(Protocol::from), what)
}

/// As [`socket`], of this protocol.
pub(super) fn socket_of(
    options: &Options,
    domain: Domain,
    kind: Type,
    protocol: Option<Protocol>,
    what: &str,
) -> Result<Socket> {
    let made = namespace::inside(options, || Socket::new(domain, kind.nonblocking(), protocol))?;
    let attempt = if kind == Type::RAW { "open a raw socket for" } else { "make a socket for" };
    let socket = made.map_err(|e| Error::new(attempt, what, e))?;
    sockopt::early(options, &socket)?;
    Ok(socket)
}

/// A socket of this kind bound to `at`, options set.
pub(crate) fn bound(options: &Options, at: SocketAddr, kind: Type, what: &str) -> Result<Socket> {
    let socket = socket(options, Domain::for_address(at), kind, what)?;
    bind(&socket, at, kind, options, what)?;
    sockopt::late(options, &socket)?;
    Ok(socket)
}

/// bind(2), with `lowport` to a free low port; where the place is taken, the error says by whom. `what` is the
/// address as it was given.
pub(super) fn bind(socket: &Socket, at: SocketAddr, kind: Type, options: &Options, what: &str) -> Result<()> {
    bind_source(socket, at, options)
        .map_err(|e| not_bound(Error::new("bind to", format!("{what} at {at}"), e), at, kind, options))
}

/// An error of bind(2) or listen(2) with what keeps the place.
pub(super) fn not_bound(error: Error, at: SocketAddr, kind: Type, options: &Options) -> Error {
    // Who is in another namespace is not to be seen from here.
    if options.has(OptionName::Netns) {
        return error;
    }
    let bind = if kind == Type::DGRAM { Bind::Udp(at) } else { Bind::Tcp(at) };
    diag::explained(error, bind)
}

/// What a connected socket knows of itself.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) handle: Arc<Handle>,
    pub(crate) local: Option<Name>,
    pub(crate) peer: SocketAddr,
}

/// Who says something first on a connection that is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// We do, as soon as it is there.
    Us,
    /// That is for the two at its ends.
    Either,
}

/// Connects to the first of `peers` that answers: in their order, each one 250 ms after the one before it or
/// at once when that one failed (RFC 8305).
///
/// # Errors
/// Each address that was tried, with its reason.
pub(crate) async fn connect(
    options: &Options,
    peers: &[SocketAddr],
    kind: Type,
    speaker: Speaker,
    what: &str,
) -> Result<Connected> {
    let limit = options.time(OptionName::ConnectTimeout).unwrap_or(CONNECT_TIMEOUT);
    if let [only] = peers {
        return connect_one(options, *only, kind, speaker, limit, what).await;
    }
    Box::pin(connect_first(options, peers, kind, speaker, limit, what)).await
}

async fn connect_first(
    options: &Options,
    peers: &[SocketAddr],
    kind: Type,
    speaker: Speaker,
    limit: Duration,
    what: &str,
) -> Result<Connected> {
    let mut attempts = JoinSet::new();
    let mut waiting = peers.iter().copied();
    let mut failures = Vec::new();
    loop {
        if let Some(peer) = waiting.next() {
            let (options, what) = (options.clone(), what.to_owned());
            attempts.spawn(async move { connect_one(&options, peer, kind, speaker, limit, &what).await });
        } else if attempts.is_empty() {
            return Err(Error::new("connect to", what, Reason::Each(failures)));
        }
        let patience = if waiting.len() == 0 { limit * 2 } else { ATTEMPT_DELAY };
        match tokio::time::timeout(patience, attempts.join_next()).await {
            Ok(Some(Ok(Ok(connected)))) => return Ok(connected),
            Ok(Some(Ok(Err(error)))) => failures.push(error),
            Ok(Some(Err(error))) => failures.push(Error::new("connect to", what, io::Error::other(error))),
            Ok(None) | Err(_) => {}
        }
    }
}

async fn connect_one(
    options: &Options,
    peer: SocketAddr,
    kind: Type,
    speaker: Speaker,
    limit: Duration,
    what: &str,
) -> Result<Connected> {
    let failed = |e: Reason| Error::new("connect to", peer, e);
    let socket = socket(options, Domain::for_address(peer), kind, what)?;
    if let Some(source) = source(options, peer).await? {
        bind(&socket, source, kind, options, what)?;
    }
    if speaker == Speaker::Us && kind == Type::STREAM {
        // What we say acknowledges the handshake as well: a segment less. Other protocols than TCP do not know it.
        let _ = socket.set_tcp_quickack(false);
    }
    let handle = connect_socket(socket, kind, &peer.into(), limit).await.map_err(failed)?;
    sockopt::late(options, &handle)?;
    let local = socket2::SockRef::from(&handle).local_addr().ok().and_then(|a| a.as_socket());
    let handle = if kind == Type::STREAM { handle.between(local, peer, options) } else { handle };
    Ok(Connected { handle: Arc::new(handle), local: local.map(Name::from), peer })
}

/// bind(2), with `lowport` to a free port from 640 to 1023.
fn bind_source(socket: &Socket, source: SocketAddr, options: &Options) -> io::Result<()> {
    if !options.flag(OptionName::Lowport) || source.port() != 0 {
        return socket.bind(&source.into());
    }
    let mut result = Ok(());
    for port in LOW_PORTS.rev() {
        result = socket.bind(&SocketAddr::new(source.ip(), port).into());
        match &result {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {}
            _ => break,
        }
    }
    result
}

/// connect(2), waiting for its outcome for at most `limit`.
///
/// The socket becomes known to epoll only once the attempt has begun: before, the kernel reports it as hung up,
/// and a hang-up is for good.
pub(crate) async fn connect_socket(
    socket: Socket,
    kind: Type,
    peer: &SockAddr,
    limit: Duration,
) -> Result<Handle, Reason> {
    let nature = if kind == Type::STREAM { Nature::Stream } else { Nature::Packets };
    let began = tokio::time::Instant::now();
    let mut attempt = socket.connect(peer);
    // A Unix server's queue is full, and nothing tells when there is room again.
    while attempt.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock) && began.elapsed() < limit {
        Box::pin(tokio::time::sleep(QUEUE_RETRY)).await;
        attempt = socket.connect(peer);
    }
    match attempt {
        Ok(()) => return Ok(Handle::socket(socket.into(), nature)?),
        Err(e) if matches!(e.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => {}
        Err(e) => return Err(e.into()),
    }
    // On the same machine it has been answered already.
    let answered = socket.peer_addr().is_ok();
    let handle = Handle::socket(socket.into(), nature)?;
    if !answered {
        Box::pin(settled(&handle, limit)).await?;
    }
    Ok(handle)
}

/// Waits for the outcome of connect(2).
async fn settled(handle: &Handle, limit: Duration) -> Result<(), Reason> {
    let settled = handle.wait(Interest::WRITABLE, || {
        let socket = socket2::SockRef::from(handle);
        match socket.peer_addr() {
            // It failed, unless the readiness is older than the attempt.
            Err(e) if e.raw_os_error() == Some(libc::ENOTCONN) => {
                Err(socket.take_error()?.unwrap_or_else(|| io::ErrorKind::WouldBlock.into()))
            }
            other => other.map(drop),
        }
    });
    match tokio::time::timeout(limit, settled).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Reason::TimedOut(limit)),
    }
}

/// Whether this machine can make IPv6 sockets.
fn has_ipv6() -> bool {
    std::path::Path::new("/proc/net/if_inet6").exists()
}

/// What `bind=` says: `host`, `host:port` or `:port`.
fn bind_place(text: &str) -> Result<(Option<Host>, Option<Port>)> {
    let read = |spelling: String| match Address::parse(&spelling).map(|a| a.kind) {
        Ok(Kind::Tcp { to, .. }) => Some(to),
        _ => None,
    };
    if let Some(port) = text.strip_prefix(':') {
        if let Some(to) = read(format!("tcp:localhost:{port}")) {
            return Ok((None, Some(to.port)));
        }
    } else if let Some(to) = read(format!("tcp:{text}")) {
        return Ok((Some(to.host), Some(to.port)));
    } else if let Some(to) = read(format!("tcp:{text}:0")) {
        return Ok((Some(to.host), None));
    }
    let reason = Reason::Usage("it is neither HOST, HOST:PORT nor :PORT".into());
    Err(Error::new("bind to", text, reason))
}

/// The name of a socket that has one: `127.0.0.1:80`, `[::1]:80`, `/path`, `@abstract`.
pub(crate) fn named(addr: &SocketAddrAny) -> Option<Name> {
    if let Ok(ip) = SocketAddr::try_from(addr.clone()) {
        // A dual-stack socket knows its IPv4 peers by mapped addresses; people know them by their own.
        return Some(SocketAddr::new(ip.ip().to_canonical(), ip.port()).into());
    }
    let unix = rustix::net::SocketAddrUnix::try_from(addr.clone()).ok()?;
    match (unix.path(), unix.abstract_name()) {
        (Some(path), _) => Some(path.to_string_lossy().into_owned().into()),
        (None, Some(name)) => Some(format!("@{}", String::from_utf8_lossy(name)).into()),
        (None, None) => None,
    }
}
