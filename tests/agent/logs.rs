//! What the access log's source counts of real nginx and real HAProxy against their clients' own count, while logrotate rotates the
//! log and the agent is killed.

use crate::agent::{Agent, eventually};
use crate::home::Home;
use crate::line::Line;
use crate::logged::{Logged, PROGRAMS};
use crate::rows;
use crate::tools;

/// So many sessions at least are compared.
const SESSIONS: u64 = 10_000;
/// Rounds after which they must be made.
const ROUNDS: usize = 24;

fn home(server: &Logged, sources: &[(&str, &str, &str)]) -> Home {
    let source = |(name, file, format): &(&str, &str, &str)| {
        let path = server.at(file);
        let path = path.display();
        format!(
            "[[ssl]]\nkind = \"access_log\"\nname = \"{name}\"\npath = \"{path}\"\nformat = \"{format}\"\n"
        )
    };
    let config: String = sources.iter().map(source).collect();
    Home::bare().with("HIGHWATER_SAMPLING__INTERVAL", "2s").configured(&config)
}

/// Kills an agent, lets something be done without one, and starts another.
fn without_agent<T>(home: &Home, agent: &mut Option<Agent>, work: impl FnOnce() -> T) -> T {
    if let Some(agent) = agent.take() {
        assert_nothing_lost(&agent.kill());
    }
    let done = work();
    *agent = Some(home.run());
    done
}

fn assert_nothing_lost(log: &[Line]) {
    log.iter().filter(|line| line.event() == "source_failed").for_each(|line| println!("{line:?}"));
    let lost: Vec<&Line> = log.iter().filter(|line| line.event() == "source_lost").collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// Holds the ledger to what the clients made: the count to the last session, and each reading to its part of it. A slot may lack its
/// reading because no agent was there, or because the log was just being rotated; none because lines were lost.
fn assert_counted(home: &Home, source: &str, made: u64) {
    let steps = rows::steps(&home.ledger(), "ssl_tps", source);
    let counter = |n: usize| steps[n].counter.unwrap_or_else(|| panic!("{n}: {steps:#?}"));
    let read: Vec<usize> = (0..steps.len()).filter(|n| steps[*n].counter.is_some()).collect();
    let counted = counter(*read.last().unwrap()) - counter(read[0]);
    let gaps: Vec<&String> = steps[1..].iter().filter_map(|step| step.value.as_ref().err()).collect();
    println!("{source}: {made} sessions made, {counted} counted in {} slots, gaps {gaps:?}", steps.len());
    assert_eq!(counted, made.cast_signed(), "{source}: {steps:#?}");
    assert!(gaps.iter().all(|gap| ["agent_down", "source_failed"].contains(&gap.as_str())), "{gaps:?}");
    for (n, step) in steps.iter().enumerate().skip(1) {
        if let Ok(value) = step.value {
            let metered = step.amount(value);
            let grown = (counter(n) - counter(n - 1)) as f64;
            assert!((metered - grown).abs() < 0.01, "{source}: {metered} metered of {grown} in slot {n}");
        }
    }
}

#[test]
fn every_session_of_nginx_is_counted_once_while_its_log_is_renamed_and_the_agent_killed() {
    if tools::missing(PROGRAMS) {
        return;
    }
    let nginx = Logged::nginx();
    let sources = [("nginx", "tls.log", "nginx"), ("json", "json.log", "json")];
    let home = home(&nginx, &sources);
    let mut agent = Some(home.run());
    agent.as_mut().unwrap().slots(2);
    let mut made = 0;
    for round in 0..ROUNDS {
        if made >= SESSIONS && round >= 4 {
            break;
        }
        made += match round % 4 {
            0 => nginx.driven(Logged::rename),
            1 => nginx.driven(|_| without_agent(&home, &mut agent, || ())),
            2 => {
                without_agent(&home, &mut agent, || nginx.driven(|nginx| (0..3).for_each(|_| nginx.rename())))
            }
            _ => nginx.driven(|nginx| without_agent(&home, &mut agent, || nginx.rename())),
        };
        for arguments in [&["--http1.1"][..], &["--http2"], &["--http2", "-Z"], &["--tls-max", "1.2"]] {
            made += nginx.kept_alive(arguments);
        }
        // A handshake that no request follows leaves no line; nor is plain HTTP a session.
        nginx.silent();
        nginx.plain();
    }
    assert!(made >= SESSIONS, "{made} in {ROUNDS} rounds: too slow a machine for this test");
    let mut agent = agent.unwrap();
    agent.whole_slots(2);
    assert_nothing_lost(&agent.stop());
    assert!(nginx.rotated().iter().any(|name| name.ends_with(".gz")), "{:?}", nginx.rotated());
    for (source, ..) in sources {
        assert_counted(&home, source, made);
    }
    home.assert_verified();
}

/// What HAProxy's first line of a session has in it.
const FIRST_LINE: &str = "tls_line=1 tls=TLS";

/// HAProxy's sessions: all that were made, and those since its log was rotated.
struct Made<'s> {
    haproxy: &'s Logged,
    all: u64,
    since: u64,
}

impl Made<'_> {
    fn add(&mut self, sessions: u64) {
        self.all += sessions;
        self.since += sessions;
    }

    /// Copying and cutting off loses what is written between: so it waits until HAProxy has written all.
    fn rotate(&mut self) {
        eventually("a line of each session", || (self.haproxy.lines(FIRST_LINE) == self.since).then_some(()));
        self.haproxy.copy_and_cut_off();
        self.since = 0;
    }
}

#[test]
fn every_session_of_haproxy_is_counted_once_while_its_log_is_copied_and_cut_off() {
    if tools::missing(PROGRAMS) {
        return;
    }
    let haproxy = Logged::haproxy();
    let home = home(&haproxy, &[("haproxy", "tls.log", "haproxy")]);
    let mut agent = Some(home.run());
    agent.as_mut().unwrap().slots(2);
    let mut made = Made { haproxy: &haproxy, all: 0, since: 0 };
    for round in 0..ROUNDS {
        if made.all >= SESSIONS && round >= 4 {
            break;
        }
        made.add(haproxy.driven(|_| ()));
        match round % 4 {
            0 => made.rotate(),
            1 => without_agent(&home, &mut agent, || ()),
            2 => without_agent(&home, &mut agent, || {
                made.rotate();
                made.add(haproxy.driven(|_| ()));
                made.rotate();
            }),
            _ => {
                made.rotate();
                without_agent(&home, &mut agent, || made.rotate());
            }
        }
        for arguments in [&["--http1.1"][..], &["--http2"], &["--http2", "-Z"], &["--tls-max", "1.2"]] {
            made.add(haproxy.kept_alive(arguments));
        }
        // HAProxy writes a line for a handshake that no request follows, and one without these fields for one that failed.
        haproxy.silent();
        made.add(1);
        haproxy.plain();
    }
    assert!(made.all >= SESSIONS, "{} in {ROUNDS} rounds: too slow a machine for this test", made.all);
    let mut agent = agent.unwrap();
    agent.whole_slots(2);
    assert_nothing_lost(&agent.stop());
    assert!(haproxy.rotated().iter().any(|name| name.ends_with(".gz")), "{:?}", haproxy.rotated());
    assert_eq!(haproxy.lines_of_all(FIRST_LINE), made.all, "HAProxy itself dropped lines, or rotation did");
    assert_counted(&home, "haproxy", made.all);
    home.assert_verified();
}
