//! Why a transfer failed: the error, and the kind that decides curl's exit code.

use std::{fmt, io};

use crate::{
    Error,
    error::Reason,
    proto::{http, proxy},
    tls,
};

/// Why a transfer failed.
#[derive(Debug)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What was attempted, on what, why it failed.
    pub error: Box<Error>,
}

/// The kinds of failure, as curl tells them apart by exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FailureKind {
    /// A scheme other than http and https: 1.
    Scheme,
    /// Not a URL: 3.
    Url,
    /// The proxy's name has no address: 5.
    ResolveProxy,
    /// The host's name has no address: 6.
    Resolve,
    /// No connection: 7.
    Connect,
    /// The answer is not HTTP, or ambiguous: 8.
    Answer,
    /// The body is cut short: 18.
    Partial,
    /// A status of 400 or more, where that counts as failure: 22.
    Status,
    /// The output cannot be written: 23.
    Write,
    /// What is to be sent cannot be read: 26.
    Read,
    /// A time limit passed: 28.
    Timeout,
    /// The server does not give the range: 33.
    Range,
    /// TLS could not be agreed on: 35.
    Tls,
    /// Too many redirects: 47.
    Redirects,
    /// The connection was closed before any answer: 52.
    Empty,
    /// Sending failed: 55.
    Send,
    /// Receiving failed: 56.
    Receive,
    /// The own certificate cannot be used: 58.
    OwnCertificate,
    /// The server's certificate is not trusted: 60.
    Certificate,
    /// The content cannot be decoded: 61.
    Encoding,
    /// The file of trusted certificates cannot be used: 77.
    CaFile,
    /// A SOCKS proxy refused or broke off: 97.
    Proxy,
}

impl FailureKind {
    /// The exit code that curl has for it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Scheme => 1,
            Self::Url => 3,
            Self::ResolveProxy => 5,
            Self::Resolve => 6,
            Self::Connect => 7,
            Self::Answer => 8,
            Self::Partial => 18,
            Self::Status => 22,
            Self::Write => 23,
            Self::Read => 26,
            Self::Timeout => 28,
            Self::Range => 33,
            Self::Tls => 35,
            Self::Redirects => 47,
            Self::Empty => 52,
            Self::Send => 55,
            Self::Receive => 56,
            Self::OwnCertificate => 58,
            Self::Certificate => 60,
            Self::Encoding => 61,
            Self::CaFile => 77,
            Self::Proxy => 97,
        }
    }

    /// With the error behind it.
    pub fn with(self, error: Error) -> Failure {
        Failure { kind: self, error: Box::new(error) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        *failure.error
    }
}

/// A failure of receiving an answer from `host`, as the machine that read it says.
pub(super) fn of_answer(error: http::Error, host: &str) -> Failure {
    let kind = match &error {
        http::Error::Empty => FailureKind::Empty,
        http::Error::CutHead { .. } => FailureKind::Receive,
        http::Error::CutBody { .. } => FailureKind::Partial,
        http::Error::Malformed(m) if m.part == http::Part::Head => FailureKind::Answer,
        http::Error::Malformed(_) => FailureKind::Receive,
    };
    let broken = Error::new("read the answer of", host, Reason::Protocol(error.to_string()));
    kind.with(match kind {
        FailureKind::Partial => broken.hint("what came is kept; -C - goes on from there"),
        _ => broken,
    })
}

/// A failure of the stream while receiving.
pub(super) fn of_receive(error: io::Error, host: &str) -> Failure {
    FailureKind::Receive.with(Error::new("receive from", host, error))
}

/// A failure of a handshake with a proxy.
pub(super) fn of_proxy(error: &proxy::Error, proxy: &str, connect: bool) -> Failure {
    // curl tells a refused tunnel (56) from a refusing SOCKS proxy (97).
    let kind = if connect { FailureKind::Receive } else { FailureKind::Proxy };
    kind.with(Error::new("reach the host through the proxy", proxy, Reason::Protocol(error.to_string())))
}

/// A failure of a TLS handshake.
pub(super) fn of_tls(error: Error) -> Failure {
    match error.reason() {
        Reason::Io(e) if tls::is_untrusted(e) => FailureKind::Certificate.with(error),
        _ => FailureKind::Tls.with(error),
    }
}
