//! The log as systemd's journal has it: the real agent, with a journal of the test's own at the journal's place.

use crate::agent::Agent;
use crate::home::{HIGHWATER, Home, without_root};
use crate::tools;
use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// What is awaited comes within this, on a machine however busy.
const PATIENCE: Duration = Duration::from_secs(40);

/// In a mount namespace of its own, the socket `$0` is at the journal's place, and standard output is called the journal's.
const UNDER_SYSTEMD: &str = r#"
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal
touch /run/systemd/journal/socket
mount --bind "$0" /run/systemd/journal/socket
JOURNAL_STREAM=$(stat -L -c %d:%i /proc/$$/fd/1)
export JOURNAL_STREAM
exec "$@"
"#;

/// The fields of an entry that are told in one line each, as those of a healthy agent are.
fn entry(journal: &UnixDatagram) -> BTreeMap<String, String> {
    let mut buffer = [0; 16 * 1024];
    let length = journal.recv(&mut buffer).expect("an entry");
    let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
    let pairs =
        text.lines().map(|line| line.split_once('=').unwrap_or_else(|| panic!("no field: {line} of {text}")));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn entry_of(journal: &UnixDatagram, event: &str) -> BTreeMap<String, String> {
    (0..1000).map(|_| entry(journal)).find(|entry| entry["EVENT"] == event).expect("one of this event")
}

#[test]
fn each_event_is_an_entry_with_fields_and_goes_to_standard_output_where_the_journal_is_gone() {
    if without_root() || tools::missing(&[("unshare", "--version"), ("mount", "--version")]) {
        return;
    }
    let home = Home::new();
    std::fs::create_dir_all(home.tree.dir()).unwrap();
    let socket = home.tree.at("journal");
    let journal = UnixDatagram::bind(&socket).unwrap();
    journal.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = home.command("unshare");
    command.args(["--mount", "sh", "-c", UNDER_SYSTEMD]).arg(&socket).args([HIGHWATER, "run"]);
    let mut agent = Agent::spawn(&mut command);

    let started = entry(&journal);
    assert_eq!(started["EVENT"], "started", "{started:?}");
    assert_eq!(started["HIGHWATER_PID"], agent.pid().to_string());
    let sampled = entry_of(&journal, "sampled");
    for (name, value) in [("PRIORITY", "6"), ("HIGHWATER_LEVEL", "info"), ("SYSLOG_IDENTIFIER", "highwater")]
    {
        assert_eq!(sampled[name], value, "{sampled:?}");
    }
    assert!(sampled["HIGHWATER_RAM_CAPACITY"].parse::<f64>().is_ok_and(|bytes| bytes > 0.0), "{sampled:?}");
    let line = crate::line::Line::parse(&sampled["MESSAGE"]);
    for key in line.keys().filter(|key| *key != "event") {
        let field = format!("HIGHWATER_{}", key.to_ascii_uppercase());
        assert_eq!(sampled.get(&field).map(String::as_str), line.get(key), "{key} in {sampled:?}");
    }

    drop(journal);
    // What was in the journal is not on standard output; what it no longer takes is.
    let first = agent.line("line", |_| true);
    assert_ne!(first.event(), "started");
    agent.slots(2);
    agent.stop();
}

#[test]
fn what_keeps_it_from_beginning_is_an_error_in_the_journal_and_told_once() {
    if without_root() || tools::missing(&[("unshare", "--version"), ("mount", "--version")]) {
        return;
    }
    let home = Home::new().configured("nonsense = 1\n");
    let socket = home.tree.at("journal");
    let journal = UnixDatagram::bind(&socket).unwrap();
    journal.set_read_timeout(Some(PATIENCE)).unwrap();
    // Standard error is the same stream, as systemd has it.
    let script = UNDER_SYSTEMD.replace("exec \"$@\"", "exec \"$@\" 2>&1");
    assert_ne!(script, UNDER_SYSTEMD);
    let mut command = home.command("unshare");
    command.args(["--mount", "sh", "-c", &script]).arg(&socket).args([HIGHWATER, "run"]);
    let ended = command.output().unwrap();
    assert_eq!(ended.status.code(), Some(78), "{ended:?}");
    let told = entry_of(&journal, "agent_failed");
    assert_eq!((told["PRIORITY"].as_str(), told["HIGHWATER_EXIT_CODE"].as_str()), ("3", "78"));
    assert!(told["HIGHWATER_ERROR"].contains("nonsense"), "{told:?}");
    assert_eq!(String::from_utf8(ended.stdout).unwrap(), "", "nothing is told twice");

    // Another command's failure is told on standard error alone: as an error.
    let mut command = home.command("unshare");
    command.args(["--mount", "sh", "-c", &script]).arg(&socket).args([HIGHWATER, "peaks"]);
    let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(told.starts_with("<3>highwater: ") && told.lines().all(|line| line.starts_with("<3>")), "{told}");
}
