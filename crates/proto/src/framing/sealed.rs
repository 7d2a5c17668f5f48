//! `sealed`: frames that show every fault of the way: corruption by checksums, loss, repetition and
//! reordering by sequence numbers, age by a timestamp. The layout is written out, with test vectors, in
//! `docs/sealed-frame.md`.
//!
//! ```text
//!  0        3       4        8          16          24             28        28+length   32+length
//!  │ F5 53 4B │ 01 │ length │ sequence │ timestamp │ header CRC32C │ payload … │ CRC32C │
//!  ╰─ magic ──╯  ╰ version                         ╰ of bytes 0..24             ╰ of bytes 0..24 and the payload
//! ```
//!
//! The header has a checksum of its own, so a damaged length never makes the decoder wait for bytes that
//! will not come. After damage the decoder goes on at the next header that proves itself. Where the header
//! was right and the payload was not, the length is known: a frame found inside that extent counts only if
//! it reaches beyond it (bytes were lost), because one that does not may be part of the payload.

#[cfg(test)]
mod tests;

use std::time::Duration;

use memchr::{memchr_iter, memmem};

use super::{EncodeError, Frame, FrameError, Junk, Need, Skipped, Step, missing};

/// 0xF5 occurs in no UTF-8 text.
const MAGIC: [u8; 3] = [0xF5, b'S', b'K'];
const VERSION: u8 = 1;
/// What the header's checksum covers.
const CHECKED: usize = 24;
const HEADER: usize = 28;
const TRAILER: usize = 4;
pub(super) const OVERHEAD: usize = HEADER + TRAILER;

/// What a sealed frame says beside its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// The frame's number; the first of a stream is 0.
    pub sequence: u64,
    /// When it was sealed, since 1970, by the sender's clock.
    pub timestamp: Duration,
    /// Its place among those that came before.
    pub order: Order,
}

/// The place of a frame among those that came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "order", rename_all = "kebab-case")]
pub enum Order {
    /// The next one.
    Next,
    /// Later than the next one: some are missing in between (lost, or they come late).
    Gap {
        /// How many are missing.
        missing: u64,
    },
    /// One that was missing comes after all.
    Late,
    /// Number 0 again, sealed later than all before: the sender started anew.
    Restart,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Decoder {
    history: Option<History>,
    /// How many frames in a row had a wrong checksum.
    bad: u8,
}

/// So many frames in a row are searched for others inside them. A peer that nests the beginnings of large
/// frames could otherwise have each byte summed thousands of times.
const SEARCHES: u8 = 16;

/// Which frames came: the newest, and a bit for each of those shortly before it.
#[derive(Debug, Clone)]
struct History {
    newest: u64,
    /// Bit n: `newest - n` came.
    came: u128,
    /// The latest timestamp, in nanoseconds.
    latest: u64,
}

struct Header {
    length: u32,
    sequence: u64,
    timestamp: u64,
    /// The checksum of the first 24 bytes, which the frame's checksum continues.
    check: u32,
    version: u8,
}

impl Header {
    /// The header at the start of `buf`, which has at least its size; none if it does not prove itself.
    #[inline]
    fn read(buf: &[u8]) -> Option<Self> {
        let check = be32(buf, CHECKED);
        if buf[..3] != MAGIC || crc32c::crc32c(&buf[..CHECKED]) != check {
            return None;
        }
        Some(Self {
            length: be32(buf, 4),
            sequence: be64(buf, 8),
            timestamp: be64(buf, 16),
            check,
            version: buf[3],
        })
    }
}

fn be32(buf: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(buf[at..at + 4].try_into().expect("a range of four"))
}

fn be64(buf: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(buf[at..at + 8].try_into().expect("a range of eight"))
}

impl Decoder {
    #[inline]
    pub(super) fn decode(&mut self, buf: &[u8], max: usize, at: u64) -> Result<Step, FrameError> {
        let skip = |bytes, why| Ok(Step::Skipped(Skipped { bytes, at, why }));
        let common = buf.len().min(MAGIC.len());
        if buf[..common] != MAGIC[..common] {
            return skip(next_magic(buf, 1), Junk::NoMagic);
        }
        if buf.len() < HEADER {
            return Ok(Step::NeedMore(Need::AtLeast(OVERHEAD - buf.len())));
        }
        let Some(header) = Header::read(buf) else { return skip(next_magic(buf, 1), Junk::BadHeader) };
        if header.version != VERSION {
            return Err(FrameError::Version { version: header.version, at });
        }
        let size = header.length as usize;
        if size > max {
            return Err(FrameError::TooLong { size: size as u64, limit: max, at });
        }
        let total = OVERHEAD + size;
        if buf.len() < total {
            return Ok(missing(total, buf.len()));
        }
        let payload = HEADER..HEADER + size;
        let sequence = header.sequence;
        if crc32c::crc32c_append(header.check, &buf[payload.clone()]) != be32(buf, payload.end) {
            self.bad = self.bad.saturating_add(1);
            let bytes = if self.bad > SEARCHES { total } else { beyond(buf, total) };
            return skip(bytes, Junk::BadChecksum { sequence });
        }
        self.bad = 0;
        match self.place(&header) {
            Ok(order) => {
                let timestamp = Duration::from_nanos(header.timestamp);
                let seal = Some(Seal { sequence, timestamp, order });
                Ok(Step::Message(Frame { consumed: total, payload, seal }))
            }
            Err(why) => skip(total, why),
        }
    }

