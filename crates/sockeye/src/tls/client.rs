//! The client's side: configuration and handshake.

use std::{path::PathBuf, sync::Arc};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, client::WebPkiServerVerifier, pki_types::ServerName},
};

use super::{
    Identity, Versions, handshake_error, pem, provider,
    verify::{Check, NameCheck, Verifier},
};
use crate::{Error, Result, error::Reason};

/// How much of the server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// The chain to a trusted root, the dates and the name.
    #[default]
    Full,
    /// The chain and the dates, not the name.
    Chain,
    /// Nothing: anyone may be in between.
    Nothing,
}

/// What a client configuration is made from.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// A PEM file of certificates to trust, instead of the system's.
    pub cafile: Option<PathBuf>,
    /// A directory of PEM files of certificates to trust, instead of the system's.
    pub capath: Option<PathBuf>,
    /// How much of the server's certificate is checked.
    pub verify: Verify,
    /// The name that the certificate must be for, where it is not the one connected to.
    pub name: Option<String>,
    /// Whether the name is sent (SNI, RFC 6066).
    pub sni: bool,
    /// The application protocols offered, the preferred one first.
    pub alpn: Vec<String>,
    /// The client's own certificate.
    pub identity: Option<Identity>,
    /// The oldest version spoken.
    pub versions: Versions,
}

impl Default for ClientOptions {
    /// The system's roots, everything checked, the name sent, TLS 1.2 or later.
    fn default() -> Self {
        Self {
            cafile: None,
            capath: None,
            verify: Verify::Full,
            name: None,
            sni: true,
            alpn: Vec::new(),
            identity: None,
            versions: Versions::default(),
        }
    }
}

/// Makes a configuration, to be shared by connections: sessions are resumed within it.
///
/// # Errors
/// A file that cannot be read or holds nothing of the kind; a key that does not fit its certificate.
pub fn client_config(options: &ClientOptions) -> Result<Arc<ClientConfig>> {
    let check = match options.verify {
        Verify::Nothing => Check::Nothing,
        verify => {
            let trusted = pem::roots(options.cafile.as_deref(), options.capath.as_deref())?;
            let name = match (&options.name, verify) {
                (_, Verify::Chain) => NameCheck::Any,
                (Some(name), _) => NameCheck::Other(server_name(name)?),
                (None, _) => NameCheck::Asked,
            };
            Check::Chain { roots: chain_verifier(pem::store(&trusted))?, trusted, name }
        }
    };
    let verifier = Verifier { check, provider: provider() };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(options.versions.list())
        .map_err(|e| Error::new("set up", "TLS", Reason::Usage(e.to_string())))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &options.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = identity.load()?;
            builder.with_client_auth_cert(chain, key).map_err(|e| {
                Error::new("use the certificate", identity.cert.display(), Reason::Usage(e.to_string()))
            })?
        }
    };
    config.enable_sni = options.sni;
    config.alpn_protocols = options.alpn.iter().map(|p| p.clone().into_bytes()).collect();
    Ok(Arc::new(config))
}

fn chain_verifier(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().map_err(|e| {
        Error::new("set up", "TLS", Reason::Usage(format!("no certificate to trust: {e}")))
            .hint("install the system's CA certificates, or name a file of trusted ones")
    })
}

/// A host as rustls wants it: a DNS name or an IP address (without brackets).
///
/// # Errors
/// What is neither.
pub fn server_name(host: &str) -> Result<ServerName<'static>> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.trim_end_matches('.').to_owned())
        .map_err(|_| Error::new("use", host, Reason::Usage("no certificate can be for this name".into())))
}

/// Shakes hands as a client with the server `name`, over any stream.
///
/// # Errors
/// The conversation's, or the certificate's: [`is_untrusted`](super::is_untrusted) on the reason tells which.
pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    stream: S,
) -> Result<TlsStream<S>> {
    let target = name.to_str().into_owned();
    TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|e| handshake_error("agree on TLS with", &target, e))
}
