//! TLS as a source speaks it: 1.2 or 1.3 by ring, no sessions kept.

use super::Settings;
use crate::config::ClientFiles;
use crate::config::ssl::Trust;
use crate::files::read_bounded;
use crate::roots;
use crate::sources::SourceError;
use highwater_rules::sign::sha256;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The longest file of certificates.
const PEM_MAX_BYTES: usize = 1 << 20;

pub(super) fn config(from: &Settings) -> Result<ClientConfig, SourceError> {
    let provider = Arc::new(ring::default_provider());
    let broken = |why: String| SourceError::Unreached { place: from.url.to_string(), why };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| broken(e.to_string()))?;
    let builder = match &from.trust {
        Trust::Host => {
            let roots =
                roots::host(None).map_err(|e| SourceError::unreadable(Path::new(&e.path), e.error))?;
            builder.with_root_certificates(roots.unwrap_or_else(RootCertStore::empty))
        }
        Trust::File(path) => builder.with_root_certificates(authorities(path)?),
        Trust::Pinned(pin) => {
            let pinned = Arc::new(Pinned { pin: *pin, provider });
            builder.dangerous().with_custom_certificate_verifier(pinned)
        }
    };
    let mut config = match &from.client {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let (chain, key) = client(files)?;
            let unfit = |_| SourceError::NoCertificate { path: files.key.clone() };
            builder.with_client_auth_cert(chain, key).map_err(unfit)?
        }
    };
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

fn pem(path: &Path) -> Result<Zeroizing<String>, SourceError> {
    read_bounded(path, PEM_MAX_BYTES).map(Zeroizing::new).map_err(|e| SourceError::unreadable(path, e))
}

fn authorities(path: &Path) -> Result<RootCertStore, SourceError> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem(path)?.as_bytes()) {
        let added = certificate.is_ok_and(|certificate| store.add(certificate).is_ok());
        if !added {
            return Err(SourceError::NoCertificate { path: path.to_owned() });
        }
    }
    if store.is_empty() {
        return Err(SourceError::NoCertificate { path: path.to_owned() });
    }
    Ok(store)
}

fn client(
    files: &ClientFiles,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), SourceError> {
    let no = |path: &Path| SourceError::NoCertificate { path: path.to_owned() };
    let chain = CertificateDer::pem_slice_iter(pem(&files.cert)?.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| no(&files.cert))?;
    // The parser's own words are not told: nothing of a key is to be in a message.
    let key = PrivateKeyDer::from_pem_slice(pem(&files.key)?.as_bytes()).map_err(|_| no(&files.key))?;
    Ok((chain, key))
}

/// Takes one certificate, by its SHA-256, and no other. That the server has its key, its signature must still prove.
#[derive(Debug)]
struct Pinned {
    pin: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if sha256(certificate).0 == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
