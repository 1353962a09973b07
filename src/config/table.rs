//! Walks the file's tables: every key must be known, and goes with its place into the layer.

use super::document::Document;
use super::keys::{KEYS, SSL, is_section, known, listed, nearest, of_section, sections, split};
use super::layers::{Given, Layer, SslTable};
use super::mistakes::{Fault, Mistakes, quoted};
use super::raw::Raw;
use super::ssl;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// How many `[[ssl]]` there may be.
pub(super) const SSL_MAX_SOURCES: usize = 64;

/// What the file gives.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) layer: Layer,
    pub(super) ssl: Vec<SslTable>,
}

struct Walker<'a> {
    document: &'a Document,
    mistakes: &'a mut Mistakes,
    walked: Walked,
}

/// Parses and walks the file. Where it is no TOML, what could be read is walked all the same.
pub(super) fn walk(document: &Document, mistakes: &mut Mistakes) -> Walked {
    let (table, errors) = DeTable::parse_recoverable(&document.text);
    let mut broken = BTreeSet::new();
    for error in errors {
        let place = document.place(&error.span().unwrap_or_default());
        mistakes.push_syntax(place, syntax(error.message()), &mut broken);
    }
    mistakes.silence(broken);
    let mut walker = Walker { document, mistakes, walked: Walked::default() };
    walker.top(table.get_ref());
    walker.walked
}

fn syntax(message: &str) -> Fault {
    let mend = if message.contains("duplicate key") {
        "keep one of them"
    } else if message.contains("must be quoted") {
        "write the value in quotes: \"...\""
    } else {
        "a line is a [section], a key = value, or a # comment; strings stand in quotes"
    };
    Fault::new(format!("not TOML: {message}"), mend)
}

impl Walker<'_> {
    fn refuse(&mut self, span: &Range<usize>, fault: impl FnOnce() -> Fault) {
        // A hostile file may hold very many mistakes: those that nobody will see cost nothing.
        if self.mistakes.is_full() {
            self.mistakes.push(super::Place::Path(self.document.path.clone()), Fault::new("", ""));
        } else {
            self.mistakes.push(self.document.place(span), fault());
        }
    }

    fn give(&self, value: &DeValue<'_>, span: &Range<usize>) -> Given {
        Given { raw: Raw::of_toml(value), place: self.document.place(span) }
    }

    fn top(&mut self, table: &DeTable<'_>) {
        for (name, value) in table {
            let (key, span) = (name.get_ref().as_ref(), value.span());
            if key == SSL {
                self.ssl_list(value.get_ref(), &span);
            } else if is_section(key) {
                match value.get_ref() {
                    DeValue::Table(section) => self.section(key, section),
                    _ => self.refuse(&name.span(), || not_a_section(key)),
                }
            } else if let Some(known) = known(key) {
                let given = self.give(value.get_ref(), &span);
                self.walked.layer.insert(known, given);
            } else {
                let is_table = value.get_ref().is_table();
                self.refuse(&name.span(), || unknown_at_top(key, is_table));
            }
        }
    }

    fn section(&mut self, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = name.get_ref().as_ref();
            if let Some(known) = known(&format!("{section}.{key}")) {
                let given = self.give(value.get_ref(), &value.span());
                self.walked.layer.insert(known, given);
            } else {
                let names: Vec<&str> = of_section(section).map(|k| split(k).1).collect();
                self.refuse(&name.span(), || unknown_key(&format!("[{section}]"), key, &names));
            }
        }
    }

    fn ssl_list(&mut self, value: &DeValue<'_>, span: &Range<usize>) {
        let not_a_list = || Fault::new("`ssl` is a list of sources", "write [[ssl]] before each source");
        let Some(items) = value.as_array() else {
            return self.refuse(span, not_a_list);
        };
        if items.len() > SSL_MAX_SOURCES {
            self.refuse(span, || {
                Fault::new(
                    format!("{} TLS sources, of at most {SSL_MAX_SOURCES}", items.len()),
                    "leave the others out",
                )
            });
        }
        for item in items.iter().take(SSL_MAX_SOURCES) {
            match item.get_ref() {
                DeValue::Table(table) => self.ssl_source(table, &item.span()),
                _ => self.refuse(&item.span(), not_a_list),
            }
        }
    }

    fn ssl_source(&mut self, table: &DeTable<'_>, span: &Range<usize>) {
        let all = ssl::all_keys();
        let mut values = Layer::new();
        for (name, value) in table {
            let key = name.get_ref().as_ref();
            if let Some(known) = all.iter().find(|k| **k == key) {
                values.insert(known, self.give(value.get_ref(), &value.span()));
            } else {
                self.refuse(&name.span(), || unknown_key("[[ssl]]", key, &all));
            }
        }
        self.walked.ssl.push(SslTable { place: self.document.place(span), values });
    }
}

fn not_a_section(section: &str) -> Fault {
    Fault::new(
        format!("`{section}` is a section"),
        format!("write [{section}] once, on a line of its own, and its keys below it"),
    )
}

fn unknown_at_top(key: &str, is_table: bool) -> Fault {
    let what = if is_table { "section" } else { "key" };
    let message = format!("unknown {what} {}", quoted(key));
    if let Some(elsewhere) = elsewhere(key).filter(|_| !is_table) {
        return Fault::new(message, elsewhere);
    }
    let sections = sections();
    let top = of_section("");
    let all = sections.iter().copied().chain([SSL]).chain(top);
    let bracketed: Vec<String> = sections.iter().map(|s| format!("[{s}]")).collect();
    let mend = match nearest(key, all) {
        Some(SSL) => "did you mean [[ssl]]?".to_owned(),
        Some(name) if is_section(name) => format!("did you mean [{name}]?"),
        Some(name) => format!("did you mean `{name}`, above the first section?"),
        None => format!("there are {}, [[ssl]], and above them the key state_dir", bracketed.join(", ")),
    };
    Fault::new(message, mend)
}

fn unknown_key(section: &str, key: &str, names: &[&str]) -> Fault {
    let message = format!("unknown key {} in {section}", quoted(key));
    let keys = || format!("the keys of {section} are {}", listed(names, "and"));
    let mend = match nearest(key, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => elsewhere(key).unwrap_or_else(keys),
    };
    Fault::new(message, mend)
}

/// Where a key belongs that stands in the wrong section.
fn elsewhere(key: &str) -> Option<String> {
    let right = KEYS.iter().copied().find(|k| split(k).1 == key)?;
    Some(match split(right) {
        ("", name) => format!("`{name}` stands above the first section: move it there"),
        (section, name) => format!("`{name}` belongs to [{section}]: move it there"),
    })
}
