//! The licence's files: the agent's own in the state directory, and one that the operator may have named.
//!
//! ```text
//! STATE_DIR/licence.jwt, licence.file -> file -> load -> the one that counts, and what is wrong with the others
//! central, an operator, a bundle ------------> install -> STATE_DIR/licence.jwt
//! ```
//!
//! The operator's file is read only: nothing here writes to it. What a licence says and when it holds is for the rules.

mod file;
mod install;

pub use file::{LicenceFileError, read_text, unverified};
pub use install::{InstallError, Installed, install};

use highwater_rules::licence::{Claims, Holder};
use highwater_rules::sign::PublicKey;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The agent's file in the state directory.
pub const FILE_NAME: &str = "licence.jwt";

/// Which file a licence was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The agent's own, `STATE_DIR/licence.jwt`: it renews it.
    Agent,
    /// The operator's, `licence.file`: nobody but the operator changes it.
    Operator,
}

impl Origin {
    /// The name that JSON and the log use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Origin::Agent => "agent",
            Origin::Operator => "operator",
        }
    }
}

/// What the files hold.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The licence that counts, where it came from, and its text.
    pub licence: Option<(Claims, Origin, String)>,
    /// Why a file does not count, where one is there or was named.
    pub problems: Vec<LicenceFileError>,
}

impl Loaded {
    /// What the licence says.
    #[must_use]
    pub fn claims(&self) -> Option<&Claims> {
        self.licence.as_ref().map(|(claims, ..)| claims)
    }

    /// Forgets that a file is missing or empty. In a cluster the operator's file is a Secret's, which is there before the first licence.
    pub(crate) fn forgive_nothing_yet(&mut self) {
        self.problems.retain(|problem| !problem.is_nothing_yet());
    }
}

/// Reads both files. Of two licences, the one that takes the other's place counts. `keys` are central's, the pinned one first;
/// `holder` is the instance. Dates are not looked at.
#[must_use]
pub fn load(state_dir: &Path, operators: Option<&Path>, keys: &[&PublicKey], holder: &Holder<'_>) -> Loaded {
    let mut loaded = Loaded::default();
    let own = state_dir.join(FILE_NAME);
    let files = [(Some(own.as_path()), Origin::Agent), (operators, Origin::Operator)];
    for (path, origin) in files.into_iter().filter_map(|(path, origin)| Some((path?, origin))) {
        match file::read(path, keys, holder) {
            Ok((claims, token)) => {
                if loaded.claims().is_none_or(|counts| claims.replaces(counts)) {
                    loaded.licence = Some((claims, origin, token));
                }
            }
            // Before the first licence the agent has none.
            Err(LicenceFileError::Missing { .. }) if origin == Origin::Agent => {}
            Err(problem) => loaded.problems.push(problem),
        }
    }
    loaded
}

/// Which state of both files was looked at: it is another once one of them changed, came or went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark([Option<(u64, i64, i64)>; 2], Option<PathBuf>);

/// Looks at both files without reading them.
#[must_use]
pub fn mark(state_dir: &Path, operators: Option<&Path>) -> Mark {
    let own = state_dir.join(FILE_NAME);
    let of = |path: &Path| {
        // A change of permissions is one, too.
        let meta = path.metadata().ok()?;
        Some((meta.ino(), meta.ctime(), meta.ctime_nsec()))
    };
    Mark([of(&own), operators.and_then(of)], operators.map(Path::to_owned))
}

#[cfg(test)]
mod tests;
