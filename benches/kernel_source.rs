//! What the kernel source costs those whose sessions it counts: `cargo bench --bench kernel_source`, as root, with iperf3.
//!
//! Bulk TCP leaves through a veth pair between two network namespaces, beside an agent with the source and beside one without it, in
//! turns. Only the ratios say something: machines differ, and so do two minutes of one. On a machine with other work the one of bit/s
//! says little; bits per second of CPU time, of both ends together, are disturbed less.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where something fails"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PAIRS: usize = 16;
const SECONDS: &str = "1";
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
    fn new() -> Self {
        let id = std::process::id();
        let cable =
            Cable { near: format!("highwater-bench-{id}-near"), far: format!("highwater-bench-{id}-far") };
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

    /// An agent at the near end that has taken its second sample.
    fn agent(&self, dir: &Path, config: &Path) -> Running {
        let mut command = Self::command(&self.near, env!("CARGO_BIN_EXE_highwater"));
        command.arg("run").arg("--config").arg(config).arg("--state-dir").arg(dir);
        command.env("HIGHWATER_SAMPLING__INTERVAL", "1s").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let running = Running(child);
        let mut samples = said.lines().map(Result::unwrap).filter(|line| line.contains("event=sampled"));
        samples.nth(1).expect("the agent samples");
        // What it says from now on is read to its end, so that it never waits for a reader.
        std::thread::spawn(move || samples.count());
        running
    }

    /// What left through the near end.
    fn throughput(&self) -> Rate {
        let output = Self::command(&self.far, "iperf3")
            .args(["-c", ADDRESS, "-R", "-t", SECONDS, "-J"])
            .output()
            .unwrap();
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
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

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap()
}

fn main() {
    let tools = ["ip", "iperf3"].iter().all(|tool| Command::new(tool).arg("--version").output().is_ok());
    if !nix::unistd::Uid::effective().is_root() || !tools {
        println!("skipped: it needs root, iproute2 and iperf3");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (with, without) = (dir.path().join("with.toml"), dir.path().join("without.toml"));
    std::fs::write(&with, "[[ssl]]\nkind = \"kernel\"\n").unwrap();
    std::fs::write(&without, "").unwrap();
    let cable = Cable::new();
    let _server =
        Running(Cable::command(&cable.near, "iperf3").arg("-s").stdout(Stdio::null()).spawn().unwrap());
    let mut turns: Vec<[Rate; 3]> = Vec::new();
    let one = |config: &Path, name: &str| {
        let agent = cable.agent(&dir.path().join(name), config);
        let rate = cable.throughput();
        drop(agent);
        rate
    };
    // Twice without beside each, so that the noise of a pair of equals stands beside the ratio.
    for n in 0..PAIRS {
        let (a, source, b) = if n % 2 == 0 {
            let a = one(&without, "a");
            let source = one(&with, "source");
            (a, source, one(&without, "b"))
        } else {
            let source = one(&with, "source");
            let a = one(&without, "a");
            (a, source, one(&without, "b"))
        };
        println!(
            "without {:.2} and {:.2} Gbit/s, with {:.2} Gbit/s",
            a.wall / 1e9,
            b.wall / 1e9,
            source.wall / 1e9
        );
        turns.push([a, b, source]);
    }
    let spread = |values: &[f64]| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        format!("{low:.3} to {high:.3}")
    };
    type Of = fn(&Rate) -> f64;
    let kinds: [(&str, Of); 2] =
        [("bits a second", |rate| rate.wall), ("bits a second of CPU time", |rate| rate.cpu)];
    for (what, of) in kinds {
        let with = turns.iter().map(|[a, _, source]| of(source) / of(a)).collect::<Vec<_>>();
        let same = turns.iter().map(|[a, b, _]| of(b) / of(a)).collect::<Vec<_>>();
        println!("{what}, with the source / without: median {:.3} ({})", median(with.clone()), spread(&with));
        println!("{what}, without / without: median {:.3} ({})", median(same.clone()), spread(&same));
    }
}
