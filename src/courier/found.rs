//! The files that are meant.

use super::CourierError;
use highwater_rules::bundle::EXTENSION;
use std::path::{Path, PathBuf};

/// The most files in one round.
const FILES_MAX: usize = 100_000;

/// A file that is to be carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// It was named itself; else it lies in a directory that was named.
    pub named: bool,
}

/// The files of these names: of a directory all that end in `.hwb`, by name, but for the ones that this round writes itself.
///
/// # Errors
/// When a directory can't be read, there is no file, or there are too many.
pub fn find(names: &[PathBuf], back: &Path) -> Result<Vec<Found>, CourierError> {
    let mut found = Vec::new();
    for name in names {
        if !name.is_dir() {
            found.push(Found { path: name.clone(), named: true });
        } else {
            let mut inside = Vec::new();
            let unread = |source| CourierError::io(name, "read", source);
            for entry in name.read_dir().map_err(unread)? {
                let path = entry.map_err(unread)?.path();
                if path.extension().is_some_and(|e| e == EXTENSION) && path.is_file() && !is_same(&path, back)
                {
                    inside.push(Found { path, named: false });
                }
                if inside.len() > FILES_MAX {
                    return Err(CourierError::TooMany(FILES_MAX));
                }
            }
            inside.sort_by(|one, other| one.path.cmp(&other.path));
            found.extend(inside);
        }
        if found.len() > FILES_MAX {
            return Err(CourierError::TooMany(FILES_MAX));
        }
    }
    if found.is_empty() { Err(CourierError::Nothing) } else { Ok(found) }
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other
        || one.canonicalize().ok().is_some_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}
