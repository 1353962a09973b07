//! The tables of a comparison, and `docs/footprint.md` around them.

use std::path::Path;

use super::Measured;
use super::measure::Figures;
use super::table::{figure, render};
use crate::shell;

const HEADING: [&str; 10] = [
    "per sample",
    "RSS KiB",
    "anonymous KiB",
    "threads",
    "system calls",
    "syncs",
    "device KiB",
    "user instructions, k",
    "CPU us",
    "binary KiB",
];

const METHOD: &str = "\
## How each figure is taken

| figure | how | stable? |
| --- | --- | --- |
| RSS, anonymous KiB | `/proc/PID/smaps_rollup`, asleep after the first 20 samples (vnstatd: after two saves) | anonymous yes; RSS counts pages shared with other programs and moves with them |
| threads | `/proc/PID/status` at the same moment | yes, but for Go's runtime |
| system calls | `perf stat -e raw_syscalls:sys_enter -p PID` over the counted samples, all threads (`strace -f -c` where perf cannot) | yes, but for Go's runtime |
| syncs | the same, the calls fsync, fdatasync, sync_file_range, syncfs and sync | yes |
| device KiB | the program writes to an ext4 of its own (96 MB loop image, 4 KiB blocks, nothing initialised lazily); sectors written to the loop device over the counted samples, `sync -f` after each of them | yes, within one or two blocks of 4 KiB |
| user instructions | `valgrind --tool=callgrind`, two runs started at once and ended a known number of samples apart; the difference | yes, to about 1 % |
| CPU us | the process's own CPU clock, user and system, over the counted samples | no: moves with the machine's load and caches, compare within one run only |
| binary KiB | the stripped executable, without the shared libraries that it loads | yes |

A sample a second with a `sync -f` after it stands for a sample in five minutes: without it the journal would write the
metadata of neighbouring samples once for several of them. Checked against samples 40 s apart that nothing flushed by
hand, side by side: 20.0 KiB both ways for the C floor, 32.4 and 32.0 for C + SQLite, 24.3 and 23.5 with exclusive
locking, 33.3 and 34.5 for sadc.

SQLite's WAL costs more while it grows (up to the first checkpoint); both floors with SQLite are measured after it.
";

/// The comparison, and beneath it the agent's ratios.
pub(super) fn tables(measured: &[Measured]) -> String {
    let heading = HEADING.map(str::to_owned).to_vec();
    let row = |name: &str, cells: [Option<f64>; 9]| {
        std::iter::once(name.to_owned()).chain(cells.map(figure)).collect::<Vec<_>>()
    };
    let mut rows = vec![heading];
    rows.extend(measured.iter().map(|one| row(&one.program.name, cells(&one.figures))));
    if let Some(agent) = measured.iter().find(|one| one.program.is_agent()) {
        for other in measured.iter().filter(|one| !one.program.is_agent()) {
            let name = format!("{} / {}", agent.program.name, other.program.name);
            rows.push(row(&name, ratios(&agent.figures, &other.figures)));
        }
    }
    render(&rows)
}

/// The whole page. It names neither the machine nor its paths.
pub(super) fn document(measured: &[Measured], left_out: &[String], samples: u32, tables: &str) -> String {
    let mut text = String::from(
        "# Footprint\n\nWhat one sample of RAM and network costs the agent, beside the least that the task can cost (a C \
         program, with and\nwithout SQLite) and beside programs that do a similar job. Written by `cargo xtask \
         footprint`; do not edit.\n\n",
    );
    text.push_str(tables);
    text.push_str(&format!(
        "\nEvery figure but memory, threads and binary is the mean of {samples} samples (vnstatd: one save; in valgrind at most 10). The \
         lines with a / are\nthe agent's figure divided by the other's: under 1 the agent needs less.\n"
    ));
    if measured.iter().any(|one| one.program.is_agent())
        && let Some(crates) = dependency_crates()
    {
        text.push_str(&format!(
                "\nThe agent is built of {crates} crates, itself and those that only run at build time included (`cargo tree -p \
                 highwater -e normal --prefix none\n--no-dedupe | sort -u | wc -l`).\n"
            ));
    }
    text.push_str("\n## What a sample is\n\n");
    for one in measured {
        text.push_str(&format!("- {}: {}.\n", one.program.name, one.program.sample));
    }
    for reason in left_out {
        text.push_str(&format!("- not measured: {reason}.\n"));
    }
    text.push_str(&format!("\n{METHOD}\n## The machine\n\n{}", machine()));
    text
}

fn cells(figures: &Figures) -> [Option<f64>; 9] {
    [
        figures.resident_kib,
        figures.anonymous_kib,
        figures.threads,
        figures.calls,
        figures.syncs,
        figures.device_kib,
        figures.instructions_k,
        figures.processor_us,
        figures.binary_kib,
    ]
}

fn ratios(agent: &Figures, other: &Figures) -> [Option<f64>; 9] {
    let mut ratios = cells(agent);
    for (ratio, other) in ratios.iter_mut().zip(cells(other)) {
        *ratio = ratio.zip(other).filter(|(_, other)| *other > 0.0).map(|(agent, other)| agent / other);
    }
    ratios
}

/// How many crates the agent is made of.
pub(super) fn dependency_crates() -> Option<usize> {
    let manifest = shell::repository().join("Cargo.toml");
    let manifest = manifest.to_string_lossy();
    let fixed =
        ["tree", "-p", "highwater", "-e", "normal", "--prefix", "none", "--no-dedupe", "--manifest-path"];
    let mut arguments = fixed.to_vec();
    arguments.push(&manifest);
    let tree = shell::run("cargo", &arguments).ok()?;
    Some(tree.lines().collect::<std::collections::BTreeSet<_>>().len())
}

/// The facts of the machine that matter to the figures.
fn machine() -> String {
    let first_line = |text: anyhow::Result<String>| {
        text.ok()
            .and_then(|text| text.lines().next().map(str::to_owned))
            .unwrap_or_else(|| "unknown".to_owned())
    };
    let kernel = first_line(shell::read_text(Path::new("/proc/sys/kernel/osrelease")));
    // What follows the version's digits names a build, and with it perhaps a site.
    let kernel = kernel.split('-').next().unwrap_or_default();
    let release = shell::read_text(Path::new("/etc/os-release")).unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "- Linux {kernel}, {}, {cores} cores\n- {}\n- {}\n- {}\n- {}\n",
        std::env::consts::ARCH,
        name.trim_matches('"'),
        first_line(shell::run("rustc", &["--version"])),
        first_line(shell::run("cc", &["--version"])),
        first_line(shell::run("valgrind", &["--version"])),
    )
}
