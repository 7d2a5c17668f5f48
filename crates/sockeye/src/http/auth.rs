//! Basic and bearer authorisation (RFC 7617, RFC 6750).

use base64::{Engine, prelude::BASE64_STANDARD};
use url::Url;

use crate::proto::proxy::Credentials;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// A name and a password.
    Basic(Credentials),
    /// A token.
    Bearer(String),
}

impl Auth {
    /// The value of `Authorization`.
    pub fn field(&self) -> String {
        match self {
            Self::Basic(c) => {
                format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", c.user, c.password)))
            }
            Self::Bearer(token) => format!("Bearer {token}"),
        }
    }
}

/// The login in a URL, its escapes decoded.
pub(super) fn userinfo(url: &Url) -> Option<Credentials> {
    let decode = |text: &str| {
        let escaped = text.replace('+', "%2B");
        let pair = url::form_urlencoded::parse(escaped.as_bytes()).next();
        pair.map(|(name, _)| name.into_owned()).unwrap_or_default()
    };
    (!url.username().is_empty() || url.password().is_some()).then(|| Credentials {
        user: decode(url.username()),
        password: decode(url.password().unwrap_or_default()),
    })
}
