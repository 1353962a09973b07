use super::*;
use proptest::prelude::*;

const CLUSTER: &str = "7b0c6f4e-0000-4000-8000-00000000abcd";

fn member(identity: &str, name: &str, hardware: &str) -> Member {
    let (cluster, name) = (CLUSTER.to_owned(), name.to_owned());
    Member {
        identity: identity.to_owned(),
        node: NodeFacts { cluster, name, name_hashed: false, hardware: hardware.to_owned() },
        superseded_by: None,
        superseded_at: None,
        twice: false,
    }
}

/// One is told at a moment: it supersedes those whose place it takes.
fn tell(members: &mut [Member], who: usize, at: i64) {
    let new = members[who].clone();
    for other in members.iter_mut().filter(|other| new.supersedes(other)) {
        other.superseded_by = Some(new.identity.clone());
        other.superseded_at = Some(at);
    }
}

fn check(mut members: Vec<Member>, expect: &[&[&str]]) {
    for who in 0..members.len() {
        let (before, rest) = members.split_at_mut(who);
        let Some(new) = rest.first() else { continue };
        for other in before.iter_mut().filter(|other| new.supersedes(other)) {
            other.superseded_by = Some(new.identity.clone());
        }
    }
    let found: Vec<Vec<&str>> = nodes(&members)
        .iter()
        .map(|node| node.iter().map(|at| members[*at].identity.as_str()).collect())
        .collect();
    assert_eq!(found, expect);
}

#[test]
fn identities_of_one_name_or_one_hardware_are_one_node() {
    check(vec![member("1", "a", "x"), member("2", "b", "y")], &[&["1"], &["2"]]);
    check(vec![member("1", "a", "x"), member("2", "a", "x")], &[&["2", "1"]]);
    check(vec![member("1", "a", "x"), member("2", "a", "y")], &[&["2", "1"]]);
    check(vec![member("1", "a", "x"), member("2", "b", "x")], &[&["2", "1"]]);
    check(vec![member("1", "a", ""), member("2", "b", "")], &[&["1"], &["2"]]);
    check(vec![member("1", "a", "x"), member("2", "b", "x"), member("3", "b", "z")], &[&["3", "1", "2"]]);
    check(vec![member("1", "a", "x"), member("2", "b", "y"), member("3", "b", "x")], &[&["3", "1", "2"]]);
    let mut hashed = member("2", "a", "y");
    hashed.node.name_hashed = true;
    check(vec![member("1", "a", "x"), hashed], &[&["1"], &["2"]]);
    let mut elsewhere = member("2", "a", "x");
    elsewhere.node.cluster = "another".to_owned();
    check(vec![member("1", "a", "x"), elsewhere], &[&["1"], &["2"]]);
}

#[test]
fn hardware_that_two_machines_have_is_believed_of_neither() {
    let mut first = member("1", "a", "x");
    first.twice = true;
    check(vec![first.clone(), member("2", "b", "x")], &[&["1"], &["2"]]);
    check(vec![member("2", "b", "x"), first.clone()], &[&["2"], &["1"]]);
    check(vec![first, member("2", "a", "x")], &[&["2", "1"]]);
}

#[test]
fn only_a_day_that_began_since_shows_that_one_lives() {
    let mut one = member("1", "a", "x");
    assert!(!one.lives_on(i64::MAX), "nobody took its place");
    one.superseded_by = Some("2".to_owned());
    one.superseded_at = Some(1000);
    assert!(!one.lives_on(0) && !one.lives_on(1000) && one.lives_on(1001));
}

#[test]
fn a_circle_and_a_successor_that_is_not_there_break_nothing() {
    let mut members = vec![member("1", "a", "x"), member("2", "b", "y"), member("3", "c", "z")];
    members[0].superseded_by = Some("2".to_owned());
    members[1].superseded_by = Some("1".to_owned());
    members[2].superseded_by = Some("9".to_owned());
    let mut all: Vec<usize> = nodes(&members).concat();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2]);
}

/// What becomes of machines in a cluster where every machine has a hardware id and a name of its own.
#[derive(Debug, Clone)]
enum Event {
    /// A machine's disk is made anew: it joins with another identity.
    Anew(usize),
    /// A machine comes back under another name, that no other has had.
    Renamed(usize),
    /// Both at once.
    AnewAndRenamed(usize),
    /// It goes on reporting.
    Reports(usize),
}

fn event() -> impl Strategy<Value = Event> {
    (0..4usize, 0..5usize).prop_map(|(what, who)| match what {
        0 => Event::Anew(who),
        1 => Event::Renamed(who),
        2 => Event::AnewAndRenamed(who),
        _ => Event::Reports(who),
    })
}

