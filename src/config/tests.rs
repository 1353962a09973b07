use super::document::{Document, FILE_MAX_BYTES};
use super::keys::{KEYS, split, variable};
use super::load::load_document;
use super::*;
use proptest::prelude::*;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

const EXAMPLE: &str = include_str!("../../packaging/highwater.toml");
pub(super) const STATE: (&str, &str) = ("STATE_DIRECTORY", "/var/lib/highwater");

pub(super) fn inputs(env: &[(&str, &str)], overrides: &[(&str, &str)]) -> Inputs {
    Inputs {
        file: Some(PathBuf::from("a.toml")),
        env: env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect(),
        overrides: overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        cwd: PathBuf::from("/cwd"),
        now_s: 1_795_000_000,
    }
}

pub(super) fn load_text(file: &str, inputs: &Inputs) -> Result<Loaded, Mistakes> {
    let document = Document::new(Path::new("a.toml"), file.to_owned());
    load_document(Some(&document), Mistakes::default(), inputs)
}

/// All mistakes; or what somebody set, with its origin, and the warnings.
fn outcome(file: &str, inputs: &Inputs) -> String {
    match load_text(file, inputs) {
        Err(mistakes) => mistakes.to_string(),
        Ok(loaded) => {
            let set = effective(&loaded).into_iter().filter(|(_, _, origin)| *origin != Origin::Default);
            let mut lines: Vec<String> =
                set.map(|(key, value, origin)| format!("{key} = {value}  # {origin}")).collect();
            lines.extend(loaded.warnings.iter().map(|w| format!("warning: {w}")));
            lines.join("\n")
        }
    }
}

/// A file and an environment, and what comes of them. `state_dir` comes from systemd unless the test says otherwise.
fn check(file: &str, env: &[(&str, &str)], expect: &str) {
    let mut all = env.to_vec();
    if !env.iter().any(|(name, _)| *name == "HOME") && !file.contains("state_dir") {
        all.push(STATE);
    }
    let found = outcome(file, &inputs(&all, &[]));
    let found = found.strip_prefix("state_dir = \"/var/lib/highwater\"  # STATE_DIRECTORY").unwrap_or(&found);
    assert_eq!(found.trim(), expect.trim(), "of the file:\n{file}\nand {env:?}\n");
}

#[test]
fn every_mistake_is_told_at_once_with_its_line_and_its_mend() {
    check(
        r#"
state_dir = 7
interval = "5m"
bust = "10s"

[sampling]
interval = "7s"
time_zone = "Europe/Berln"
rooot = "/"

[ram]
scope = "host"
presence = "bin/nginx"

[network]
interfaces = ["eth0", "", "eth0"]
count = "min"

[[ssl]]
kind = "haproxi"
socket = "run/x"

[[ssl]]
transport = "direct"

[legder]
retention = 5

[log]
format = true
level = "warning"
"#,
        &[("HIGHWATER_LEDGER__RETENTION", "11y"), ("HIGHWATER_LOG__LEVL", "info")],
        r#"
a.toml:2:13: state_dir: a string is expected, not a number
    write it in quotes: "..."
a.toml:3:1: unknown key "interval"
    `interval` belongs to [sampling]: move it there
a.toml:4:1: unknown key "bust"
    there are [sampling], [ram], [network], [ledger], [uplink], [licence], [gate], [kubernetes], [listen], [log], [[ssl]], and above them the key state_dir
a.toml:7:12: sampling.interval: a slot of 7 s does not fit: slots are 1 s to 1 h long and divide a day
    take one such as "1s", "10s", "1m", "5m", "15m" or "1h"
a.toml:8:13: sampling.time_zone: the time zone "Europe/Berln" is unknown
    did you mean "Europe/Berlin"?
a.toml:9:1: unknown key "rooot" in [sampling]
    did you mean `root`?
a.toml:13:12: ram.presence: "bin/nginx" is no absolute path
    write the executable's whole path from / on, or a process name without a slash
a.toml:16:14: network.interfaces: the value is empty; "eth0" is named twice
    give it a value, or leave the key out; name it once
a.toml:17:9: network.count: "min" is unknown
    take max, rx, tx or sum
a.toml:20:8: ssl.kind: the kind "haproxi" is unknown
    did you mean "haproxy"?
a.toml:21:10: ssl.socket: "run/x" is no absolute path
    write the whole path, from / on
a.toml:23:1: this TLS source has no kind
    add kind = "haproxy", kind = "kernel", kind = "access_log", kind = "loadmaster" or kind = "prometheus"
a.toml:24:1: unknown key "transport" in [[ssl]]
    `transport` belongs to [uplink]: move it there
a.toml:26:2: unknown section "legder"
    did you mean [ledger]?
a.toml:30:10: log.format: a string is expected, not true or false
    take auto, journal, logfmt or json, in quotes
a.toml:31:9: log.level: "warning" is unknown
    did you mean "warn"? The choice is error, warn, info or debug
HIGHWATER_LEDGER__RETENTION: "11y" is no duration: the unit `y` is none of d, h, m and s
    write whole days, hours, minutes or seconds, such as "120d", "1h", "5m" or "300s"
HIGHWATER_LOG__LEVL: no key of the configuration has this name
    did you mean HIGHWATER_LOG__LEVEL?
"#,
    );
}

#[test]
fn lines_that_are_no_toml_are_all_told_and_once_each() {
    check(
        "[sampling]\ninterval = 5m\ntime_zone = \"UTC\n[ram\nscope = \"hosts\"\n[log]\nlevel = \"loud\"\nlevel = \"info\"\nbla\n",
        &[],
        r#"
a.toml:2:12: not TOML: string values must be quoted, expected literal string
    write the value in quotes: "..."
a.toml:3:17: not TOML: invalid basic string, expected `"`
    a line is a [section], a key = value, or a # comment; strings stand in quotes
a.toml:4:5: not TOML: unclosed table, expected `]`
    a line is a [section], a key = value, or a # comment; strings stand in quotes
a.toml:7:9: log.level: "loud" is unknown
    take error, warn, info or debug
a.toml:8:1: not TOML: duplicate key
    keep one of them
a.toml:9:4: not TOML: key with no value, expected `=`
    a line is a [section], a key = value, or a # comment; strings stand in quotes
"#,
    );
}

