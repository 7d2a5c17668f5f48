//! Who is asked: names, addresses, networks, files of them.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use dns_lookup::{AddrFamily, AddrInfoHints, getaddrinfo, getnameinfo};
use socket2::{Domain, Socket, Type};
use sockeye_proto::icmp::Family;

use crate::{Error, Result, error::Reason};

/// A host to ask: the name it was given by, and one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The name as the resolver knows it (the canonical one where it has one), or the address as text; empty
    /// where the address came from a network, whose thousands of texts are made when they are shown.
    pub name: Box<str>,
    /// Where it is; the port is 0.
    pub address: SocketAddr,
    /// Whether `name` is a name and not an address.
    pub named: bool,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.name {
            "" => self.address.ip().fmt(f),
            name => f.write_str(name),
        }
    }
}

/// As many hosts as are asked at once.
pub const MOST_HOSTS: u64 = 1 << 20;

/// Looks `host` up: its first address, of `family` where one is asked for.
///
/// # Errors
/// In the resolver's words where there is none.
pub fn resolve(host: &str, family: Option<Family>) -> Result<Host> {
    let hints = AddrInfoHints {
        socktype: libc::SOCK_STREAM,
        address: match family {
            None => 0,
            Some(Family::V4) => AddrFamily::Inet.into(),
            Some(Family::V6) => AddrFamily::Inet6.into(),
        },
        flags: libc::AI_CANONNAME,
        ..AddrInfoHints::default()
    };
    let unresolved = |text: String| Error::new("find the address of", host, Reason::Unresolved(text));
    let mut found = getaddrinfo(Some(host), None, Some(hints)).map_err(|e| unresolved(lookup_error(e)))?;
    let Some(Ok(first)) = found.next() else {
        return Err(unresolved("No address associated with hostname".into()));
    };
    // "127.1" and "0" are addresses too: whatever the resolver reads without asking anyone.
    let as_number = AddrInfoHints { flags: libc::AI_NUMERICHOST, ..hints };
    let numeric = getaddrinfo(Some(host), None, Some(as_number)).is_ok();
    let name = if numeric || first.sockaddr.is_ipv6() {
        host.into()
    } else {
        first.canonname.unwrap_or_else(|| host.into())
    };
    Ok(Host { name: name.into(), address: first.sockaddr, named: !numeric })
}

/// The resolver's text without what the library wraps around it.
fn lookup_error(error: dns_lookup::LookupError) -> String {
    match error.error_num() {
        -9 => "Address family for hostname not supported".into(),
        -5 => "No address associated with hostname".into(),
        -3 => "Temporary failure in name resolution".into(),
        -2 => "Name or service not known".into(),
        _ => std::io::Error::from(error).to_string(),
    }
}

/// An address as text, with the interface of a link-local one.
pub fn address_text(address: SocketAddr) -> String {
    let interface = match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => Socket::new(Domain::IPV6, Type::DGRAM, None)
            .ok()
            .and_then(|socket| rustix::net::netdevice::index_to_name(socket, v6.scope_id()).ok()),
        _ => None,
    };
    match interface {
        Some(interface) => format!("{}%{interface}", address.ip()),
        None => address.ip().to_string(),
    }
}

/// The name that an address is known by, if any.
pub fn name_of(address: SocketAddr) -> Option<String> {
    let (name, _) = getnameinfo(&address, libc::NI_NAMEREQD | libc::NI_DGRAM).ok()?;
    Some(name)
}

/// The hosts that `words` mean: names, addresses, networks in CIDR notation. As fping does, the network's
/// own address and its broadcast address are left out of IPv4 networks of four addresses and more.
///
/// Names that cannot be found are handed to `unknown`, and the rest goes on.
///
/// # Errors
/// Where a network is malformed or there are more than [`MOST_HOSTS`].
pub fn targets<'a>(
    words: impl IntoIterator<Item = &'a str>,
    family: Option<Family>,
    mut unknown: impl FnMut(&'a str, &Error),
) -> Result<Vec<Host>> {
    let mut hosts = Vec::new();
    for word in words {
        if let Some((base, length)) = word.split_once('/') {
            network(word, base, length, &mut hosts)?;
        } else {
            match resolve(word, family) {
                Ok(host) => hosts.push(host),
                Err(error) => unknown(word, &error),
            }
        }
        if hosts.len() as u64 > MOST_HOSTS {
            return Err(too_many(word));
        }
    }
    Ok(hosts)
}

fn too_many(word: &str) -> Error {
    let reason = Reason::Usage(format!("more than {MOST_HOSTS} addresses"));
    Error::new("ask", word, reason).hint("take a smaller network")
}

fn network(word: &str, base: &str, length: &str, hosts: &mut Vec<Host>) -> Result<()> {
    let wrong = |why: &str| Error::new("read the network", word, Reason::Usage(why.into()));
    let base: IpAddr = base.parse().map_err(|_| wrong("it does not start with an address"))?;
    let bits: u32 = if base.is_ipv4() { 32 } else { 128 };
    let length: u32 = length
        .parse()
        .ok()
        .filter(|l| *l <= bits)
        .ok_or_else(|| wrong(&format!("the prefix length is a number from 0 to {bits}")))?;
    let free = bits - length;
    if free > MOST_HOSTS.ilog2() {
        return Err(too_many(word));
    }
    let count = 1_u128 << free;
    let value = match base {
        IpAddr::V4(a) => u128::from(a.to_bits()),
        IpAddr::V6(a) => a.to_bits(),
    };
    let first = value & !(count - 1);
    let skip = u128::from(base.is_ipv4() && free >= 2);
    for value in first + skip..=first + (count - 1) - skip {
        let address: IpAddr = match base {
            IpAddr::V4(_) => Ipv4Addr::from_bits(value as u32).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(value).into(),
        };
        // The name of a network's host is its address: made when shown, not kept.
        hosts.push(Host { name: "".into(), address: SocketAddr::new(address, 0), named: false });
    }
    Ok(())
}

/// The address that packets to `host` leave from, by the routing table; needs no privilege and sends
/// nothing.
///
/// # Errors
/// What the kernel has against it: no route, a broadcast address (EACCES), no such interface.
pub fn source_for(host: &Host, options: &super::Options) -> Result<SocketAddr> {
    let failed = |e: std::io::Error| Error::new("connect to", host, e);
    let socket = Socket::new(Domain::for_address(host.address), Type::DGRAM, None).map_err(failed)?;
    let route = super::Options {
        source: options.source.filter(|s| s.is_ipv4() == host.address.is_ipv4()),
        interface: options.interface.clone(),
        mark: None,
        broadcast: options.broadcast,
        ..super::Options::default()
    };
    let family = if host.address.is_ipv4() { Family::V4 } else { Family::V6 };
    route.apply(&socket, family)?;
    let mut to = host.address;
    to.set_port(1025);
    socket.connect(&to.into()).map_err(failed)?;
    let source = socket.local_addr().map_err(failed)?.as_socket();
    source
        .map(|mut s| {
            s.set_port(0);
            s
        })
        .ok_or_else(|| failed(std::io::ErrorKind::Unsupported.into()))
}
