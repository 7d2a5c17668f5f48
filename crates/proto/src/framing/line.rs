//! `line`: text lines. LF ends a line, a CR before it is dropped, and the last line of an input counts even
//! without its LF, as for every tool that reads lines.

use memchr::memchr;

use super::{EncodeError, Frame, FrameError, Need, Step};

#[derive(Debug, Clone, Default)]
pub(super) struct Decoder {
    /// How much of the buffer has no LF: it is not searched again.
    scanned: usize,
}

impl Decoder {
    #[inline]
    pub(super) fn decode(&mut self, buf: &[u8], max: usize, at: u64) -> Result<Step, FrameError> {
        let Some(i) = memchr(b'\n', &buf[self.scanned..]) else {
            self.scanned = buf.len();
            // As many as `max` and a CR may precede the LF.
            if buf.len() > max + 1 {
                return Err(FrameError::Unended { size: buf.len(), limit: max, at });
            }
            return Ok(Step::NeedMore(Need::AtLeast(1)));
        };
        let lf = self.scanned + i;
        self.scanned = 0;
        let end = if lf > 0 && buf[lf - 1] == b'\r' { lf - 1 } else { lf };
        if end > max {
            return Err(FrameError::Unended { size: end, limit: max, at });
        }
        Ok(Step::Message(Frame::new(lf + 1, 0..end)))
    }
}

/// The last line of an input that ends without LF.
pub(super) fn last(buf: &[u8]) -> Frame {
    Frame::new(buf.len(), 0..buf.len())
}

pub(super) fn encode(message: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match memchr(b'\n', message) {
        Some(at) => return Err(EncodeError::Delimiter { at }),
        None if message.ends_with(b"\r") => return Err(EncodeError::CarriageReturn),
        None => {}
    }
    out.extend_from_slice(message);
    out.push(b'\n');
    Ok(())
}
