//! HTTP CONNECT: a request head out, an answer's head in, and not one byte more.

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{Credentials, Error, Target};
use crate::http::{Event, Limits, Method, ResponseReader};

#[derive(Debug, Clone)]
pub(super) struct Connect {
    pub(super) out: Vec<u8>,
    pub(super) input: Vec<u8>,
    reader: ResponseReader,
    /// Where the head being read begins in `input`: interim answers may stand before it.
    start: usize,
    done: bool,
    /// Lines may end with LF alone.
    bare: bool,
}

const LIMIT: usize = 64 << 10;

impl Connect {
    pub(super) fn new(target: &Target, login: Option<&Credentials>, fields: &str) -> Result<Self, Error> {
        let authority = match target {
            Target::Address(to) => to.to_string(),
            Target::Name(name, port) => format!("{name}:{port}"),
        };
        if authority.bytes().any(|b| b <= 32 || b == 127) {
            return Err(Error::Unsayable("a name with blanks or controls cannot be asked for"));
        }
        let mut head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        if let Some(Credentials { user, password }) = login {
            let token = BASE64_STANDARD.encode(format!("{user}:{password}"));
            head.push_str(&format!("Proxy-Authorization: Basic {token}\r\n"));
        }
        head.push_str(fields);
        head.push_str("\r\n");
        let limits = Limits { head: LIMIT, ..Limits::default() };
        let reader = ResponseReader::new(Method::CONNECT, limits);
        Ok(Self { out: head.into_bytes(), input: Vec::new(), reader, start: 0, done: false, bare: false })
    }

    pub(super) fn allow_bare_newlines(&mut self) {
        self.bare = true;
    }

    /// As many bytes as the blank line still lacks at the least: so none behind it is taken.
    pub(super) fn wants(&self) -> usize {
        let head = &self.input[self.start..];
        match head {
            _ if self.done => 0,
            _ if self.bare => 1,
            [.., b'\r', b'\n', b'\r'] => 1,
            [.., b'\r', b'\n'] => 2,
            [.., b'\r'] => 3,
            _ => 4,
        }
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for byte in bytes.iter().take(self.wants()) {
            // The reader of heads takes CR LF only.
            if self.bare && *byte == b'\n' && self.input.last() != Some(&b'\r') {
                self.input.push(b'\r');
            }
            self.input.push(*byte);
        }
        if self.input.len() > LIMIT {
            return Err(Error::TooLong(LIMIT));
        }
        let step = self.reader.step(&self.input[self.start..]);
        match step.map_err(|_| Error::NotThisProtocol("HTTP/1"))? {
            (Event::Interim(_), used) => self.start += used,
            (Event::Head(head), _) => match head.status.as_u16() {
                200..=299 => self.done = true,
                407 => return Err(Error::Login("407 Proxy Authentication Required".into())),
                code => return Err(Error::Refused(format!("{code} {}", head.reason).trim_end().to_owned())),
            },
            _ => {}
        }
        Ok(())
    }
}
