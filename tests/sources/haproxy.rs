//! The HAProxy source at a real HAProxy, driven with `openssl s_time`.

use crate::proxy::Proxy;
use crate::tools;
use highwater::files::Root;
use highwater::sources::ssl::haproxy::Haproxy;
use highwater_rules::figure::Figure;
use highwater_rules::record::Counters;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

fn counters(proxy: &Proxy) -> Counters {
    let source = Haproxy::new(&Root::new("/"), "haproxy", &proxy.socket());
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
