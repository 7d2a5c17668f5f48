//! Which proxy a request goes through, and the handshake with it.

use std::{net::SocketAddr, str::FromStr};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use url::Url;

use super::failure::{Failure, FailureKind, of_proxy};
use crate::{
    Error, Result,
    error::Reason,
    proto::proxy::{self, Credentials, Handshake, Target},
};

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP: whole URLs for http, CONNECT for https.
    Http,
    /// SOCKS4: the name is looked up here.
    Socks4,
    /// SOCKS4a: the proxy looks the name up.
    Socks4a,
    /// SOCKS5: the name is looked up here.
    Socks5,
    /// SOCKS5: the proxy looks the name up.
    Socks5h,
}

/// A proxy: `[kind://][user:password@]host[:port]`, with curl's defaults: HTTP, port 1080.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The login.
    pub credentials: Option<Credentials>,
}

impl FromStr for Proxy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |why: &str| Error::new("use the proxy", text, Reason::Usage(why.to_owned()));
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyKind::Http,
            "socks4" => ProxyKind::Socks4,
            "socks4a" => ProxyKind::Socks4a,
            "socks5" | "socks" => ProxyKind::Socks5,
            "socks5h" => ProxyKind::Socks5h,
            _ => return Err(refuse("it must be http, socks4, socks4a, socks5 or socks5h")),
        };
        // Any special scheme reads user, host and port; its own default port must not swallow ":80".
        let url = Url::parse(&format!("ftp://{rest}")).map_err(|e| refuse(&e.to_string()))?;
        let host = url.host_str().filter(|h| !h.is_empty()).ok_or_else(|| refuse("it names no host"))?;
        let port = match (url.port(), rest.trim_end_matches('/').ends_with(":21")) {
            (Some(port), _) => port,
            (None, true) => 21,
            (None, false) => 1080,
        };
        let credentials = super::auth::userinfo(&url);
        Ok(Self { kind, host: host.to_owned(), port, credentials })
    }
}

impl Proxy {
    /// As it is named in errors: without the login.
    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether names are looked up here, before the proxy is asked.
    pub(super) fn resolves_here(&self) -> bool {
        matches!(self.kind, ProxyKind::Socks4 | ProxyKind::Socks5)
    }

    /// Asks for a connection to the target, over a stream to the proxy.
    pub(super) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        host: &str,
        port: u16,
        address: Option<SocketAddr>,
        user_agent: Option<&str>,
    ) -> Result<(), Failure> {
        let target = address.map_or_else(|| Target::Name(host.to_owned(), port), Target::Address);
        let login = self.credentials.as_ref();
        let handshake = match self.kind {
            ProxyKind::Http => {
                let fields = user_agent.map_or_else(String::new, |a| format!("User-Agent: {a}\r\n"));
                Handshake::connect(&target, login, &fields)
            }
            ProxyKind::Socks4 | ProxyKind::Socks4a => {
                Handshake::socks4(&target, login.map_or("", |l| l.user.as_str()))
            }
            ProxyKind::Socks5 | ProxyKind::Socks5h => Handshake::socks5(&target, login),
        };
        let refused = |e: proxy::Error| of_proxy(&e, &self.name(), self.kind == ProxyKind::Http);
        shake(handshake.map_err(refused)?, stream).await.map_err(|e| match e {
            ShakeError::Proxy(e) => refused(e),
            ShakeError::Io(e) => FailureKind::Proxy.with(Error::new("talk to the proxy", self.name(), e)),
        })
    }
}

/// Why a handshake with a proxy failed.
#[derive(Debug, thiserror::Error)]
pub enum ShakeError {
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The proxy refused or broke the protocol.
    #[error(transparent)]
    Proxy(#[from] proxy::Error),
}

/// Drives a handshake with a proxy over a stream; afterwards the stream is the target's, from its first byte on.
///
/// # Errors
/// The stream's, or the proxy's refusal.
pub async fn shake<S: AsyncRead + AsyncWrite + Unpin>(
    mut handshake: Handshake,
    stream: &mut S,
) -> Result<(), ShakeError> {
    let mut buffer = [0; 512];
    loop {
        stream.write_all(&handshake.transmit()).await?;
        stream.flush().await?;
        if handshake.done() {
            return Ok(());
        }
        let room = handshake.wants().min(buffer.len());
        let count = stream.read(&mut buffer[..room]).await?;
        handshake.receive(&buffer[..count])?;
    }
}
