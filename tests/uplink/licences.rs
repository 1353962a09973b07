//! Licences: what central answers to who asks for one, well or badly; and the commands, as an operator types them.

use super::activate::{Joiner, granting};
use super::central::{handover, key, token};
use super::renewing::now_s;
use super::server::{Act, Request, Server, answer, good};
use super::{block, settings};
use highwater::uplink::licence::{Asked, Question, ask};
use highwater::uplink::{Client, Identity, PushError};
use highwater_proto::v1::licence_refusal::Reason;
use highwater_proto::v1::{
    Envelope, Kind, LicenceAnswer, LicenceRefusal, LicenceRequest, LicenceResponse, licence_answer,
};
use highwater_rules::licence::{Claims, Limits, Mode, Status, Subject, sign};
use highwater_rules::receipt::AnswerError;
use highwater_rules::renewal::Outcome;
use prost::Message as _;
use serde_json::Value;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

const INSTANCE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// A licence of 10 days that was issued so many seconds ago.
fn claims(instance: &str, age_s: i64) -> Claims {
    let issued_at = now_s() - age_s;
    Claims {
        id: format!("l-{age_s}"),
        issued_at,
        not_before: issued_at,
        expires_at: issued_at + 864_000,
        ..claims_of(instance)
    }
}

/// A licence as central gives it.
pub(crate) fn token_of(instance: &str) -> String {
    sign(&claims(instance, 100), &key(1))
}

/// All of a licence but its dates.
pub(crate) fn claims_of(instance: &str) -> Claims {
    Claims {
        id: String::new(),
        issued_at: 0,
        not_before: 0,
        expires_at: 0,
        subject: Subject::Instance(instance.to_owned()),
        identity: instance.to_owned(),
        contract: "c-1".to_owned(),
        product: "Balancer".to_owned(),
        customer: "Example".to_owned(),
        email: Some("ops@example.com".to_owned()),
        mode: Mode::Online,
        status: Status::Active,
        features: vec!["waf".to_owned()],
        limits: Limits { ram_bytes: Some(64 << 30), ..Limits::default() },
        grace_s: 7_776_000,
        slot_s: None,
        contract_end: Some(1_893_456_000),
    }
}

/// What a central of key `signer` answers to a request; what is spoilt comes before the signature.
pub(crate) fn answered(
    body: &[u8],
    signer: u8,
    successions: Vec<Envelope>,
    result: licence_answer::Result,
    spoil: impl Fn(&mut LicenceAnswer),
) -> Vec<u8> {
    let sealed = Envelope::decode(body).unwrap();
    let request = LicenceRequest::decode(&sealed.payload[..]).unwrap();
    let mut answer = LicenceAnswer { nonce: request.nonce, answered_at: 1_795_000_000, result: Some(result) };
    spoil(&mut answer);
    let answer = Some(key(signer).seal(Kind::LicenceAnswer, answer.encode_to_vec()));
    LicenceResponse { answer, successions }.encode_to_vec()
}

pub(crate) fn licence(token: &str) -> licence_answer::Result {
    licence_answer::Result::Licence(token.to_owned())
}

pub(crate) fn refusal(reason: Reason, allowed_from: i64) -> licence_answer::Result {
    let message = "not for you".to_owned();
    licence_answer::Result::Refusal(LicenceRefusal { reason: reason as i32, message, allowed_from })
}

/// What comes of asking a central whose first key is pinned.
fn asked(act: impl Fn(&Request) -> Act + Send + Sync + 'static) -> (Result<Asked, PushError>, Server) {
    let server = Server::start(act);
    let question = Question { instance: INSTANCE.to_owned(), held: Some("l-0".to_owned()), now_s: 77 };
    let outcome = block(async {
        let client = Client::new(&settings(&server.url(), &server.ca_pem)).unwrap();
        ask(&client, &Identity::from_seed(&[9; 32]), &key(1).public(), &question).await
    });
    (outcome, server)
}

