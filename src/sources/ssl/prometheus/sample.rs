//! One sample of an exposition: a line such as `http_requests_total{code="200"} 1027 1395066363000`.

use crate::sources::{Garbled, digits};
use std::borrow::Cow;

/// The most labels that a series may have.
const LABELS_MAX: usize = 100;
/// Above this a number with a fraction or an exponent may not be exact: 2^53.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// A sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    /// The metric's name.
    pub name: Cow<'a, str>,
    /// The labels that have a value, by name: one that is empty is the same as none.
    pub labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The value, as it is written.
    pub value: &'a str,
}

impl<'a> Sample<'a> {
    /// The sample of a line, or none where it is empty or a comment. What stands behind the value, a timestamp and an exemplar,
    /// says nothing of the count.
    ///
    /// # Errors
    /// When the line is no sample.
    pub fn parse(line: &'a str) -> Result<Option<Self>, Garbled> {
        let text = line.trim_matches(BLANKS);
        if text.is_empty() || text.starts_with('#') {
            return Ok(None);
        }
        let garbled = |why: &str| Garbled::at(why, text);
        let end = text.find(|c| c == '{' || BLANKS.contains(&c)).unwrap_or(text.len());
        let (name, mut rest) = cut(text, end);
        let mut sample = Sample { name: Cow::Borrowed(name), labels: Vec::new(), value: "" };
        rest = rest.trim_start_matches(BLANKS);
        if let Some(inside) = rest.strip_prefix('{') {
            rest = sample.labels(inside).map_err(garbled)?;
        }
        // In braces it may be any text, before them not.
        if sample.name.is_empty() || end > 0 && !is_name(name) {
            return Err(garbled("no metric's name"));
        }
        let mut words = rest.split(BLANKS).filter(|word| !word.is_empty());
        sample.value = words.next().ok_or_else(|| garbled("no value"))?;
        match words.next() {
            None => {}
            Some(word) if word.starts_with('#') => {}
            Some(word) => {
                let is_time = word.parse::<f64>().is_ok_and(f64::is_finite);
                if !is_time || words.next().is_some_and(|word| !word.starts_with('#')) {
                    return Err(garbled("more than a value and its time"));
                }
            }
        }
        Ok(Some(sample))
    }

    /// A label's value; empty where there is no such label.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(label, _)| label == name).map_or("", |(_, value)| value)
    }

    /// The value as a count.
    ///
    /// # Errors
    /// When it is no whole number from 0 on: not a number, infinite, negative, or with a fraction. Such a value counts nothing.
    pub fn count(&self) -> Result<u64, Garbled> {
        if let Some(count) = digits(self.value) {
            return Ok(count);
        }
        match self.value.parse::<f64>() {
            Ok(value) if (0.0..=EXACT_MAX).contains(&value) && value.fract() == 0.0 => Ok(value as u64),
            _ => Err(Garbled::at(&format!("{} is no count", self.name), self.value)),
        }
    }

    /// Reads labels, and in the form of UTF-8 names the metric's name, up to the closing brace; gives what stands behind it.
    fn labels(&mut self, inside: &'a str) -> Result<&'a str, &'static str> {
        let mut rest = inside.trim_start_matches(BLANKS);
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                self.labels.retain(|(_, value)| !value.is_empty());
                return Ok(after);
            }
            let name;
            if let Some(quoted) = rest.strip_prefix('"') {
                (name, rest) = unquoted(quoted)?;
            } else {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                let (word, after) = cut(rest, end);
                if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
                    return Err("no label's name");
                }
                (name, rest) = (Cow::Borrowed(word), after);
            }
            let quoted_name = matches!(rest.trim_start_matches(BLANKS).chars().next(), Some(',' | '}'));
            rest = rest.trim_start_matches(BLANKS);
            if quoted_name && self.name.is_empty() && self.labels.is_empty() {
                self.name = name;
            } else {
                let value = rest.strip_prefix('=').ok_or("no = behind a label's name")?;
                let value = value.trim_start_matches(BLANKS).strip_prefix('"').ok_or("no label's value")?;
                let (value, after) = unquoted(value)?;
                rest = after.trim_start_matches(BLANKS);
                if self.labels.len() >= LABELS_MAX {
                    return Err("too many labels");
                }
                let at = self.labels.partition_point(|(other, _)| *other < name);
                if self.labels.get(at).is_some_and(|(other, _)| *other == name) {
                    return Err("a label is there twice");
                }
                self.labels.insert(at, (name, value));
            }
            rest = match rest.strip_prefix(',') {
                Some(after) => after.trim_start_matches(BLANKS),
                None if rest.starts_with('}') => rest,
                None => return Err("labels without an end"),
            };
        }
    }
}

/// What separates words.
pub(super) const BLANKS: [char; 3] = [' ', '\t', '\r'];

/// The two parts of a text; `at` is where a character begins.
fn cut(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

fn is_name(name: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b':';
    !name.is_empty() && name.bytes().all(is_part) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// What stands up to the closing quote, with its escapes undone, and what stands behind that.
fn unquoted(text: &str) -> Result<(Cow<'_, str>, &str), &'static str> {
    const OPEN: &str = "a quote is not closed";
    let end = text.find(['"', '\\']).ok_or(OPEN)?;
    let (plain, mut rest) = cut(text, end);
    if let Some(after) = rest.strip_prefix('"') {
        return Ok((Cow::Borrowed(plain), after));
    }
    let mut value = plain.to_owned();
    loop {
        let end = rest.find(['"', '\\']).ok_or(OPEN)?;
        let (more, special) = cut(rest, end);
        value.push_str(more);
        if let Some(after) = special.strip_prefix('"') {
            return Ok((Cow::Owned(value), after));
        }
        let mut escaped = special.strip_prefix('\\').ok_or(OPEN)?.chars();
        match escaped.next().ok_or(OPEN)? {
            'n' => value.push('\n'),
            c @ ('\\' | '"') => value.push(c),
            // Any other is what it looks like.
            c => value.extend(['\\', c]),
        }
        rest = escaped.as_str();
    }
}
