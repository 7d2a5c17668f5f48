//! What an end of a connection is called.

use std::{fmt, net::SocketAddr, ops::Deref, sync::OnceLock};

use crate::socket::Addr;

/// The name of a socket: `127.0.0.1:80`, `[::1]:80`, `/run/x.sock`, `@abstract`, `pid 4711`. It reads as text; that of
/// an internet address is only written out when somebody reads it, which for most connections nobody does.
pub struct Name(Kind);

enum Kind {
    Ip(SocketAddr, OnceLock<Box<str>>),
    Text(Box<str>),
}

impl Name {
    /// The internet address that it is, if it is one.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self.0 {
            Kind::Ip(address, _) => Some(address),
            Kind::Text(_) => None,
        }
    }
}

impl From<SocketAddr> for Name {
    fn from(address: SocketAddr) -> Self {
        Self(Kind::Ip(address, OnceLock::new()))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(Kind::Text(text.into()))
    }
}

impl From<Addr> for Name {
    fn from(address: Addr) -> Self {
        match address {
            Addr::Ip(address) => address.into(),
            other => other.to_string().into(),
        }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Kind::Ip(address, text) => text.get_or_init(|| address.to_string().into()),
            Kind::Text(text) => text,
        }
    }
}

impl Clone for Name {
    fn clone(&self) -> Self {
        match &self.0 {
            Kind::Ip(address, _) => (*address).into(),
            Kind::Text(text) => Self(Kind::Text(text.clone())),
        }
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Name {}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
