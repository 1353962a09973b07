//! A whole exposition, taken in piece by piece: what counts in it, and nothing else, is kept.

use super::sample::Sample;
use crate::config::ssl::Matcher;
use crate::sources::Garbled;
use highwater_rules::tally::{Scrape, mixed};
use memchr::{memchr, memchr_iter};

/// The longest line.
const LINE_MAX_BYTES: usize = 64 * 1024;
/// The most series that are counted.
const SERIES_MAX: usize = 20_000;
/// The most times of start that are looked at: a process has one.
const STARTS_MAX: usize = 1000;
/// How many other names are remembered, for the words of an error.
const OTHERS_MAX: usize = 200;
/// The longest name that is remembered so.
const OTHER_MAX_BYTES: usize = 100;
/// Metrics that tell when a process began: of clients' libraries, and of HAProxy's exporter.
const STARTS: [&[u8]; 2] = [b"process_start_time_seconds", b"haproxy_process_start_time_seconds"];

/// Which series of an exposition count.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The metric's name.
    pub metric: String,
    /// What its labels must fit.
    pub matchers: Vec<Matcher>,
}

/// What an exposition tells.
#[derive(Debug, Default)]
pub struct Told {
    /// The series that count.
    pub scrape: Scrape,
    /// How many series there are of the metric that do not fit.
    pub unfit: usize,
    /// Names of other metrics, some of those that are most like what is wanted.
    pub others: Vec<String>,
}

/// Takes in an exposition.
#[derive(Debug)]
pub struct Intake<'a> {
    wanted: &'a Wanted,
    /// The beginning of a line whose end has not come yet.
    begun: Vec<u8>,
    lines: usize,
    is_ended: bool,
    told: Told,
}

impl<'a> Intake<'a> {
    /// One that has taken in nothing.
    #[must_use]
    pub fn new(wanted: &'a Wanted) -> Self {
        Intake { wanted, begun: Vec::new(), lines: 0, is_ended: false, told: Told::default() }
    }

