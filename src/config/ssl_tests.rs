//! The keys of `[[ssl]]` kinds, and sources that see the same sessions.

use super::ssl::{Login, Trust};
use super::tests::{STATE, inputs, load_text, shown_again};
use super::*;
use std::path::Path;

fn sources(file: &str) -> Vec<Ssl> {
    load_text(file, &inputs(&[STATE], &[])).unwrap().config.ssl
}

fn message(file: &str) -> String {
    load_text(file, &inputs(&[STATE], &[])).unwrap_err().all()[0].message.clone()
}

#[test]
fn services_are_bounded() {
    for (keys, expect) in [("", 20), ("services = 0", 0), ("services = 200", 200)] {
        let found = sources(&format!("[[ssl]]\nkind = \"haproxy\"\n{keys}"));
        let SslSource::Haproxy(haproxy) = &found[0].source else { panic!("{found:?}") };
        assert_eq!(haproxy.services, expect, "{keys}");
    }
    for (keys, expect) in [
        ("services = 201", "ssl.services: 201 is more than 200"),
        ("services = \"20\"", "ssl.services: a whole number is expected, not a string"),
        ("services = -1", "ssl.services: a whole number is expected, not a negative or very large number"),
    ] {
        assert_eq!(message(&format!("[[ssl]]\nkind = \"haproxy\"\n{keys}")), expect);
    }
}

const LOADMASTER: &str = "[[ssl]]\nkind = \"loadmaster\"\nurl = \"https://10.0.0.4\"\n";
const PASSWORD: &str = "username = \"bal\"\npassword_file = \"/p\"\n";

#[test]
fn a_loadmaster_is_let_in_in_one_of_three_ways() {
    let pin = "AB:".repeat(31) + "ab";
    for (keys, login) in [
        (PASSWORD.to_owned(), Login::Password { username: "bal".to_owned(), file: "/p".into() }),
        ("api_key_file = \"/k\"".to_owned(), Login::ApiKey("/k".into())),
        (
            "client_certificate = \"/c\"\nclient_key = \"/d\"\nca_file = \"/ca\"".to_owned(),
            Login::Certificate(ClientFiles { cert: "/c".into(), key: "/d".into() }),
        ),
        (
            format!("api_key_file = \"/k\"\ncertificate_sha256 = \"{pin}\"\nservices = 3"),
            Login::ApiKey("/k".into()),
        ),
    ] {
        let loaded = load_text(&format!("{LOADMASTER}{keys}"), &inputs(&[STATE], &[])).unwrap();
        let SslSource::Loadmaster(loadmaster) = &loaded.config.ssl[0].source else { panic!("{keys}") };
        assert_eq!(loadmaster.login, login);
        let trust = match keys.as_str() {
            keys if keys.contains("sha256") => Trust::Pinned([0xab; 32]),
            keys if keys.contains("ca_file") => Trust::File("/ca".into()),
            _ => Trust::Host,
        };
        assert_eq!(loadmaster.trust, trust);
        assert_eq!(loaded.warnings, []);
        assert_eq!(shown_again(&loaded).config.ssl, loaded.config.ssl);
    }
}

#[test]
fn what_is_wrong_with_a_loadmaster_is_told_and_no_password_is_repeated() {
    for (keys, expect) in [
        ("", "ssl.username: nothing says how the agent is let in"),
        ("username = \"bal\"", "ssl.username: a user without a password"),
        ("password_file = \"/p\"", "ssl.password_file: a password without its user"),
        ("password_file = \"p\"\nusername = \"bal\"", "ssl.password_file: \"p\" is no absolute path"),
        ("username = \"bal:s3cret\"\npassword_file = \"/p\"", "ssl.username: a user's name has no colon"),
        (
            "username = \"bal\"\npassword_file = \"/p\"\napi_key_file = \"/k\"",
            "ssl.api_key_file: there are several ways to be let in",
        ),
        ("client_key = \"/p\"", "ssl.client_key: a key without its certificate"),
        (
            "api_key_file = \"/k\"\nca_file = \"/c\"\ncertificate_sha256 = \"x\"",
            "ssl.certificate_sha256: \"x\" is no SHA-256",
        ),
        (
            "api_key_file = \"/k\"\nsocket = \"/c\"",
            "ssl.socket: a source of kind \"loadmaster\" has no such key",
        ),
    ] {
        assert_eq!(message(&format!("{LOADMASTER}{keys}")), expect);
    }
    let both =
        format!("api_key_file = \"/k\"\nca_file = \"/c\"\ncertificate_sha256 = \"{}\"", "0".repeat(64));
    assert_eq!(message(&format!("{LOADMASTER}{both}")), "ssl.certificate_sha256: ca_file is given too");
    for (url, expect) in [
        ("http://10.0.0.4", "ssl.url: it is reached by https only"),
        ("https://bal:s3cret@10.0.0.4", "ssl.url: the URL has a name or a password"),
        ("https://10.0.0.4/access", "ssl.url: the URL has more than a host and a port"),
        ("10.0.0.4", "ssl.url: this is no URL: relative URL without a base"),
    ] {
        let found = message(&format!("[[ssl]]\nkind = \"loadmaster\"\nurl = \"{url}\"\n{PASSWORD}"));
        assert_eq!(found, expect);
    }
    assert_eq!(message(&format!("[[ssl]]\nkind = \"loadmaster\"\n{PASSWORD}")), "ssl.url: it is missing");
}

