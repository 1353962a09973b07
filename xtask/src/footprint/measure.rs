//! All figures of one program.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::Signal;

use super::Settings;
use super::beat::Beat;
use super::disk::Disk;
use super::process::Running;
use super::programs::{ENDLESS, Program};
use super::trace::{self, Counter};
use crate::shell;
use crate::time;

/// Programs that sample at least this often are read again from a fresh sample on.
const SLOW: Duration = Duration::from_secs(10);

/// What was measured; `None` where it was not, or says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Figures {
    pub(super) resident_kib: Option<f64>,
    pub(super) anonymous_kib: Option<f64>,
    pub(super) threads: Option<f64>,
    pub(super) calls: Option<f64>,
    pub(super) syncs: Option<f64>,
    pub(super) device_kib: Option<f64>,
    pub(super) instructions_k: Option<f64>,
    pub(super) processor_us: Option<f64>,
    pub(super) binary_kib: Option<f64>,
}

/// Runs a program and measures it: memory after its first samples; then calls, bytes on the device and processor time
/// of the next.
pub(super) fn measure(program: &Program, settings: &Settings) -> anyhow::Result<Figures> {
    let folder = settings.work.join(program.folder);
    shell::fresh_folder(&folder)?;
    let disk = settings.disks.then(|| Disk::mount(&folder)).transpose()?;
    let line = program.prepare(&folder, ENDLESS)?;
    let mut running = Running::start(&line, &[], &settings.work.join(format!("{}.log", program.folder)))?;
    time::pause(program.start_up);
    let mut beat = Beat::new(program.sign(&folder), program.interval, &running);
    beat.skip(&mut running, program.warm_up)?;
    let memory = running.memory()?;
    let mut figures = Figures {
        resident_kib: Some(memory.resident),
        anonymous_kib: Some(memory.anonymous),
        threads: Some(memory.threads),
        binary_kib: Some(stripped_kib(program, settings)?),
        ..Figures::default()
    };
    window(program, settings, disk.as_ref(), &mut running, &mut beat, &mut figures)?;
    running.stop(Signal::SIGTERM)?;
    Ok(figures)
}

/// User instructions, which need a run of their own.
pub(super) fn instructions(
    program: &Program,
    settings: &Settings,
    samples: u32,
) -> anyhow::Result<Option<f64>> {
    if !program.runs_in_valgrind() || shell::find_program("valgrind").is_none() {
        return Ok(None);
    }
    let samples = samples.min(program.samples_max);
    Ok(Some(trace::instructions(program, &settings.work, samples)? / 1000.0))
}

fn window(
    program: &Program,
    settings: &Settings,
    disk: Option<&Disk>,
    running: &mut Running,
    beat: &mut Beat,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let samples = settings.samples.min(program.samples_max);
    if program.interval < SLOW {
        // Reading memory took a while: begin right after a sample again.
        beat.next(running)?;
    }
    let written =
        |disk: Option<&Disk>| disk.map(|disk| disk.flush().and_then(|()| disk.written_kib())).transpose();
    let kib = written(disk)?;
    let processor = running.processor_us()?;
    let attach = |tool| Counter::attach(tool, running.pid(), &settings.work, program.folder);
    let counter = settings.counts.map(attach).transpose()?;
    for _ in 0..samples {
        beat.next(running)?;
        // After each sample, so that the journal cannot write two samples' metadata as one.
        disk.map_or(Ok(()), Disk::flush)?;
    }
    let calls = counter.map(Counter::finish).transpose()?;
    let each = |total: f64| total / f64::from(samples);
    figures.processor_us = Some(each(running.processor_us()? - processor));
    figures.calls = calls.map(|calls| each(calls.all));
    figures.syncs = calls.map(|calls| each(calls.syncs));
    if program.stores() {
        figures.device_kib = written(disk)?.zip(kib).map(|(end, start)| each(end - start));
    }
    Ok(())
}

/// The size of the binary without symbols.
fn stripped_kib(program: &Program, settings: &Settings) -> anyhow::Result<f64> {
    let copy = settings.work.join(format!("{}.stripped", program.folder));
    fs::copy(&program.binary, &copy).context("cannot copy the binary")?;
    // Without binutils the size is that of the file as it lies there.
    let _ = Command::new("strip").arg(&copy).output();
    kib_of(&copy)
}

pub(super) fn kib_of(file: &Path) -> anyhow::Result<f64> {
    let bytes = file.metadata().with_context(|| format!("no {}", file.display()))?.len();
    let Ok(kib) = u32::try_from(bytes / 1024) else { bail!("{} is too large", file.display()) };
    Ok(f64::from(kib))
}
