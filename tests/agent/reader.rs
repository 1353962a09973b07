//! A reader of the log that has stalled.

use crate::agent::eventually;
use crate::home::{HIGHWATER, Home};
use crate::line::Line;
use crate::rows;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead as _, BufReader};

/// The child of this test alone; killed with it.
struct Child(std::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_log_that_nobody_reads_never_stops_the_sampling() {
    let home = Home::new();
    let (reader, writer) = std::io::pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    let mut child = Child(home.command(HIGHWATER).arg("run").stdout(writer).spawn().unwrap());
    let enough = 5;
    let written = || home.file().exists().then(|| count(&home)).flatten();
    eventually("rows while nobody reads", || written().filter(|rows| *rows >= enough));

    let mut lines = BufReader::new(reader).lines().map(|line| Line::parse(&line.unwrap()));
    let told = lines.find(|line| line.get("dropped_lines").is_some()).unwrap();
    assert!(told.number("dropped_lines") >= enough as f64, "{told:?}");
    let next = lines.find(Line::is_slot).unwrap();
    assert_eq!(next.get("dropped_lines"), None, "it is told once: {next:?}");
    kill(Pid::from_raw(child.0.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert_eq!(lines.last().unwrap().event(), "stopped");
    assert!(child.0.wait().unwrap().success());
    let slots = rows::slots(&home.ledger());
    assert!(slots.contains(&next.slot()));
    let missed: i64 = rows::one(&home.ledger(), "SELECT count(*) FROM missed", []);
    assert!(missed == 0 || slots.len() as i64 >= enough, "{slots:?}");
    home.assert_verified();
}

fn count(home: &Home) -> Option<i64> {
    // The file is there a moment before its tables.
    home.ledger().query_row("SELECT count(*) FROM slots", [], |row| row.get(0)).ok()
}
