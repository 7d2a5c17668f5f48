//! The one error type: what was attempted, on what, why it failed, and what to do next.
//!
//! ```text
//! cannot connect to tcp:127.0.0.1:9: Connection refused (nothing listens there; …)
//!        ╰──┬─────╯ ╰──────┬──────╯  ╰───────┬────────╯ ╰───────────┬───────────╯
//!        attempt         target           reason                  hint
//! ```

mod hint;

use std::{borrow::Cow, fmt, io, time::Duration};

use sockeye_proto::framing::FrameError;

/// A result with sockeye's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed, on what, why, and what to do next.
///
/// `Debug` shows the same line as `Display`, for programs whose `main` returns it.
pub struct Error {
    attempt: Cow<'static, str>,
    target: String,
    reason: Reason,
    hint: Option<Cow<'static, str>>,
}

/// Why an attempt failed.
#[derive(Debug)]
pub enum Reason {
    /// The kernel said no.
    Io(io::Error),
    /// A deadline passed before the attempt was done.
    TimedOut(Duration),
    /// Nothing passed for the time that silence was allowed.
    Silent(Duration),
    /// It took longer than it was given.
    Overdue(Duration),
    /// What the user asked for cannot be: a bad address, an option that does not apply.
    Usage(String),
    /// A name has no address (of the family asked for).
    Unresolved(String),
    /// The peer broke the protocol: a bad frame, checksum or HTTP message.
    Protocol(String),
    /// The messages on a stream are damaged, cut short or too large.
    Frame(FrameError),
    /// Each address that the name stands for was tried; all failed.
    Each(Vec<Error>),
}

/// The class of an error: what the process's exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The network or the peer failed: exit code 1.
    Network,
    /// The command or address was wrong: exit code 2.
    Usage,
    /// A deadline passed: exit code 3.
    Deadline,
    /// A local resource was refused: permission, address in use, no descriptors: exit code 4.
    Resource,
    /// The peer broke the protocol: exit code 5.
    Protocol,
}

impl Class {
    /// The exit code of a process that ends with an error of this class.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Network => 1,
            Self::Usage => 2,
            Self::Deadline => 3,
            Self::Resource => 4,
            Self::Protocol => 5,
        }
    }
}

impl Error {
    /// An error of `attempt` (a verb phrase that follows "cannot": "connect to") on `target`. Where the kernel
    /// refused for a reason that people meet often, advice comes with it.
    pub fn new(
        attempt: impl Into<Cow<'static, str>>,
        target: impl fmt::Display,
        reason: impl Into<Reason>,
    ) -> Self {
        let (attempt, target, reason) = (attempt.into(), target.to_string(), reason.into());
        let hint = match &reason {
            Reason::Io(e) => e.raw_os_error().and_then(|errno| hint::of(errno, &attempt, &target)),
            Reason::TimedOut(_) => hint::of_timeout(&attempt),
            _ => None,
        };
        Self { attempt, target, reason, hint: hint.map(Cow::Borrowed) }
    }

    /// The same error with advice: what to do next, as a clause without a full stop.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What was attempted, as a verb phrase: "connect to".
    pub fn attempt(&self) -> &str {
        &self.attempt
    }

    /// On what it was attempted: an address, a path, a host.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Why it failed.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// What to do next, where that is known.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The system's error number, where the kernel refused.
    pub fn errno(&self) -> Option<i32> {
        match &self.reason {
            Reason::Io(e) => e.raw_os_error(),
            Reason::Each(all) => all.last().and_then(Self::errno),
            _ => None,
        }
    }

    /// The kind of this error, as the standard library names it: `WouldBlock`, `TimedOut`, `ConnectionRefused`.
    pub fn kind(&self) -> io::ErrorKind {
        match &self.reason {
            Reason::Io(e) => e.kind(),
            Reason::TimedOut(_) | Reason::Silent(_) | Reason::Overdue(_) => io::ErrorKind::TimedOut,
            Reason::Usage(_) => io::ErrorKind::InvalidInput,
            Reason::Unresolved(_) => io::ErrorKind::NotFound,
            Reason::Protocol(_) | Reason::Frame(_) => io::ErrorKind::InvalidData,
            Reason::Each(all) => all.last().map_or(io::ErrorKind::Other, Self::kind),
        }
    }

    /// Whether a non-blocking call has nothing to do yet (`EAGAIN`).
    pub fn would_block(&self) -> bool {
        self.kind() == io::ErrorKind::WouldBlock
    }

    /// The class of this error, which decides the exit code.
    pub fn class(&self) -> Class {
        match &self.reason {
            Reason::Io(e) => io_class(e),
            Reason::TimedOut(_) | Reason::Silent(_) | Reason::Overdue(_) => Class::Deadline,
            Reason::Usage(_) => Class::Usage,
            Reason::Unresolved(_) => Class::Network,
            Reason::Protocol(_) | Reason::Frame(_) => Class::Protocol,
            Reason::Each(all) => all.last().map_or(Class::Network, Self::class),
        }
    }
}

fn io_class(error: &io::Error) -> Class {
    match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::AddrInUse
        | io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::NotFound
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::OutOfMemory => Class::Resource,
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => Class::Usage,
        _ if matches!(
            error.raw_os_error(),
            Some(
                libc::EMFILE
                    | libc::ENFILE
                    | libc::ENOBUFS
                    | libc::EBADF
                    | libc::ENOTSOCK
                    | libc::EISDIR
                    | libc::ENOTDIR
                    | libc::ELOOP
                    | libc::ENOSPC
                    | libc::EDQUOT
                    | libc::EROFS
                    | libc::ENXIO
                    | libc::ENAMETOOLONG
            )
        ) =>
        {
            Class::Resource
        }
        _ => Class::Network,
    }
}

impl From<Error> for io::Error {
    /// For code that speaks `std::io`: the kind stays, the text is the whole line.
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error)
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<FrameError> for Reason {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl From<rustix::io::Errno> for Reason {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::Io(errno.into())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // `io::Error` appends "(os error 111)", which tells a person nothing.
            // What rustls says names its manual.
            Self::Io(e)
                if e.kind() == io::ErrorKind::UnexpectedEof && e.to_string().contains("close_notify") =>
            {
                f.write_str("the peer ended TLS without saying so (close_notify): what came may not be all")
            }
            Self::Io(e) => {
                let text = e.to_string();
                f.write_str(text.split(" (os error").next().unwrap_or(&text))
            }
            Self::TimedOut(after) => write!(f, "no answer within {after:?}"),
            Self::Silent(limit) => write!(f, "nothing passed for {limit:?}"),
            Self::Overdue(limit) => write!(f, "it took longer than the {limit:?} that it was given"),
            Self::Usage(text) | Self::Unresolved(text) | Self::Protocol(text) => f.write_str(text),
            Self::Frame(error) => error.fmt(f),
            Self::Each(all) => {
                for (i, error) in all.iter().enumerate() {
                    let comma = if i == 0 { "" } else { "; " };
                    write!(f, "{comma}{}: {}", error.target, error.reason)?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.attempt, self.target, self.reason)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::Io(e) => Some(e),
            _ => None,
        }
    }
}
