//! The certificates of a client: those that central's is held to, and the agent's own.

use super::environment::Environment;
use super::error::UplinkError;
use super::settings::{Roots, Settings};
use crate::config::ClientFiles;
use crate::files::read_bounded;
use crate::roots;
use crate::tls;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use zeroize::Zeroizing;

/// The longest file of certificates that someone names.
pub(crate) const PEM_MAX_BYTES: usize = 1 << 20;
fn settings(what: String, mend: impl Into<String>) -> UplinkError {
    UplinkError::Settings { what, mend: mend.into() }
}

/// TLS as a client speaks it: 1.2 or 1.3 by ring, no sessions kept.
pub(super) fn config(from: &Settings) -> Result<ClientConfig, UplinkError> {
    let builder = tls::builder(tls::provider())
        .map_err(|e| settings(format!("TLS can't be set up: {e}"), "report this as a fault of highwater"))?
        .with_root_certificates(roots(&from.roots, &from.environment)?);
    let mut config = match &from.client {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let (chain, key) = client(files)?;
            builder.with_client_auth_cert(chain, key).map_err(|e| {
                settings(
                    format!("{} and {} do not fit: {e}", files.cert.display(), files.key.display()),
                    "give the certificate and the key that belong together (uplink.client_cert, uplink.client_key)",
                )
            })?
        }
    };
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

fn roots(from: &Roots, environment: &Environment) -> Result<RootCertStore, UplinkError> {
    match from {
        Roots::Pem(pem) => parsed(pem, "the certificate that highwater activate was given"),
        Roots::File(path) => parsed(&text(path, "uplink.ca_file")?, &path.display().to_string()),
        Roots::Host => host(environment),
    }
}

/// Whether a text holds certificates that a client can be held to.
///
/// # Errors
/// When it holds none, or one that can't be read. `from` says in the message where the text comes from.
pub(crate) fn check_pem(pem: &str, from: &str) -> Result<(), UplinkError> {
    parsed(pem, from).map(|_| ())
}

fn parsed(pem: &str, from: &str) -> Result<RootCertStore, UplinkError> {
    let mend = "give a PEM file with -----BEGIN CERTIFICATE-----, as central's first start names it";
    tls::authorities(pem).map_err(|unfit| settings(format!("{from} {unfit}"), mend))
}

fn text(path: &Path, key: &str) -> Result<String, UplinkError> {
    read_bounded(path, PEM_MAX_BYTES).map_err(|e| {
        settings(
            format!("{} can't be read: {e}", path.display()),
            format!("name a PEM file that the agent's user may read ({key})"),
        )
    })
}

fn host(environment: &Environment) -> Result<RootCertStore, UplinkError> {
    let unread =
        |e: roots::Unread| settings(e.to_string(), "set SSL_CERT_FILE or uplink.ca_file to a PEM file");
    roots::host(environment.cert_file.as_deref()).map_err(unread)?.ok_or_else(|| {
        settings(
            "the host has no certificates to hold central's to".to_owned(),
            "install the package ca-certificates, or set uplink.ca_file to the file that central's first start names",
        )
    })
}

fn client(
    files: &ClientFiles,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), UplinkError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(text(&files.cert, "uplink.client_cert")?.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|e| settings(format!("{} can't be read: {e}", files.cert.display()), "give it as PEM"))?;
    if chain.is_empty() {
        let mend = "give the certificate as PEM, with -----BEGIN CERTIFICATE----- (uplink.client_cert)";
        return Err(settings(format!("{} holds no certificate", files.cert.display()), mend));
    }
    let pem = Zeroizing::new(text(&files.key, "uplink.client_key")?);
    // The parser's own words are not told: nothing of a key is to be in a message.
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| {
        let mend =
            "give the key as PEM, without a password, with -----BEGIN PRIVATE KEY----- (uplink.client_key)";
        settings(format!("{} holds no key", files.key.display()), mend)
    })?;
    Ok((chain, key))
}
