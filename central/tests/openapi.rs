//! The OpenAPI document: true in what a real server answers, and committed as it is.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that can't go on fails"
)]

mod support;

use highwater_central::files;
use highwater_central::http::admin;
use highwater_rules::node::Node;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use support::{Admin, Agent, Server};

/// How many requests schemathesis makes up of each operation, beside those that it derives from the document's bounds.
const EXAMPLES: &str = "20";
/// schemathesis 4 takes a licence (`application/jwt`) for JSON: it is a text.
const HOOKS: &str = "\
import schemathesis

@schemathesis.deserializer(\"application/json\")
def read(context, response):
    kind = response.headers.get(\"content-type\", [\"\"])[0]
    return response.text if kind == \"application/jwt\" else response.json()
";
/// Operations whose bodies no schema describes.
const LEFT_OUT: [&str; 2] = ["take_bundle", "grant_upload"];
const CLUSTER: &str = "7b0c6f4e-0000-4000-8000-00000000abcd";
const HOOKS_FILE: &str = "central_hooks.py";
const COMMITTED: &str = "../docs/openapi.json";

#[test]
fn the_committed_document_is_what_the_handlers_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(COMMITTED);
    if std::env::var_os("HIGHWATER_BLESS").is_some() {
        std::fs::write(&path, admin::document_text()).unwrap();
    }
    let committed = files::read_bounded(&path, 4 * 1024 * 1024).unwrap();
    assert!(
        committed == admin::document_text().as_bytes(),
        "docs/openapi.json is stale: HIGHWATER_BLESS=1 cargo test -p highwater-central --test openapi"
    );
}

#[tokio::test]
async fn the_document_needs_no_token_and_every_other_path_in_it_does() {
    let server = Server::start();
    let mut admin = Admin::first(&server).await;
    admin.token = String::new();
    let told = admin.get("/api/v1/openapi.json").await;
    assert_eq!(told, serde_json::from_str::<Value>(admin::document_text()).unwrap());
    let mut refused = 0;
    for (path, operations) in told["paths"].as_object().unwrap() {
        // Bundles and agents bring their own signatures.
        if ["/api/v1/openapi.json", "/v1/bundles", "/v1/uploads"].contains(&path.as_str()) {
            continue;
        }
        for method in operations.as_object().unwrap().keys() {
            let method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{sequence}", "1").replace(['{', '}'], "");
            assert_eq!(admin.refused(method, &path, None).await, (401, "unauthorized".to_owned()), "{path}");
            refused += 1;
        }
    }
    assert!(refused >= 20, "{refused}");
}

/// Instances with reports and an alarm, so that there is something to be found. Gives schemathesis's configuration, which names them.
async fn filled(server: &Server) -> String {
    let contract = server.contract(&[]);
    let token = server.token(&contract, &[]);
    let mut client = server.client().await;
    let (mut one, mut other) = (Agent::new(1), Agent::new(2));
    one.join(&mut client, &token).await;
    other.join(&mut client, &token).await;
    let made: Vec<_> = (0..3).map(|_| one.report()).collect();
    one.push(&mut client, &made).await;
    // A report that never comes is an alarm.
    let _ = other.report();
    let late = other.report();
    other.push(&mut client, &[late]).await;
    let mut third = Agent::new(3);
    third.node = Some(Node::new(CLUSTER, "node-a", "").unwrap());
    third.join(&mut client, &token).await;
    let made = third.report();
    third.push(&mut client, &[made]).await;
    let tokens = server.json(&["token", "list"]);
    let spent = tokens["tokens"][0]["id"].as_str().unwrap().to_owned();

    let mut config = String::from("headers = { Authorization = \"Bearer ${ADMIN_TOKEN}\" }\n");
    // No schema can say what a bundle or an envelope is: tests/bundles.rs and tests/loop make them.
    for operation in LEFT_OUT {
        writeln!(config, "[[operations]]\ninclude-operation-id = \"{operation}\"\nenabled = false").unwrap();
    }
    let mut name = |operations: &[&str], parameters: &str| {
        for operation in operations {
            writeln!(
                config,
                "[[operations]]\ninclude-operation-id = \"{operation}\"\nparameters = {{ {parameters} }}"
            )
            .unwrap();
        }
    };
    let identity = |agent: &Agent| format!("\"path.identity\" = \"{}\"", agent.instance);
    name(
        &["show_activation", "confirm_activation", "disable_activation", "enable_activation"],
        &identity(&one),
    );
    name(&["delete_activation"], &identity(&other));
    name(&["show_report", "raw_report"], &format!("{}, \"path.sequence\" = 2", identity(&one)));
    name(&["acknowledge_alarm"], "\"path.id\" = 1");
    name(&["revoke_token"], &format!("\"path.id\" = \"{spent}\""));
    name(&["create_token"], &format!("\"body.contract\" = \"{contract}\""));
    name(&["show_contract", "change_contract"], &format!("\"path.id\" = \"{contract}\""));
    name(&["show_cluster", "rename_cluster", "cluster_days"], &format!("\"path.id\" = \"{CLUSTER}\""));
    name(&["fetch_licence"], &format!("\"path.instance\" = \"{}\"", one.instance));
    config
}

/// Says why a test is skipped; fails in CI.
fn skipped(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "in CI nothing is skipped, but {why}");
    println!("skipped: {why}");
}

#[tokio::test]
async fn a_real_server_answers_as_the_document_says() {
    if Command::new("schemathesis").arg("--version").output().is_err() {
        return skipped("schemathesis is not installed (`pip install schemathesis`)");
    }
    let server = Server::start();
    let work = tempfile::tempdir().unwrap();
    let config = work.path().join("schemathesis.toml");
    std::fs::write(&config, format!("hooks = \"{HOOKS_FILE}\"\n{}", filled(&server).await)).unwrap();
    std::fs::write(work.path().join(HOOKS_FILE), HOOKS).unwrap();
    let output = Command::new("schemathesis")
        .arg("--config-file")
        .arg(&config)
        .arg("run")
        // The file, as a document that is fetched is not tested itself.
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(COMMITTED))
        .args(["--url", &server.url])
        .args([
            "--checks",
            "all",
            "--max-examples",
            EXAMPLES,
            "--seed",
            "1",
            "--continue-on-failure",
            "--no-color",
        ])
        .arg("--tls-verify")
        .arg(&server.ca_file)
        // A token on the command line could be seen by everyone on this host.
        .env("ADMIN_TOKEN", server.told["admin_token"].as_str().unwrap())
        .current_dir(work.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    // Operations that it did not reach would be no failure either.
    let document = serde_json::to_value(admin::document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let all: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    let operations = all - LEFT_OUT.len();
    assert!(told.contains(&format!("Tested: {operations}\n")), "{operations} are to be tested: {told}");
    println!("{told}");
}
