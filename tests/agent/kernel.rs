//! Real servers across a real cable: what the kernel source counts against the clients and against HAProxy.

use crate::agent::{Agent, eventually};
use crate::home::{HIGHWATER, Home, without_root};
use crate::line::Line;
use crate::namespaces::Namespaces;
use crate::rows;
use crate::servers::{self, Client, HAPROXY, NGINX, ONE_CURVE, OPENSSL, Servers, drive, session};
use crate::tools;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

pub(crate) const V4: &str = "192.0.2.1";
const V6: &str = "[2001:db8::1]";
/// So many sessions at least are compared.
pub(crate) const SESSIONS: u64 = 10_000;
/// Rounds after which they must be made.
pub(crate) const ROUNDS: usize = 12;

const CONFIG: &str = r#"
[[ssl]]
kind = "kernel"
[[ssl]]
kind = "kernel"
name = "web"
ports = [8443, 1]
[[ssl]]
kind = "kernel"
name = "inside"
interfaces = ["lo"]
"#;

/// An agent at the near end, with what it counts.
pub(crate) struct Bench {
    pub(crate) spaces: Namespaces,
    servers: Servers,
    home: Home,
    pub(crate) agent: Agent,
}

/// `None` where this host can't.
pub(crate) fn spaces() -> Option<Namespaces> {
    if without_root() || tools::missing(servers::PROGRAMS) {
        return None;
    }
    let spaces = Namespaces::new();
    if spaces.is_none() {
        tools::skipped("this host makes no network namespaces");
    }
    spaces
}

pub(crate) fn at_near(home: &Home, spaces: &Namespaces, arguments: &[&str]) -> Command {
    let mut command = home.command("ip");
    command.args(["netns", "exec", spaces.near()]).args(arguments);
    command
}

impl Bench {
    fn new(config: &str) -> Option<Self> {
        Self::at(Home::new(), config)
    }

    pub(crate) fn at(home: Home, config: &str) -> Option<Self> {
        let spaces = spaces()?;
        let servers = Servers::start(&spaces);
        let home = home.configured(config);
        let mut agent = Agent::spawn(&mut at_near(&home, &spaces, &[HIGHWATER, "run"]));
        agent.slots(2);
        Some(Bench { spaces, servers, home, agent })
    }

    /// The counters of sources, read after all that has happened by now.
    pub(crate) fn counts<const N: usize>(&mut self, names: [&str; N]) -> [i64; N] {
        self.agent.whole_slots(2);
        let ledger = self.home.ledger();
        names.map(|name| {
            let steps = rows::steps(&ledger, "ssl_tps", name);
            steps.last().unwrap().counter.unwrap_or_else(|| panic!("{name}: {steps:#?}"))
        })
    }

    /// What was counted while something was done.
    fn during<const N: usize>(&mut self, names: [&str; N], work: impl FnOnce(&mut Self)) -> [i64; N] {
        let before = self.counts(names);
        work(self);
        let after = self.counts(names);
        std::array::from_fn(|n| after[n] - before[n])
    }
}

