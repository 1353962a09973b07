//! Expositions of the pods of this node, each by itself: those of HAProxy or of an ingress controller.

use super::Prometheus;
use crate::clock;
use crate::config::ssl::{
    At, Exposition, Pass, Prometheus as Settings, Scraped as Config, Trust, Web, Which,
};
use crate::files::Root;
use crate::sources::pods::{Pod, User};
use crate::sources::{Missing, Readout, SourceError};
use highwater_rules::figure::{Figure, Observation};
use highwater_rules::meter::{Meter, Series};
use highwater_rules::record::Counters;
use highwater_rules::tally::mixed;
use reqwest::Url;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long reading all of them may take.
pub const TIMEOUT: Duration = Duration::from_millis(6000);
/// After so long no other pod is asked. One that hangs takes less than a second.
const BEGIN_MAX_MS: i64 = 4500;
/// How much of that the API server may take.
const ASK: Duration = Duration::from_millis(2300);
/// The most pods that are asked. A node has few proxies.
const PODS_MAX: usize = 100;
/// How many pods are series of their own; the others are summed.
const ALONE_MAX: usize = 20;
/// The subject, below the source's, of all pods that don't stand alone.
const OTHER: &str = "other";
/// The longest name with which a pod stands alone, in bytes: with the longest name of a source it is a subject that a report may
/// carry.
const NAME_MAX_BYTES: usize = 180;
/// The longest annotation, in bytes.
const SCRAPE_MAX_BYTES: usize = 500;

/// The source of `ssl_tps` at pods of this node.
#[derive(Debug)]
pub struct Scraped {
    name: String,
    config: Config,
    /// `None` where nobody says which node this is.
    user: Option<User>,
    /// The pods that were asked last, by what is asked of which.
    asked: BTreeMap<Place, Prometheus>,
}

/// Where a pod is asked: another id is another pod, whatever its name and address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    uid: Box<str>,
    url: String,
}

/// What a pod told, or why it did not.
type Told = Result<Counters, String>;

impl Scraped {
    /// The source of that name. `user` tells of the pods.
    #[must_use]
    pub fn new(name: &str, config: &Config, user: Option<User>) -> Self {
        Scraped { name: name.to_owned(), config: config.clone(), user, asked: BTreeMap::new() }
    }

