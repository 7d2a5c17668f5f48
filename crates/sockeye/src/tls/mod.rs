//! TLS 1.2 and 1.3 by rustls: configurations from files and options, and the handshake with errors that say
//! whether the certificate or the conversation was at fault.
//!
//! The provider of the cryptography is chosen in one place ([`provider`]); trust comes from the system's roots
//! unless a file or directory of certificates is named.

mod client;
mod pem;
mod server;
mod verify;

pub use client::{ClientOptions, Verify, client_config, connect, server_name};
pub use pem::Identity;
pub use server::{ServerOptions, accept, server_config};
pub use tokio_rustls::{client::TlsStream as ClientStream, rustls, server::TlsStream as ServerStream};

use std::{io, sync::Arc};

use rustls::{CommonState, crypto::CryptoProvider};

/// The versions of TLS to be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Versions {
    /// TLS 1.2 and newer.
    #[default]
    From12,
    /// TLS 1.2 and nothing newer.
    Only12,
    /// TLS 1.3
    From13,
}

impl Versions {
    fn list(self) -> &'static [&'static rustls::SupportedProtocolVersion] {
        match self {
            Self::From12 => rustls::ALL_VERSIONS,
            Self::Only12 => &ONLY_12,
            Self::From13 => &ONLY_13,
        }
    }
}

static ONLY_12: [&rustls::SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
static ONLY_13: [&rustls::SupportedProtocolVersion; 1] = [&rustls::version::TLS13];

/// The cryptography behind every configuration.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: std::sync::OnceLock<Arc<CryptoProvider>> = std::sync::OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}

/// What a handshake agreed on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Facts {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: String,
    /// The cipher suite, by its name in the RFCs.
    pub cipher: String,
    /// The application protocol, where one was agreed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// The certificates that the peer showed.
    pub certificates: usize,
    /// Whether the peer's certificate was checked.
    pub verified: bool,
}

impl Facts {
    /// The facts of a connection whose handshake is done.
    pub fn of(state: &CommonState, verified: bool) -> Self {
        let version = match state.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".into(),
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".into(),
            other => format!("{other:?}"),
        };
        let suite = state.negotiated_cipher_suite().and_then(|s| s.suite().as_str());
        Self {
            version,
            // rustls spells TLS 1.3 suites with a version in front.
            cipher: suite.unwrap_or_default().replacen("TLS13_", "TLS_", 1),
            alpn: state.alpn_protocol().map(|p| String::from_utf8_lossy(p).into_owned()),
            certificates: state.peer_certificates().map_or(0, <[_]>::len),
            verified,
        }
    }
}

/// Whether a handshake failed because the peer's certificate is not trusted, not because of the conversation.
pub fn is_untrusted(error: &io::Error) -> bool {
    matches!(rustls_error(error), Some(rustls::Error::InvalidCertificate(_)))
}

/// The error of rustls inside an error of the stream.
pub fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Whether a server showed a certificate that signs itself and was not named as trusted.
fn is_own_issuer(error: &io::Error) -> bool {
    error.to_string().contains("CaUsedAsEndEntity")
}

/// A handshake's error with the advice that fits.
fn handshake_error(attempt: &'static str, target: &str, error: io::Error) -> crate::Error {
    use rustls::{CertificateError as Certificate, Error as Tls};
    let hint = match rustls_error(&error) {
        Some(Tls::InvalidCertificate(Certificate::UnknownIssuer)) => {
            Some("its issuer is not among the trusted roots; name the issuer's certificate to trust it")
        }
        Some(Tls::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        )) => Some("the certificate is for another name"),
        Some(Tls::InvalidCertificate(Certificate::Other(_))) if is_own_issuer(&error) => {
            Some("the certificate vouches for itself; name it as a trusted one if it is the right one")
        }
        Some(Tls::InvalidMessage(_)) => Some("the peer may not speak TLS on this port"),
        Some(Tls::AlertReceived(rustls::AlertDescription::ProtocolVersion)) => {
            Some("the peer speaks no version of TLS from 1.2 on")
        }
        _ => None,
    };
    let error = crate::Error::new(attempt, target, error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
