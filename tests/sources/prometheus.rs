//! The Prometheus source at a real HAProxy, driven with `openssl s_time`, and at peers that behave badly.

use crate::exposition::settings;
use crate::proxy::Proxy;
use crate::tools;
use crate::tree::{Tree, within};
use highwater::clock;
use highwater::config::ssl::{Compare, Counts, Exposition, Matcher, Pass, Preset, Trust, Web};
use highwater::files::Root;
use highwater::sources::SourceError;
use highwater::sources::ssl::haproxy::Haproxy;
use highwater::sources::ssl::prometheus::Prometheus;
use highwater_rules::figure::Figure;
use highwater_rules::record::Counters;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

fn at(url: &str, counts: Counts, pass: Pass) -> Prometheus {
    let web = Web { url: url.parse().unwrap(), pass, client: None, trust: Trust::Host };
    let place = Exposition::Url(Box::new(web));
    Prometheus::new(&Root::new("/"), "test", &settings(place, counts, Vec::new()))
}

fn counted(source: &mut Prometheus) -> Result<Counters, SourceError> {
    let observations = source.read()?.observations;
    assert_eq!((observations.len(), observations[0].series.to_string().as_str()), (1, "ssl_tps/test"));
    match observations[0].figure {
        Figure::Count(counters) => Ok(counters),
        other => panic!("{other:?} is no count"),
    }
}

#[test]
fn the_count_is_the_clients_and_failed_and_plain_connections_are_in_it() {
    if tools::missing(&[("haproxy", "-v"), ("openssl", "version")]) {
        return;
    }
    let (exporter, url) = Proxy::exporter();
    let mut proxy = Proxy::with(&exporter);
    let source = || at(&url, Counts::Preset(Preset::Haproxy), Pass::Open);
    let mut first = source();
    let before = counted(&mut first).unwrap();
    assert_eq!(before.first, 0);
    let made = proxy.drive("-new");
    assert_eq!(counted(&mut first).unwrap().first, made, "full handshakes");
    let resumed = proxy.drive("-reuse");
    let after = counted(&mut first).unwrap();
    assert_eq!(after.first, made + resumed);
    assert_eq!(after.first, proxy.own_sum(), "as the stats socket says");
    assert_eq!(after.incarnation, before.incarnation);
    assert_eq!(counted(&mut source()).unwrap(), after, "an agent that began anew goes on where it was");

    // HAProxy's exporter (2.6) has no other count than of connections to TLS ports, good or not.
    const PLAIN: u64 = 50;
    for _ in 0..PLAIN {
        let mut plain = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
        plain.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let _ = plain.read(&mut [0; 16]);
    }
    assert_eq!(counted(&mut first).unwrap().first, made + resumed + PLAIN);
    assert_eq!(proxy.own_sum(), made + resumed, "the stats socket leaves them out");
    println!("{made} full, {resumed} resumed, {PLAIN} plain");

    proxy.restart();
    let reborn = counted(&mut first).unwrap();
    assert_eq!(reborn.first, 0);
    assert_ne!(reborn.incarnation, before.incarnation);

    let mut wrong = at(&url, Counts::Metric("haproxy_process_ssl_connection".to_owned()), Pass::Open);
    let told = wrong.read().unwrap_err().to_string();
    assert!(told.contains("there are haproxy_process_ssl_connections_total, "), "{told}");
}

#[test]
fn a_reload_shows_in_each_way_to_haproxy_though_the_new_worker_outgrew_the_old() {
    if tools::missing(&[("haproxy", "-v"), ("openssl", "version"), ("curl", "--version")]) {
        return;
    }
    let (exporter, url) = Proxy::exporter();
    let proxy = Proxy::with_master(&exporter);
    let mut scraped = at(&url, Counts::Preset(Preset::Haproxy), Pass::Open);
    let mut asked = Haproxy::new(&Root::new("/"), "test", &proxy.socket());
    let mut both = || {
        let Figure::Count(told) = asked.read().unwrap().observations[0].figure else { panic!("no count") };
        [told, counted(&mut scraped).unwrap()]
    };
    proxy.one_session();
    let old = both();
    assert_eq!(old.map(|counters| counters.first), [1; 2]);
    proxy.reload();
    let made = proxy.drive("-new");
    let new = both();
    assert_eq!(new.map(|counters| counters.first), [made; 2], "the old worker's are gone");
    assert!(made > 1, "it did not outgrow the old one");
    for (old, new) in old.iter().zip(&new) {
        assert_ne!(old.incarnation, new.incarnation, "{made} sessions would be taken for {}", made - 1);
    }
    assert_eq!(both(), new, "and it counts on from there");
}

