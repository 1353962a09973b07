//! Label selectors, as Kubernetes writes them: which pods are meant.
//!
//! `app=db,tier in (a, b),!canary`: all of its requirements must hold. `!=` and `notin` hold where there is no such label, too.

use std::fmt;

/// The longest selector, in bytes: it is a part of a URL.
pub const SELECTOR_MAX_BYTES: usize = 1000;
/// The longest name of a label, without its prefix, and the longest value, in bytes.
const NAME_MAX_BYTES: usize = 63;
/// The longest prefix of a label's name, in bytes: a domain's.
const PREFIX_MAX_BYTES: usize = 253;

/// A label selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    text: String,
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    wants: Wants,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wants {
    Exists,
    IsNot,
    In(Vec<String>),
    NotIn(Vec<String>),
}

/// Why a text is no label selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSelector {
    /// There is no requirement in it, or none behind a comma.
    #[error("a requirement is missing")]
    Empty,
    /// A label can't have this name.
    #[error("`{0}` is no name of a label")]
    NoKey(String),
    /// A label can't have this value.
    #[error("`{0}` is no value of a label")]
    NoValue(String),
    /// What stands behind a label's name is no operator that is known.
    #[error("`{0}` is none of =, ==, !=, in and notin")]
    NoOperator(String),
    /// `in` and `notin` take their values in parentheses.
    #[error("the values of `{0}` are not in parentheses")]
    NoParentheses(String),
    /// Something stands behind a requirement's end.
    #[error("`{0}` stands where a comma is expected")]
    NoComma(String),
    /// It is longer than any that is meant.
    #[error("it is longer than {SELECTOR_MAX_BYTES} bytes")]
    TooLong,
}

impl Selector {
    /// Reads a selector of equality and of sets.
    ///
    /// # Errors
    /// When it is none that an API server would take.
    pub fn parse(text: &str) -> Result<Self, NoSelector> {
        if text.len() > SELECTOR_MAX_BYTES {
            return Err(NoSelector::TooLong);
        }
        let text = text.trim();
        let mut rest = Rest(text);
        let mut requirements = Vec::new();
        loop {
            requirements.push(rest.requirement()?);
            if rest.0.is_empty() {
                return Ok(Selector { text: text.to_owned(), requirements });
            }
            if !rest.take(",") {
                return Err(NoSelector::NoComma(shown(rest.0)));
            }
        }
    }

    /// Whether labels fit; `label` gives the value of the one of that name, where there is one.
    #[must_use]
    pub fn takes<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|Requirement { key, wants }| {
            let value = label(key);
            let among = |values: &[String]| value.is_some_and(|value| values.iter().any(|v| v == value));
            match wants {
                Wants::Exists => value.is_some(),
                Wants::IsNot => value.is_none(),
                Wants::In(values) => among(values),
                Wants::NotIn(values) => !among(values),
            }
        })
    }

    /// The selector as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What of a selector was not read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn requirement(&mut self) -> Result<Requirement, NoSelector> {
        let negated = self.take("!");
        let key = self.word();
        if key.is_empty() && (self.0.is_empty() || self.0.starts_with(',')) {
            return Err(NoSelector::Empty);
        }
        if !is_key(key) {
            return Err(NoSelector::NoKey(if key.is_empty() { shown(self.0) } else { shown(key) }));
        }
        let key = key.to_owned();
        if negated {
            return Ok(Requirement { key, wants: Wants::IsNot });
        }
        let wants = if self.0.is_empty() || self.0.starts_with(',') {
            Wants::Exists
        } else if self.take("!=") {
            Wants::NotIn(vec![self.value()?])
        } else if self.take("==") || self.take("=") {
            Wants::In(vec![self.value()?])
        } else {
            match self.word() {
                "in" => Wants::In(self.values("in")?),
                "notin" => Wants::NotIn(self.values("notin")?),
                "" => return Err(NoSelector::NoOperator(shown(self.0))),
                other => return Err(NoSelector::NoOperator(shown(other))),
            }
        };
        Ok(Requirement { key, wants })
    }

    fn values(&mut self, operator: &str) -> Result<Vec<String>, NoSelector> {
        if !self.take("(") {
            return Err(NoSelector::NoParentheses(operator.to_owned()));
        }
        let mut values = Vec::new();
        loop {
            values.push(self.value()?);
            if self.take(")") {
                return Ok(values);
            }
            if !self.take(",") {
                return Err(NoSelector::NoParentheses(operator.to_owned()));
            }
        }
    }

    /// A value, which may be empty.
    fn value(&mut self) -> Result<String, NoSelector> {
        let value = self.word();
        if value.is_empty() || is_name(value) {
            return Ok(value.to_owned());
        }
        Err(NoSelector::NoValue(shown(value)))
    }

    /// Up to the next space or sign.
    fn word(&mut self) -> &'a str {
        self.skip();
        let end = self.0.find(|c: char| c.is_whitespace() || "!=<>(),".contains(c)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        self.skip();
        word
    }

    fn take(&mut self, sign: &str) -> bool {
        self.skip();
        match self.0.strip_prefix(sign) {
            Some(rest) => {
                self.0 = rest;
                self.skip();
                true
            }
            None => false,
        }
    }

    fn skip(&mut self) {
        self.0 = self.0.trim_start();
    }
}

