//! `netstring`: `5:hello,` (D. J. Bernstein, <https://cr.yp.to/proto/netstrings.txt>): the size in decimal
//! without leading zeros, a colon, the bytes, a comma.

use std::io::Write;

use super::{Frame, FrameError, Need, Step, missing};

/// The digits of the largest size, the colon and the comma.
pub(super) const OVERHEAD: usize = 22;

enum Head {
    /// The size of the message and that of the header, the colon included.
    Is(u64, usize),
    /// The digits go on.
    Open,
    /// At this place is a byte that does not belong there.
    Bad(usize, &'static str),
}

fn head(buf: &[u8]) -> Head {
    let mut size: u64 = 0;
    for (i, &byte) in buf.iter().enumerate() {
        match byte {
            b'0'..=b'9' if i == 1 && buf[0] == b'0' => return Head::Bad(i, "a colon (no leading zeros)"),
            b'0'..=b'9' => {
                // A size beyond 64 bits is over every limit.
                size = size.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
                if i >= 20 {
                    return Head::Is(u64::MAX, i);
                }
            }
            b':' if i > 0 => return Head::Is(size, i + 1),
            _ if i == 0 => return Head::Bad(i, "a digit"),
            _ => return Head::Bad(i, "a digit or a colon"),
        }
    }
    Head::Open
}

pub(super) fn decode(buf: &[u8], max: usize, at: u64) -> Result<Step, FrameError> {
    let bad = |i: usize, expected| {
        let found = format!("{:?}", char::from(buf[i]));
        Err(FrameError::Netstring { found, expected, at: at + i as u64 })
    };
    let (size, start) = match head(buf) {
        Head::Is(size, start) => (size, start),
        Head::Open => return Ok(Step::NeedMore(Need::AtLeast(if buf.is_empty() { 3 } else { 2 }))),
        Head::Bad(i, expected) => return bad(i, expected),
    };
    if size > max as u64 {
        return Err(FrameError::TooLong { size, limit: max, at });
    }
    // Not above `max`, which is a usize.
    let end = (size as usize).saturating_add(start);
    match buf.get(end) {
        Some(b',') => Ok(Step::Message(Frame::new(end + 1, start..end))),
        Some(_) => bad(end, "a comma"),
        None => Ok(missing(end.saturating_add(1), buf.len())),
    }
}

pub(super) fn due(buf: &[u8]) -> Option<u64> {
    let Head::Is(size, start) = head(buf) else { return None };
    size.checked_add(start as u64 + 1)
}

pub(super) fn encode(message: &[u8], out: &mut Vec<u8>) {
    write!(out, "{}:", message.len()).expect("a Vec takes every write");
    out.extend_from_slice(message);
    out.push(b',');
}