    /// Notes that a frame came, and says what its number tells; junk if it is not to be delivered.
    #[inline]
    fn place(&mut self, header: &Header) -> Result<Order, Junk> {
        let Header { sequence, timestamp, .. } = *header;
        let Some(history) = &mut self.history else {
            self.history = Some(History { newest: sequence, came: 1, latest: timestamp });
            return Ok(if sequence == 0 { Order::Next } else { Order::Gap { missing: sequence } });
        };
        if sequence > history.newest {
            let ahead = sequence - history.newest;
            history.came =
                u32::try_from(ahead).ok().and_then(|n| history.came.checked_shl(n)).unwrap_or(0) | 1;
            history.newest = sequence;
            history.latest = history.latest.max(timestamp);
            return Ok(if ahead == 1 { Order::Next } else { Order::Gap { missing: ahead - 1 } });
        }
        if sequence == 0 && timestamp > history.latest {
            *history = History { newest: 0, came: 1, latest: timestamp };
            return Ok(Order::Restart);
        }
        let behind = u32::try_from(history.newest - sequence).unwrap_or(u32::MAX);
        match 1u128.checked_shl(behind) {
            None => Err(Junk::Stale { sequence }),
            Some(bit) if history.came & bit != 0 => Err(Junk::Repeated { sequence }),
            Some(bit) => {
                history.came |= bit;
                history.latest = history.latest.max(timestamp);
                Ok(Order::Late)
            }
        }
    }
}

/// Where the next magic, or the beginning of one that the buffer cuts, is at `from` or after it.
fn next_magic(buf: &[u8], from: usize) -> usize {
    memchr_iter(MAGIC[0], &buf[from..])
        .map(|i| from + i)
        .find(|&i| MAGIC.starts_with(&buf[i..buf.len().min(i + MAGIC.len())]))
        .unwrap_or(buf.len())
}

/// How much to skip of a frame of `total` bytes with a wrong checksum: up to a frame inside that reaches beyond
/// it, or all of it.
fn beyond(buf: &[u8], total: usize) -> usize {
    memmem::find_iter(&buf[1..buf.len().min(total + MAGIC.len() - 1)], &MAGIC)
        .map(|i| i + 1)
        .find(|&i| match buf.get(i..i + HEADER).and_then(Header::read) {
            Some(header) => i + OVERHEAD + header.length as usize > total,
            // Too close to the end to be a frame within this one.
            None => i + OVERHEAD > total && buf.len() < i + HEADER,
        })
        .unwrap_or(total)
}

pub(super) fn due(buf: &[u8]) -> Option<u64> {
    let header = buf.get(..HEADER).and_then(Header::read)?;
    Some(OVERHEAD as u64 + u64::from(header.length))
}

pub(super) fn encode(
    message: &[u8],
    sequence: u64,
    now: Duration,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let Ok(length) = u32::try_from(message.len()) else {
        return Err(EncodeError::TooLong { size: message.len(), limit: u32::MAX as usize });
    };
    let mut header = [0; HEADER];
    header[..3].copy_from_slice(&MAGIC);
    header[3] = VERSION;
    header[4..8].copy_from_slice(&length.to_be_bytes());
    header[8..16].copy_from_slice(&sequence.to_be_bytes());
    // Nanoseconds since 1970 fit until the year 2554.
    let nanos = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    header[16..24].copy_from_slice(&nanos.to_be_bytes());
    let check = crc32c::crc32c(&header[..CHECKED]);
    header[24..].copy_from_slice(&check.to_be_bytes());
    out.reserve(OVERHEAD + message.len());
    out.extend_from_slice(&header);
    out.extend_from_slice(message);
    out.extend_from_slice(&crc32c::crc32c_append(check, message).to_be_bytes());
    Ok(())
}
