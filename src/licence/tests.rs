use super::*;
use highwater_rules::licence::{LicenceError, Limits, Mode, Status, Subject, TOKEN_MAX_BYTES, sign};
use highwater_rules::sign::Identity;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const INSTANCE: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
const NOW: i64 = 1_795_000_000;

fn key(n: u8) -> Identity {
    Identity::from_seed(&[n; 32])
}

fn claims(issued_at: i64) -> Claims {
    Claims {
        id: format!("l-{issued_at}"),
        issued_at,
        not_before: issued_at,
        expires_at: issued_at + 864_000,
        subject: Subject::Instance(INSTANCE.to_owned()),
        identity: INSTANCE.to_owned(),
        contract: "c-1".to_owned(),
        product: "Balancer".to_owned(),
        customer: "Example".to_owned(),
        email: None,
        mode: Mode::Online,
        status: Status::Active,
        features: vec![],
        limits: Limits::default(),
        grace_s: 7_776_000,
        slot_s: None,
        contract_end: None,
    }
}

fn revoked(at: i64) -> Claims {
    Claims { not_before: at, expires_at: at, status: Status::Revoked, ..claims(at) }
}

fn holder() -> Holder<'static> {
    Holder { instance: INSTANCE, identity: Some(INSTANCE), cluster: None }
}

/// A state directory, and an operator's own file beside it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        fs::create_dir(place.state_dir()).unwrap();
        place
    }

    fn state_dir(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn own(&self) -> PathBuf {
        self.0.path().join("own.jwt")
    }

    fn install(&self, claims: &Claims, revoked_at: Option<i64>) -> Installed {
        let token = sign(claims, &key(1));
        install(&self.state_dir(), &token, &[&key(1).public()], &holder(), revoked_at).unwrap()
    }

    fn refused(&self, token: &str) -> InstallError {
        install(&self.state_dir(), token, &[&key(1).public()], &holder(), None).unwrap_err()
    }

    fn load(&self) -> Loaded {
        load(&self.state_dir(), Some(&self.own()), &[&key(1).public()], &holder())
    }

    /// The one that counts, and whose file it is from.
    fn counts(&self) -> Option<(i64, Origin)> {
        self.load().licence.map(|(claims, origin, _)| (claims.issued_at, origin))
    }
}

#[test]
fn a_licence_is_installed_once_and_gives_way_to_newer_ones_only() {
    let place = Place::new();
    assert_eq!(place.install(&claims(NOW), None), Installed::Newer(claims(NOW)));
    assert_eq!(place.install(&claims(NOW), None), Installed::Same(claims(NOW)));
    assert_eq!(place.install(&claims(NOW - 1), None), Installed::Older(claims(NOW - 1)));
    assert_eq!(place.counts(), Some((NOW, Origin::Agent)));
    assert_eq!(place.install(&claims(NOW + 1), None), Installed::Newer(claims(NOW + 1)));
    assert_eq!(place.counts(), Some((NOW + 1, Origin::Agent)));
    let file = place.state_dir().join(FILE_NAME).metadata().unwrap();
    assert_eq!(file.permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read_dir(place.state_dir()).unwrap().count(), 1, "nothing stays beside it");
}

#[test]
fn what_was_issued_before_a_revocation_stays_out_also_where_its_file_was_removed() {
    let place = Place::new();
    assert_eq!(place.install(&revoked(NOW), None), Installed::Newer(revoked(NOW)));
    fs::remove_file(place.state_dir().join(FILE_NAME)).unwrap();
    assert_eq!(place.install(&claims(NOW), Some(NOW)), Installed::Older(claims(NOW)));
    assert_eq!(place.install(&revoked(NOW), Some(NOW)), Installed::Newer(revoked(NOW)));
    assert_eq!(place.install(&claims(NOW + 1), Some(NOW)), Installed::Newer(claims(NOW + 1)));
}

