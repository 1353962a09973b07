//! The identity: the key that reports are signed with, in `STATE_DIR/identity.key`.

use super::private_file;
use super::random::{self, NoRandom};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use highwater_rules::sign::{self, KEY_BYTES, PublicKey};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The key's file in the state directory.
pub const FILE_NAME: &str = "identity.key";
/// The longest file that is looked at: a key takes 119 bytes.
const FILE_MAX_BYTES: usize = 4096;
/// What stands before the 32 bytes of an Ed25519 key in PKCS#8 (RFC 8410, section 7).
const PKCS8_HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is one already.
    #[error("{} is there already: an identity is never overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others may read it, and so sign in the agent's name.
    #[error("{} may be read by others (mode {mode:04o}): chmod 0600 {}", path.display(), path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is no key.
    #[error(
        "{} is no Ed25519 key in PKCS#8: put it back from a backup, or move it away and `highwater activate --again`",
        path.display()
    )]
    Garbled {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing to make a key from.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

impl IdentityError {
    /// Whether someone without the right tried to read or write it.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        match self {
            IdentityError::Io { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            IdentityError::Open { .. } => true,
            _ => false,
        }
    }
}

/// The agent's identity. Its secret is wiped when it is dropped, and never shown.
pub struct Identity {
    key: sign::Identity,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.key.fmt(f)
    }
}

impl Identity {
    /// The identity of a secret seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; KEY_BYTES]) -> Self {
        Identity { key: sign::Identity::from_seed(seed) }
    }

    /// The identity in a state directory; `None` where none was made yet.
    ///
    /// # Errors
    /// When it can't be read, others may read it, or it is no key.
    pub fn load(state_dir: &Path) -> Result<Option<Self>, IdentityError> {
        let path = state_dir.join(FILE_NAME);
        let failed = |source| IdentityError::Io { path: path.clone(), source };
        let Some(pem) = private_file::read(&path, FILE_MAX_BYTES)
            .map(|pem| pem.map(Zeroizing::new))
            .map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge => {
                    IdentityError::Garbled { path: path.clone() }
                }
                _ => failed(error),
            })?
        else {
            return Ok(None);
        };
        let mode = path.metadata().map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(IdentityError::Open { path, mode });
        }
        match seed(&pem) {
            Some(seed) => Ok(Some(Identity::from_seed(&seed))),
            None => Err(IdentityError::Garbled { path }),
        }
    }

    /// Makes an identity in a state directory.
    ///
    /// # Errors
    /// When there is one already, the file can't be written, or there are no random bytes.
    pub fn create(state_dir: &Path) -> Result<Self, IdentityError> {
        let path = state_dir.join(FILE_NAME);
        let mut seed = Zeroizing::new([0; KEY_BYTES]);
        random::fill(&mut seed[..])?;
        match private_file::create(&path, pem(&seed).as_bytes()) {
            Ok(()) => Ok(Identity::from_seed(&seed)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(IdentityError::Exists { path }),
            Err(source) => Err(IdentityError::Io { path, source }),
        }
    }

    /// The identity in a state directory, made where there is none.
    ///
    /// # Errors
    /// When it can't be read or made.
    pub fn load_or_create(state_dir: &Path) -> Result<Self, IdentityError> {
        if let Some(identity) = Identity::load(state_dir)? {
            return Ok(identity);
        }
        match Identity::create(state_dir) {
            // Another process was quicker: its identity is as good.
            Err(exists @ IdentityError::Exists { .. }) => Identity::load(state_dir)?.ok_or(exists),
            result => result,
        }
    }

    /// What signs.
    #[must_use]
    pub fn key(&self) -> &sign::Identity {
        &self.key
    }

    /// The public half of the key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.key.public()
    }
}

/// A key as PEM, as other tools read it.
fn pem(seed: &[u8; KEY_BYTES]) -> Zeroizing<String> {
    let der = Zeroizing::new([&PKCS8_HEAD[..], &seed[..]].concat());
    let body = Zeroizing::new(STANDARD.encode(&*der));
    Zeroizing::new(format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", body.as_str()))
}

/// The seed of a key as PEM.
fn seed(pem: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let body = pem.trim().strip_prefix(PEM_BEGIN)?.strip_suffix(PEM_END)?;
    let body = Zeroizing::new(body.split_ascii_whitespace().collect::<String>());
    let der = Zeroizing::new(STANDARD.decode(body.as_bytes()).ok()?);
    let bytes = der.strip_prefix(&PKCS8_HEAD[..])?;
    let mut seed = Zeroizing::new([0; KEY_BYTES]);
    if bytes.len() != KEY_BYTES {
        return None;
    }
    seed.copy_from_slice(bytes);
    Some(seed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::Command;

    #[test]
    fn an_identity_is_made_once_and_read_again() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Identity::load(dir.path()).unwrap().is_none());
        let made = Identity::create(dir.path()).unwrap();
        let again = Identity::load(dir.path()).unwrap().unwrap();
        assert_eq!(made.public(), again.public());
        assert!(matches!(Identity::create(dir.path()), Err(IdentityError::Exists { .. })));
        assert_eq!(Identity::load_or_create(dir.path()).unwrap().public(), made.public());
        let path = dir.path().join(FILE_NAME);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        let other = tempfile::tempdir().unwrap();
        let other = Identity::load_or_create(other.path()).unwrap();
        assert_ne!(other.public(), made.public());
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_its_mend() {
        let dir = tempfile::tempdir().unwrap();
        Identity::create(dir.path()).unwrap();
        let path = dir.path().join(FILE_NAME);
        for mode in [0o640, 0o604] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = Identity::load(dir.path()).unwrap_err();
            assert!(error.is_permission());
            assert!(error.to_string().contains("chmod 0600"), "{error}");
        }
    }

    #[test]
    fn what_is_no_key_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        let good = pem(&[7; KEY_BYTES]).to_string();
        assert_eq!(*seed(&good).unwrap(), [7; KEY_BYTES]);
        assert_eq!(*seed(&good.replace('\n', "\r\n")).unwrap(), [7; KEY_BYTES]);
        let one_line = good.lines().collect::<String>();
        assert!(seed(&one_line).is_some());
        for bad in
            ["".to_owned(), "x".repeat(5000), good.replace("MC4", "MC5"), good.replace("PRIVATE", "PUBLIC")]
        {
            fs::write(&path, bad).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = Identity::load(dir.path()).unwrap_err();
            assert!(matches!(error, IdentityError::Garbled { .. }), "{error}");
            assert!(error.to_string().contains(path.to_str().unwrap()));
        }
    }

    #[test]
    fn openssl_reads_the_key_as_we_do() {
        let dir = tempfile::tempdir().unwrap();
        let made = Identity::create(dir.path()).unwrap();
        let path = dir.path().join(FILE_NAME);
        let asked =
            Command::new("openssl").args(["pkey", "-pubout", "-outform", "DER", "-in"]).arg(&path).output();
        let Ok(asked) = asked else {
            eprintln!("skipped: openssl is not installed");
            return;
        };
        assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
        assert!(asked.stdout.ends_with(&made.public().bytes()));
        assert_eq!(asked.stdout.len(), 12 + KEY_BYTES);
    }

    #[test]
    fn nothing_of_the_secret_is_shown() {
        let identity = Identity::from_seed(&[7; KEY_BYTES]);
        assert_eq!(format!("{identity:?}"), format!("Identity({})", identity.key().id().hex()));
    }
}
