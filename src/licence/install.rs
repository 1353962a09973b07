//! Puts a licence in the place of an older one.

use super::{FILE_NAME, file};
use crate::uplink::private_file;
use highwater_rules::licence::{self, Claims, Holder, LicenceError, Status};
use highwater_rules::sign::PublicKey;
use std::io;
use std::path::{Path, PathBuf};

/// What became of a licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Installed {
    /// It is the one in the state directory now.
    Newer(Claims),
    /// It is there already: nothing was changed.
    Same(Claims),
    /// There is a newer one, or it was issued before a revocation that is known: nothing was changed.
    Older(Claims),
}

/// Why a licence was not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// It is not believed, or someone else's.
    #[error(transparent)]
    Licence(#[from] LicenceError),
    /// The file can't be written.
    #[error("{} can't be written: {source}: do it as the agent's user or as root, and see that the disk is not full", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl InstallError {
    /// Whether someone without the right tried to write it.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(self, InstallError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// Puts a licence into the state directory, where it is believed, the holder's, and newer than the one that is there. `keys` are
/// central's, the pinned one first. `revoked_at` is the moment of the last revocation that is known (unix seconds): what gives a
/// right and was issued up to then counts no more. The operator's own file is not looked at.
///
/// # Errors
/// When it is not believed or someone else's, or can't be written.
pub fn install(
    state_dir: &Path,
    token: &str,
    keys: &[&PublicKey],
    holder: &Holder<'_>,
    revoked_at: Option<i64>,
) -> Result<Installed, InstallError> {
    let token = token.trim();
    let claims = licence::read(token, keys)?;
    claims.is_for(holder)?;
    let path = state_dir.join(FILE_NAME);
    // One that can't be believed any more is in nobody's way.
    if let Ok((there, _)) = file::read(&path, keys, holder) {
        if there == claims {
            return Ok(Installed::Same(claims));
        }
        if !claims.replaces(&there) {
            return Ok(Installed::Older(claims));
        }
    }
    if claims.status == Status::Active && revoked_at.is_some_and(|at| claims.issued_at <= at) {
        return Ok(Installed::Older(claims));
    }
    private_file::replace(&path, format!("{token}\n").as_bytes())
        .map_err(|source| InstallError::Io { path, source })?;
    Ok(Installed::Newer(claims))
}