#[test]
fn a_licence_is_asked_for_with_the_identity_key_and_what_is_held() {
    let (outcome, server) =
        asked(|r| Act::Say(good(&answered(&r.body, 2, vec![handover(1, 2)], licence("a.b.c"), |_| {}))));
    let asked = outcome.unwrap();
    assert_eq!(asked.renewed.outcome, Outcome::Licence("a.b.c".to_owned()));
    assert_eq!((asked.renewed.key, asked.successions.len()), (key(2).public(), 1));
    let requests = server.requests.lock().unwrap();
    assert!(requests[0].head.starts_with("post /v1/licences "), "{}", requests[0].head);
    let sealed = Envelope::decode(&requests[0].body[..]).unwrap();
    let own = Identity::from_seed(&[9; 32]).public();
    let request = LicenceRequest::decode(own.open(&sealed, Kind::LicenceRequest).unwrap()).unwrap();
    assert_eq!((request.instance.as_str(), request.held.as_str(), request.sent_at), (INSTANCE, "l-0", 77));
    assert_eq!((request.nonce.len(), &request.pinned_key[..]), (16, &key(1).id().0[..]));
}

#[test]
fn an_answer_about_a_licence_that_is_not_believed_is_told() {
    type Spoilt = fn(&Request) -> Vec<u8>;
    type Expected = fn(&AnswerError) -> bool;
    let answers: [(Spoilt, Expected); 5] = [
        (
            |r| answered(&r.body, 2, vec![], licence("a.b.c"), |_| {}),
            |e| matches!(e, AnswerError::Signature(_)),
        ),
        (
            |r| answered(&r.body, 1, vec![], licence("a.b.c"), |a| a.nonce[0] ^= 1),
            |e| matches!(e, AnswerError::Nonce),
        ),
        (
            |r| answered(&r.body, 1, vec![], licence("a.b.c"), |a| a.result = None),
            |e| matches!(e, AnswerError::Malformed(_)),
        ),
        (
            |r| answered(&r.body, 2, vec![handover(3, 2)], licence("a.b.c"), |_| {}),
            |e| matches!(e, AnswerError::Signature(_)),
        ),
        (|_| b"nonsense".to_vec(), |e| matches!(e, AnswerError::Malformed(_))),
    ];
    for (spoilt, expect) in answers {
        let (outcome, _) = asked(move |r| Act::Say(good(&spoilt(r))));
        let error = outcome.unwrap_err();
        assert!(matches!(&error, PushError::Answer(answer) if expect(answer)), "{error:?}");
    }
}

/// A host that has joined a central of key 1, with its agent away.
struct Site {
    joiner: Joiner,
    instance: String,
}

impl Site {
    fn new() -> Self {
        let joiner = Joiner::new();
        let server = granting(1, 1);
        let told = joiner.join(&server, 1, &[], &[]);
        assert_eq!(told.code, 0, "{}", told.err);
        let json: Value = serde_json::from_str(&told.out).unwrap();
        let instance = json["instance"].as_str().unwrap().to_owned();
        Site { joiner, instance }
    }

    fn token(&self, age_s: i64) -> String {
        sign(&claims(&self.instance, age_s), &key(1))
    }

    fn license(&self, arguments: &[&str], stdin: &str) -> (i32, String, String) {
        let told = self.joiner.command("license", arguments, &[], stdin);
        (told.code, told.out, told.err)
    }

    fn json(&self, arguments: &[&str], stdin: &str) -> (i32, Value) {
        let (code, out, err) = self.license(&[arguments, &["--json"]].concat(), stdin);
        (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out} {err}")))
    }

    fn installed(&self) -> Option<String> {
        let path = self.joiner.state_dir().join("licence.jwt");
        highwater::files::read_bounded(&path, 10_000).ok().map(|text| text.trim().to_owned())
    }

    /// `license renew` at a central that answers so.
    fn renew(&self, act: impl Fn(&Request) -> Act + Send + Sync + 'static) -> (i32, String, String) {
        let server = Server::start(act);
        let (url, ca) = (server.url(), self.joiner.file("renew-ca.pem", &server.ca_pem));
        let env = [("HIGHWATER_UPLINK__URL", url.as_str()), ("HIGHWATER_UPLINK__CA_FILE", ca.as_str())];
        let told = self.joiner.command("license", &["renew", "--json"], &env, "");
        (told.code, told.out, told.err)
    }
}

