//! The PROXY protocol, versions 1 and 2 (haproxy.org, "The PROXY protocol"): who the client of a connection is,
//! said by the proxy in front of it.
//!
//! # Contract
//! A [`Reader`] takes the header and not one byte more: receive at most [`Reader::wants`] bytes and give them to
//! [`Reader::receive`], until that gives a [`Header`]. No header is longer than [`LONGEST`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest header that is taken, in bytes: a version 2 header may carry more in extensions, few carry 200.
pub const LONGEST: usize = 4096;

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
const FIRST: usize = 15;
const LONGEST_LINE: usize = 107;
const FIXED: usize = 16;

/// Who speaks to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peers {
    /// The client.
    pub source: SocketAddr,
    /// What the client connected to.
    pub destination: SocketAddr,
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// A connection on behalf of a client.
    Proxied(Peers),
    /// The proxy itself connects, to see whether somebody is there (version 2, `LOCAL`).
    Local,
    /// A client whose addresses are not known, or not of the internet.
    Unknown,
}

/// A header that is none, or none that is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The connection does not begin with a header.
    #[error("the connection does not begin with a PROXY header")]
    Missing,
    /// The connection ended within the header.
    #[error("the connection ended within its PROXY header")]
    Cut,
    /// A line of version 1 that breaks its grammar.
    #[error("the PROXY line is malformed")]
    Line,
    /// A version 2 header with a version, command or address family that is not known.
    #[error("the PROXY header has an unknown {what} ({value:#x})")]
    Field {
        /// Which field.
        what: &'static str,
        /// Its value.
        value: u8,
    },
    /// A length that is over the limit, or too short for the addresses.
    #[error("the PROXY header says it has {length} bytes; from {least} to {most} are taken")]
    Length {
        /// The length given.
        length: usize,
        /// The least that its addresses need.
        least: usize,
        /// The limit.
        most: usize,
    },
}

/// The header of version 1: a line of text. Without peers, or with ones of two families, the client is unknown.
pub fn version_1(peers: Option<Peers>) -> Vec<u8> {
    let Some(Peers { source, destination }) = peers.and_then(same_family) else {
        return b"PROXY UNKNOWN\r\n".to_vec();
    };
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (source.ip(), destination.ip());
    format!("PROXY {family} {from} {to} {} {}\r\n", source.port(), destination.port()).into_bytes()
}

/// The header of version 2. Without peers, or with ones of two families, it says `LOCAL`.
pub fn version_2(peers: Option<Peers>) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    let Some(Peers { source, destination }) = peers.and_then(same_family) else {
        out.extend([0x20, 0, 0, 0]);
        return out;
    };
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            out.extend([0x21, 0x11, 0, 12]);
            out.extend(from.octets());
            out.extend(to.octets());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            out.extend([0x21, 0x21, 0, 36]);
            out.extend(from.octets());
            out.extend(to.octets());
        }
        _ => return version_2(None),
    }
    out.extend(source.port().to_be_bytes());
    out.extend(destination.port().to_be_bytes());
    out
}

/// An IPv4 client of a dual-stack socket is one of IPv4.
fn same_family(peers: Peers) -> Option<Peers> {
    let plain = |a: SocketAddr| SocketAddr::new(a.ip().to_canonical(), a.port());
    let (source, destination) = (plain(peers.source), plain(peers.destination));
    (source.is_ipv4() == destination.is_ipv4()).then_some(Peers { source, destination })
}

/// Takes in a header.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    input: Vec<u8>,
}

impl Reader {
    /// A reader at the beginning of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes the rest of the header has at least.
    pub fn wants(&self) -> usize {
        let got = self.input.len();
        if got < FIRST {
            return FIRST - got;
        }
        if !self.input.starts_with(&SIGNATURE) {
            return if self.input.ends_with(b"\r") { 1 } else { 2 };
        }
        match self.input.get(14..FIXED) {
            Some(length) => (FIXED + be16(length) as usize).saturating_sub(got),
            None => FIXED - got,
        }
    }

