//! Sources that never answer.

use crate::home::Home;
use crate::host::Host;
use crate::rows;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

fn check(host: &Host) {
    let config = "[[ssl]]\nkind = \"haproxy\"\nname = \"front\"\nsocket = \"/hang.sock\"\n";
    let home = Home::new().at_root(host.root()).configured(config);
    let mut agent = home.run();
    let failed =
        agent.line("failure", |l| l.event() == "source_failed" && l.get("source") == Some("ssl/front"));
    assert!(failed.get("error").is_some());
    let whole = |l: &crate::line::Line| {
        l.is_slot() && l.get("ram_capacity").is_some() && l.get("network_throughput").is_some()
    };
    let sampled: Vec<_> = (0..5).map(|_| agent.line("sample of what does not hang", whole)).collect();
    let log = agent.stop();
    let ledger = home.ledger();
    for line in &sampled {
        assert_eq!(line.get("ssl_tps_gap"), Some("source_failed"), "{line:?}");
        let at = line.at();
        assert_eq!(rows::gap(&ledger, at, "front").as_deref(), Some("source_failed"));
    }
    let zeros: i64 = rows::one(&ledger, "SELECT count(*) FROM readings WHERE meter = 'ssl_tps'", []);
    assert_eq!(zeros, 0, "a gap is never a zero");
    let slots: Vec<i64> = log.iter().filter(|l| l.is_slot()).map(crate::line::Line::slot).collect();
    assert_eq!(rows::slots(&ledger), slots);
    home.assert_verified();
}

#[test]
fn a_peer_that_accepts_and_never_answers_costs_only_its_own_series() {
    let host = Host::new();
    let listener = UnixListener::bind(host.tree().at("hang.sock")).unwrap();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            kept.push(stream);
        }
    });
    check(&host);
}

#[test]
fn a_source_whose_thread_blocks_for_good_costs_only_its_own_series() {
    let host = Host::new();
    let _full = full_backlog(&host.tree().at("hang.sock"));
    check(&host);
}

/// A listening socket with no room for another connection: `connect` waits there for ever.
fn full_backlog(path: &Path) -> Vec<OwnedFd> {
    let new = |flags| socket(AddressFamily::Unix, SockType::Stream, flags, None).unwrap();
    let address = UnixAddr::new(path).unwrap();
    let listener = new(SockFlag::empty());
    bind(listener.as_raw_fd(), &address).unwrap();
    listen(&listener, Backlog::new(0).unwrap()).unwrap();
    let mut kept = vec![listener];
    for _ in 0..64 {
        let waiting = new(SockFlag::SOCK_NONBLOCK);
        let connected = connect(waiting.as_raw_fd(), &address);
        kept.push(waiting);
        match connected {
            Ok(()) => {}
            Err(Errno::EAGAIN) => return kept,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the backlog has no end");
}
