//! `delim:BYTES`: each message is followed by a delimiter of one byte or more.

use memchr::{memchr, memmem};

use super::{EncodeError, Frame, FrameError, Need, Step};

/// The bytes after each message: one or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delimiter(Box<[u8]>);

impl Delimiter {
    /// A delimiter of these bytes; none if there are none.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Option<Self> {
        let bytes = bytes.into();
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    /// Its bytes, at least one.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[derive(Debug, Clone)]
pub(super) struct Decoder {
    delimiter: memmem::Finder<'static>,
    /// In the buffer no delimiter begins before this: it is not searched again.
    scanned: usize,
}

impl Decoder {
    pub(super) fn new(delimiter: &Delimiter) -> Self {
        Self { delimiter: memmem::Finder::new(delimiter.bytes()).into_owned(), scanned: 0 }
    }

    #[inline]
    pub(super) fn decode(&mut self, buf: &[u8], max: usize, at: u64) -> Result<Step, FrameError> {
        let delimiter = self.delimiter.needle();
        let rest = &buf[self.scanned..];
        let found = match delimiter {
            [byte] => memchr(*byte, rest),
            _ => self.delimiter.find(rest),
        };
        let Some(i) = found else {
            // Its first bytes may be there already.
            self.scanned = self.scanned.max((buf.len() + 1).saturating_sub(delimiter.len()));
            if self.scanned > max {
                return Err(FrameError::Unended { size: buf.len(), limit: max, at });
            }
            return Ok(Step::NeedMore(Need::AtLeast(1)));
        };
        let end = self.scanned + i;
        self.scanned = 0;
        if end > max {
            return Err(FrameError::Unended { size: end, limit: max, at });
        }
        Ok(Step::Message(Frame::new(end + delimiter.len(), 0..end)))
    }
}

pub(super) fn encode(delimiter: &Delimiter, message: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(message);
    out.extend_from_slice(delimiter.bytes());
    // The end of a message and the delimiter after it can make an earlier delimiter: "ba" and "aa".
    let first = match delimiter.bytes() {
        [byte] => memchr(*byte, &out[start..]),
        bytes => memmem::find(&out[start..], bytes),
    };
    match first {
        Some(at) if at < message.len() => {
            out.truncate(start);
            Err(EncodeError::Delimiter { at })
        }
        _ => Ok(()),
    }
}