    /// Its configured name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The series to be a gap where nothing is known of the pods.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::new(Meter::SslTps, &self.name)
    }

    /// What it asks the API server by, where it does.
    #[must_use]
    pub const fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// What the pods tell now. A pod that can't be asked is missing, and the others are told of.
    ///
    /// # Errors
    /// When it can't be told which pods there are.
    pub fn read(&mut self) -> Result<Readout, SourceError> {
        let begun_ms = clock::mono_ms();
        let user = self.user.as_mut().ok_or(SourceError::NoNode)?;
        let taken = user.take_any(ASK)?;
        // One that was not started yet has nothing to tell.
        let pods: Vec<&Pod> =
            taken.of(user.index()).filter(|pod| pod.is_running && pod.address.is_some()).collect();
        let mut before = std::mem::take(&mut self.asked);
        let mut told: BTreeMap<String, Told> = BTreeMap::new();
        for (n, pod) in pods.into_iter().enumerate() {
            let late = clock::mono_ms().saturating_sub(begun_ms) > BEGIN_MAX_MS;
            let one = match place(pod, &self.config.at) {
                _ if n >= PODS_MAX => {
                    Err(format!("it is one of more than {PODS_MAX} pods, which are not asked"))
                }
                _ if late => Err("there was no time left to ask it: other pods do not answer".to_owned()),
                Err(error) => Err(error.to_string()),
                Ok(place) => {
                    let source = before.remove(&place).map_or_else(|| self.source(&place), Ok);
                    source.and_then(|mut source| {
                        let counters = counters(&mut source, &pod.uid);
                        self.asked.insert(place, source);
                        counters
                    })
                }
            };
            told.insert(pod.name.to_string(), one);
        }
        Ok(self.readout(told))
    }

    fn source(&self, place: &Place) -> Result<Prometheus, String> {
        let url = Url::parse(&place.url).map_err(|error| format!("{} is no URL: {error}", place.url))?;
        let web = Web { url, pass: Pass::Open, client: None, trust: Trust::Host };
        let Config { counts, matchers, .. } = self.config.clone();
        let settings = Settings { place: Exposition::Url(Box::new(web)), counts, matchers };
        Ok(Prometheus::new(&Root::new("/"), &self.name, &settings))
    }

    /// The first by name stand alone, so that which ones do changes only when pods come or go. Of the others the counters are
    /// summed: whatever becomes of one of them changes the sum's incarnation.
    fn readout(&self, told: BTreeMap<String, Told>) -> Readout {
        let mut readout = Readout::default();
        let mut left = ALONE_MAX;
        let (mut sum, mut lives, mut lost) = (Some(0_u64), Vec::new(), None);
        for (pod, told) in told {
            if left > 0 && pod.len() <= NAME_MAX_BYTES {
                left -= 1;
                self.tell(&pod, told, &mut readout);
                continue;
            }
            match told {
                Ok(counters) => {
                    sum = sum.and_then(|sum| sum.checked_add(counters.first));
                    lives.push((pod, counters.incarnation));
                }
                Err(why) => lost = Some(format!("{pod}: {why}")),
            }
        }
        let other = match (lost, sum) {
            (Some(why), _) => Err(why),
            (None, None) => Err("the counters' sum is too large".to_owned()),
            (None, Some(_)) if lives.is_empty() => return readout,
            (None, Some(first)) => Ok(Counters { first, second: None, incarnation: mixed(&lives) }),
        };
        self.tell(OTHER, other, &mut readout);
        readout
    }

    fn tell(&self, pod: &str, told: Told, readout: &mut Readout) {
        let series = Series::new(Meter::SslTps, format!("{}/{pod}", self.name));
        match told {
            Ok(counters) => {
                readout.observations.push(Observation { series, figure: Figure::Count(counters) });
            }
            Err(why) => readout.missing.push(Missing { series, why }),
        }
    }
}

/// What a pod's counters come to. Those of another pod, though its name be the same, begin anew.
fn counters(source: &mut Prometheus, uid: &str) -> Told {
    let readout = source.read().map_err(|error| error.to_string())?;
    let counters = readout.observations.first().and_then(|seen| seen.figure.counters());
    let counters = counters.ok_or_else(|| "it told no counter".to_owned())?;
    Ok(Counters { incarnation: mixed(&(uid, counters.incarnation)), ..counters })
}

/// Where a pod's metrics are: its annotation says so, or the configuration.
fn place(pod: &Pod, at: &At) -> Result<Place, SourceError> {
    let address = pod.address.map_or_else(String::new, |address| match address {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => format!("[{v6}]"),
    });
    let no = || SourceError::NoScrape { pod: pod.name.to_string(), text: shown(pod.scrape.as_deref()) };
    let (port, path) = match (&pod.scrape, &at.which) {
        (Some(text), _) => scrape(text).ok_or_else(no)?,
        (None, Which::Selected(_)) => (at.port, at.path.as_str()),
        (None, Which::Annotated) => return Err(no()),
    };
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok(Place { uid: pod.uid.clone(), url: format!("http://{address}:{port}{slash}{path}") })
}

/// `PORT`, or `PORT/PATH`; without a path it is `/metrics`.
#[must_use]
pub fn scrape(text: &str) -> Option<(u16, &str)> {
    let text = text.trim();
    let (port, path) = text.split_once('/').unwrap_or((text, "metrics"));
    let is_fit = text.len() <= SCRAPE_MAX_BYTES && path.bytes().all(|b| b.is_ascii_graphic());
    let port = port.parse::<u16>().ok().filter(|number| *number > 0 && !port.starts_with('+'))?;
    is_fit.then_some((port, path))
}