#[test]
fn a_licence_is_installed_from_a_file_or_standard_input_and_shown() {
    let site = Site::new();
    let (code, none) = site.json(&["show"], "");
    assert_eq!((code, &none["state"], &none["licence"]), (0, &"missing".into(), &Value::Null));
    let token = site.token(100);
    let file = site.joiner.file("carried.jwt", &format!("{token}\n"));
    let (code, checked) = site.json(&["show", &file], "");
    assert_eq!((code, &checked["state"], &checked["origin"]), (0, &"valid".into(), &"file".into()));
    assert_eq!(site.installed(), None, "to check a file installs nothing");
    let (code, told) = site.json(&["install", &file], "");
    assert_eq!((code, &told["installed"], &told["compared"]), (0, &true.into(), &"newer".into()));
    assert_eq!(site.installed(), Some(token.clone()));
    let mode = site.joiner.state_dir().join("licence.jwt").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let (code, told) = site.json(&["install", "-"], &token);
    assert_eq!((code, &told["installed"], &told["compared"]), (0, &false.into(), &"same".into()));
    let (_, shown) = site.json(&["show"], "");
    let licence = &shown["licence"];
    assert_eq!((&shown["state"], &shown["origin"]), (&"valid".into(), &"agent".into()));
    assert_eq!(
        (&licence["instance"], &licence["email"]),
        (&site.instance.clone().into(), &"ops@example.com".into())
    );
    assert_eq!(
        (&licence["limits"]["ram_bytes"], &licence["features"][0]),
        (&68_719_476_736_i64.into(), &"waf".into())
    );
    let dates =
        ["next_report_due", "grace_end", "contract_end"].map(|key| shown[key].as_str().unwrap().to_owned());
    let own = [&licence["expires_at"], &shown["renew_from"]].map(|date| date.as_str().unwrap().to_owned());
    let all: std::collections::BTreeSet<&String> = dates.iter().chain(&own).collect();
    assert_eq!(all.len(), 5, "no two dates are one: {shown}");
    let (code, text, _) = site.license(&["show"], "");
    assert_eq!(code, 0);
    for said in [
        "valid until",
        "RAM limit        64.0 GiB",
        "registered to    ops@example.com",
        "end of grace",
        "end of contract",
        "next report due",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let (_, status, _) = {
        let told = site.joiner.command("status", &["--json"], &[], "");
        (told.code, serde_json::from_str::<Value>(&told.out).unwrap(), told.err)
    };
    assert_eq!(status["licence"]["id"], "l-100");
    assert_eq!((&status["licence"]["state"], &status["licence"]["problem"]), (&"valid".into(), &Value::Null));
}

#[test]
fn an_older_a_foreign_an_unsigned_or_a_torn_licence_is_refused_and_changes_nothing() {
    let site = Site::new();
    let first = site.token(100);
    assert_eq!(site.license(&["install", "-"], &first).0, 0);
    let (code, told) = site.json(&["install", "-"], &site.token(200));
    assert_eq!((code, &told["installed"], &told["compared"]), (65, &false.into(), &"older".into()));
    let foreign = sign(&claims(INSTANCE, 0), &key(1));
    let strangers = sign(&claims(&site.instance, 0), &key(2));
    let unsigned = {
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let payload = site.token(0).split('.').nth(1).unwrap().to_owned();
        format!("{}.{payload}.", engine.encode(r#"{"alg":"none","typ":"JWT"}"#))
    };
    let long = format!("{}{}", site.token(0), "A".repeat(9000));
    let stranger = key(2).public().id().hex();
    for (token, says) in [
        (foreign.as_str(), INSTANCE),
        (&strangers, stranger.as_str()),
        (&unsigned, "EdDSA"),
        (&first[..first.len() - 1], "licence"),
        ("", "licence"),
        (&long, "licence"),
    ] {
        let (code, _, err) = site.license(&["install", "-"], token);
        assert_eq!(code, 65, "{err}");
        assert!(err.contains(says), "{says}: {err}");
        assert_eq!(site.installed().as_ref(), Some(&first));
    }
    let file = site.joiner.file("foreign.jwt", &foreign);
    let (code, _, err) = site.license(&["show", &file], "");
    assert!(code == 65 && err.contains(INSTANCE) && err.contains("foreign.jwt"), "{err}");
    let (code, _, err) = site.license(&["install", "/none.jwt"], "");
    assert!(code == 65 && err.contains("/none.jwt"), "{err}");
}

#[test]
fn before_activation_nothing_is_installed() {
    let joiner = Joiner::new();
    let none = joiner.command("license", &["show"], &[], "");
    assert_eq!(none.code, 69, "there is no ledger: {}", none.err);
    assert!(!joiner.state_dir().exists());
    // A try that does not get through leaves a ledger, and no activation.
    let away = joiner.run(&["--central", "https://127.0.0.1:1", "--token", &token(1)], &[], "");
    assert_eq!(away.code, 69, "{}", away.err);
    for arguments in [&["install", "-"][..], &["renew"]] {
        let told = joiner.command("license", arguments, &[], &sign(&claims(INSTANCE, 0), &key(1)));
        assert!(told.code == 69 && told.err.contains("highwater activate"), "{}", told.err);
    }
    let shown = joiner.command("license", &["show"], &[], "");
    assert!(shown.code == 0 && shown.out.starts_with("licence          none\n"), "{}", shown.out);
    assert!(!joiner.state_dir().join("licence.jwt").exists());
}

#[test]
fn renewing_tells_what_central_says() {
    let site = Site::new();
    let fresh = site.token(0);
    let given = fresh.clone();
    let (code, out, err) =
        site.renew(move |r| Act::Say(good(&answered(&r.body, 1, vec![], licence(&given), |_| {}))));
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["renewed"], &told["licence"]["id"]), (0, &true.into(), &"l-0".into()), "{err}");
    assert_eq!(site.installed(), Some(fresh.clone()));
    let (code, out, err) = site.renew(|r| {
        Act::Say(good(&answered(&r.body, 1, vec![], refusal(Reason::Early, 1_893_456_000), |_| {})))
    });
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["renewed"]), (69, &false.into()));
    assert_eq!(
        (&told["allowed_from"], &told["licence"]["id"]),
        (&"2030-01-01T00:00:00Z".into(), &"l-0".into())
    );
    assert!(err.contains("2030-01-01T00:00:00Z"), "{err}");
    let (code, out, err) =
        site.renew(|r| Act::Say(good(&answered(&r.body, 1, vec![], refusal(Reason::Activation, 0), |_| {}))));
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["allowed_from"]), (69, &Value::Null));
    assert!(err.contains("not for you"), "{err}");
    assert_eq!(site.installed(), Some(fresh));
}

