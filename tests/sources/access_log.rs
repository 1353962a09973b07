//! The access log's source against a model: a writer that rotates in every way, readings at any moment, restarts of the agent.

use flate2::write::GzEncoder;
use highwater::config::LogRule;
use highwater::files::{Root, read_bounded};
use highwater::sources::ssl::access_log::AccessLog;
use highwater::sources::{Readout, SourceError};
use highwater_rules::figure::Figure;
use highwater_rules::record::Counters;
use proptest::prelude::*;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A log, its writer, and the source that reads it.
struct World {
    dir: tempfile::TempDir,
    writer: File,
    serial: u64,
    /// Sessions in whole lines, and a line whose end is not written yet.
    sessions: u64,
    unfinished: Option<(String, bool)>,
    source: AccessLog,
    note: Option<String>,
    /// The sessions in whole lines; held by who wants the log to stay as it is.
    still: Arc<Mutex<u64>>,
}

fn counters(readout: &Readout) -> Counters {
    match readout.observations[0].figure {
        Figure::Count(counters) => counters,
        other => panic!("{other:?} is no count"),
    }
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let writer = File::options().append(true).create(true).open(dir.path().join("tls.log")).unwrap();
        let source = Self::source(dir.path());
        World {
            dir,
            writer,
            serial: 0,
            sessions: 0,
            unfinished: None,
            source,
            note: None,
            still: Arc::default(),
        }
    }

    fn source(dir: &Path) -> AccessLog {
        let rule = LogRule::of_format("nginx").unwrap();
        AccessLog::new(&Root::new("/"), "log", &dir.join("tls.log"), &rule)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn line(&mut self) -> (String, bool) {
        self.serial += 1;
        let n = self.serial;
        let (requests, protocol) = [(1, "TLSv1.3"), (2, "TLSv1.3"), (1, "-"), (1, "TLSv1.2")][n as usize % 4];
        let line = format!("1795000000.{:03} {n} {requests} {protocol} AES r\n", n % 1000);
        (line, requests == 1 && protocol != "-")
    }

    fn append(&mut self, lines: usize) {
        self.finish();
        for _ in 0..lines {
            let (line, session) = self.line();
            let mut still = self.still.lock().unwrap();
            self.writer.write_all(line.as_bytes()).unwrap();
            self.sessions += u64::from(session);
            *still = self.sessions;
        }
    }

    /// Writes the end of a line that was begun.
    fn finish(&mut self) {
        if let Some((rest, session)) = self.unfinished.take() {
            self.writer.write_all(rest.as_bytes()).unwrap();
            self.sessions += u64::from(session);
        }
    }

    fn half(&mut self) {
        self.finish();
        let (line, session) = self.line();
        let (head, rest) = line.split_at(line.len() / 2);
        self.writer.write_all(head.as_bytes()).unwrap();
        self.unfinished = Some((rest.to_owned(), session));
    }

    /// Makes room for a new `tls.log.1`, as logrotate does.
    fn shift(&self) {
        for n in (1..80).rev() {
            for end in ["", ".gz"] {
                let _still = self.still.lock().unwrap();
                let _ = fs::rename(
                    self.at(&format!("tls.log.{n}{end}")),
                    self.at(&format!("tls.log.{}{end}", n + 1)),
                );
            }
        }
    }

    fn rename(&self) {
        self.shift();
        let _ = fs::rename(self.at("tls.log"), self.at("tls.log.1"));
    }

    fn reopen(&mut self) {
        self.finish();
        self.writer = File::options().append(true).create(true).open(self.at("tls.log")).unwrap();
    }

    fn copy_and_truncate(&mut self) {
        self.finish();
        if !self.at("tls.log").exists() {
            return;
        }
        self.reopen();
        self.shift();
        fs::copy(self.at("tls.log"), self.at("tls.log.1")).unwrap();
        let _still = self.still.lock().unwrap();
        self.writer.set_len(0).unwrap();
    }

    fn compress(&mut self) {
        // Nothing compresses what is still written to.
        self.reopen();
        let Ok(plain) = read_bounded(&self.at("tls.log.1"), 1 << 20) else { return };
        let mut encoder =
            GzEncoder::new(File::create(self.at("tls.log.1.gz")).unwrap(), flate2::Compression::fast());
        encoder.write_all(plain.as_bytes()).unwrap();
        let modified = fs::metadata(self.at("tls.log.1")).unwrap().modified().unwrap();
        encoder.finish().unwrap().set_modified(modified).unwrap();
        fs::remove_file(self.at("tls.log.1")).unwrap();
    }

    fn read(&mut self) -> Result<Readout, SourceError> {
        let readout = self.source.read()?;
        self.note = readout.note.clone();
        assert!(self.note.as_ref().is_some_and(|note| note.len() <= 1024), "{:?}", self.note);
        Ok(readout)
    }

    fn restart(&mut self) {
        self.source = Self::source(self.dir.path());
        if let Some(note) = &self.note {
            self.source.resume(note);
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Append(usize),
    Half,
    Rename,
    Reopen,
    Copytruncate,
    Compress,
    Remove,
    Cut,
    Read,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1usize..40).prop_map(Step::Append),
        2 => Just(Step::Half),
        2 => Just(Step::Rename),
        2 => Just(Step::Reopen),
        2 => Just(Step::Copytruncate),
        1 => Just(Step::Compress),
        1 => Just(Step::Remove),
        1 => Just(Step::Cut),
        5 => Just(Step::Read),
        2 => Just(Step::Restart),
    ]
}

