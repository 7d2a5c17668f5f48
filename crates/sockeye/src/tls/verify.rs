//! Checks of a server's certificate that rustls does not offer by itself: none at all, the chain without the
//! name, another name than the one asked for, and a certificate that is itself among the trusted ones.

use std::sync::Arc;

use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

/// What is asked of the certificate.
#[derive(Debug)]
pub(super) enum Check {
    /// Nothing.
    Nothing,
    /// A chain to a trusted root, and the name where one is asked for.
    Chain { roots: Arc<WebPkiServerVerifier>, trusted: Vec<CertificateDer<'static>>, name: NameCheck },
}

/// Which name the certificate must be for.
#[derive(Debug)]
pub(super) enum NameCheck {
    /// The one that the connection was made to.
    Asked,
    /// This one.
    Other(ServerName<'static>),
    /// Any.
    Any,
}

#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) check: Check,
    pub(super) provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        asked: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Check::Chain { roots, trusted, name } = &self.check else {
            return Ok(ServerCertVerified::assertion());
        };
        let expected = match name {
            NameCheck::Other(name) => name,
            NameCheck::Asked | NameCheck::Any => asked,
        };
        let verdict = roots.verify_server_cert(end_entity, intermediates, expected, ocsp, now);
        match verdict {
            // webpki takes no CA as a server's certificate, but a self-signed one that the user named is meant.
            // Its dates were checked before this error.
            Err(Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::UnknownIssuer))
                if trusted.iter().any(|t| t == end_entity) =>
            {
                if !matches!(name, NameCheck::Any) {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, expected)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            // The chain is checked before the name.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if matches!(name, NameCheck::Any) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