#[test]
fn what_a_central_gives_that_is_no_licence_of_this_instance_is_refused() {
    let site = Site::new();
    let first = site.token(100);
    assert_eq!(site.license(&["install", "-"], &first).0, 0);
    let foreign = sign(&claims(INSTANCE, 0), &key(1));
    let strangers = sign(&claims(&site.instance, 0), &key(2));
    for token in [foreign, strangers, "a.b.c".to_owned(), String::new(), "x".repeat(100_000)] {
        let given = token.clone();
        let (code, _, err) =
            site.renew(move |r| Act::Say(good(&answered(&r.body, 1, vec![], licence(&given), |_| {}))));
        assert_eq!(code, 65, "{token}: {err}");
        assert_eq!(site.installed(), Some(first.clone()));
    }
}

#[test]
fn a_key_that_comes_with_the_answer_is_pinned_and_its_licence_taken() {
    let site = Site::new();
    let token = sign(&claims(&site.instance, 0), &key(2));
    let given = token.clone();
    let (code, _, err) = site
        .renew(move |r| Act::Say(good(&answered(&r.body, 2, vec![handover(1, 2)], licence(&given), |_| {}))));
    assert_eq!(code, 0, "{err}");
    assert_eq!(site.joiner.enrolment().unwrap().pinned(), &key(2).public());
    assert_eq!(site.installed(), Some(token));
    // One that was signed before the change still counts.
    assert_eq!(site.license(&["install", "-"], &site.token(-1)).0, 0);
}

/// A bastion's call: no state directory, no configuration.
fn fetch(joiner: &Joiner, server: &Server, instance: &str, more: &[&str]) -> (i32, String, String) {
    let (ca, url) = (joiner.file("ca.pem", &server.ca_pem), server.url());
    let token = joiner.file("service-token", "hws_secret\n");
    let fixed = [
        "fetch",
        "--central",
        &url,
        "--instance",
        instance,
        "--service-token-file",
        &token,
        "--ca-file",
        &ca,
    ];
    let told = joiner.command("license", &[&fixed, more].concat(), &[], "");
    (told.code, told.out, told.err)
}

fn serving(token: &str) -> Server {
    let token = token.to_owned();
    Server::start(move |_| Act::Say(answer("200 OK", "content-type: application/jwt\r\n", token.as_bytes())))
}

