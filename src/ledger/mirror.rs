//! `instance.json`, beside the ledger: who the instance is and how far it has come, for a ledger that is damaged, removed or put back
//! to an older state.

use super::LedgerError;
use super::kept::Kept;
use crate::files;
use highwater_rules::chain::Digest;
use highwater_rules::report::is_uuid;
use highwater_rules::sign::hex;
use serde_json::{Value, json};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

const FILE_NAME: &str = "instance.json";
const FILE_MAX_BYTES: usize = 16 * 1024;

/// What outlives the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mirror {
    pub(super) instance: String,
    pub(super) first_start: i64,
    pub(super) salt: [u8; 16],
    /// The number of the report made last.
    pub(super) sequence: i64,
    pub(super) report_digest: Option<Digest>,
    pub(super) kept: Option<Kept>,
}

impl Mirror {
    fn path(ledger: &Path) -> PathBuf {
        ledger.with_file_name(FILE_NAME)
    }

    /// What stands beside a ledger; `None` where nothing does, or nonsense.
    ///
    /// # Errors
    /// When it is there and can't be read: it may say who the instance is, and how much of its grace is used up.
    pub(super) fn load(ledger: &Path) -> Result<Option<Self>, LedgerError> {
        let path = Self::path(ledger);
        match files::read_bounded(&path, FILE_MAX_BYTES) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if files::is_absent(&error) => Ok(None),
            // Too long, or no text: no agent wrote it.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::FileTooLarge) => {
                Ok(None)
            }
            Err(source) => Err(LedgerError::Beside { path, source }),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        let instance = text("instance").filter(|id| is_uuid(id))?;
        let kept = text("timeline").map(|timeline| Kept {
            timeline,
            seal: text("seal").and_then(|seal| unhex(&seal)).unwrap_or_default(),
        });
        Some(Mirror {
            instance,
            first_start: value.get("first_start")?.as_i64()?,
            salt: unhex(&text("salt")?)?.try_into().ok()?,
            sequence: value.get("sequence")?.as_i64().filter(|n| *n >= 0)?,
            report_digest: text("report_digest")
                .and_then(|d| unhex(&d))
                .and_then(|d| d.try_into().ok())
                .map(Digest),
            kept,
        })
    }

    /// Puts it beside a ledger: whole, or not at all.
    pub(super) fn store(&self, ledger: &Path, unique: i64) -> Result<(), LedgerError> {
        let path = Self::path(ledger);
        let text = json!({
            "instance": self.instance,
            "first_start": self.first_start,
            "salt": hex(&self.salt),
            "sequence": self.sequence,
            "report_digest": self.report_digest.map(|d| d.hex()),
            "timeline": self.kept.as_ref().map(|k| k.timeline.as_str()),
            "seal": self.kept.as_ref().map(|k| hex(&k.seal)),
        });
        let aside = path.with_extension(format!("json.{unique}"));
        let write = || -> std::io::Result<()> {
            let mut file = files::create_anew(&aside, 0o600)?;
            file.write_all(format!("{text}\n").as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&aside, &path)
        };
        write().map_err(|source| {
            // The half-written file is of no use; where it can't be removed, the next one takes its place.
            let _ = std::fs::remove_file(&aside);
            LedgerError::io(&path, source)
        })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| (*b as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_loaded_and_nonsense_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = dir.path().join("ledger.db");
        let mirror = Mirror {
            instance: "0f8fad5b-d9cb-469f-a165-70867728950e".to_owned(),
            first_start: 5,
            salt: [7; 16],
            sequence: 3,
            report_digest: Some(Digest([9; 32])),
            kept: Some(Kept { timeline: "{}".to_owned(), seal: vec![1, 255] }),
        };
        assert_eq!(Mirror::load(&ledger).unwrap(), None);
        mirror.store(&ledger, 1).unwrap();
        assert_eq!(Mirror::load(&ledger).unwrap(), Some(mirror));
        for nonsense in ["", "{", "[]", "{\"instance\":\"x\"}"] {
            std::fs::write(dir.path().join(FILE_NAME), nonsense).unwrap();
            assert_eq!(Mirror::load(&ledger).unwrap(), None);
        }
    }

    #[test]
    fn what_is_there_and_cannot_be_read_is_not_taken_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = dir.path().join("ledger.db");
        std::fs::create_dir(dir.path().join(FILE_NAME)).unwrap();
        let error = Mirror::load(&ledger).unwrap_err().to_string();
        assert!(error.contains("instance.json is there, but can't be read: "), "{error}");
        assert!(error.contains("chown --reference="), "{error}");
    }
}