/// Goes through steps, and holds what the source counts against what was written.
fn walk(steps: impl IntoIterator<Item = Step>) -> Result<(), TestCaseError> {
    let mut world = World::new();
    let before = counters(&world.read().unwrap());
    prop_assert_eq!(before.first, 0);
    let (mut counted, mut truth, mut incarnation) = (0, 0, before.incarnation);
    // Whether the log has its writer: what is written to a file that has no name any more is nobody's.
    let mut may_lose = false;
    // An empty log has nothing by which it is known again once it was filled and compressed.
    let (mut blank, mut compressed) = (true, false);
    for step in steps.into_iter().chain([Step::Reopen, Step::Read]) {
        match step {
            Step::Append(lines) => world.append(lines),
            Step::Half => world.half(),
            Step::Rename => world.rename(),
            Step::Reopen => world.reopen(),
            Step::Copytruncate => world.copy_and_truncate(),
            Step::Compress => {
                world.compress();
                compressed = true;
            }
            Step::Remove => {
                let _ = fs::remove_file(world.at("tls.log.1"));
                let _ = fs::remove_file(world.at("tls.log.1.gz"));
                may_lose = true;
            }
            Step::Cut => {
                world.finish();
                world.writer.set_len(0).unwrap();
                may_lose = true;
            }
            Step::Restart => world.restart(),
            Step::Read => {
                let Ok(readout) = world.read() else { continue };
                let now = counters(&readout);
                if now.incarnation == incarnation {
                    prop_assert!(readout.losses.is_empty());
                    // What a removed file had is not always known to have been there.
                    if !may_lose {
                        prop_assert_eq!(now.first - counted, world.sessions - truth);
                    }
                    prop_assert!(now.first >= counted && now.first - counted <= world.sessions - truth);
                } else {
                    prop_assert!(may_lose || (blank && compressed), "{:?}", readout.losses);
                    prop_assert_eq!(readout.losses.len(), 1);
                }
                blank |= !read_bounded(&world.at("tls.log"), 1 << 20).is_ok_and(|log| log.contains('\n'));
                (counted, truth, incarnation) = (now.first, world.sessions, now.incarnation);
            }
        }
    }
    Ok(())
}

/// How many cases are tried: more where `PROPTEST_CASES` says so.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").map_or(600, |cases| cases.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_line_is_counted_once_or_its_slot_is_a_gap(
            steps in proptest::collection::vec(step(), 1..60),
            by_copy in any::<bool>(),
        ) {
        // A log is rotated in one way or the other.
        walk(steps.into_iter().map(|step| match step {
            Step::Rename if by_copy => Step::Copytruncate,
            Step::Copytruncate if !by_copy => Step::Rename,
            step => step,
        }))?;
    }
}

#[test]
fn what_was_read_of_a_log_that_is_empty_again_is_not_read_twice_after_a_restart() {
    use Step::{Append, Compress, Copytruncate, Read, Rename, Reopen, Restart};
    let rotated = [Append(8), Read, Append(8), Copytruncate, Append(8), Copytruncate];
    let twice_read = [Append(8), Read, Rename, Append(8), Rename, Reopen, Append(8), Rename, Reopen, Read];
    for steps in [
        // The newest copy is compressed when it is found, an older one is not.
        [&rotated[..], &[Append(8), Copytruncate, Compress, Read, Restart, Read]].concat(),
        // The newest copy is empty, and the one before it compressed.
        [&rotated[..], &[Compress, Copytruncate, Read, Restart, Read]].concat(),
        // The newest copy was read long ago, while the log got no line.
        [&rotated[..], &[Compress, Append(8), Copytruncate, Read, Read, Read, Read, Restart, Read]].concat(),
        // Renamed instead.
        [&twice_read[..], &[Read, Read, Read, Restart, Read, Append(4), Read]].concat(),
        // Renamed, and the server opens the new log long after.
        [&twice_read[..], &[Append(8), Read, Rename, Read, Read, Read, Read, Append(8), Read]].concat(),
    ] {
        walk(steps.iter().copied()).unwrap_or_else(|e| panic!("{e}: {steps:?}"));
    }
}

