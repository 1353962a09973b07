//! The programs that are measured: the agent, the floors and the peers.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use super::beat::{Sign, free_port};
use super::process::Line;
use crate::shell;

/// More samples than any measurement takes.
pub(super) const ENDLESS: u32 = 100_000;
/// Rows after which SQLite's WAL is overwritten from its start (it is checkpointed at 1000 pages) and grows no more.
const WAL_ROWS: &str = "1100";
/// Samples before memory is read.
const WARM_UP: u32 = 20;
const SECOND: Duration = Duration::from_secs(1);

/// One program, and how it is run so that it samples.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) name: String,
    /// The name of its folder.
    pub(super) folder: &'static str,
    /// What one sample is, for the page's readers.
    pub(super) sample: String,
    pub(super) interval: Duration,
    /// How long it may write other things than samples after its start.
    pub(super) start_up: Duration,
    /// Samples before memory is read.
    pub(super) warm_up: u32,
    /// Samples that are counted, when fewer than asked for must do.
    pub(super) samples_max: u32,
    pub(super) binary: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Agent,
    Floor,
    FloorSqlite { locking: &'static str },
    Vnstat { save_minutes: u64 },
    Sadc,
    NodeExporter { port: u16 },
}

impl Program {
    pub(super) fn agent(binary: &Path) -> Program {
        let sample = "RAM and network into its ledger, with one line of log".to_owned();
        Program::every_second("highwater", "highwater", sample, binary, Kind::Agent)
    }

    pub(super) fn floor(binary: &Path) -> Program {
        let sample = "reads meminfo and net/dev, appends 32 bytes, fsync; static C".to_owned();
        Program::every_second("C floor", "floor", sample, binary, Kind::Floor)
    }

    /// `exclusive`: no other process may read the file meanwhile, which spares the locks and the shared index.
    pub(super) fn floor_sqlite(binary: &Path, exclusive: bool) -> Program {
        let (name, folder, locking) = if exclusive {
            ("C + SQLite, exclusive", "floor-exclusive", "exclusive")
        } else {
            ("C + SQLite", "floor-sqlite", "normal")
        };
        let sample = format!(
            "the same with one INSERT: WAL that no longer grows, synchronous=FULL, {locking} locking; C with the system's SQLite"
        );
        Program::every_second(name, folder, sample, binary, Kind::FloorSqlite { locking })
    }

    pub(super) fn sadc(binary: &Path, version: &str) -> Program {
        let sample = "one record of `sadc 1 N FILE`, which does not sync: what reaches the device is the kernel's later write".to_owned();
        Program::every_second(&format!("sadc {version}"), "sadc", sample, binary, Kind::Sadc)
    }

    pub(super) fn node_exporter(binary: &Path, version: &str) -> anyhow::Result<Program> {
        let sample =
            "one scrape with only meminfo and netdev, over a kept connection; it stores nothing itself"
                .to_owned();
        let kind = Kind::NodeExporter { port: free_port()? };
        Ok(Program::every_second(&format!("node_exporter {version}"), "node-exporter", sample, binary, kind))
    }

    pub(super) fn vnstat(binary: &Path, version: &str, save_minutes: u64) -> Program {
        let sample = format!(
            "one save (every {save_minutes} min) of one interface and the polls up to it, Debian's settings otherwise; no RAM"
        );
        let kind = Kind::Vnstat { save_minutes };
        let vnstat = Program::every_second(&format!("vnstatd {version}"), "vnstatd", sample, binary, kind);
        // It writes once at its start; its first save comes one interval later and its second on the grid of the clock,
        // so that the third is the first with a whole interval before it.
        let start_up = Duration::from_secs(10);
        let interval = Duration::from_secs(save_minutes * 60);
        Program { interval, start_up, warm_up: 2, samples_max: 1, ..vnstat }
    }

    fn every_second(name: &str, folder: &'static str, sample: String, binary: &Path, kind: Kind) -> Program {
        Program {
            name: name.to_owned(),
            folder,
            sample,
            interval: SECOND,
            start_up: Duration::ZERO,
            warm_up: WARM_UP,
            samples_max: u32::MAX,
            binary: binary.to_path_buf(),
            kind,
        }
    }

