use super::authority::{Authority, Pair};
use super::server::{Act, Server, good};
use super::{post, settings};
use highwater::config::ClientFiles;
use highwater::uplink::settings::Roots;
use highwater::uplink::{Client, Settings, TlsFault, UplinkError};
use std::fs;
use std::path::Path;

fn server(pair: &Pair, clients: Option<&Authority>, authority: &Authority) -> Server {
    Server::with(pair, clients, authority, |_| Act::Say(good(b"answer")))
}

fn fault(settings: &Settings) -> TlsFault {
    match post(settings).unwrap_err() {
        UplinkError::Tls { fault, .. } => fault,
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_certificate_that_does_not_hold_is_told_by_what_is_wrong_with_it() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let (old, anew) = (Authority::named("central"), Authority::named("central"));
    let server_anew = server(&anew.server(&["localhost"]), None, &anew);
    assert_eq!(fault(&settings(&server_anew.url(), &old.pem)), TlsFault::UnknownIssuer);
    for (pair, expect) in [
        (authority.server_of(2010, 2020), TlsFault::Expired),
        (authority.server_of(2090, 2095), TlsFault::NotYet),
        (stranger.server(&["localhost"]), TlsFault::UnknownIssuer),
        (authority.server(&["central.test"]), TlsFault::WrongName),
    ] {
        let server = server(&pair, None, &authority);
        assert_eq!(fault(&settings(&server.url(), &server.ca_pem)), expect);
        assert_eq!(server.requests.lock().unwrap().len(), 0, "nothing was sent");
    }
    let own = Authority::own();
    let server = server(&own, None, &authority);
    assert_eq!(fault(&settings(&server.url(), &own.cert)), TlsFault::AuthoritysOwn);
}

#[test]
fn what_speaks_no_tls_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for mut connection in listener.incoming().flatten() {
            let _ = connection.read(&mut [0; 1024]);
            let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let settings = settings(&format!("https://localhost:{port}"), &Authority::new().pem);
    assert_eq!(fault(&settings), TlsFault::NotTls);
}

fn files(dir: &Path, pair: &Pair) -> ClientFiles {
    let files = ClientFiles { cert: dir.join("client.pem"), key: dir.join("client.key") };
    fs::write(&files.cert, &pair.cert).unwrap();
    fs::write(&files.key, &pair.key).unwrap();
    files
}

#[test]
fn a_client_certificate_is_shown_to_a_central_that_asks_for_one() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let server = server(&authority.server(&["localhost"]), Some(&authority), &authority);
    let without = settings(&server.url(), &server.ca_pem);
    assert_eq!(fault(&without), TlsFault::ClientCertificate);
    let with = Settings { client: Some(files(dir.path(), &authority.client())), ..without.clone() };
    assert_eq!(post(&with), Ok(b"answer".to_vec()));
    let anothers = Settings { client: Some(files(dir.path(), &Authority::new().client())), ..without };
    assert_eq!(fault(&anothers), TlsFault::ClientCertificate);
    let (old, anew) = (Authority::named("central"), Authority::named("central"));
    let server = self::server(&anew.server(&["localhost"]), Some(&anew), &anew);
    let client = Some(files(dir.path(), &old.client()));
    let outdated = Settings { client, ..settings(&server.url(), &server.ca_pem) };
    assert_eq!(fault(&outdated), TlsFault::ClientCertificate);
}

#[test]
fn files_that_cannot_be_used_are_named_with_their_mend_and_nothing_of_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let good = settings("https://localhost", &authority.pem);
    let pair = authority.client();
    let told = |settings: &Settings| match Client::new(settings).unwrap_err() {
        error @ UplinkError::Settings { .. } => format!("{error} / {}", error.mend()),
        error => panic!("{error:?}"),
    };
    let with = |cert: &str, key: &str| {
        let files = files(dir.path(), &Pair { cert: cert.to_owned(), key: key.to_owned() });
        told(&Settings { client: Some(files), ..good.clone() })
    };
    assert!(with("nothing", &pair.key).contains("client.pem holds no certificate"));
    let secret = pair.key.lines().nth(1).unwrap();
    let broken = pair.key.replace("END", "ENT");
    let message = with(&pair.cert, &broken);
    assert!(message.contains("client.key holds no key") && !message.contains(secret), "{message}");
    assert!(with(&pair.cert, &authority.client().key).contains("do not fit"));
    let missing = dir.path().join("missing.pem");
    let message = told(&Settings { roots: Roots::File(missing.clone()), ..good.clone() });
    assert!(message.contains(missing.to_str().unwrap()) && message.contains("uplink.ca_file"), "{message}");
    assert!(
        told(&Settings { roots: Roots::Pem("x".to_owned()), ..good.clone() })
            .contains("holds no certificate")
    );
    fs::write(&missing, vec![b'x'; 2 << 20]).unwrap();
    assert!(told(&Settings { roots: Roots::File(missing), ..good }).contains("longer than"));
}

#[test]
fn a_file_may_hold_many_authorities_and_the_hosts_store_may_be_another() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let server = server(&authority.server(&["localhost"]), None, &authority);
    let bundle = dir.path().join("bundle.pem");
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    fs::write(&bundle, format!("# two\n{}\n{}", Authority::new().pem, authority.pem)).unwrap();
    let many = Settings { roots: Roots::File(bundle.clone()), ..settings(&server.url(), "") };
    assert_eq!(post(&many), Ok(b"answer".to_vec()));
    // The host's own store is read in spite of what can't be used in it.
    fs::write(&bundle, format!("{junk}{}\n{}", Authority::new().pem, authority.pem)).unwrap();
    let mut hosts = Settings { roots: Roots::Host, ..settings(&server.url(), "") };
    hosts.environment.cert_file = Some(bundle.to_str().unwrap().to_owned());
    assert_eq!(post(&hosts), Ok(b"answer".to_vec()));
    fs::write(&bundle, &Authority::new().pem).unwrap();
    assert_eq!(fault(&hosts), TlsFault::UnknownIssuer);
    hosts.environment.cert_file = Some("/none".to_owned());
    assert!(matches!(post(&hosts), Err(UplinkError::Settings { .. })));
}
