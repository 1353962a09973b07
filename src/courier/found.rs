//! The files that are meant.

use super::CourierError;
use highwater_rules::bundle::EXTENSION;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
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

/// The files of these names: of a directory all that end in `.hwb`, by name, but for the ones that this round writes itself. A file that
/// is meant twice is there once.
///
/// # Errors
/// When a directory can't be read, there is no file, there are too many, or the answer would be put in the place of one.
pub fn find(names: &[PathBuf], back: &Path) -> Result<Vec<Found>, CourierError> {
    let mut found = Vec::new();
    for name in names {
        if !name.is_dir() {
            if is_same(name, back) {
                return Err(CourierError::Own(name.clone()));
            }
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
    let found = once(found);
    if found.is_empty() { Err(CourierError::Nothing) } else { Ok(found) }
}

/// Each file at its first place; it counts as named where any of its names is.
fn once(found: Vec<Found>) -> Vec<Found> {
    let mut places: HashMap<PathBuf, usize> = HashMap::new();
    let mut once: Vec<Found> = Vec::with_capacity(found.len());
    for one in found {
        let real = one.path.canonicalize().unwrap_or_else(|_| one.path.clone());
        match places.entry(real) {
            Entry::Occupied(place) => {
                if let Some(first) = once.get_mut(*place.get()) {
                    first.named |= one.named;
                }
            }
            Entry::Vacant(place) => {
                place.insert(once.len());
                once.push(one);
            }
        }
    }
    once
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other
        || one.canonicalize().ok().is_some_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_meant_twice_is_there_once_and_is_never_where_the_answer_goes() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["a.hwb", "b.hwb"] {
            std::fs::write(at(name), "").unwrap();
        }
        std::os::unix::fs::symlink("a.hwb", at("link.hwb")).unwrap();
        let find = |names: &[&str], back: &str| {
            find(&names.iter().map(|name| at(name)).collect::<Vec<_>>(), &at(back))
        };
        let found = find(&[".", "b.hwb", "./a.hwb", "missing.hwb"], "back.hwb").unwrap();
        let told: Vec<(PathBuf, bool)> = found.into_iter().map(|one| (one.path, one.named)).collect();
        let first = at(".");
        assert_eq!(
            told,
            [(first.join("a.hwb"), true), (first.join("b.hwb"), true), (at("missing.hwb"), true)]
        );
        for (named, back) in [("a.hwb", "a.hwb"), ("a.hwb", "./a.hwb"), ("link.hwb", "a.hwb"), ("new", "new")]
        {
            assert!(matches!(find(&[named], back), Err(CourierError::Own(_))), "{named} {back}");
        }
        // In a directory it is what an earlier round has brought back.
        assert_eq!(find(&["."], "a.hwb").unwrap().len(), 1);
    }
}