#[test]
fn ten_thousand_sessions_of_every_kind_are_counted_once_each() {
    let Some(mut bench) = Bench::new(CONFIG) else { return };
    let (mut made, mut at_haproxy) = (0, 0);
    let proxy_before = bench.servers.haproxy_sessions();
    let rounds: [[Client; 3]; 4] = [
        [
            (V4, HAPROXY, "-tls1_2", "-new"),
            (V6, HAPROXY, "-tls1_3", "-new"),
            (V4, NGINX, "-tls1_3", "-reuse"),
        ],
        [
            (V6, HAPROXY, "-tls1_2", "-reuse"),
            (V4, HAPROXY, "-tls1_3", "-reuse"),
            (V6, NGINX, "-tls1_2", "-new"),
        ],
        [
            (V4, HAPROXY, "-tls1_3", "-new"),
            (V6, NGINX, "-tls1_2", "-reuse"),
            (V6, OPENSSL, "-tls1_3", "-new"),
        ],
        [
            (V4, HAPROXY, "-tls1_2", "-reuse"),
            (V4, NGINX, "-tls1_3", "-new"),
            (V4, OPENSSL, "-tls1_2", "-reuse"),
        ],
    ];
    let [all, web, inside] = bench.during(["kernel", "web", "inside"], |bench| {
        for (n, clients) in rounds.iter().cycle().take(ROUNDS).enumerate() {
            if n >= rounds.len() && made >= SESSIONS {
                break;
            }
            let counts = drive(&bench.spaces, clients, 2);
            println!("{clients:?}: {counts:?}");
            made += counts.iter().sum::<u64>();
            let haproxy = counts.iter().zip(clients).filter(|(_, client)| client.1 == HAPROXY);
            at_haproxy += haproxy.map(|(count, _)| count).sum::<u64>();
        }
    });
    println!("{made} sessions made, {at_haproxy} of them at HAProxy; counted {all}, at HAProxy's port {web}");
    assert!(made >= SESSIONS, "{made} in {ROUNDS} rounds: too slow a machine for this test");
    assert_eq!(bench.servers.haproxy_sessions() - proxy_before, at_haproxy, "HAProxy and its clients agree");
    assert_eq!(all, made.cast_signed(), "of every server");
    assert_eq!(web, at_haproxy.cast_signed(), "of the configured ports");
    assert_eq!(inside, 0, "through another interface");

    // What a day is billed for: the rates, over the time that they stand for.
    let ledger = bench.home.ledger();
    let steps = rows::steps(&ledger, "ssl_tps", "kernel");
    let metered: f64 = steps.iter().filter_map(|s| s.value.as_ref().ok().map(|v| s.amount(*v))).sum();
    let counted = steps.last().unwrap().counter.unwrap() - steps[0].counter.unwrap();
    assert!((metered - counted as f64).abs() < 0.01, "{metered} metered of {counted}: {steps:#?}");
    assert!(steps[1..].iter().all(|step| step.value.is_ok()), "{steps:#?}");
    bench.agent.stop();
    bench.home.assert_verified();
}

#[test]
fn what_is_no_session_or_no_new_one_is_not_counted() {
    const TIMES: i64 = 25;
    let Some(mut bench) = Bench::new(CONFIG) else { return };
    let names = ["kernel", "web", "inside"];

    let ssl_before = bench.servers.info("CumSslConns");
    let counted = bench.during(names, |bench| {
        let url = format!("http://{V4}:{HAPROXY}/");
        for _ in 0..TIMES {
            let mut curl = bench.spaces.far_command("curl");
            let _ = curl.args(["-s", "-m", "5", &url]).output().unwrap();
            let address = SocketAddr::from(([192, 0, 2, 1], HAPROXY));
            bench.spaces.at_far(move || drop(TcpStream::connect(address).unwrap()));
        }
    });
    assert_eq!(counted, [0; 3], "plain HTTP and bare connections at a port for TLS");
    let seen = bench.servers.info("CumSslConns") - ssl_before;
    println!("of {TIMES} plain and {TIMES} bare connections HAProxy's CumSslConns counted {seen}");

    let [all, web, _] = bench.during(names, |bench| {
        for _ in 0..TIMES {
            let to = format!("{V4}:{ONE_CURVE}");
            let said = session(
                bench.spaces.far_command("openssl"),
                &["-connect", &to, "-tls1_3", "-groups", "X25519:P-384"],
            );
            let said = String::from_utf8_lossy(&said.stdout).into_owned();
            assert_eq!(said.matches(", ClientHello").count(), 2, "it was not asked to begin anew: {said}");
            assert_eq!(said.matches(", ServerHello").count(), 2, "{said}");
        }
    });
    assert_eq!((all, web), (TIMES, 0), "with a HelloRetryRequest");

    let counted = bench.during(names, |bench| {
        for host in ["127.0.0.1", "[::1]", V4] {
            for _ in 0..TIMES {
                session(bench.spaces.near_command("openssl"), &["-connect", &format!("{host}:{HAPROXY}")]);
            }
        }
    });
    assert_eq!(counted, [0, 0, 3 * TIMES], "local clients go over lo");

    // A handshake that the client breaks off: the server answered it, and counts as one.
    let counted = bench.during(names, |bench| {
        for _ in 0..TIMES {
            let mut curl = bench.spaces.far_command("curl");
            let ended = curl.args(["-s", "-m", "5", &format!("https://{V4}:{HAPROXY}/")]).status().unwrap();
            assert_eq!(ended.code(), Some(60), "curl refuses a certificate that it does not know");
        }
    });
    assert_eq!(counted, [TIMES, TIMES, 0], "refused by the client");
    bench.agent.stop();
}

