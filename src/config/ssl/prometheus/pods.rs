//! `pods`, `port`, `metrics_path`: expositions at pods of this node.

#[cfg(feature = "kubernetes")]
pub use with::{At, Scraped, Which};

use super::super::Keys;
#[cfg(not(feature = "kubernetes"))]
use super::{Fault, METRICS_PATH, PODS, PORT};

/// None of its keys may be set in a build without pods.
#[cfg(not(feature = "kubernetes"))]
pub(super) fn read(keys: &mut Keys<'_>) -> Option<Option<()>> {
    let given =
        [PODS, PORT, METRICS_PATH].map(|key| keys.take(key, |_| Err::<(), _>(Fault::no_kubernetes())));
    given.iter().all(Option::is_some).then_some(None)
}

#[cfg(feature = "kubernetes")]
pub(super) use with::read;

#[cfg(feature = "kubernetes")]
mod with {
    use super::super::super::super::{mistakes::quoted, pods::selector, raw::Raw, show::Value};
    use super::super::{
        BEARER_TOKEN_FILE, CA_FILE, CERTIFICATE_SHA256, CLIENT_CERTIFICATE, CLIENT_KEY, Counts, Fault,
        METRICS_PATH, Matcher, PASSWORD_FILE, PATH, PODS, PORT, URL, USERNAME, shown_counts,
    };
    use super::Keys;
    use highwater_rules::selector::Selector;

    /// The word for the pods that have the annotation.
    const ANNOTATED: &str = "annotated";
    const DEFAULT_PORT: u16 = 8404;
    const DEFAULT_PATH: &str = "/metrics";
    /// The longest path.
    const PATH_MAX_BYTES: usize = 500;
    /// What is for one place alone.
    const OTHERS: [&str; 9] = [
        URL,
        PATH,
        USERNAME,
        PASSWORD_FILE,
        BEARER_TOKEN_FILE,
        CLIENT_CERTIFICATE,
        CLIENT_KEY,
        CA_FILE,
        CERTIFICATE_SHA256,
    ];

    /// Expositions at pods of this node, each by itself.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Scraped {
        /// Where they are.
        pub at: At,
        /// Which of their counters count.
        pub counts: Counts,
        /// Those of their series that count: all of these must fit. `labels`.
        pub matchers: Vec<Matcher>,
    }

    /// Where pods' expositions are.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct At {
        /// Which pods are asked: `pods`.
        pub which: Which,
        /// The port, where a pod's annotation names none: `port`.
        pub port: u16,
        /// The path, where a pod's annotation names none, from `/` on: `metrics_path`.
        pub path: String,
    }

    /// Which pods are asked.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Which {
        /// Those with the annotation `highwater.dev/scrape`: `"annotated"`.
        Annotated,
        /// Those that a label selector names.
        Selected(Selector),
    }

    impl Scraped {
        /// The one software whose sessions it sees, where that is known.
        pub(in super::super::super) fn software(&self) -> Option<&'static str> {
            self.counts.software()
        }

        pub(in super::super::super) fn shown(&self) -> Vec<(&'static str, Value)> {
            let mut rows = match &self.at.which {
                Which::Annotated => vec![(PODS, Value::Text(ANNOTATED.to_owned()))],
                Which::Selected(selector) => vec![
                    (PODS, Value::Text(selector.to_string())),
                    (PORT, Value::Whole(u64::from(self.at.port))),
                    (METRICS_PATH, Value::Text(self.at.path.clone())),
                ],
            };
            rows.extend(shown_counts(&self.counts, &self.matchers));
            rows
        }
    }

    /// Where pods' expositions are; nothing where `pods` is not given.
    pub(in super::super) fn read(keys: &mut Keys<'_>) -> Option<Option<At>> {
        let (which, port) = (keys.take(PODS, which), keys.take(PORT, port));
        let path = keys.take(METRICS_PATH, path);
        let (which, port, path) = (which?, port?, path?);
        let key = if port.is_some() { Some(PORT) } else { path.as_ref().map(|_| METRICS_PATH) };
        let Some(which) = which else {
            let Some(key) = key else { return Some(None) };
            let mend = "set pods to a label selector, or leave it out";
            keys.refuse(key, Fault::new("pods is not given", mend));
            return None;
        };
        if let (Which::Annotated, Some(key)) = (&which, key) {
            let mend = "leave it out, or set pods to a label selector";
            keys.refuse(key, Fault::new("annotated pods name it themselves", mend));
            return None;
        }
        if let Some(key) = OTHERS.into_iter().find(|key| keys.has(key)) {
            let mend = "leave it out, or pods: a pod is asked over plain http, as anyone may";
            keys.refuse(key, Fault::new("pods is given too", mend));
            return None;
        }
        Some(Some(At {
            which,
            port: port.unwrap_or(DEFAULT_PORT),
            path: path.unwrap_or_else(|| DEFAULT_PATH.to_owned()),
        }))
    }

    fn which(raw: &Raw) -> Result<Which, Fault> {
        if raw.text()? == ANNOTATED { Ok(Which::Annotated) } else { selector(raw).map(Which::Selected) }
    }

    fn port(raw: &Raw) -> Result<u16, Fault> {
        const MEND: &str = "write a number from 1 to 65535";
        let number = raw.whole(MEND)?;
        u16::try_from(number)
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| Fault::new(format!("{number} is no port"), MEND))
    }

    fn path(raw: &Raw) -> Result<String, Fault> {
        let text = raw.text()?;
        let fits = text.len() <= PATH_MAX_BYTES && text.bytes().all(|b| b.is_ascii_graphic());
        if text.starts_with('/') && fits {
            return Ok(text.to_owned());
        }
        Err(Fault::new(
            format!("{} is no path of a URL", quoted(text)),
            "write it from / on, without spaces, such as \"/metrics\"",
        ))
    }
}
