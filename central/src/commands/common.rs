//! What all commands share: where the data is, who types, and how an answer is printed.

use super::{Failure, exit};
use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::model::By;
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use clap::Args;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct Common {
    /// Where the database, keys and certificates are kept [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/highwater-central, else
    /// ~/.local/state/highwater-central]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// A PostgreSQL database in place of the SQLite file in the data directory
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
}

/// What a command works with.
pub(super) struct Tools {
    /// Where things are kept.
    pub(super) store: Arc<dyn Store>,
    /// The data directory.
    pub(super) dir: DataDir,
    /// Who types this, now.
    pub(super) by: By,
}

impl Common {
    /// The data directory, whether it is there or not.
    pub(super) fn dir(&self) -> Result<DataDir, Failure> {
        if self.database_url.is_some() {
            let message = "--database-url: this highwater-central is built without PostgreSQL: leave it out, and a SQLite file in the \
                           data directory is used";
            return Err(Failure::new(exit::CONFIG, message));
        }
        DataDir::find(self.data_dir.clone()).map_err(|e| Failure::new(exit::CONFIG, e.to_string()))
    }

    /// Does a command on the data directory of a server that was started once.
    pub(super) fn with<T>(&self, work: impl AsyncFnOnce(&Tools) -> Result<T, Failure>) -> Result<T, Failure> {
        let dir = self.dir()?;
        if !dir.database().exists() {
            let message = format!(
                "there is no database in {}: start central once with `highwater-central serve`, or name its --data-dir \
                 (the packaged service's is /var/lib/highwater-central)",
                dir.path().display()
            );
            return Err(Failure::new(exit::CONFIG, message));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&dir.database())?);
            work(&Tools { store, dir, by: typist() }).await
        })
    }
}

/// Who types: `cli:USER`.
pub(super) fn typist() -> By {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    let name = user.map_or_else(|| nix::unistd::getuid().to_string(), |user| user.name);
    By { who: format!("cli:{name}"), at: Clock.now_s() }
}

/// Writes to standard output; a reader that has gone away (`| head`) is no error.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Prints a JSON document on one line.
pub(super) fn print_json(value: &serde_json::Value) -> io::Result<()> {
    print(&format!("{value}\n"))
}

/// A table with aligned columns.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|title| title.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(&mut head.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// Text of others on a terminal: control characters would be commands to it.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Names and their values, aligned, a line each.
pub(super) fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line =
        |(name, value): &(&str, String)| format!("{}\n", format!("{name:<width$}  {value}").trim_end());
    pairs.iter().map(line).collect()
}
