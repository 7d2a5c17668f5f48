//! Names to addresses.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use super::{Family, service_by_name};
use crate::{Error, Result, error::Reason};

/// `getaddrinfo`: every address of `host` with the port of `service` (a number, or a name such as `http`), in the
/// order in which the system would try them (RFC 6724), of one family where that is asked for.
///
/// An empty host is every interface: `0.0.0.0`, then `::`. Waits for name servers as long as resolv.conf(5) says.
pub fn resolve(host: &str, service: &str, family: Option<Family>) -> Result<Vec<SocketAddr>> {
    addresses(host, port(service)?, family)
}

/// [`resolve`] with the port as a number.
pub fn addresses(host: &str, port: u16, family: Option<Family>) -> Result<Vec<SocketAddr>> {
    let fits = |addr: &SocketAddr| match family {
        None => true,
        Some(Family::Inet) => addr.is_ipv4(),
        Some(Family::Inet6) => addr.is_ipv6(),
        Some(Family::Unix) => false,
    };
    let found: Vec<SocketAddr> = if host.is_empty() {
        vec![(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()]
    } else {
        (host, port)
            .to_socket_addrs()
            .map_err(|e| {
                let text = e.to_string();
                let why = text.rsplit(": ").next().unwrap_or(&text).to_owned();
                Error::new("resolve", host, Reason::Unresolved(why)).hint(
                    "check the spelling; `getent hosts NAME` asks the same sources, /etc/hosts and /etc/resolv.conf",
                )
            })?
            .collect()
    };
    let fitting: Vec<SocketAddr> = found.iter().filter(|a| fits(a)).copied().collect();
    match (fitting.is_empty(), family) {
        (true, Some(family)) => {
            let others = found.iter().map(|a| a.ip().to_string()).collect::<Vec<_>>().join(", ");
            let reason = Reason::Unresolved(format!("it has no {family} address, but {others}"));
            Err(Error::new("resolve", host, reason).hint("leave the family open"))
        }
        _ => Ok(fitting),
    }
}

/// The port that a text names: a number from 0 to 65535, or a service (TCP's, or else UDP's).
pub fn port(service: &str) -> Result<u16> {
    if let Ok(port) = service.parse() {
        return Ok(port);
    }
    if !service.is_empty() && service.bytes().all(|b| b.is_ascii_digit()) {
        let reason = Reason::Usage("a port is a number from 0 to 65535".into());
        return Err(Error::new("use the port", service, reason));
    }
    let found = service_by_name(service, Some("tcp")).or_else(|| service_by_name(service, None));
    found.map(|service| service.port).ok_or_else(|| {
        let reason = Reason::Usage("no service has that name in /etc/services".into());
        Error::new("find the port of", format_args!("`{service}`"), reason).hint("give the port as a number")
    })
}

/// `gethostname`: what this machine calls itself.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
