//! `highwater courier`, the real program, at the real central: many files, cuts, kills, a central that goes away.

use crate::central::Central;
use crate::files::Tree;
use crate::home::Home;
use crate::programs;
use crate::server::{Act, Server as Stranger, answer, until};
use crate::support::{self, Agent, Back};
use crate::tools::missing;
use highwater_rules::token::EnrolmentToken;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

/// A place on a host without an agent, and a central that some instances have joined.
struct Bastion {
    tree: Tree,
    central: Central,
    token: EnrolmentToken,
    runtime: tokio::runtime::Runtime,
}

impl Bastion {
    fn new() -> Self {
        let central = Central::start();
        let token = EnrolmentToken::parse(&central.token("90d")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Bastion { tree: Tree::new(&[]), central, token, runtime }
    }

    fn joined(&self, n: u32) -> Agent {
        let mut agent = Agent::new(n);
        self.runtime.block_on(async {
            let mut client = support::Client::connect(&self.central.url(), &self.central.ca_file).await;
            agent.join(&mut client, &self.token).await;
        });
        agent
    }

    /// So many instances, and a file of each in `out`, of so many reports.
    fn exported(&self, files: u32, reports: usize) -> Vec<Agent> {
        (0..files)
            .map(|n| {
                let mut agent = self.joined(n);
                let (bundle, _) = agent.bundle(reports);
                self.tree.write(&format!("out/{n:04}.hwb"), bundle);
                agent
            })
            .collect()
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = programs::command(programs::agent());
        // A host where nobody has a home: nothing may be asked of one, and nothing made.
        command.env_clear().env("HOME", "/nonexistent").current_dir(self.tree.dir());
        command.args(["courier", "--central", &self.central.url(), "--ca-file"]).arg(&self.central.ca_file);
        command.args(more);
        command
    }

    fn carry(&self, more: &[&str]) -> Output {
        self.command(more).output().unwrap()
    }

    fn json(&self, more: &[&str], code: i32) -> Value {
        let output = self.carry(&[more, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.tree.at(name)
    }

    fn back(&self, name: &str) -> Back {
        Back::read(&bytes(&self.at(name)))
    }

    /// How many bundles central has answered since it was started.
    fn answered(&self) -> u64 {
        let page = self.runtime.block_on(async {
            let mut client = support::Client::connect(&self.central.url(), &self.central.ca_file).await;
            client.get("/metrics").await.body
        });
        let page = String::from_utf8(page).unwrap();
        let lines = page.lines().filter_map(|l| l.strip_prefix("highwater_central_bundles_total{"));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own file")]
fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// As if nobody had touched a file for so long.
fn age(path: &Path, seconds: u64) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test's own clock")]
    let now = SystemTime::now();
    file.set_modified(now - Duration::from_secs(seconds)).unwrap();
}

/// How many answers a round that was cut has kept.
fn kept(path: &Path) -> u64 {
    let bytes = bytes(path);
    let mut at = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
    let mut entries = 0;
    while let Some(length) = bytes.get(at + 33..at + 37) {
        at += 37 + usize::try_from(u32::from_be_bytes(length.try_into().unwrap())).unwrap() + 32;
        entries += u64::from(at <= bytes.len());
    }
    entries
}

#[test]
fn files_of_many_hosts_come_back_as_one_bundle_and_the_same_content_is_sent_once() {
    let bastion = Bastion::new();
    let agents = bastion.exported(12, 5);
    bastion.tree.write("copy.hwb", bytes(&bastion.at("out/0003.hwb")));
    let output = bastion.carry(&["out", "copy.hwb", "-o", "back.hwb"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines = String::from_utf8(output.stderr).unwrap();
    assert_eq!(lines.lines().count(), 13, "a line a file: {lines}");
    assert!(lines.contains("out/0007.hwb: taken, 5 of 5 reports receipted"), "{lines}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("13 files: 13 taken, 0 partly, 0 refused, 0 left; 60 reports receipted"), "{told}");
    assert_eq!(bastion.answered(), 12);
    let back = bastion.back("back.hwb").0;
    assert_eq!(back.len(), 12);
    for agent in &agents {
        let replied = back.iter().find(|replied| replied.reply.instance == agent.instance).unwrap();
        assert_eq!(replied.receipted(agent), [1, 2, 3, 4, 5]);
        assert_eq!(replied.licences().len(), 1);
    }
    assert!(!bastion.at("back.hwb.part").exists() && !bastion.at("back.hwb.tmp").exists());
    // What is there is not written over, as it may not have been carried yet.
    let refused = bastion.carry(&["out", "-o", "back.hwb"]);
    assert_eq!(refused.status.code(), Some(64), "{refused:?}");
    assert_eq!(bastion.answered(), 12);
    assert_eq!(bastion.carry(&["out", "-o", "back.hwb", "--force"]).status.code(), Some(0));
    // A directory that holds the answer, too, is no mistake.
    bastion.tree.write("out/older.hwb", bytes(&bastion.at("back.hwb")));
    let told = bastion.json(&["out", "-o", "out/back.hwb"], 0);
    let skipped: Vec<&Value> =
        told["files"].as_array().unwrap().iter().filter(|file| file["state"] == "skipped").collect();
    assert_eq!(skipped.len(), 1, "{told}");
}

#[test]
fn what_is_wrong_with_one_file_is_told_by_name_and_hinders_no_other() {
    let bastion = Bastion::new();
    let agents = bastion.exported(3, 40);
    let whole = bytes(&bastion.at("out/0001.hwb"));
    bastion.tree.write("out/0001.hwb", &whole[..whole.len() / 2]);
    bastion.tree.write("out/diary.hwb", "dear diary");
    let mut stranger = Agent::new(99);
    bastion.tree.write("out/stranger.hwb", stranger.bundle(2).0);
    let long = std::fs::File::create(bastion.at("out/long.hwb")).unwrap();
    long.set_len(65 * 1024 * 1024).unwrap();
    let told = bastion.json(&["out", "missing.hwb", "-o", "back.hwb", "--delete"], 65);
    let file = |name: &str| {
        let files = told["files"].as_array().unwrap();
        files.iter().find(|file| file["file"].as_str().unwrap().ends_with(name)).unwrap().clone()
    };
    let cut = file("0001.hwb");
    let accepted = cut["accepted"].as_u64().unwrap();
    assert!(cut["state"] == "partly" && (1..40).contains(&accepted), "{cut}");
    let why = format!("{accepted} of the 40 reports of instance {} were read", agents[1].instance);
    let told = &cut["instances"][0]["cut"];
    assert!(cut["why"] == *told && told.as_str().unwrap().contains(&why), "central's word: {cut}");
    assert!(file("diary.hwb")["why"].as_str().unwrap().contains("no bundle"));
    assert!(file("long.hwb")["why"].as_str().unwrap().contains("longer than"));
    assert!(file("missing.hwb")["state"] == "refused");
    let unknown = format!("unknown key {}", stranger.key.id().hex());
    assert!(file("stranger.hwb")["why"].as_str().unwrap().contains(&unknown), "{told}");
    for whole in ["0000.hwb", "0002.hwb"] {
        assert_eq!((&file(whole)["state"], &file(whole)["accepted"]), (&"taken".into(), &40.into()));
    }
    // Those that are good, and the stranger's: the others are no bundles, and are not sent.
    assert_eq!(bastion.answered(), 4);
    assert_eq!(bastion.back("back.hwb").0.len(), 4);
}

#[test]
fn a_round_that_was_killed_goes_on_and_sends_nothing_twice_that_was_answered() {
    const FILES: u32 = 150;
    let bastion = Bastion::new();
    let agents = bastion.exported(FILES, 3);
    let mut child = bastion.command(&["out", "-o", "back.hwb", "--jobs", "2"]);
    let mut child = child.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let part = bastion.at("back.hwb.part");
    until("a third is answered", || part.exists() && kept(&part) >= u64::from(FILES) / 3);
    child.kill().unwrap();
    child.wait().unwrap();
    let (before, answered) = (kept(&part), bastion.answered());
    assert!(before < u64::from(FILES), "it was killed in the middle");
    assert!(answered - before <= 2, "{answered} answered, {before} kept: two were on their way");
    assert!(!bastion.at("back.hwb").exists());
    let told = bastion.json(&["out", "-o", "back.hwb", "--jobs", "2"], 0);
    assert_eq!(bastion.answered() - answered, u64::from(FILES) - before, "what was kept is not sent");
    assert!(told["files"].as_array().unwrap().iter().all(|file| file["state"] == "taken"), "{told}");
    let back = bastion.back("back.hwb").0;
    assert_eq!(back.len(), agents.len());
    for agent in &agents {
        let replied = back.iter().find(|replied| replied.reply.instance == agent.instance).unwrap();
        assert_eq!(replied.receipted(agent), [1, 2, 3]);
    }
    assert!(!part.exists());
}

#[test]
fn while_central_is_away_what_was_done_is_kept_and_the_same_command_goes_on() {
    let mut bastion = Bastion::new();
    bastion.exported(3, 2);
    bastion.central.kill();
    let told = bastion.json(&["out", "-o", "back.hwb", "--tries", "1", "--delete"], 69);
    assert!(told["files"].as_array().unwrap().iter().all(|file| file["state"] == "left"), "{told}");
    assert!(told["error"]["mend"].as_str().unwrap().contains("--central"), "{told}");
    assert!(bastion.at("back.hwb.part").exists() && !bastion.at("back.hwb").exists());
    // Another central is not believed to have answered what this one did.
    let other = Central::start();
    let mut elsewhere = programs::command(programs::agent());
    elsewhere.current_dir(bastion.tree.dir());
    elsewhere.args(["courier", "out", "-o", "back.hwb", "--central", &other.url()]);
    let output = elsewhere.arg("--ca-file").arg(&other.ca_file).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("begun with another central"), "{output:?}");
    // It comes back while the courier waits for it.
    let mut waiting = bastion.command(&["out", "-o", "back.hwb", "--tries", "20"]);
    let mut waiting = waiting.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(waiting.stderr.take().unwrap()));
    let line = lines.next().unwrap().unwrap();
    assert!(line.starts_with("central is away: ") && line.contains("next try in"), "{line}");
    bastion.central.come_back();
    assert_eq!(waiting.wait().unwrap().code(), Some(0));
    assert_eq!(bastion.answered(), 3);
    assert_eq!(bastion.back("back.hwb").0.len(), 3);
}

#[test]
fn a_central_that_is_busy_is_asked_again_when_it_says() {
    let bastion = Bastion::new();
    bastion.exported(6, 1);
    let (url, ca_file) = (bastion.central.url(), bastion.central.ca_file.clone());
    // The same data behind a server that takes one request a second of each address.
    let slow = bastion.central.again(&["--rate-limit", "1"]);
    assert_ne!(slow.url, url);
    let mut command = programs::command(programs::agent());
    command
        .current_dir(bastion.tree.dir())
        .args(["courier", "out", "-o", "back.hwb", "--json", "--tries", "30"]);
    let output = command.args(["--central", &slow.url, "--ca-file"]).arg(ca_file).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(bastion.back("back.hwb").0.len(), 6);
}

#[test]
fn files_are_removed_after_success_only_and_when_they_were_left_alone() {
    let bastion = Bastion::new();
    bastion.exported(4, 2);
    let names = ["0000", "0001", "0002", "0003"].map(|n| bastion.at(&format!("out/{n}.hwb")));
    for name in &names {
        age(name, 700);
    }
    age(&names[1], 500);
    let whole = bytes(&names[2]);
    bastion.tree.write("out/0002.hwb", &whole[..whole.len() - 40]);
    age(&names[2], 700);
    let told = bastion.json(&["out", "-o", "back.hwb", "--delete"], 65);
    let gone = names.each_ref().map(|name| !name.exists());
    assert_eq!(gone, [true, false, false, true], "{told}");
    let files = told["files"].as_array().unwrap();
    let because: Vec<&str> = files.iter().map(|file| file["kept_because"].as_str().unwrap_or("")).collect();
    assert_eq!(because, ["", "it was touched within the last 10 minutes", "it was not taken as a whole", ""]);
    assert_eq!(files[0]["deleted"], true);
    // Nothing is removed without being told to, nor before the answer is on the disk.
    std::fs::create_dir(bastion.at("back2.hwb.tmp")).unwrap();
    age(&names[1], 700);
    let output = bastion.carry(&["out/0001.hwb", "-o", "back2.hwb", "--delete"]);
    assert!(!output.status.success() && names[1].exists(), "{output:?}");
    std::fs::remove_dir(bastion.at("back2.hwb.tmp")).unwrap();
    assert!(bastion.carry(&["out/0001.hwb", "-o", "back2.hwb"]).status.success());
    assert!(names[1].exists());
}

#[test]
fn who_is_no_central_gets_the_files_once_and_is_told_from_one() {
    let bastion = Bastion::new();
    bastion.exported(3, 1);
    let portal = Stranger::start(|_| {
        Act::Break(answer("200 OK", "content-type: text/html\r\n", b"<html>please log in</html>"))
    });
    bastion.tree.write("portal.pem", &portal.ca_pem);
    let mut command = programs::command(programs::agent());
    command.current_dir(bastion.tree.dir()).args(["courier", "out", "-o", "back.hwb", "--jobs", "1"]);
    let output = command
        .args(["--central", &format!("https://127.0.0.1:{}", portal.port), "--ca-file", "portal.pem"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("what answered is no central: it sent text/html"), "{told}");
    assert!(!told.contains("uplink."), "there is no configuration here: {told}");
    assert_eq!(portal.requests.lock().unwrap().len(), 1, "what no central answers is not sent on and on");
    assert!(!bastion.at("back.hwb").exists());
}

#[test]
fn on_a_terminal_one_line_tells_how_far_it_is_and_how_long_it_will_take() {
    if missing(&[("script", "--version")]) {
        return;
    }
    let bastion = Bastion::new();
    bastion.exported(5, 3);
    bastion.tree.write("out/diary.hwb", "dear diary");
    let inner = bastion.command(&["out", "-o", "back.hwb"]);
    let words = std::iter::once(inner.get_program()).chain(inner.get_args());
    let words: Vec<&str> = words.map(|word| word.to_str().unwrap()).collect();
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-c", &words.join(" "), "/dev/null"]).current_dir(bastion.tree.dir());
    let output = script.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    let last = shown.rsplit("\r\u{1b}[K").next().unwrap();
    assert!(
        last.starts_with("6 of 6 files, 15 reports, ") && last.contains(" reports/s, 0 s left"),
        "{shown:?}"
    );
    assert!(shown.contains("out/diary.hwb: refused, 0 of 0 reports receipted: "), "{shown:?}");
    assert!(!shown.contains("0001.hwb"), "what went well is only counted: {shown:?}");
}

#[test]
fn a_host_without_a_connection_gets_its_receipts_by_hand() {
    let central = Central::start();
    let home = Home::new();
    home.join(&central, "90d");
    let mut agent = home.run();
    agent.slots(2);
    let exported = home.ask(&["export", "--open-day", "-o", "usage.hwb"]);
    assert!(exported.status.success(), "{exported:?}");
    let ca_file = central.ca_file.to_str().unwrap();
    let mut courier = programs::command(programs::agent());
    courier.current_dir(home.tree.dir()).args(["courier", "usage.hwb", "-o", "receipts.hwb"]);
    let carried = courier.args(["--central", &central.url(), "--ca-file", ca_file]).output().unwrap();
    assert!(carried.status.success(), "{carried:?}");
    for _ in 0..2 {
        let imported = home.ask(&["import", "receipts.hwb"]);
        assert!(imported.status.success(), "{imported:?}");
        let status = home.status();
        assert_eq!((&status["outbox"]["receipted"], &status["outbox"]["pending"]), (&1.into(), &0.into()));
        assert_eq!(status["gate"]["since"]["what"], "receipt");
    }
    assert_eq!(central.reports().len(), 1);
    agent.stop();
}
