//! Where a redirect leads and with what method (RFC 9110, section 15.4).

use http::{Method, StatusCode};
use url::Url;

/// The next request of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Where to.
    pub url: Url,
    /// With what method.
    pub method: Method,
    /// Whether the body goes along.
    pub body: bool,
    /// Whether credentials go along: only to the same scheme, host and port.
    pub same_origin: bool,
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// The `Location` is no URL.
    #[error("the redirect's location \"{0}\" is not a URL")]
    Location(String),
    /// The `Location` leads out of HTTP.
    #[error("the redirect to \"{0}\" leaves http and https")]
    Scheme(String),
}

/// Where an answer with `status` and `location` leads; `None` where it is no redirect. `fixed`: the user named
/// the method, so it stays.
pub fn redirect(
    status: StatusCode,
    location: Option<&[u8]>,
    from: &Url,
    method: &Method,
    fixed: bool,
) -> Result<Option<Hop>, RedirectError> {
    let Some(location) = location else { return Ok(None) };
    let becomes_get = match status.as_u16() {
        301 | 302 => *method == Method::POST,
        303 => *method != Method::GET && *method != Method::HEAD,
        307 | 308 => false,
        _ => return Ok(None),
    };
    let text = String::from_utf8_lossy(location);
    let mut url =
        from.join(text.trim()).map_err(|_| RedirectError::Location(text.escape_debug().to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(RedirectError::Scheme(url.into()));
    }
    if url.fragment().is_none() {
        url.set_fragment(from.fragment());
    }
    let same_origin = url.origin() == from.origin();
    let method = if becomes_get && !fixed { Method::GET } else { method.clone() };
    Ok(Some(Hop { url, method, body: !becomes_get, same_origin }))
}