#[test]
fn a_strangers_anothers_or_altered_licence_is_refused_and_changes_nothing() {
    let place = Place::new();
    place.install(&claims(NOW), None);
    let other = "1f8fad5b-d9cb-469f-a165-70867728950e";
    let foreign = Claims { subject: Subject::Instance(other.to_owned()), ..claims(NOW + 1) };
    let error = place.refused(&sign(&foreign, &key(1)));
    assert!(matches!(&error, InstallError::Licence(LicenceError::Foreign { .. })), "{error:?}");
    assert!(error.to_string().contains(other), "{error}");
    assert!(matches!(
        place.refused(&sign(&claims(NOW + 1), &key(2))),
        InstallError::Licence(LicenceError::Key { .. })
    ));
    let mut altered = sign(&claims(NOW + 1), &key(1));
    let last = if altered.pop() == Some('A') { 'Q' } else { 'A' };
    altered.push(last);
    for token in [altered.as_str(), "", "a.b.c", &"x".repeat(TOKEN_MAX_BYTES + 1)] {
        assert!(matches!(place.refused(token), InstallError::Licence(_)), "{token}");
    }
    assert_eq!(place.counts(), Some((NOW, Origin::Agent)));
}

#[test]
fn of_the_agents_file_and_the_operators_the_newer_one_counts() {
    let place = Place::new();
    let operators = |issued_at| {
        fs::write(place.own(), format!("\n  {}\r\n", sign(&claims(issued_at), &key(1)))).unwrap();
    };
    operators(NOW);
    assert_eq!(place.counts(), Some((NOW, Origin::Operator)));
    place.install(&claims(NOW + 1), None);
    assert_eq!(place.counts(), Some((NOW + 1, Origin::Agent)));
    operators(NOW + 2);
    let before = place.own().metadata().unwrap();
    assert_eq!(place.counts(), Some((NOW + 2, Origin::Operator)));
    assert_eq!(place.install(&claims(NOW + 3), None), Installed::Newer(claims(NOW + 3)));
    let after = place.own().metadata().unwrap();
    let of = |meta: &fs::Metadata| (meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.ctime_nsec());
    assert_eq!(of(&before), of(&after), "the operator's file is never written");
}

#[test]
fn a_file_that_does_not_count_is_told_with_its_name_and_hides_no_other() {
    let place = Place::new();
    place.install(&claims(NOW), None);
    let problem = || {
        let loaded = place.load();
        assert_eq!(loaded.claims(), Some(&claims(NOW)), "the agent's own counts all the same");
        let [problem] = &loaded.problems[..] else { panic!("{:?}", loaded.problems) };
        let text = problem.to_string();
        assert!(text.starts_with(place.own().to_str().unwrap()), "{text}");
        text
    };
    assert!(problem().contains("no such file"));
    fs::write(place.own(), sign(&claims(NOW + 1), &key(2))).unwrap();
    assert!(problem().contains(&key(2).public().id().hex()));
    fs::write(place.own(), "x".repeat(100_000)).unwrap();
    assert!(problem().contains("longer than"));
    fs::write(place.own(), b"\xff").unwrap();
    assert!(problem().contains("UTF-8"));
    fs::remove_file(place.own()).unwrap();
    fs::create_dir(place.own()).unwrap();
    assert!(problem().contains("can't be read"));
}

#[test]
fn without_a_licence_there_is_no_problem_and_a_broken_one_is_replaced() {
    let place = Place::new();
    let load = || load(&place.state_dir(), None, &[&key(1).public()], &holder());
    assert!(load().licence.is_none() && load().problems.is_empty());
    fs::write(place.state_dir().join(FILE_NAME), "torn").unwrap();
    assert!(load().licence.is_none() && load().problems.len() == 1);
    assert_eq!(place.install(&claims(NOW), None), Installed::Newer(claims(NOW)));
    assert!(load().problems.is_empty());
}

#[test]
fn a_licence_signed_before_central_changed_its_key_counts_still() {
    let place = Place::new();
    let (old, new) = (key(1).public(), key(2).public());
    place.install(&claims(NOW), None);
    let loaded = load(&place.state_dir(), None, &[&new, &old], &holder());
    assert_eq!(loaded.claims(), Some(&claims(NOW)));
    assert!(load(&place.state_dir(), None, &[&new], &holder()).licence.is_none());
}

#[test]
fn a_change_of_either_file_is_seen_without_reading_it() {
    let place = Place::new();
    let look = || mark(&place.state_dir(), Some(&place.own()));
    let mut before = look();
    assert_eq!(look(), before);
    let mut changed = |what: &str| {
        let now = look();
        assert_ne!(now, before, "{what}");
        before = now;
    };
    place.install(&claims(NOW), None);
    changed("installed");
    place.install(&claims(NOW + 1), None);
    changed("replaced");
    fs::write(place.own(), "x").unwrap();
    changed("the operator's came");
    fs::remove_file(place.own()).unwrap();
    changed("and went");
}
