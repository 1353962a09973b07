//! That the stub answers what a real API server was recorded to answer.

use crate::stub::Stub;
use crate::stub::transcripts::{Recorded, all};
use serde_json::{Value, json};

/// Without what differs from one call to the next, and what nobody reads.
fn comparable(mut body: Value) -> Value {
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        for name in ["managedFields", "resourceVersion", "uid", "creationTimestamp"] {
            metadata.remove(name);
        }
    }
    for name in ["kind", "group"] {
        if let Some(details) = body.get_mut("details").and_then(Value::as_object_mut) {
            details.remove(name);
        }
    }
    body
}

#[test]
fn the_stub_answers_as_the_recorded_server_did() {
    let stub = Stub::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = client(&stub);
    let mut compared = 0;
    for recorded in all() {
        let Recorded { name, who, request, response } = recorded;
        let url = format!("{}{}", stub.url(), request.path);
        let mut call = client.request(request.method.parse().unwrap(), url);
        call = match who.as_str() {
            "nobody" => call,
            "a wrong token" => call.bearer_auth("wrong"),
            _ => call.bearer_auth("token-1"),
        };
        if let Some(kind) = &request.content_type {
            call = call.header("content-type", kind);
        }
        let body = match &request.body {
            Value::Null => String::new(),
            Value::String(text) if text.starts_with('(') => {
                json!({"data": {"license": "QUFB".repeat(400_000)}}).to_string()
            }
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let (status, told) = runtime.block_on(async {
            let answer = call.body(body).send().await.unwrap();
            (answer.status().as_u16(), answer.bytes().await.unwrap())
        });
        // What the agent never asks for.
        if request.path == "/version" {
            continue;
        }
        assert_eq!(status, response.status, "{name}");
        let told: Value = serde_json::from_slice(&told).unwrap();
        compared += 1;
        if request.path.contains("selfsubjectaccessreviews") {
            assert_eq!(told["status"]["allowed"], response.body["status"]["allowed"], "{name}");
        } else if name == "patch with data that is not base64" {
            assert_eq!(told["reason"], response.body["reason"], "{name}");
        } else if name == "a warning event" {
            assert_eq!(told["involvedObject"], response.body["involvedObject"], "{name}");
        } else if name == "set-based selector" || name == "a path that is not there" {
            // The first found among pods that were not all recorded; a resource that is none.
            assert_eq!(told["kind"], response.body["kind"], "{name}");
        } else {
            assert_eq!(comparable(told), comparable(response.body), "{name}");
        }
    }
    assert_eq!(compared, 37, "calls of the recording");
}

fn client(stub: &Stub) -> reqwest::Client {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let pem = highwater::files::read_bounded(&stub.credentials().join("ca.crt"), 65_536).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}
