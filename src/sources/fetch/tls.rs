//! TLS as a source speaks it: 1.2 or 1.3 by ring, no sessions kept.

use super::Settings;
use crate::config::ClientFiles;
use crate::config::ssl::Trust;
use crate::files::read_bounded;
use crate::roots;
use crate::sources::SourceError;
use crate::tls;
use highwater_rules::sign::sha256;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The longest file of certificates.
const PEM_MAX_BYTES: usize = 1 << 20;
/// The verifier's word for a server that shows a certificate with `CA:TRUE` as its own.
const AUTHORITY_SHOWN: &str = "CaUsedAsEndEntity";

pub(super) fn config(from: &Settings) -> Result<ClientConfig, SourceError> {
    let provider = tls::provider();
    let broken = |why: String| SourceError::Unreached { place: from.url.to_string(), why };
    let builder = tls::builder(Arc::clone(&provider)).map_err(|e| broken(e.to_string()))?;
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
    tls::authorities(&pem(path)?).map_err(|_| SourceError::NoCertificate { path: path.to_owned() })
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

/// A certificate that is not the pinned one.
#[derive(Debug, thiserror::Error)]
#[error("another certificate than the configured one")]
struct OtherCertificate {
    shown: [u8; 32],
}

/// What the certificate of the server at `place` is refused for; `why` are the words of whoever refused it.
pub(super) fn untrusted(error: &CertificateError, place: String, why: String) -> SourceError {
    let CertificateError::Other(OtherError(inner)) = error else {
        return SourceError::Untrusted { place, why };
    };
    if let Some(OtherCertificate { shown }) = inner.downcast_ref() {
        // As openssl shows it, and the configuration takes it.
        let shown: Vec<String> = shown.iter().map(|byte| format!("{byte:02X}")).collect();
        return SourceError::OtherCertificate { place, shown: shown.join(":") };
    }
    // The verifier's own type is another crate's, of which nothing else is needed.
    if inner.to_string() == AUTHORITY_SHOWN {
        return SourceError::ShowsAuthority { place, why };
    }
    SourceError::Untrusted { place, why }
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
        let shown = sha256(certificate).0;
        if shown == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        let other = OtherError(Arc::new(OtherCertificate { shown }));
        Err(Error::InvalidCertificate(CertificateError::Other(other)))
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
