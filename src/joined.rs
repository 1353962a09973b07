//! What an activation left, read again: central and the instance's key.

use crate::config::{self, Transport};
use crate::keeper::{Keeper, Trust};
use crate::ledger::{Ledger, LedgerError};
use crate::uplink::{Enrolment, EnrolmentError, Identity, IdentityError, enrolment, identity};
use highwater_proto::v1::Envelope;
use highwater_rules::record::Mark;
use highwater_rules::sign::PublicKey;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Central and the instance's key, once it is activated.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) identity: Arc<Identity>,
    pub(crate) enrolment: Enrolment,
}

impl Joined {
    /// The same with central's new key pinned, to which `successions` lead, and kept; `None` where it is the pinned one.
    ///
    /// # Errors
    /// When they do not lead there, or it can't be kept.
    pub(crate) fn pinned(
        &self,
        key: &PublicKey,
        successions: &[Envelope],
        state_dir: &Path,
    ) -> Result<Option<Joined>, EnrolmentError> {
        if key == self.enrolment.pinned() {
            return Ok(None);
        }
        let enrolment = self.enrolment.with_pinned(key, successions)?;
        enrolment.store(state_dir)?;
        Ok(Some(Joined { identity: self.identity.clone(), enrolment }))
    }
}

/// Why what activation left can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JoinError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
    /// There is an activation, but not the key that it is for.
    #[error("{} is there, but identity.key beside it is gone: put it back, or `highwater activate --again`", path.display())]
    NoKey { path: PathBuf },
}

impl JoinError {
    /// Whether someone without the right tried to read it.
    pub(crate) fn is_permission(&self) -> bool {
        match self {
            JoinError::Identity(error) => error.is_permission(),
            JoinError::Enrolment(error) => error.is_permission(),
            JoinError::NoKey { .. } => false,
        }
    }
}

/// What activation left in a state directory; `None` where it was never activated.
///
/// # Errors
/// When it can't be used.
pub(crate) fn joined(state_dir: &Path, instance: &str) -> Result<Option<Joined>, JoinError> {
    let path = state_dir.join(enrolment::FILE_NAME);
    let Some(identity) = Identity::load(state_dir)? else {
        // Before the first activation neither is there.
        return if path.exists() { Err(JoinError::NoKey { path }) } else { Ok(None) };
    };
    let enrolment = Enrolment::load(state_dir, &identity.public(), instance)?;
    Ok(enrolment.map(|enrolment| Joined { identity: Arc::new(identity), enrolment }))
}

/// Whether reports are carried by hand: as the configuration has it, or the contract. Then no connection is ever opened.
pub(crate) fn is_air_gapped(config: &config::Uplink, enrolment: Option<&Enrolment>) -> bool {
    config.transport == Transport::AirGap || enrolment.is_some_and(Enrolment::is_offline)
}

/// Which state of the files that activation leaves was looked at.
pub(crate) type FileMark = [Option<(u64, i64, i64)>; 2];

pub(crate) fn file_mark(state_dir: &Path) -> FileMark {
    // A change of permissions is one, too.
    [enrolment::FILE_NAME, identity::FILE_NAME].map(|name| {
        let meta = state_dir.join(name).metadata().ok()?;
        Some((meta.ino(), meta.ctime(), meta.ctime_nsec()))
    })
}

/// Central's keys, the pinned one first, as far as activation left any that are believed: also where the identity key can't be used.
pub(crate) fn central_keys(joined: Option<&Joined>, state_dir: &Path, instance: &str) -> Vec<PublicKey> {
    let of = |enrolment: &Enrolment| enrolment.keys().cloned().collect();
    match joined {
        Some(joined) => of(&joined.enrolment),
        None => Enrolment::evidence(state_dir, instance).as_ref().map(of).unwrap_or_default(),
    }
}

/// The grace period as it was kept, held to the key and the grant that activation left. Where one of the two can't be used, to the
/// other: a file of the wrong mode is no reason for an outage, and one that is gone opens no gate.
///
/// # Errors
/// When the ledger can't be read.
pub(crate) fn load_keeper(
    ledger: &Ledger,
    state_dir: &Path,
    joined: Option<&Joined>,
    now: &Mark,
) -> Result<Keeper, LedgerError> {
    let of = |enrolment: &Enrolment| (enrolment.grant().clone(), enrolment.pinned().clone());
    let trust = match joined {
        Some(joined) => Trust { key: Some(joined.identity.public()), grant: Some(of(&joined.enrolment)) },
        None => {
            let evidence = Enrolment::evidence(state_dir, ledger.instance());
            let own = Identity::load(state_dir).ok().flatten().map(|identity| identity.public());
            let granted = evidence.as_ref().and_then(|e| PublicKey::from_slice(&e.grant().public_key));
            // Of two keys that differ, the one that central granted sealed it.
            Trust { key: granted.or(own), grant: evidence.as_ref().map(of) }
        }
    };
    Keeper::load(ledger, &trust, now)
}