/// What the source says of a peer that does `behave` with each connection, and the head of its first request.
fn told(
    pass: Pass,
    behave: impl Fn(&mut TcpStream) + Send + 'static,
) -> (Result<Counters, SourceError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/metrics?secret=geheim", listener.local_addr().unwrap());
    let peer = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        behave(&mut stream);
        String::from_utf8(head).unwrap().to_lowercase()
    });
    let mut source = at(&url, Counts::Metric("tls_total".to_owned()), pass);
    let outcome = within(20, move || counted(&mut source));
    if let Err(error) = &outcome {
        assert!(!error.to_string().contains("geheim"), "{error}");
    }
    (outcome, peer.join().unwrap())
}

fn error(behave: impl Fn(&mut TcpStream) + Send + 'static) -> SourceError {
    told(Pass::Open, behave).0.unwrap_err()
}

fn say(text: &'static str) -> impl Fn(&mut TcpStream) + Send {
    move |stream| stream.write_all(text.as_bytes()).unwrap()
}

/// Each peer listens at a port of its own.
const FIVE: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ntls_total 5\n";
const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";

#[test]
fn a_token_lets_the_agent_in_and_nothing_is_asked_for_that_would_be_unpacked() {
    let tree = Tree::new(&[("token", "s3cret\n")]);
    let (count, head) = told(Pass::Token(tree.at("token")), |stream| {
        stream.write_all(format!("{OK}tls_total 5\n").as_bytes()).unwrap();
    });
    assert_eq!(count.unwrap().first, 5);
    assert!(head.starts_with("get /metrics?secret=geheim http/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: bearer s3cret\r\n") && !head.contains("accept-encoding"), "{head}");
    tree.write("password", "pass word");
    let pass = Pass::Password { username: "me".to_owned(), file: tree.at("password") };
    let (_, head) = told(pass, |stream| stream.write_all(OK.as_bytes()).unwrap());
    assert!(head.contains("authorization: basic bwu6cgfzcyb3b3jk\r\n"), "{head}");
}

#[test]
fn a_peer_that_is_slow_or_silent_is_left_in_time() {
    let slow = error(|stream| {
        stream.write_all(OK.as_bytes()).unwrap();
        while stream.write_all(b"x").is_ok() {
            nix::poll::poll(&mut [], 30u8).unwrap();
        }
    });
    assert!(slow.to_string().contains("no whole answer within 900 ms"), "{slow}");
    let silent = error(|stream| {
        let _ = stream.read(&mut [0]);
    });
    assert!(matches!(silent, SourceError::Unreached { .. }), "{silent}");
}

/// Writes lines until nobody takes them, and at most that many bytes.
fn pour(stream: &mut TcpStream, max: usize, mut line: impl FnMut(usize) -> String) -> usize {
    let (mut poured, mut n) = (0, 0);
    while poured < max {
        let mut block = String::new();
        while block.len() < 65536 {
            block.push_str(&line(n));
            n += 1;
        }
        if stream.write_all(block.as_bytes()).is_err() {
            break;
        }
        poured += block.len();
    }
    poured
}

#[test]
fn an_answer_without_end_is_cut() {
    let endless = error(|stream| {
        stream.write_all(OK.as_bytes()).unwrap();
        let poured = pour(stream, 200 << 20, |n| format!("other_total{{n=\"{n}\"}} {n}\n"));
        assert!(poured < 64 << 20, "{poured} bytes were taken");
    });
    let is_cut = matches!(&endless, SourceError::AnswerTooLong { .. } | SourceError::Unreached { .. });
    assert!(is_cut, "{endless}");
    let line = error(|stream| {
        stream.write_all(OK.as_bytes()).unwrap();
        stream.write_all(b"tls_total{a=\"").unwrap();
        pour(stream, 1 << 20, |_| "x".repeat(1000));
    });
    assert!(line.to_string().contains("longer than 65536 bytes"), "{line}");
    let head = error(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").unwrap();
        pour(stream, 8 << 20, |_| "x".repeat(1000));
    });
    assert!(matches!(head, SourceError::Unreached { .. }), "{head}");
}

