//! Asking a proxy for a connection: SOCKS 4, 4a and 5 (RFC 1928, RFC 1929), HTTP CONNECT (RFC 9110, section 9.3.6).
//!
//! # Contract
//! One machine for all of them; none reads a byte beyond the proxy's own answer, so what the target says
//! first stays in the socket:
//!
//! ```text
//! loop {
//!     send all of machine.transmit()
//!     if machine.done() { the connection is the target's from here on }
//!     receive at most machine.wants() bytes and give them to machine.receive(…)
//! }
//! ```

mod http;
mod socks4;
mod socks5;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

/// Where the proxy shall connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An address that was looked up here.
    Address(SocketAddr),
    /// A name that the proxy looks up, and a port.
    Name(String, u16),
}

/// Name and password for a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// Why a proxy gives no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The answer is not of this protocol.
    #[error("the proxy's answer is not {0}")]
    NotThisProtocol(&'static str),
    /// The proxy closed before its answer was whole.
    #[error("the proxy closed the connection before its answer was whole")]
    Closed,
    /// The proxy refused, in its own words or by its code.
    #[error("the proxy refused: {0}")]
    Refused(String),
    /// The proxy wants a way to log in that was not given or is not known.
    #[error("the proxy wants a login: {0}")]
    Login(String),
    /// What was asked cannot be said in this protocol.
    #[error("{0}")]
    Unsayable(&'static str),
    /// The answer is longer than the limit.
    #[error("the proxy's answer is longer than {0} bytes")]
    TooLong(usize),
}

/// A conversation with a proxy, up to the connection.
#[derive(Debug, Clone)]
pub struct Handshake(Machine);

#[derive(Debug, Clone)]
enum Machine {
    Socks4(socks4::Socks4),
    Socks5(socks5::Socks5),
    Connect(http::Connect),
}

impl Handshake {
    /// SOCKS4 (an IPv4 address) or SOCKS4a (a name); `user` is what the proxy is told, unproved.
    pub fn socks4(target: &Target, user: &str) -> Result<Self, Error> {
        socks4::Socks4::new(target, user).map(Machine::Socks4).map(Self)
    }

    /// SOCKS5, with a login by name and password where credentials are given.
    pub fn socks5(target: &Target, credentials: Option<&Credentials>) -> Result<Self, Error> {
        socks5::Socks5::new(target, credentials).map(Machine::Socks5).map(Self)
    }

    /// HTTP CONNECT; `fields` are further lines of the request, each with its CRLF.
    pub fn connect(target: &Target, credentials: Option<&Credentials>, fields: &str) -> Result<Self, Error> {
        http::Connect::new(target, credentials, fields).map(Machine::Connect).map(Self)
    }

    /// Lets the lines of an HTTP proxy end with LF alone; does nothing to the others.
    #[must_use]
    pub fn with_bare_newlines(mut self) -> Self {
        if let Machine::Connect(m) = &mut self.0 {
            m.allow_bare_newlines();
        }
        self
    }

    /// What is to be sent now; empty where nothing is. Each call takes it away.
    pub fn transmit(&mut self) -> Vec<u8> {
        match &mut self.0 {
            Machine::Socks4(m) => std::mem::take(&mut m.out),
            Machine::Socks5(m) => std::mem::take(&mut m.out),
            Machine::Connect(m) => std::mem::take(&mut m.out),
        }
    }

    /// How many bytes may be received and given to [`receive`](Self::receive) now; 0 when done.
    pub fn wants(&self) -> usize {
        match &self.0 {
            Machine::Socks4(m) => m.wants(),
            Machine::Socks5(m) => m.wants(),
            Machine::Connect(m) => m.wants(),
        }
    }

    /// Takes received bytes, at most [`wants`](Self::wants) of them; none means that the proxy closed.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() && !self.done() {
            return Err(Error::Closed);
        }
        match &mut self.0 {
            Machine::Socks4(m) => m.receive(bytes),
            Machine::Socks5(m) => m.receive(bytes),
            Machine::Connect(m) => m.receive(bytes),
        }
    }

    /// Whether the connection is the target's from here on.
    pub fn done(&self) -> bool {
        self.wants() == 0
    }

    /// The proxy's answer as it arrived, for CONNECT: a head.
    pub fn answer(&self) -> &[u8] {
        match &self.0 {
            Machine::Socks4(m) => &m.input,
            Machine::Socks5(m) => &m.input,
            Machine::Connect(m) => &m.input,
        }
    }
}
