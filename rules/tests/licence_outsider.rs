//! `docs/licences.md` is enough for an outsider: its Python program, which shares nothing with this code, comes to the same verdicts.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this test reads the repository's own files, and fails where it can't"
)]

#[path = "vectors/case.rs"]
#[expect(dead_code, reason = "shared with the vectors, which use all of it")]
mod case;
#[path = "vectors/licence.rs"]
#[expect(dead_code, reason = "shared with the vectors, which use all of it")]
mod licence;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use case::{File, signer};
use highwater_rules::sign::hex;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The verifier, run by a Python that has `cryptography`: another one may stand before Debian's.
fn verifier() -> Option<impl Fn(&[&str]) -> Output> {
    let able = |python: &&str| {
        let import = Command::new(python).args(["-c", "import cryptography"]).output();
        import.is_ok_and(|done| done.status.success())
    };
    let Some(python) = ["python3", "/usr/bin/python3"].into_iter().find(able) else {
        assert!(std::env::var_os("CI").is_none(), "python3-cryptography is missing, and CI must run this");
        let _ = std::io::stderr().write_all(b"skipped: python3-cryptography is not installed\n");
        return None;
    };
    let script = repository().join("docs/verify_licence.py");
    Some(move |arguments: &[&str]| Command::new(python).arg(&script).args(arguments).output().unwrap())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn golden() -> File {
    let path = repository().join("proto/vectors/licence.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What the outsider says of cases, in a folder of their own.
fn judged(verify: &impl Fn(&[&str]) -> Output, cases: &[Value]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let file = json!({"message": "Licence", "cases": cases});
    std::fs::write(dir.path().join("licence.json"), file.to_string()).unwrap();
    verify(&["vectors", dir.path().to_str().unwrap()])
}

#[test]
fn a_program_written_from_the_documentation_comes_to_every_verdict() {
    let Some(verify) = verifier() else { return };
    let output = verify(&["vectors", repository().join("proto/vectors").to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains(" vectors, 0 came out otherwise"), "{}", said(&output));
}

#[test]
fn it_notices_a_vector_that_is_not_right() {
    let Some(verify) = verifier() else { return };
    let mut cases: Vec<Value> =
        golden().cases.iter().map(|case| serde_json::to_value(case).unwrap()).collect();
    cases[0]["verdict"] = "signature".into();
    cases[1]["result"]["state"] = "expired".into();
    cases[2]["result"]["claims"]["exp"] = 1.into();
    let output = judged(&verify, &cases);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("3 came out otherwise"), "{}", said(&output));
}

/// Headers and payloads with a byte changed, and signed after that: what each of the two readers makes of them.
#[test]
fn both_read_the_same_from_licences_that_no_one_thought_of() {
    let Some(verify) = verifier() else { return };
    let token = golden().cases[0].input.as_str().unwrap().to_owned();
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let mut inputs = Vec::new();
    for flip in [0x01, 0x04, 0x10, 0x20] {
        for at in 0..parts[0].len() + parts[1].len() {
            let mut changed = parts.clone();
            match at.checked_sub(parts[0].len()) {
                None => changed[0][at] ^= flip,
                Some(at) => changed[1][at] ^= flip,
            }
            let encoded: Vec<String> = changed.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
            let signed = format!("{}.{}", encoded[0], encoded[1]);
            let signature = signer("central").sign_bytes(signed.as_bytes());
            inputs.push(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)));
        }
    }
    for at in 0..token.len() {
        let other = if &token[at..=at] == "A" { "E" } else { "A" };
        inputs.push(format!("{}{other}{}", &token[..at], &token[at + 1..]));
    }
    let given = &golden().cases[0].given;
    let cases: Vec<Value> = inputs
        .into_iter()
        .enumerate()
        .map(|(n, input)| {
            let input = Value::from(input);
            let (verdict, result) = licence::judge(given, &input);
            json!({"name": format!("{n}"), "verdict": verdict, "given": given, "input": input, "result": result})
        })
        .collect();
    let good = cases.iter().filter(|case| case["verdict"] == "ok").count();
    assert!(good > 100 && cases.len() - good > 1000, "{good} good ones of {}", cases.len());
    let output = judged(&verify, &cases);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn it_is_a_program_for_licences() {
    let Some(verify) = verifier() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("licence.jwt");
    std::fs::write(&file, format!("{}\n", golden().cases[0].input.as_str().unwrap())).unwrap();
    let file = file.to_str().unwrap();
    let [central, next] = ["central", "next"].map(|name| hex(&signer(name).public().bytes()));
    let (instance, other) = ("0f8fad5b-d9cb-469f-a165-70867728950e", "1f8fad5b-d9cb-469f-a165-70867728950e");
    for (more, status, says) in [
        (&["--key", &central, "--at", "1795000000"][..], 0, "\"state\": \"valid\""),
        (&["--key", &next, "--key", &central, "--at", "1795864000"], 0, "\"state\": \"expired\""),
        (&["--key", &central, "--instance", instance, "--identity", instance], 0, "\"customer\""),
        (&["--key", &next], 1, "does not fit: key"),
        (&["--key", &central, "--instance", other], 1, "does not fit: foreign"),
        (&["--key", &central, "--instance", instance, "--identity", other], 1, "does not fit: foreign"),
        (&["--key", &central, "--cluster", "k-1"], 1, "does not fit: foreign"),
    ] {
        let output = verify(&[&["licence", file], more].concat());
        assert_eq!(output.status.code(), Some(status), "{more:?}: {}", said(&output));
        assert!(said(&output).contains(says), "{more:?}: {}", said(&output));
    }
    let output = verify(&["licence", "/nowhere", "--key", &central]);
    assert!(output.status.code() == Some(2) && said(&output).contains("/nowhere"), "{}", said(&output));
}
