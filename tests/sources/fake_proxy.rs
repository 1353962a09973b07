//! The HAProxy source at peers that are none, or behave badly.

use crate::parsers::HAPROXY;
use crate::tree::{Tree, within};
use highwater::sources::ssl::haproxy::Haproxy;
use highwater::sources::{Readout, SourceError};
use highwater_rules::figure::Figure;
use highwater_rules::record::Counters;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

/// What the source says of a peer that does `behave` with the one connection that it takes.
fn told(behave: impl FnOnce(UnixStream) + Send + 'static) -> Result<u64, SourceError> {
    let tree = Tree::new(&[]);
    let listener = UnixListener::bind(tree.at("s.sock")).unwrap();
    let peer = thread::spawn(move || behave(listener.accept().unwrap().0));
    let mut source = Haproxy::new(&tree.root(), "test", Path::new("/s.sock"));
    let readout = within(20, move || source.read());
    peer.join().unwrap();
    let observations = readout?.observations;
    assert_eq!((observations.len(), observations[0].series.to_string().as_str()), (1, "ssl_tps/test"));
    let Figure::Count(counters) = observations[0].figure else { panic!("sessions are counted") };
    Ok(counters.first)
}

fn question(stream: &mut UnixStream) {
    let mut asked = Vec::new();
    let mut byte = [0];
    while !asked.ends_with(b"\n") && stream.read(&mut byte).unwrap() == 1 {
        asked.push(byte[0]);
    }
    assert_eq!(asked, b"show info;show stat -1 1 -1\n");
}

#[test]
fn a_whole_answer_in_pieces_is_understood() {
    let sum = told(|mut stream| {
        question(&mut stream);
        for piece in HAPROXY.as_bytes().chunks(40) {
            stream.write_all(piece).unwrap();
        }
    });
    assert_eq!(sum.unwrap(), 23);
}

#[test]
fn a_peer_that_never_answers_is_left_in_time() {
    let error = told(|mut stream| {
        question(&mut stream);
        // Until the source hangs up.
        let _ = stream.read(&mut [0]);
    });
    assert!(matches!(error, Err(SourceError::TooSlow { .. })), "{error:?}");
}

#[test]
fn a_peer_that_trickles_is_left_in_time() {
    let error = told(|mut stream| {
        question(&mut stream);
        while stream.write_all(b"x").is_ok() {
            nix::poll::poll(&mut [], 30u8).unwrap();
        }
    });
    assert!(matches!(error, Err(SourceError::TooSlow { .. })), "{error:?}");
}

#[test]
fn an_answer_without_end_is_cut() {
    let error = told(|mut stream| {
        question(&mut stream);
        let block = [b'x'; 65536];
        for _ in 0..160 {
            if stream.write_all(&block).is_err() {
                return;
            }
        }
        panic!("10 MB were taken");
    });
    assert!(matches!(error, Err(SourceError::TooLong { .. })), "{error:?}");
}

