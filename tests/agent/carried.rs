//! Reports, receipts, licences and an activation that travel by hand, with a running agent and without one.

use crate::clerk::{self, Clerk};
use crate::faked;
use crate::home::{HIGHWATER, Home};
use crate::rows;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;

/// A host that was activated by files, and what carries them.
struct Site {
    home: Home,
    clerk: Clerk,
}

impl Site {
    /// With an agent's ledger, not activated.
    fn new() -> Self {
        let home = Home::new();
        let mut agent = home.run();
        agent.slots(2);
        agent.stop();
        Site { home, clerk: Clerk::new() }
    }

    fn activated() -> Self {
        let site = Site::new();
        site.activate();
        site
    }

    fn at(&self, name: &str) -> PathBuf {
        self.home.tree.at(name)
    }

    fn path(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    fn activate(&self) {
        self.home.tree.write("token", self.clerk.token());
        let (token, out) = (self.path("token"), self.path("join.hwb"));
        self.good(&["activate", "--token-file", &token, "--export", &out]);
        self.clerk.answer(&self.at("join.hwb"), &self.at("joined.hwb"));
        assert_eq!(self.home.json(&["import", &self.path("joined.hwb")])["files"][0]["activated"], true);
    }

    fn good(&self, arguments: &[&str]) -> String {
        let output = self.home.ask(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command complains of, and its exit code.
    fn bad(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.home.ask(arguments);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// A slot that no report tells of yet.
    fn slot(&self) {
        let mut agent = self.home.run();
        agent.slots(1);
        agent.stop();
    }

    fn export(&self, name: &str) {
        self.good(&["export", "--open-day", "--force", "-o", &self.path(name)]);
    }

    /// Exports the open day, and has it answered.
    fn carry(&self, name: &str) -> PathBuf {
        self.export(name);
        let back = self.at(&format!("{name}.back"));
        self.clerk.answer(&self.at(name), &back);
        back
    }

    fn import(&self, path: &std::path::Path) -> serde_json::Value {
        self.home.json(&["import", path.to_str().unwrap()])["files"][0]["imported"].clone()
    }

    fn outbox(&self) -> (i64, i64, i64) {
        let outbox = &self.home.json(&["status"])["outbox"];
        let number = |key: &str| outbox[key].as_i64().unwrap();
        (number("pending"), number("parked"), number("receipted"))
    }
}

#[test]
fn a_host_without_a_common_disk_is_handed_files_by_standard_input_and_output() {
    let site = Site::new();
    site.home.tree.write("token", site.clerk.token());
    let handed = |arguments: &[&str], from: &str, to: &str| {
        let mut command = site.home.command(HIGHWATER);
        command.args(arguments).stdout(std::fs::File::create(site.at(to)).unwrap());
        // By a pipe, as `kubectl exec` hands a file in: one that is not there to be opened by name.
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&clerk::bytes(&site.at(from))).unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}");
    };
    handed(&["activate", "--token", "-", "--export", "-"], "token", "join.hwb");
    site.clerk.answer(&site.at("join.hwb"), &site.at("joined.hwb"));
    handed(&["import", "-", "--json"], "joined.hwb", "told.json");
    assert_eq!(site.home.json(&["status"])["activation"]["activated"], true);
    std::fs::write(site.at("nothing"), "").unwrap();
    handed(&["export", "--open-day", "-o", "-"], "nothing", "usage.hwb");
    site.clerk.answer(&site.at("usage.hwb"), &site.at("back.hwb"));
    handed(&["import", "-"], "back.hwb", "told");
    assert_eq!(site.outbox().0, 0);
}

#[test]
fn an_activation_travels_by_files_and_is_held_to_the_token() {
    let site = Site::new();
    let (code, error) = site.bad(&["export", "-o", &site.path("early.hwb")]);
    assert_eq!(code, 69, "{error}");
    assert!(error.contains("activate") && !site.at("early.hwb").exists(), "{error}");
    site.home.tree.write("token", site.clerk.token());
    let arguments = ["activate", "--token-file", &site.path("token"), "--export", &site.path("join.hwb")];
    site.good(&arguments);
    assert_eq!(site.at("join.hwb").metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    let (code, error) = site.bad(&arguments);
    assert_eq!(code, 64, "a file that is there is not written over: {error}");
    // The same request once more: an answer to the first is as good.
    site.clerk.answer(&site.at("join.hwb"), &site.at("first.hwb"));
    site.good(&["activate", "--token-file", &site.path("token"), "--export", &site.path("again.hwb")]);
    let back = site.at("first.hwb");
    let bytes = clerk::bytes(&back);
    std::fs::write(site.at("cut.hwb"), &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(site.bad(&["import", &site.path("cut.hwb")]).0, 65);
    assert_eq!(site.home.json(&["status"])["activation"]["activated"], false);
    assert_eq!(site.home.json(&["import", back.to_str().unwrap()])["files"][0]["activated"], true);
    assert_eq!(site.home.json(&["status"])["activation"]["activated"], true);
    assert_eq!(site.home.json(&["import", back.to_str().unwrap()])["files"][0]["activated"], false, "again");
    assert!(!site.home.state_dir().join("activation.pending.json").exists());
}

#[test]
fn a_central_with_another_key_than_the_tokens_activates_nobody() {
    let site = Site::new();
    site.home.tree.write("token", site.clerk.token());
    site.good(&["activate", "--token-file", &site.path("token"), "--export", &site.path("join.hwb")]);
    let mut stranger = Clerk::new();
    stranger.begin_with(7);
    stranger.answer(&site.at("join.hwb"), &site.at("false.hwb"));
    let (code, error) = site.bad(&["import", &site.path("false.hwb")]);
    assert_eq!(code, 65);
    assert!(error.contains("pinned"), "{error}");
    assert_eq!(site.home.json(&["status"])["activation"]["activated"], false);
}

#[test]
fn reports_are_carried_out_and_receipts_in_without_an_agent_and_twice_changes_nothing() {
    let site = Site::activated();
    let grace = |key: &str| site.home.json(&["status"])["gate"]["since"][key].clone();
    assert_eq!(grace("what"), "activation");
    let back = site.carry("out.hwb");
    site.slot();
    site.export("more.hwb");
    assert_eq!(clerk::reports(&site.at("more.hwb")).len(), 2, "what has no receipt goes out again");
    let imported = site.import(&back);
    assert_eq!((&imported["accepted"], &imported["grace_renewed"]), (&1.into(), &true.into()), "{imported}");
    assert_eq!((grace("what"), site.outbox()), ("receipt".into(), (1, 0, 1)));
    let since = grace("at");
    let again = site.import(&back);
    assert_eq!(
        (&again["accepted"], &again["already"], &again["changed"]),
        (&0.into(), &1.into(), &false.into())
    );
    assert!(site.good(&["import", back.to_str().unwrap()]).contains("nothing new"));
    assert_eq!((grace("at"), site.outbox()), (since, (1, 0, 1)));
    site.home.assert_verified();
}

#[test]
fn a_running_agent_makes_the_open_days_report_and_takes_in_the_answer() {
    let site = Site::activated();
    let mut agent = site.home.run();
    agent.slots(2);
    let back = site.carry("out.hwb");
    let imported = site.import(&back);
    assert_eq!((&imported["accepted"], &imported["grace_renewed"]), (&1.into(), &true.into()), "{imported}");
    agent.event("report_accepted");
    assert_eq!(agent.event("imported").get("accepted"), Some("1"));
    assert_eq!(site.import(&back)["already"], 1);
    assert_eq!(site.home.json(&["status"])["gate"]["since"]["what"], "receipt");
    let pruned = site.home.json(&["prune"]);
    assert_eq!(pruned["reports"], 1, "{pruned}");
    assert!(agent.event("pruned").number("bytes") > 100.0);
    agent.stop();
    assert_eq!(site.home.json(&["status"])["gate"]["since"]["what"], "receipt", "it was kept");
    site.home.assert_verified();
}

#[test]
fn what_is_another_instances_is_refused_by_name() {
    let (one, other) = (Site::activated(), Site::activated());
    let instance = |site: &Site| site.home.json(&["status"])["instance"].as_str().unwrap().to_owned();
    let back = one.carry("out.hwb");
    let (code, error) = other.bad(&["import", back.to_str().unwrap()]);
    assert_eq!(code, 65);
    assert!(error.contains(&instance(&one)) && error.contains(&instance(&other)), "{error}");
    assert_eq!(other.outbox(), (0, 0, 0));
    let (code, error) = one.bad(&["import", &one.path("out.hwb")]);
    assert_eq!((code, error.contains("on its way to central")), (65, true), "{error}");
    // Answers to many come back in one file; each takes its own.
    other.export("out.hwb");
    let both = one.clerk.answered(&[&one.at("out.hwb"), &other.at("out.hwb")]);
    one.home.tree.write("both.hwb", &both);
    other.home.tree.write("both.hwb", &both);
    for site in [&one, &other] {
        assert_eq!(site.import(&site.at("both.hwb"))["accepted"], 1);
    }
}

#[test]
fn a_file_that_is_cut_or_broken_gives_what_was_good_and_says_what_was_not() {
    let site = Site::activated();
    let back = site.carry("out.hwb");
    let whole = clerk::bytes(&back);
    for (name, bytes) in
        [("empty", &b""[..]), ("zip", b"PK\x03\x04"), ("head", &whole[..12]), ("begun", &whole[..60])]
    {
        site.home.tree.write(name, bytes);
        let (code, error) = site.bad(&["import", &site.path(name)]);
        assert_eq!(code, 65, "{name}");
        assert!(error.contains(&site.path(name)), "{name}: {error}");
        assert_eq!(site.outbox(), (1, 0, 0), "{name}");
    }
    assert_eq!(site.bad(&["import", &site.path("none.hwb")]).0, 65);
    // The answer is there, the file's end is not.
    site.home.tree.write("cut.hwb", &whole[..whole.len() - 9]);
    let (code, error) = site.bad(&["import", &site.path("cut.hwb")]);
    assert_eq!((code, error.contains("cut off")), (65, true), "{error}");
    assert_eq!(site.outbox(), (0, 0, 1));
}

#[test]
fn what_central_refuses_is_parked_with_its_reason_and_goes_out_again_when_asked() {
    let mut site = Site::activated();
    site.clerk.refuses = vec![1];
    let back = site.carry("out.hwb");
    let told = site.good(&["import", back.to_str().unwrap()]);
    assert!(told.contains("the vendor says no"), "{told}");
    assert_eq!(site.outbox(), (0, 1, 0));
    site.good(&["export", "-o", &site.path("none.hwb")]);
    assert!(clerk::reports(&site.at("none.hwb")).is_empty());
    site.good(&["export", "--retry-parked", "-o", &site.path("again.hwb")]);
    assert_eq!(clerk::reports(&site.at("again.hwb")).len(), 1);
}

#[test]
fn a_changed_key_and_a_licence_come_with_an_answer_without_reports() {
    let mut site = Site::activated();
    let instance = site.home.json(&["status"])["instance"].as_str().unwrap().to_owned();
    site.clerk.change_key();
    let stranger = "1f8fad5b-d9cb-469f-a165-70867728950e";
    let now_s = highwater::clock::unix_s();
    site.clerk.licences =
        vec![clerk::licence(&site.clerk, stranger, now_s), clerk::licence(&site.clerk, &instance, now_s)];
    let told = site.good(&["export", "-o", &site.path("out.hwb")]);
    assert!(told.contains("no report"), "{told}");
    site.clerk.answer(&site.at("out.hwb"), &site.at("back.hwb"));
    let imported = site.import(&site.at("back.hwb"));
    assert_eq!(
        (&imported["key_changed"], &imported["licence"]),
        (&true.into(), &format!("licence-{now_s}").into())
    );
    let licence = site.home.state_dir().join("licence.jwt");
    assert_eq!(String::from_utf8(clerk::bytes(&licence)).unwrap().trim(), site.clerk.licences[1]);
    assert_eq!(site.import(&site.at("back.hwb"))["changed"], false);
    let back = site.carry("next.hwb");
    assert_eq!(site.import(&back)["accepted"], 1, "by the new key");
}

#[test]
fn an_export_is_shown_exactly_as_it_is_sent() {
    let site = Site::activated();
    site.export("out.hwb");
    let shown: serde_json::Value = serde_json::from_str(&site.good(&["export", "--show"])).unwrap();
    let line: serde_json::Value = serde_json::from_str(&site.good(&["export", "--show", "--json"])).unwrap();
    let sent = &clerk::reports(&site.at("out.hwb"))[0];
    for shown in [&shown, &line] {
        assert_eq!(shown["reports"].as_array().unwrap().len(), 1);
        assert_eq!(shown["reports"][0]["sequence"], sent.sequence);
        assert_eq!(
            shown["reports"][0]["day"]["series"].as_array().unwrap().len(),
            sent.day.as_ref().unwrap().series.len()
        );
        assert_eq!(shown["export"]["instance"], sent.instance);
    }
    assert!(site.good(&["export", "--show"]).lines().count() > 20, "people read it");
    let piped = site.home.ask(&["export", "-o", "-"]);
    std::fs::write(site.at("piped.hwb"), &piped.stdout).unwrap();
    assert_eq!(clerk::reports(&site.at("piped.hwb")), clerk::reports(&site.at("out.hwb")));
    assert!(String::from_utf8_lossy(&piped.stderr).contains("1 report"));
    assert_eq!(site.bad(&["export", "-o", &site.path("out.hwb")]).0, 64);
}

#[test]
fn who_looks_changes_nothing_and_an_open_day_is_told_once_for_each_slot() {
    let site = Site::activated();
    let show = |more: &[&str]| -> serde_json::Value {
        serde_json::from_str(&site.good(&[&["export", "--show", "--json"], more].concat())).unwrap()
    };
    let looks: Vec<_> = (0..2).map(|_| show(&["--open-day"])["reports"].clone()).collect();
    assert_eq!((looks[0].as_array().unwrap().len(), &looks[0]), (1, &looks[1]));
    assert_eq!((show(&["--open-day"])["export"]["reports"].clone(), site.outbox()), (1.into(), (0, 0, 0)));
    site.export("out.hwb");
    assert_eq!(show(&[])["reports"], looks[0], "what was shown is what is made");
    assert_eq!(show(&["--open-day"])["reports"], looks[0], "it tells all that there is");
    site.export("again.hwb");
    assert_eq!(clerk::reports(&site.at("again.hwb")), clerk::reports(&site.at("out.hwb")));
    site.slot();
    assert_eq!(show(&["--open-day"])["reports"].as_array().unwrap().len(), 2);
    site.export("more.hwb");
    assert_eq!((clerk::reports(&site.at("more.hwb")).len(), site.outbox()), (2, (2, 0, 0)));
    site.home.assert_verified();
}

#[test]
fn what_central_refused_as_a_whole_is_told_with_its_words() {
    use highwater_proto::v1::bundle_record::Reply;
    use highwater_rules::bundle::{Record, Writer};
    let site = Site::activated();
    let instance = site.home.json(&["status"])["instance"].as_str().unwrap().to_owned();
    let refused = |count: usize| {
        let mut writer = Writer::new();
        for number in 0..count {
            let cut = format!("the enrolment token has expired {number}");
            writer.put(Record::Reply(Reply { instance: instance.clone(), cut, ..Reply::default() })).unwrap();
        }
        site.home.tree.write("refused.hwb", writer.finish());
        let path = site.path("refused.hwb");
        let json = site.home.ask(&["import", &path, "--json"]);
        let value: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(json.status.code(), Some(65));
        (site.bad(&["import", &path]), value["files"][0]["problems"].as_array().unwrap().clone())
    };
    let ((code, error), problems) = refused(1);
    assert_eq!((code, problems.len()), (65, 1));
    assert!(error.contains(&instance) && error.contains("the enrolment token has expired 0"), "{error}");
    assert!(problems[0].as_str().unwrap().contains("the enrolment token has expired 0"));
    let ((_, error), problems) = refused(5000);
    assert!(error.lines().count() <= 8 && error.contains("and 4995 more"), "{error}");
    assert_eq!(problems.len(), 6);
}

#[test]
fn a_pipe_is_not_waited_for_and_a_device_is_not_replaced() {
    let site = Site::activated();
    let pipe = site.at("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (code, error) = site.bad(&["import", pipe.to_str().unwrap()]);
    assert_eq!((code, error.contains("not a regular file")), (65, true), "{error}");
    for target in [pipe.to_str().unwrap(), "/dev/null"] {
        for force in [&["--force"][..], &[]] {
            let (code, error) = site.bad(&[&["export", "-o", target], force].concat());
            assert_eq!((code, error.contains("only a regular file is written over")), (64, true), "{error}");
        }
    }
    let zeros = highwater_rules::bundle::Writer::new().finish();
    site.home.tree.write("zeros", [&zeros[..10], &[0; 400]].concat());
    assert!(!site.bad(&["import", &site.path("zeros")]).1.contains("update highwater"));
}

#[test]
fn a_report_that_was_changed_by_hand_is_not_signed() {
    let site = Site::activated();
    site.export("first.hwb");
    site.slot();
    site.export("second.hwb");
    site.home.meddle("UPDATE outbox SET payload = CAST(x'00' || payload AS BLOB) WHERE sequence = 1");
    let (code, error) = site.bad(&["export", "-o", &site.path("out.hwb")]);
    assert_eq!((code, error.contains("reports 1")), (65, true), "{error}");
    assert_eq!(clerk::reports(&site.at("out.hwb")).iter().map(|r| r.sequence).collect::<Vec<_>>(), [2]);
}

#[test]
fn only_what_has_a_receipt_is_pruned_and_its_receipt_stays() {
    let mut site = Site::activated();
    site.clerk.refuses = vec![2];
    site.export("one.hwb");
    site.slot();
    let back = site.carry("two.hwb");
    site.import(&back);
    site.slot();
    site.export("three.hwb");
    assert_eq!(site.outbox(), (1, 1, 1));
    let bytes = || {
        let payloads = "SELECT length(payload) FROM outbox ORDER BY sequence";
        rows::column::<i64>(&site.home.ledger(), payloads)
    };
    let before = bytes();
    assert_eq!(site.home.json(&["prune", "--keep", "2"])["reports"], 0, "it is of today");
    let tried = site.home.json(&["prune", "--dry-run"]);
    assert_eq!((&tried["reports"], &tried["bytes"], bytes() == before), (&1.into(), &before[0].into(), true));
    let pruned = site.home.json(&["prune"]);
    assert_eq!((&pruned["reports"], &pruned["bytes"]), (&1.into(), &before[0].into()));
    assert_eq!(bytes(), [0, before[1], before[2]]);
    assert_eq!(site.home.json(&["prune"])["reports"], 0);
    site.home.assert_verified();
    // The receipt is still what the grace period can be found by.
    site.home.meddle("DELETE FROM state WHERE key LIKE 'timeline%'");
    std::fs::remove_file(site.home.state_dir().join("instance.json")).unwrap();
    assert_eq!(site.home.json(&["status"])["gate"]["since"]["what"], "receipt");
    assert_eq!(site.import(&back)["already"], 1, "its answer is still known");
    let told = site.bad(&["report", "1"]);
    assert!(told.0 == 65 && told.1.contains("pruned"), "{told:?}");
    site.good(&["report"]);
}

#[test]
fn a_closed_gate_opens_again_by_a_file_after_a_clock_was_years_ahead() {
    let Some(library) = faked::library() else { return };
    let mut site = Site::activated();
    let back = site.carry("out.hwb");
    site.import(&back);
    // A clock that is ten years ahead, for as long as an agent takes to see it.
    let mut agent = faked::run(&site.home, &library, "2036-12-01 00:00:00", 1);
    assert_eq!(agent.event("gate_changed").get("state"), Some("closed"));
    agent.stop();
    assert_eq!(site.home.json(&["status"])["gate"]["state"], "closed");
    site.clerk.ahead_s = 60;
    let back = site.carry("next.hwb");
    assert_eq!(site.import(&back)["grace_renewed"], true);
    let gate = &site.home.json(&["status"])["gate"];
    assert_eq!((&gate["state"], &gate["days_left"]), (&"open".into(), &90.into()));
}
