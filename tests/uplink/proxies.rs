use super::forward::Forward;
use super::server::{Act, Server, good};
use super::{post, settings};
use highwater::config::{ProxyChoice, ProxyUrl};
use highwater::uplink::{Environment, Settings, TlsFault, UplinkError};
use std::net::TcpListener;
use std::time::Duration;

/// `me:geheim` in base64.
const LOGIN: &str = "Basic bWU6Z2VoZWlt";

fn central() -> Server {
    Server::start(|_| Act::Say(good(b"answer")))
}

fn through(central: &Server, proxy: &str) -> Settings {
    let proxy = ProxyChoice::Through(ProxyUrl::parse(proxy).unwrap());
    Settings { proxy, ..settings(&central.url(), &central.ca_pem) }
}

#[test]
fn a_proxy_is_asked_for_a_tunnel_and_sees_nothing_else() {
    let (central, proxy) = (central(), Forward::start(None, None));
    let url = format!("http://127.0.0.1:{}", proxy.port);
    assert_eq!(post(&through(&central, &url)), Ok(b"answer".to_vec()));
    let asked = proxy.asked.lock().unwrap();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].starts_with(&format!("connect localhost:{} http/1.1\r\n", central.port)), "{asked:?}");
}

#[test]
fn a_proxy_that_wants_a_password_gets_the_configured_one() {
    let (central, proxy) = (central(), Forward::start(Some(LOGIN), None));
    let good = format!("http://me:geheim@127.0.0.1:{}", proxy.port);
    assert_eq!(post(&through(&central, &good)), Ok(b"answer".to_vec()));
    for (login, given) in [("", false), ("me:falsch@", true)] {
        let bad = format!("http://{login}127.0.0.1:{}", proxy.port);
        let error = post(&through(&central, &bad)).unwrap_err();
        assert!(matches!(error, UplinkError::ProxyLogin { given: found, .. } if found == given), "{error:?}");
        let told = format!("{error} {error:?} {}", error.mend());
        assert!(told.contains("uplink.proxy") && !told.contains("falsch"), "{told}");
    }
    // The request itself, which central sees, says nothing of it.
    let requests = central.requests.lock().unwrap();
    assert!(requests.iter().all(|request| !request.head.contains("proxy-authorization")));
}

#[test]
fn a_proxys_password_comes_from_a_file_and_is_shown_nowhere() {
    let (central, proxy) = (central(), Forward::start(Some(LOGIN), None));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("proxy.password");
    let with = |login: &str, text: &str| {
        std::fs::write(&file, text).unwrap();
        let url = format!("http://{login}127.0.0.1:{}", proxy.port);
        Settings { proxy_password_file: Some(file.clone()), ..through(&central, &url) }
    };
    assert_eq!(post(&with("me@", " geheim\n")), Ok(b"answer".to_vec()));
    let by_environment = Settings {
        proxy: ProxyChoice::Environment,
        environment: Environment {
            https_proxy: Some(format!("me@127.0.0.1:{}", proxy.port)),
            ..Environment::default()
        },
        ..with("me@", "geheim")
    };
    assert_eq!(post(&by_environment), Ok(b"answer".to_vec()));
    let told = |settings: &Settings| {
        let error = post(settings).unwrap_err();
        let told = format!("{error} {error:?} {} {settings:?}", error.mend());
        assert!(!told.contains("falsch") && !told.contains("geheim"), "{told}");
        told
    };
    assert!(told(&with("me@", "falsch")).contains("wants a name and a password other than"));
    assert!(told(&with("", "geheim")).contains("has no name to it"));
    assert!(told(&with("me@", "\n")).contains("holds no password"));
    assert!(told(&with("me@", "ge\nheim")).contains("holds no password"));
    let gone = Settings { proxy_password_file: Some(dir.path().join("gone")), ..with("me@", "geheim") };
    assert!(told(&gone).contains("gone: No such file"));

    // What means something in a URL is the password's own.
    let odd = Forward::start(Some("Basic bWU6YSU0MTovQCMgeD8="), None);
    std::fs::write(&file, "a%41:/@# x?").unwrap();
    let settings = Settings {
        proxy_password_file: Some(file),
        ..through(&central, &format!("http://me@127.0.0.1:{}", odd.port))
    };
    assert_eq!(post(&settings), Ok(b"answer".to_vec()));
}

#[test]
fn the_environments_proxy_is_taken_but_for_the_hosts_that_it_exempts() {
    let (central, proxy) = (central(), Forward::start(Some(LOGIN), None));
    let mut settings = settings(&central.url(), &central.ca_pem);
    settings.proxy = ProxyChoice::Environment;
    settings.environment = Environment {
        https_proxy: Some(format!("me:geheim@127.0.0.1:{}", proxy.port)),
        ..Environment::default()
    };
    assert_eq!(post(&settings), Ok(b"answer".to_vec()));
    settings.environment.no_proxy = Some("localhost".to_owned());
    assert_eq!(post(&settings), Ok(b"answer".to_vec()));
    assert_eq!(proxy.asked.lock().unwrap().len(), 1);
    assert!(!format!("{settings:?}").contains("geheim"));
}

#[test]
fn what_a_proxy_does_not_do_is_laid_to_the_proxy() {
    let central = central();
    let error = |answer: &'static str| {
        let proxy = Forward::start(None, Some(answer));
        post(&through(&central, &format!("http://127.0.0.1:{}", proxy.port))).unwrap_err()
    };
    let refused = error("HTTP/1.1 403 Forbidden\r\n\r\n");
    assert!(
        matches!(&refused, UplinkError::ProxyRefused { to, .. } if to.starts_with("localhost:")),
        "{refused:?}"
    );
    for answer in ["", "HTTP/1.1 200"] {
        let broken = error(answer);
        assert!(matches!(broken, UplinkError::Proxy { .. }) && broken.is_transient(), "{broken:?}");
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone = post(&through(&central, &format!("http://me:geheim@127.0.0.1:{port}"))).unwrap_err();
    assert!(matches!(gone, UplinkError::Proxy { .. }), "{gone:?}");
    let told = format!("{gone} {gone:?}");
    assert!(told.contains(&format!("http://***@127.0.0.1:{port}")) && !told.contains("geheim"), "{told}");
    let mut settings = through(&central, "http://nowhere.invalid:3128");
    settings.limits.connect = Duration::from_secs(30);
    let nameless = post(&settings).unwrap_err();
    assert!(matches!(&nameless, UplinkError::Proxy { why, .. } if why.contains("resolved")), "{nameless:?}");
}

#[test]
fn a_proxy_that_opens_tls_is_not_trusted() {
    // It connects to another server than it was asked for.
    let (central, other) = (central(), central());
    let mut settings = settings(&other.url(), &central.ca_pem);
    let proxy = Forward::start(None, None);
    settings.proxy = ProxyChoice::Through(ProxyUrl::parse(&format!("127.0.0.1:{}", proxy.port)).unwrap());
    let error = post(&settings).unwrap_err();
    assert!(matches!(error, UplinkError::Tls { fault: TlsFault::UnknownIssuer, .. }), "{error:?}");
}
