//! From a URL to a stream: overrides, names, the race of addresses (RFC 8305), proxies, TLS.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::{
    net::{TcpStream, UnixStream, lookup_host},
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tokio_rustls::rustls::ClientConfig;

use super::{
    Timings,
    failure::{Failure, FailureKind, of_tls},
    note::{Note, Watch},
    proxy::{Proxy, ProxyKind},
    stream::{Plain, Stream},
};
use crate::{
    Error,
    error::Reason,
    proto::address::Family,
    tls::{self, ClientOptions, Facts, Verify},
};

/// How connections are made.
#[derive(Debug)]
pub struct ConnectOptions {
    /// TLS for https.
    pub tls: ClientOptions,
    /// Addresses given by hand for a host and port (`*` for any host): used instead of looking up.
    pub resolve: Vec<(String, u16, Vec<IpAddr>)>,
    /// Hosts and ports to be replaced by others before anything else.
    pub connect_to: Vec<ConnectTo>,
    /// A Unix domain socket to connect to instead of any host.
    pub unix_socket: Option<PathBuf>,
    /// IPv4, IPv6 or both.
    pub family: Family,
    /// The time for name, connection, proxy and TLS together.
    pub timeout: Duration,
}

impl Default for ConnectOptions {
    /// Any address family, 300 s.
    fn default() -> Self {
        Self {
            tls: ClientOptions::default(),
            resolve: Vec::new(),
            connect_to: Vec::new(),
            unix_socket: None,
            family: Family::Any,
            timeout: Duration::from_secs(300),
        }
    }
}

/// A host and port that stand for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectTo {
    /// The host and port of the request; an empty host or port 0 is any.
    pub from: (String, u16),
    /// Where to connect; an empty host or port 0 stays as it is.
    pub to: (String, u16),
}

/// Where a request wants to go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) https: bool,
    pub(super) proxy: Option<&'a Proxy>,
    pub(super) user_agent: Option<&'a str>,
}

/// A stream that was made, with what is known of it.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) stream: Stream,
    pub(super) local: String,
    pub(super) peer: String,
    pub(super) tls: Option<Facts>,
}

#[derive(Debug, Default)]
pub(super) struct Connector {
    pub(super) options: ConnectOptions,
    config: OnceLock<Arc<ClientConfig>>,
    names: Mutex<HashMap<String, Vec<IpAddr>>>,
}

/// RFC 8305, section 5: the next address is tried after this long.
const STAGGER: Duration = Duration::from_millis(250);

