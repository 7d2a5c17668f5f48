//! The server's side: configuration and handshake.

use std::{path::PathBuf, sync::Arc};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, server::WebPkiClientVerifier},
    server::TlsStream,
};

use super::{Identity, Versions, handshake_error, pem, provider};
use crate::{Error, Result, error::Reason};

/// What a server configuration is made from.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The server's certificate and key.
    pub identity: Identity,
    /// A PEM file of issuers whose clients are let in: clients must show a certificate.
    pub client_ca: Option<PathBuf>,
    /// The application protocols taken, the preferred one first.
    pub alpn: Vec<String>,
    /// The oldest version spoken.
    pub versions: Versions,
}

/// Makes a configuration, to be shared by connections.
///
/// # Errors
/// A file that cannot be read or holds nothing of the kind; a key that does not fit its certificate.
pub fn server_config(options: &ServerOptions) -> Result<Arc<ServerConfig>> {
    let (chain, key) = options.identity.load()?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(options.versions.list())
        .map_err(|e| Error::new("set up", "TLS", Reason::Usage(e.to_string())))?;
    let builder =
        match &options.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let roots = Arc::new(pem::store(&pem::certificates(path)?));
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
                builder.with_client_cert_verifier(verifier.build().map_err(|e| {
                    Error::new("check clients by", path.display(), Reason::Usage(e.to_string()))
                })?)
            }
        };
    let mut config = builder.with_single_cert(chain, key).map_err(|e| {
        let path = options.identity.cert.display();
        Error::new("use the certificate", path, Reason::Usage(e.to_string()))
    })?;
    config.alpn_protocols = options.alpn.iter().map(|p| p.clone().into_bytes()).collect();
    Ok(Arc::new(config))
}

/// Shakes hands as a server; `peer` is who the errors name.
///
/// # Errors
/// The conversation's, or the client certificate's.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    config: Arc<ServerConfig>,
    peer: &str,
    stream: S,
) -> Result<TlsStream<S>> {
    TlsAcceptor::from(config).accept(stream).await.map_err(|e| handshake_error("agree on TLS with", peer, e))
}
