//! The HAProxy source at peers that are none, or behave badly.

use crate::parsers::HAPROXY;
use crate::tree::{Tree, within};
use highwater::sources::SourceError;
use highwater::sources::ssl::haproxy::Haproxy;
use highwater_rules::figure::Figure;
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
