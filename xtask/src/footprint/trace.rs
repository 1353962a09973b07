//! Counting what a running program asks of the kernel, and the instructions that it executes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::beat::{Beat, Sign};
use super::process::{Line, Running};
use super::programs::Program;
use crate::shell;
use crate::time;

/// How long strace may take to attach.
const ATTACH_BOUND: Duration = Duration::from_secs(10);
/// What a run in valgrind may take beyond its samples.
const VALGRIND_BOUND: Duration = Duration::from_secs(60);
/// Samples that both runs under callgrind take.
const SETTLE: u32 = 3;
/// What counts as making data durable.
const SYNCS: [&str; 5] = ["fsync", "fdatasync", "sync_file_range", "syncfs", "sync"];

/// What counts system calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    /// Does not slow the program down.
    Perf,
    /// Stops the program at each call: Go's runtime then calls more often than otherwise.
    Strace,
}

impl Tool {
    /// The better one that works on this machine.
    pub(super) fn find() -> Option<Tool> {
        let perf = || shell::run("perf", &["stat", "-e", &perf_events(), "true"]).is_ok();
        if shell::find_program("perf").is_some() && perf() {
            return Some(Tool::Perf);
        }
        shell::find_program("strace").map(|_| Tool::Strace)
    }
}

/// System calls of one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Calls {
    pub(super) all: f64,
    pub(super) syncs: f64,
}

/// A running count of a process's system calls, all threads together.
#[derive(Debug)]
pub(super) struct Counter {
    running: Running,
    result: PathBuf,
    tool: Tool,
}

impl Counter {
    /// Starts to count.
    pub(super) fn attach(tool: Tool, pid: Pid, work: &Path, name: &str) -> anyhow::Result<Counter> {
        let result = work.join(format!("{name}.calls"));
        let (pid, events, out) = (pid.to_string(), perf_events(), result.to_string_lossy());
        let (program, arguments) = match tool {
            Tool::Perf => ("perf", vec!["stat", "-x,", "-e", &events, "-p", &pid, "-o", &out]),
            Tool::Strace => ("strace", vec!["-f", "-c", "-p", &pid, "-o", &out]),
        };
        let line = Line {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: vec![("LC_ALL", "C".into())],
        };
        let running = Running::start(&line, &[], &work.join(format!("{name}.calls.log")))?;
        if tool == Tool::Strace {
            let attached = || running.said().contains("attached").then_some(());
            time::wait_for(ATTACH_BOUND, attached).context("strace does not attach")?;
        }
        Ok(Counter { running, result, tool })
    }

    /// Ends the count.
    pub(super) fn finish(mut self) -> anyhow::Result<Calls> {
        self.running.stop(Signal::SIGINT)?;
        let text = shell::read_text(&self.result)?;
        let counts = match self.tool {
            Tool::Perf => perf_counts(&text),
            Tool::Strace => strace_counts(&text),
        };
        counts.with_context(|| format!("no counts in: {}", text.trim()))
    }
}

/// User instructions a sample: the program runs twice at once under callgrind, and one run takes `samples` samples more
/// than the other.
pub(super) fn instructions(program: &Program, work: &Path, samples: u32) -> anyhow::Result<f64> {
    let wrapper = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let start = |name: &str, count: u32| {
        let folder = work.join(format!("{}-{name}", program.folder));
        shell::fresh_folder(&folder)?;
        let line = program.prepare(&folder, count)?;
        let log = work.join(format!("{}-{name}.log", program.folder));
        Ok::<_, anyhow::Error>((Running::start(&line, &wrapper, &log)?, folder))
    };
    let settle = program.warm_up.min(SETTLE);
    let (mut short, _) = start("short", settle)?;
    let (mut long, folder) = start("long", settle + samples)?;
    if program.takes_a_count() {
        let bound = program.interval * (settle + samples) + VALGRIND_BOUND;
        let ended = || (short.has_ended() && long.has_ended()).then_some(());
        time::wait_for(bound, ended).context("it does not end")?;
    } else {
        time::pause(program.start_up);
        let mut beat = Beat::new(program.sign(&folder), program.interval, &long);
        beat.skip(&mut long, settle)?;
        short.stop(Signal::SIGTERM)?;
        beat.skip(&mut long, samples)?;
        long.stop(Signal::SIGTERM)?;
    }
    let (long, short) = (long.said(), short.said());
    // Two runs started at once can stand a sample apart: where a program says each sample, its own count is taken.
    let taken = match program.sign(&folder) {
        Sign::Said(words) => said_times(&long, words) - said_times(&short, words),
        _ => f64::from(samples),
    };
    Ok((collected(&long)? - collected(&short)?) / taken)
}

