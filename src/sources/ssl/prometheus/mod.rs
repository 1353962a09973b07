//! TLS sessions as an exposition in Prometheus's text format tells them, at a URL or in a file.
//!
//! ```text
//! URL or file -> exposition (line by line) -> sample -> the series that count -> rules::tally -> one counter
//! ```

pub mod exposition;
#[cfg(feature = "kubernetes")]
pub mod pods;
pub mod sample;

#[cfg(feature = "kubernetes")]
pub use pods::{Scraped, TIMEOUT as SCRAPED_TIMEOUT};

use crate::clock;
use crate::config::ssl::{Exposition, Pass, Prometheus as Settings};
use crate::files::{Root, open_regular};
use crate::sources::fetch::{self, Fetch};
use crate::sources::{Garbled, Readout, SourceError};
use exposition::{Intake, Told, Wanted};
use highwater_rules::figure::{Figure, Observation};
use highwater_rules::meter::{Meter, Series};
use highwater_rules::tally::{Tally, mixed};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The longest exposition.
const EXPOSITION_MAX_BYTES: usize = 16 * 1024 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;
/// How old a file may be, in seconds. One that is written no longer would tell of no sessions for ever.
const FILE_MAX_AGE_S: i64 = 300;
/// How far in the future a file may have been written, in seconds: by a clock that is a little ahead.
const FILE_MAX_AHEAD_S: i64 = 300;
/// The forms that are understood. Of OpenMetrics, what it has in common with the text format is.
const ACCEPT: &str = "text/plain;version=0.0.4,application/openmetrics-text;q=0.5,*/*;q=0.1";
/// How many names an error tells.
const NAMES_TOLD: usize = 5;

/// The source of `ssl_tps` at one exposition.
#[derive(Debug)]
pub struct Prometheus {
    name: String,
    place: Place,
    wanted: Wanted,
    tally: Tally,
}

#[derive(Debug)]
enum Place {
    Url(Box<Fetch>),
    File(PathBuf),
}

/// A number for what is asked: where, and for which series. How the agent is let in may change meanwhile.
fn asked(settings: &Settings) -> u64 {
    let place = match &settings.place {
        Exposition::Url(web) => ("url", web.url.to_string()),
        Exposition::File(path) => ("path", path.display().to_string()),
    };
    let matchers: Vec<String> = settings.matchers.iter().map(ToString::to_string).collect();
    mixed(&(place, settings.counts.metric(), matchers))
}

impl Prometheus {
    /// The source of that name. A file is looked for below `root`.
    #[must_use]
    pub fn new(root: &Root, name: &str, settings: &Settings) -> Self {
        let place = match &settings.place {
            Exposition::File(path) if root.is_own() => Place::File(path.clone()),
            Exposition::File(path) => Place::File(root.at(path)),
            Exposition::Url(web) => {
                let (mut basic, mut bearer) = (None, None);
                match web.pass.clone() {
                    Pass::Open => {}
                    Pass::Password { username, file } => basic = Some((username, file)),
                    Pass::Token(file) => bearer = Some(file),
                }
                Place::Url(Box::new(Fetch::new(fetch::Settings {
                    url: web.url.clone(),
                    trust: web.trust.clone(),
                    client: web.client.clone(),
                    basic,
                    bearer,
                    max_bytes: EXPOSITION_MAX_BYTES,
                })))
            }
        };
        let wanted =
            Wanted { metric: settings.counts.metric().to_owned(), matchers: settings.matchers.clone() };
        Prometheus { name: name.to_owned(), place, wanted, tally: Tally::new(asked(settings)) }
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

    /// What it sees now.
    ///
    /// # Errors
    /// When there is no exposition, or it is not understood, or has no series that counts.
    pub fn read(&mut self) -> Result<Readout, SourceError> {
        let told = self.told()?;
        if told.scrape.values.is_empty() {
            return Err(self.none_fits(told));
        }
        let counters = self.tally.sum(told.scrape);
        let counters =
            counters.ok_or_else(|| self.garbled(Garbled::new("the counters' sum is too large")))?;
        let observation = Observation { series: self.series(), figure: Figure::Count(counters) };
        Ok(Readout { observations: vec![observation], ..Readout::default() })
    }

    fn told(&self) -> Result<Told, SourceError> {
        let mut intake = Intake::new(&self.wanted);
        match &self.place {
            Place::Url(fetch) => fetch.stream(ACCEPT, &mut |piece| intake.take(piece))?,
            Place::File(path) => self.read_file(path, &mut intake)?,
        }
        intake.end().map_err(|garbled| self.garbled(garbled))
    }

    fn read_file(&self, path: &Path, intake: &mut Intake<'_>) -> Result<(), SourceError> {
        let unreadable = |error| SourceError::unreadable(path, error);
        let file = open_regular(path).map_err(unreadable)?;
        let age_s = clock::unix_s().saturating_sub(file.metadata().map_err(unreadable)?.mtime());
        if age_s > FILE_MAX_AGE_S {
            return Err(SourceError::Stale { path: path.to_owned(), age_s, max_s: FILE_MAX_AGE_S });
        }
        if age_s < -FILE_MAX_AHEAD_S {
            let (path, ahead_s) = (path.to_owned(), age_s.saturating_neg());
            return Err(SourceError::Ahead { path, ahead_s, max_s: FILE_MAX_AHEAD_S });
        }
        let mut file = file.take(EXPOSITION_MAX_BYTES as u64 + 1);
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut taken = 0;
        loop {
            match file.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(length) => {
                    taken += length;
                    if taken > EXPOSITION_MAX_BYTES {
                        let error = io::Error::new(
                            io::ErrorKind::FileTooLarge,
                            format!("longer than {EXPOSITION_MAX_BYTES} bytes"),
                        );
                        return Err(unreadable(error));
                    }
                    let piece = chunk.get(..length).unwrap_or_default();
                    intake.take(piece).map_err(|garbled| self.garbled(garbled))?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
    }

    fn garbled(&self, garbled: Garbled) -> SourceError {
        match &self.place {
            Place::Url(fetch) => SourceError::GarbledAnswer { place: fetch.place(), garbled },
            Place::File(path) => SourceError::garbled(path, garbled),
        }
    }

    fn none_fits(&self, mut told: Told) -> SourceError {
        let metric = &self.wanted.metric;
        let matchers: Vec<String> = self.wanted.matchers.iter().map(ToString::to_string).collect();
        let wanted = match matchers.join(",") {
            none if none.is_empty() => metric.clone(),
            matchers => format!("{metric}{{{matchers}}}"),
        };
        let begins = |name: &str| u8::from(name.starts_with(metric.as_str()));
        let alike = |name: &str| strsim::jaro_winkler(name, metric) + f64::from(begins(name));
        let mut names: Vec<String> = Vec::new();
        while let Some(name) = told.others.iter().max_by(|a, b| alike(a).total_cmp(&alike(b))).cloned() {
            told.others.retain(|other| *other != name);
            names.push(name);
            if names.len() == NAMES_TOLD {
                break;
            }
        }
        let mend = match (told.unfit, names.is_empty()) {
            (0, true) => "no metric there has a name like it; check where it looks".to_owned(),
            (0, false) => format!("there are {}; name one of them in metric", names.join(", ")),
            (unfit, _) => format!("{unfit} series of that name do not fit; correct labels"),
        };
        let place = match &self.place {
            Place::Url(fetch) => fetch.place(),
            Place::File(path) => path.display().to_string(),
        };
        SourceError::NoSeries { place, wanted, mend }
    }
}
