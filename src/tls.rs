//! TLS as every client of the agent's speaks it: 1.2 or 1.3 by ring; and what a failed exchange failed of.

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use std::error::Error;
use std::io;
use std::sync::Arc;

/// How deep the causes of an error are followed.
const CAUSES_MAX: usize = 16;

/// A client's configuration that still lacks the certificates that it takes.
pub(crate) type Builder = ConfigBuilder<ClientConfig, WantsVerifier>;

/// Why a text gives no authorities. It goes on behind the text's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAuthorities {
    /// There is none in it.
    #[error("holds no certificate")]
    None,
    /// One of them can't be read.
    #[error("holds a certificate that can't be read: {0}")]
    Garbled(String),
}

/// What computes.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Begins a client's configuration.
pub(crate) fn builder(provider: Arc<CryptoProvider>) -> Result<Builder, rustls::Error> {
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

/// The certificates of a text in PEM, all of which must be right.
pub(crate) fn authorities(pem: &str) -> Result<RootCertStore, NoAuthorities> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|e| NoAuthorities::Garbled(e.to_string()))?;
        store.add(certificate).map_err(|e| NoAuthorities::Garbled(e.to_string()))?;
    }
    if store.is_empty() { Err(NoAuthorities::None) } else { Ok(store) }
}

/// What an exchange failed of, in the words of whoever knows most of it; and the certificate's fault, where that was it.
pub(crate) fn cause(error: &(dyn Error + 'static)) -> (String, Option<CertificateError>) {
    let mut cause = error;
    let mut certificate = None;
    for _ in 0..CAUSES_MAX {
        if let Some(rustls::Error::InvalidCertificate(refused)) = cause.downcast_ref() {
            certificate = Some(refused.clone());
        }
        // An error of I/O passes over the one that it wraps when it is asked for its cause.
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| cause.source()) {
            Some(deeper) => cause = deeper,
            None => break,
        }
    }
    (cause.to_string(), certificate)
}