fn said_times(said: &str, words: &str) -> f64 {
    said.lines().filter(|line| line.contains(words)).map(|_| 1.0).sum()
}

fn collected(said: &str) -> anyhow::Result<f64> {
    said.lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .context("callgrind names no number of instructions")
}

fn perf_events() -> String {
    let syncs = SYNCS.map(|name| format!("syscalls:sys_enter_{name}"));
    format!("raw_syscalls:sys_enter,{}", syncs.join(","))
}

/// Lines such as `90,,raw_syscalls:sys_enter,2675579,100.00,,`.
fn perf_counts(text: &str) -> Option<Calls> {
    let mut calls = Calls { all: 0.0, syncs: 0.0 };
    let mut complete = false;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split(',');
        let (Some(count), Some(event)) = (fields.next(), fields.nth(1)) else { continue };
        let count: f64 = count.parse().ok()?;
        if event == "raw_syscalls:sys_enter" {
            calls.all = count;
            complete = true;
        } else {
            calls.syncs += count;
        }
    }
    complete.then_some(calls)
}

/// Lines such as `14.27  0.000659  16  40  2 read`, the column of errors empty for most, and `total` at the end.
fn strace_counts(text: &str) -> Option<Calls> {
    let mut calls = Calls { all: 0.0, syncs: 0.0 };
    let mut complete = false;
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (Some(count), Some(name)) = (fields.get(3), fields.last()) else { continue };
        let Ok(count) = count.parse::<f64>() else { continue };
        if *name == "total" {
            calls.all = count;
            complete = true;
        } else if SYNCS.contains(name) {
            calls.syncs += count;
        }
    }
    complete.then_some(calls)
}

#[cfg(test)]
mod tests {
    use super::{Calls, collected, perf_counts, strace_counts};

    #[test]
    fn perf_tells_all_calls_and_the_syncs_among_them() {
        let text = "# started on Sun\n\n90,,raw_syscalls:sys_enter,26,100.00,,\n\
                    10,,syscalls:sys_enter_fsync,26,100.00,,\n2,,syscalls:sys_enter_fdatasync,26,100.00,,\n";
        assert_eq!(perf_counts(text), Some(Calls { all: 90.0, syncs: 12.0 }));
    }

    #[test]
    fn a_count_that_perf_could_not_take_is_no_zero() {
        assert_eq!(perf_counts("<not counted>,,raw_syscalls:sys_enter,0,0.00,,\n"), None);
        assert_eq!(perf_counts(""), None);
    }

    #[test]
    fn strace_tells_the_same_with_and_without_errors_in_a_line() {
        let text = "% time     seconds  usecs/call     calls    errors syscall\n\
                    ------ ----------- ----------- --------- --------- ----------------\n\
                    49.94    0.039493         499        79         2 futex\n\
                    2.00     0.001584           6        10           fdatasync\n\
                    ------ ----------- ----------- --------- --------- ----------------\n\
                    100.00    0.079075          35        89         2 total\n";
        assert_eq!(strace_counts(text), Some(Calls { all: 89.0, syncs: 10.0 }));
        assert_eq!(strace_counts("strace: nothing"), None);
    }

    #[test]
    fn callgrind_names_its_instructions_after_the_word_collected() {
        assert_eq!(collected("==16780== Events    : Ir\n==16780== Collected : 728981\n").unwrap(), 728_981.0);
        assert!(collected("==1== killed").is_err());
    }
}