#[test]
fn a_million_series_are_refused_or_passed_over_in_bounded_memory() {
    let fitting = error(|stream| {
        stream.write_all(OK.as_bytes()).unwrap();
        pour(stream, 12 << 20, |n| format!("tls_total{{n=\"{n}\"}} 1\n"));
    });
    assert!(fitting.to_string().contains("more than 20000 series"), "{fitting}");
}

#[test]
fn what_is_no_exposition_is_no_count() {
    for (answer, expect) in [
        (
            "HTTP/1.1 301 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            "points elsewhere",
        ),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "refuses the question: 404"),
        ("HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n", "does not let the agent in (401)"),
        ("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n\x1f", "compressed"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\ntls_total 5\n", "no answer"),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<html>\n", "line 1: no sample"),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ntls_total 5", "cut short"),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", "no metric there has a name like it"),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ntls_handshakes 1\n", "there are tls_handshakes; name"),
        ("hello\r\n\r\n", "no answer"),
    ] {
        let error = error(say(answer)).to_string();
        assert!(error.contains(expect), "{answer}: {error}");
    }
}

fn file(path: PathBuf) -> Prometheus {
    let counts = Counts::Metric("tls_total".to_owned());
    Prometheus::new(&Root::new("/"), "test", &settings(Exposition::File(path), counts, Vec::new()))
}

#[test]
fn another_place_or_another_choice_is_another_counter_and_the_same_goes_on() {
    let tree = Tree::new(&[("a.prom", "tls_total 100\n"), ("b.prom", "tls_total 5000000\n")]);
    let of = |mut source: Prometheus| counted(&mut source).unwrap();
    let here = of(file(tree.at("a.prom")));
    tree.write("a.prom", "tls_total 107\n");
    let later = of(file(tree.at("a.prom")));
    assert_eq!((later.incarnation, later.first), (here.incarnation, 107), "a new agent, the same file");
    assert_ne!(of(file(tree.at("b.prom"))).incarnation, here.incarnation, "another file");
    let matchers = vec![Matcher { label: "a".to_owned(), compare: Compare::Is(String::new()) }];
    let counts = Counts::Metric("tls_total".to_owned());
    let chosen = settings(Exposition::File(tree.at("a.prom")), counts, matchers);
    let chosen = of(Prometheus::new(&Root::new("/"), "test", &chosen));
    assert_eq!(chosen.first, 107);
    assert_ne!(chosen.incarnation, here.incarnation, "other labels");
    let (one, other) = (told(Pass::Open, say(FIVE)).0.unwrap(), told(Pass::Open, say(FIVE)).0.unwrap());
    assert_eq!((one.first, other.first), (5, 5));
    assert_ne!(one.incarnation, other.incarnation, "another URL");
}

#[test]
fn a_file_is_read_unless_nobody_writes_it_any_more() {
    let tree = Tree::new(&[("a.prom", "tls_total{a=\"1\"} 5\ntls_total{a=\"2\"} 6\n")]);
    let mut source = file(tree.at("a.prom"));
    assert_eq!(counted(&mut source).unwrap().first, 11);
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    std::fs::File::options().write(true).open(tree.at("a.prom")).unwrap().set_modified(old).unwrap();
    let error = source.read().unwrap_err();
    assert!(error.to_string().contains("start what writes it"), "{error}");
    let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(clock::unix_s().unsigned_abs());
    for (ahead_s, is_taken) in [(200, true), (400, false), (400_000_000, false)] {
        let then = now + std::time::Duration::from_secs(ahead_s);
        std::fs::File::options().write(true).open(tree.at("a.prom")).unwrap().set_modified(then).unwrap();
        let told = source.read();
        assert_eq!(told.is_ok(), is_taken, "{ahead_s} s ahead: {told:?}");
        let says_so = told.map_or_else(|e| e.to_string().contains("s from now"), |_| true);
        assert!(says_so, "{ahead_s} s ahead");
    }
    assert!(matches!(file(tree.at("none")).read(), Err(SourceError::Unreadable { .. })));
    assert!(matches!(file("/dev/zero".into()).read(), Err(SourceError::Unreadable { .. })));
}
