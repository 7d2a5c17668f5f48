//! Addresses of sockets, and their one spelling: `127.0.0.1:80`, `[::1]:80`, `/path`, `@abstract`.

use std::{
    ffi::OsStr,
    fmt,
    net::{IpAddr, SocketAddr},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    str::FromStr,
};

use socket2::SockAddr;

use super::Family;
use crate::{Error, error::Reason};

/// The longest path (without its NUL) that fits a socket address on Linux: unix(7)'s `sun_path`.
const PATH_MAX: usize = 107;

/// The address of a socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Addr {
    /// IPv4 or IPv6 address and port.
    Ip(SocketAddr),
    /// A Unix domain socket.
    Unix(UnixAddr),
}

/// The address of a Unix domain socket: unix(7).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UnixAddr {
    /// A path in the file system, at most 107 bytes.
    Path(PathBuf),
    /// A name in Linux's abstract namespace, without the leading NUL, at most 107 bytes.
    Abstract(Vec<u8>),
    /// No name: a socket that was not bound, or one of a pair.
    Unnamed,
}

impl Addr {
    /// The path of a Unix domain socket.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::Unix(UnixAddr::Path(path.into()))
    }

    /// A name in the abstract namespace, without the leading NUL.
    pub fn abstract_name(name: impl Into<Vec<u8>>) -> Self {
        Self::Unix(UnixAddr::Abstract(name.into()))
    }

    /// The IP address and port, of IPv4 and IPv6 sockets.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(addr) => Some(*addr),
            Self::Unix(_) => None,
        }
    }

    /// The port, of IPv4 and IPv6 sockets.
    pub fn port(&self) -> Option<u16> {
        self.ip().map(|addr| addr.port())
    }

    /// The family of sockets that take this address.
    pub fn family(&self) -> Family {
        match self {
            Self::Ip(SocketAddr::V4(_)) => Family::Inet,
            Self::Ip(SocketAddr::V6(_)) => Family::Inet6,
            Self::Unix(_) => Family::Unix,
        }
    }

    /// The kernel's form. Fails where a path or name is too long.
    pub(crate) fn to_kernel(&self) -> Result<SockAddr, Reason> {
        let unix = |name: &[u8]| {
            SockAddr::unix(OsStr::from_bytes(name)).map_err(|_| {
                Reason::Usage(format!(
                    "the name is {} bytes long, a Unix socket's holds {PATH_MAX}; use a shorter or relative path",
                    name.len()
                ))
            })
        };
        match self {
            Self::Ip(addr) => Ok((*addr).into()),
            Self::Unix(UnixAddr::Path(path)) => unix(path.as_os_str().as_bytes()),
            Self::Unix(UnixAddr::Abstract(name)) => unix(&[b"\0", &name[..]].concat()),
            Self::Unix(UnixAddr::Unnamed) => unix(b""),
        }
    }

    /// From the kernel's form; none for families other than INET, INET6 and UNIX, and where there is no address.
    pub(crate) fn from_kernel(addr: &SockAddr) -> Option<Self> {
        if let Some(ip) = addr.as_socket() {
            return Some(Self::Ip(ip));
        }
        if !addr.is_unix() {
            return None;
        }
        Some(Self::Unix(match (addr.as_pathname(), addr.as_abstract_namespace()) {
            (Some(path), _) => UnixAddr::Path(path.to_owned()),
            (None, Some(name)) => UnixAddr::Abstract(name.to_owned()),
            (None, None) => UnixAddr::Unnamed,
        }))
    }
}

impl<T: Into<SocketAddr>> From<T> for Addr {
    fn from(addr: T) -> Self {
        Self::Ip(addr.into())
    }
}

impl From<&Self> for Addr {
    fn from(addr: &Self) -> Self {
        addr.clone()
    }
}

impl From<UnixAddr> for Addr {
    fn from(addr: UnixAddr) -> Self {
        Self::Unix(addr)
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(addr) => addr.fmt(f),
            Self::Unix(addr) => addr.fmt(f),
        }
    }
}

impl fmt::Display for UnixAddr {
    /// Control characters are shown as `\n`, `\0`; bytes that are no UTF-8 as U+FFFD.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, bytes) = match self {
            Self::Path(path) => ("", path.as_os_str().as_bytes()),
            Self::Abstract(name) => ("@", &name[..]),
            Self::Unnamed => ("", &b"unnamed"[..]),
        };
        let mut text = String::from(sign);
        for c in String::from_utf8_lossy(bytes).chars() {
            if c.is_control() { text.extend(c.escape_default()) } else { text.push(c) }
        }
        f.pad(&text)
    }
}

impl FromStr for Addr {
    type Err = Error;

    /// Reads what `Display` writes: `127.0.0.1:80`, `[::1]:80`, `@abstract`, and for paths anything with a slash.
    /// Host names are for [`resolve`](super::resolve).
    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(name) = text.strip_prefix('@') {
            return Ok(Self::abstract_name(name));
        }
        if let Ok(addr) = text.parse() {
            return Ok(Self::Ip(addr));
        }
        if text.contains('/') {
            return Ok(Self::path(text));
        }
        let reason = Reason::Usage(
            "it is neither IP:PORT, nor [IPv6]:PORT, nor a path with a slash, nor @name".into(),
        );
        let error = Error::new("read the socket address", format_args!("`{text}`"), reason);
        Err(match text.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => error.hint(format!("add a port: {ip}:80")),
            Ok(IpAddr::V6(ip)) => error.hint(format!("add brackets and a port: [{ip}]:80")),
            Err(_) => error,
        })
    }
}

impl serde::Serialize for Addr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