/// `NAME`, or `DOMAIN/NAME`.
fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        None => is_name(key),
        Some((prefix, name)) => {
            let is_label = |label: &str| {
                !label.is_empty()
                    && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            };
            prefix.len() <= PREFIX_MAX_BYTES && prefix.split('.').all(is_label) && is_name(name)
        }
    }
}

/// Letters, digits, and between them `-`, `_` and `.`.
fn is_name(name: &str) -> bool {
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    name.len() <= NAME_MAX_BYTES
        && ends(name.bytes().next())
        && ends(name.bytes().next_back())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// The beginning of what is not understood, with nothing in it that could upset a terminal.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn takes(selector: &str, labels: &[(&str, &str)]) -> bool {
        let find = |key: &str| labels.iter().find(|(k, _)| *k == key).map(|(_, value)| *value);
        Selector::parse(selector).unwrap().takes(find)
    }

    #[test]
    fn each_requirement_takes_what_an_api_server_takes() {
        let labels = [("app", "db"), ("tier", ""), ("highwater.dev/metered", "yes")];
        let cases = [
            ("app=db", true),
            ("app==db", true),
            ("app = web", false),
            ("app!=web", true),
            ("app!=db", false),
            ("zone!=a", true),
            ("app in (db,web)", true),
            ("app in(web)", false),
            ("app notin ( web , cache )", true),
            ("app notin (db)", false),
            ("zone notin (a)", true),
            ("zone in (a)", false),
            ("app", true),
            ("zone", false),
            ("!zone", true),
            ("! app", false),
            ("tier=", true),
            ("app=", false),
            ("zone=", false),
            ("tier in ()", true),
            ("tier in (,a)", true),
            ("app in (db,)", true),
            ("highwater.dev/metered=yes", true),
            ("app in (db, web),!canary", true),
            ("app=db,tier=x", false),
            (" app=db , tier ", true),
            // Words of the grammar are names of labels, too.
            ("in in (in),notin", false),
        ];
        for (selector, expect) in cases {
            assert_eq!(takes(selector, &labels), expect, "{selector}");
        }
        assert!(takes("in in (in),notin", &[("in", "in"), ("notin", "")]));
        assert!(!takes("a=b", &[]) && takes("a!=b", &[]));
    }

    #[test]
    fn what_is_no_selector_is_refused_with_where() {
        let cases = [
            ("", NoSelector::Empty),
            (" ", NoSelector::Empty),
            (",", NoSelector::Empty),
            ("a=b,", NoSelector::Empty),
            ("!", NoSelector::Empty),
            ("a,,b", NoSelector::Empty),
            ("=b", NoSelector::NoKey("=b".to_owned())),
            ("-a=b", NoSelector::NoKey("-a".to_owned())),
            ("a/b/c=d", NoSelector::NoKey("a/b/c".to_owned())),
            ("A.b/c", NoSelector::NoKey("A.b/c".to_owned())),
            ("a..b/c", NoSelector::NoKey("a..b/c".to_owned())),
            ("/c", NoSelector::NoKey("/c".to_owned())),
            ("a==b==c", NoSelector::NoComma("==c".to_owned())),
            ("a b", NoSelector::NoOperator("b".to_owned())),
            ("a>1", NoSelector::NoOperator(">1".to_owned())),
            ("a=b c", NoSelector::NoComma("c".to_owned())),
            ("a in b", NoSelector::NoParentheses("in".to_owned())),
            ("a in (b", NoSelector::NoParentheses("in".to_owned())),
            ("a notin (b c)", NoSelector::NoParentheses("notin".to_owned())),
            ("a=-b", NoSelector::NoValue("-b".to_owned())),
            ("a=ä", NoSelector::NoValue("ä".to_owned())),
            ("!a=b", NoSelector::NoComma("=b".to_owned())),
            ("a in (b))", NoSelector::NoComma(")".to_owned())),
        ];
        for (text, expect) in cases {
            assert_eq!(Selector::parse(text), Err(expect), "{text:?}");
        }
        assert_eq!(Selector::parse(&"a".repeat(SELECTOR_MAX_BYTES + 1)), Err(NoSelector::TooLong));
        assert!(Selector::parse(&"a".repeat(NAME_MAX_BYTES)).is_ok());
        assert!(Selector::parse(&"a".repeat(NAME_MAX_BYTES + 1)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_upsets_it_and_what_is_taken_is_taken_again(text in ".{0,60}", likely in "[!a-c=,() inot/.-]{0,30}") {
            for text in [text, likely] {
                if let Ok(selector) = Selector::parse(&text) {
                    prop_assert_eq!(Selector::parse(selector.as_str()), Ok(selector));
                }
            }
        }

        #[test]
        fn a_requirement_and_its_opposite_never_agree(
            key in "[a-c]", values in proptest::collection::vec("[x-z]", 1..4), labels in proptest::collection::btree_map("[a-c]", "[x-z]", 0..3),
        ) {
            let find = |key: &str| labels.get(key).map(String::as_str);
            let list = values.join(",");
            let first = &values[0];
            let both = |one: &str, other: &str| {
                let takes = |text: &str| Selector::parse(text).unwrap().takes(find);
                takes(one) != takes(other)
            };
            let pairs = [
                (format!("{key} in ({list})"), format!("{key} notin ({list})")),
                (key.clone(), format!("!{key}")),
                (format!("{key}={first}"), format!("{key}!={first}")),
            ];
            for (one, other) in pairs {
                prop_assert!(both(&one, &other), "{}, {}", one, other);
            }
        }
    }
}
