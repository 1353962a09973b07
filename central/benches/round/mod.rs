//! A round of the courier's: many bundles of ninety days each, by the real program, to a real server.

use crate::programs;
use crate::support::{Agent, Back, Server, packed};
use crate::{Load, cpu_us, taken};
use highwater_central::clock::Clock;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Days in a bundle: a report each, of ten series.
const DAYS: usize = 90;
const FILES: u32 = 1000;
/// The first instance's number: those of the batches have others.
const FIRST: u32 = 5000;

/// Measures batches and rounds by turns, on servers of their own: what else the machine does is then in both.
pub(crate) fn measure(runtime: &tokio::runtime::Runtime, batches: Load) {
    let home = tempfile::tempdir().unwrap();
    let bytes = runtime.block_on(prepare(home.path(), FILES));
    println!("{FILES} bundles of {DAYS} days: {} KiB each", bytes / 1024 / u64::from(FILES));
    for round in 1..=2 {
        let (batched, _) = runtime.block_on(taken(batches));
        println!("round {round}: batches of {}   {batched:>8.0} reports/s", batches.batch);
        for files in [50, FILES] {
            let (rate, peak_kib, cpu_us) = carried(home.path(), files);
            println!(
                "  {files:>4} bundles          {rate:>8.0} reports/s  {:.2} of the batches', {cpu_us:.0} us of the server's CPU each; \
                 the courier's peak RSS {peak_kib} KiB",
                rate / batched
            );
        }
    }
}

/// A central's data with instances that have joined, and a bundle of each.
async fn prepare(home: &Path, files: u32) -> u64 {
    let server = Server::start_in(&home.join("data"), &[]);
    let token = server.token(&server.contract(&[]), &[]);
    let mut client = server.client().await;
    std::fs::create_dir(home.join("out")).unwrap();
    let mut bytes = 0;
    for n in 0..files {
        let mut agent = Agent::new(FIRST + n);
        agent.join(&mut client, &token).await;
        let made: Vec<_> = (0..DAYS).map(|_| agent.report()).collect();
        let bundle = packed(&agent.export(&made));
        bytes += bundle.len() as u64;
        std::fs::write(home.join(format!("out/{n:05}.hwb")), bundle).unwrap();
    }
    bytes
}

/// Carries the first so many files to a server that has none of them: reports a second, the courier's peak, the server's CPU a report.
fn carried(home: &Path, files: u32) -> (f64, u64, f64) {
    let data = home.join("fresh");
    let _ = std::fs::remove_dir_all(&data);
    assert!(Command::new("cp").arg("-a").arg(home.join("data")).arg(&data).status().unwrap().success());
    let server = Server::start_in(&data, &[]);
    let back = home.join("back.hwb");
    let mut command = programs::command(programs::agent());
    command.args(["courier", "--force", "--central", &server.url, "--ca-file"]).arg(&server.ca_file);
    command.arg("-o").arg(&back).stdout(Stdio::null()).stderr(Stdio::null());
    command.args((0..files).map(|n| home.join(format!("out/{n:05}.hwb"))));
    let before_us = cpu_us(server.child.id());
    let begun = Clock.monotonic();
    let mut courier = command.spawn().unwrap();
    let mut peak_kib = 0;
    let code = loop {
        peak_kib = peak(courier.id()).unwrap_or(peak_kib);
        if let Some(status) = courier.try_wait().unwrap() {
            break status.code();
        }
        pause();
    };
    let elapsed_s = begun.elapsed().as_secs_f64();
    assert_eq!(code, Some(0));
    let reports = f64::from(files) * DAYS as f64;
    let cpu_us = (cpu_us(server.child.id()) - before_us) / reports;
    let back = highwater_central::files::read_bounded(&back, 64 << 20).unwrap();
    let accepted: u64 = Back::read(&back).0.iter().map(|one| u64::from(one.reply.accepted)).sum();
    assert_eq!(accepted, u64::from(files) * DAYS as u64, "every report is receipted");
    (reports / elapsed_s, peak_kib, cpu_us)
}

/// The most memory that a process had, in KiB, while it runs.
fn peak(process: u32) -> Option<u64> {
    let status =
        highwater_central::files::read_bounded(format!("/proc/{process}/status").as_ref(), 8192).ok()?;
    let status = String::from_utf8_lossy(&status).into_owned();
    status.lines().find(|l| l.starts_with("VmHWM:"))?.split_whitespace().nth(1)?.parse().ok()
}

#[expect(clippy::disallowed_methods, reason = "a bench that looks at a process from time to time")]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
