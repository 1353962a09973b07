//! `highwater activate`, as an operator types it.

use super::central::{candidate, grant, handover, key, token};
use super::server::{Act, Server, answer, good};
use highwater::config::CentralUrl;
use highwater::files::read_bounded;
use highwater::uplink::{Enrolment, Identity};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A host that is to join.
pub(crate) struct Joiner {
    dir: TempDir,
}

pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Joiner {
    pub(crate) fn new() -> Self {
        Joiner { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.path("state")
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn run(&self, arguments: &[&str], env: &[(&str, &str)], stdin: &str) -> Told {
        self.command("activate", arguments, env, stdin)
    }

    pub(crate) fn command(&self, name: &str, arguments: &[&str], env: &[(&str, &str)], stdin: &str) -> Told {
        let mut child = Command::new(env!("CARGO_BIN_EXE_highwater"))
            .arg(name)
            .args(arguments)
            .env_clear()
            .env("HIGHWATER_STATE_DIR", self.state_dir())
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read it has closed it.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Told { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Joins with the token of the central of key `n`.
    pub(crate) fn join(&self, server: &Server, n: u8, more: &[&str], env: &[(&str, &str)]) -> Told {
        let (ca, token) = (self.file("ca.pem", &server.ca_pem), self.file("token", &token(n)));
        let url = server.url();
        let arguments = ["--central", &url, "--ca-file", &ca, "--token-file", &token, "--json"];
        self.run(&[&arguments, more].concat(), env, "")
    }

    pub(crate) fn enrolment(&self) -> Option<Enrolment> {
        let own = Identity::load(&self.state_dir()).unwrap()?.public();
        let instance = rusqlite::Connection::open(self.state_dir().join("ledger.db"))
            .unwrap()
            .query_row("SELECT value FROM state WHERE key = 'instance'", [], |row| row.get::<_, String>(0))
            .unwrap();
        Enrolment::load(&self.state_dir(), &own, &instance).unwrap()
    }
}

/// A central that began with key `first` and signs with `signer`.
pub(crate) fn granting(first: u8, signer: u8) -> Server {
    Server::start(move |request| {
        let successions = if first == signer { vec![] } else { vec![handover(first, signer)] };
        Act::Say(good(&grant(&request.body, first, signer, successions)))
    })
}

#[test]
fn a_host_joins_and_says_so_the_next_time() {
    let (joiner, server) = (Joiner::new(), granting(1, 2));
    let told = joiner.join(&server, 1, &[], &[]);
    assert_eq!((told.code, told.err.as_str()), (0, ""));
    let json: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&json["activated"], &json["already"]), (&Value::Bool(true), &Value::Bool(false)));
    assert_eq!(json["customer"], "Example GmbH");
    assert_eq!((&json["contract"], &json["contract_end"]), (&"c-1".into(), &"2030-01-01T00:00:00Z".into()));
    assert_eq!((&json["grace_s"], &json["identity"]), (&7_776_000.into(), &json["instance"]));
    let kept = joiner.enrolment().unwrap();
    assert_eq!(kept.pinned(), &key(2).public());
    assert_eq!(kept.url(), Some(&CentralUrl::parse(&server.url()).unwrap()));
    assert_eq!(kept.ca_pem(), Some(server.ca_pem.as_str()));
    for file in ["identity.key", "activation.json"] {
        let mode = joiner.state_dir().join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{file}");
    }
    // A token of any key of the line is of the same central: nothing is asked of it.
    let again = joiner.join(&server, 2, &[], &[]);
    let json: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((again.code, &json["already"]), (0, &Value::Bool(true)));
    let plain = joiner.run(&[], &[], "");
    assert_eq!(plain.code, 0);
    assert!(plain.out.starts_with("already activated, nothing was changed\n"), "{}", plain.out);
    assert!(plain.out.contains("Load[2J Balancer") && !plain.out.contains('\u{1b}'), "{}", plain.out);
    assert_eq!(server.requests.lock().unwrap().len(), 1);
}

#[test]
fn central_is_told_of_the_host_and_of_its_name_only_what_it_may_know() {
    let server = granting(1, 1);
    let name = read_bounded(Path::new("/proc/sys/kernel/hostname"), 256).unwrap().trim().to_owned();
    for (hashed, env) in [(false, "false"), (true, "true")] {
        let joiner = Joiner::new();
        let told = joiner.join(&server, 1, &[], &[("HIGHWATER_UPLINK__HASH_NAMES", env)]);
        assert_eq!(told.code, 0, "{}", told.err);
        let requests = server.requests.lock().unwrap();
        let request = requests.last().unwrap();
        assert!(request.head.starts_with("post /v1/activations "));
        let asked = candidate(&request.body);
        let host = asked.host.unwrap();
        assert_eq!((host.name == name, host.name_hashed), (!hashed, hashed), "{host:?}");
        assert!(host.memory_bytes > 1 << 20 && host.cores > 0 && !host.kernel.is_empty(), "{host:?}");
        assert_eq!((asked.nonce.len(), asked.agent_version.as_str()), (16, env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn what_root_makes_belongs_to_the_user_of_the_state_directory() {
    const AGENT: u32 = 61_234;
    let (joiner, server) = (Joiner::new(), granting(1, 1));
    fs::create_dir(joiner.state_dir()).unwrap();
    if chown(joiner.state_dir(), Some(AGENT), Some(AGENT)).is_err() {
        eprintln!("skipped: only root can give a directory away");
        return;
    }
    assert_eq!(joiner.join(&server, 1, &[], &[]).code, 0);
    let files: Vec<_> =
        fs::read_dir(joiner.state_dir()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().uid(), AGENT, "{file:?}");
    }
}

#[test]
fn a_command_that_cannot_succeed_makes_nothing() {
    let joiner = Joiner::new();
    assert_eq!(joiner.run(&["--central", "https://c"], &[], "").code, 64);
    assert_eq!(joiner.run(&["--central", "c", "--token", &token(1)], &[], "").code, 64);
    assert_eq!(joiner.run(&["--token", "hwt_x"], &[], "").code, 65);
    assert!(!joiner.state_dir().exists());
}

#[test]
fn another_central_is_joined_only_when_it_is_asked_for() {
    let (joiner, first, second) = (Joiner::new(), granting(1, 1), granting(3, 3));
    assert_eq!(joiner.join(&first, 1, &[], &[]).code, 0);
    let own = Identity::load(&joiner.state_dir()).unwrap().unwrap().public();
    let refused = joiner.join(&second, 3, &[], &[]);
    assert_eq!(refused.code, 64);
    assert!(refused.err.contains("--again") && refused.err.contains(&first.url()), "{}", refused.err);
    assert_eq!(second.requests.lock().unwrap().len(), 0);
    assert_eq!(joiner.join(&second, 3, &["--again"], &[]).code, 0);
    assert_eq!(joiner.enrolment().unwrap().pinned(), &key(3).public());
    assert_eq!(Identity::load(&joiner.state_dir()).unwrap().unwrap().public(), own, "the key stays");
}

#[test]
fn the_token_comes_from_a_file_standard_input_the_environment_or_the_command_line_and_is_never_shown() {
    let server = granting(1, 1);
    let text = token(1);
    type Way<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let ways: [Way<'_>; 3] = [
        (&["--token", "-"], &[], &text),
        (&["--token", &text], &[], ""),
        (&[], &[("HIGHWATER_ENROLMENT_TOKEN", &text)], ""),
    ];
    for (arguments, env, stdin) in ways {
        let joiner = Joiner::new();
        let (ca, url) = (joiner.file("ca.pem", &server.ca_pem), server.url());
        let told = joiner.run(&[&["--central", &url, "--ca-file", &ca], arguments].concat(), env, stdin);
        assert_eq!(told.code, 0, "{}", told.err);
        assert!(told.out.starts_with("activated\n") && told.out.contains("start the agent"), "{}", told.out);
        assert!(!format!("{}{}", told.out, told.err).contains(&text[8..20]));
    }
    let joiner = Joiner::new();
    for (token, code, says) in [
        ("hello", 65, "begins with hwt_"),
        (&text[..40], 65, "incomplete or mistyped"),
        ("", 65, "begins with hwt_"),
    ] {
        let told = joiner.run(&["--central", &server.url(), "--token", "-"], &[], token);
        assert_eq!(told.code, code, "{}", told.err);
        assert!(told.err.contains(says), "{}", told.err);
    }
    let none = joiner.run(&["--central", &server.url()], &[], "");
    assert!(none.code == 64 && none.err.contains("--token-file"), "{}", none.err);
    let nowhere = joiner.run(&["--token", &text], &[], "");
    assert!(nowhere.code == 64 && nowhere.err.contains("--central"), "{}", nowhere.err);
    let unread = joiner.run(&["--central", &server.url(), "--token-file", "/none"], &[], "");
    assert!(unread.code == 65 && unread.err.contains("/none can't be read"), "{}", unread.err);
    let http = joiner.run(&["--central", "http://c", "--token", &text], &[], "");
    assert!(http.code == 64 && http.err.contains("https only"), "{}", http.err);
}

#[test]
fn whoever_is_not_the_tokens_central_is_not_joined() {
    // Key 2 signs, and no succession leads to it from key 1; or the key shown is not the token's.
    for (first, signer, says) in [(1, 2, "not signed by the pinned key"), (2, 2, "is not the pinned one")] {
        let server = Server::start(move |r| Act::Say(good(&grant(&r.body, first, signer, vec![]))));
        let joiner = Joiner::new();
        let told = joiner.join(&server, 1, &[], &[]);
        assert!(told.code == 65 && told.err.contains(says), "{} {}", told.code, told.err);
        assert_eq!(joiner.enrolment(), None);
    }
}

#[test]
fn what_hinders_an_activation_has_its_exit_code_and_its_mend() {
    let refusing = |status: &'static str| {
        Server::start(move |_| {
            let problem = br#"{"error":"the token was withdrawn","mend":"ask for another"}"#;
            Act::Say(answer(status, "content-type: application/json\r\n", problem))
        })
    };
    for (status, code) in
        [("403 Forbidden", 77), ("409 Conflict", 65), ("429 Too Many", 69), ("500 Internal", 69)]
    {
        let joiner = Joiner::new();
        let told = joiner.join(&refusing(status), 1, &[], &[]);
        assert_eq!(told.code, code, "{}", told.err);
        assert!(told.err.contains("the token was withdrawn\n    ask for another"), "{}", told.err);
        assert_eq!(joiner.enrolment(), None);
    }
    let (joiner, server) = (Joiner::new(), granting(1, 1));
    let stranger = super::authority::Authority::new();
    let (ca, token) = (joiner.file("other.pem", &stranger.pem), joiner.file("t", &token(1)));
    let untrusted =
        joiner.run(&["--central", &server.url(), "--ca-file", &ca, "--token-file", &token], &[], "");
    assert!(untrusted.code == 69 && untrusted.err.contains("uplink.ca_file"), "{}", untrusted.err);
    let empty = joiner.file("empty.pem", "");
    let no_ca =
        joiner.run(&["--central", &server.url(), "--ca-file", &empty, "--token-file", &token], &[], "");
    assert!(no_ca.code == 78 && no_ca.err.contains("holds no certificate"), "{}", no_ca.err);
}

#[test]
fn a_damaged_or_copied_activation_is_told_and_made_anew_only_when_asked_for() {
    let (joiner, server) = (Joiner::new(), granting(1, 1));
    assert_eq!(joiner.join(&server, 1, &[], &[]).code, 0);
    let activation = joiner.state_dir().join("activation.json");
    fs::write(&activation, "{}").unwrap();
    let told = joiner.join(&server, 1, &[], &[]);
    assert!(told.code == 65 && told.err.contains("activate --again"), "{}", told.err);
    assert_eq!(joiner.join(&server, 1, &["--again"], &[]).code, 0);
    assert!(joiner.enrolment().is_some());
    let identity = joiner.state_dir().join("identity.key");
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o644)).unwrap();
    let told = joiner.join(&server, 1, &["--again"], &[]);
    assert!(told.code == 77 && told.err.contains("chmod 0600"), "{}", told.err);
}
