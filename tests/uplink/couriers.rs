//! `highwater courier`, as an operator types it, where what answers is not what it should be: older answers played again, answers to
//! others, refusals, and none of a central's.

use super::central::{key, terms};
use super::server::{Act, Request, Server, answer};
use highwater_proto::v1::{
    Activation, ActivationResponse, Answer, Envelope, Export, Grant, Kind, Outcome, Receipt, Refusal,
    bundle_record::Reply, outcome,
};
use highwater_rules::bundle::{MEDIA_TYPE, Reader, Record, Writer};
use highwater_rules::sign::sha256;
use prost::Message as _;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

const ONE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
const OTHER: &str = "1f8fad5b-d9cb-469f-a165-70867728950e";

fn pack(records: impl IntoIterator<Item = Record>) -> Vec<u8> {
    let mut writer = Writer::new();
    for record in records {
        writer.put(record).unwrap();
    }
    writer.finish()
}

fn unpack(bytes: &[u8]) -> Vec<Record> {
    let (mut reader, mut records) = (Reader::new(), Vec::new());
    reader.feed(bytes, &mut records).unwrap();
    reader.finish().unwrap();
    records
}

/// An export with these reports. What a report says is nothing to a courier.
fn usage(instance: &str, nonce: u8, reports: &[&str]) -> Vec<Record> {
    let export = Export {
        instance: instance.to_owned(),
        nonce: vec![nonce; 32],
        reports: u32::try_from(reports.len()).unwrap(),
        ..Export::default()
    };
    let head = Record::Export(key(9).seal(Kind::Export, export.encode_to_vec()));
    let report = |text: &&str| Record::Report(key(9).seal(Kind::Report, text.as_bytes().to_vec()));
    std::iter::once(head).chain(reports.iter().map(report)).collect()
}

fn request(instance: &str, nonce: u8, own: u8) -> Vec<Record> {
    let request = Activation {
        instance: instance.to_owned(),
        nonce: vec![nonce; 16],
        public_key: key(own).public().bytes().to_vec(),
        ..Activation::default()
    };
    vec![Record::Activation(key(own).seal(Kind::Activation, request.encode_to_vec()))]
}

fn receipted(instance: &str, payload: &[u8]) -> Outcome {
    let report_digest = sha256(payload).0.to_vec();
    let receipt = Receipt {
        instance: instance.to_owned(),
        report_digest: report_digest.clone(),
        terms: Some(terms()),
        ..Receipt::default()
    };
    let sealed = key(1).seal(Kind::Receipt, receipt.encode_to_vec());
    Outcome { report_digest, result: Some(outcome::Result::Receipt(sealed)) }
}

fn refused(payload: &[u8], message: &str) -> Outcome {
    let refusal = Refusal { reason: 5, message: message.to_owned(), for_good: true };
    Outcome { report_digest: sha256(payload).0.to_vec(), result: Some(outcome::Result::Refusal(refusal)) }
}

/// What a central answers to these records, `fate` being that of each report.
fn answered(records: &[Record], fate: impl Fn(&str, &[u8]) -> Outcome) -> Vec<Record> {
    let mut back = Vec::new();
    let mut open: Option<(Export, Vec<Outcome>)> = None;
    let close = |open: Option<(Export, Vec<Outcome>)>, back: &mut Vec<Record>| {
        let Some((export, outcomes)) = open else { return };
        let is_receipt = |one: &&Outcome| matches!(one.result, Some(outcome::Result::Receipt(_)));
        let accepted = u32::try_from(outcomes.iter().filter(is_receipt).count()).unwrap();
        let read = u32::try_from(outcomes.len()).unwrap();
        let (instance, nonce) = (export.instance, export.nonce);
        back.push(Record::Reply(Reply {
            instance,
            nonce: nonce.clone(),
            read,
            accepted,
            ..Reply::default()
        }));
        let answer = Answer { nonce, outcomes, ..Answer::default() };
        back.push(Record::Answer(key(1).seal(Kind::Answer, answer.encode_to_vec())));
    };
    for record in records {
        match record {
            Record::Export(envelope) => {
                close(open.take(), &mut back);
                open = Some((Export::decode(&envelope.payload[..]).unwrap(), Vec::new()));
            }
            Record::Report(envelope) => {
                let (export, outcomes) = open.as_mut().unwrap();
                outcomes.push(fate(&export.instance, &envelope.payload));
            }
            Record::Activation(envelope) => {
                close(open.take(), &mut back);
                back.extend(granted(envelope));
            }
            other => panic!("{other:?}"),
        }
    }
    close(open, &mut back);
    back
}