#[test]
fn the_nearest_name_is_offered_where_there_is_one_and_else_the_known_ones() {
    for (file, mend) in [
        ("[smapling]", "did you mean [sampling]?"),
        ("[SSL]", "did you mean [[ssl]]?"),
        ("statedir = 1", "did you mean `state_dir`, above the first section?"),
        (
            "[bill]\nto = 1",
            "there are [sampling], [ram], [network], [ledger], [uplink], [licence], [gate], [kubernetes], [listen], [log], [[ssl]], and above them the key state_dir",
        ),
        ("[sampling]\ntime-zone = 1", "did you mean `time_zone`?"),
        ("[ledger]\nretention_days = 1", "did you mean `retention`?"),
        ("[ledger]\nxyz = 1", "the keys of [ledger] are retention"),
        ("[ram]\nxyz = 1", "the keys of [ram] are scope, presence, cgroup, selector, pods and pods_max"),
        ("[ram]\nlevel = 1", "`level` belongs to [log]: move it there"),
        ("[log]\nstate_dir = 1", "`state_dir` stands above the first section: move it there"),
        ("[sampling]\ntime_zone = \"berlin\"", "did you mean \"Europe/Berlin\"?"),
        ("[sampling]\ntime_zone = \"New York\"", "did you mean \"America/New_York\"?"),
        (
            "[sampling]\ntime_zone = \"local\"",
            "take \"UTC\" or an IANA name, such as \"Europe/Berlin\" or \"America/New_York\"",
        ),
        ("[sampling]\nburst = \"7s\"", "take one such as \"1s\", \"5s\", \"10s\", \"30s\" or \"1m\""),
        (
            "[sampling]\nburst = \"5m\"",
            "take one that goes several times into the interval, such as \"10s\" into \"5m\", or leave the key out",
        ),
        (
            "[sampling]\ninterval = \"10s\"\nburst = \"4s\"",
            "take one that goes several times into the interval, such as \"10s\" into \"5m\", or leave the key out",
        ),
        (
            "[ram]\nscope = \"hots\"",
            match cfg!(feature = "kubernetes") {
                true => "did you mean \"host\"? The choice is auto, host, cgroup or pods",
                false => "did you mean \"host\"? The choice is auto, host or cgroup",
            },
        ),
        ("[log]\nlevel = \"trace\"", "take error, warn, info or debug"),
        (
            "[[ssl]]\nkind = \"apache\"",
            "the kinds in this version: \"haproxy\", \"kernel\", \"access_log\", \"loadmaster\" and \"prometheus\"",
        ),
    ] {
        let mistakes = load_text(file, &inputs(&[STATE], &[])).unwrap_err();
        assert_eq!(mistakes.all()[0].mend, mend, "{file}");
    }
}

#[test]
fn a_value_of_the_wrong_type_or_form_is_refused() {
    for (file, message) in [
        (
            "[sampling]\ninterval = 1.5",
            "sampling.interval: a duration is expected, not a number with a fraction",
        ),
        (
            "[sampling]\ninterval = -5",
            "sampling.interval: a duration is expected, not a negative or very large number",
        ),
        (
            "[sampling]\ninterval = \"2h\"",
            "sampling.interval: a slot of 7200 s does not fit: slots are 1 s to 1 h long and divide a day",
        ),
        ("[sampling]\nroot = \"x\"", "sampling.root: \"x\" is no absolute path"),
        ("[sampling]\nroot = [\"/\"]", "sampling.root: a string is expected, not an array"),
        ("[sampling]\nroot = \"/\\u001b[2J\"", "sampling.root: \"/\\u{1b}[2J\" has a control character"),
        ("[sampling.root]", "sampling.root: a string is expected, not a table"),
        (
            "[sampling]\ntime_zone = \"Etc/Unknown\"",
            "sampling.time_zone: the time zone \"Etc/Unknown\" is unknown",
        ),
        (
            "[sampling]\ntime_zone = \"/etc/localtime\"",
            "sampling.time_zone: the time zone \"/etc/localtime\" is unknown",
        ),
        ("sampling = 1", "`sampling` is a section"),
        ("[[sampling]]", "`sampling` is a section"),
        ("[ssl]\nkind = \"haproxy\"", "`ssl` is a list of sources"),
        ("ssl = [1]", "`ssl` is a list of sources"),
        (
            "[[ssl]]\nkind = \"haproxy\"\nname = \"total\"",
            "ssl.name: \"total\" is the name of the sum over all sources",
        ),
        (
            "[[ssl]]\nkind = \"haproxy\"\nname = \"a b\"",
            "ssl.name: \"a b\" has a character that a name may not have",
        ),
        ("[ram]\npresence = \"\"", "ram.presence: the value is empty"),
        ("[ram]\ncgroup = \"x.slice\"", "ram.cgroup: \"x.slice\" is no absolute path"),
        ("[ram]\ncgroup = \"/sys/fs/cgroup/x\"", "ram.cgroup: a cgroup is named within its hierarchy"),
        (
            "[network]\ninterfaces = \"eth0\"",
            "network.interfaces: an array of names is expected, or \"auto\"",
        ),
        ("[network]\ninterfaces = [\"auto\"]", "network.interfaces: \"auto\" stands alone"),
        ("[network]\ninterfaces = [1]", "network.interfaces: a string is expected, not a number"),
        (
            "[network]\ninterfaces = [\"a23456789.123456\"]",
            "network.interfaces: \"a23456789.123456\" is longer than 15 bytes, which is more than an interface's name has",
        ),
        ("[ledger]\nretention = \"9m\"", "ledger.retention: 9m does not hold two slots"),
        ("[ledger]\nretention = \"4000d\"", "ledger.retention: 4000d is longer than ten years"),
        ("[gate]\nstatus_file = \"gate.json\"", "gate.status_file: \"gate.json\" is no absolute path"),
        ("[gate]\nstatus_file = \"/run/x/\"", "gate.status_file: a directory is no status file"),
        ("[gate]\nsocket = \"off\"", "gate.socket: \"off\" is no absolute path"),
        ("[gate]\nsocket = true", "gate.socket: a string is expected, not true or false"),
        (
            "[gate]\nsocket = \"/a\"\nstatus_file = \"/a\"",
            "gate.socket: the status file and the socket have the same path",
        ),
        ("[gate]\nhooks = \"systemctl stop x\"", "gate.hooks: an array of commands is expected"),
        ("[gate]\nhooks = [\"true\", \" \"]", "gate.hooks: a hook is empty"),
    ] {
        let mistakes = load_text(file, &inputs(&[STATE], &[])).unwrap_err();
        assert_eq!(mistakes.all()[0].message, message, "{file}");
    }
}

