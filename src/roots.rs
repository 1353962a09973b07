//! The certificates that a host trusts.

use crate::files;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;

/// The longest bundle of a host: some twenty times the usual one.
const BUNDLE_MAX_BYTES: u64 = 8 << 20;

/// Where hosts keep the certificates that they trust: Debian, Arch and Alpine; Fedora; RHEL; SUSE; FreeBSD's and others'.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/tls/cacert.pem",
];

/// A bundle that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("{path} can't be read: {error}")]
pub struct Unread {
    /// The file.
    pub path: String,
    /// Why.
    pub error: io::Error,
}

/// The host's certificates, or those of the bundle named; `None` where there are none. They are read one by one, so that the whole
/// bundle is never in memory; those that can't be used are left out, as every host has some.
///
/// # Errors
/// When a bundle is there but can't be read, or the one named is not there.
pub fn host(named: Option<&str>) -> Result<Option<RootCertStore>, Unread> {
    let unread = |path: &str, error: io::Error| Unread { path: path.to_owned(), error };
    let paths = named.map_or_else(|| BUNDLES.to_vec(), |path| vec![path]);
    for path in paths {
        let file = match File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path) {
            Ok(file) => file,
            Err(e) if files::is_absent(&e) && named.is_none() => continue,
            Err(e) => return Err(unread(path, e)),
        };
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_reader_iter(file.take(BUNDLE_MAX_BYTES)) {
            match certificate {
                Ok(certificate) => drop(store.add(certificate)),
                // What is no PEM is passed over; what can't be read at all would be met again and again.
                Err(rustls::pki_types::pem::Error::Io(e)) => return Err(unread(path, e)),
                Err(_) => {}
            }
        }
        if !store.is_empty() {
            return Ok(Some(store));
        }
    }
    Ok(None)
}
