//! An activation that was carried out by hand, and whose answer is awaited: `STATE_DIR/activation.pending.json`.

use super::activate::Awaited;
use super::private_file;
use super::push::NONCE_BYTES;
use crate::config::CentralUrl;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use highwater_rules::chain::Digest;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// The file in the state directory.
pub const FILE_NAME: &str = "activation.pending.json";
/// The longest file that is looked at: certificates of at most 1 MiB, and the rest.
const FILE_MAX_BYTES: usize = 2 << 20;

/// Why what is awaited is not known, or can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum PendingError {
    /// The file can't be read, written or removed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("{} is garbled: {what}; `highwater activate --export FILE` makes it anew", path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl PendingError {
    /// Whether someone without the right tried to read or write it.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(self, PendingError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// The file's form. Bytes are in base64. The token's secret is not in it.
#[derive(Debug, Serialize, Deserialize)]
struct Wire {
    instance: String,
    nonce: String,
    fingerprint: String,
    central: Option<String>,
    ca: Option<String>,
}

/// What is awaited in a state directory; `None` where nothing is.
///
/// # Errors
/// When the file can't be read, or is not what was written.
pub fn load(state_dir: &Path) -> Result<Option<Awaited>, PendingError> {
    let path = state_dir.join(FILE_NAME);
    let garbled = |what: String| PendingError::Garbled { path: path.clone(), what };
    let text = match private_file::read(&path, FILE_MAX_BYTES) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(None),
        Err(source) => return Err(PendingError::Io { path, source }),
    };
    let wire: Wire = serde_json::from_str(&text).map_err(|e| garbled(e.to_string()))?;
    let bytes = |name: &str, text: &str| STANDARD.decode(text).map_err(|e| garbled(format!("{name}: {e}")));
    let central = wire.central.as_deref().map(CentralUrl::parse).transpose();
    let nonce: [u8; NONCE_BYTES] =
        bytes("nonce", &wire.nonce)?.try_into().map_err(|_| garbled("nonce: not 16 bytes".to_owned()))?;
    let fingerprint = bytes("fingerprint", &wire.fingerprint)?
        .try_into()
        .map_err(|_| garbled("fingerprint: not 32 bytes".to_owned()))?;
    Ok(Some(Awaited {
        nonce,
        fingerprint: Digest(fingerprint),
        instance: wire.instance,
        central: central.map_err(|no| garbled(no.message))?,
        ca_pem: wire.ca,
    }))
}

/// Keeps what is awaited, in place of what was before.
///
/// # Errors
/// When the file can't be written.
pub fn store(state_dir: &Path, awaited: &Awaited) -> Result<(), PendingError> {
    let path = state_dir.join(FILE_NAME);
    let failed = |source| PendingError::Io { path: path.clone(), source };
    let wire = Wire {
        instance: awaited.instance.clone(),
        nonce: STANDARD.encode(awaited.nonce),
        fingerprint: STANDARD.encode(awaited.fingerprint.0),
        central: awaited.central.as_ref().map(ToString::to_string),
        ca: awaited.ca_pem.clone(),
    };
    let text = serde_json::to_string_pretty(&wire).map_err(|e| failed(io::Error::other(e)))?;
    private_file::replace(&path, format!("{text}\n").as_bytes()).map_err(failed)
}

/// Forgets what was awaited, once it is here.
///
/// # Errors
/// When the file can't be removed.
pub fn remove(state_dir: &Path) -> Result<(), PendingError> {
    let path = state_dir.join(FILE_NAME);
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(PendingError::Io { path, source }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_awaited_is_kept_until_it_is_here() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()).unwrap(), None);
        remove(dir.path()).unwrap();
        for central in [None, Some(CentralUrl::parse("https://c.example.com/hub").unwrap())] {
            let awaited = Awaited {
                nonce: [7; NONCE_BYTES],
                fingerprint: Digest([9; 32]),
                instance: "0f8fad5b-d9cb-469f-a165-70867728950e".to_owned(),
                central,
                ca_pem: None,
            };
            store(dir.path(), &awaited).unwrap();
            assert_eq!(load(dir.path()).unwrap(), Some(awaited));
        }
        let path = dir.path().join(FILE_NAME);
        for text in ["", "{}", "{\"instance\":\"i\",\"nonce\":\"AA==\",\"fingerprint\":\"AA==\"}"] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(load(dir.path()), Err(PendingError::Garbled { .. })), "{text}");
        }
        remove(dir.path()).unwrap();
        assert_eq!(load(dir.path()).unwrap(), None);
    }
}