proptest! {
    #[test]
    fn each_machine_is_one_node_whatever_becomes_of_it(events in proptest::collection::vec(event(), 0..60)) {
        let mut members: Vec<Member> = (0..5).map(|n| member(&n.to_string(), &format!("n{n}"), &format!("h{n}"))).collect();
        let mut current: Vec<usize> = (0..5).collect();
        for (at, event) in events.iter().enumerate() {
            let now = i64::try_from(at).unwrap() * 86_400;
            let (Event::Anew(who) | Event::Renamed(who) | Event::AnewAndRenamed(who) | Event::Reports(who)) = *event;
            let renamed = matches!(event, Event::Renamed(_) | Event::AnewAndRenamed(_));
            let name = if renamed { format!("r{at}") } else { members[current[who]].node.name.clone() };
            if matches!(event, Event::Anew(_) | Event::AnewAndRenamed(_)) {
                members.push(member(&format!("i{at}"), &name, &format!("h{who}")));
                current[who] = members.len() - 1;
            } else {
                prop_assert!(!members[current[who]].lives_on(now), "who reports was taken for gone");
                members[current[who]].node.name = name;
            }
            tell(&mut members, current[who], now);
        }
        let found = nodes(&members);
        prop_assert_eq!(found.len(), 5);
        for node in &found {
            let hardware: BTreeSet<&str> = node.iter().map(|at| members[*at].node.hardware.as_str()).collect();
            prop_assert_eq!(hardware.len(), 1, "machines of two hardware ids are one node");
            prop_assert!(current.contains(&node[0]), "the one that counts is the one that is there");
        }
    }

    #[test]
    fn whatever_is_told_every_identity_is_in_one_node_and_telling_it_again_changes_nothing(
        told in proptest::collection::vec((0..12usize, 0..4usize, 0..4usize), 1..60)
    ) {
        let mut members: Vec<Member> = (0..12).map(|n| member(&n.to_string(), &format!("own{n}"), "")).collect();
        for (at, (who, name, hardware)) in told.into_iter().enumerate() {
            members[who].node.name = format!("n{name}");
            members[who].node.hardware = if hardware == 0 { String::new() } else { format!("h{hardware}") };
            tell(&mut members, who, i64::try_from(at).unwrap());
            let once = members.clone();
            tell(&mut members, who, i64::MAX);
            prop_assert_eq!(&once, &members);
        }
        let mut all = nodes(&members).concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..12).collect::<Vec<_>>());
        for node in nodes(&members) {
            prop_assert!(members[node[0]].superseded_by.is_none(), "the one that counts was not superseded");
        }
    }
}

fn told(node: usize, day: &str, partial: bool, peaks: &[(i32, Option<f64>)]) -> ToldDay {
    ToldDay { node, day: day.to_owned(), time_zone: "UTC".to_owned(), partial, peaks: peaks.to_vec() }
}

fn stay(first: &str, last: Option<&str>) -> Stay {
    Stay { first: first.to_owned(), last: last.map(str::to_owned) }
}

#[test]
fn a_day_counts_each_node_once_with_its_highest_figure_and_tells_how_many_there_were() {
    let all = [
        told(0, "2026-11-20", false, &[(1, Some(4.0)), (2, Some(1.0))]),
        told(1, "2026-11-20", false, &[(1, Some(10.0)), (2, None)]),
        // The same node, whose disk was made anew on the day.
        told(1, "2026-11-20", true, &[(1, Some(12.0))]),
        told(2, "2026-11-21", true, &[(1, None)]),
    ];
    let stays = [
        stay("2026-11-01", None),
        stay("2026-11-20", None),
        stay("2026-11-21", None),
        stay("2026-11-01", Some("2026-11-19")),
        stay("2026-11-01", Some("2026-11-20")),
    ];
    let days = days(&all, &stays);
    assert_eq!(days.len(), 2);
    let first = &days[0];
    assert_eq!((first.nodes_known, first.nodes_reported, first.nodes_partial), (3, 2, 0));
    assert_eq!(first.meters[&1], ClusterMeter { value: 16.0, nodes: 2, unread: 0 });
    assert_eq!(first.meters[&2], ClusterMeter { value: 1.0, nodes: 1, unread: 1 });
    let second = &days[1];
    assert_eq!((second.nodes_known, second.nodes_reported, second.nodes_partial), (3, 1, 1));
    assert_eq!(second.meters[&1], ClusterMeter { value: 0.0, nodes: 0, unread: 1 }, "a gap is no zero");
}

#[test]
fn a_clusters_name_has_its_bounds() {
    assert_eq!(check_cluster_name("Frankfurt 2"), Ok(()));
    for wrong in ["", "  ", "a\u{1b}[2J", &"x".repeat(201)] {
        assert!(check_cluster_name(wrong).is_err(), "{wrong:?}");
    }
}
