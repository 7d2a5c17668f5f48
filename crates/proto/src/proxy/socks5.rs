//! SOCKS5: methods, login (RFC 1929), request; each answer says how long it is.

use std::net::SocketAddr;

use super::{Credentials, Error, Target};

#[derive(Debug, Clone)]
pub(super) struct Socks5 {
    pub(super) out: Vec<u8>,
    pub(super) input: Vec<u8>,
    state: State,
    login: Vec<u8>,
    request: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Method,
    Login,
    Request,
    Done,
}

impl Socks5 {
    pub(super) fn new(target: &Target, credentials: Option<&Credentials>) -> Result<Self, Error> {
        let mut request = vec![5, 1, 0];
        let port = match target {
            Target::Address(SocketAddr::V4(to)) => {
                request.push(1);
                request.extend(to.ip().octets());
                to.port()
            }
            Target::Address(SocketAddr::V6(to)) => {
                request.push(4);
                request.extend(to.ip().octets());
                to.port()
            }
            Target::Name(name, port) => {
                request.push(3);
                counted(&mut request, name)?;
                *port
            }
        };
        request.extend(port.to_be_bytes());
        let mut login = Vec::new();
        if let Some(Credentials { user, password }) = credentials {
            login.push(1);
            counted(&mut login, user)?;
            counted(&mut login, password)?;
        }
        let out = if login.is_empty() { vec![5, 1, 0] } else { vec![5, 2, 0, 2] };
        Ok(Self { out, input: Vec::new(), state: State::Method, login, request })
    }

    pub(super) fn wants(&self) -> usize {
        let whole = match self.state {
            State::Method | State::Login => 2,
            State::Done => return 0,
            State::Request => match self.input[..] {
                // Up to the first byte of the bound address, which tells the length of a name.
                [_, _, _, kind, first, ..] => {
                    6 + match kind {
                        1 => 4,
                        4 => 16,
                        _ => 1 + usize::from(first),
                    }
                }
                _ => 5,
            },
        };
        whole - self.input.len()
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.input.extend(bytes.iter().take(self.wants()));
        let version = if self.state == State::Login { 1 } else { 5 };
        if self.input.first().is_some_and(|&v| v != version) {
            return Err(Error::NotThisProtocol("SOCKS5"));
        }
        if let (State::Request, [_, code, ..]) = (self.state, &self.input[..])
            && *code != 0
        {
            return Err(Error::Refused(reply(*code)));
        }
        if let (State::Request, [_, _, _, kind, ..]) = (self.state, &self.input[..])
            && !matches!(kind, 1 | 3 | 4)
        {
            return Err(Error::NotThisProtocol("SOCKS5"));
        }
        if self.wants() > 0 {
            return Ok(());
        }
        let answer = self.input.get(1).copied();
        let next = match (self.state, answer) {
            (State::Method, Some(0)) => State::Request,
            (State::Method, Some(2)) if !self.login.is_empty() => State::Login,
            (State::Method, Some(255)) => {
                return Err(Error::Login("it takes none of the offered ways".into()));
            }
            (State::Method, _) => return Err(Error::NotThisProtocol("SOCKS5")),
            (State::Login, Some(0)) => State::Request,
            (State::Login, _) => return Err(Error::Login("name or password is wrong".into())),
            (State::Request | State::Done, _) => State::Done,
        };
        match next {
            State::Login => self.out = std::mem::take(&mut self.login),
            State::Request => self.out = std::mem::take(&mut self.request),
            State::Method | State::Done => {}
        }
        if next != State::Done {
            self.input.clear();
        }
        self.state = next;
        Ok(())
    }
}

/// Appends a text with its length in one byte before it.
fn counted(out: &mut Vec<u8>, text: &str) -> Result<(), Error> {
    let length = u8::try_from(text.len()).ok().filter(|&n| n > 0);
    out.push(length.ok_or(Error::Unsayable("SOCKS5 takes names of 1 to 255 bytes"))?);
    out.extend(text.as_bytes());
    Ok(())
}

/// The reply codes of RFC 1928, section 6.
fn reply(code: u8) -> String {
    let text = match code {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => return format!("code {code}"),
    };
    format!("{text} (code {code})")
}
