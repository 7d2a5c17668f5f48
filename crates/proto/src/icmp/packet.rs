//! Packets: the bytes of echoes and of the errors that quote them.
//!
//! No input makes a decoder panic; what is too short is [`Malformed`].

use super::{Family, Report};
use crate::wire::{checksum, u16_at, u32_at};

/// Bytes that are no ICMP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("packet too short ({0} bytes)")]
pub struct Malformed(
    /// How many bytes there were.
    pub usize,
);

/// An echo request or reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo<'a> {
    /// Which program's echo it is.
    pub id: u16,
    /// Which of its echoes.
    pub sequence: u16,
    /// What the other side is to send back.
    pub payload: &'a [u8],
}

/// An ICMP message, as far as ping is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// Someone asks.
    Request(Echo<'a>),
    /// Someone answers.
    Reply(Echo<'a>),
    /// A router or the other host reports what became of a packet.
    Error {
        /// What it reports.
        report: Report,
        /// The id and sequence of the echo request that it is about, where it was one.
        about: Option<(u16, u16)>,
    },
    /// Anything else, by type and code.
    Other(u8, u8),
}

/// An IPv4 header, as far as ping is concerned (RFC 791 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv4Header<'a> {
    /// The remaining time to live.
    pub ttl: u8,
    /// The protocol inside: 1 for ICMP.
    pub protocol: u8,
    /// The options: record route, timestamps.
    pub options: &'a [u8],
}

const HEADER: usize = 8;

/// Reads a message that starts at `bytes[0]` with its type. Checksums are not looked at: see
/// [`checksum`], which the kernel has done already wherever it strips the IP header.
pub fn decode(family: Family, bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    let short = Malformed(bytes.len());
    let (&[kind, code, ..], true) = (bytes, bytes.len() >= HEADER) else { return Err(short) };
    let echo = || -> Option<Echo<'_>> {
        Some(Echo { id: u16_at(bytes, 4)?, sequence: u16_at(bytes, 6)?, payload: bytes.get(HEADER..)? })
    };
    let message = match (family, kind) {
        (Family::V4, 8) | (Family::V6, 128) if code == 0 => echo().map(Message::Request),
        (Family::V4, 0) | (Family::V6, 129) if code == 0 => echo().map(Message::Reply),
        (Family::V4, 3 | 4 | 5 | 11 | 12) | (Family::V6, 1..=4) => u32_at(bytes, 4).map(|info| {
            // RFC 1191: the next hop's MTU is the low half of the word.
            let info = if (family, kind) == (Family::V4, 3) { info & 0xffff } else { info };
            let report = Report { family, kind, code, info };
            Message::Error { report, about: quoted_packet(family, &bytes[HEADER..]) }
        }),
        _ => Some(Message::Other(kind, code)),
    };
    message.ok_or(short)
}

/// Splits an IPv4 packet into its header and what it carries.
pub fn ipv4_header(bytes: &[u8]) -> Result<(Ipv4Header<'_>, &[u8]), Malformed> {
    let short = Malformed(bytes.len());
    let length = usize::from(bytes.first().ok_or(short)? & 0xf) * 4;
    let (header, body) = (bytes.get(..length).ok_or(short)?, &bytes[length..]);
    let (fixed, options) = header.split_at_checked(20).ok_or(short)?;
    Ok((Ipv4Header { ttl: fixed[8], protocol: fixed[9], options }, body))
}

/// The id and sequence of the echo request at the start of `bytes`: what kernels hand over with an error.
pub fn quoted_echo(family: Family, bytes: &[u8]) -> Option<(u16, u16)> {
    let request = match family {
        Family::V4 => 8,
        Family::V6 => 128,
    };
    (bytes.get(..2)? == [request, 0]).then_some((u16_at(bytes, 4)?, u16_at(bytes, 6)?))
}

/// The same, of a whole packet with its IP header.
fn quoted_packet(family: Family, bytes: &[u8]) -> Option<(u16, u16)> {
    match family {
        Family::V4 => {
            let (header, body) = ipv4_header(bytes).ok()?;
            (header.protocol == 1).then(|| quoted_echo(family, body))?
        }
        Family::V6 => (*bytes.get(6)? == 58).then(|| quoted_echo(family, bytes.get(40..)?))?,
    }
}

/// The id field of a message, wherever it is one of an echo.
pub fn echo_id(bytes: &[u8]) -> Option<u16> {
    u16_at(bytes, 4)
}

/// Writes the header of an echo request over the first 8 bytes of `packet`, whose rest is the payload.
/// ICMPv6's checksum covers addresses too, so there the kernel fills it in (RFC 3542 section 3.1).
///
/// # Panics
/// Where `packet` is shorter than the header.
pub fn encode_request(family: Family, id: u16, sequence: u16, packet: &mut [u8]) {
    let kind = match family {
        Family::V4 => 8,
        Family::V6 => 128,
    };
    packet[..4].copy_from_slice(&[kind, 0, 0, 0]);
    packet[4..6].copy_from_slice(&id.to_be_bytes());
    packet[6..8].copy_from_slice(&sequence.to_be_bytes());
    if family == Family::V4 {
        let sum = checksum(packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
    }
}

/// The first byte in which an echoed payload differs from the one sent: where, sent, received. Lengths may
/// differ, since a reply can be truncated.
pub fn pattern_mismatch(sent: &[u8], received: &[u8]) -> Option<(usize, u8, u8)> {
    sent.iter().zip(received).enumerate().find(|(_, (s, r))| s != r).map(|(at, (s, r))| (at, *s, *r))
}
