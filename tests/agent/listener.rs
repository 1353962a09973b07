//! The listener, as a scraper and a prober find it; and what is made for them, held to what it tells.

use crate::agent::eventually;
use crate::home::Home;
use crate::tools;
use highwater::files::read_bounded;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An answer: its status, its head, and its body.
fn exchange(mut stream: impl Read + Write, request: &str) -> (u16, String, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), body.to_owned())
}

pub(crate) fn get(port: u16, path: &str) -> (u16, String, String) {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    exchange(stream, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
}

fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {page}")).parse().unwrap()
}

/// The page of an agent that has sampled.
fn page() -> String {
    let port = free_port();
    let home = Home::new().with("HIGHWATER_LISTEN__ADDRESS", format!("127.0.0.1:{port}"));
    let mut agent = home.run();
    agent.slots(2);
    let page = eventually("a sample", || {
        let (status, _, page) = get(port, "/metrics");
        (status == 200 && value(&page, "highwater_samples_total") >= 2.0).then_some(page)
    });
    agent.stop();
    page
}

#[test]
fn a_scraper_finds_what_the_log_tells() {
    let port = free_port();
    let home = Home::new().with("HIGHWATER_LISTEN__ADDRESS", format!("127.0.0.1:{port}"));
    let mut agent = home.run();
    let sampled = agent.slots(2).remove(1);
    let (status, head, page) = get(port, "/metrics");
    assert!(
        status == 200 && head.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"),
        "{head}"
    );
    assert!(head.contains("Connection: close"), "{head}");
    assert_eq!(value(&page, "highwater_ram_capacity_bytes"), sampled.number("ram_capacity"));
    assert_eq!(value(&page, "highwater_slot_seconds"), 1.0);
    assert!(value(&page, "highwater_samples_total") >= 1.0);
    assert!(value(&page, "highwater_last_sample_timestamp_seconds") >= sampled.at() as f64 - 1.0);
    assert_eq!(value(&page, "highwater_gate_stage{stage=\"open\"}"), 1.0);
    assert_eq!(value(&page, "highwater_gate_stage{stage=\"closed\"}"), 0.0);
    assert_eq!(value(&page, "highwater_source_up{source=\"network\"}"), 1.0);
    assert_eq!(value(&page, "highwater_log_events_total{event=\"started\",level=\"info\"}"), 1.0);
    let split = "highwater_log_events_total{event=\"identity_split\",level=\"error\"}";
    assert_eq!(value(&page, split), 0.0, "the first one has to be an increase");
    assert_eq!(get(port, "/healthz").0, 200);
    assert_eq!(eventually("ready", || Some(get(port, "/readyz").0).filter(|status| *status == 200)), 200);
    assert_eq!(get(port, "/v1/gate").0, 404);
    let post = |path: &str| {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        exchange(stream, &format!("POST {path} HTTP/1.1\r\nContent-Length: 0\r\n\r\n")).0
    };
    assert_eq!((post("/metrics"), post("/v1/push")), (405, 404), "nobody gives orders here");
    let head = exchange(TcpStream::connect(("127.0.0.1", port)).unwrap(), "HEAD /metrics HTTP/1.1\r\n\r\n");
    assert_eq!((head.0, head.2.as_str()), (200, ""));
    agent.stop();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn silent_connections_give_way_to_who_asks_and_sampling_goes_on() {
    let port = free_port();
    let home = Home::new().with("HIGHWATER_LISTEN__ADDRESS", format!("127.0.0.1:{port}"));
    let mut agent = home.run();
    agent.slots(1);
    let mut idle: Vec<TcpStream> =
        (0..300).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    assert_eq!(get(port, "/healthz").0, 200);
    // The one that came first had to go.
    idle[0].set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    assert!(matches!(idle[0].read(&mut [0; 1]), Ok(0) | Err(_)));
    agent.slots(2);
    agent.stop();
}

#[test]
fn it_listens_at_a_unix_socket_and_follows_the_configuration() {
    let home = Home::new().configured("");
    let path = home.tree.at("metrics.sock");
    let listening = |address: &str| home.write_config(&format!("[listen]\naddress = \"{address}\"\n"));
    listening(&format!("unix:{}", path.display()));
    let mut agent = home.run();
    agent.slots(1);
    let ask = || exchange(UnixStream::connect(&path).unwrap(), "GET /metrics HTTP/1.0\r\n\r\n");
    assert_eq!(ask().0, 200);
    listening("none");
    agent.signal(Signal::SIGHUP);
    agent.event("reloaded");
    assert!(!path.exists(), "what is off leaves nothing behind");
    listening(&format!("unix:{}", path.display()));
    agent.signal(Signal::SIGHUP);
    agent.event("reloaded");
    assert_eq!(ask().0, 200);
    listening("0.0.0.0:9464");
    agent.signal(Signal::SIGHUP);
    assert!(agent.event("reload_failed").get("error").unwrap().contains("loopback"));
    assert_eq!(ask().0, 200, "the old configuration stays");
    agent.stop();
    assert!(!path.exists());
}

#[test]
fn a_port_that_is_taken_is_told_and_metering_goes_on() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let home = Home::new().with("HIGHWATER_LISTEN__ADDRESS", format!("127.0.0.1:{port}"));
    let mut agent = home.run();
    let error = agent.event("listen_failed").get("error").unwrap().to_owned();
    assert!(error.contains(&port.to_string()) && error.contains("listen.address"), "{error}");
    agent.slots(1);
    agent.stop();
}