#[test]
fn garbage_or_nothing_is_no_answer() {
    for answer in ["", "hello\n", "\n\n", "Unknown command\n\n", "HTTP/1.1 400 Bad request\r\n\r\n"] {
        let error = told(move |mut stream| {
            question(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        assert!(matches!(error, Err(SourceError::Garbled { .. })), "{answer}: {error:?}");
    }
    let error = told(drop);
    assert!(matches!(error, Err(SourceError::Garbled { .. } | SourceError::Unreadable { .. })), "{error:?}");
    let error = told(|mut stream| {
        question(&mut stream);
        stream.write_all(b"Permission denied\n\n").unwrap();
    });
    assert!(error.unwrap_err().to_string().contains("level user"));
}

/// What one source says of a HAProxy that gives these answers, each in a connection of its own.
fn told_of(answers: Vec<String>) -> Vec<Result<[Counters; 2], SourceError>> {
    let tree = Tree::new(&[]);
    let listener = UnixListener::bind(tree.at("s.sock")).unwrap();
    let count = answers.len();
    let peer = thread::spawn(move || {
        for answer in answers {
            let mut stream = listener.accept().unwrap().0;
            question(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let mut source = Haproxy::new(&tree.root(), "test", Path::new("/s.sock")).with_services(9);
    let told = within(20, move || (0..count).map(|_| source.read()).collect::<Vec<_>>());
    peer.join().unwrap();
    let both = |readout: Readout| match [readout.observations[0].figure, readout.observations[1].figure] {
        [Figure::Count(sessions), Figure::Amount(bytes)] => [sessions, bytes],
        other => panic!("{other:?}"),
    };
    told.into_iter().map(|readout| readout.map(both)).collect()
}

/// An answer of a process that had `all` connections and handshakes, and of its frontends, with sessions and connections each.
fn answer(all: u64, frontends: &[(&str, u64, u64)]) -> String {
    let mut text = format!(
        "Name: HAProxy\nPid: 7\nStart_time_sec: 1700000000\nCumConns: {all}\nCumSslConns: {all}\n\n\
         # pxname,svname,bin,bout,type,conn_tot,ssl_sess,ssl_reused_sess,\n"
    );
    for (name, sessions, connections) in frontends {
        text.push_str(&format!("{name},FRONTEND,{},0,0,{connections},{sessions},0,\n", connections * 100));
    }
    text + "b,BACKEND,1,1,1,9,9,9,\n\n"
}

/// What each answer counts more than the one before, sessions and bytes of the first frontend; `None` for a gap.
fn steps(answers: Vec<String>) -> Vec<[Option<u64>; 2]> {
    let told: Vec<[Counters; 2]> = told_of(answers).into_iter().map(Result::unwrap).collect();
    let more = |before: Counters, now: Counters| {
        now.first.checked_sub(before.first).filter(|_| before.incarnation == now.incarnation)
    };
    told.windows(2).map(|two| [0, 1].map(|at| more(two[0][at], two[1][at]))).collect()
}

#[test]
fn an_answer_without_a_frontend_is_a_failure_and_no_spike_follows() {
    let told = told_of(vec![
        answer(40_000, &[("a", 38_500, 38_500)]),
        answer(40_001, &[]),
        answer(40_032, &[("a", 38_530, 38_530)]),
    ]);
    assert!(told[1].as_ref().unwrap_err().to_string().contains("no frontend"), "{:?}", told[1]);
    let [before, after] = [told[0].as_ref().unwrap()[0], told[2].as_ref().unwrap()[0]];
    assert_eq!((after.incarnation, after.first - before.first), (before.incarnation, 30));
}

#[test]
fn a_frontend_that_goes_comes_or_runs_backwards_is_a_gap() {
    let answers = vec![
        answer(1001, &[("a", 10, 10), ("b", 900, 900)]),
        answer(1002, &[("a", 11, 11), ("b", 900, 900)]),
        answer(1003, &[("a", 12, 12)]),
        answer(1004, &[("a", 13, 13)]),
        answer(1005, &[("a", 14, 14), ("b", 905, 905)]),
        answer(1006, &[("a", 15, 15), ("b", 905, 905)]),
        answer(2006, &[("a", 915, 915), ("b", 100, 100)]),
        answer(2007, &[("a", 916, 916), ("b", 100, 100)]),
    ];
    let sessions: Vec<Option<u64>> = steps(answers).into_iter().map(|[sessions, _]| sessions).collect();
    assert_eq!(sessions, [Some(1), None, Some(1), None, Some(1), None, Some(1)]);
}

#[test]
fn counters_that_were_cleared_and_outgrew_what_they_had_are_a_gap() {
    // 100 sessions, then 50 more, cleared, and 120 more: 20 in place of 170.
    let told = steps(vec![
        answer(101, &[("a", 100, 100)]),
        answer(272, &[("a", 120, 120)]),
        answer(283, &[("a", 130, 130)]),
    ]);
    assert_eq!(told, [[None, None], [Some(10), Some(1000)]]);
    // Without `all`: connections and bytes go on.
    let told = steps(vec![
        answer(101, &[("a", 100, 100)]),
        answer(272, &[("a", 120, 270)]),
        answer(283, &[("a", 130, 280)]),
    ]);
    assert_eq!(told, [[None, Some(17_000)], [Some(10), Some(1000)]]);
}

#[test]
fn where_nothing_listens_the_error_says_what_to_do() {
    let tree = Tree::new(&[("file.sock", "")]);
    drop(UnixListener::bind(tree.at("dead.sock")).unwrap());
    for path in ["none.sock", "dead.sock", "file.sock"] {
        let error = Haproxy::new(&tree.root(), "test", Path::new(path)).read().unwrap_err();
        assert!(matches!(error, SourceError::NotListening { .. }), "{error:?}");
        assert!(error.to_string().contains("stats socket"), "{error}");
    }
}