#[test]
fn an_interval_must_divide_the_offsets_of_the_zone() {
    let zone = "[sampling]\ntime_zone = \"Asia/Kathmandu\"\n";
    check(
        &format!("{zone}interval = \"15m\""),
        &[],
        "sampling.interval = \"15m\"  # line 3\nsampling.time_zone = \"Asia/Kathmandu\"  # line 2",
    );
    check(
        &format!("{zone}interval = \"1h\""),
        &[],
        r#"
a.toml:3:12: sampling.interval: an interval of 3600 s does not divide the 20700 s that Asia/Kathmandu is off UTC: its days would begin in the middle of a slot
    take an interval that divides both, such as "15m""#,
    );
    check(
        zone,
        &[("HIGHWATER_SAMPLING__INTERVAL", "3600")],
        r#"
HIGHWATER_SAMPLING__INTERVAL: an interval of 3600 s does not divide the 20700 s that Asia/Kathmandu is off UTC: its days would begin in the middle of a slot
    take an interval that divides both, such as "15m""#,
    );
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let file = "[sampling]\nroot = \"/file\"\ninterval = 60\n[log]\nlevel = \"warn\"\n";
    let env = [STATE, ("HIGHWATER_SAMPLING__ROOT", "/env"), ("HIGHWATER_LOG__LEVEL", "debug")];
    let loaded = load_text(file, &inputs(&env, &[("sampling.root", "/flag")])).unwrap();
    assert_eq!(loaded.config.sampling.root, Path::new("/flag"));
    assert_eq!(loaded.origins.get("sampling.root"), Origin::Flag("--root".to_owned()));
    assert_eq!(loaded.config.log.level, LogLevel::Debug);
    assert_eq!(loaded.origins.get("log.level"), Origin::Env("HIGHWATER_LOG__LEVEL".to_owned()));
    assert_eq!(loaded.origins.get("sampling.interval"), Origin::File { line: 3 });
    assert_eq!(loaded.origins.get("log.format"), Origin::Default);
    assert_eq!(loaded.origins.get("state_dir"), Origin::Env("STATE_DIRECTORY".to_owned()));
}

#[test]
fn an_override_hides_no_mistake_below_it() {
    check(
        "[sampling]\ninterval = \"7s\"",
        &[("HIGHWATER_SAMPLING__INTERVAL", "1s")],
        r#"
a.toml:2:12: sampling.interval: a slot of 7 s does not fit: slots are 1 s to 1 h long and divide a day
    take one such as "1s", "10s", "1m", "5m", "15m" or "1h""#,
    );
    let unknown_flag = load_text("", &inputs(&[STATE], &[("sampling.rot", "/")])).unwrap_err();
    assert_eq!(unknown_flag.all()[0].place, Place::Flag("--rot".to_owned()));
}

#[test]
fn the_environment_sets_any_key_outside_the_ssl_list() {
    check(
        "",
        &[
            ("HIGHWATER_SAMPLING__INTERVAL", "1s"),
            ("HIGHWATER_NETWORK__INTERFACES", "eth0, ens*"),
            ("HIGHWATER_RAM__PRESENCE", "/usr/sbin/nginx"),
            ("HIGHWATER_STATE_DIR", "state/./x"),
            // Kubernetes sets these wherever a service is called highwater.
            ("HIGHWATER_SERVICE_HOST", "10.0.0.1"),
            ("HIGHWATER_PORT", "tcp://10.0.0.1:80"),
            ("HIGHWATER_CONFIG", "a.toml"),
        ],
        r#"
state_dir = "/cwd/state/x"  # HIGHWATER_STATE_DIR
sampling.interval = "1s"  # HIGHWATER_SAMPLING__INTERVAL
ram.presence = "/usr/sbin/nginx"  # HIGHWATER_RAM__PRESENCE
network.interfaces = ["eth0", "ens*"]  # HIGHWATER_NETWORK__INTERFACES
"#,
    );
    let all: Vec<String> = KEYS.iter().map(|key| variable(key)).collect();
    check(
        "",
        &[
            ("HIGHWATER_SAMPLNG__INTERVAL", "1s"),
            ("HIGHWATER_SSL__0__NAME", "x"),
            ("HIGHWATER_sampling__root", "/"),
            ("HIGHWATER_A__B", "/"),
        ],
        &r#"
HIGHWATER_A__B: no key of the configuration has this name
    the variables are ALL
HIGHWATER_SAMPLNG__INTERVAL: no key of the configuration has this name
    did you mean HIGHWATER_SAMPLING__INTERVAL?
HIGHWATER_SSL__0__NAME: no key of the configuration has this name
    TLS sources are set in the file only: [[ssl]]
HIGHWATER_sampling__root: no key of the configuration has this name
    did you mean HIGHWATER_SAMPLING__ROOT?
"#
        .replace("ALL", &all.join(", ")),
    );
    check(
        "",
        &[("HIGHWATER_LOG_LEVEL", "debug")],
        r#"
warning: HIGHWATER_LOG_LEVEL: this variable is ignored
    section and key are parted by two underscores: HIGHWATER_LOG__LEVEL"#,
    );
    for automatic in ["auto", ""] {
        let env = [STATE, ("HIGHWATER_NETWORK__INTERFACES", automatic)];
        let loaded = load_text("[network]\ninterfaces = [\"eth0\"]", &inputs(&env, &[])).unwrap();
        assert!(loaded.config.network.interfaces.is_empty());
    }
}

#[test]
fn values_that_are_no_utf8_are_mistakes() {
    let bad = OsStr::from_bytes(b"/x\xff").to_owned();
    for (name, place) in [
        ("HIGHWATER_SAMPLING__ROOT", "HIGHWATER_SAMPLING__ROOT"),
        ("HIGHWATER_STATE_DIR", "HIGHWATER_STATE_DIR"),
        ("HOME", "HOME"),
    ] {
        let mut inputs = inputs(&[], &[]);
        inputs.env.push((OsString::from(name), bad.clone()));
        if name.ends_with("ROOT") {
            inputs.env.push((OsString::from("HOME"), OsString::from("/home/me")));
        }
        let mistakes = load_text("", &inputs).unwrap_err();
        assert_eq!(mistakes.all()[0].place.to_string(), place);
        assert!(mistakes.all()[0].message.contains("no UTF-8"), "{mistakes}");
    }
}