fn shown(text: Option<&str>) -> String {
    text.unwrap_or_default().chars().take(60).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_rules::pods::Memory;
    use highwater_rules::selector::Selector;

    fn pod(scrape: Option<&str>, address: &str) -> Pod {
        Pod {
            name: "shop/lb-0".into(),
            uid: "u1".into(),
            address: address.parse().ok(),
            scrape: scrape.map(Into::into),
            is_running: true,
            memory: Memory::Unlimited,
            wanted: 1,
        }
    }

    fn url(scrape: Option<&str>, address: &str, which: Which) -> Result<String, String> {
        let at = At { which, port: 9000, path: "/stats".to_owned() };
        place(&pod(scrape, address), &at).map(|place| place.url).map_err(|error| error.to_string())
    }

    #[test]
    fn an_annotation_wins_over_the_configuration() {
        let selected = || Which::Selected(Selector::parse("app=lb").unwrap());
        assert_eq!(url(None, "10.0.0.7", selected()).unwrap(), "http://10.0.0.7:9000/stats");
        for which in [selected(), Which::Annotated] {
            assert_eq!(
                url(Some("8404/metrics"), "10.0.0.7", which.clone()).unwrap(),
                "http://10.0.0.7:8404/metrics"
            );
            assert_eq!(
                url(Some(" 8404 "), "fd00::7", which.clone()).unwrap(),
                "http://[fd00::7]:8404/metrics"
            );
            assert_eq!(url(Some("80/a/b?c=d"), "10.0.0.7", which).unwrap(), "http://10.0.0.7:80/a/b?c=d");
        }
        assert!(url(None, "10.0.0.7", Which::Annotated).unwrap_err().contains("shop/lb-0"));
    }

    #[test]
    fn an_annotation_that_names_no_place_is_told_with_the_pod() {
        for text in
            ["", "metrics", "/metrics", "0/metrics", "65536", "+80", "80/a b", "80/\u{e4}", "http://x", "-1"]
        {
            let error = url(Some(text), "10.0.0.7", Which::Annotated).unwrap_err();
            assert!(error.contains("shop/lb-0") && error.contains("8404/metrics"), "{text}: {error}");
        }
        assert!(scrape(&format!("80/{}", "a".repeat(SCRAPE_MAX_BYTES))).is_none());
    }

    fn source() -> Scraped {
        let at = At { which: Which::Annotated, port: 1, path: "/".to_owned() };
        let counts = crate::config::ssl::Counts::Metric("m".to_owned());
        Scraped::new("lb", &Config { at, counts, matchers: Vec::new() }, None)
    }

    fn told(pods: &[(&str, Told)]) -> Readout {
        source().readout(pods.iter().map(|(name, told)| ((*name).to_owned(), told.clone())).collect())
    }

    fn count(first: u64, incarnation: u64) -> Told {
        Ok(Counters { first, second: None, incarnation })
    }

    #[test]
    fn pods_beyond_the_first_are_summed_and_one_that_is_lost_makes_the_sum_a_gap() {
        let names: Vec<String> = (0..23).map(|n| format!("a/{n:02}")).collect();
        let mut pods: Vec<(&str, Told)> = names.iter().map(|name| (name.as_str(), count(10, 1))).collect();
        let subject = |readout: &Readout| readout.observations.last().unwrap().series.subject.clone();
        let whole = told(&pods);
        assert_eq!((whole.observations.len(), subject(&whole)), (21, "lb/other".to_owned()));
        let sum = |readout: &Readout| readout.observations.last().unwrap().figure.counters().unwrap();
        assert_eq!(sum(&whole).first, 30);
        pods[22].1 = count(10, 2);
        assert_ne!(sum(&told(&pods)).incarnation, sum(&whole).incarnation, "one of them began anew");
        pods[22].1 = Err("gone".to_owned());
        let lost = told(&pods);
        assert_eq!(lost.missing[0].series.subject, "lb/other");
        assert!(lost.missing[0].why.contains("a/22"), "{lost:?}");
        // One of the first that is lost lets no other take its place.
        pods[22].1 = count(10, 1);
        pods[0].1 = Err("gone".to_owned());
        let lost = told(&pods);
        assert_eq!((lost.missing[0].series.subject.as_str(), sum(&lost).first), ("lb/a/00", 30));
    }

    #[test]
    fn a_long_name_is_summed_and_no_pod_is_no_figure() {
        let long = format!("{}/{}", "n".repeat(63), "p".repeat(253));
        let one = told(&[(&long, count(4, 1))]);
        assert_eq!(one.observations[0].series.subject, "lb/other");
        assert_eq!(told(&[]), Readout::default());
    }
}
