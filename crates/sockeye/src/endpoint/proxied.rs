//! `PROXY`, `SOCKS4`, `SOCKS4A`, `SOCKS5`: connections that a proxy makes for us.

use socket2::Type;
use sockeye_proto::{
    address::{Address, Family, Host, HostPort, Kind, OptionName, Options, Port, Via},
    proxy::{Credentials, Handshake, Target},
};

use super::{
    About, Endpoint, Handle,
    net::{self, CONNECT_TIMEOUT},
    tcp,
};
use crate::{Error, Result, error::Reason, socket};

/// The usual port of an HTTP proxy, in socat.
const PROXY_PORT: u16 = 8080;

/// The usual port of a SOCKS server (RFC 1928).
const SOCKS_PORT: u16 = 1080;

pub(super) async fn connect(address: &Address, via: &Via, to: &HostPort) -> Result<Endpoint> {
    let (what, options) = (address.to_string(), &address.options);
    let mut machine = handshake(address, to).await?;
    let peers = net::resolve(&server(via, options, &address.kind)?, Family::Any).await?;
    let connected = net::connect(options, &peers, Type::STREAM, net::Speaker::Us, &what).await?;
    let proxy = connected.peer;
    let limit = options.time(OptionName::ConnectTimeout).unwrap_or(CONNECT_TIMEOUT);
    let failed = |e: Reason| Error::new("connect to", format!("{to} through {proxy}"), e);
    match tokio::time::timeout(limit, run(&mut machine, &connected.handle)).await {
        Ok(result) => result.map_err(failed)?,
        Err(_) => return Err(failed(Reason::TimedOut(limit))),
    }
    let about = About { address: what, local: connected.local, peer: Some(proxy.into()), ..About::default() };
    Ok(tcp::endpoint(connected.handle, about))
}

async fn run(machine: &mut Handshake, handle: &Handle) -> Result<(), Reason> {
    loop {
        handle.write_all(&machine.transmit()).await?;
        if machine.done() {
            return Ok(());
        }
        let mut buffer = vec![0; machine.wants()];
        let length = handle.read(&mut buffer).await?;
        machine.receive(&buffer[..length]).map_err(|e| match e {
            sockeye_proto::proxy::Error::Refused(_) | sockeye_proto::proxy::Error::Login(_) => {
                Reason::Io(std::io::Error::new(std::io::ErrorKind::ConnectionRefused, e.to_string()))
            }
            other => Reason::Protocol(other.to_string()),
        })?;
    }
}

/// The proxy itself.
fn server(via: &Via, options: &Options, kind: &Kind) -> Result<HostPort> {
    let (name, usual) = match kind {
        Kind::Proxy { .. } => (OptionName::Proxyport, PROXY_PORT),
        _ => (OptionName::Socksport, SOCKS_PORT),
    };
    let port = match (&via.port, options.text(name)) {
        (Some(port), _) => port.clone(),
        (None, Some(text)) => Port::Number(socket::port(text)?),
        (None, None) => Port::Number(usual),
    };
    Ok(HostPort { host: via.host.clone(), port })
}

async fn handshake(address: &Address, to: &HostPort) -> Result<Handshake> {
    let options = &address.options;
    let user = options.text(OptionName::Socksuser);
    let made = match &address.kind {
        // SOCKS 4 knows IPv4 addresses only: the name is resolved here.
        Kind::Socks4 { .. } => Handshake::socks4(&resolved(to, Family::V4).await?, &login(user)),
        Kind::Socks4a { .. } => Handshake::socks4(&target(to)?, &login(user)),
        Kind::Socks5 { .. } => {
            let password = options.text(OptionName::Sockspass).unwrap_or_default();
            let credentials =
                user.map(|user| Credentials { user: user.to_owned(), password: password.to_owned() });
            Handshake::socks5(&target(to)?, credentials.as_ref())
        }
        _ => {
            let target = match options.flag(OptionName::ProxyResolve) {
                true => resolved(to, Family::Any).await?,
                false => target(to)?,
            };
            let made = Handshake::connect(&target, proxy_login(options)?.as_ref(), "");
            match options.flag(OptionName::Ignorecr) {
                true => made.map(Handshake::with_bare_newlines),
                false => made,
            }
        }
    };
    made.map_err(|e| Error::new("ask a proxy for", to, Reason::Usage(e.to_string())))
}

/// The user of SOCKS 4: who we are, where nothing else is said.
fn login(user: Option<&str>) -> String {
    let known = user.map(str::to_owned).or_else(|| std::env::var("LOGNAME").ok());
    known.unwrap_or_else(|| "anonymous".to_owned())
}

fn proxy_login(options: &Options) -> Result<Option<Credentials>> {
    let text = match (
        options.text(OptionName::ProxyAuthorizationFile),
        options.text(OptionName::ProxyAuthorization),
    ) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path)
                .map_err(|e| Error::new("read the proxy's login from", path, e))?;
            text.lines().next().unwrap_or_default().to_owned()
        }
        (None, Some(text)) => text.to_owned(),
        (None, None) => return Ok(None),
    };
    let (user, password) = text.split_once(':').unwrap_or((&text, ""));
    Ok(Some(Credentials { user: user.to_owned(), password: password.to_owned() }))
}

/// The target by its name, for the proxy to resolve.
fn target(to: &HostPort) -> Result<Target> {
    let port = match &to.port {
        Port::Number(number) => *number,
        Port::Service(name) => socket::port(name)?,
    };
    Ok(match &to.host {
        Host::Ip(ip) => Target::Address((*ip, port).into()),
        Host::Scoped(ip, _) => Target::Address((*ip, port).into()),
        Host::Name(name) => Target::Name(name.clone(), port),
    })
}

async fn resolved(to: &HostPort, family: Family) -> Result<Target> {
    Ok(Target::Address(net::resolve(to, family).await?[0]))
}
