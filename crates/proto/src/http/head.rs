//! Message heads: a strict scan for the end that httparse's grammar then reads.

use std::mem::MaybeUninit;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::{
    Error,
    error::{Fault, Malformed, Part},
};

/// What a head may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of one head, or of one trailer.
    pub head: usize,
    /// The fields of one head, at most 256.
    pub fields: usize,
    /// The interim (1xx) answers before the final one.
    pub interim: usize,
}

impl Default for Limits {
    /// 128 KiB, 256 fields, 16 interim answers.
    fn default() -> Self {
        Self { head: 128 << 10, fields: MAX_FIELDS, interim: 16 }
    }
}

const MAX_FIELDS: usize = 256;

/// The versions spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

impl Version {
    /// As it stands in a start line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }

    fn of(minor: Option<u8>) -> Self {
        if minor == Some(0) { Self::Http10 } else { Self::Http11 }
    }
}

/// An answer's head.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    /// The version in the status line.
    pub version: Version,
    /// The status, 100 to 999.
    pub status: StatusCode,
    /// The reason phrase, which means nothing.
    pub reason: String,
    /// The fields.
    pub headers: HeaderMap,
    /// The head as it arrived, with its blank line.
    pub raw: Vec<u8>,
}

/// A request's head.
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The request target as it arrived.
    pub target: String,
    /// The version in the request line.
    pub version: Version,
    /// The fields.
    pub headers: HeaderMap,
}

impl ResponseHead {
    /// Whether the sender means to keep the connection (RFC 9112, section 9.3).
    pub fn keeps_alive(&self) -> bool {
        keeps_alive(self.version, &self.headers)
    }

    pub(super) fn parse(raw: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut slots = [MaybeUninit::uninit(); MAX_FIELDS];
        let mut parsed = httparse::Response::new(&mut []);
        httparse::ParserConfig::default()
            .parse_response_with_uninit_headers(&mut parsed, raw, &mut slots)
            .map_err(|e| refused(e, raw, limits))?;
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or_else(|| Malformed::new(Fault::StartLine, Part::Head, raw, 9))?;
        Ok(Self {
            version: Version::of(parsed.version),
            status,
            reason: parsed.reason.unwrap_or_default().into(),
            headers: fields(parsed.headers, raw, Part::Head, limits)?,
            raw: raw.to_vec(),
        })
    }
}

impl RequestHead {
    /// Whether the client means to keep the connection (RFC 9112, section 9.3).
    pub fn keeps_alive(&self) -> bool {
        keeps_alive(self.version, &self.headers)
    }

    pub(super) fn parse(raw: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut slots = [MaybeUninit::uninit(); MAX_FIELDS];
        let mut parsed = httparse::Request::new(&mut []);
        parsed.parse_with_uninit_headers(raw, &mut slots).map_err(|e| refused(e, raw, limits))?;
        let method = parsed.method.and_then(|m| Method::from_bytes(m.as_bytes()).ok());
        let method = method.ok_or_else(|| Malformed::new(Fault::StartLine, Part::Head, raw, 0))?;
        let version = Version::of(parsed.version);
        let headers = fields(parsed.headers, raw, Part::Head, limits)?;
        let hosts = headers.get_all(header::HOST).iter().count();
        if hosts > 1 || (hosts == 0 && version == Version::Http11) {
            return Err(Malformed::new(Fault::Host, Part::Head, raw, 0).into());
        }
        Ok(Self { method, target: parsed.path.unwrap_or_default().into(), version, headers })
    }
}

/// The fields behind a last chunk, blank line included in `raw`.
pub(super) fn parse_trailer(raw: &[u8], limits: &Limits) -> Result<HeaderMap, Error> {
    let mut slots = [httparse::EMPTY_HEADER; MAX_FIELDS];
    match httparse::parse_headers(raw, &mut slots) {
        Ok(httparse::Status::Complete((_, parsed))) => fields(parsed, raw, Part::Trailer, limits),
        Ok(httparse::Status::Partial) => Err(Malformed::new(Fault::NoColon, Part::Trailer, raw, 0).into()),
        Err(e) => Err(refused(e, raw, limits)),
    }
}