#[test]
fn the_state_directory_is_the_one_configured_or_of_systemd_or_xdg_or_the_home() {
    let home = ("HOME", "/home/me");
    for (file, env, expect) in [
        ("state_dir = \"/srv/x\"", vec![home, STATE], "state_dir = \"/srv/x\"  # line 1"),
        ("state_dir = \"x\"", vec![], "state_dir = \"/cwd/x\"  # line 1"),
        ("", vec![home, ("STATE_DIRECTORY", "/a:/b")], "state_dir = \"/a\"  # STATE_DIRECTORY"),
        ("", vec![home, ("XDG_STATE_HOME", "/xdg")], "state_dir = \"/xdg/highwater\"  # XDG_STATE_HOME"),
        // A relative XDG directory is to be ignored, says its specification; so is an empty variable.
        (
            "",
            vec![home, ("XDG_STATE_HOME", "xdg"), ("STATE_DIRECTORY", "")],
            "state_dir = \"/home/me/.local/state/highwater\"  # HOME",
        ),
    ] {
        assert_eq!(outcome(file, &inputs(&env, &[])), expect);
    }
    let nowhere = load_text("", &inputs(&[], &[])).unwrap_err();
    assert_eq!(nowhere.all()[0].place, Place::Unset("state_dir"));
    assert!(nowhere.all()[0].mend.contains("HIGHWATER_STATE_DIR"));
}

#[test]
fn the_gate_is_where_systemd_says_or_beside_a_packaged_agent_or_in_the_state_directory() {
    let gate = |env: &[(&str, &str)]| {
        let loaded = load_text("", &inputs(env, &[])).unwrap();
        let origin = loaded.origins.get("gate.socket").to_string();
        (loaded.config.gate.status_file, loaded.config.gate.socket.unwrap(), origin)
    };
    for (env, dir, origin) in [
        (vec![STATE, ("RUNTIME_DIRECTORY", "/run/a:/run/b")], "/run/a", "RUNTIME_DIRECTORY"),
        (vec![STATE, ("RUNTIME_DIRECTORY", "relative")], "/run/highwater", "default"),
        (vec![STATE], "/run/highwater", "default"),
        (vec![("HOME", "/home/me")], "/home/me/.local/state/highwater", "default"),
    ] {
        let dir = Path::new(dir);
        assert_eq!(gate(&env), (dir.join("gate.json"), dir.join("gate.sock"), origin.to_owned()));
    }
}

#[test]
fn hooks_and_the_lack_of_a_socket_are_set_in_file_and_environment() {
    check(
        "[gate]\nsocket = \"none\"\nhooks = [\"a, b\", \"c\"]\n",
        &[],
        "gate.socket = \"none\"  # line 2\ngate.hooks = [\"a, b\", \"c\"]  # line 3",
    );
    check(
        "[gate]\nhooks = [\"a\"]\n",
        &[("HIGHWATER_GATE__HOOKS", "echo a, b"), ("HIGHWATER_GATE__STATUS_FILE", "/srv/gate.json")],
        "gate.status_file = \"/srv/gate.json\"  # HIGHWATER_GATE__STATUS_FILE\n\
         gate.hooks = [\"echo a, b\"]  # HIGHWATER_GATE__HOOKS",
    );
    let long = format!("[gate]\nsocket = \"/{}\"", "x".repeat(107));
    let mistakes = load_text(&long, &inputs(&[STATE], &[])).unwrap_err();
    assert_eq!(mistakes.all()[0].message, "gate.socket: a socket's path has at most 107 bytes");
}