impl Connector {
    pub(super) fn new(options: ConnectOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Makes a connection that a request can be sent on.
    pub(super) async fn connect(
        &self,
        goal: Goal<'_>,
        timings: &mut Timings,
        watch: &Watch,
    ) -> Result<Made, Failure> {
        let deadline = Instant::now() + self.options.timeout;
        let target = || format!("{}:{}", goal.host, goal.port);
        match timeout_at(deadline, self.connect_unbounded(goal, timings, watch)).await {
            Ok(made) => made,
            Err(_) => {
                let reason = Reason::TimedOut(self.options.timeout);
                Err(FailureKind::Timeout.with(Error::new("connect to", target(), reason)))
            }
        }
    }

    async fn connect_unbounded(
        &self,
        goal: Goal<'_>,
        timings: &mut Timings,
        watch: &Watch,
    ) -> Result<Made, Failure> {
        let mut plain = self.reach(goal, timings, watch).await?;
        let (local, peer) = ends(&plain);
        let name = goal.proxy.map_or(goal.host, |p| p.host.as_str());
        watch.tell(|| Note::Connected {
            host: name,
            peer: &peer,
            local: &local,
            seconds: timings.connect.as_secs_f64(),
        });
        if let Some(proxy) = goal.proxy
            && (goal.https || proxy.kind != ProxyKind::Http)
        {
            let (host, port) = self.redirected(goal.host, goal.port);
            let address = match proxy.resolves_here() {
                true => Some(self.proxied_address(&host, port, proxy, watch).await?),
                false => None,
            };
            proxy.ask(&mut plain, &host, port, address, goal.user_agent).await?;
            let (proxy, target) = (proxy.name(), format!("{host}:{port}"));
            watch.tell(|| Note::Tunnel { proxy: &proxy, target: &target });
        }
        if !goal.https {
            return Ok(Made { stream: Stream::Plain(plain), local, peer, tls: None });
        }
        let config = self.tls_config()?;
        let name = tls::server_name(goal.host).map_err(|e| FailureKind::Tls.with(e))?;
        let stream = tls::connect(config, name, plain).await.map_err(of_tls)?;
        timings.tls = Some(timings.elapsed());
        let facts = Facts::of(stream.get_ref().1, self.options.tls.verify != Verify::Nothing);
        watch.tell(|| Note::Tls { facts: &facts });
        Ok(Made { stream: Stream::Tls(Box::new(stream)), local, peer, tls: Some(facts) })
    }

    /// A stream to the proxy or the host itself.
    async fn reach(&self, goal: Goal<'_>, timings: &mut Timings, watch: &Watch) -> Result<Plain, Failure> {
        if let Some(path) = &self.options.unix_socket {
            timings.name = timings.elapsed();
            let stream = UnixStream::connect(path).await;
            let stream =
                stream.map_err(|e| FailureKind::Connect.with(Error::new("connect to", path.display(), e)))?;
            timings.connect = timings.elapsed();
            return Ok(Plain::Unix(stream));
        }
        let (kind, (host, port)) = match goal.proxy {
            Some(proxy) => (FailureKind::ResolveProxy, (proxy.host.clone(), proxy.port)),
            None => (FailureKind::Resolve, self.redirected(goal.host, goal.port)),
        };
        let addresses = self.lookup(&host, port, watch).await.map_err(|e| kind.with(e))?;
        timings.name = timings.elapsed();
        let stream = race(&addresses, port, watch)
            .await
            .map_err(|failed| FailureKind::Connect.with(none_answered(&format!("{host}:{port}"), failed)))?;
        // Requests are written whole: waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        timings.connect = timings.elapsed();
        Ok(Plain::Tcp(stream))
    }

    async fn proxied_address(
        &self,
        host: &str,
        port: u16,
        proxy: &Proxy,
        watch: &Watch,
    ) -> Result<SocketAddr, Failure> {
        let addresses = self.lookup(host, port, watch).await.map_err(|e| FailureKind::Resolve.with(e))?;
        let fits = |a: &&IpAddr| proxy.kind == ProxyKind::Socks5 || a.is_ipv4();
        let address = addresses.iter().find(fits).copied();
        address.map(|ip| SocketAddr::new(ip, port)).ok_or_else(|| {
            let reason = Reason::Unresolved("SOCKS4 needs an IPv4 address, and the name has none".into());
            FailureKind::Resolve.with(Error::new("reach", host, reason))
        })
    }

    /// The host and port after `connect_to`.
    fn redirected(&self, host: &str, port: u16) -> (String, u16) {
        for ConnectTo { from: (from, from_port), to: (to, to_port) } in &self.options.connect_to {
            let same_host = from.is_empty() || from.eq_ignore_ascii_case(host);
            if same_host && (*from_port == 0 || *from_port == port) {
                let to = if to.is_empty() { host } else { to };
                return (to.to_owned(), if *to_port == 0 { port } else { *to_port });
            }
        }
        (host.to_owned(), port)
    }

    async fn lookup(&self, host: &str, port: u16, watch: &Watch) -> Result<Vec<IpAddr>, Error> {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(vec![ip]);
        }
        let by_hand = self
            .options
            .resolve
            .iter()
            .find(|(name, at, _)| (name == "*" || name.eq_ignore_ascii_case(host)) && *at == port);
        if let Some((_, _, addresses)) = by_hand {
            return Ok(addresses.clone());
        }
        if let Some(known) = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(host) {
            return Ok(known.clone());
        }
        let unresolved = |why: String| Error::new("resolve", host, Reason::Unresolved(why));
        let found = lookup_host((bare, port)).await.map_err(|e| {
            let text = e.to_string();
            unresolved(text.rsplit(": ").next().unwrap_or(&text).to_owned())
        })?;
        let mut addresses: Vec<IpAddr> = Vec::new();
        for ip in found.map(|a| a.ip()) {
            let wanted = match self.options.family {
                Family::Any => true,
                Family::V4 => ip.is_ipv4(),
                Family::V6 => ip.is_ipv6(),
            };
            if wanted && !addresses.contains(&ip) {
                addresses.push(ip);
            }
        }
        if addresses.is_empty() {
            return Err(unresolved("the name has no address of this family".into()));
        }
        let addresses = interleaved(&addresses);
        watch.tell(|| Note::Resolved { host, addresses: &addresses });
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(host.to_owned(), addresses.clone());
        Ok(addresses)
    }

