//! `Range` and `Content-Range` (RFC 9110, section 14).

use super::framing::decimal;

/// One span of bytes, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub first: u64,
    /// The last byte.
    pub last: u64,
}

/// `Content-Range: bytes 0-99/1000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// The span that follows; none in an answer with status 416.
    pub span: Option<Span>,
    /// The length of the whole, where it is known.
    pub whole: Option<u64>,
}

impl ContentRange {
    /// Reads the field's value; `None` where it is not a range of bytes.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let rest = value.strip_prefix(b"bytes ")?;
        let slash = memchr::memchr(b'/', rest)?;
        let (span, whole) = (rest[..slash].trim_ascii(), rest[slash + 1..].trim_ascii());
        let whole = if whole == b"*" { None } else { Some(decimal(whole)?) };
        if span == b"*" {
            return Some(Self { span: None, whole });
        }
        let dash = memchr::memchr(b'-', span)?;
        let (first, last) = (decimal(&span[..dash])?, decimal(&span[dash + 1..])?);
        let fits = first <= last && whole.is_none_or(|w| last < w);
        fits.then_some(Self { span: Some(Span { first, last }), whole })
    }
}

/// A `Range` request for one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeRequest {
    /// `bytes=first-` or `bytes=first-last`.
    From(u64, Option<u64>),
    /// `bytes=-n`: the last n bytes.
    Last(u64),
}

/// A range that the file does not have: status 416.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the range is outside of the file")]
pub struct RangeError;

impl RangeRequest {
    /// Reads the field's value; `None` for anything but one span of bytes, which a server may ignore.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let span = value.strip_prefix(b"bytes=")?.trim_ascii();
        let dash = memchr::memchr(b'-', span)?;
        let (first, last) = (span[..dash].trim_ascii(), span[dash + 1..].trim_ascii());
        if first.is_empty() {
            return Some(Self::Last(decimal(last)?));
        }
        let first = decimal(first)?;
        let last = if last.is_empty() { None } else { Some(decimal(last)?) };
        last.is_none_or(|l| l >= first).then_some(Self::From(first, last))
    }

    /// The span it means in a file of `length` bytes.
    pub fn within(self, length: u64) -> Result<Span, RangeError> {
        let last = length.checked_sub(1).ok_or(RangeError)?;
        match self {
            Self::From(first, _) if first > last => Err(RangeError),
            Self::From(first, end) => Ok(Span { first, last: end.map_or(last, |e| e.min(last)) }),
            Self::Last(0) => Err(RangeError),
            Self::Last(n) => Ok(Span { first: length.saturating_sub(n), last }),
        }
    }
}
