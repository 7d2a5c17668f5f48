//! The packets of the handshake.
//!
//! ```text
//! client                                   server
//!   │  Init (padded to 1200)                  │
//!   ├────────────────────────────────────────>│  remembers nothing
//!   │                       Cookie (≤ 64)     │
//!   │<────────────────────────────────────────┤
//!   │  Init with the cookie                   │
//!   ├────────────────────────────────────────>│  now there is a connection
//!   │                       Accept            │
//!   │<────────────────────────────────────────┤
//!   │  data                                   │
//! ```
//! Every packet may be repeated at will: the same Init gets the same answer. A CRC32C ends each.

use super::{
    codec::Reader,
    config::Params,
    error::Refusal,
    noise,
    packet::{VERSION, VERSION_BITS, version},
    types::ConnectionId,
};

const INIT: u8 = 0x80 | VERSION_BITS;
const COOKIE: u8 = INIT | 1;
const ACCEPT: u8 = INIT | 2;
const REFUSE: u8 = INIT | 3;

/// The first packet has at least this size, so that no answer is larger.
pub(crate) const INIT_SIZE: usize = 1200;
const MAX_COOKIE: usize = 64;
const CRC: usize = 4;

/// The client's first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Init<'a> {
    pub(crate) client: ConnectionId,
    pub(crate) integrity: u8,
    /// Empty, or what the server gave.
    pub(crate) cookie: &'a [u8],
    /// The parameters, encoded: the prologue of the key exchange.
    pub(crate) params: &'a [u8],
    /// The message of the key exchange; empty without one.
    pub(crate) noise: &'a [u8],
}

/// The server's answer that there is a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accept<'a> {
    pub(crate) client: ConnectionId,
    pub(crate) server: ConnectionId,
    /// The parameters in the clear; empty where the key exchange carries them.
    pub(crate) params: &'a [u8],
    pub(crate) noise: &'a [u8],
}

/// A packet of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handshake<'a> {
    Init(Init<'a>),
    Cookie {
        client: ConnectionId,
        cookie: &'a [u8],
    },
    Accept(Accept<'a>),
    Refuse {
        client: ConnectionId,
        refusal: Refusal,
    },
    /// An Init of another version: only what all versions share can be read.
    OtherVersion {
        client: ConnectionId,
    },
}

impl<'a> Handshake<'a> {
    /// Reads a packet; `None` where it is none of ours or was damaged.
    pub(crate) fn parse(packet: &'a [u8]) -> Option<Self> {
        let (&first, _) = packet.split_first()?;
        let (body, crc) = packet.split_at_checked(packet.len().checked_sub(CRC)?)?;
        if crc != crc32c::crc32c(body).to_be_bytes() {
            return None;
        }
        let mut r = Reader::new(body.get(1..)?);
        let client = ConnectionId(r.u64()?);
        if version(first) != VERSION {
            let init = first & 0x0f == 0 && packet.len() >= INIT_SIZE;
            return init.then_some(Self::OtherVersion { client });
        }
        match first {
            INIT if packet.len() >= INIT_SIZE => {
                let integrity = r.u8()?;
                let cookie = field(&mut r, MAX_COOKIE)?;
                let params = field(&mut r, MAX_COOKIE * 4)?;
                let noise = field(&mut r, noise::MAX_MESSAGE)?;
                Some(Self::Init(Init { client, integrity, cookie, params, noise }))
            }
            COOKIE => Some(Self::Cookie { client, cookie: field(&mut r, MAX_COOKIE)? }),
            ACCEPT => {
                let server = ConnectionId(r.u64()?);
                let params = field(&mut r, MAX_COOKIE * 4)?;
                let noise = field(&mut r, noise::MAX_MESSAGE)?;
                Some(Self::Accept(Accept { client, server, params, noise }))
            }
            REFUSE => Some(Self::Refuse { client, refusal: Refusal::from_code(r.u8()?) }),
            _ => None,
        }
    }

    /// Appends the packet.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        match *self {
            Self::Init(ref init) => {
                head(out, INIT, init.client);
                out.push(init.integrity);
                for part in [init.cookie, init.params, init.noise] {
                    put_field(out, part);
                }
                out.resize((start + INIT_SIZE - CRC).max(out.len()), 0);
            }
            Self::Cookie { client, cookie } => {
                head(out, COOKIE, client);
                put_field(out, cookie);
            }
            Self::Accept(ref accept) => {
                head(out, ACCEPT, accept.client);
                out.extend_from_slice(&accept.server.0.to_be_bytes());
                put_field(out, accept.params);
                put_field(out, accept.noise);
            }
            Self::Refuse { client, refusal } => {
                head(out, REFUSE, client);
                out.push(refusal as u8);
            }
            Self::OtherVersion { client } => {
                head(out, 0xf0, client);
                out.resize(start + INIT_SIZE - CRC, 0);
            }
        }
        let crc = crc32c::crc32c(&out[start..]);
        out.extend_from_slice(&crc.to_be_bytes());
    }
}

/// The parameters, encoded.
pub(crate) fn encode(params: &Params) -> Vec<u8> {
    let mut out = Vec::new();
    params.put(&mut out);
    out
}

fn head(out: &mut Vec<u8>, first: u8, client: ConnectionId) {
    out.push(first);
    out.extend_from_slice(&client.0.to_be_bytes());
}

fn field<'a>(r: &mut Reader<'a>, max: usize) -> Option<&'a [u8]> {
    let len = usize::from(r.u16()?);
    (len <= max).then(|| r.bytes(len))?
}

fn put_field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_back_and_no_bit_may_change() {
        let client = ConnectionId(0x0102_0304_0506_0708);
        let packets = [
            Handshake::Init(Init { client, integrity: 1, cookie: b"cookie", params: b"params", noise: b"" }),
            Handshake::Cookie { client, cookie: b"cookie" },
            Handshake::Accept(Accept { client, server: ConnectionId(9), params: b"params", noise: b"noise" }),
            Handshake::Refuse { client, refusal: Refusal::Full },
            Handshake::OtherVersion { client },
        ];
        for packet in packets {
            let mut out = Vec::new();
            packet.put(&mut out);
            assert_eq!(Handshake::parse(&out), Some(packet));
            for bit in 0..out.len() * 8 {
                let mut damaged = out.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Handshake::parse(&damaged), None, "bit {bit} of {packet:?}");
            }
        }
    }

    #[test]
    fn vector() {
        let mut out = Vec::new();
        Handshake::Refuse { client: ConnectionId(1), refusal: Refusal::Full }.put(&mut out);
        assert_eq!(out[..10], [0x93, 0, 0, 0, 0, 0, 0, 0, 1, 5]);
        assert_eq!(out.len(), 14);
    }
}
