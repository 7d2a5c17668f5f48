//! `len:WIDTH`: a length field before each message, as most binary protocols have it.
//!
//! ```text
//! │←── offset ──→│←─ field ─→│
//! │ other header │  length   │ message …
//! │←──────── skip ──────────→│←─ length + adjust ─→│
//! ```
//! The message is the `length + adjust` bytes after the first `skip` bytes of the frame; `skip` is the whole
//! header where it is not given. The meaning is that of tokio-util's `LengthDelimitedCodec`
//! (`length_field_offset`, `length_adjustment`, `num_skip`), with three differences: `max` bounds the size
//! after adjustment, a frame may not end within its own header (which would be read for ever), and `skip`
//! may reach beyond the header. What precedes the field is written as zeros.

use super::{EncodeError, Frame, FrameError, Need, Step, missing};

/// Where the length is, and what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthField {
    /// The field's type.
    pub width: Width,
    /// The order of its bytes; of no matter for `u8` and `varint`.
    pub order: ByteOrder,
    /// How many bytes of the frame precede the field.
    pub offset: u16,
    /// What to add to the length to get the number of bytes after `skip`.
    pub adjust: i64,
    /// How many bytes at the start of the frame are not part of the message; the header where not given.
    pub skip: Option<u16>,
}

/// The type of a length field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Width {
    U8,
    U16,
    U24,
    U32,
    U64,
    /// LEB128 as in Protocol Buffers: seven bits a byte, the lowest first, at most ten bytes.
    Varint,
}

/// The order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The highest byte first: network order.
    Big,
    /// The lowest byte first.
    Little,
}

impl Width {
    /// The name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U24 => "u24",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::Varint => "varint",
        }
    }

    /// How many bytes a number takes; none where that depends on the number.
    pub fn bytes(self) -> Option<usize> {
        match self {
            Self::U8 => Some(1),
            Self::U16 => Some(2),
            Self::U24 => Some(3),
            Self::U32 => Some(4),
            Self::U64 => Some(8),
            Self::Varint => None,
        }
    }
}

const VARINT_MAX: usize = 10;

/// What a look at the field gives.
enum Field {
    /// The length, and the size of the header up to the field's end.
    Is(u64, usize),
    /// At least so many bytes more.
    Needs(usize),
    /// More than 64 bits.
    Overflows,
}

impl LengthField {
    /// A field at the start of the frame that counts the bytes after it.
    pub fn new(width: Width, order: ByteOrder) -> Self {
        Self { width, order, offset: 0, adjust: 0, skip: None }
    }

    pub(super) fn overhead(&self) -> usize {
        let header = usize::from(self.offset) + self.width.bytes().unwrap_or(VARINT_MAX);
        header.max(self.skip.map_or(0, usize::from))
    }

    #[inline]
    fn read(&self, buf: &[u8]) -> Field {
        let offset = usize::from(self.offset);
        let Some(width) = self.width.bytes() else { return read_varint(buf, offset) };
        let Some(field) = buf.get(offset..offset + width) else {
            return Field::Needs(offset + width - buf.len());
        };
        Field::Is(self.number(field), offset + width)
    }

