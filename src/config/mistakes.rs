//! Mistakes of the configuration: where, what, and the mend. They are collected, so that one look tells all of them.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

/// How many mistakes are kept and shown; more are only counted.
pub const MISTAKES_MAX: usize = 100;

/// Where a value, and so a mistake, stands. Ordered as mistakes are shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The file as a whole.
    Path(PathBuf),
    /// A place in the file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character in the line, from 1.
        column: usize,
    },
    /// An environment variable.
    Env(String),
    /// A flag of the command line.
    Flag(String),
    /// A key that is set nowhere.
    Unset(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Path(path) => write!(f, "{}", path.display()),
            Place::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Place::Env(name) | Place::Flag(name) => write!(f, "{}", name.escape_debug()),
            Place::Unset(key) => f.write_str(key),
        }
    }
}

/// One mistake: the configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Where it stands.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.place, self.message, self.mend)
    }
}

/// Something odd that the agent nevertheless runs with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// Where it stands.
    pub place: Place,
    /// What is odd.
    pub message: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.place, self.message, self.mend)
    }
}

/// All mistakes of a configuration, ordered by place.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes {
    found: Vec<Mistake>,
    left_out: usize,
    /// Lines that are no TOML: whatever else is said of them follows from that, and would only distract.
    broken_lines: BTreeSet<usize>,
}

impl Mistakes {
    /// The mistakes, at most [`MISTAKES_MAX`].
    #[must_use]
    pub fn all(&self) -> &[Mistake] {
        &self.found
    }

    /// How many more there are.
    #[must_use]
    pub const fn left_out(&self) -> usize {
        self.left_out
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether one more would only be counted. Saves whoever would have to work out its place.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= MISTAKES_MAX
    }

    pub(super) fn push(&mut self, place: Place, fault: Fault) {
        if matches!(&place, Place::File { line, .. } if self.broken_lines.contains(line)) {
            return;
        }
        if self.is_full() {
            self.left_out += 1;
        } else {
            self.found.push(Mistake { place, message: fault.message, mend: fault.mend });
        }
    }

    /// A mistake of syntax. The lines of those must be known before anything else is said of the file.
    pub(super) fn push_syntax(&mut self, place: Place, fault: Fault, broken: &mut BTreeSet<usize>) {
        if let Place::File { line, .. } = &place {
            broken.insert(*line);
        }
        self.push(place, fault);
    }

    /// From now on, nothing more is said of these lines.
    pub(super) fn silence(&mut self, broken: BTreeSet<usize>) {
        self.broken_lines = broken;
    }

    pub(super) fn sort(&mut self) {
        self.found.sort();
        self.found.dedup();
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, mistake) in self.found.iter().enumerate() {
            let separator = if n == 0 { "" } else { "\n" };
            write!(f, "{separator}{mistake}")?;
        }
        if self.left_out > 0 {
            write!(f, "\nand {} more", self.left_out)?;
        }
        Ok(())
    }
}

/// A mistake whose place is known to the caller only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) mend: String,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>, mend: impl Into<String>) -> Self {
        Fault { message: message.into(), mend: mend.into() }
    }

    /// What only a build with Kubernetes support takes.
    #[cfg(not(feature = "kubernetes"))]
    pub(super) fn no_kubernetes() -> Self {
        let mend = "run the container image, or build with `--features kubernetes`";
        Fault::new("this build has no Kubernetes support", mend)
    }

    /// Several faults of one value, told together; a mend that several share, once.
    pub(super) fn all(faults: Vec<Fault>) -> Self {
        let mut mends: Vec<String> = Vec::new();
        let mut messages = Vec::new();
        for Fault { message, mend } in faults {
            messages.push(message);
            if !mends.contains(&mend) {
                mends.push(mend);
            }
        }
        Fault { message: messages.join("; "), mend: mends.join("; ") }
    }
}

/// How much of a value a message repeats, in characters.
const QUOTED_MAX_CHARS: usize = 60;

/// A value as a message repeats it: in quotes, of bounded length, and without what would move a terminal's cursor.
pub(super) fn quoted(value: &str) -> String {
    let mut shown: String = value.chars().take(QUOTED_MAX_CHARS).flat_map(char::escape_debug).collect();
    if value.chars().nth(QUOTED_MAX_CHARS).is_some() {
        shown.push_str("...");
    }
    format!("\"{shown}\"")
}
