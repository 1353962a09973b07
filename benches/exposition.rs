//! An exposition's reading beside a floor, in one run: `cargo bench --bench exposition`.
//!
//! The floor is a bare search for line ends over the same bytes. Only the ratio says something: machines differ. What may be held
//! against any machine is said as a limit.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench reads the clock, prints, and ends where something fails"
)]

use highwater::config::ssl::{Compare, Matcher};
use highwater::sources::ssl::prometheus::exposition::{Intake, Wanted};
use highwater_rules::pattern::Pattern;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

const BYTES: usize = 5_000_000;
const PIECE_BYTES: usize = 64 * 1024;
const RUNS: usize = 15;
/// What reading one may take of a CPU.
const READ_MAX: Duration = Duration::from_millis(50);
/// What it may add to the memory that is in use at its height, whatever its length.
const MEMORY_MAX_KIB: u64 = 4 * 1024;

/// An exposition of many metrics with fifty series each, of which `share` in a thousand are those that count.
fn exposition(share: usize) -> String {
    let mut text = String::with_capacity(BYTES + 1000);
    let mut n = 0;
    while text.len() < BYTES {
        let name = if n % 1000 < share { "tls_sessions".to_owned() } else { format!("metric_{}", n / 50) };
        if n % 50 == 0 {
            writeln!(text, "# HELP {name}_total Something that is counted.\n# TYPE {name}_total counter")
                .unwrap();
        }
        writeln!(
            text,
            "{name}_total{{proxy=\"front{}\",code=\"{}\",instance=\"10.0.0.{}:8443\",n=\"{n}\"}} {}",
            n % 50,
            200 + n % 4 * 100,
            n % 256,
            n * 7919
        )
        .unwrap();
        n += 1;
    }
    text
}

fn read(text: &str, wanted: &Wanted) -> usize {
    let mut intake = Intake::new(wanted);
    for piece in text.as_bytes().chunks(PIECE_BYTES) {
        intake.take(piece).unwrap();
    }
    intake.end().unwrap().scrape.values.len()
}

fn best(mut work: impl FnMut()) -> Duration {
    let run = |()| {
        let began = Instant::now();
        work();
        began.elapsed()
    };
    std::iter::repeat_n((), RUNS).map(run).min().unwrap()
}

/// The most memory that the process ever had in use, in KiB.
fn height_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn main() {
    let code =
        Matcher { label: "code".to_owned(), compare: Compare::Fits(Pattern::parse("[245]..").unwrap()) };
    let wanted = Wanted { metric: "tls_sessions_total".to_owned(), matchers: vec![code] };
    println!("{BYTES} bytes, best of {RUNS}");
    for share in [1, 300] {
        let text = exposition(share);
        let before = height_kib();
        let series = read(&text, &wanted);
        let added = height_kib() - before;
        let floor = best(|| _ = black_box(memchr::memchr_iter(b'\n', text.as_bytes()).count()));
        let whole = best(|| _ = black_box(read(&text, &wanted)));
        let ratio = whole.as_secs_f64() / floor.as_secs_f64();
        println!(
            "{series:>6} series that count: {:>7.3} ms, the search for line ends {:.3} ms: {ratio:.1} times; {added} KiB more in use",
            whole.as_secs_f64() * 1e3,
            floor.as_secs_f64() * 1e3
        );
        assert!(whole < READ_MAX, "{whole:?}");
        assert!(added < MEMORY_MAX_KIB, "{added} KiB");
    }
}