    #[inline]
    fn number(&self, field: &[u8]) -> u64 {
        match (field, self.order) {
            (&[a, b, c, d], ByteOrder::Big) => u32::from_be_bytes([a, b, c, d]).into(),
            (&[a, b, c, d], ByteOrder::Little) => u32::from_le_bytes([a, b, c, d]).into(),
            (_, ByteOrder::Big) => field.iter().fold(0, |n, &b| n << 8 | u64::from(b)),
            (_, ByteOrder::Little) => field.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)),
        }
    }

    #[inline]
    pub(super) fn decode(&self, buf: &[u8], max: usize, at: u64) -> Result<Step, FrameError> {
        let (length, header) = match self.read(buf) {
            Field::Is(length, header) => (length, header),
            Field::Needs(more) => return Ok(Step::NeedMore(Need::AtLeast(more))),
            Field::Overflows => return Err(FrameError::Varint { at }),
        };
        let Some(size) = length.checked_add_signed(self.adjust) else {
            return Err(FrameError::BadLength { length, adjust: self.adjust, at });
        };
        if size > max as u64 {
            return Err(FrameError::TooLong { size, limit: max, at });
        }
        let skip = self.skip.map_or(header, usize::from);
        // Not above `max`, which is a usize; a u16 more cannot be beyond what a slice can hold.
        let total = (size as usize).saturating_add(skip);
        if total < header {
            return Err(FrameError::EndsInHeader { size: total, header, at });
        }
        if buf.len() < total {
            return Ok(missing(total, buf.len()));
        }
        Ok(Step::Message(Frame::new(total, skip..total)))
    }

    pub(super) fn due(&self, buf: &[u8]) -> Option<u64> {
        let Field::Is(length, header) = self.read(buf) else { return None };
        let skip = self.skip.map_or(header, usize::from);
        length.checked_add_signed(self.adjust)?.checked_add(skip as u64)
    }

    pub(super) fn encode(&self, message: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let size = message.len();
        let unfit = EncodeError::Unrepresentable { size, field: self.width.name(), adjust: self.adjust };
        let Some(length) = self.adjust.checked_neg().and_then(|a| (size as u64).checked_add_signed(a)) else {
            return Err(unfit);
        };
        let mut bytes = [0; VARINT_MAX];
        let Some(field) = self.write(length, &mut bytes) else { return Err(unfit) };
        let offset = usize::from(self.offset);
        let skip = self.skip.map_or(offset + field.len(), usize::from);
        if skip == field.len() {
            out.extend_from_slice(field);
            out.extend_from_slice(message);
            return Ok(());
        }
        let start = out.len();
        out.resize(start + skip, 0);
        out.extend_from_slice(message);
        match place(&mut out[start..], offset, skip, field) {
            true => Ok(()),
            false => {
                out.truncate(start);
                Err(EncodeError::OwnHeader { skip })
            }
        }
    }

    /// The field's bytes for `length`; none if it does not fit.
    fn write<'a>(&self, length: u64, bytes: &'a mut [u8; VARINT_MAX]) -> Option<&'a [u8]> {
        let Some(width) = self.width.bytes() else { return Some(write_varint(length, bytes)) };
        if width < 8 && length >> (8 * width) != 0 {
            return None;
        }
        match self.order {
            ByteOrder::Big => bytes[..width].copy_from_slice(&length.to_be_bytes()[8 - width..]),
            ByteOrder::Little => bytes[..width].copy_from_slice(&length.to_le_bytes()[..width]),
        }
        Some(&bytes[..width])
    }
}

/// Puts the field into a frame whose first `skip` bytes are ours to write; what lies beyond belongs to the
/// message and must have the right bytes already. Says whether it has.
fn place(frame: &mut [u8], offset: usize, skip: usize, field: &[u8]) -> bool {
    field.iter().enumerate().all(|(i, &byte)| match frame.get_mut(offset + i) {
        Some(slot) if offset + i < skip => {
            *slot = byte;
            true
        }
        Some(slot) => *slot == byte,
        None => false,
    })
}

fn read_varint(buf: &[u8], offset: usize) -> Field {
    let Some(field) = buf.get(offset..) else { return Field::Needs(offset + 1 - buf.len()) };
    let mut value = 0;
    for (i, &byte) in field.iter().enumerate().take(VARINT_MAX) {
        if i == VARINT_MAX - 1 && byte > 1 {
            return Field::Overflows;
        }
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Field::Is(value, offset + i + 1);
        }
    }
    Field::Needs(1)
}

fn write_varint(mut value: u64, bytes: &mut [u8; VARINT_MAX]) -> &[u8] {
    let mut n = 0;
    while value >= 0x80 {
        bytes[n] = value as u8 | 0x80;
        value >>= 7;
        n += 1;
    }
    bytes[n] = value as u8;
    &bytes[..=n]
}