#[test]
fn prometheus_own_linter_finds_nothing_to_say() {
    if tools::missing(&[("promtool", "--version")]) {
        return;
    }
    let page = page();
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = promtool.spawn().unwrap();
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}\n{page}", String::from_utf8_lossy(&said));
}

#[test]
fn the_rules_for_prometheus_hold_their_own_tests() {
    if tools::missing(&[("promtool", "--version")]) {
        return;
    }
    let alerts = repository().join("packaging/alerts");
    for arguments in [
        ["check", "rules", "prometheus.yaml"],
        ["test", "rules", "prometheus.test.yaml"],
        ["check", "rules", "prometheus-central.yaml"],
    ] {
        let output = Command::new("promtool").args(arguments).current_dir(&alerts).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    read_bounded(&repository().join(path), 1 << 20).unwrap()
}

/// The words in a text that begin with `highwater_`.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("highwater_")).map(str::to_owned).collect()
}

/// Those that a scraper finds, whether they have a value now or not.
fn told() -> BTreeSet<String> {
    let page = page();
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    types.map(str::to_owned).collect()
}

/// The rules' expressions.
fn rules(path: &str) -> Vec<String> {
    let text = text(path);
    text.lines().filter(|line| line.trim_start().starts_with("expr:")).map(str::to_owned).collect()
}

/// All expressions of a dashboard.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("expr").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| expressions(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[test]
fn the_page_the_rules_and_the_dashboard_know_the_metrics_that_there_are() {
    let told = told();
    let documented: BTreeSet<String> = text("docs/metrics.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("highwater_"))
        .map(str::to_owned)
        .collect();
    assert_eq!(documented, told, "docs/metrics.md, and what the agent tells");
    let dashboard: Value = serde_json::from_str(&text("packaging/grafana/highwater.json")).unwrap();
    let mut found = Vec::new();
    expressions(&dashboard, &mut found);
    assert!(found.len() > 10, "{found:?}");
    for expression in found {
        let used = metrics_in(&expression);
        assert!(!used.is_empty() && used.is_subset(&told), "{expression}: {:?}", used.difference(&told));
    }
    let rules = rules("packaging/alerts/prometheus.yaml");
    assert!(rules.len() > 5, "{rules:?}");
    for rule in rules {
        let used = metrics_in(&rule);
        assert!(used.is_subset(&told), "{rule}: {:?}", used.difference(&told));
    }
}

#[test]
fn the_rules_for_central_know_the_metrics_that_its_source_has() {
    let source = text("central/src/metrics.rs");
    let heads = source.split("page.head(").skip(1).filter_map(|after| after.split('"').nth(1));
    let told: BTreeSet<String> = heads.map(|name| format!("highwater_central_{name}")).collect();
    let rules = rules("packaging/alerts/prometheus-central.yaml");
    assert!(told.len() > 5 && rules.len() > 3, "{told:?} {rules:?}");
    for rule in rules {
        for used in metrics_in(&rule) {
            assert!(told.contains(used.trim_end_matches("_bucket")), "{used} in {rule}");
        }
    }
}

#[test]
fn doctor_asks_the_agent_where_it_listens_and_tells_where_nobody_answers() {
    let listener = |home: &Home| {
        let (doctor, _) = home.json_and_code(&["doctor"]);
        let check = doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "listener");
        check.map(|check| (check["ok"].as_bool().unwrap(), check["detail"].as_str().unwrap().to_owned()))
    };
    let port = free_port();
    let home = Home::new().with("HIGHWATER_LISTEN__ADDRESS", format!("127.0.0.1:{port}"));
    assert_eq!(listener(&home), None, "where no agent runs, nobody is asked");
    let mut agent = home.run();
    agent.slots(1);
    assert_eq!(listener(&home), Some((true, format!("the agent answers at 127.0.0.1:{port}"))));
    agent.stop();
    // It is taken by one that never says anything.
    let _taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut agent = home.run();
    agent.event("listen_failed");
    agent.slots(1);
    let (is_ok, detail) = listener(&home).unwrap();
    assert!(
        !is_ok && detail.contains("nobody answers") && detail.contains("listen_failed says why"),
        "{detail}"
    );
    agent.stop();
}
