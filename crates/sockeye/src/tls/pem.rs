//! Certificates and keys from PEM files (RFC 7468), with errors that name the file.

use std::path::{Path, PathBuf};

use rustls_native_certs as native;
use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};

use crate::{Error, Result, error::Reason};

/// A certificate with its chain, and the key to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// A PEM file with the certificate, then those of its issuers.
    pub cert: PathBuf,
    /// A PEM file with the key; the certificate's file where none is named.
    pub key: Option<PathBuf>,
}

impl Identity {
    pub(super) fn load(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let key = self.key.as_ref().unwrap_or(&self.cert);
        let private =
            PrivateKeyDer::from_pem_file(key).map_err(|e| bad("read a private key from", key, e))?;
        Ok((certificates(&self.cert)?, private))
    }
}

/// Every certificate of a PEM file; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let attempt = "read certificates from";
    let all: Vec<_> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|e| bad(attempt, path, e))?;
    match all.is_empty() {
        true => Err(bad(attempt, path, pem::Error::NoItemsFound)),
        false => Ok(all),
    }
}

/// The roots to trust: those of a file and a directory, or the system's where neither is named.
pub(super) fn roots(file: Option<&Path>, dir: Option<&Path>) -> Result<Vec<CertificateDer<'static>>> {
    if file.is_none() && dir.is_none() {
        let system = native::load_native_certs();
        if system.certs.is_empty() && !system.errors.is_empty() {
            let why =
                Reason::Usage(system.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
            return Err(Error::new("read", "the system's trusted certificates", why));
        }
        return Ok(system.certs);
    }
    let mut found = file.map_or_else(|| Ok(Vec::new()), certificates)?;
    if let Some(dir) = dir {
        let in_dir = native::load_certs_from_paths(None, Some(dir));
        if let (true, Some(error)) = (in_dir.certs.is_empty(), in_dir.errors.first()) {
            let why = Reason::Usage(error.to_string());
            return Err(Error::new("read certificates from", dir.display(), why));
        }
        found.extend(in_dir.certs);
    }
    Ok(found)
}

/// A store of those that can be roots; the system's may hold some that webpki does not take.
pub(super) fn store(certificates: &[CertificateDer<'static>]) -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates.iter().cloned());
    store
}

fn bad(attempt: &'static str, path: &Path, error: pem::Error) -> Error {
    let reason = match error {
        pem::Error::Io(e) => Reason::Io(e),
        pem::Error::NoItemsFound => Reason::Usage("nothing of the kind is in it".into()),
        other => Reason::Usage(other.to_string()),
    };
    Error::new(attempt, path.display(), reason)
}
