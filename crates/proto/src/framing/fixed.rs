//! `fixed:N`: every message has N bytes, and nothing is between them.

use std::num::NonZeroUsize;

use super::{EncodeError, Frame, Step, missing};

#[inline]
pub(super) fn decode(size: NonZeroUsize, buf: &[u8]) -> Step {
    let size = size.get();
    if buf.len() < size { missing(size, buf.len()) } else { Step::Message(Frame::new(size, 0..size)) }
}

pub(super) fn encode(size: NonZeroUsize, message: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if message.len() != size.get() {
        return Err(EncodeError::WrongSize { size: message.len(), due: size.get() });
    }
    out.extend_from_slice(message);
    Ok(())
}
