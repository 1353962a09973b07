//! Prometheus's text format, version 0.0.4. It is written by hand: these few lines are less than a crate.

use std::fmt::{Display, Write as _};

/// What each name begins with.
const PREFIX: &str = "highwater_";

/// A page of metrics.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    /// Begins a metric. Its values follow.
    pub(super) fn metric(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(self.text, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}");
    }

    pub(super) fn gauge(&mut self, name: &'static str, help: &str) {
        self.metric(name, "gauge", help);
    }

    pub(super) fn counter(&mut self, name: &'static str, help: &str) {
        self.metric(name, "counter", help);
    }

    /// A value of the metric that was begun last.
    pub(super) fn value(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(PREFIX);
        self.text.push_str(self.name);
        for (n, (label, text)) in labels.iter().enumerate() {
            self.text.push(if n == 0 { '{' } else { ',' });
            let _ = write!(self.text, "{label}=\"");
            self.escaped(text);
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    /// A metric of one value without labels.
    pub(super) fn single(&mut self, name: &'static str, help: &str, value: Option<impl Display>) {
        self.gauge(name, help);
        if let Some(value) = value {
            self.value(&[], value);
        }
    }

    /// A metric that is 1 for one word of many, and 0 for the others.
    pub(super) fn one_of<'a>(
        &mut self,
        (name, help): (&'static str, &str),
        label: &str,
        words: impl Iterator<Item = &'a str>,
        now: Option<&str>,
    ) {
        self.gauge(name, help);
        let Some(now) = now else { return };
        for word in words {
            self.value(&[(label, word)], u8::from(word == now));
        }
    }

    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                c => self.text.push(c),
            }
        }
    }

    pub(super) fn end(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_breaks_out_of_its_line() {
        let mut page = Page::default();
        page.gauge("a", "Help.");
        page.value(&[("x", "1\"} 2\n\\"), ("y", "")], 0.5);
        page.value(&[], 3);
        let expect = "# HELP highwater_a Help.\n# TYPE highwater_a gauge\nhighwater_a{x=\"1\\\"} 2\\n\\\\\",y=\"\"} 0.5\nhighwater_a 3\n";
        assert_eq!(page.end(), expect);
    }
}
