//! TLS sessions as a server's access log tells of them: the log is followed over rotations and over restarts of the agent.

mod anew;
mod beside;
mod follow;
mod history;
pub mod line;
mod note;
mod place;
mod search;
pub mod tally;

use crate::config::LogRule;
use crate::files::Root;
use crate::sources::{Readout, SourceError};
use follow::Following;
use highwater_rules::figure::{Figure, Observation};
use highwater_rules::meter::{Meter, Series};
use highwater_rules::record::Counters;
use note::Note;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tally::{Tally, fingerprint};

/// How long a reading may take: some millions of lines, where the slot is long enough.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// The source of `ssl_tps` at one access log.
#[derive(Debug)]
pub struct AccessLog {
    name: String,
    path: PathBuf,
    rule: LogRule,
    /// A number for this log and this rule.
    of: u64,
    resumed: Option<Note>,
    following: Option<Following>,
    /// What was lost and not told yet.
    losses: Vec<String>,
    /// Whether a line was of the configured format.
    has_fitted: bool,
}

impl AccessLog {
    /// The source of that name, at the log below `root`.
    #[must_use]
    pub fn new(root: &Root, name: &str, path: &Path, rule: &LogRule) -> Self {
        let path = root.at(path);
        let of = fingerprint(format!("{} {rule:?}", path.display()).as_bytes());
        AccessLog {
            name: name.to_owned(),
            path,
            rule: rule.clone(),
            of,
            resumed: None,
            following: None,
            losses: Vec::new(),
            has_fitted: false,
        }
    }

    /// Its configured name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The one series that it gives.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::new(Meter::SslTps, &self.name)
    }

    /// Takes up the note of an earlier run. One of another log, or of another rule, is none.
    pub fn resume(&mut self, note: &str) {
        self.resumed = Note::parse(note).filter(|note| note.of == self.of);
    }

    /// What it sees now.
    ///
    /// # Errors
    /// When the log can't be read, or is of another format.
    pub fn read(&mut self) -> Result<Readout, SourceError> {
        let mut following = match self.following.take() {
            Some(following) => following,
            None => self.begin().map_err(|error| self.unreadable(error))?,
        };
        let turned = following.turn(&self.path, &self.rule, &mut self.losses);
        let note = following.note(self.of);
        self.following = Some(following);
        self.look_at_format(turned.map_err(|error| self.unreadable(error))?)?;
        let counters = Counters { first: note.count, second: None, incarnation: note.incarnation };
        let observation = Observation { series: self.series(), figure: Figure::Count(counters) };
        Ok(Readout {
            observations: vec![observation],
            note: Some(note.to_string()),
            losses: std::mem::take(&mut self.losses),
            ..Readout::default()
        })
    }

    fn begin(&self) -> io::Result<Following> {
        match &self.resumed {
            Some(note) => Following::resumed(&self.path, &self.rule, note),
            None => Following::begin(&self.path),
        }
    }

    /// Lines that are all of another format mean that the server's configuration is not this one's: not that there was no session.
    /// Other lines may stand between those that are known by a text in them, once one of these was seen.
    fn look_at_format(&mut self, tally: Tally) -> Result<(), SourceError> {
        let fitting = tally.lines - tally.foreign - tally.beside;
        self.has_fitted |= fitting > 0;
        let are_all_beside = tally.beside == tally.lines;
        if tally.lines > 0 && fitting == 0 && !(are_all_beside && self.has_fitted) {
            return Err(SourceError::OtherFormat { path: self.path.clone(), lines: tally.lines });
        }
        if tally.foreign > 0 {
            self.losses.push(format!(
                "{} of {} new lines of {} are not in the configured format, so that nobody knows the count: let the server write \
                 the fields first in each line, and nothing else to that log",
                tally.foreign,
                tally.lines,
                self.path.display()
            ));
        }
        Ok(())
    }

    fn unreadable(&self, error: io::Error) -> SourceError {
        let path = self.path.clone();
        match error.kind() {
            io::ErrorKind::NotFound => SourceError::NoLog { path },
            io::ErrorKind::PermissionDenied => SourceError::LogNotPermitted { path },
            _ => SourceError::unreadable(&path, error),
        }
    }
}
