//! The directory where everything of central's is kept.

use crate::files::{self, FilesError, Readable};
use crate::store::sqlite::FILE_NAME;
use std::path::{Path, PathBuf};

const URL_MAX_BYTES: u64 = 4096;

/// There is no place for the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no home directory to keep data in: name a place with --data-dir")]
pub struct NoPlace;

/// The data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The directory at a path.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        DataDir(path)
    }

    /// The directory that is named, else that of the service manager or of the user: as an absolute path.
    ///
    /// # Errors
    /// When nothing names a place.
    pub fn find(named: Option<PathBuf>) -> Result<Self, NoPlace> {
        let path = named.or_else(|| env("STATE_DIRECTORY")).or_else(of_user);
        // What is told of it is read in other directories, too.
        path.map(|path| DataDir(std::path::absolute(&path).unwrap_or(path))).ok_or(NoPlace)
    }

    /// What a command has to be given to find it from any shell of this user's: nothing, or a flag with a blank before it. What the
    /// service manager says is not counted on, as it says so to the service alone.
    #[must_use]
    pub fn flag(&self) -> String {
        self.flag_beside(of_user().as_deref())
    }

    fn flag_beside(&self, default: Option<&Path>) -> String {
        if default == Some(self.path()) {
            return String::new();
        }
        let path = self.0.display().to_string();
        let plain = path.chars().all(|c| c.is_alphanumeric() || "/._-+:@%".contains(c));
        let path = if plain { path } else { format!("'{}'", path.replace('\'', "'\\''")) };
        format!(" --data-dir {path}")
    }

    /// Makes it, where it is not there.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn make(&self) -> Result<(), FilesError> {
        files::make_private_dir(&self.0)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join(FILE_NAME)
    }

    /// The certificate of the self-made authority: what agents are given as `--ca-file`.
    #[must_use]
    pub fn ca_cert(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    /// The authority's key.
    #[must_use]
    pub fn ca_key(&self) -> PathBuf {
        self.0.join("ca-key.pem")
    }

    /// The server's certificate.
    #[must_use]
    pub fn server_cert(&self) -> PathBuf {
        self.0.join("server.pem")
    }

    /// The server's key.
    #[must_use]
    pub fn server_key(&self) -> PathBuf {
        self.0.join("server-key.pem")
    }

    /// What the server's certificate is for, and until when.
    #[must_use]
    pub fn server_facts(&self) -> PathBuf {
        self.0.join("server.json")
    }

    fn url_file(&self) -> PathBuf {
        self.0.join("url")
    }

    /// How agents reach the server that was started last; `None` where none was.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn public_url(&self) -> Result<Option<String>, FilesError> {
        match files::read_bounded(&self.url_file(), URL_MAX_BYTES) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned())),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps how agents reach this server, for the commands that tell it.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn keep_public_url(&self, url: &str) -> Result<(), FilesError> {
        files::write_whole(&self.url_file(), format!("{url}\n").as_bytes(), Readable::All)
    }
}

fn env(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Where a user's data are who names no place.
fn of_user() -> Option<PathBuf> {
    let own = env("XDG_STATE_HOME").map(|home| home.join("highwater-central"));
    own.or_else(|| env("HOME").map(|home| home.join(".local/state/highwater-central")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dir: &str, default: Option<&str>, expect: &str) {
        assert_eq!(DataDir::new(dir.into()).flag_beside(default.map(Path::new)), expect);
    }

    #[test]
    fn the_flag_is_there_but_for_the_users_own_place_and_no_shell_takes_it_for_more() {
        check("/home/a/.local/state/highwater-central", Some("/home/a/.local/state/highwater-central"), "");
        check("/var/lib/highwater-central", Some("/root/x"), " --data-dir /var/lib/highwater-central");
        check("/var/lib/highwater-central", None, " --data-dir /var/lib/highwater-central");
        check("/srv/it's $HOME", None, " --data-dir '/srv/it'\\''s $HOME'");
    }
}
