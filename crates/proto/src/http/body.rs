//! The body of a message, with its framing taken off.

use http::HeaderMap;

use super::{
    Error, Framing, Limits,
    error::{Fault, Malformed, Part},
    head::{self, Scan},
};

/// What the front of the input is.
#[derive(Debug, Clone, PartialEq)]
pub enum BodyEvent {
    /// Too little to say: receive more.
    Wait,
    /// The bytes used were a chunk's size line (with the CRLF that ends the data before it).
    Chunk(Chunk),
    /// The bytes used are body.
    Data,
    /// Fields behind the last chunk.
    Trailers(HeaderMap),
    /// The body is whole.
    End(End),
}

/// A chunk, as its size line announces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// The data to come, in bytes; 0 for the last chunk.
    pub size: u64,
    /// Whether extensions stood behind the size.
    pub extended: bool,
}

/// The rule by which a body was known to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// No body could follow.
    NoBody(NoBody),
    /// As many bytes as `Content-Length` said.
    Length(u64),
    /// The last chunk and its trailer.
    LastChunk,
    /// The connection was closed, and nothing said how long the body is.
    Closed,
}

/// Why a message has no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoBody {
    /// It answers HEAD.
    Head,
    /// Its status has none.
    Status(u16),
    /// A request that declares none.
    NotDeclared,
}

/// The machine that reads one body.
#[derive(Debug, Clone)]
pub struct Body {
    state: State,
    received: u64,
    limits: Limits,
}

#[derive(Debug, Clone)]
enum State {
    None(NoBody),
    Length {
        left: u64,
        whole: u64,
    },
    UntilClose,
    /// Before a size line; `after_data`: the CRLF of the chunk before comes first.
    Size {
        after_data: bool,
    },
    Chunk {
        left: u64,
    },
    Trailer(Scan),
    Done(End),
}

const SIZE_LINE: usize = 4096;

impl Body {
    /// A body whose end is known by `framing`.
    pub fn new(framing: Framing, limits: Limits) -> Self {
        let state = match framing {
            Framing::None(why) => State::None(why),
            Framing::Length(whole) => State::Length { left: whole, whole },
            Framing::Chunked => State::Size { after_data: false },
            Framing::UntilClose => State::UntilClose,
        };
        Self { state, received: 0, limits }
    }

    /// The bytes of body so far, without framing.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// How many of the next bytes can only be body: 0 when the machine must see them first.
    pub fn direct(&self) -> u64 {
        match self.state {
            State::Length { left, .. } | State::Chunk { left } => left,
            State::UntilClose => u64::MAX,
            _ => 0,
        }
    }

    /// `bytes` of body were moved without being shown; no more than [`direct`](Self::direct) said.
    pub fn moved(&mut self, bytes: u64) {
        self.received = self.received.saturating_add(bytes);
        match &mut self.state {
            State::Length { left, .. } => *left = left.saturating_sub(bytes),
            State::Chunk { left } => {
                *left = left.saturating_sub(bytes);
                if *left == 0 {
                    self.state = State::Size { after_data: true };
                }
            }
            _ => {}
        }
    }

    /// What the front of `input` is, and how many bytes of it that was. After [`BodyEvent::End`] it stays so.
    pub fn step(&mut self, input: &[u8]) -> Result<(BodyEvent, usize), Error> {
        match &mut self.state {
            State::None(why) => {
                let end = End::NoBody(*why);
                Ok(self.end(end, 0))
            }
            State::Length { left: 0, whole } => {
                let end = End::Length(*whole);
                Ok(self.end(end, 0))
            }
            State::Length { .. } | State::UntilClose | State::Chunk { .. } => {
                if input.is_empty() {
                    return Ok((BodyEvent::Wait, 0));
                }
                let used = usize::try_from(self.direct()).unwrap_or(usize::MAX).min(input.len());
                self.moved(used as u64);
                Ok((BodyEvent::Data, used))
            }
            State::Size { after_data } => {
                let after_data = *after_data;
                self.size_line(input, after_data)
            }
            State::Trailer(scan) => {
                let Some(used) = scan.end(input, self.limits.head)? else { return Ok((BodyEvent::Wait, 0)) };
                if used == 2 {
                    return Ok(self.end(End::LastChunk, used));
                }
                let fields = head::parse_trailer(&input[..used], &self.limits)?;
                self.state = State::Done(End::LastChunk);
                Ok((BodyEvent::Trailers(fields), used))
            }
            State::Done(end) => Ok((BodyEvent::End(*end), 0)),
        }
    }