fn fields(
    parsed: &[httparse::Header<'_>],
    raw: &[u8],
    part: Part,
    limits: &Limits,
) -> Result<HeaderMap, Error> {
    if parsed.len() > limits.fields {
        return Err(Malformed::new(Fault::TooManyFields(limits.fields), part, raw, raw.len()).into());
    }
    let mut map = HeaderMap::with_capacity(parsed.len());
    for field in parsed {
        // Where the field stands in the head: its name is a part of `raw`.
        let at = field.name.as_ptr().addr().wrapping_sub(raw.as_ptr().addr());
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(field.value)) else {
            return Err(Malformed::new(Fault::FieldByte, part, raw, at).into());
        };
        map.append(name, value);
    }
    Ok(map)
}

/// httparse says what is wrong, not where: the place is the start of the first line it refuses.
fn refused(error: httparse::Error, raw: &[u8], limits: &Limits) -> Error {
    let fault = match error {
        httparse::Error::TooManyHeaders => Fault::TooManyFields(limits.fields.min(MAX_FIELDS)),
        httparse::Error::HeaderName | httparse::Error::HeaderValue => Fault::FieldByte,
        httparse::Error::NewLine => Fault::BareCr,
        httparse::Error::Status | httparse::Error::Token | httparse::Error::Version => Fault::StartLine,
    };
    let at = match fault {
        Fault::FieldByte => {
            raw.iter().position(|&b| b != b'\t' && b != b'\r' && b != b'\n' && (b < 32 || b == 127))
        }
        Fault::TooManyFields(_) => Some(raw.len()),
        _ => None,
    };
    Malformed::new(fault, Part::Head, raw, at.unwrap_or(0)).into()
}

fn keeps_alive(version: Version, headers: &HeaderMap) -> bool {
    let says = |word: &str| {
        let values = headers.get_all(header::CONNECTION).iter();
        values
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .any(|v| v.trim().eq_ignore_ascii_case(word))
    };
    match version {
        Version::Http10 => says("keep-alive") && !says("close"),
        Version::Http11 => !says("close"),
    }
}

/// Finds the blank line that ends a head or trailer, one line at a time, and refuses what is ambiguous on the
/// way. Remembers where it was, so a head that comes in single bytes is still scanned once.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    line: usize,
    part: Part,
}

impl Scan {
    pub(super) fn new(part: Part) -> Self {
        Self { line: 0, part }
    }

    /// The length of the head, once its blank line is there.
    pub(super) fn end(&mut self, bytes: &[u8], limit: usize) -> Result<Option<usize>, Malformed> {
        let fail = |fault, at| Err(Malformed::new(fault, self.part, bytes, at));
        while let Some(lf) = memchr::memchr(b'\n', &bytes[self.line..]).map(|n| self.line + n) {
            if lf >= limit {
                return fail(Fault::TooLong(limit), limit);
            }
            let line = &bytes[self.line..lf];
            let Some((b'\r', line)) = line.split_last() else { return fail(Fault::BareLf, lf) };
            if line.is_empty() && (self.part == Part::Trailer || self.line > 0) {
                return Ok(Some(lf + 1));
            }
            let first = self.line == 0 && self.part == Part::Head;
            if let Some((fault, at)) = ambiguous(line, first) {
                return fail(fault, self.line + at);
            }
            self.line = lf + 1;
        }
        match bytes.len() >= limit {
            true => fail(Fault::TooLong(limit), limit),
            false => Ok(None),
        }
    }
}

/// What is ambiguous in a line, and where; the first line of a head has no colon.
fn ambiguous(line: &[u8], first: bool) -> Option<(Fault, usize)> {
    if let Some(at) = memchr::memchr2(b'\r', 0, line) {
        return Some((if line[at] == 0 { Fault::Nul } else { Fault::BareCr }, at));
    }
    if first {
        return line.is_empty().then_some((Fault::StartLine, 0));
    }
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Some((Fault::Fold, 0));
    }
    match memchr::memchr(b':', line) {
        None | Some(0) => Some((Fault::NoColon, 0)),
        Some(colon) => {
            matches!(line[colon - 1], b' ' | b'\t').then_some((Fault::BlankBeforeColon, colon - 1))
        }
    }
}