    /// Takes in the next piece.
    ///
    /// # Errors
    /// When a line is no line of an exposition, or a series that counts has no count.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), Garbled> {
        let mut from = 0;
        for end in memchr_iter(b'\n', piece) {
            let line = piece.get(from..end).unwrap_or_default();
            from = end + 1;
            if self.begun.is_empty() {
                self.line(line)?;
            } else {
                self.begin(line)?;
                let whole = std::mem::take(&mut self.begun);
                self.line(&whole)?;
                self.begun = whole;
                self.begun.clear();
            }
        }
        self.begin(piece.get(from..).unwrap_or_default())
    }

    /// What it told, once all of it was taken in.
    ///
    /// # Errors
    /// When it breaks off: half a number looks like a whole one.
    pub fn end(mut self) -> Result<Told, Garbled> {
        let rest = std::mem::take(&mut self.begun);
        if !rest.is_empty() {
            self.line(&rest)?;
            // The end of OpenMetrics may stand without a line's end.
            if !self.is_ended {
                return Err(Garbled::at("it is cut short", &String::from_utf8_lossy(&rest)));
            }
        }
        Ok(self.told)
    }

    fn begin(&mut self, more: &[u8]) -> Result<(), Garbled> {
        if self.begun.len() + more.len() > LINE_MAX_BYTES {
            return Err(Garbled::new(format!(
                "line {} is longer than {LINE_MAX_BYTES} bytes",
                self.lines + 1
            )));
        }
        self.begun.extend_from_slice(more);
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Garbled> {
        self.lines += 1;
        if line.len() > LINE_MAX_BYTES {
            return Err(Garbled::new(format!("line {} is longer than {LINE_MAX_BYTES} bytes", self.lines)));
        }
        let Some(first) = line.first() else { return Ok(()) };
        if *first == b'#' {
            return self.comment(line);
        }
        if self.is_ended {
            return self.garbled(line, "something stands behind # EOF");
        }
        // Most lines are of other metrics. Those are looked at no further than to the end of their name.
        let name = match first {
            b'{' | b' ' | b'\t' | b'\r' => return self.sample(line, true),
            b'A'..=b'Z' | b'a'..=b'z' | b'_' | b':' => name(line),
            _ => return self.garbled(line, "no sample"),
        };
        if name == self.wanted.metric.as_bytes() || STARTS.contains(&name) {
            return self.sample(line, false);
        }
        if name.len() == line.len() {
            return self.garbled(line, "no value");
        }
        self.other(name);
        Ok(())
    }

    fn garbled(&self, line: &[u8], why: &str) -> Result<(), Garbled> {
        Err(Garbled::at(&format!("line {}: {why}", self.lines), &String::from_utf8_lossy(line)))
    }

    fn comment(&mut self, line: &[u8]) -> Result<(), Garbled> {
        if line.trim_ascii_end() == b"# EOF" {
            self.is_ended = true;
            return Ok(());
        }
        // A gauge goes up and down: its differences count nothing.
        let typed =
            line.strip_prefix(b"# TYPE ").and_then(|rest| rest.strip_prefix(self.wanted.metric.as_bytes()));
        match typed.map(<[u8]>::trim_ascii) {
            Some(b"gauge" | b"histogram" | b"summary") if typed.is_some_and(|t| t.starts_with(b" ")) => {
                self.garbled(line, "what is to be counted is no counter")
            }
            _ => Ok(()),
        }
    }

    /// A sample that may count. `any` tells that its name is not known yet.
    fn sample(&mut self, line: &[u8], any: bool) -> Result<(), Garbled> {
        let Ok(text) = std::str::from_utf8(line) else { return self.garbled(line, "no UTF-8") };
        let Some(sample) = Sample::parse(text)? else { return Ok(()) };
        if sample.name == self.wanted.metric {
            return self.count(&sample);
        }
        if STARTS.contains(&sample.name.as_bytes()) {
            return self.start(&sample);
        }
        if any {
            self.other(sample.name.as_bytes());
        }
        Ok(())
    }

    fn count(&mut self, sample: &Sample<'_>) -> Result<(), Garbled> {
        if !self.wanted.matchers.iter().all(|matcher| matcher.takes(sample.label(&matcher.label))) {
            self.told.unfit += 1;
            return Ok(());
        }
        let values = &mut self.told.scrape.values;
        if values.insert(mixed(&(&sample.name, &sample.labels)), sample.count()?).is_some() {
            return Err(Garbled::new(format!("a series of {} is there twice", sample.name)));
        }
        if values.len() > SERIES_MAX {
            return Err(Garbled::new(format!(
                "more than {SERIES_MAX} series of {} fit: name fewer in labels",
                sample.name
            )));
        }
        Ok(())
    }

    fn start(&mut self, sample: &Sample<'_>) -> Result<(), Garbled> {
        let value = sample.value.parse::<f64>().ok().filter(|value| (0.0..1e12).contains(value));
        let value = value.ok_or_else(|| Garbled::at(&format!("{} is no time", sample.name), sample.value))?;
        let starts = &mut self.told.scrape.starts;
        starts.insert(mixed(&(&sample.name, &sample.labels)), value.round() as u64);
        if starts.len() > STARTS_MAX {
            return Err(Garbled::new(format!("more than {STARTS_MAX} processes tell when they began")));
        }
        Ok(())
    }

    /// Remembers a name, if an error may have to tell of it.
    fn other(&mut self, name: &[u8]) {
        let others = &mut self.told.others;
        if !self.told.scrape.values.is_empty() || others.len() >= OTHERS_MAX || name.len() > OTHER_MAX_BYTES {
            return;
        }
        if others.last().is_none_or(|last| last.as_bytes() != name)
            && is_like(name, self.wanted.metric.as_bytes())
        {
            others.push(String::from_utf8_lossy(name).into_owned());
        }
    }
}

/// Whether a name may be what was meant: it tells of TLS, or begins as what is wanted does.
fn is_like(name: &[u8], wanted: &[u8]) -> bool {
    let first = |name: &[u8]| memchr(b'_', name).unwrap_or(name.len());
    let speaks = |word: &[u8]| name.windows(word.len()).any(|part| part == word);
    name.get(..first(name)) == wanted.get(..first(wanted))
        || [&b"ssl"[..], b"tls", b"handshake"].into_iter().any(speaks)
}

/// The name that a line begins with.
fn name(line: &[u8]) -> &[u8] {
    let end = line.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b':')));
    line.get(..end.unwrap_or(line.len())).unwrap_or_default()
}
