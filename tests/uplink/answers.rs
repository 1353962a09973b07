use super::server::{Act, Server, answer, good, until};
use super::{block, post, settings};
use highwater::uplink::settings::Roots;
use highwater::uplink::{Client, Limits, Phase, UplinkError};
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What comes of one answer.
fn check(act: impl Fn() -> Act + Send + Sync + 'static) -> Result<Vec<u8>, UplinkError> {
    let server = Server::start(move |_| act());
    post(&settings(&server.url(), &server.ca_pem))
}

fn said(bytes: Vec<u8>) -> Result<Vec<u8>, UplinkError> {
    check(move || Act::Say(bytes.clone()))
}

#[test]
fn a_good_answer_is_given_and_the_question_comes_as_it_was_sent() {
    let server = Server::start(|_| Act::Say(good(b"answer")));
    let url = format!("{}/hub/", server.url());
    assert_eq!(post(&settings(&url, &server.ca_pem)), Ok(b"answer".to_vec()));
    let requests = server.requests.lock().unwrap();
    let [request] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(request.body, b"question");
    assert!(request.head.starts_with("post /hub/v1/reports http/1.1\r\n"), "{}", request.head);
    for line in
        [concat!("user-agent: highwater/", env!("CARGO_PKG_VERSION")), "content-type: application/x-protobuf"]
    {
        assert!(request.head.lines().any(|found| found == line), "{}", request.head);
    }
}

#[test]
fn one_connection_serves_many_requests_and_closes_with_the_client() {
    let server = Server::start(|_| Act::Say(good(b"answer")));
    block(async {
        let client = Client::new(&settings(&server.url(), &server.ca_pem)).unwrap();
        for _ in 0..3 {
            client.post("/v1/reports", Vec::new()).await.unwrap();
        }
        assert_eq!(server.open.load(Ordering::SeqCst), 1);
        drop(client);
        // What is left of the connection is a task of the runtime's: it ends when it is next asked.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        until("the connection is closed", || server.open.load(Ordering::SeqCst) == 0);
    });
    assert_eq!(server.requests.lock().unwrap().len(), 3);
}

#[test]
fn what_central_says_of_a_refusal_is_told_with_its_mend() {
    let problem = br#"{"error":"the token is used up","mend":"make another"}"#;
    let error = said(answer("403 Forbidden", "content-type: application/json\r\n", problem)).unwrap_err();
    assert_eq!(error.to_string(), "central answered 403: the token is used up");
    assert_eq!(error.mend(), "make another");
    assert!(!error.is_transient());
    let error = said(answer("404 Not Found", "", b"<html>")).unwrap_err();
    assert_eq!(error.to_string(), "central answered 404");
    assert!(error.mend().contains("uplink.url"));
}

#[test]
fn a_central_that_fails_or_is_busy_is_asked_again_when_it_says() {
    for (status, header, asked) in [
        ("500 Internal Server Error", "", None),
        ("503 Service Unavailable", "retry-after: 30\r\n", Some(30..=30)),
        ("429 Too Many Requests", "retry-after: 120\r\n", Some(120..=120)),
        ("429 Too Many Requests", "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n", Some(0..=0)),
        // Nobody waits till then; how long it is bounded to is the rules' part.
        (
            "429 Too Many Requests",
            "retry-after: Fri, 31 Dec 2399 23:59:59 GMT\r\n",
            Some(1_000_000..=i64::MAX),
        ),
        ("429 Too Many Requests", "retry-after: soon\r\n", None),
    ] {
        let error = said(answer(status, header, b"")).unwrap_err();
        assert!(error.is_transient(), "{error}");
        match (error.retry_after_s(), asked) {
            (Some(found), Some(asked)) => assert!(asked.contains(&found), "{header}: {found}"),
            (found, asked) => assert_eq!((found, asked), (None, None), "{header}"),
        }
    }
}

#[test]
fn redirections_are_told_and_not_followed() {
    let server = Server::start(|_| {
        Act::Say(answer("308 Permanent Redirect", "location: https://else.test/\r\n", b""))
    });
    let error = post(&settings(&server.url(), &server.ca_pem)).unwrap_err();
    assert_eq!(error, UplinkError::Redirect { status: 308, to: "https://else.test/".to_owned() });
    assert!(error.mend().contains("uplink.url"));
    assert_eq!(server.requests.lock().unwrap().len(), 1);
}

#[test]
fn a_page_of_a_portal_is_no_answer() {
    let error = said(answer("200 OK", "content-type: text/html; charset=utf-8\r\n", b"<html>")).unwrap_err();
    assert_eq!(error, UplinkError::Foreign { content_type: "text/html; charset=utf-8".to_owned() });
}

