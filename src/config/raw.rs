//! A value as it was given: by the file with TOML's types, by the environment and the command line as bare text.

use super::duration;
use super::keys::{listed, nearest};
use super::mistakes::{Fault, quoted};
use toml::de::DeValue;

/// The longest text that any key takes: a path's greatest length.
const TEXT_MAX_BYTES: usize = 4096;

/// A value, before its key says what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Raw {
    /// Bare text: a list, where the key takes one, is separated by commas.
    Bare(String),
    /// A string of the file.
    Text(String),
    /// A number of the file without sign or fraction.
    Whole(u64),
    /// `true` or `false` of the file.
    Truth(bool),
    /// An array of the file.
    List(Vec<Raw>),
    /// What no key takes: said in words.
    Other(&'static str),
}

impl Raw {
    pub(super) fn of_toml(value: &DeValue<'_>) -> Raw {
        match value {
            DeValue::String(text) => Raw::Text(text.clone().into_owned()),
            DeValue::Integer(digits) => match u64::from_str_radix(digits.as_str(), digits.radix()) {
                Ok(number) => Raw::Whole(number),
                Err(_) => Raw::Other("a negative or very large number"),
            },
            DeValue::Float(_) => Raw::Other("a number with a fraction"),
            DeValue::Boolean(truth) => Raw::Truth(*truth),
            DeValue::Datetime(_) => Raw::Other("a date or time"),
            DeValue::Array(items) => Raw::List(items.iter().map(|i| Raw::of_toml(i.get_ref())).collect()),
            DeValue::Table(_) => Raw::Other("a table"),
        }
    }

    const fn what(&self) -> &'static str {
        match self {
            Raw::Bare(_) | Raw::Text(_) => "a string",
            Raw::Whole(_) => "a number",
            Raw::Truth(_) => "true or false",
            Raw::List(_) => "an array",
            Raw::Other(what) => what,
        }
    }

    /// A text that is not empty, not too long, and without control characters.
    pub(super) fn text(&self) -> Result<&str, Fault> {
        let (Raw::Bare(text) | Raw::Text(text)) = self else {
            return Err(Fault::new(
                format!("a string is expected, not {}", self.what()),
                "write it in quotes: \"...\"",
            ));
        };
        if text.is_empty() {
            return Err(Fault::new("the value is empty", "give it a value, or leave the key out"));
        }
        if text.len() > TEXT_MAX_BYTES {
            return Err(Fault::new(format!("longer than {TEXT_MAX_BYTES} bytes"), "shorten it"));
        }
        if text.chars().any(char::is_control) {
            return Err(Fault::new(format!("{} has a control character", quoted(text)), "take it out"));
        }
        Ok(text)
    }

    /// A duration, in seconds.
    pub(super) fn seconds(&self) -> Result<u64, Fault> {
        match self {
            Raw::Whole(seconds) => Ok(*seconds),
            Raw::Bare(text) | Raw::Text(text) => duration::parse(text)
                .map_err(|e| Fault::new(format!("{} is no duration: {e}", quoted(text)), duration::MEND)),
            Raw::Truth(_) | Raw::List(_) | Raw::Other(_) => {
                Err(Fault::new(format!("a duration is expected, not {}", self.what()), duration::MEND))
            }
        }
    }

    /// A whole number: of the file without quotes.
    pub(super) fn whole(&self, mend: &str) -> Result<u64, Fault> {
        match self {
            Raw::Whole(number) => Ok(*number),
            Raw::Bare(text) => {
                text.parse().map_err(|_| Fault::new(format!("{} is no whole number", quoted(text)), mend))
            }
            _ => Err(Fault::new(format!("a whole number is expected, not {}", self.what()), mend)),
        }
    }

    /// `true` or `false`: of the file without quotes.
    pub(super) fn truth(&self) -> Result<bool, Fault> {
        match self {
            Raw::Truth(truth) => Ok(*truth),
            Raw::Bare(text) if text == "true" => Ok(true),
            Raw::Bare(text) if text == "false" => Ok(false),
            Raw::Bare(text) | Raw::Text(text) => Err(Fault::new(
                format!("true or false is expected, not {}", quoted(text)),
                "write true or false, without quotes",
            )),
            Raw::Whole(_) | Raw::List(_) | Raw::Other(_) => Err(Fault::new(
                format!("true or false is expected, not {}", self.what()),
                "write true or false, without quotes",
            )),
        }
    }

    /// One word of a closed choice.
    pub(super) fn choice<T: Copy>(&self, all: &[T], word: fn(T) -> &'static str) -> Result<T, Fault> {
        let words: Vec<&str> = all.iter().map(|t| word(*t)).collect();
        let listed = listed(&words, "or");
        let text =
            self.text().map_err(|fault| Fault::new(fault.message, format!("take {listed}, in quotes")))?;
        if let Some(found) = all.iter().find(|t| word(**t) == text) {
            return Ok(*found);
        }
        let mend = match nearest(text, words.iter().copied()) {
            Some(meant) => format!("did you mean \"{meant}\"? The choice is {listed}"),
            None => format!("take {listed}"),
        };
        Err(Fault::new(format!("{} is unknown", quoted(text)), mend))
    }
}
