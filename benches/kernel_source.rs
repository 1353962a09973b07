//! What the kernel source costs those whose sessions it counts: `cargo bench --bench kernel_source`, as root, with iperf3.
//!
//! Bulk TCP leaves through three cables, each a veth pair between network namespaces of its own with an agent at its near end. One
//! of the agents has the source; the two others do not, and say with each other how much two equals differ in the same run. The
//! cables take short turns in all orders, and each of them has the source for a third of the run, so that neither drift nor a
//! cable's own speed is taken for the source. Only the ratios say something: machines differ. On a machine with other work the one
//! of bit/s says little; bits per second of CPU time, of both ends together, are disturbed less.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints, and ends where something fails"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// So many turns are taken with the source at each of the cables: all orders equally often.
const TURNS: usize = 102;
/// What each cable carries in a turn.
const BYTES: &str = "400M";
/// How often iperf3 is asked when its server is still busy with what was before.
const ATTEMPTS: usize = 20;
const ADDRESS: &str = "192.0.2.1";

/// Two namespaces with a cable; they go with it.
struct Cable {
    near: String,
    far: String,
}

impl Drop for Cable {
    fn drop(&mut self) {
        for name in [&self.near, &self.far] {
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

/// A process that ends with the bench.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ip(line: &str) {
    assert!(Command::new("ip").args(line.split(' ')).status().unwrap().success(), "ip {line}");
}

impl Cable {
    fn new(n: usize) -> Self {
        let id = std::process::id();
        let name = |end: &str| format!("highwater-bench-{id}-{n}-{end}");
        let cable = Cable { near: name("near"), far: name("far") };
        let Cable { near, far } = &cable;
        ip(&format!("netns add {near}"));
        ip(&format!("netns add {far}"));
        ip(&format!("-n {near} link add wan0 type veth peer name wan1 netns {far}"));
        ip(&format!("-n {near} address add {ADDRESS}/24 dev wan0"));
        ip(&format!("-n {far} address add 192.0.2.2/24 dev wan1"));
        ip(&format!("-n {near} link set wan0 up"));
        ip(&format!("-n {far} link set wan1 up"));
        cable
    }

    fn command(space: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", space, program]).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// An agent at the near end that has said `wanted` of a slot.
    fn agent(&self, dir: &Path, config: &Path, wanted: &str) -> Running {
        let mut command = Self::command(&self.near, env!("CARGO_BIN_EXE_highwater"));
        command.arg("run").arg("--config").arg(config).arg("--state-dir").arg(dir);
        command.env("HIGHWATER_SAMPLING__INTERVAL", "1s").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let running = Running(child);
        let mut samples = said.lines().map(Result::unwrap).filter(|line| line.contains("event=sampled"));
        samples.find(|line| line.contains(wanted)).expect("the agent samples");
        // What it says from now on is read to its end, so that it never waits for a reader.
        std::thread::spawn(move || samples.count());
        running
    }

    /// What left through the near end in one turn.
    fn throughput(&self) -> Rate {
        let client = || {
            let output =
                Self::command(&self.far, "iperf3").args(["-c", ADDRESS, "-R", "-n", BYTES, "-J"]).output();
            let output = output.unwrap();
            output.status.success().then_some(output.stdout)
        };
        let said = (0..ATTEMPTS).find_map(|_| {
            client().or_else(|| {
                nix::poll::poll(&mut [], 50u8).unwrap();
                None
            })
        });
        let said: serde_json::Value = serde_json::from_slice(&said.expect("iperf3 runs")).unwrap();
        let number =
            |at: &str| said.pointer(at).and_then(serde_json::Value::as_f64).expect("iperf3 says a rate");
        let wall = number("/end/sum_received/bits_per_second");
        let busy = |end: &str| number(&format!("/end/cpu_utilization_percent/{end}_total"));
        let cpu = (busy("host") + busy("remote")) / 100.0;
        Rate { wall, cpu: wall / cpu }
    }
}

/// Bits a second, of the clock and of the CPU time of both ends.
#[derive(Clone, Copy)]
struct Rate {
    wall: f64,
    cpu: f64,
}

/// The orders in which three cables can take their turns.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1], [1, 0, 2]];

/// The median of ratios, how sure it is, and how far they spread.
fn told(mut ratios: Vec<f64>) -> String {
    ratios.sort_unstable_by(f64::total_cmp);
    let all = ratios.len() as f64;
    let at = |rank: f64| ratios.get(rank.max(0.0) as usize).or(ratios.last()).copied().unwrap();
    // By rank alone, whatever their distribution.
    let sure = 0.98 * all.sqrt();
    format!(
        "median {:.3} (95 % sure: {:.3} to {:.3}), half of them {:.3} to {:.3}, all {:.3} to {:.3}",
        at(all / 2.0),
        at(all / 2.0 - sure),
        at(all / 2.0 + sure),
        at(all / 4.0),
        at(all * 0.75),
        at(0.0),
        at(all - 1.0)
    )
}

/// Turns with the source at one of the cables: the rate of that one first, then those of the two others.
fn turns(cables: &[Cable; 3], dir: &Path, source: usize) -> Vec<[Rate; 3]> {
    let (with, without) = (dir.join("with.toml"), dir.join("without.toml"));
    std::fs::write(&with, "[[ssl]]\nkind = \"kernel\"\n").unwrap();
    std::fs::write(&without, "").unwrap();
    let agents = cables.iter().enumerate().map(|(n, cable)| {
        let state = dir.join(format!("{source}-{n}"));
        if n == source {
            // A reading, not the gap before it: it counts.
            cable.agent(&state, &with, " ssl_tps=")
        } else {
            cable.agent(&state, &without, " slot=")
        }
    });
    let _agents: Vec<Running> = agents.collect();
    let turn = |n: usize| {
        let mut rates = [Rate { wall: 0.0, cpu: 0.0 }; 3];
        for lane in ORDERS[n % ORDERS.len()] {
            rates[lane] = cables[(source + lane) % 3].throughput();
        }
        rates
    };
    (0..TURNS).map(turn).collect()
}

fn main() {
    let tools = ["ip", "iperf3"].iter().all(|tool| Command::new(tool).arg("--version").output().is_ok());
    if !nix::unistd::Uid::effective().is_root() || !tools {
        println!("skipped: it needs root, iproute2 and iperf3");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let cables = [0, 1, 2].map(Cable::new);
    let serve = |cable: &Cable| {
        Running(Cable::command(&cable.near, "iperf3").arg("-s").stdout(Stdio::null()).spawn().unwrap())
    };
    let _servers = cables.each_ref().map(serve);
    let mut all = Vec::new();
    for source in 0..cables.len() {
        all.extend(turns(&cables, dir.path(), source));
        let gbit = |rate: &Rate| format!("{:.1}", rate.wall / 1e9);
        let last: Vec<String> = all.last().unwrap().iter().map(gbit).collect();
        println!("{} turns; the last one: {} Gbit/s, with the source first", all.len(), last.join(", "));
    }
    type Of = fn(&Rate) -> f64;
    let kinds: [(&str, Of); 2] =
        [("bits a second", |rate| rate.wall), ("bits a second of CPU time", |rate| rate.cpu)];
    for (what, of) in kinds {
        let with = |turn: &[Rate; 3]| of(&turn[0]) / (of(&turn[1]) * of(&turn[2])).sqrt();
        let same = |turn: &[Rate; 3]| of(&turn[2]) / of(&turn[1]);
        println!("{what}, with the source / without: {}", told(all.iter().map(with).collect()));
        println!("{what}, without / without: {}", told(all.iter().map(same).collect()));
    }
}
