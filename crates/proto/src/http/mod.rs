//! HTTP/1.0 and 1.1 on the wire (RFC 9112): heads, where a body ends, redirects. No sockets.
//!
//! # Contract
//! A reader is given the bytes that have arrived and not been consumed yet; [`ResponseReader::step`] says what
//! the front of them is and how many of them that was:
//!
//! ```text
//! loop {
//!     let (event, used) = reader.step(&buffer)?;
//!     match event {
//!         Event::Wait            => receive more; at the end of input call reader.eof() instead
//!         Event::Interim(head)   => a 1xx answer; another head follows
//!         Event::Head(head)      => the answer's head; reader.framing() says how the body will end
//!         Event::Body(Data)      => buffer[..used] is body, with the framing already taken off
//!         Event::Body(Chunk(..)) => buffer[..used] was a chunk's size line
//!         Event::Body(End(rule)) => the message is whole, by this rule
//!     }
//!     drop the first `used` bytes
//! }
//! ```
//!
//! Where the next bytes can only be body ([`ResponseReader::direct`]), a driver may move them itself, without
//! showing them to the reader, and report how many with [`ResponseReader::moved`].
//!
//! # Strictness
//! What two parties could read in two ways is refused with an [`Error`] that quotes the place: two lengths, a length beside
//! a transfer coding, a bare LF or CR, a folded line, blanks before a colon, NUL, numbers out of range, heads
//! over their limit, interim answers without end. Nothing is allocated on a length's word.

mod body;
mod disposition;
mod error;
mod fields;
mod framing;
mod head;
mod range;
mod redirect;
mod request;
mod response;

#[cfg(test)]
mod tests;

pub use body::{Body, BodyEvent, Chunk, End, NoBody};
pub use disposition::{attachment_name, safe_name};
pub use error::{Error, Fault, Malformed, Part};
pub use fields::{Fields, InvalidField};
pub use framing::Framing;
pub use head::{Limits, RequestHead, ResponseHead, Version};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use range::{ContentRange, RangeError, RangeRequest, Span};
pub use redirect::{Hop, RedirectError, redirect};
pub use request::{RequestEvent, RequestReader};
pub use response::{Event, ResponseReader};