    /// Takes bytes, at most as many as it [wants](Self::wants); none says that the connection has ended.
    ///
    /// # Errors
    /// What is no header, or one that is not taken.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Option<Header>, Error> {
        if bytes.is_empty() {
            return Err(if self.input.is_empty() { Error::Missing } else { Error::Cut });
        }
        let wanted = self.wants();
        self.input.extend(bytes.iter().take(wanted));
        let input = &self.input[..];
        let prefix = |of: &[u8]| input.iter().zip(of).all(|(a, b)| a == b);
        if prefix(&SIGNATURE) {
            self.binary()
        } else if prefix(b"PROXY ") {
            self.line()
        } else {
            Err(Error::Missing)
        }
    }

    fn line(&self) -> Result<Option<Header>, Error> {
        let Some(line) = self.input.strip_suffix(b"\r\n") else {
            let ended = self.input.contains(&b'\n') || self.input.len() >= LONGEST_LINE;
            return if ended { Err(Error::Line) } else { Ok(None) };
        };
        let line = std::str::from_utf8(line).map_err(|_| Error::Line)?;
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["PROXY", "UNKNOWN", ..] => Ok(Some(Header::Unknown)),
            ["PROXY", family @ ("TCP4" | "TCP6"), from, to, source, destination] => {
                let address = |ip: &str, port: &str| {
                    let plain = port.bytes().all(|b| b.is_ascii_digit());
                    let ip: IpAddr = match family {
                        "TCP4" => ip.parse::<Ipv4Addr>().ok()?.into(),
                        _ => ip.parse::<Ipv6Addr>().ok()?.into(),
                    };
                    Some(SocketAddr::new(ip, port.parse().ok().filter(|_| plain)?))
                };
                let source = address(from, source).ok_or(Error::Line)?;
                let destination = address(to, destination).ok_or(Error::Line)?;
                Ok(Some(Header::Proxied(Peers { source, destination })))
            }
            _ => Err(Error::Line),
        }
    }

    fn binary(&self) -> Result<Option<Header>, Error> {
        let Some(&[version_and_command, family, high, low]) = self.input.get(12..FIXED) else {
            return Ok(None);
        };
        let length = be16(&[high, low]) as usize;
        let (version, command) = (version_and_command >> 4, version_and_command & 0xf);
        if version != 2 {
            return Err(Error::Field { what: "version", value: version });
        }
        if command > 1 {
            return Err(Error::Field { what: "command", value: command });
        }
        // A family says how long its addresses are; the transport beside it does not matter here.
        let least = match (command, family >> 4) {
            (0, _) | (1, 0) => 0,
            (_, 1) => 12,
            (_, 2) => 36,
            (_, 3) => 216,
            _ => return Err(Error::Field { what: "address family", value: family }),
        };
        if length < least || length > LONGEST - FIXED {
            return Err(Error::Length { length, least, most: LONGEST - FIXED });
        }
        if self.wants() > 0 {
            return Ok(None);
        }
        let body = &self.input[FIXED..];
        Ok(Some(match (command, family >> 4) {
            (0, _) => Header::Local,
            (_, 1) => Header::Proxied(Peers {
                source: (array::<4>(&body[..4]), be16(&body[8..10])).into(),
                destination: (array::<4>(&body[4..8]), be16(&body[10..12])).into(),
            }),
            (_, 2) => Header::Proxied(Peers {
                source: (array::<16>(&body[..16]), be16(&body[32..34])).into(),
                destination: (array::<16>(&body[16..32]), be16(&body[34..36])).into(),
            }),
            _ => Header::Unknown,
        }))
    }
}

fn be16(bytes: &[u8]) -> u16 {
    u16::from_be_bytes(array(bytes))
}

/// Those bytes as an array; what is missing is zero.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    for (to, from) in array.iter_mut().zip(bytes) {
        *to = *from;
    }
    array
}

#[cfg(test)]
mod tests;
