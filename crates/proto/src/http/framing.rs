//! How a body's end is known (RFC 9112, section 6.3).

use http::{HeaderMap, Method, StatusCode, header};

use super::{
    Error, NoBody, RequestHead, ResponseHead,
    error::{Fault, Malformed, Part},
};

/// How a body's end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None(NoBody),
    /// By its length in bytes.
    Length(u64),
    /// By the last chunk.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

impl Framing {
    /// How the body of an answer to a request with `method` ends.
    pub fn of_response(method: &Method, head: &ResponseHead) -> Result<Self, Error> {
        let declared = declared(&head.headers, &head.raw, true)?;
        if *method == Method::HEAD {
            return Ok(Self::None(NoBody::Head));
        }
        let bodyless = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || head.status.is_informational()
            || (*method == Method::CONNECT && head.status.is_success());
        if bodyless {
            return Ok(Self::None(NoBody::Status(head.status.as_u16())));
        }
        Ok(declared.unwrap_or(Self::UntilClose))
    }

    /// How the body of a request ends.
    pub fn of_request(head: &RequestHead, raw: &[u8]) -> Result<Self, Error> {
        Ok(declared(&head.headers, raw, false)?.unwrap_or(Self::None(NoBody::NotDeclared)))
    }
}

/// What the fields declare. `repeats`: the same length twice is one length, as RFC 9112 lets a client read it.
fn declared(headers: &HeaderMap, raw: &[u8], repeats: bool) -> Result<Option<Framing>, Error> {
    let codings = || headers.get_all(header::TRANSFER_ENCODING).iter();
    let lengths = || headers.get_all(header::CONTENT_LENGTH).iter();
    let fail = |fault, name: &str| {
        let at = place(raw, name);
        Err(Error::from(Malformed::new(fault, Part::Head, raw, at)))
    };
    if codings().next().is_some() {
        if lengths().next().is_some() {
            return fail(Fault::LengthWithCoding, "content-length:");
        }
        let mut words = codings().flat_map(|v| v.as_bytes().split(|&b| b == b','));
        let only = words.next().is_some_and(|w| w.trim_ascii().eq_ignore_ascii_case(b"chunked"));
        if !only || words.next().is_some() {
            return fail(Fault::Coding, "transfer-encoding:");
        }
        return Ok(Some(Framing::Chunked));
    }
    let mut found = None;
    for value in lengths().flat_map(|v| v.as_bytes().split(|&b| b == b',')) {
        let Some(length) = decimal(value.trim_ascii()) else {
            return fail(Fault::BadLength, "content-length:");
        };
        if found.is_some_and(|before| before != length || !repeats) {
            return fail(Fault::TwoLengths, "content-length:");
        }
        found = Some(length);
    }
    Ok(found.map(Framing::Length))
}

/// A decimal number below 2^63, digits only.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number =
        text.iter().try_fold(0u64, |n, digit| n.checked_mul(10)?.checked_add(u64::from(digit - b'0')))?;
    (number <= i64::MAX as u64).then_some(number)
}

/// Where the value of the last such field stands.
fn place(raw: &[u8], name: &str) -> usize {
    let found = raw.windows(name.len()).rposition(|w| w.eq_ignore_ascii_case(name.as_bytes()));
    found.map_or(0, |at| at + name.len())
}
