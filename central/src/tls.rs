//! TLS as the server speaks it, and how it follows changed files.

use crate::files::{self, FilesError};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

const FILE_MAX_BYTES: u64 = 1024 * 1024;

/// Why TLS can't be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A file holds something else.
    #[error("{}: holds no {what} in PEM", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Certificate and key don't fit, or are of a kind that TLS does not know.
    #[error("{}: can't be used with its key: {why}", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// What rustls says.
        why: String,
    },
}

/// A certificate and its key, in files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, with those between it and its authority.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

type Stamps = [Option<(i64, i64, u64)>; 2];

impl TlsFiles {
    fn stamps(&self) -> Stamps {
        [files::stamp(&self.cert), files::stamp(&self.key)]
    }
}

/// What the server speaks now.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    now: RwLock<(Stamps, Arc<ServerConfig>)>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When they can't be read or used.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let now = (files.stamps(), Arc::new(config(&files)?));
        Ok(Tls { files, now: RwLock::new(now) })
    }

    /// What the next connection speaks.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// Reads the files again where they have changed, or where told so. Gives whether it did.
    ///
    /// # Errors
    /// When they can't be read or used: what was spoken before goes on.
    pub fn follow(&self, always: bool) -> Result<bool, TlsError> {
        let stamps = self.files.stamps();
        if !always && self.now.read().unwrap_or_else(PoisonError::into_inner).0 == stamps {
            return Ok(false);
        }
        let config = Arc::new(config(&self.files)?);
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = (stamps, config);
        Ok(true)
    }
}

fn config(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let content = |path: &Path, what| TlsError::Content { path: path.to_owned(), what };
    let unusable =
        |error: rustls::Error| TlsError::Unusable { path: files.cert.clone(), why: error.to_string() };
    let pem = files::read_bounded(&files.cert, FILE_MAX_BYTES)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| content(&files.cert, "certificate"))?;
    if chain.is_empty() {
        return Err(content(&files.cert, "certificate"));
    }
    let pem = files::read_bounded(&files.key, FILE_MAX_BYTES)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| content(&files.key, "private key"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