    /// Does what must be done before the start, and tells how to start. `count` is for those that end by themselves.
    pub(super) fn prepare(&self, folder: &Path, count: u32) -> anyhow::Result<Line> {
        let count = count.to_string();
        let interval_ms = self.interval.as_millis().to_string();
        let mut environment = Vec::new();
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
        match &self.kind {
            Kind::Agent => {
                let state = folder.join("state");
                fs::create_dir_all(&state).context("cannot create the state directory")?;
                environment.push(("HIGHWATER_STATE_DIR", state.into_os_string()));
                let interval = format!("{}s", self.interval.as_secs());
                environment.push(("HIGHWATER_SAMPLING__INTERVAL", interval.into()));
                add(&["run"]);
            }
            Kind::Floor => add(&[&file(folder, "samples"), &interval_ms, &count]),
            Kind::FloorSqlite { locking } => {
                add(&[&file(folder, "samples.db"), &interval_ms, &count, WAL_ROWS, locking]);
            }
            Kind::Sadc => add(&["1", &count, &file(folder, "sa")]),
            Kind::NodeExporter { port } => add(&[
                "--collector.disable-defaults",
                "--collector.meminfo",
                "--collector.netdev",
                &format!("--web.listen-address=127.0.0.1:{port}"),
            ]),
            Kind::Vnstat { save_minutes } => {
                let settings = self.vnstat_database(folder, *save_minutes)?;
                add(&["-n", "--noadd", "--config", &settings]);
            }
        }
        Ok(Line { program: self.binary.clone(), arguments, environment })
    }

    /// What shows that a sample was taken, when the program runs in `folder`.
    pub(super) fn sign(&self, folder: &Path) -> Sign {
        match &self.kind {
            Kind::Agent => Sign::Said("event=sampled"),
            Kind::Floor => Sign::File(folder.join("samples")),
            Kind::FloorSqlite { .. } => Sign::File(folder.join("samples.db-wal")),
            Kind::Sadc => Sign::File(folder.join("sa")),
            Kind::NodeExporter { port } => Sign::Asked(*port),
            Kind::Vnstat { .. } => Sign::File(folder.join("vnstat.db")),
        }
    }

    pub(super) fn is_agent(&self) -> bool {
        matches!(self.kind, Kind::Agent)
    }

    /// Whether it ends by itself after a number of samples.
    pub(super) fn takes_a_count(&self) -> bool {
        matches!(self.kind, Kind::Floor | Kind::FloorSqlite { .. } | Kind::Sadc)
    }

    /// Whether it writes anything.
    pub(super) fn stores(&self) -> bool {
        !matches!(self.kind, Kind::NodeExporter { .. })
    }

    /// Whether valgrind can run it: not what Go compiles.
    pub(super) fn runs_in_valgrind(&self) -> bool {
        !matches!(self.kind, Kind::NodeExporter { .. })
    }

    /// A configuration file and a database with one interface; returns the file's name.
    fn vnstat_database(&self, folder: &Path, save_minutes: u64) -> anyhow::Result<String> {
        let settings = file(folder, "vnstat.conf");
        let text = format!(
            "DatabaseDir \"{}\"\nPidFile \"{}\"\nUseLogging 0\nSaveInterval {save_minutes}\n",
            folder.display(),
            file(folder, "vnstat.pid"),
        );
        fs::write(&settings, text).context("cannot write vnstat's configuration")?;
        shell::run(&self.binary.to_string_lossy(), &["--initdb", "--config", &settings])?;
        shell::run("vnstat", &["--config", &settings, "-i", &interface()?, "--add"])?;
        Ok(settings)
    }
}

fn file(folder: &Path, name: &str) -> String {
    folder.join(name).to_string_lossy().into_owned()
}

/// The first interface that is up, other than the loopback.
fn interface() -> anyhow::Result<String> {
    let interfaces = fs::read_dir("/sys/class/net").context("no list of interfaces")?;
    interfaces
        .flatten()
        .filter(|entry| entry.file_name() != "lo")
        .find(|entry| {
            shell::read_text(&entry.path().join("operstate")).is_ok_and(|state| state.trim() == "up")
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .context("no interface is up")
}