    /// Made at the first https request: the system's roots take milliseconds to read.
    fn tls_config(&self) -> Result<Arc<ClientConfig>, Failure> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let options = &self.options.tls;
        let config = tls::client_config(options).map_err(|e| {
            let own = options.identity.as_ref().is_some_and(|i| {
                let path = e.target();
                path == i.cert.display().to_string()
                    || i.key.as_ref().is_some_and(|k| path == k.display().to_string())
            });
            if own { FailureKind::OwnCertificate.with(e) } else { FailureKind::CaFile.with(e) }
        })?;
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }
}

/// RFC 8305, section 4: the families take turns, beginning with the one the resolver put first.
fn interleaved(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let first_is_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (mut first, mut second): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.iter().copied().partition(|a| a.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.drain(..), second.drain(..));
    let mut order = Vec::with_capacity(addresses.len());
    while order.len() < addresses.len() {
        order.extend(first.next());
        order.extend(second.next());
    }
    order
}

/// Tries the addresses one after the other, each with a head start before the next; the first to answer wins.
async fn race(addresses: &[IpAddr], port: u16, watch: &Watch) -> Result<TcpStream, Vec<Error>> {
    let mut attempts = JoinSet::new();
    let mut failed = Vec::new();
    let mut left = addresses.iter().map(|ip| SocketAddr::new(*ip, port));
    loop {
        let next = left.next();
        if let Some(peer) = next {
            watch.tell(|| Note::Connecting { peer });
            attempts.spawn(async move { (peer, TcpStream::connect(peer).await) });
        }
        let head_start = async {
            match left.len() {
                0 => std::future::pending().await,
                _ => tokio::time::sleep(STAGGER).await,
            }
        };
        tokio::select! {
            done = attempts.join_next() => match done {
                None => return Err(failed),
                Some(Ok((_, Ok(stream)))) => return Ok(stream),
                Some(Ok((peer, Err(e)))) => {
                    watch.tell(|| Note::ConnectFailed { peer, reason: Reason::Io(clone(&e)).to_string() });
                    failed.push(Error::new("connect to", peer, e));
                }
                // A task that panicked or was aborted made no connection.
                Some(Err(e)) => failed.push(Error::new("connect to", port, std::io::Error::other(e))),
            },
            () = head_start => {}
        }
    }
}

fn clone(error: &std::io::Error) -> std::io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), std::io::Error::from_raw_os_error)
}

fn none_answered(target: &str, mut failed: Vec<Error>) -> Error {
    if failed.len() > 1 {
        return Error::new("connect to", target, Reason::Each(failed));
    }
    let Some(only) = failed.pop() else {
        return Error::new("connect to", target, Reason::Unresolved("no address to try".into()));
    };
    let refused = matches!(only.reason(), Reason::Io(e) if e.kind() == std::io::ErrorKind::ConnectionRefused);
    match refused {
        true => only.hint("nothing listens there"),
        false => only,
    }
}

fn ends(stream: &Plain) -> (String, String) {
    let show = |a: std::io::Result<SocketAddr>| a.map(|a| a.to_string()).unwrap_or_default();
    match stream {
        Plain::Tcp(s) => (show(s.local_addr()), show(s.peer_addr())),
        Plain::Unix(s) => {
            let path = s.peer_addr().ok().and_then(|a| a.as_pathname().map(|p| p.display().to_string()));
            (String::new(), path.unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let ips = |all: &[&str]| all.iter().map(|a| a.parse().expect("literal")).collect::<Vec<IpAddr>>();
        let order = interleaved(&ips(&["::1", "::2", "::3", "127.0.0.1"]));
        assert_eq!(order, ips(&["::1", "127.0.0.1", "::2", "::3"]));
        let order = interleaved(&ips(&["127.0.0.1", "127.0.0.2", "::1"]));
        assert_eq!(order, ips(&["127.0.0.1", "::1", "127.0.0.2"]));
    }
}
