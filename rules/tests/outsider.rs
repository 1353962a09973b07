//! `docs/wire.md` is enough for an outsider: its Python program, which shares nothing with this code, comes to the same verdicts.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this test reads the repository's own files, and fails where it can't"
)]

#[path = "vectors/case.rs"]
#[expect(dead_code, reason = "shared with the vectors, which use all of it")]
mod case;
#[path = "vectors/fields.rs"]
#[expect(dead_code, reason = "shared with the vectors, which use all of it")]
mod fields;
#[path = "vectors/report.rs"]
#[expect(dead_code, reason = "shared with the vectors, which use all of it")]
mod report;

use case::{File, signer, wire};
use highwater_proto::v1::{Envelope, Kind};
use highwater_rules::report::REPORT_MAX_BYTES;
use highwater_rules::sign::hex;
use prost::Message as _;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn skip(missing: &str) {
    assert!(std::env::var_os("CI").is_none(), "{missing} is missing, and CI must run this");
    let _ = std::io::stderr().write_all(format!("skipped: {missing} is not installed\n").as_bytes());
}

/// The verifier, run by a Python that has `cryptography`: another one may stand before Debian's.
fn verifier() -> Option<impl Fn(&[&str]) -> Output> {
    let able = |python: &&str| {
        let import = Command::new(python).args(["-c", "import cryptography"]).output();
        import.is_ok_and(|done| done.status.success())
    };
    let Some(python) = ["python3", "/usr/bin/python3"].into_iter().find(able) else {
        skip("the package python3-cryptography");
        return None;
    };
    let script = repository().join("docs/verify_wire.py");
    Some(move |arguments: &[&str]| Command::new(python).arg(&script).args(arguments).output().unwrap())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn golden(name: &str) -> File {
    let path = repository().join("proto/vectors").join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn write(folder: &Path, name: &str, input: &Value) -> String {
    let path = folder.join(name);
    std::fs::write(&path, case::unhex(input)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_program_written_from_the_documentation_comes_to_every_verdict() {
    let Some(verify) = verifier() else { return };
    let output = verify(&["vectors", repository().join("proto/vectors").to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains(" vectors, 0 came out otherwise"), "{}", said(&output));
}

#[test]
fn the_example_of_the_documentation_is_one_of_the_vectors() {
    let page = std::fs::read_to_string(repository().join("docs/wire.md")).unwrap();
    let (_, example) = page.split_once("## Example").unwrap();
    let squeezed: String = example.split_whitespace().collect();
    let bytes = case::unhex(&golden("succession").cases[1].input[0]);
    let envelope = Envelope::decode(&bytes[..]).unwrap();
    let signature = hex(&envelope.signature);
    let (first, second) = signature.split_at(64);
    let key = &golden("succession").keys["central"];
    let next = &golden("succession").keys["next"].public;
    let token = golden("token").cases[0].input.as_str().unwrap().to_owned();
    for shown in [
        &key.public,
        &key.fingerprint,
        &format!("keyid{}nextkey{next}", key.id),
        &format!("payload0a20{next}"),
        &format!("10{}", &hex(&envelope.payload)[70..]),
        &format!("2240{first}field4{second}"),
        &hex(b"highwater/v1/"),
        &hex(b"succession"),
        &token,
    ] {
        assert!(squeezed.contains(shown), "docs/wire.md does not show {shown}");
    }
}

#[test]
fn it_notices_a_vector_that_is_not_right() {
    let Some(verify) = verifier() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut file = golden("receipt");
    file.cases[0].verdict = "signature".to_owned();
    file.cases[1].result["fields"]["sequence"] = 2.into();
    std::fs::write(dir.path().join("receipt.json"), serde_json::to_string(&file).unwrap()).unwrap();
    let output = verify(&["vectors", dir.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("2 came out otherwise"), "{}", said(&output));
}

/// Reports with a byte changed, before they were signed and after: what each of the two readers makes of them.
#[test]
fn both_read_the_same_from_reports_that_no_one_thought_of() {
    let Some(verify) = verifier() else { return };
    let agent = signer("agent");
    let given = json!({"key": hex(&agent.public().bytes())});
    let payload = report::payload(report::FIRST);
    let sealed = agent.seal(Kind::Report, payload.clone()).encode_to_vec();
    let mut inputs = Vec::new();
    for flip in [0x01, 0x08, 0x80, 0xff] {
        for at in 0..payload.len() {
            let mut changed = payload.clone();
            changed[at] ^= flip;
            inputs.push(wire(&agent.seal(Kind::Report, changed)));
        }
    }
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 0x02;
        inputs.push(hex(&changed).into());
    }
    let cases = inputs
        .iter()
        .enumerate()
        .map(|(n, input)| {
            let (verdict, result) = report::judge(&given, input);
            json!({"name": format!("{n}"), "verdict": verdict, "given": given, "input": input, "result": result})
        })
        .collect::<Vec<_>>();
    let good = cases.iter().filter(|case| case["verdict"] == "ok").count();
    assert!(good > 100 && cases.len() - good > 1000, "{good} good ones of {}", cases.len());
    let dir = tempfile::tempdir().unwrap();
    let file = json!({"message": "Report", "cases": cases});
    std::fs::write(dir.path().join("report.json"), file.to_string()).unwrap();
    let output = verify(&["vectors", dir.path().to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn it_is_a_program_for_reports_receipts_and_tokens() {
    let Some(verify) = verifier() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (reports, receipts, tokens) = (golden("report"), golden("receipt"), golden("token"));
    let report = write(dir.path(), "report", &reports.cases[0].input);
    let other = write(dir.path(), "other", &reports.cases[1].input);
    let receipt = write(dir.path(), "receipt", &receipts.cases[0].input);
    let (agent, central) = (&reports.keys["agent"].public, &receipts.keys["central"].public);
    let digest = reports.cases[0].result["digest"].as_str().unwrap();
    let token = tokens.cases[0].input.as_str().unwrap();
    for (arguments, status, says) in [
        (vec!["report", &report, "--key", agent], 0, digest),
        (vec!["report", &report, "--key", central], 1, "does not fit: key"),
        (vec!["report", &receipt, "--key", central], 1, "does not fit: kind"),
        (vec!["report", "/nowhere", "--key", agent], 2, "/nowhere"),
        (vec!["receipt", &receipt, "--key", central], 0, digest),
        (vec!["receipt", &receipt, "--key", central, "--report", &report], 0, digest),
        (vec!["receipt", &receipt, "--key", central, "--report", &other], 1, "does not fit: foreign"),
        (vec!["token", token], 0, &tokens.keys["central"].fingerprint),
        (vec!["token", &token[..70]], 1, "does not fit: mistyped"),
    ] {
        let output = verify(&arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(says), "{arguments:?}: {}", said(&output));
    }
    let shown = said(&verify(&["token", token]));
    assert!(!shown.contains(tokens.cases[0].result["secret"].as_str().unwrap()), "{shown}");
}

#[test]
fn both_know_how_long_a_report_may_be() {
    let Some(verify) = verifier() else { return };
    let dir = tempfile::tempdir().unwrap();
    let agent = signer("agent");
    let key = hex(&agent.public().bytes());
    for (length, verdict, status) in [(REPORT_MAX_BYTES, "ok", 0), (REPORT_MAX_BYTES + 1, "malformed", 1)] {
        let mut payload = report::payload(report::FIRST);
        // Field 1000, of as many zero bytes as are wanted.
        let zeros = length - payload.len() - 5;
        payload.extend_from_slice(&[0xc2, 0x3e]);
        prost::encode_length_delimiter(zeros, &mut payload).unwrap();
        payload.resize(payload.len() + zeros, 0);
        assert_eq!(payload.len(), length);
        let input = wire(&agent.seal(Kind::Report, payload));
        assert_eq!(report::judge(&json!({"key": key}), &input).0, verdict);
        let output = verify(&["report", &write(dir.path(), "report", &input), "--key", &key]);
        assert_eq!(output.status.code(), Some(status), "{}", said(&output));
    }
}

/// What `protoc --decode` shows of a message.
fn decoded(message: &str, file: &str, bytes: &[u8]) -> String {
    let mut protoc = Command::new("protoc")
        .arg(format!("--decode=highwater.v1.{message}"))
        .arg("--proto_path=proto")
        .arg(format!("highwater/v1/{file}.proto"))
        .current_dir(repository())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    protoc.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = protoc.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

#[test]
fn protoc_shows_the_fields_of_a_report() {
    if Command::new("protoc").arg("--version").output().is_err() {
        skip("the package protobuf-compiler");
        return;
    }
    let cases = golden("report").cases;
    let bytes = case::unhex(&cases[0].input);
    assert!(decoded("Envelope", "envelope", &bytes).starts_with("kind: KIND_REPORT\n"));
    let shown = decoded("Report", "report", &Envelope::decode(&bytes[..]).unwrap().payload);
    for line in [
        "instance: \"0f8fad5b-d9cb-469f-a165-70867728950e\"",
        "sequence: 1",
        "  day: \"2026-11-20\"",
        "  slot_s: 300",
        "      reason: GAP_REASON_HOST_DOWN",
        "    meter: METER_NETWORK_THROUGHPUT",
        "    rule: COUNT_RULE_MAX",
        "      rx: 1500000000",
        "  largest_ms: -1250",
        "first_start: 1795132812",
    ] {
        assert!(shown.lines().any(|one| one == line), "no line `{line}` in\n{shown}");
    }
    // A line that begins with a number is a field that the `.proto` files do not name.
    let unknown =
        |shown: &str| shown.lines().any(|one| one.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    assert!(!unknown(&shown), "{shown}");
    let later = cases.iter().find(|case| case.name.contains("fields and words of a later version")).unwrap();
    let shown = decoded("Report", "report", &case::unhex(&later.result["payload"]));
    assert!(unknown(&shown) && shown.contains("1000: \"new\""), "{shown}");
}