#[test]
fn a_reader_without_a_configuration_looks_at_the_packaged_gate_first() {
    let files = |file: &str, env: &[(&str, &str)]| {
        let found = gate_files(load_text(file, &inputs(env, &[])).ok().as_ref());
        found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    let packaged = "/run/highwater/gate.json";
    assert_eq!(files("", &[]), [packaged], "nowhere to keep a state: no mistake of a reader's");
    assert_eq!(files("", &[("HOME", "/h")]), [packaged, "/h/.local/state/highwater/gate.json"]);
    assert_eq!(files("", &[("HOME", "/h"), ("HIGHWATER_STATE_DIR", "/s")]), ["/s/gate.json"]);
    assert_eq!(files("[gate]\nstatus_file = \"/g\"", &[("HOME", "/h")]), ["/g"]);
}

#[test]
fn a_reader_in_a_unit_of_its_own_finds_the_agents_gate_all_the_same() {
    let files = |file: &str, env: &[(&str, &str)]| {
        let found = gate_files(load_text(file, &inputs(env, &[])).ok().as_ref());
        found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    let packaged = "/run/highwater/gate.json";
    let runtime = ("RUNTIME_DIRECTORY", "/run/product");
    let installed = "state_dir = \"/var/lib/highwater\"";
    assert_eq!(files(installed, &[runtime]), ["/run/product/gate.json", packaged]);
    assert_eq!(files("state_dir = \"/s\"", &[runtime]), ["/run/product/gate.json", "/s/gate.json"]);
    assert_eq!(files("[gate]\nstatus_file = \"/g\"", &[STATE, runtime]), ["/g"]);
    let state = ("STATE_DIRECTORY", "/var/lib/product");
    assert_eq!(files("", &[state]), ["/var/lib/product/gate.json", packaged]);
    assert_eq!(
        files("", &[state, runtime]),
        ["/run/product/gate.json", packaged, "/var/lib/product/gate.json"]
    );
    // The agent's own unit, as a hook sees it.
    let own = [("STATE_DIRECTORY", "/var/lib/highwater"), ("RUNTIME_DIRECTORY", "/run/highwater")];
    assert_eq!(files("", &own), [packaged]);
}

#[test]
fn tls_sources_have_different_names() {
    check(
        "[[ssl]]\nkind = \"haproxy\"\n[[ssl]]\nkind = \"haproxy\"\nname = \"b\"\nsocket = \"/b\"\n",
        &[],
        "ssl.0.kind = \"haproxy\"  # line 2\nssl.1.kind = \"haproxy\"  # line 4\nssl.1.name = \"b\"  # line 5\nssl.1.socket = \"/b\"  # line 6",
    );
    check(
        "[[ssl]]\nkind = \"haproxy\"\n[[ssl]]\nname = \"haproxy\"\nkind = \"haproxy\"",
        &[],
        "a.toml:4:8: the TLS source at a.toml:1:1 is also named \"haproxy\"\n    give one of them another: name = \"...\"",
    );
}

#[test]
fn a_retention_that_risks_proof_is_warned_of() {
    let warnings = |retention: &str| {
        let file = format!("[ledger]\nretention = \"{retention}\"");
        load_text(&file, &inputs(&[STATE], &[])).unwrap().warnings
    };
    assert!(warnings("91d").is_empty());
    assert!(warnings("90d")[0].message.contains("grace period"));
    assert!(warnings("10m")[0].message.contains("still kept"));
    assert_eq!(warnings("47h").len(), 1);
    assert_eq!(warnings("47h")[0].place.to_string(), "a.toml:2:13");
}

#[test]
fn what_is_wrong_with_the_uplink_is_told_without_a_password() {
    check(
        r#"
[uplink]
url = "http://central.example.com"
proxy = "socks5://me:geheim@proxy:1080"
ca_file = "ca.pem"
client_cert = "/etc/cert.pem"
hash_names = "yes"
transport = "bucket"
"#,
        &[("HIGHWATER_UPLINK__PROXY", "http://me:geheim\u{7}@proxy")],
        r#"
a.toml:3:7: uplink.url: central is reached by https only
    write https://: nobody between may read what is sent
a.toml:4:9: uplink.proxy: a SOCKS proxy is not in this build
    write http://HOST:PORT, or http://NAME:PASSWORD@HOST:PORT with % before what is no letter or digit in them; or "none"
a.toml:5:11: uplink.ca_file: "ca.pem" is no absolute path
    write the whole path, from / on
a.toml:6:15: uplink.client_cert: a certificate without its key
    set client_key too: one file may hold both
a.toml:7:14: uplink.hash_names: true or false is expected, not "yes"
    write true or false, without quotes
a.toml:8:13: uplink.transport: "bucket" is unknown
    take direct, air-gap or object-store
HIGHWATER_UPLINK__PROXY: the value is empty, too long, or has a control character
    write "http://HOST:PORT", "none", or "environment" for what HTTPS_PROXY and NO_PROXY say
"#,
    );
    for proxy in ["direct", "http://me:geheim@", "me:geheim@proxy/x", "ftp://me:geheim@x"] {
        let told = outcome(&format!("[uplink]\nproxy = \"{proxy}\""), &inputs(&[STATE], &[]));
        assert!(told.contains("uplink.proxy: ") && !told.contains("geheim"), "{told}");
    }
    let mut inputs = inputs(&[STATE], &[]);
    inputs.env.push((
        OsString::from("HIGHWATER_UPLINK__PROXY"),
        OsStr::from_bytes(b"http://me:geheim\xff@p").to_owned(),
    ));
    assert!(!outcome("", &inputs).contains("geheim"));
}

#[test]
fn the_licence_file_is_an_absolute_path_of_a_file() {
    let file_of = |text: &str| load_text(text, &inputs(&[STATE], &[])).unwrap().config.licence_file;
    assert_eq!(file_of(""), None);
    assert_eq!(file_of("[licence]\nfile = \"/etc/l.jwt\""), Some("/etc/l.jwt".into()));
    let env = [STATE, ("HIGHWATER_LICENCE__FILE", "/run/l.jwt")];
    assert_eq!(load_text("", &inputs(&env, &[])).unwrap().config.licence_file, Some("/run/l.jwt".into()));
    check(
        "[licence]\nfile = \"l.jwt\"",
        &[("HIGHWATER_LICENCE__FILE", "/etc/licences/")],
        r#"
a.toml:2:8: licence.file: "l.jwt" is no absolute path
    write the whole path, from / on
HIGHWATER_LICENCE__FILE: a directory is no licence
    write the file's name too: /etc/highwater/licence.jwt
"#,
    );
}

#[test]
fn the_uplink_is_what_the_file_and_the_environment_say() {
    check(
        "[uplink]\nurl = \"https://hub:8443/x/\"\nproxy = \"http://me:geheim@proxy:3128\"\nhash_names = true",
        &[("HIGHWATER_UPLINK__CA_FILE", "/ca.pem")],
        r#"
uplink.url = "https://hub:8443/x"  # line 2
uplink.proxy = "http://***@proxy:3128"  # line 3
uplink.ca_file = "/ca.pem"  # HIGHWATER_UPLINK__CA_FILE
uplink.hash_names = true  # line 4
"#,
    );
    let env = [STATE, ("HIGHWATER_UPLINK__HASH_NAMES", "true"), ("HIGHWATER_UPLINK__PROXY", "none")];
    let uplink = load_text("", &inputs(&env, &[])).unwrap().config.uplink;
    assert_eq!((uplink.hash_names, uplink.proxy), (true, ProxyChoice::Direct));
    let file = "[uplink]\nproxy = \"me:geheim@proxy:3128\"";
    let loaded = load_text(file, &inputs(&[STATE], &[])).unwrap();
    assert!(!format!("{:?}", loaded.config).contains("geheim"));
    let ProxyChoice::Through(url) = loaded.config.uplink.proxy else { panic!("no proxy") };
    assert_eq!(url.secret().password(), Some("geheim"));
}

#[test]
fn a_token_that_joins_nothing_is_warned_of() {
    for (file, warned) in
        [("url = \"https://c\"", 0), ("", 1), ("url = \"https://c\"\ntransport = \"air-gap\"", 1)]
    {
        let text = format!("[uplink]\nenrolment_token_file = \"/nonexistent/token\"\n{file}");
        let loaded = load_text(&text, &inputs(&[STATE], &[])).unwrap();
        assert_eq!(loaded.warnings.len(), warned, "{file}: {:?}", loaded.warnings);
        assert_eq!(
            loaded.config.uplink.enrolment_token_file.as_deref(),
            Some(Path::new("/nonexistent/token"))
        );
        assert_eq!(format!("{:?}", shown_again(&loaded).config), format!("{:?}", loaded.config));
    }
}

#[test]
fn a_proxys_password_is_in_one_place_and_has_a_name_before_it() {
    check(
        "[uplink]\nproxy = \"http://me@proxy:3128\"\nproxy_password_file = \"/run/proxy.password\"",
        &[],
        r#"
uplink.proxy = "http://***@proxy:3128"  # line 2
uplink.proxy_password_file = "/run/proxy.password"  # line 3
"#,
    );
    let file = "proxy_password_file = \"/run/proxy.password\"";
    let load = |proxy: &str| {
        let text = format!("[uplink]\nproxy = \"{proxy}\"\n{file}");
        outcome(&text, &inputs(&[STATE], &[]))
    };
    for (proxy, wrong) in [
        ("none", "a password without a proxy"),
        ("http://proxy:3128", "a password without a name: uplink.proxy has none"),
        ("http://me:geheim@proxy:3128", "uplink.proxy has a password, too"),
    ] {
        let told = load(proxy);
        assert!(told.contains(&format!("a.toml:3:23: uplink.proxy_password_file: {wrong}\n")), "{told}");
        assert!(!told.contains("geheim"), "{told}");
    }
    assert!(
        load_text(&format!("[uplink]\n{file}"), &inputs(&[STATE], &[])).is_ok(),
        "the environment's proxy"
    );
}

#[test]
fn a_client_key_that_every_user_may_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("client.key");
    std::fs::write(&key, "").unwrap();
    let warnings = |mode| {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let file = format!("[uplink]\nclient_cert = \"/c.pem\"\nclient_key = {key:?}");
        load_text(&file, &inputs(&[STATE], &[])).unwrap().warnings
    };
    assert_eq!(warnings(0o640), []);
    let warned = warnings(0o644);
    assert_eq!(warned.len(), 1);
    assert!(warned[0].message.ends_with("is open to every user of the host (mode 0644)"), "{warned:?}");
    assert_eq!(warned[0].place.to_string(), "a.toml:3:14");
}

#[test]
fn the_example_names_every_key_and_shows_the_defaults() {
    let inputs = inputs(&[STATE], &[]);
    let example = load_text(EXAMPLE, &inputs).unwrap();
    let nothing = load_text("", &inputs).unwrap();
    assert_eq!(format!("{:?}", example.config), format!("{:?}", nothing.config));
    assert_eq!(example.warnings, []);
    let has = |line_start: &str| EXAMPLE.lines().any(|line| line.starts_with(line_start));
    for key in KEYS {
        let (section, name) = split(key);
        let valued = ![
            "state_dir",
            "sampling.burst",
            "ram.presence",
            "ram.cgroup",
            "ram.selector",
            "ram.pods",
            "ram.pods_max",
            "uplink.url",
            "uplink.proxy_password_file",
            "uplink.ca_file",
            "uplink.client_cert",
            "uplink.client_key",
            "uplink.enrolment_token_file",
            "licence.file",
            "gate.status_file",
            "gate.socket",
        ]
        .contains(key)
            && section != "kubernetes";
        assert!(has(&format!("{}{name} = ", if valued { "" } else { "#" })), "{key}");
        assert!(
            section.is_empty() || has(&format!("[{section}]")) || has(&format!("#[{section}]")),
            "{section}"
        );
        assert_eq!(matches!(example.origins.get(key), Origin::File { .. }), valued, "{key}");
    }
    for key in ssl::all_keys() {
        assert!(has(&format!("#{key} = ")), "{key}");
    }
}

#[test]
fn the_example_is_right_with_its_comments_taken_off() {
    // A build without Kubernetes support refuses that section, which comes before [listen].
    let (before, rest) = EXAMPLE.split_once("#[kubernetes]").unwrap();
    let (kubernetes, after) = rest.split_at(rest.find("[listen]").unwrap());
    let section = format!("#[kubernetes]{kubernetes}");
    let kubernetes = if cfg!(feature = "kubernetes") { section.as_str() } else { "" };
    let example = [before, kubernetes, after].concat();
    // It refuses the other keys of pods, too: those of [ram], and a source of TLS sessions.
    let (before, rest) = example.split_once("# The same at pods").unwrap();
    let (scraped, after) = rest.split_at(rest.find("\n\n").unwrap());
    let scraped = if cfg!(feature = "kubernetes") { scraped } else { "" };
    let example = [before, "#", scraped, after].concat();
    let of_pods =
        |line: &&str| ["#selector = ", "#pods = \"api\"", "#pods_max = "].iter().any(|k| line.starts_with(k));
    let uncommented: String = example
        .lines()
        .filter(|line| cfg!(feature = "kubernetes") || !of_pods(line))
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let loaded = load_text(&uncommented, &inputs(&[], &[])).unwrap();
    assert_eq!(loaded.config.ssl.len(), if cfg!(feature = "kubernetes") { 10 } else { 9 });
    assert_eq!(loaded.config.kubernetes.is_some(), cfg!(feature = "kubernetes"));
    assert_eq!(loaded.config.ram.presence, Some(Presence::Process("nginx".to_owned())));
    // It shows what there is, not what fits together: the kernel sees HAProxy's sessions too.
    let expect = if cfg!(feature = "kubernetes") { 6 } else { 4 };
    assert_eq!(loaded.warnings.len(), expect, "{:?}", loaded.warnings);
}

#[test]
fn what_is_shown_tells_each_origin() {
    let file = "[network]\ninterfaces = [\"eth0\"]\n[[ssl]]\nkind = \"haproxy\"";
    let loaded = load_text(file, &inputs(&[STATE, ("HIGHWATER_SAMPLING__INTERVAL", "90")], &[])).unwrap();
    let expect = r#"# a.toml
state_dir = "/var/lib/highwater"          # STATE_DIRECTORY

[sampling]
interval = "90s"                          # HIGHWATER_SAMPLING__INTERVAL
time_zone = "UTC"                         # default
root = "/"                                # default

[ram]
scope = "auto"                            # default

[network]
interfaces = ["eth0"]                     # line 2
count = "max"                             # default

[[ssl]]
kind = "haproxy"                          # line 4
name = "haproxy"                          # default
socket = "/run/haproxy/admin.sock"        # default
services = 20                             # default

[ledger]
retention = "120d"                        # default

[uplink]
proxy = "environment"                     # default
hash_names = false                        # default
transport = "direct"                      # default

[gate]
status_file = "/run/highwater/gate.json"  # default
socket = "/run/highwater/gate.sock"       # default
hooks = []                                # default

[listen]
address = "none"                          # default

[log]
format = "auto"                           # default
level = "info"                            # default
"#;
    assert_eq!(show(&loaded), expect);
}

/// Showing a configuration and loading what was shown changes nothing.
pub(super) fn shown_again(loaded: &Loaded) -> Loaded {
    load_text(&show(loaded), &inputs(&[], &[])).unwrap()
}

#[test]
fn strange_but_right_values_survive_being_shown() {
    let file = r##"
state_dir = "/srv/a \"b\" \\ # ü\U0001F600"
[ram]
presence = "C:\\x # 'y'"
cgroup = "/a=b"
[network]
interfaces = ["eth0", "br-*", "\"q\""]
[[ssl]]
kind = "haproxy"
name = "a.b:c_d-e"
[[ssl]]
kind = "haproxy"
socket = "/run/[x]"
"##;
    let loaded = load_text(file, &inputs(&[], &[])).unwrap();
    assert_eq!(format!("{:?}", shown_again(&loaded).config), format!("{:?}", loaded.config));
}

#[test]
fn durations_are_whole_seconds_with_falling_units() {
    for (text, seconds) in [
        ("0", 0),
        ("300", 300),
        ("300s", 300),
        ("5m", 300),
        ("1h", 3600),
        ("120d", 10_368_000),
        ("1h30m", 5400),
        ("1d1s", 86_401),
        ("005m", 300),
        ("18446744073709551615s", u64::MAX),
    ] {
        assert_eq!(duration::parse(text), Ok(seconds), "{text}");
    }
    for (text, error) in [
        ("", "it is empty"),
        ("5min", "the unit `min` is none of d, h, m and s"),
        ("5 m", "the unit ` m` is none of d, h, m and s"),
        ("5m ", "the unit `m ` is none of d, h, m and s"),
        ("5M", "the unit `M` is none of d, h, m and s"),
        ("1.5h", "the unit `.` is none of d, h, m and s"),
        ("1h30", "its last number has no unit"),
        ("-5m", "a number is expected where `-` stands"),
        ("m", "a number is expected where `m` stands"),
        ("٣m", "a number is expected where `٣` stands"),
        ("5m1h", "the units must fall from days to seconds, each at most once"),
        ("5m5m", "the units must fall from days to seconds, each at most once"),
        ("18446744073709551616", "it is too long"),
        ("18446744073709551615d", "it is too long"),
        ("18446744073709551615s1s", "the units must fall from days to seconds, each at most once"),
        ("00000000000000000000000000000000000000001s", "it is too long"),
    ] {
        assert_eq!(duration::parse(text).unwrap_err().to_string(), error, "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_mistake_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("b.toml");
    let mistakes = |bytes: Option<&[u8]>| {
        if let Some(bytes) = bytes {
            std::fs::write(&path, bytes).unwrap();
        }
        load(&Inputs { file: Some(path.clone()), ..inputs(&[STATE], &[]) }).map(|_| ()).unwrap_err()
    };
    let told = mistakes(None).to_string().replace(path.to_str().unwrap(), "PATH");
    assert!(
        told.starts_with("PATH: the file can't be read: No such file or directory (os error 2)\n"),
        "{told}"
    );
    let told = mistakes(Some("# é\n# \u{fc} ".bytes().chain([0xff, b'\n']).collect::<Vec<_>>().as_slice()));
    let told = told.to_string().replace(path.to_str().unwrap(), "PATH");
    assert!(told.starts_with("PATH:2:5: the file is no UTF-8: byte 0xff\n"), "{told}");
    let told = mistakes(Some(&vec![b'#'; FILE_MAX_BYTES + 1])).to_string();
    assert!(told.contains("longer than 1048576 bytes"), "{told}");
    std::fs::write(&path, EXAMPLE).unwrap();
    let loaded = load(&Inputs { file: Some(path.clone()), ..inputs(&[STATE], &[]) }).unwrap();
    assert_eq!(loaded.file, Some(path));
}

#[test]
fn the_file_is_the_flags_or_the_environments() {
    let env = inputs(&[("HIGHWATER_CONFIG", "/e.toml")], &[]).env;
    assert_eq!(find_file(Some(PathBuf::from("f.toml")), &env), Some(PathBuf::from("f.toml")));
    assert_eq!(find_file(None, &env), Some(PathBuf::from("/e.toml")));
}

#[test]
fn very_many_mistakes_are_counted_and_not_all_shown() {
    let many: String = (0..5000).map(|n| format!("k{n}=1\n")).collect();
    let mistakes = load_text(&many, &inputs(&[STATE], &[])).unwrap_err();
    assert_eq!((mistakes.all().len(), mistakes.left_out()), (MISTAKES_MAX, 4900));
    assert!(mistakes.to_string().ends_with("\nand 4900 more"));
    let wide = format!("sampling = {{{}}}", (0..50_000).map(|n| format!("k{n}=1,")).collect::<String>());
    assert!(load_text(&wide, &inputs(&[STATE], &[])).is_err());
}

#[test]
fn a_file_of_nothing_but_depth_is_refused_without_a_crash() {
    for deep in [
        format!("{}x = 1", "a.".repeat(FILE_MAX_BYTES / 2 - 4)),
        format!("[{}x]", "a.".repeat(FILE_MAX_BYTES / 2 - 4)),
        format!("x = {}", "[".repeat(FILE_MAX_BYTES - 8)),
        format!("x = {}", "{a=".repeat(FILE_MAX_BYTES / 3 - 8)),
    ] {
        assert!(load_text(&deep, &inputs(&[STATE], &[])).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = load_text(&text, &inputs(&[STATE], &[]));
    }

    #[test]
    fn no_mutation_of_the_example_makes_it_panic(
        edits in prop::collection::vec((0usize..EXAMPLE.len(), 0usize..12, "[\\[\\]\"'=#\n.,{}a-z0-9é-]{0,6}"), 1..6)
    ) {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        for (at, cut, with) in edits {
            let at = at.min(text.len());
            let end = (at + cut).min(text.len());
            text.splice(at..end, with.chars());
        }
        let text: String = text.into_iter().collect();
        match load_text(&text, &inputs(&[STATE], &[])) {
            Ok(loaded) => prop_assert_eq!(format!("{:?}", shown_again(&loaded).config), format!("{:?}", loaded.config)),
            Err(mistakes) => prop_assert!(!mistakes.is_empty()),
        }
    }

    #[test]
    fn no_environment_makes_it_panic(key in prop::sample::select(KEYS), value in prop::collection::vec(any::<u8>(), 0..24)) {
        let mut inputs = inputs(&[STATE], &[]);
        inputs.env.push((OsString::from(variable(key)), OsStr::from_bytes(&value).to_owned()));
        if let Ok(loaded) = load_text("", &inputs) {
            prop_assert_eq!(format!("{:?}", shown_again(&loaded).config), format!("{:?}", loaded.config));
        }
    }

    #[test]
    fn a_written_duration_reads_as_itself(seconds in prop_oneof![any::<u64>(), 0u64..100_000, (0u64..4000).prop_map(|d| d * 86_400)]) {
        prop_assert_eq!(duration::parse(&duration::write(seconds)), Ok(seconds));
    }
}

#[test]
fn a_kernel_source_takes_interfaces_and_ports() {
    for (keys, interfaces, ports) in [
        ("", &[][..], &[][..]),
        ("interfaces = \"auto\"\nports = \"all\"", &[], &[]),
        ("interfaces = [\"lo\", \"wan*\"]\nports = [443, 1, 65535]", &["lo", "wan*"], &[443, 1, 65535]),
        ("interfaces = []\nports = [0x1bb]", &[], &[443]),
    ] {
        let loaded =
            load_text(&format!("[[ssl]]\nkind = \"kernel\"\n{keys}"), &inputs(&[STATE], &[])).unwrap();
        let SslSource::Kernel(kernel) = &loaded.config.ssl[0].source else { panic!("{keys}") };
        assert_eq!(
            (kernel.interfaces.iter().map(String::as_str).collect::<Vec<_>>(), &*kernel.ports),
            (interfaces.to_vec(), ports)
        );
        assert_eq!(shown_again(&loaded).config.ssl, loaded.config.ssl);
    }
    let many: Vec<String> = (1..=65).map(|port| port.to_string()).collect();
    let many = format!("ports = [{}]", many.join(","));
    for (keys, message) in [
        ("ports = 443", "ssl.ports: an array of port numbers is expected, or \"all\""),
        ("ports = []", "ssl.ports: an array of port numbers is expected, or \"all\""),
        ("ports = \"443\"", "ssl.ports: an array of port numbers is expected, or \"all\""),
        ("ports = [0]", "ssl.ports: 0 is no port"),
        ("ports = [65536]", "ssl.ports: 65536 is no port"),
        ("ports = [\"https\"]", "ssl.ports: \"https\" is no port"),
        ("ports = [-1]", "ssl.ports: a port's number is expected"),
        ("ports = [443, 80, 443]", "ssl.ports: the port 443 is named twice"),
        (many.as_str(), "ssl.ports: 65 ports, of at most 64"),
        ("interfaces = \"eth0\"", "ssl.interfaces: an array of names is expected, or \"auto\""),
        ("interfaces = [\"a b\"]", "ssl.interfaces: \"a b\" has a character that no interface's name has"),
        ("socket = \"/run/x\"", "ssl.socket: a source of kind \"kernel\" has no such key"),
    ] {
        let text = format!("[[ssl]]\nkind = \"kernel\"\n{keys}");
        let mistakes = load_text(&text, &inputs(&[STATE], &[])).unwrap_err();
        assert_eq!(mistakes.all()[0].message, message, "{keys}");
    }
}

#[cfg(not(feature = "kubernetes"))]
#[test]
fn a_build_without_kubernetes_support_says_so_for_each_of_its_keys() {
    check(
        "[kubernetes]\nlease = \"x\"",
        &[("HIGHWATER_KUBERNETES__NODE", "a")],
        r#"
a.toml:2:9: kubernetes.lease: this build has no Kubernetes support
    run the container image, or build with `--features kubernetes`
HIGHWATER_KUBERNETES__NODE: this build has no Kubernetes support
    run the container image, or build with `--features kubernetes`
"#,
    );
}

#[cfg(feature = "kubernetes")]
mod kubernetes {
    use super::*;

    const NODE: (&str, &str) = ("HIGHWATER_KUBERNETES__NODE", "node-a");
    const HOST: (&str, &str) = ("KUBERNETES_SERVICE_HOST", "fd00::1");

    #[test]
    fn the_node_comes_from_the_environment_and_the_api_server_from_the_pods() {
        let file = "[kubernetes]\nlicence_secret = \"lic\"\nstatus = \"s\"";
        let port = ("KUBERNETES_SERVICE_PORT", "6443");
        let loaded = load_text(file, &inputs(&[STATE, NODE, HOST, port], &[])).unwrap();
        let found = loaded.config.kubernetes.clone().unwrap();
        assert_eq!(found.node, "node-a");
        assert_eq!(found.api.map(String::from).as_deref(), Some("https://[fd00::1]:6443/"));
        assert_eq!(found.credentials, Path::new("/var/run/secrets/kubernetes.io/serviceaccount"));
        let licence = LicenceSecret { secret: "lic".to_owned(), key: "license".to_owned() };
        assert_eq!((found.licence, found.lease.as_str()), (Some(licence), "highwater"));
        assert_eq!((found.status.as_deref(), found.pod, found.namespace), (Some("s"), None, None));
        assert_eq!(format!("{:?}", shown_again(&loaded).config), format!("{:?}", loaded.config));
    }

    #[test]
    fn without_a_node_nothing_of_it_counts_and_that_is_said() {
        let loaded =
            load_text("[kubernetes]\nlicence_secret = \"lic\"", &inputs(&[STATE, HOST], &[])).unwrap();
        assert_eq!(loaded.config.kubernetes, None);
        assert_eq!(loaded.warnings.len(), 1);
        assert!(loaded.warnings[0].message.contains("without kubernetes.node"));
        assert_eq!(load_text("", &inputs(&[STATE, HOST], &[])).unwrap().warnings, []);
    }

    #[test]
    fn what_is_no_name_of_kubernetes_is_refused() {
        for (key, value) in [
            ("node", "Node"),
            ("node", "a/b"),
            ("node", "-a"),
            ("node", "a?x=y"),
            ("namespace", "a.b"),
            ("pod", "a_b"),
            ("licence_secret", "../x"),
            ("licence_key", "a/b"),
            ("licence_key", "..a"),
            ("lease", "a b"),
            ("status", "é"),
            ("api", "http://api"),
            ("api", "https://u:geheim@api"),
            ("credentials", "here"),
        ] {
            let refused = load_text(&format!("[kubernetes]\n{key} = \"{value}\""), &inputs(&[STATE], &[]));
            let told = refused.unwrap_err().to_string();
            assert!(told.contains(&format!("kubernetes.{key}")) && !told.contains("geheim"), "{told}");
        }
    }
}