    /// The input has ended: the rule that makes the body whole, or how much of it is missing.
    pub fn eof(&mut self) -> Result<End, Error> {
        let end = match self.state {
            State::UntilClose => End::Closed,
            State::Done(end) => end,
            State::None(why) => End::NoBody(why),
            State::Length { left: 0, whole } => End::Length(whole),
            State::Length { whole, .. } => {
                return Err(Error::CutBody { got: self.received, wanted: Some(whole) });
            }
            _ => return Err(Error::CutBody { got: self.received, wanted: None }),
        };
        self.state = State::Done(end);
        Ok(end)
    }

    fn end(&mut self, end: End, used: usize) -> (BodyEvent, usize) {
        self.state = State::Done(end);
        (BodyEvent::End(end), used)
    }

    fn size_line(&mut self, input: &[u8], after_data: bool) -> Result<(BodyEvent, usize), Error> {
        let fail = |fault, at| Err(Error::from(Malformed::new(fault, Part::ChunkSize, input, at)));
        let start = if after_data { 2 } else { 0 };
        let crlf = &b"\r\n"[..start.min(input.len())];
        if !input.starts_with(crlf) {
            return fail(Fault::ChunkEnd, 0);
        }
        if input.len() <= start {
            return Ok((BodyEvent::Wait, 0));
        }
        let line = &input[start..];
        let Some(lf) = memchr::memchr(b'\n', line) else {
            // Refused as soon as it can be: what is there may be junk without an end.
            return match size(line, true) {
                Err((fault, at)) => fail(fault, start + at),
                Ok(_) if line.len() >= SIZE_LINE => fail(Fault::TooLong(SIZE_LINE), input.len()),
                Ok(_) => Ok((BodyEvent::Wait, 0)),
            };
        };
        let Some((b'\r', text)) = line[..lf].split_last() else { return fail(Fault::BareLf, start + lf) };
        if text.len() > SIZE_LINE {
            return fail(Fault::TooLong(SIZE_LINE), start + SIZE_LINE);
        }
        let chunk = match size(text, false) {
            Ok(chunk) => chunk,
            Err((fault, at)) => return fail(fault, start + at),
        };
        if self.received.checked_add(chunk.size).is_none_or(|sum| sum > i64::MAX as u64) {
            return fail(Fault::ChunkOverflow, start);
        }
        self.state = match chunk.size {
            0 => State::Trailer(Scan::new(Part::Trailer)),
            left => State::Chunk { left },
        };
        Ok((BodyEvent::Chunk(chunk), start + lf + 1))
    }
}

/// Reads `HEX [;extensions]`; `partial`: the line may go on. An error says where.
fn size(text: &[u8], partial: bool) -> Result<Chunk, (Fault, usize)> {
    let digits = text.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let mut size = 0u64;
    for (at, digit) in text[..digits].iter().enumerate() {
        let value = (*digit as char).to_digit(16).map_or(0, u64::from);
        size = size.checked_mul(16).ok_or((Fault::ChunkOverflow, at))? | value;
    }
    if size > i64::MAX as u64 {
        return Err((Fault::ChunkOverflow, 0));
    }
    let rest = &text[digits..];
    if partial && rest == b"\r" && digits > 0 {
        return Ok(Chunk { size, extended: false });
    }
    let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let fine = match rest.get(blanks) {
        None => blanks == 0 || partial,
        Some(b';') => true,
        Some(_) => false,
    };
    if !fine || (digits == 0 && !(partial && text.is_empty())) {
        return Err((Fault::ChunkSize, digits));
    }
    let last = if partial { rest.len().saturating_sub(1) } else { rest.len() };
    if let Some(at) = rest[..last].iter().position(|&b| (b < 32 && b != b'\t') || b == 127) {
        let fault = match rest[at] {
            0 => Fault::Nul,
            b'\r' => Fault::BareCr,
            _ => Fault::ChunkSize,
        };
        return Err((fault, digits + at));
    }
    Ok(Chunk { size, extended: blanks < rest.len() })
}
