//! What the kernel source costs the agent: system calls a sample, and nothing between two samples.

use crate::agent::{Agent, pause};
use crate::home::{HIGHWATER, Home};
use crate::kernel::{Bench, ROUNDS, SESSIONS, V4, at_near, spaces};
use crate::namespaces::Namespaces;
use crate::servers::{Client, HAPROXY, NGINX, drive};
use crate::tools;

/// The lines of a strace of an agent at the near end, between two samples of its first kernel source, once it has settled.
fn traced(spaces: &Namespaces, config: &str) -> Vec<String> {
    let home = Home::new().configured(config);
    let trace = home.tree.at("trace");
    let strace = ["strace", "-D", "-f", "-o", trace.to_str().unwrap(), HIGHWATER, "run"];
    let mut agent = Agent::spawn(&mut at_near(&home, spaces, &strace));
    agent.slots(6);
    agent.stop();
    let text = highwater::files::read_bounded(&trace, 64 << 20).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let tick = |line: &&String| line.contains("openat(") && line.contains("/proc/meminfo");
    let ticks: Vec<usize> = (0..lines.len()).filter(|n| tick(&&lines[*n])).collect();
    assert!(ticks.len() >= 5, "{} samples: {text}", ticks.len());
    // Not the first, which opens sockets and chooses interfaces.
    lines[ticks[2]..ticks[3]].to_vec()
}

#[test]
fn a_sample_costs_seven_system_calls_and_never_reads_a_packet() {
    let Some(spaces) = spaces() else { return };
    if tools::missing(&[("strace", "-V")]) {
        return;
    }
    let kernel = "[[ssl]]\nkind = \"kernel\"\n";
    let (without, with) = (traced(&spaces, ""), traced(&spaces, kernel));
    let calls = |lines: &[String], name: &str| lines.iter().filter(|line| line.contains(name)).count();
    for (call, more) in [
        ("getsockopt(", 2),
        ("PACKET_STATISTICS", 1),
        ("getsockname(", 1),
        ("\"/proc/net/dev\"", 1),
        ("socket(", 0),
        ("recv", 0),
        ("setsockopt(", 0),
        ("epoll_ctl(", 0),
        ("clone", 0),
    ] {
        let (with, without) = (calls(&with, call), calls(&without, call));
        assert_eq!(with, without + more, "{call}");
    }
    // Opened, read, read to the end, closed: the list of interfaces. (An unoptimised build looks at what it closes.)
    let own = |lines: &[String]| -> usize {
        let from = lines.iter().rposition(|line| line.contains("\"/proc/net/dev\"")).unwrap();
        let to = lines.iter().rposition(|line| line.contains("getsockname(")).unwrap();
        lines[from..=to].iter().filter(|line| !line.contains("F_GETFD")).count()
    };
    assert_eq!(own(&with), 7, "{with:#?}");
}

/// How often the threads of a process have waited.
fn waits(pid: u32) -> u64 {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let status = highwater::files::read_bounded(&task.unwrap().path().join("status"), 65536).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        sum += line.unwrap().trim().parse::<u64>().unwrap();
    }
    sum
}

/// The same, once it waits for the next slot.
fn waits_at_rest(pid: u32) -> u64 {
    const QUIET: usize = 8;
    let mut last = waits(pid);
    let mut quiet = 0;
    for _ in 0..400 {
        pause();
        let now = waits(pid);
        quiet = if now == last { quiet + 1 } else { 0 };
        last = now;
        if quiet == QUIET {
            return now;
        }
    }
    panic!("the agent never rests");
}

/// How often the agent has waited while something was done, and in how many slots.
fn waits_during(agent: &mut Agent, work: impl FnOnce(&mut Agent)) -> (u64, usize) {
    agent.whole_slots(1);
    let before = waits_at_rest(agent.pid());
    agent.whole_slots(0);
    let from = agent.seen.len();
    work(agent);
    agent.whole_slots(1);
    let after = waits_at_rest(agent.pid());
    agent.whole_slots(0);
    (after - before, agent.seen[from..].iter().filter(|line| line.is_slot()).count())
}

#[test]
fn ten_thousand_sessions_wake_the_agent_no_more_than_none() {
    // A disk makes the agent wait now and then; memory never does.
    const MEMORY: &str = "/dev/shm";
    let Ok(state) = tempfile::tempdir_in(MEMORY) else {
        tools::skipped("this host has no /dev/shm");
        return;
    };
    let home = Home::new().keeping_state_in(state.path());
    let Some(mut bench) = Bench::at(home, "[[ssl]]\nkind = \"kernel\"\n") else { return };
    let clients: [Client; 3] = [
        (V4, HAPROXY, "-tls1_3", "-new"),
        (V4, NGINX, "-tls1_3", "-reuse"),
        (V4, HAPROXY, "-tls1_2", "-reuse"),
    ];
    let [before] = bench.counts(["kernel"]);
    let mut made = 0;
    let Bench { agent, spaces, .. } = &mut bench;
    let (busy, slots) = waits_during(agent, |_| {
        for _ in 0..ROUNDS {
            made += drive(spaces, &clients, 2).iter().sum::<u64>();
            if made >= SESSIONS {
                break;
            }
        }
    });
    let (idle, idle_slots) = waits_during(agent, |agent| {
        agent.slots(slots - 1);
    });
    let [after] = bench.counts(["kernel"]);
    println!("{made} sessions: {busy} waits in {slots} slots; none: {idle} in {idle_slots}");
    assert!(made >= SESSIONS, "{made} in {ROUNDS} rounds: too slow a machine for this test");
    assert_eq!(after - before, made.cast_signed(), "it counted them");
    assert_eq!(slots, idle_slots);
    assert!(busy <= idle, "{busy} waits with {made} sessions, {idle} with none, in {slots} slots each");
    bench.agent.stop();
}
