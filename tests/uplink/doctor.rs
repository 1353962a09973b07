//! `highwater doctor`, on its way to central.

use super::authority::Authority;
use super::forward::Forward;
use super::server::{Act, Server, good};
use serde_json::Value;
use std::process::Command;

/// What doctor says of central with this `[uplink]`: whether it is fine, and the detail.
fn central(uplink: &str) -> (bool, String) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("highwater.toml");
    std::fs::write(&file, format!("[uplink]\n{uplink}")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
    for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("HIGHWATER_")) {
        command.env_remove(name);
    }
    command
        .env("HIGHWATER_STATE_DIR", home.path().join("state"))
        .args(["doctor", "--json", "--config"])
        .arg(&file);
    let output = command.output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    let checks = said["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "central").unwrap_or_else(|| panic!("{said}"));
    (check["ok"].as_bool().unwrap(), check["detail"].as_str().unwrap().to_owned())
}

#[test]
fn doctor_tells_whether_central_is_reached_and_trusted_and_what_to_do_where_not() {
    let server = Server::start(|_| Act::Say(good(b"answer")));
    let files = tempfile::tempdir().unwrap();
    let own = files.path().join("ca.pem");
    std::fs::write(&own, &server.ca_pem).unwrap();
    let strange = files.path().join("strange.pem");
    std::fs::write(&strange, Authority::new().pem).unwrap();
    let uplink = |ca: &std::path::Path, proxy: &str| {
        format!("url = \"{}\"\nca_file = \"{}\"\nproxy = \"{proxy}\"\n", server.url(), ca.display())
    };

    let (ok, said) = central(&uplink(&own, "none"));
    assert!(ok && said.contains("is reached without a proxy, and its certificate is trusted"), "{said}");
    let (ok, said) = central(&uplink(&strange, "none"));
    assert!(!ok && said.contains("no trust in central") && said.contains("uplink.ca_file"), "{said}");

    let forward = Forward::start(None, None);
    let proxy = format!("http://127.0.0.1:{}", forward.port);
    let (ok, said) = central(&uplink(&own, &proxy));
    assert!(ok && said.contains(&format!("is reached through {proxy}")), "{said}");
    assert_eq!(forward.asked.lock().unwrap().len(), 1);
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let (ok, said) = central(&uplink(&own, &format!("http://{gone}")));
    assert!(!ok && said.contains("uplink.proxy"), "{said}");
}

#[test]
fn where_there_is_no_central_to_reach_doctor_says_so_and_opens_no_connection() {
    let (ok, said) = central("");
    assert!(ok && said.contains("not activated"), "{said}");
    let server = Server::start(|_| Act::Say(good(b"answer")));
    let (ok, said) = central(&format!("url = \"{}\"\ntransport = \"air-gap\"\n", server.url()));
    assert!(ok && said.contains("air-gapped"), "{said}");
    assert_eq!(server.requests.lock().unwrap().len(), 0);
}
