use super::*;
use crate::config::CentralUrl;
use crate::keeper::Trust;
use crate::ledger::Plan;
use crate::uplink::{Enrolment, Identity};
use highwater_proto::v1::{Grant, Kind, Terms};
use highwater_rules::day::Calendar;
use highwater_rules::receipt::Joined as Granted;
use highwater_rules::sign;
use highwater_rules::slot::SlotLength;
use prost::Message as _;

fn mark(boot_s: i64) -> Mark {
    let ms = boot_s * 1000;
    Mark { wall_ms: ms, mono_ms: ms, boot_ms: ms, boot_id: "boot".to_owned() }
}

/// A reporter of an instance that has joined a central that nobody listens at.
fn joined_reporter(state_dir: &Path, instance: &str) -> Reporter {
    let central = sign::Identity::from_seed(&[1; 32]);
    let grant = Grant {
        instance: instance.to_owned(),
        identity: instance.to_owned(),
        terms: Some(Terms::default()),
        ..Grant::default()
    };
    let envelope = central.seal(Kind::Grant, grant.encode_to_vec()).encode_to_vec();
    let granted = Granted { grant, envelope, key: central.public() };
    let url = CentralUrl::parse("https://127.0.0.1:1").unwrap();
    let enrolment = Enrolment::new(Some(url), None, &central.public(), &[], granted).unwrap();
    let identity = Arc::new(Identity::load_or_create(state_dir).unwrap());
    let mut reporter = Reporter::new(state_dir, instance, config::Uplink::default());
    reporter.joined = Some(Rc::new(Joined { identity, enrolment }));
    reporter
}

#[test]
fn a_ledger_that_fails_ends_the_run_with_its_reason_and_is_tried_again_soon() {
    let dir = tempfile::tempdir().unwrap();
    let length = SlotLength::new(300).unwrap();
    let plan =
        Plan { length, retention_s: 120 * 86_400, calendar: Calendar::utc(), hash_names: false, node: None };
    let mut ledger = Ledger::open(dir.path(), plan).unwrap().ledger;
    let mut reporter = joined_reporter(dir.path(), ledger.instance());
    let mut keeper = Keeper::load(&ledger, &Trust::default(), &mark(100)).unwrap();
    let meddler = rusqlite::Connection::open(dir.path().join(crate::ledger::FILE_NAME)).unwrap();
    meddler.execute_batch("ALTER TABLE outbox RENAME TO away").unwrap();

    let (reply, mut answer) = oneshot::channel();
    reporter.push_now(Some(reply), &mark(100));
    reporter.begin_if_due(&mut ledger, &mut keeper, &mark(100)).unwrap_err();
    let told = answer.try_recv().unwrap();
    assert!(told["error"]["error"].as_str().is_some_and(|e| e.contains("outbox")), "{told}");
    assert!(!reporter.runs());
    assert_eq!(reporter.wake_at(&mark(100)), Some(100 + retry::BACKOFF_FIRST_S));

    meddler.execute_batch("ALTER TABLE away RENAME TO outbox").unwrap();
    let (reply, mut answer) = oneshot::channel();
    reporter.replies.push(reply);
    reporter.begin_if_due(&mut ledger, &mut keeper, &mark(100 + retry::BACKOFF_FIRST_S)).unwrap();
    assert!(answer.try_recv().unwrap()["error"].is_null(), "nothing waited, and nothing failed");
    assert_eq!(reporter.wake_at(&mark(200)), None);
}