fn granted(envelope: &Envelope) -> [Record; 2] {
    let Activation { instance, nonce, public_key, .. } = Activation::decode(&envelope.payload[..]).unwrap();
    let reply = Reply { instance: instance.clone(), nonce: nonce.clone(), ..Reply::default() };
    let grant = Grant { nonce, instance, public_key, ..Grant::default() };
    let grant = Some(key(1).seal(Kind::Grant, grant.encode_to_vec()));
    [Record::Reply(reply), Record::Grant(ActivationResponse { grant, ..ActivationResponse::default() })]
}

fn good(records: &[Record]) -> Vec<u8> {
    pack(answered(records, receipted))
}

fn saying(bundle: &[u8]) -> Act {
    Act::Say(answer("200 OK", &format!("content-type: {MEDIA_TYPE}\r\n"), bundle))
}

/// A place that has nothing but files.
struct Bastion(TempDir);

impl Bastion {
    fn new() -> Self {
        Bastion(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file that nobody has touched for long.
    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.at(name), bytes).unwrap();
        let file = std::fs::File::options().write(true).open(self.at(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
    }

    fn run(&self, server: &Server, command: &[&str], more: &[&str]) -> Output {
        std::fs::write(self.at("ca.pem"), &server.ca_pem).unwrap();
        let mut highwater = Command::new(env!("CARGO_BIN_EXE_highwater"));
        highwater.env_clear().current_dir(self.0.path()).args(command);
        highwater.args(["--central", &server.url(), "--ca-file", "ca.pem"]).args(more).output().unwrap()
    }

    fn carry(&self, server: &Server, more: &[&str]) -> Output {
        self.run(server, &["courier"], more)
    }

    fn json(&self, server: &Server, more: &[&str], code: i32) -> Value {
        let output = self.carry(server, &[more, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn why(file: &Value) -> &str {
    file["why"].as_str().unwrap_or_default()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A file and a false answer to it: nothing of either changes, and the file beside it is done as ever.
fn is_left(what: &str, sent: Vec<Record>, lie: Vec<u8>) {
    let bastion = Bastion::new();
    let beside = usage(OTHER, 77, &["beside"]);
    let (sent, beside) = (pack(sent), pack(beside));
    bastion.write("usage.hwb", &sent);
    bastion.write("beside.hwb", &beside);
    let server = Server::start(
        move |r: &Request| {
            if r.body == sent { saying(&lie) } else { saying(&good(&unpack(&r.body))) }
        },
    );
    let told = bastion.json(&server, &["usage.hwb", "beside.hwb", "-o", "back.hwb", "--delete"], 65);
    let (file, other) = (&told["files"][0], &told["files"][1]);
    assert_eq!((&file["state"], &file["accepted"]), (&"left".into(), &0.into()), "{what}: {told}");
    assert!(why(file).contains("central answered for another file"), "{what}: {told}");
    assert!(why(file).contains("keep old answers?"), "{what}: {told}");
    assert_eq!((&file["deleted"], &other["deleted"]), (&false.into(), &true.into()), "{what}: {told}");
    assert!(bastion.at("usage.hwb").exists() && !bastion.at("beside.hwb").exists(), "{what}");
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    let back = unpack(&std::fs::read(bastion.at("back.hwb")).unwrap());
    assert_eq!(back, unpack(&good(&usage(OTHER, 77, &["beside"]))), "{what}");
    assert_eq!(server.requests.lock().unwrap().len(), 2, "{what}: it is not asked on and on");
}

#[test]
fn an_answer_to_another_file_leaves_the_file_and_is_not_carried_back() {
    let now = || usage(ONE, 2, &["monday", "tuesday"]);
    is_left("older", now(), good(&usage(ONE, 1, &["sunday", "monday"])));
    is_left("another instance's", now(), good(&usage(OTHER, 2, &["monday", "tuesday"])));
    is_left("other reports", now(), good(&usage(ONE, 2, &["sunday", "saturday"])));
    is_left("one report too many", now(), good(&usage(ONE, 2, &["monday", "tuesday", "sunday"])));
    let mut dressed_up = answered(&usage(ONE, 1, &["monday", "tuesday"]), receipted);
    dressed_up[0] = answered(&now(), receipted).swap_remove(0);
    is_left("an older answer behind a new reply", now(), pack(dressed_up));
    let others = |_: &str, payload: &[u8]| receipted(OTHER, payload);
    is_left("receipts of another instance's", now(), pack(answered(&now(), others)));
    let twice = [answered(&now(), receipted), answered(&now(), receipted)].concat();
    is_left("more replies than exports", now(), pack(twice));
}

#[test]
fn a_grant_is_held_to_its_request() {
    let now = || request(ONE, 5, 9);
    is_left("an older request's", now(), good(&request(ONE, 4, 9)));
    is_left("another key's", now(), good(&request(ONE, 5, 8)));
    is_left("another instance's", now(), good(&request(OTHER, 5, 9)));
    is_left("a reply to another export", now(), good(&usage(ONE, 5, &[])));
    let bastion = Bastion::new();
    bastion.write("join.hwb", &pack(now()));
    let server = Server::start(|r| saying(&good(&unpack(&r.body))));
    let told = bastion.json(&server, &["join.hwb", "-o", "back.hwb", "--delete"], 0);
    assert_eq!(
        (&told["files"][0]["state"], bastion.at("join.hwb").exists()),
        (&"taken".into(), false),
        "{told}"
    );
}

#[test]
fn what_central_says_of_itself_counts_for_nothing_without_receipts() {
    let bastion = Bastion::new();
    bastion.write("usage.hwb", &pack(usage(ONE, 1, &["monday", "tuesday"])));
    let server = Server::start(|r| {
        let mut back = answered(&unpack(&r.body), receipted);
        back.truncate(1);
        saying(&pack(back))
    });
    let told = bastion.json(&server, &["usage.hwb", "-o", "back.hwb", "--delete"], 65);
    let file = &told["files"][0];
    assert_eq!((&file["state"], &file["accepted"]), (&"refused".into(), &0.into()), "{told}");
    assert!(why(file).contains("2 of 2 reports"), "{told}");
    assert!(bastion.at("usage.hwb").exists());
}

#[test]
fn why_reports_were_refused_is_told_with_how_many() {
    let bastion = Bastion::new();
    bastion.write("usage.hwb", &pack(usage(ONE, 1, &["monday", "tuesday"])));
    bastion.write("half.hwb", &pack(usage(OTHER, 2, &["monday", "tuesday", "wednesday"])));
    let server = Server::start(|r| {
        let revoked = |instance: &str, payload: &[u8]| match payload {
            b"monday" if instance == OTHER => receipted(instance, payload),
            _ => refused(payload, "the contract\u{1b}[2J is revoked"),
        };
        saying(&pack(answered(&unpack(&r.body), revoked)))
    });
    let told = bastion.json(&server, &["usage.hwb", "half.hwb", "-o", "back.hwb", "--delete"], 65);
    let (none, half) = (&told["files"][0], &told["files"][1]);
    assert_eq!((&none["state"], &half["state"]), (&"refused".into(), &"partly".into()), "{told}");
    assert!(why(none).starts_with("2 of 2 reports"), "{told}");
    assert!(why(none).ends_with("the first because: the contract [2J is revoked"), "{told}");
    assert!(why(half).starts_with("2 of 3 reports"), "{told}");
    let instance = &half["instances"][0];
    assert_eq!((&instance["accepted"], &instance["refused"]), (&1.into(), &2.into()), "{told}");
    assert_eq!(instance["reason"], "the contract [2J is revoked");
    assert!(bastion.at("usage.hwb").exists() && bastion.at("half.hwb").exists());
}

#[test]
fn central_is_heard_first_and_of_many_reasons_five_are_told() {
    const EXPORTS: usize = 3000;
    let bastion = Bastion::new();
    let many = (0..EXPORTS).flat_map(|n| usage(ONE, u8::try_from(n % 250).unwrap(), &[]));
    bastion.write("many.hwb", &pack(many));
    let whole = pack(usage(OTHER, 1, &["monday", "tuesday"]));
    bastion.write("cut.hwb", &whole[..whole.len() - 9]);
    let server = Server::start(move |r| {
        let (mut reader, mut came) = (Reader::new(), Vec::new());
        let _ = reader.feed(&r.body, &mut came);
        let mut back = answered(&came, receipted);
        for (number, record) in back.iter_mut().enumerate() {
            if let Record::Reply(reply) = record {
                reply.cut = format!("central's word {number}: {}", "x".repeat(300));
            }
        }
        if came.len() > 100 {
            back.retain(|record| matches!(record, Record::Reply(_)));
        }
        saying(&pack(back))
    });
    let told = bastion.json(&server, &["many.hwb", "cut.hwb", "-o", "back.hwb"], 65);
    let (many, cut) = (&told["files"][0], &told["files"][1]);
    assert!(why(many).len() < 2000, "{} bytes", why(many).len());
    assert!(why(many).ends_with(&format!("and so {} more of its exports and activations", EXPORTS - 5)));
    assert_eq!(many["state"], "refused");
    assert!(why(cut).starts_with("central's word 0") && !why(cut).contains("are good"), "{}", why(cut));
    assert_eq!((&cut["state"], &cut["accepted"]), (&"partly".into(), &2.into()));
}

#[test]
fn a_central_that_wants_to_be_left_alone_for_long_is_left_alone() {
    let bastion = Bastion::new();
    bastion.write("usage.hwb", &pack(usage(ONE, 1, &["monday"])));
    let server = Server::start(|_| Act::Say(answer("503 Busy", "retry-after: 999999999\r\n", b"")));
    let output = bastion.carry(&server, &["usage.hwb", "-o", "back.hwb"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{told}");
    assert!(told.contains("it asks to be left alone for ") && !told.contains("agent"), "{told}");
    assert!(bastion.at("back.hwb.part").exists() && !bastion.at("back.hwb").exists());
    assert_eq!(server.requests.lock().unwrap().len(), 1);
}

#[test]
fn an_answer_that_is_no_bundle_is_no_centrals() {
    let inward = pack(usage(ONE, 1, &["monday"]));
    for body in [b"hello".to_vec(), b"PK\x03\x04 and so on".to_vec(), inward.clone()] {
        let bastion = Bastion::new();
        bastion.write("usage.hwb", &inward);
        let server = Server::start(move |_| saying(&body));
        let output = bastion.carry(&server, &["usage.hwb", "-o", "back.hwb"]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(69), "{told}");
        assert!(told.contains("what answered is no central") && told.contains("--central"), "{told}");
        assert!(!told.contains("agent") && !told.contains("is away"), "{told}");
        assert_eq!(server.requests.lock().unwrap().len(), 1);
        assert!(bastion.at("usage.hwb").exists() && !bastion.at("back.hwb").exists());
    }
}

#[test]
fn the_answer_goes_neither_onto_what_is_carried_nor_onto_a_device() {
    let bastion = Bastion::new();
    let sent = pack(usage(ONE, 1, &["monday"]));
    bastion.write("usage.hwb", &sent);
    let server = Server::start(|r| saying(&good(&unpack(&r.body))));
    std::os::unix::fs::symlink("/dev/null", bastion.at("link.hwb")).unwrap();
    for back in ["usage.hwb", "./usage.hwb", "link.hwb", "/dev/null"] {
        let output = bastion.carry(&server, &["usage.hwb", "-o", back, "--force"]);
        assert_eq!(output.status.code(), Some(64), "{back}: {output:?}");
    }
    assert_eq!(server.requests.lock().unwrap().len(), 0);
    assert!(bastion.at("usage.hwb").metadata().unwrap().len() == sent.len() as u64);
    assert!(!std::path::Path::new("/dev/null").metadata().unwrap().is_file());
}

#[test]
fn a_copy_is_told_as_one_and_a_file_that_is_named_twice_is_one() {
    let bastion = Bastion::new();
    let sent = pack(usage(ONE, 1, &["monday"]));
    std::fs::create_dir(bastion.at("dir")).unwrap();
    bastion.write("dir/a.hwb", &sent);
    bastion.write("copy.hwb", &sent);
    let server = Server::start(|r| saying(&good(&unpack(&r.body))));
    let output = bastion.carry(&server, &["dir/a.hwb", "dir", "copy.hwb", "-o", "back.hwb", "--delete"]);
    let (lines, told) = (text(&output.stderr), text(&output.stdout));
    assert_eq!(output.status.code(), Some(0), "{lines}");
    let expect = "dir/a.hwb: taken, 1 of 1 report receipted\ncopy.hwb: taken, same as dir/a.hwb\n";
    assert_eq!(lines, expect);
    assert!(
        told.starts_with("2 files: 2 taken, 0 partly, 0 refused, 0 left; 1 report receipted\n"),
        "{told}"
    );
    assert!(told.contains("2 files were removed\n"), "{told}");
}

#[test]
fn what_an_earlier_round_kept_is_held_to_the_file_again() {
    let bastion = Bastion::new();
    bastion.write("usage.hwb", &pack(usage(ONE, 1, &["monday"])));
    let server = Server::start(|_| Act::Say(answer("503 Busy", "", b"")));
    let args = ["usage.hwb", "-o", "back.hwb", "--tries", "1"];
    assert_eq!(bastion.carry(&server, &args).status.code(), Some(69));
    // As if a careless courier had kept an answer to something else.
    let part = bastion.at("back.hwb.part");
    #[expect(clippy::disallowed_methods, reason = "a test's own files")]
    let (mut kept, sent) = (std::fs::read(&part).unwrap(), std::fs::read(bastion.at("usage.hwb")).unwrap());
    let lie = good(&usage(OTHER, 1, &["monday"]));
    let length = u32::try_from(lie.len()).unwrap().to_be_bytes();
    let entry = [&sha256(&sent).0[..], b"a", &length, &lie].concat();
    kept.extend_from_slice(&entry);
    kept.extend_from_slice(&sha256(&entry).0);
    std::fs::write(&part, &kept).unwrap();
    let told = bastion.json(&server, &args, 69);
    assert_eq!(told["files"][0]["state"], "left", "{told}");
    assert_eq!(server.requests.lock().unwrap().len(), 2, "it is asked again");
}

#[test]
fn a_licence_is_fetched_into_a_bare_name_and_onto_no_device() {
    let bastion = Bastion::new();
    let token = super::licences::token_of(ONE);
    let given = token.clone();
    let server = Server::start(move |_| {
        Act::Say(answer("200 OK", "content-type: application/jwt\r\n", given.as_bytes()))
    });
    std::fs::write(bastion.at("secret"), "hws_secret").unwrap();
    let fetch = |more: &[&str]| {
        let fixed = ["license", "fetch", "--instance", ONE, "--service-token-file", "secret"];
        bastion.run(&server, &fixed, more)
    };
    let output = fetch(&["-o", "licence.jwt"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(highwater::files::read_bounded(&bastion.at("licence.jwt"), 9999).unwrap().trim(), token);
    for name in ["/dev/null", "/dev/full", "."] {
        let output = fetch(&["-o", name]);
        assert_eq!(output.status.code(), Some(64), "{name}: {output:?}");
    }
    assert!(!std::path::Path::new("/dev/null").metadata().unwrap().is_file());
}

#[test]
fn who_fetches_a_licence_is_told_of_flags_and_of_no_configuration() {
    let bastion = Bastion::new();
    std::fs::write(bastion.at("secret"), "hws_secret").unwrap();
    let fetch = |url: &str| {
        let mut highwater = Command::new(env!("CARGO_BIN_EXE_highwater"));
        highwater.env_clear().current_dir(bastion.0.path()).args(["license", "fetch", "--instance", ONE]);
        let output = highwater.args(["--service-token-file", "secret", "--central", url]).output().unwrap();
        assert!(!output.status.success());
        text(&output.stderr)
    };
    let server = Server::start(|_| Act::Say(answer("404 Not Found", "", b"")));
    for (url, flag) in [
        ("https://127.0.0.1:9".to_owned(), "--proxy"),
        (server.url(), "--ca-file"),
        ("http://c".to_owned(), "--central"),
    ] {
        let told = fetch(&url);
        assert!(told.contains(flag) && !told.contains("uplink."), "{told}");
        assert!(!told.contains("a report is a bill") && !told.contains("agent"), "{told}");
    }
}
