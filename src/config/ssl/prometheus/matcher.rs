//! Matchers of labels, in PromQL's words: `proxy="web"`, `code!="404"`, `code=~"2.."`, `code!~"5.."`.

use super::super::super::mistakes::{Fault, quoted};
use highwater_rules::pattern::Pattern;
use std::fmt;

const MEND: &str = "write it as PromQL does: 'proxy=\"web\"', or with !=, =~ or !~ for =";

/// One matcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// The label's name.
    pub label: String,
    /// What its value is held to.
    pub compare: Compare,
}

/// What a label's value is held to. One that is not there is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// `=`: this value.
    Is(String),
    /// `!=`: any value but this.
    IsNot(String),
    /// `=~`: a value that fits as a whole.
    Fits(Pattern),
    /// `!~`: a value that does not fit as a whole.
    FitsNot(Pattern),
}

impl Matcher {
    /// Whether a label's value fits; an empty one where there is no such label.
    #[must_use]
    pub fn takes(&self, value: &str) -> bool {
        match &self.compare {
            Compare::Is(wanted) => value == wanted,
            Compare::IsNot(unwanted) => value != unwanted,
            Compare::Fits(pattern) => pattern.fits(value),
            Compare::FitsNot(pattern) => !pattern.fits(value),
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let no = || Fault::new(format!("{} is no matcher", quoted(text)), MEND);
        let at = text.find(['=', '!']).ok_or_else(no)?;
        let (label, rest) = text.split_at_checked(at).ok_or_else(no)?;
        let (operator, value) = ["=~", "!~", "!=", "="]
            .iter()
            .find_map(|operator| Some((*operator, rest.strip_prefix(operator)?)))
            .ok_or_else(no)?;
        let label = name(label.trim()).ok_or_else(no)?;
        let value = unquoted(value.trim()).ok_or_else(no)?;
        let pattern = |value: &str| {
            Pattern::parse(value).map_err(|e| {
                Fault::new(format!("the pattern in {} is not understood: {e}", quoted(text)), MEND)
            })
        };
        let compare = match operator {
            "=~" => Compare::Fits(pattern(&value)?),
            "!~" => Compare::FitsNot(pattern(&value)?),
            "!=" => Compare::IsNot(value),
            _ => Compare::Is(value),
        };
        Ok(Matcher { label, compare })
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operator, value) = match &self.compare {
            Compare::Is(value) => ("=", value.as_str()),
            Compare::IsNot(value) => ("!=", value.as_str()),
            Compare::Fits(pattern) => ("=~", pattern.as_str()),
            Compare::FitsNot(pattern) => ("!~", pattern.as_str()),
        };
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        if plain(&self.label) {
            write!(f, "{}{operator}\"{value}\"", self.label)
        } else {
            write!(f, "\"{}\"{operator}\"{value}\"", self.label)
        }
    }
}

/// Whether a label's name can stand without quotes.
fn plain(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// A label's name, in quotes where it is no plain one. That of the metric itself has a key of its own.
fn name(text: &str) -> Option<String> {
    let name = match text.strip_prefix('"') {
        Some(_) => unquoted(text)?,
        None if plain(text) => text.to_owned(),
        None => return None,
    };
    // Equals signs and quotes in a name would be taken for the matcher's own.
    (!name.is_empty() && name != "__name__" && !name.contains(['=', '!', '"', '\\'])).then_some(name)
}

/// What stands in double or single quotes, with their escapes.
fn unquoted(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut rest = text.get(1..)?.chars();
    let mut out = String::new();
    loop {
        match rest.next()? {
            '\\' => match rest.next()? {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                c @ ('\\' | '"' | '\'') => out.push(c),
                // A pattern's own, as it is written without thinking of two layers of escapes.
                c => out.extend(['\\', c]),
            },
            c if c == quote => return rest.next().is_none().then_some(out),
            c => out.push(c),
        }
    }
}
