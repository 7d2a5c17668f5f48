//! What can be wrong with a message, and where.

use std::fmt;

/// Why a message cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes break the grammar or a limit.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The input ended before a single byte.
    #[error("the connection was closed before any answer")]
    Empty,
    /// The input ended inside the head.
    #[error("the connection was closed after {got} bytes of the head")]
    CutHead {
        /// The bytes of the head that arrived.
        got: usize,
    },
    /// The input ended before the body did.
    #[error("the connection was closed after {got} bytes of the body{}", of(*wanted))]
    CutBody {
        /// The bytes of the body that arrived, without framing.
        got: u64,
        /// How many there should have been, where a length was given.
        wanted: Option<u64>,
    },
}

fn of(wanted: Option<u64>) -> String {
    wanted.map_or_else(|| ", before the last chunk".into(), |n| format!(", which should have {n}"))
}

/// A place in a message that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The rule that is broken.
    pub fault: Fault,
    /// The part of the message it is in.
    pub part: Part,
    /// The offset in that part, in bytes.
    pub at: usize,
    /// The bytes around the place, escaped.
    pub quote: String,
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The start line and the fields.
    Head,
    /// The line before a chunk's data.
    ChunkSize,
    /// The fields after the last chunk.
    Trailer,
}

/// The rules that a message can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The first bytes are not `HTTP/1.`.
    #[error("this is not an HTTP/1 answer")]
    NotHttp,
    /// A start line that is neither a request line nor a status line.
    #[error("bad start line")]
    StartLine,
    /// LF without CR before it (RFC 9112, section 2.2).
    #[error("LF without CR")]
    BareLf,
    /// CR without LF after it (RFC 9112, section 2.2).
    #[error("CR without LF")]
    BareCr,
    /// A NUL byte (RFC 9110, section 5.5).
    #[error("NUL byte")]
    Nul,
    /// A field line that begins with a blank (RFC 9112, section 5.2).
    #[error("folded field line")]
    Fold,
    /// A blank between a field's name and its colon (RFC 9112, section 5.1).
    #[error("blank before the colon")]
    BlankBeforeColon,
    /// A field line without a colon, or without a name.
    #[error("field line without a name and a colon")]
    NoColon,
    /// A byte that no field name or value may have.
    #[error("byte not allowed in a field")]
    FieldByte,
    /// More bytes than the limit for a head, a size line or a trailer.
    #[error("longer than the limit of {0} bytes")]
    TooLong(usize),
    /// More fields than the limit.
    #[error("more than {0} fields")]
    TooManyFields(usize),
    /// More interim (1xx) answers than the limit.
    #[error("more than {0} interim answers")]
    TooManyInterim(usize),
    /// Lengths that differ, or a list of them (RFC 9112, section 6.3).
    #[error("two lengths")]
    TwoLengths,
    /// A length that is not a decimal number below 2^63.
    #[error("bad length")]
    BadLength,
    /// `Content-Length` beside `Transfer-Encoding` (RFC 9112, section 6.1).
    #[error("a length beside a transfer coding")]
    LengthWithCoding,
    /// A transfer coding other than a single `chunked`.
    #[error("transfer coding other than chunked")]
    Coding,
    /// A chunk's size that is not a hexadecimal number.
    #[error("bad chunk size")]
    ChunkSize,
    /// A chunk's size of 2^63 or more, or chunks that add up to it.
    #[error("chunk size out of range")]
    ChunkOverflow,
    /// Chunk data that is not followed by CRLF.
    #[error("chunk data without CRLF behind it")]
    ChunkEnd,
    /// HTTP/1.1 request without exactly one `Host` (RFC 9112, section 3.2).
    #[error("not exactly one Host field")]
    Host,
}

impl Malformed {
    pub(super) fn new(fault: Fault, part: Part, bytes: &[u8], at: usize) -> Self {
        Self { fault, part, at, quote: quote(bytes, at) }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Head => "the head",
            Part::ChunkSize => "a chunk's size line",
            Part::Trailer => "the trailer",
        };
        write!(f, "{} at byte {} of {part}: \"{}\"", self.fault, self.at, self.quote)
    }
}

impl std::error::Error for Malformed {}

/// The bytes around `at`, escaped, with dots where more was left out.
fn quote(bytes: &[u8], at: usize) -> String {
    const BEFORE: usize = 24;
    const AFTER: usize = 16;
    let at = at.min(bytes.len());
    let (from, to) = (at.saturating_sub(BEFORE), bytes.len().min(at + AFTER));
    let dots = |cut: bool| if cut { "…" } else { "" };
    format!("{}{}{}", dots(from > 0), bytes[from..to].escape_ascii(), dots(to < bytes.len()))
}