#[test]
fn sessions_in_small_segments_and_through_what_stands_on_the_uplink_are_counted_once() {
    const TIMES: i64 = 20;
    let Some(mut bench) = Bench::new(CONFIG) else { return };
    // Segments of a hundred bytes, and none put together: a ServerHello takes two.
    bench.spaces.far_ip(&["route", "replace", "192.0.2.0/24", "dev", "wan1", "advmss", "100"]);
    bench.spaces.near_ip(&["link", "set", "wan0", "gso_max_segs", "1"]);
    let [all] = bench.during(["kernel"], |bench| {
        for _ in 0..TIMES {
            session(bench.spaces.far_command("openssl"), &["-connect", &format!("{V4}:{HAPROXY}")]);
        }
    });
    assert_eq!(all, TIMES, "split over segments");

    // What stands on the uplink hands it its packets: each is seen there, and only there.
    bench
        .spaces
        .near_ip(&["link", "add", "link", "wan0", "name", "mac0", "type", "macvlan", "mode", "bridge"]);
    bench.spaces.near_ip(&["address", "add", "198.51.100.1/24", "dev", "mac0"]);
    bench.spaces.far_ip(&["address", "add", "198.51.100.2/24", "dev", "wan1"]);
    bench.spaces.near_ip(&["link", "set", "mac0", "up"]);
    let [all] = bench.during(["kernel"], |bench| {
        for _ in 0..TIMES {
            session(bench.spaces.far_command("openssl"), &["-connect", &format!("198.51.100.1:{HAPROXY}")]);
        }
    });
    assert_eq!(all, TIMES, "through a macvlan");

    bench.spaces.near_ip(&["link", "delete", "mac0"]);
    bench.spaces.near_ip(&["link", "add", "br0", "type", "bridge"]);
    bench.spaces.near_ip(&["address", "delete", "192.0.2.1/24", "dev", "wan0"]);
    bench.spaces.near_ip(&["address", "add", "192.0.2.1/24", "dev", "br0"]);
    bench.spaces.near_ip(&["link", "set", "wan0", "master", "br0"]);
    bench.spaces.near_ip(&["link", "set", "br0", "up"]);
    let [all] = bench.during(["kernel"], |bench| {
        for _ in 0..TIMES {
            session(bench.spaces.far_command("openssl"), &["-connect", &format!("{V4}:{HAPROXY}")]);
        }
    });
    assert_eq!(all, TIMES, "through a bridge");
    let ledger = bench.home.ledger();
    let steps = rows::steps(&ledger, "ssl_tps", "kernel");
    assert!(
        steps[1..].iter().all(|step| step.value.is_ok()),
        "what stands on an interface changes nothing: {steps:#?}"
    );
    bench.agent.stop();
}