#[test]
fn a_file_that_is_written_to_after_it_was_rotated_counts_from_the_first_start_on() {
    let mut world = World::new();
    world.append(8);
    world.rename();
    // As logrotate's `create` does, before the server is told.
    File::create(world.at("tls.log")).unwrap();
    world.restart();
    world.source.resume("");
    assert_eq!(
        counters(&world.read().unwrap()).first,
        0,
        "what was there before the first start does not count"
    );
    let before = world.sessions;
    world.append(8);
    assert_eq!(counters(&world.read().unwrap()).first, world.sessions - before);
    world.restart();
    world.reopen();
    world.append(8);
    let readout = world.read().unwrap();
    assert_eq!((counters(&readout).first, readout.losses), (world.sessions - before, vec![]));
}

#[test]
fn a_log_that_was_copied_and_compressed_six_times_meanwhile_is_read_on() {
    let mut world = World::new();
    let before = counters(&world.read().unwrap());
    world.append(8);
    world.read().unwrap();
    for _ in 0..6 {
        world.append(8);
        world.copy_and_truncate();
        world.compress();
        // What logrotate does where it is told to rotate an empty log.
        world.copy_and_truncate();
        world.compress();
    }
    world.restart();
    let readout = world.read().unwrap();
    let now = counters(&readout);
    assert_eq!((now.first, now.incarnation, readout.losses), (world.sessions, before.incarnation, vec![]));
}

/// What a server writes between the copy and the cut is gone: that alone does not happen here.
#[test]
fn at_whatever_moment_a_log_is_copied_and_cut_off_every_line_is_counted_once() {
    let seeds: u64 = std::env::var("RACE_SEEDS").map_or(6, |seeds| seeds.parse().unwrap());
    for seed in 1..=seeds {
        let mut world = World::new();
        world.append(8);
        let before = counters(&world.read().unwrap());
        let truth = world.sessions;
        let (dir, still) = (world.dir.path().to_owned(), Arc::clone(&world.still));
        let mut note = world.note.clone().unwrap();
        let (done, seen, is_over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut source = World::source(&dir);
                for reading in 0.. {
                    if is_over.load(Ordering::SeqCst) {
                        break;
                    }
                    if reading % 3 == 0 {
                        source = World::source(&dir);
                        source.resume(&note);
                    }
                    // An error says that rotation did not rest. Whatever it came to, all is counted once the writer stands still.
                    let _ = source.read();
                    let written = still.lock().unwrap();
                    let readout = source.read().unwrap();
                    let now = counters(&readout);
                    let counted = (now.first - before.first, now.incarnation);
                    assert_eq!(
                        counted,
                        (*written - truth, before.incarnation),
                        "seed {seed}, reading {reading}"
                    );
                    assert_eq!(readout.losses, Vec::<String>::new(), "seed {seed}, reading {reading}");
                    note = readout.note.unwrap();
                    seen.store(done.load(Ordering::SeqCst), Ordering::SeqCst);
                }
            });
            let mut random = seed;
            for rotation in 1..=100 {
                // A few of them between two readings: what is compressed is searched only so far back.
                while rotation > 4 + seen.load(Ordering::SeqCst) && !reader.is_finished() {
                    std::thread::yield_now();
                }
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let draw = random >> 33;
                world.append((draw % 24) as usize);
                (0..draw % 7919).for_each(|_| std::hint::spin_loop());
                world.copy_and_truncate();
                if draw & 64 == 0 {
                    world.compress();
                }
                done.store(rotation, Ordering::SeqCst);
            }
            is_over.store(true, Ordering::SeqCst);
            reader.join().unwrap();
        });
    }
}

#[test]
fn a_line_that_can_not_be_read_makes_its_slot_a_gap_each_time_and_no_other() {
    let mut world = World::new();
    let mut before = counters(&world.read().unwrap());
    for round in 0..3 {
        world.append(4);
        world.writer.write_all(b"1795000000.1 7 1 TLSv\xff\n1795000000.1 7 one TLSv1.3 AES r\n").unwrap();
        let readout = world.read().unwrap();
        let doubtful = counters(&readout);
        assert_ne!(doubtful.incarnation, before.incarnation, "{round}");
        assert!(readout.losses[0].starts_with("2 of 6 new lines of "), "{:?}", readout.losses);
        world.append(4);
        world.restart();
        let readout = world.read().unwrap();
        before = counters(&readout);
        assert_eq!((before.incarnation, before.first), (doubtful.incarnation, world.sessions), "{round}");
        assert_eq!(readout.losses, Vec::<String>::new());
    }
}
