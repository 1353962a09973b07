//! The certificates that central makes itself: an authority, and the server's own.

use crate::data_dir::DataDir;
use crate::files::{self, FilesError, Readable};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};

const DAY_S: i64 = 86_400;
/// How long the authority is good: 20 years. Agents are given its certificate by hand.
const AUTHORITY_DAYS: i64 = 20 * 365;
/// How long the server's certificate is good.
const SERVER_DAYS: i64 = 397;
/// When less is left, a new one is made.
const RENEW_DAYS: i64 = 60;
const FILE_MAX_BYTES: u64 = 64 * 1024;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file can't be read or written.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A certificate can't be made.
    #[error("no certificate can be made: {0}")]
    Making(String),
}

impl From<rcgen::Error> for CertificateError {
    fn from(error: rcgen::Error) -> Self {
        CertificateError::Making(error.to_string())
    }
}

/// What the server's certificate is for, and until when.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Facts {
    names: Vec<String>,
    until: i64,
}

/// Makes what is missing, is near its end, or is for other names than these. Gives whether it made anything.
///
/// # Errors
/// When a file can't be read or written.
pub fn ensure(dir: &DataDir, names: &[String], now_s: i64) -> Result<bool, CertificateError> {
    let authority_is_new = !dir.ca_cert().exists() || !dir.ca_key().exists();
    let authority = authority(dir, authority_is_new, now_s)?;
    let facts: Option<Facts> = files::read_bounded(&dir.server_facts(), FILE_MAX_BYTES)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let good = facts.is_some_and(|facts| facts.names == names && facts.until - now_s > RENEW_DAYS * DAY_S);
    if good && !authority_is_new && dir.server_cert().exists() && dir.server_key().exists() {
        return Ok(false);
    }
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, "highwater-central");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let until = span(&mut params, now_s, SERVER_DAYS);
    let cert = params.signed_by(&key, &authority)?;
    files::write_whole(&dir.server_key(), key.serialize_pem().as_bytes(), Readable::Owner)?;
    files::write_whole(&dir.server_cert(), cert.pem().as_bytes(), Readable::All)?;
    let facts = serde_json::json!(Facts { names: names.to_vec(), until });
    // Last: where it is missing, all is made anew.
    files::write_whole(&dir.server_facts(), facts.to_string().as_bytes(), Readable::All)?;
    Ok(true)
}

/// The authority that signs. Its parameters are the same each time, so that only its key has to be read again.
fn authority(dir: &DataDir, new: bool, now_s: i64) -> Result<Issuer<'static, KeyPair>, CertificateError> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "highwater-central authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    if new {
        let key = KeyPair::generate()?;
        span(&mut params, now_s, AUTHORITY_DAYS);
        let cert = params.self_signed(&key)?;
        files::write_whole(&dir.ca_key(), key.serialize_pem().as_bytes(), Readable::Owner)?;
        files::write_whole(&dir.ca_cert(), cert.pem().as_bytes(), Readable::All)?;
        return Ok(Issuer::new(params, key));
    }
    let pem = files::read_bounded(&dir.ca_key(), FILE_MAX_BYTES)?;
    let key = KeyPair::from_pem(&String::from_utf8_lossy(&pem))?;
    Ok(Issuer::new(params, key))
}

/// Makes a certificate good from yesterday (clocks differ) for so many days. Gives its end.
fn span(params: &mut CertificateParams, now_s: i64, days: i64) -> i64 {
    let until = now_s + days * DAY_S;
    params.not_before = day(now_s - DAY_S);
    params.not_after = day(until);
    until
}

fn day(unix_s: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(unix_s).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_anew_near_its_end_and_for_other_names_and_the_authority_stays() {
        let home = tempfile::tempdir().unwrap();
        let dir = DataDir::new(home.path().to_owned());
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let now = 1_795_000_000;
        assert!(ensure(&dir, &names, now).unwrap());
        let authority = files::read_bounded(&dir.ca_cert(), FILE_MAX_BYTES).unwrap();
        assert!(!ensure(&dir, &names, now + 300 * DAY_S).unwrap());
        assert!(ensure(&dir, &names, now + 340 * DAY_S).unwrap(), "near its end");
        assert!(ensure(&dir, &names[..1], now + 340 * DAY_S).unwrap(), "other names");
        assert_eq!(files::read_bounded(&dir.ca_cert(), FILE_MAX_BYTES).unwrap(), authority);
    }
}