#[test]
fn sources_that_are_likely_to_see_the_same_sessions_are_warned_of() {
    let haproxy = |socket: &str| format!("kind = \"haproxy\"\nsocket = \"{socket}\"\n");
    let kernel = |keys: &str| format!("kind = \"kernel\"\n{keys}\n");
    let appliance = |url: &str| format!("kind = \"loadmaster\"\nurl = \"{url}\"\n{PASSWORD}");
    let log = |path: &str, format: &str| {
        format!("kind = \"access_log\"\npath = \"{path}\"\nformat = \"{format}\"\n")
    };
    let scrape = |url: &str, counts: &str| format!("kind = \"prometheus\"\nurl = \"{url}\"\n{counts}\n");
    for (one, other, why) in [
        (haproxy("/a"), haproxy("/a"), Some("they look at the same path")),
        (haproxy("/a"), haproxy("/b"), None),
        (kernel(""), haproxy("/a"), Some("the kernel counts those of every server on this host")),
        (
            haproxy("/a"),
            kernel("ports = [443]"),
            Some("the kernel counts those of every server on this host"),
        ),
        (kernel("ports = [443]"), kernel("ports = [8443]"), None),
        (
            kernel("ports = [443]"),
            kernel("ports = [8443, 443]"),
            Some("both count the same ports in the kernel"),
        ),
        (kernel(""), kernel("ports = [8443]"), Some("both count the same ports in the kernel")),
        (kernel(""), appliance("https://10.0.0.4"), None),
        (
            kernel(""),
            appliance("https://127.0.0.1:8443"),
            Some("the kernel counts those of every server on this host"),
        ),
        (
            kernel(""),
            appliance("https://[::1]"),
            Some("the kernel counts those of every server on this host"),
        ),
        (appliance("https://lm.test"), appliance("https://LM.test:443/"), Some("they ask at the same URL")),
        (appliance("https://10.0.0.4"), appliance("https://10.0.0.5"), None),
        (appliance("https://10.0.0.4"), haproxy("/a"), None),
        (kernel("interfaces = [\"lo\"]"), kernel("interfaces = [\"eth0\"]"), None),
        (
            kernel("interfaces = [\"eth0\"]"),
            kernel("interfaces = [\"eth*\"]"),
            Some("both count the same ports in the kernel"),
        ),
        (haproxy("/a"), log("/l", "haproxy"), Some("both tell of the same software")),
        (log("/l", "nginx"), log("/m", "nginx"), None),
        (
            log("/l", "nginx"),
            scrape("http://10.0.0.4/m", "preset = \"nginx-plus\""),
            Some("both tell of the same software"),
        ),
        (
            scrape("http://localhost:84/m", "metric = \"a\""),
            scrape("http://127.0.0.1:84/m", "metric = \"a\""),
            Some("they ask at the same URL"),
        ),
        (
            scrape("http://10.0.0.4/m", "metric = \"a\"\nlabels = ['x=\"1\"']"),
            scrape("http://10.0.0.4/m", "metric = \"a\"\nlabels = ['x=\"2\"']"),
            None,
        ),
        (
            scrape("http://10.0.0.4/m", "metric = \"a\"\nlabels = ['x=\"1\"']"),
            scrape("http://10.0.0.4/m", "metric = \"a\"\nlabels = ['y=\"2\"']"),
            Some("they ask at the same URL"),
        ),
    ] {
        let file = format!("[[ssl]]\nname = \"a\"\n{one}[[ssl]]\nname = \"b\"\n{other}");
        let warnings = load_text(&file, &inputs(&[STATE], &[])).unwrap().warnings;
        let messages: Vec<&str> = warnings.iter().map(|w| w.message.as_str()).collect();
        let start = "the TLS sources \"a\" and \"b\" are likely to count the same sessions twice: ";
        let expect: Vec<String> = why.iter().map(|why| format!("{start}{why}")).collect();
        assert_eq!(messages, expect, "{file}");
        let line = 1 + file.lines().position(|line| line.contains("name = \"b\"")).unwrap();
        let place = Place::File { path: Path::new("a.toml").to_owned(), line: line - 1, column: 1 };
        assert!(warnings.iter().all(|w| w.place == place), "{warnings:?}");
    }
}

#[test]
fn many_that_see_the_same_are_warned_of_once_each() {
    let one = "[[ssl]]\nkind = \"kernel\"\nname = ";
    let file: String = (0..40).map(|n| format!("{one}\"k{n}\"\n")).collect();
    let warnings = load_text(&file, &inputs(&[STATE], &[])).unwrap().warnings;
    assert_eq!(warnings.len(), 39);
    assert!(warnings[38].message.ends_with("(as with 38 more before it)"), "{:?}", warnings[38]);
}