#[test]
fn a_bastion_fetches_a_licence_by_a_service_token() {
    let bastion = Joiner::new();
    let token = sign(&claims(INSTANCE, 100), &key(1));
    let server = serving(&token);
    let (code, out, err) = fetch(&bastion, &server, INSTANCE, &[]);
    assert_eq!((code, out.trim()), (0, token.as_str()), "{err}");
    {
        let requests = server.requests.lock().unwrap();
        assert!(requests[0].head.starts_with(&format!("get /api/v1/licences/{INSTANCE} ")), "{requests:?}");
        assert!(requests[0].head.contains("authorization: bearer hws_secret\r\n"));
    }
    let file = bastion.path("fetched.jwt");
    let output = ["-o", file.to_str().unwrap(), "--json"];
    let (code, out, err) = fetch(&bastion, &server, &INSTANCE.to_uppercase(), &output);
    let told: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{err}"));
    assert_eq!((code, &told["written"], &told["licence"]["id"]), (0, &true.into(), &"l-100".into()));
    let before = file.metadata().unwrap();
    let (code, out, _) = fetch(&bastion, &server, INSTANCE, &output);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["written"]), (0, &false.into()));
    assert_eq!(file.metadata().unwrap().ino(), before.ino());
    assert!(!bastion.state_dir().exists(), "a bastion keeps no state");
}

#[test]
fn fetching_writes_over_nothing_but_an_older_licence_of_the_same_instance() {
    let bastion = Joiner::new();
    let held = |text: &str| {
        let file = bastion.file("held.jwt", text);
        let before = std::path::Path::new(&file).metadata().unwrap().ino();
        (file, before)
    };
    let server = serving(&sign(&claims(INSTANCE, 100), &key(1)));
    let other = "1f8fad5b-d9cb-469f-a165-70867728950e";
    for (text, is_written, says) in [
        (sign(&claims(INSTANCE, 200), &key(1)), true, ""),
        (String::new(), true, ""),
        (sign(&claims(INSTANCE, 0), &key(1)), false, "newer"),
        (sign(&claims(other, 200), &key(1)), false, other),
        ("my notes".to_owned(), false, "something else"),
        ("x".repeat(20_000), false, "longer than"),
    ] {
        let (file, before) = held(&text);
        let (code, _, err) = fetch(&bastion, &server, INSTANCE, &["-o", &file]);
        assert_eq!(code, if is_written { 0 } else { 65 }, "{says}: {err}");
        assert!(err.contains(says), "{says}: {err}");
        let after = std::path::Path::new(&file).metadata().unwrap().ino();
        assert_eq!(before != after, is_written, "{says}");
    }
}

#[test]
fn what_is_fetched_that_is_no_licence_of_the_instance_is_not_written() {
    let bastion = Joiner::new();
    let file = bastion.path("fetched.jwt");
    let output = ["-o", file.to_str().unwrap()];
    let problem = b"{\"status\":403,\"title\":\"this token is of another contract\"}";
    type Answer = Box<dyn Fn() -> Vec<u8> + Send + Sync>;
    let jwt = "content-type: application/jwt\r\n";
    let page = "content-type: text/html\r\n";
    let answers: [(Answer, i32); 5] = [
        (Box::new(move || answer("200 OK", jwt, b"nonsense")), 65),
        (Box::new(move || answer("200 OK", jwt, sign(&claims("other", 0), &key(1)).as_bytes())), 65),
        (Box::new(move || answer("200 OK", jwt, &[b'x'; 9000])), 69),
        (Box::new(move || answer("200 OK", page, b"<html>portal</html>")), 69),
        (
            Box::new(move || answer("403 Forbidden", "content-type: application/problem+json\r\n", problem)),
            77,
        ),
    ];
    for (answer, expect) in answers {
        let server = Server::start(move |_| Act::Say(answer()));
        let (code, out, err) = fetch(&bastion, &server, INSTANCE, &output);
        assert_eq!((code, out.as_str()), (expect, ""), "{err}");
        assert!(!file.exists() && !err.contains("hws_secret"), "{err}");
    }
    let server = serving("");
    assert_eq!(fetch(&bastion, &server, "not-an-id", &[]).0, 64);
    assert_eq!(server.requests.lock().unwrap().len(), 0);
}
