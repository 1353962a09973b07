//! TLS sessions of the pods of a node, at their own expositions.

use crate::stub::{Fault, Stub};
use highwater::config::ssl::{At, Counts, Scraped as Config, Which};
use highwater::kubernetes::Api;
use highwater::sources::Readout;
use highwater::sources::pods::{Shared, Want};
use highwater::sources::ssl::prometheus::Scraped;
use highwater_rules::record::Counters;
use highwater_rules::selector::Selector;
use serde_json::json;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A pod's metrics: a counter at a port.
struct Metrics {
    port: u16,
    count: Arc<AtomicU64>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Metrics {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let metrics = Metrics { port, count: Arc::default(), asked: Arc::default() };
        let (count, asked) = (Arc::clone(&metrics.count), Arc::clone(&metrics.asked));
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
                let first = lines.next().and_then(Result::ok).unwrap_or_default();
                asked.lock().unwrap().push(first.split(' ').nth(1).unwrap_or_default().to_owned());
                // The head's end.
                let _ = lines.map_while(Result::ok).find(String::is_empty);
                let body = format!(
                    "haproxy_frontend_ssl_reuse 7\nsessions_total {}\n",
                    count.load(Ordering::SeqCst)
                );
                let _ = write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            }
        });
        metrics
    }

    fn count(&self, to: u64) {
        self.count.store(to, Ordering::SeqCst);
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The cluster's only pods: of these names, each with what is to be scraped of it.
fn pods(stub: &Stub, all: &[(&str, &str, Option<String>)]) {
    stub.pods(|pods| {
        let one = pods[0].clone();
        *pods = all
            .iter()
            .map(|(name, uid, scrape)| {
                let mut pod = one.clone();
                pod["metadata"]["name"] = json!(name);
                pod["metadata"]["uid"] = json!(uid);
                pod["status"]["phase"] = json!("Running");
                pod["status"]["podIP"] = json!("127.0.0.1");
                if let Some(scrape) = scrape {
                    pod["metadata"]["annotations"] = json!({"other": "x", "highwater.dev/scrape": scrape});
                }
                pod
            })
            .collect();
    });
}

fn source(stub: &Stub, which: Which, port: u16) -> Scraped {
    let want = match &which {
        Which::Annotated => Want::Annotated,
        Which::Selected(selector) => Want::Selected(selector.clone()),
    };
    let shared = Shared::new(Api::new(&stub.config()), vec![want], None, 300);
    let at = At { which, port, path: "/own".to_owned() };
    let config = Config { at, counts: Counts::Metric("sessions_total".to_owned()), matchers: Vec::new() };
    Scraped::new("lb", &config, Some(shared.user(0)))
}

fn counters(readout: &Readout, subject: &str) -> Option<Counters> {
    readout.observations.iter().find(|o| o.series.subject == subject)?.figure.counters()
}

#[test]
fn annotated_pods_are_series_of_their_own_and_one_that_does_not_answer_is_missing_alone() {
    let stub = Stub::start();
    let (one, other) = (Metrics::start(), Metrics::start());
    one.count(40);
    other.count(2);
    pods(
        &stub,
        &[
            ("lb-0", "u0", Some(format!("{}/metrics", one.port))),
            ("lb-1", "u1", Some(format!("{}", other.port))),
            ("lb-2", "u2", Some("1/metrics".to_owned())),
            ("lb-3", "u3", Some("no port".to_owned())),
            ("web", "u4", None),
        ],
    );
    let readout = source(&stub, Which::Annotated, 1).read().unwrap();
    assert_eq!(counters(&readout, "lb/shop/lb-0").unwrap().first, 40);
    assert_eq!(counters(&readout, "lb/shop/lb-1").unwrap().first, 2);
    let missing: Vec<&str> = readout.missing.iter().map(|m| m.series.subject.as_str()).collect();
    assert_eq!((missing, readout.observations.len()), (vec!["lb/shop/lb-2", "lb/shop/lb-3"], 2));
    assert!(readout.missing[1].why.contains("highwater.dev/scrape: no port"), "{readout:?}");
    assert_eq!((one.asked(), other.asked()), (vec!["/metrics".to_owned()], vec!["/metrics".to_owned()]));
}

#[test]
fn a_selector_names_pods_and_a_pod_that_came_anew_under_its_name_is_a_reset() {
    let stub = Stub::start();
    let metrics = Metrics::start();
    metrics.count(100);
    pods(&stub, &[("lb-0", "u0", None)]);
    let mut source = source(&stub, Which::Selected(Selector::parse("metered=yes").unwrap()), metrics.port);
    let first = counters(&source.read().unwrap(), "lb/shop/lb-0").unwrap();
    metrics.count(150);
    let second = counters(&source.read().unwrap(), "lb/shop/lb-0").unwrap();
    assert_eq!((second.first, second.incarnation), (150, first.incarnation));
    assert_eq!(stub.asked_for("GET", "/api/v1/pods").len(), 1, "both were of one slot");
    assert_eq!(metrics.asked(), ["/own", "/own"]);
    // The same counter, at the same place and under the same name, of another pod. The list is asked for anew by another agent.
    pods(&stub, &[("lb-0", "u1", None)]);
    let mut later =
        self::source(&stub, Which::Selected(Selector::parse("metered=yes").unwrap()), metrics.port);
    let anew = counters(&later.read().unwrap(), "lb/shop/lb-0").unwrap();
    assert_ne!(anew.incarnation, second.incarnation);
}

#[test]
fn one_that_has_not_started_is_not_asked_and_no_pod_is_no_figure() {
    let stub = Stub::start();
    pods(&stub, &[("lb-0", "u0", Some("1".to_owned()))]);
    stub.pods(|pods| pods[0]["status"]["phase"] = json!("Pending"));
    assert_eq!(source(&stub, Which::Annotated, 1).read().unwrap(), Readout::default());
}

#[test]
fn pods_that_can_not_be_listed_are_an_error() {
    let stub = Stub::start();
    stub.fail("GET", "/api/v1/pods", 1, Fault::Status(500, String::new(), String::new()));
    assert!(source(&stub, Which::Annotated, 1).read().is_err());
}