#[test]
fn an_interface_that_went_down_or_was_made_again_is_a_gap_and_then_counts_again() {
    const TIMES: i64 = 10;
    let Some(mut bench) = Bench::new(CONFIG) else { return };
    let clients = |bench: &Bench| {
        for _ in 0..TIMES {
            session(bench.spaces.far_command("openssl"), &["-connect", &format!("{V4}:{HAPROXY}")]);
        }
    };
    type Change = fn(&Namespaces);
    let changes: [(&str, Change); 4] = [
        ("down and up", |spaces| {
            spaces.near_ip(&["link", "set", "wan0", "down"]);
            spaces.near_ip(&["link", "set", "wan0", "up"]);
        }),
        ("made again between two samples", |spaces| {
            spaces.cut();
            spaces.lay_again();
        }),
        ("down first, then made again", |spaces| {
            spaces.near_ip(&["link", "set", "wan0", "down"]);
            spaces.cut();
            spaces.lay_again();
        }),
        ("another one beside it", |spaces| {
            spaces.near_ip(&["link", "add", "wan7", "type", "veth", "peer", "name", "wan8"]);
        }),
    ];
    for (what, change) in changes {
        assert_eq!(bench.during(["kernel"], |bench| clients(bench)), [TIMES], "before: {what}");
        let from = bench.agent.seen.last().unwrap().at();
        change(&bench.spaces);
        let gap = bench.agent.line(what, |l| l.is_slot() && l.get("ssl_tps_gap").is_some());
        let reason = rows::gap(&bench.home.ledger(), gap.at(), "kernel").unwrap();
        println!("{what}: {reason}");
        assert!(gap.at() > from && ["counter_reset", "source_failed"].contains(&reason.as_str()), "{reason}");
        eventually("the cable", || {
            let address = SocketAddr::from(([192, 0, 2, 1], HAPROXY));
            bench.spaces.at_far(move || TcpStream::connect(address).ok())
        });
        bench.agent.line("a reading again", |l| l.is_slot() && l.get("ssl_tps").is_some());
        assert_eq!(bench.during(["kernel"], |bench| clients(bench)), [TIMES], "after: {what}");
        // The others did not see any of this.
        let steps = rows::steps(&bench.home.ledger(), "ssl_tps", "inside");
        assert!(steps[1..].iter().all(|step| step.value.is_ok()), "{steps:#?}");
    }
    // One that stays away: the source says so, and goes on when it is back.
    bench.spaces.near_ip(&["link", "delete", "wan7"]);
    bench.spaces.cut();
    let is_of_it = |line: &Line| line.get("source").is_some_and(|source| source == "ssl/kernel");
    let failed = bench.agent.line("failure", |l| l.event() == "source_failed" && is_of_it(l));
    assert!(failed.get("error").unwrap().contains("`interfaces`"), "{failed:?}");
    bench.spaces.lay_again();
    bench.agent.line("recovery", |l| l.event() == "source_recovered" && is_of_it(l));
    bench.agent.line("a reading again", |l| l.is_slot() && l.get("ssl_tps").is_some());
    assert_eq!(bench.during(["kernel"], |bench| clients(bench)), [TIMES]);
    bench.agent.stop();
    bench.home.assert_verified();
}

/// The right to packet sockets taken, and all others left.
const WITHOUT: [&str; 3] = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"];
/// That right alone.
const ALONE: [&str; 3] = ["setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all,+net_raw"];

#[test]
fn without_the_right_it_says_what_to_add_and_with_no_other_it_counts() {
    let Some(spaces) = spaces() else { return };
    if tools::missing(&[("setpriv", "--version"), ("strace", "-V")]) {
        return;
    }
    let home = Home::new().configured("[[ssl]]\nkind = \"kernel\"\n");
    for command in ["once", "doctor"] {
        let output =
            at_near(&home, &spaces, &[&WITHOUT[..], &[HIGHWATER, command]].concat()).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(69), "{said}");
        for mend in [
            "AmbientCapabilities=CAP_NET_RAW",
            "RestrictAddressFamilies=",
            "AF_PACKET",
            &format!("setcap cap_net_raw+ep {HIGHWATER}"),
        ] {
            assert!(said.contains(mend), "{command} names no {mend}: {said}");
        }
        let output = at_near(&home, &spaces, &[&ALONE[..], &[HIGHWATER, command]].concat()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        // Of the rest of the host, doctor may say what it likes.
        let is_fine = output.status.success() || command == "doctor";
        assert!(is_fine && said.contains("ssl_tps") && !said.contains("FAIL  source ssl"), "{output:?}");
    }

    // Where systemd forbids the family, the kernel says something else.
    let refuse = ["strace", "-f", "-o", "/dev/null", "-e", "inject=socket:error=EAFNOSUPPORT"];
    let output = at_near(&home, &spaces, &[&refuse[..], &[HIGHWATER, "once"]].concat()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("RestrictAddressFamilies=") && !said.contains("setcap"), "{said}");
}

#[test]
fn below_the_root_of_a_host_in_another_namespace_it_refuses_to_count() {
    let Some(spaces) = spaces() else { return };
    let home = Home::new().configured("[[ssl]]\nkind = \"kernel\"\n");
    let output = at_near(&home, &spaces, &[HIGHWATER, "once"])
        .env("HIGHWATER_SAMPLING__ROOT", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/hosts/vm"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("hostNetwork"), "{said}");
}
