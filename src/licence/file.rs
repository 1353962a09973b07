//! Reads one file with a licence in it.

use crate::files::{is_absent, read_bounded};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use highwater_rules::licence::{self, Claims, Holder, LicenceError, TOKEN_MAX_BYTES};
use highwater_rules::sign::PublicKey;
use std::io;
use std::path::{Path, PathBuf};

/// What an editor or a carrier may have put around a licence, in bytes.
const AROUND_MAX_BYTES: usize = 64;

/// Why a file holds no licence that counts.
#[derive(Debug, thiserror::Error)]
pub enum LicenceFileError {
    /// There is no such file.
    #[error("{}: there is no such file: put the licence there, or name where it is", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing in it.
    #[error("{} is empty: put the licence there as it was given", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It can't be read.
    #[error("{} can't be read: {source}: let the agent's user read it", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is longer than any licence, or no text.
    #[error("{} holds no licence: {source}; put the licence there as it was given, and nothing else", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What it holds is not believed, or someone else's.
    #[error("{}: {source}", path.display())]
    Licence {
        /// The file.
        path: PathBuf,
        /// Why.
        source: LicenceError,
    },
}

impl LicenceFileError {
    /// Whether no licence was ever put there.
    #[must_use]
    pub const fn is_nothing_yet(&self) -> bool {
        matches!(self, LicenceFileError::Missing { .. } | LicenceFileError::Empty { .. })
    }

    /// Whether someone without the right tried to read it.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(self, LicenceFileError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// The text of a file, without what is blank around it. It is at most as long as a licence and a little more.
///
/// # Errors
/// When there is none, or it can't be read, or is too long.
pub fn read_text(path: &Path) -> Result<String, LicenceFileError> {
    let path_of = || path.to_owned();
    match read_bounded(path, TOKEN_MAX_BYTES + AROUND_MAX_BYTES) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) if is_absent(&error) => Err(LicenceFileError::Missing { path: path_of() }),
        Err(source) if matches!(source.kind(), io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge) => {
            Err(LicenceFileError::Form { path: path_of(), source })
        }
        Err(source) => Err(LicenceFileError::Io { path: path_of(), source }),
    }
}

/// The holder's licence in a file, and its text.
pub(super) fn read(
    path: &Path,
    keys: &[&PublicKey],
    holder: &Holder<'_>,
) -> Result<(Claims, String), LicenceFileError> {
    let token = read_text(path)?;
    if token.is_empty() {
        return Err(LicenceFileError::Empty { path: path.to_owned() });
    }
    let claims = licence::read(&token, keys).and_then(|claims| claims.is_for(holder).map(|()| claims));
    match claims {
        Ok(claims) => Ok((claims, token)),
        Err(source) => Err(LicenceFileError::Licence { path: path.to_owned(), source }),
    }
}

/// What a licence says of itself, where nobody's key is known to hold it to: nothing of it is proven.
#[must_use]
pub fn unverified(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1).filter(|_| token.len() <= TOKEN_MAX_BYTES)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
