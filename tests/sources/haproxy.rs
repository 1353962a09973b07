//! The HAProxy source at a real HAProxy, driven with `openssl s_time`.

use crate::proxy::Proxy;
use crate::tools;
use crate::tree::Tree;
use highwater::files::Root;
use highwater::sources::ssl::haproxy::Haproxy;
use highwater_rules::figure::Figure;
use highwater_rules::record::Counters;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

fn counters(proxy: &Proxy) -> Counters {
    let mut source = Haproxy::new(&Root::new("/"), "haproxy", &proxy.socket());
    match source.read().unwrap().observations[0].figure {
        Figure::Count(counters) => counters,
        other => panic!("{other:?} is no count"),
    }
}

#[test]
fn the_count_is_haproxys_own_and_the_clients() {
    if tools::missing(&[("haproxy", "-v"), ("openssl", "version")]) {
        return;
    }
    let mut proxy = Proxy::start();
    let before = counters(&proxy);
    assert_eq!(before.first, 0);
    let made = proxy.drive("-new");
    assert_eq!(counters(&proxy).first, made, "full handshakes");
    let resumed = proxy.drive("-reuse");
    for _ in 0..50 {
        let mut plain = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
        plain.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        // Until HAProxy has refused it.
        let _ = plain.read(&mut [0; 16]);
    }
    let after = counters(&proxy);
    assert_eq!(after.first, made + resumed, "plain connections on the port are no sessions");
    assert_eq!(after.first, proxy.own_sum());
    assert_eq!(after.incarnation, before.incarnation);
    println!("{made} full, {resumed} resumed and the one before them");
    proxy.restart();
    let reborn = counters(&proxy);
    assert_eq!(reborn.first, 0);
    assert_ne!(reborn.incarnation, before.incarnation);
}

#[test]
fn cleared_counters_are_a_gap_though_they_outgrew_what_they_had() {
    if tools::missing(&[("haproxy", "-v"), ("openssl", "version"), ("curl", "--version")]) {
        return;
    }
    let tree = Tree::new(&[]);
    let admin = tree.at("admin.sock");
    let proxy = Proxy::with(&format!("global\n  stats socket {} level admin\n", admin.display()));
    let mut source = Haproxy::new(&Root::new("/"), "haproxy", &proxy.socket()).with_services(9);
    let mut read = || {
        let observations = source.read().unwrap().observations;
        let tls = observations.iter().find(|o| o.series.to_string() == "vs_bytes/haproxy/tls").unwrap();
        [observations[0].figure, tls.figure].map(|figure| match figure {
            Figure::Count(counters) | Figure::Amount(counters) => counters,
            other => panic!("{other:?} is no count"),
        })
    };
    let many = |count: usize| (0..count).for_each(|_| proxy.one_session());
    many(12);
    let first = read();
    many(2);
    let before = read();
    assert_eq!(before.map(|c| c.incarnation), first.map(|c| c.incarnation));
    assert_eq!((first[0].first, before[0].first), (12, 14));
    let clear = |question: &str| {
        let mut stream = UnixStream::connect(&admin).unwrap();
        stream.write_all(question.as_bytes()).unwrap();
        stream.read_to_string(&mut String::new()).unwrap();
    };
    clear("clear counters all\n");
    many(16);
    let cleared = read();
    assert_eq!(cleared[0].first, 16, "more than before");
    assert!(cleared[1].first > before[1].first, "more than before");
    assert!((0..2).all(|at| cleared[at].incarnation != before[at].incarnation));
    many(1);
    let after = read();
    assert_eq!((after[0].incarnation, after[0].first), (cleared[0].incarnation, 17));
    assert_eq!(after[1].incarnation, cleared[1].incarnation);
    clear("clear counters\n");
    many(18);
    let cleared = read();
    assert_eq!(cleared[0].first, 18, "it clears the sessions without `all`, too");
    assert_ne!(cleared[0].incarnation, after[0].incarnation);
    assert_eq!(cleared[1].incarnation, after[1].incarnation, "but not the bytes");
    assert!(cleared[1].first > 2 * after[1].first, "but not the bytes");
}

fn bytes(source: &mut Haproxy) -> BTreeMap<String, Counters> {
    let observations = source.read().unwrap().observations.into_iter();
    let services = observations.filter_map(|o| match o.figure {
        Figure::Amount(counters) => Some((o.series.to_string(), counters)),
        _ => None,
    });
    services.collect()
}

#[test]
fn the_bytes_of_a_frontend_are_haproxys_own_and_the_clients() {
    if tools::missing(&[("haproxy", "-v"), ("openssl", "version")]) {
        return;
    }
    let mut proxy = Proxy::start();
    let source = || Haproxy::new(&Root::new("/"), "front", &proxy.socket());
    let (mut each, mut one) = (source().with_services(20), source().with_services(1));
    assert!(bytes(&mut each).values().all(|counters| counters.first == 0));
    let first = bytes(&mut one);
    let passed: u64 = (0..200).map(|_| proxy.raw_request()).sum();
    proxy.drive("-new");
    let after = bytes(&mut each);
    let names: Vec<&str> = after.keys().map(String::as_str).collect();
    assert_eq!(names, ["vs_bytes/front/plain", "vs_bytes/front/raw", "vs_bytes/front/tls"]);
    assert_eq!(after["vs_bytes/front/raw"].first, passed, "what the client sent and received");
    for name in ["plain", "raw", "tls"] {
        assert_eq!(after[&format!("vs_bytes/front/{name}")].first, proxy.own_bytes(name), "{name}");
    }
    let bounded = bytes(&mut one);
    let other = bounded["vs_bytes/front/other"];
    assert_eq!((bounded.len(), other.first), (2, proxy.own_bytes("raw") + proxy.own_bytes("tls")));
    assert_eq!(other.incarnation, first["vs_bytes/front/other"].incarnation);
    println!("{passed} bytes raw, {} as messages", proxy.own_bytes("plain"));
    proxy.restart();
    for (name, counters) in bytes(&mut one) {
        assert_eq!(counters.first, 0, "{name}");
        assert_ne!(counters.incarnation, bounded[&name].incarnation, "{name}");
    }
}
