//! Every parser, fed with noise and with real texts that were tampered with: it may refuse, and never panics.

use highwater::host;
use highwater::sources::ssl::haproxy::told;
use highwater::sources::ssl::loadmaster::{json, xml};
use highwater::sources::{cgroup, container, interfaces, presence, ram};
use highwater_rules::record::Counters;
use highwater_rules::tally::{Scrape, Tally};
use proptest::prelude::*;
use std::collections::BTreeMap;

const MEMINFO: &str = "MemTotal:       16384000 kB\nMemFree:          731204 kB\n";
const NET_DEV: &str = "Inter-|   Receive  |  Transmit\n face |bytes |bytes\n\
    lo:       1   1 0 0 0 0 0 0        1   1 0 0 0 0 0 0\n  eth0: 7777 8 0 0 0 0 0 0 6666 9 0 0 0 0 0 0\n";
const CGROUP: &str = "12:pids:/docker/4f5e\n9:memory:/docker/4f5e\n0::/docker/4f5e\n";
const MOUNTINFO: &str = "619 613 0:35 /docker/4f5e /sys/fs/cgroup/memory ro master:16 - cgroup cgroup rw,memory\n\
    30 23 0:26 / /sys/fs/cg\\040roup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
pub(crate) const HAPROXY: &str = "Name: HAProxy\nPid: 4242\nCumSslConns: 99\nStart_time_sec: 1700000000\n\n\
    # pxname,svname,bin,bout,type,last_chk,ssl_sess,ssl_reused_sess,\n\
    a,FRONTEND,100,23,0,\"x, \"\"y\"\"\",10,5,\nb,FRONTEND,7,0,0,,7,1,\nc,BACKEND,9,9,1,,900,900,\n\n";
const XML: &str = "<?xml version=\"1.0\"?><Response stat=\"200\" code=\"ok\"><Success><Data><TPS><SSL>4</SSL></TPS><Vs>\
    <VSAddress>10.0.0.1</VSAddress><VSPort>443</VSPort><VSProt>tcp</VSProt><Index>1</Index><TotalBytes>9</TotalBytes></Vs>\
    </Data></Success></Response>";
const JSON: &str = "{\"TPS\":{\"SSL\":4},\"Vs\":[{\"VSAddress\":\"10.0.0.1\",\"VSPort\":443,\"VSProt\":\"tcp\",\
    \"Index\":1,\"TotalBytes\":9}],\"code\":200,\"status\":\"ok\"}";
const OS_RELEASE: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID='12'\nID=debian\n";

fn sessions(answer: &str) -> Result<Counters, String> {
    let told = told(answer).map_err(|garbled| garbled.to_string())?;
    let starts = BTreeMap::from([(told.process.pid, told.process.started)]);
    let counters = Tally::default().sum(Scrape { values: told.sessions, starts });
    counters.ok_or_else(|| "too large".to_owned())
}

/// Gives a text to every parser, whatever it was meant for.
fn feed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = ram::mem_total(&text).map(|total| assert!(total > 0));
    let _ = interfaces::net_dev(&text);
    let _ = interfaces::count(&text);
    let _ = cgroup::own_path(&text).map(|(_, path)| assert!(path.starts_with('/')));
    let _ = cgroup::limit(&text);
    for hierarchy in [cgroup::Hierarchy::V1, cgroup::Hierarchy::V2] {
        let _ = cgroup::mounts(&text, hierarchy);
    }
    let _ = container::kind_of_cgroups(&text);
    let _ = sessions(&text);
    let _ = xml::answer(&text);
    let _ = json::answer(&text);
    let _ = host::os_release(&text, "PRETTY_NAME");
    let _ = host::processors(&text);
    let _ = host::listed_processors(&text);
    let _ = host::firmware(&text, &text);
    let _ = presence::argv0(bytes);
    let _ = presence::state(bytes);
    let _ = presence::comm_fits(bytes, &text);
}

#[test]
fn the_real_texts_are_understood() {
    assert_eq!(ram::mem_total(MEMINFO), Ok(16_384_000 << 10));
    let interfaces = interfaces::net_dev(NET_DEV).unwrap();
    assert_eq!((interfaces[1].name.as_str(), interfaces[1].rx, interfaces[1].tx), ("eth0", 7777, 6666));
    assert_eq!(cgroup::own_path(CGROUP), Ok((cgroup::Hierarchy::V1, "/docker/4f5e".to_owned())));
    let mounts = cgroup::mounts(MOUNTINFO, cgroup::Hierarchy::V2);
    assert_eq!((mounts[0].root.as_str(), mounts[0].point.as_str()), ("/", "/sys/fs/cg roup"));
    assert_eq!(sessions(HAPROXY).map(|c| c.first), Ok(23));
    assert_eq!(xml::answer(XML), json::answer(JSON));
    assert!(xml::answer(XML).is_ok());
    assert_eq!(container::kind_of_cgroups("0::/system.slice/docker.service\n"), None);
    assert_eq!(container::kind_of_cgroups("0::/system.slice/docker-4f5e.scope\n"), Some("docker"));
    assert_eq!(ram::mem_total("MemTotal:       163"), ram::mem_total("MemTotal: 163"));
    assert!(ram::mem_total("MemTotal:       163").is_err(), "a number cut short is no number");
}