#[test]
fn garbage_and_half_answers_are_told_as_such() {
    for act in [
        (|| Act::Break(b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec())) as fn() -> Act,
        || Act::Break(Vec::new()),
        || Act::Break(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
        || Act::Break(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec()),
        || Act::Break(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhalf".to_vec()),
    ] {
        let error = check(act).unwrap_err();
        assert!(matches!(error, UplinkError::Broken { .. }), "{error:?}");
        assert!(error.is_transient() && !error.to_string().ends_with(": "), "{error}");
    }
}

#[test]
fn an_endless_answer_is_cut_at_its_bound() {
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"] {
        let error = check(move || Act::Forever(head.as_bytes().to_vec(), true)).unwrap_err();
        assert_eq!(error, UplinkError::TooLarge { max: 4 << 20 });
    }
    // Of what goes with a refusal no more than its beginning is read.
    let error = check(|| Act::Forever(b"HTTP/1.1 500 Oh\r\n\r\n".to_vec(), true)).unwrap_err();
    assert!(matches!(error, UplinkError::Status { status: 500, .. }));
    let error = check(|| Act::Forever(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), true)).unwrap_err();
    assert!(matches!(error, UplinkError::Broken { .. }), "{error:?}");
}

#[test]
fn each_phase_that_takes_too_long_is_named() {
    let short = Duration::from_millis(300);
    let long = Duration::from_secs(20);
    let patient = Limits { connect: long, head: long, body: long, whole: long, ..Limits::default() };
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n".to_vec();
    let (stalled, dripped) = (head.clone(), head);
    let silent = || Act::Stall(Vec::new());
    let stall = move || Act::Stall(stalled.clone());
    let drip = move || Act::Forever(dripped.clone(), false);
    let timed = |act: Box<dyn Fn() -> Act + Send + Sync>, limits| {
        let server = Server::start(move |_| act());
        post(&highwater::uplink::Settings { limits, ..settings(&server.url(), &server.ca_pem) }).unwrap_err()
    };
    let quick_head = Limits { connect: short, head: Duration::ZERO, ..patient };
    let quick_body = Limits { body: short, ..patient };
    let phase = |error| match error {
        UplinkError::Timeout { phase, limit } => (phase, limit),
        error => panic!("{error:?}"),
    };
    assert_eq!(phase(timed(Box::new(silent), quick_head)), (Phase::Head, short));
    assert_eq!(phase(timed(Box::new(stall), quick_body)), (Phase::Body, short));
    assert_eq!(phase(timed(Box::new(drip), quick_body)), (Phase::Body, short));
    let quick_whole = Limits { whole: short, ..patient };
    let error = timed(Box::new(silent), quick_whole);
    assert_eq!(error.to_string(), "the request was not done within 0.3 s");
    assert_eq!(phase(error), (Phase::Whole, short));
}

#[test]
fn what_listens_but_never_greets_is_a_connection_that_did_not_come_about() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let mut settings = settings(&url, "");
    settings.roots = Roots::Host;
    settings.limits.connect = Duration::from_millis(300);
    let kept = pem_of_a_stranger();
    settings.environment.cert_file = Some(kept.path().to_str().unwrap().to_owned());
    let error = post(&settings).unwrap_err();
    assert_eq!(error, UplinkError::Timeout { phase: Phase::Connect, limit: Duration::from_millis(300) });
    assert!(error.is_transient());
}

fn pem_of_a_stranger() -> tempfile::NamedTempFile {
    use std::io::Write as _;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(super::authority::Authority::new().pem.as_bytes()).unwrap();
    file
}

#[test]
fn a_central_that_is_not_there_is_told_with_host_and_port() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let stranger = super::authority::Authority::new();
    let error = post(&settings(&format!("https://127.0.0.1:{port}"), &stranger.pem)).unwrap_err();
    assert!(matches!(error, UplinkError::Connect { .. }) && error.is_transient(), "{error:?}");
    assert!(
        error.to_string().starts_with(&format!("central at 127.0.0.1:{port} can't be reached: ")),
        "{error}"
    );
}

#[test]
fn a_name_without_an_address_is_told() {
    let stranger = super::authority::Authority::new();
    let mut settings = settings("https://nowhere.invalid", &stranger.pem);
    // A resolver whose server does not answer takes its time.
    settings.limits.connect = Duration::from_secs(30);
    let error = post(&settings).unwrap_err();
    assert!(matches!(&error, UplinkError::Dns { host, .. } if host == "nowhere.invalid"), "{error:?}");
    assert!(error.is_transient());
}
