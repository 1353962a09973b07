use super::central::{handover, key, receipts};
use super::server::{Act, Request, Server, answer, good};
use super::{block, settings};
use highwater::uplink::push::push;
use highwater::uplink::{Client, Identity, Outgoing, PushError, Pushed, UplinkError};
use highwater_proto::v1::{Kind, Report, ReportBatch};
use highwater_rules::receipt::{AnswerError, Fate};
use prost::Message as _;

const INSTANCE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

fn reports(count: u64) -> Vec<Outgoing> {
    let report = |sequence| {
        let report = Report { instance: INSTANCE.to_owned(), sequence, ..Report::default() };
        Outgoing { instance: INSTANCE.to_owned(), sequence, payload: report.encode_to_vec() }
    };
    (1..=count).map(report).collect()
}

/// What comes of pushing three reports to a central whose first key is pinned.
fn pushed(act: impl Fn(&Request) -> Act + Send + Sync + 'static) -> (Result<Pushed, PushError>, Server) {
    let server = Server::start(act);
    let identity = Identity::from_seed(&[9; 32]);
    let outcome = block(async {
        let client = Client::new(&settings(&server.url(), &server.ca_pem)).unwrap();
        push(&client, &identity, &key(1).public(), &reports(3)).await
    });
    (outcome, server)
}

#[test]
fn reports_go_signed_and_in_order_and_come_back_receipted() {
    let (outcome, server) = pushed(|r| Act::Say(good(&receipts(&r.body, 1, vec![], |_| {}))));
    let pushed = outcome.unwrap();
    assert_eq!(pushed.believed.key, key(1).public());
    let sequences: Vec<u64> = pushed
        .believed
        .fates
        .iter()
        .map(|fate| match fate {
            Fate::Receipted { receipt, .. } => receipt.sequence,
            Fate::Refused { .. } => panic!("{fate:?}"),
        })
        .collect();
    assert_eq!(sequences, [1, 2, 3]);
    let requests = server.requests.lock().unwrap();
    let batch = ReportBatch::decode(&requests[0].body[..]).unwrap();
    assert_eq!((batch.nonce.len(), &batch.pinned_key[..]), (16, &key(1).id().0[..]));
    let own = Identity::from_seed(&[9; 32]).public();
    for (sealed, report) in batch.reports.iter().zip(reports(3)) {
        assert_eq!(own.open(sealed, Kind::Report), Ok(&report.payload[..]));
    }
}

#[test]
fn a_new_key_comes_with_what_proves_it() {
    let (outcome, _) =
        pushed(|r| Act::Say(good(&receipts(&r.body, 3, vec![handover(1, 2), handover(2, 3)], |_| {}))));
    let pushed = outcome.unwrap();
    assert_eq!((pushed.believed.key, pushed.successions.len()), (key(3).public(), 2));
}

#[test]
fn an_answer_that_is_not_believed_is_told_and_tried_again() {
    type Spoilt = fn(&Request) -> Vec<u8>;
    type Expected = fn(&AnswerError) -> bool;
    let answers: [(Spoilt, Expected); 5] = [
        (|r| receipts(&r.body, 2, vec![], |_| {}), |e| matches!(e, AnswerError::Signature(_))),
        (|r| receipts(&r.body, 1, vec![], |a| a.nonce[0] ^= 1), |e| matches!(e, AnswerError::Nonce)),
        (
            |r| receipts(&r.body, 1, vec![], |a| drop(a.outcomes.pop())),
            |e| matches!(e, AnswerError::Outcomes),
        ),
        (|r| receipts(&r.body, 1, vec![], |a| a.outcomes.reverse()), |e| matches!(e, AnswerError::Outcomes)),
        (|_| b"nonsense".to_vec(), |e| matches!(e, AnswerError::Malformed(_))),
    ];
    for (spoilt, expect) in answers {
        let (outcome, _) = pushed(move |r| Act::Say(good(&spoilt(r))));
        let error = outcome.unwrap_err();
        assert!(matches!(&error, PushError::Answer(answer) if expect(answer)), "{error:?}");
        assert!(error.is_transient() && !error.mend().is_empty());
        assert!(error.to_string().starts_with("the answer is not believed: "), "{error}");
    }
}

#[test]
fn a_busy_central_says_when_to_come_again() {
    let (outcome, _) = pushed(|_| Act::Say(answer("429 Too Many Requests", "retry-after: 77\r\n", b"")));
    let error = outcome.unwrap_err();
    assert!(matches!(error, PushError::Uplink(UplinkError::Status { status: 429, .. })));
    assert_eq!((error.is_transient(), error.retry_after_s()), (true, Some(77)));
}
