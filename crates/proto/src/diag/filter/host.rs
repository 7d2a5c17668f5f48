//! Host and port conditions: `[FAM:]ADDR[/len][:PORT]`, by the family that is asked for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Family, FilterError, Host, Names, Pattern, Prefix};

/// A number as C reads it: decimal, `0x` hexadecimal, `0` octal.
pub(super) fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with(['+', '-']))?
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8).ok()?
    } else {
        digits.parse().ok()?
    };
    Some(if negative { -value } else { value })
}

/// Cuts a family's name and colon off the front.
fn family(text: &str) -> (Option<Family>, &str) {
    for family in [Family::Unix, Family::Link, Family::Netlink, Family::Vsock, Family::Inet, Family::Inet6] {
        if let Some(rest) = text.strip_prefix(family.name()).and_then(|r| r.strip_prefix(':')) {
            return (Some(family), rest);
        }
    }
    (None, text)
}

/// Reads what follows `src` or `dst`. Gives the family too, where one is named or was asked for.
pub(super) fn host(
    word: &str,
    asked: Option<Family>,
    names: &dyn Names,
) -> Result<(Host, Option<Family>), FilterError> {
    let (named, rest) = family(word);
    let family = named.or(asked);
    let host = match family {
        Some(Family::Unix) => Host { address: Pattern::Unix(rest.to_owned()), port: None },
        Some(Family::Link | Family::Netlink | Family::Vsock) => {
            let (address, port) = match rest.split_once(':') {
                Some((address, port)) => (address, number(port, family, names)?),
                None => (rest, None),
            };
            Host { address: other(address, family, names)?, port }
        }
        _ => inet(rest, family, names)?,
    };
    Ok((host, family))
}

/// Reads what follows `sport` or `dport`; no port is any.
pub(super) fn port(
    word: &str,
    asked: Option<Family>,
    names: &dyn Names,
) -> Result<(Option<i64>, Option<Family>), FilterError> {
    let (named, rest) = family(word);
    let family = named.or(asked);
    if family == Some(Family::Unix) {
        return Ok((None, family));
    }
    Ok((number(rest.strip_prefix(':').unwrap_or(rest), family, names)?, family))
}

fn number(text: &str, family: Option<Family>, names: &dyn Names) -> Result<Option<i64>, FilterError> {
    if text.is_empty() || text == "*" {
        return Ok(None);
    }
    let bad = || FilterError::Port(text.to_owned());
    if let Some(number) = integer(text) {
        let limit = match family {
            Some(Family::Link | Family::Netlink | Family::Vsock) => i64::from(u32::MAX),
            // Also inodes of unix sockets, where every table is shown.
            None => i64::from(u32::MAX),
            _ => i64::from(u16::MAX),
        };
        let least = if family == Some(Family::Netlink) { i64::from(i32::MIN) } else { 0 };
        return if (least..=limit).contains(&number) { Ok(Some(number)) } else { Err(bad()) };
    }
    match family {
        Some(Family::Link) => names.interface(text).map(i64::from),
        Some(Family::Netlink) => (text == "kernel").then_some(0),
        Some(Family::Vsock) => None,
        _ => match names.service(text).as_slice() {
            [] => None,
            [port] => Some(i64::from(*port)),
            _ => return Err(FilterError::AmbiguousPort(text.to_owned())),
        },
    }
    .map(Some)
    .ok_or_else(bad)
}

fn other(address: &str, family: Option<Family>, names: &dyn Names) -> Result<Pattern, FilterError> {
    let any = address.is_empty() || address == "*";
    let bad = |what| FilterError::Value { what, value: address.to_owned() };
    let number = || integer(address).and_then(|n| u32::try_from(n).ok());
    Ok(match family {
        Some(Family::Link) if any => Pattern::Packet(None),
        Some(Family::Link) => Pattern::Packet(Some(
            names
                .ether_type(address)
                .or_else(|| number()?.try_into().ok())
                .ok_or_else(|| bad("an Ethernet protocol"))?,
        )),
        Some(Family::Netlink) if any => Pattern::Netlink(None),
        Some(Family::Netlink) => Pattern::Netlink(Some(
            names.netlink_protocol(address).or_else(number).ok_or_else(|| bad("a netlink protocol"))?,
        )),
        _ if any => Pattern::Vsock(None),
        _ => Pattern::Vsock(Some(number().ok_or_else(|| bad("a context id"))?)),
    })
}