#[test]
fn each_frontend_is_told_with_its_bytes_in_and_out() {
    let of = |text: &str| told(text).map(|told| told.frontends);
    let frontends = of(HAPROXY).unwrap();
    let each: Vec<(&str, u64)> = frontends.iter().map(|f| (f.name.as_str(), f.bytes)).collect();
    assert_eq!(each, [("a", 123), ("b", 7)]);
    let incarnation = told(HAPROXY).unwrap().process.incarnation();
    assert!(frontends.iter().all(|f| f.incarnation == incarnation));
    assert_eq!(of(&HAPROXY.replace("bin,bout", "x,y")), Ok(vec![]), "no such columns");
    for cell in ["-1", "x", "18446744073709551615"] {
        assert!(of(&HAPROXY.replace(",100,23,", &format!(",{cell},23,"))).is_err(), "{cell}");
    }
}

#[test]
fn an_old_haproxy_is_taken_at_its_connections() {
    let old = HAPROXY.replace("ssl_sess,ssl_reused_sess,", "");
    assert_eq!(sessions(&old).map(|c| c.first), Ok(99));
    assert!(sessions(&old.replace("CumSslConns", "Other")).is_err());
}

#[test]
fn another_process_or_another_start_is_another_incarnation() {
    let of = |text: &str| sessions(text).unwrap().incarnation;
    assert_ne!(of(HAPROXY), of(&HAPROXY.replace("4242", "4243")));
    assert_ne!(of(HAPROXY), of(&HAPROXY.replace("1700000000", "1700000001")));
    assert_eq!(of(HAPROXY), of(&HAPROXY.replace(",10,5,", ",11,5,")));
}

#[test]
fn half_an_answer_is_none() {
    for end in 0..HAPROXY.len() {
        assert!(sessions(&HAPROXY[..end]).is_err(), "cut at {end}");
    }
    for (from, to) in [
        (",10,5,", ",10"),
        (",10,5,", ",x,5,"),
        (",10,5,", ",-1,5,"),
        ("Pid: 4242", "Pid: new"),
        ("type", "kind"),
    ] {
        assert!(sessions(&HAPROXY.replace(from, to)).is_err(), "{from} -> {to}");
    }
    assert!(sessions(&HAPROXY.replace(",10,5,", ",18446744073709551615,5,")).is_err());
    assert!(sessions(&HAPROXY.replace(",10,5,", ",18446744073709551615,,")).is_err(), "the sum is too large");
    assert!(
        sessions(&HAPROXY.replace("FRONTEND,100,23,0", "BACKEND,100,23,1").replace("7,0,0,", "7,0,1,"))
            .is_err()
    );
    assert!(
        sessions(&HAPROXY.replace(",10,5,", ",,,").replace(",7,1,", ",,,")).is_err(),
        "none tells of TLS"
    );
    assert_eq!(sessions(&HAPROXY.replace(",10,5,", ",,,")).map(|c| c.first), Ok(8), "one does");
}

proptest! {
    #[test]
    fn no_parser_panics_on_noise(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        feed(&bytes);
    }

    #[test]
    fn no_parser_panics_on_a_real_text_tampered_with(
        which in 0usize..8,
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, prop::collection::vec(any::<u8>(), 0..6)), 1..6),
    ) {
        let mut text = [MEMINFO, NET_DEV, CGROUP, MOUNTINFO, HAPROXY, OS_RELEASE, XML, JSON][which].as_bytes().to_vec();
        for (at, length, put) in cuts {
            let from = at.index(text.len() + 1);
            let to = (from + length).min(text.len());
            text.splice(from..to, put);
        }
        feed(&text);
    }

    #[test]
    fn a_table_of_any_counters_is_told_as_it_is(rows in prop::collection::vec((any::<u64>(), any::<u64>()), 0..20)) {
        let mut text = "a|\nb|\n".to_owned();
        for (i, (rx, tx)) in rows.iter().enumerate() {
            text += &format!("if{i}: {rx} 0 0 0 0 0 0 0 {tx} 0 0 0 0 0 0 0\n");
        }
        let told: Vec<(u64, u64)> = interfaces::net_dev(&text).unwrap().iter().map(|i| (i.rx, i.tx)).collect();
        prop_assert_eq!(told, rows);
    }
}