fn inet(text: &str, family: Option<Family>, names: &dyn Names) -> Result<Host, FilterError> {
    // An IPv6 address without brackets has no port; ss takes its last group for one.
    if family != Some(Family::Inet)
        && let Some(prefix) = literal(text, family).filter(|p| p.address.is_ipv6())
    {
        return Ok(Host { address: Pattern::Ip(vec![prefix]), port: None });
    }
    let (address, port) = cut_port(text)?;
    let port = match port {
        Some(port) => number(port, Some(family.unwrap_or(Family::Inet)), names)?,
        None => None,
    };
    if matches!(address.as_str(), "" | "*" | "any" | "all" | "default") {
        return Ok(Host { address: Pattern::Any, port });
    }
    let prefixes = match literal(&address, family) {
        Some(prefix) => vec![prefix],
        None => resolve(&address, family, names)?,
    };
    Ok(Host { address: Pattern::Ip(prefixes), port })
}

/// Cuts the port off: behind the bracket of an IPv6 address, or behind the last colon after a slash. A
/// prefix length may stand within the brackets or behind them.
fn cut_port(text: &str) -> Result<(String, Option<&str>), FilterError> {
    let bad = || FilterError::Prefix(text.to_owned());
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']').ok_or_else(bad)?;
        let (len, port) = match rest.split_once(':') {
            Some((len, port)) => (len, Some(port)),
            None => (rest, None),
        };
        return match len.is_empty() || len.starts_with('/') {
            true => Ok((format!("{address}{len}"), port)),
            false => Err(bad()),
        };
    }
    if let Some(rest) = text.strip_prefix('*') {
        return Ok(("*".to_owned(), Some(rest.strip_prefix(':').unwrap_or(rest))));
    }
    let from = text.find('/').unwrap_or(0);
    Ok(match text[from..].rfind(':') {
        Some(colon) => (text[..from + colon].to_owned(), Some(&text[from + colon + 1..])),
        None => (text.to_owned(), None),
    })
}

/// An address in numbers, with its prefix length or netmask.
fn literal(text: &str, family: Option<Family>) -> Option<Prefix> {
    let (address, len) = match text.split_once('/') {
        Some((address, len)) => (address, Some(len)),
        None => (text, None),
    };
    let address = match address.contains(':') {
        true => IpAddr::V6(address.parse::<Ipv6Addr>().ok()?),
        false => IpAddr::V4(short_v4(address)?),
    };
    let (limit, fits) = match address {
        IpAddr::V4(_) => (32, family != Some(Family::Inet6)),
        IpAddr::V6(_) => (128, family != Some(Family::Inet)),
    };
    if !fits {
        return None;
    }
    let len = match len {
        None => limit,
        Some(len) => integer(len)
            .and_then(|n| u8::try_from(n).ok())
            .or_else(|| netmask(len).filter(|_| address.is_ipv4()))
            .filter(|n| *n <= limit)?,
    };
    Some(Prefix { address, len })
}

/// IPv4 with its last bytes left out: `10` is `10.0.0.0`, `192.168.1` is `192.168.1.0`.
fn short_v4(text: &str) -> Option<Ipv4Addr> {
    let mut bytes = [0; 4];
    for (i, part) in text.split('.').enumerate() {
        *bytes.get_mut(i)? = u8::try_from(integer(part)?).ok()?;
    }
    Some(bytes.into())
}

fn netmask(text: &str) -> Option<u8> {
    let mask = u32::from(text.parse::<Ipv4Addr>().ok()?);
    let len = mask.leading_ones();
    (mask.checked_shl(len).unwrap_or(0) == 0).then_some(len as u8)
}

fn resolve(name: &str, family: Option<Family>, names: &dyn Names) -> Result<Vec<Prefix>, FilterError> {
    let bad = || FilterError::Prefix(name.to_owned());
    let plausible = !name.contains([':', '/', '[', ']']) && name.contains(|c: char| c.is_alphabetic());
    let found = if plausible { names.host(name, family) } else { Vec::new() };
    let prefixes: Vec<_> = found
        .into_iter()
        .map(|address| Prefix { address, len: if address.is_ipv4() { 32 } else { 128 } })
        .collect();
    if prefixes.is_empty() { Err(bad()) } else { Ok(prefixes) }
}
