//! The LoadMaster source at an HTTPS server that speaks the appliance's API, in both of its forms.

use crate::authority::{Authority, Pair};
use crate::files::Tree;
use crate::server::{Act, Request, Server, answer as http};
use highwater::config::ClientFiles;
use highwater::config::ssl::{Loadmaster as Settings, Login, Trust};
use highwater::sources::ssl::loadmaster::Loadmaster;
use highwater::sources::ssl::loadmaster::answer::{Answer, Stats};
use highwater::sources::ssl::loadmaster::{json, xml};
use highwater::sources::{Readout, SourceError};
use highwater_rules::figure::{Before, Figure, entry};
use highwater_rules::meter::GapReason;
use highwater_rules::record::Counters;
use highwater_rules::sign::sha256;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::sync::{Arc, Mutex};

/// A service of an answer: address, port, index, bytes.
type Vs<'a> = (&'a str, u16, u64, u64);
const TWO: [Vs<'static>; 2] = [("10.35.14.200", 443, 1, 5_000_000_000), ("fd00::5", 80, 7, 12)];

fn xml_stats(tps: Option<&str>, services: &[Vs<'_>]) -> String {
    let tps = tps.map(|n| format!("<TPS><Total>900</Total><SSL>{n}</SSL></TPS>")).unwrap_or_default();
    let services: String = services
        .iter()
        .map(|(address, port, index, bytes)| {
            format!(
                "<Vs><VSAddress>{address}</VSAddress><VSPort>{port}</VSPort><VSProt>tcp</VSProt><Index>{index}</Index>\
                 <ErrorCode>0</ErrorCode><Enable>1</Enable><TotalConns>3</TotalConns><TotalPkts>9</TotalPkts>\
                 <TotalBytes>{bytes}</TotalBytes><TotalBits>1</TotalBits><ActiveConns>2</ActiveConns></Vs>\n"
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<Response stat=\"200\" code=\"ok\">\n<Success><Data><CPU><total>\
         <User>0</User></total></CPU>{tps}<VStotals><ConnsPerSec>0</ConnsPerSec><TotalBytes>77</TotalBytes></VStotals>\
         {services}<Rs><VSIndex>1</VSIndex><Addr>10.35.14.7</Addr><Bytes>99</Bytes></Rs></Data></Success></Response>"
    )
}

fn json_stats(tps: Option<&str>, services: &[Vs<'_>]) -> String {
    let tps = tps.map(|n| format!("\"TPS\": {{\"Total\": 900, \"SSL\": {n}}},")).unwrap_or_default();
    let services: Vec<String> = services
        .iter()
        .map(|(address, port, index, bytes)| {
            format!(
                "{{\"VSAddress\": \"{address}\", \"VSPort\": {port}, \"VSProt\": \"tcp\", \"Index\": {index}, \"Status\": \"Up\", \
                 \"TotalBytes\": {bytes}, \"ActiveConns\": 2}}"
            )
        })
        .collect();
    format!(
        "{{\"CPU\": [{{\"id\": \"total\", \"User\": 1}}], {tps} \"VStotals\": {{\"TotalBytes\": 77}}, \"Vs\": [{}], \
         \"ChangeTime\": 5, \"code\": 200, \"status\": \"ok\"}}",
        services.join(",")
    )
}

const XML_REFUSED: &str = "<?xml version=\"1.0\"?><Response stat=\"422\" code=\"fail\"><Error>Unknown command &amp; more</Error></Response>";
const JSON_REFUSED: &str = "{\"code\": 422, \"message\": \"Unknown command\", \"status\": \"fail\"}";

/// An appliance that lets in `bal` with `1fourall`, and the key `k3y`, and answers with `body`.
fn appliance(body: String) -> Server {
    Server::start(move |request| {
        // "bal:1fourall"; a head is told in lower case.
        let basic = "authorization: basic ymfsojfmb3vyywxs\r\n";
        let by_xml = request.head.starts_with("get /access/stats http/1.1\r\n");
        let by_json = request.head.starts_with("post /accessv2 http/1.1\r\n");
        let asked: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let let_in = by_xml && request.head.contains(basic)
            || by_json && asked == serde_json::json!({"cmd": "stats", "apikey": "k3y"});
        if !let_in {
            return Act::Break(http("401 Unauthorized", "", b"<html>no</html>"));
        }
        Act::Break(http("200 OK", "content-type: text/plain\r\n", body.as_bytes()))
    })
}

/// The source at a server, with files in a tree of its own.
struct Bench {
    tree: Tree,
    settings: Settings,
}

impl Bench {
    fn new(server: &Server) -> Self {
        let tree = Tree::new(&[("password", " 1fourall\n"), ("key", "k3y\n"), ("ca.pem", &server.ca_pem)]);
        let settings = Settings {
            url: server.url().parse().unwrap(),
            login: Login::Password { username: "bal".to_owned(), file: tree.at("password") },
            trust: Trust::File(tree.at("ca.pem")),
            services: 20,
        };
        Bench { tree, settings }
    }

    fn by_key(mut self) -> Self {
        self.settings.login = Login::ApiKey(self.tree.at("key"));
        self
    }

    fn read(&self) -> Result<Readout, SourceError> {
        Loadmaster::new("lm", &self.settings).read()
    }

    fn error(&self) -> String {
        self.read().unwrap_err().to_string()
    }
}

fn told(readout: &Readout) -> Vec<(String, f64)> {
    let one = |figure: &Figure| match figure {
        Figure::Gauge(rate) => *rate,
        other => other.counters().unwrap().first as f64,
    };
    readout.observations.iter().map(|o| (o.series.to_string(), one(&o.figure))).collect()
}

#[test]
fn both_forms_tell_the_sessions_and_the_bytes_of_each_service() {
    let expect = [
        ("ssl_tps/lm".to_owned(), 412.0),
        ("vs_bytes/lm/10.35.14.200:443/tcp".to_owned(), 5e9),
        ("vs_bytes/lm/[fd00::5]:80/tcp".to_owned(), 12.0),
    ];
    let by_xml = appliance(xml_stats(Some("412"), &TWO));
    assert_eq!(told(&Bench::new(&by_xml).read().unwrap()), expect);
    let by_json = appliance(json_stats(Some("412"), &TWO));
    assert_eq!(told(&Bench::new(&by_json).by_key().read().unwrap()), expect);
    for (server, wanted) in [(&by_xml, "accept: */*\r\n"), (&by_json, "content-type: application/json\r\n")] {
        let requests = server.requests.lock().unwrap();
        assert!(requests[0].head.contains(wanted) && requests.len() == 1, "{requests:?}");
    }
}

#[test]
fn services_beyond_the_bound_are_summed_and_named() {
    let many: Vec<String> = (10..40).map(|n| format!("10.0.0.{n}")).collect();
    let many: Vec<Vs<'_>> = many.iter().map(|address| (address.as_str(), 443, 1, 100)).collect();
    let server = appliance(xml_stats(Some("1"), &many));
    let mut bench = Bench::new(&server);
    bench.settings.services = 4;
    let readout = bench.read().unwrap();
    assert_eq!(readout.observations.len(), 1 + 4 + 1);
    assert_eq!(told(&readout)[5], ("vs_bytes/lm/other".to_owned(), 2600.0));
    assert_eq!((readout.summed.len(), readout.summed[0].as_str()), (26, "10.0.0.14:443/tcp"));
    bench.settings.services = 0;
    assert_eq!(bench.read().unwrap().observations.len(), 1);
}

#[test]
fn firmware_that_tells_no_tps_leaves_a_gap_and_says_what_to_do() {
    let server = appliance(xml_stats(None, &TWO));
    let readout = Bench::new(&server).read().unwrap();
    assert_eq!(readout.observations.len(), 2, "the bytes are told all the same");
    assert_eq!(readout.missing[0].series.to_string(), "ssl_tps/lm");
    assert!(readout.missing[0].why.contains("7.2.50"), "{}", readout.missing[0].why);
}

#[test]
fn a_wrong_password_or_key_is_told_and_never_shown() {
    let server = appliance(xml_stats(Some("1"), &TWO));
    let bench = Bench::new(&server);
    bench.tree.write("password", "s3cret-wrong");
    bench.tree.write("key", "s3cret-wrong");
    let errors = [bench.error(), bench.by_key().error()];
    for error in errors {
        assert!(error.contains("does not let the agent in (401)"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    let bench = Bench::new(&server);
    bench.tree.write("password", " \n");
    assert!(bench.error().contains("password holds no secret"), "{}", bench.error());
    std::fs::remove_file(bench.tree.at("password")).unwrap();
    assert!(bench.error().contains("can't read"), "{}", bench.error());
}

#[test]
fn a_refusal_is_told_with_its_code_and_words() {
    for status in ["200 OK", "422 Unprocessable Entity"] {
        let server = Server::start(move |request| {
            let body = if request.head.starts_with("get") { XML_REFUSED } else { JSON_REFUSED };
            Act::Break(http(status, "", body.as_bytes()))
        });
        let error = Bench::new(&server).error();
        assert!(error.ends_with("refuses the question: 422 Unknown command & more"), "{error}");
        let error = Bench::new(&server).by_key().error();
        assert!(error.ends_with("refuses the question: 422 Unknown command"), "{error}");
    }
    let server = Server::start(|_| Act::Break(http("503 Busy", "", b"<html><p>later</html>")));
    assert!(Bench::new(&server).error().contains("refuses the question: 503"));
    // Nobody knows what a page elsewhere would be.
    let server =
        Server::start(|_| Act::Break(http("302 Found", "location: https://elsewhere.test/\r\n", b"")));
    assert!(Bench::new(&server).error().contains("refuses the question: 302"));
}

#[test]
fn its_certificate_must_hold_or_be_the_pinned_one() {
    let server = appliance(xml_stats(Some("1"), &TWO));
    let mut bench = Bench::new(&server);
    bench.tree.write("ca.pem", &Authority::new().pem);
    assert!(bench.error().contains("certificate_sha256"), "{}", bench.error());
    bench.tree.write("ca.pem", "no PEM");
    assert!(bench.error().contains("holds no certificate"), "{}", bench.error());
    // A self-signed one, for another name.
    let own = Authority::named("lm").server(&["appliance.test"]);
    let body = xml_stats(Some("1"), &TWO);
    let server =
        Server::with(&own, None, &Authority::new(), move |_| Act::Break(http("200 OK", "", body.as_bytes())));
    bench.settings.url = server.url().parse().unwrap();
    let der = CertificateDer::from_pem_slice(own.cert.as_bytes()).unwrap();
    bench.settings.trust = Trust::Pinned(sha256(&der).0);
    assert_eq!(bench.read().unwrap().observations.len(), 3);
    bench.settings.trust = Trust::Pinned([7; 32]);
    let requests = server.requests.lock().unwrap().len();
    let shown: Vec<String> = sha256(&der).0.iter().map(|byte| format!("{byte:02X}")).collect();
    let expect = format!("the SHA-256 {}, which is not the configured certificate_sha256", shown.join(":"));
    assert!(bench.error().contains(&expect), "{}", bench.error());
    assert!(!bench.error().contains("ca_file"), "{}", bench.error());
    assert_eq!(server.requests.lock().unwrap().len(), requests, "the password was not sent");
}

#[test]
fn a_client_certificate_lets_the_agent_in() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let body = xml_stats(Some("3"), &TWO);
    let server =
        Server::with(&servers.server(&["localhost"]), Some(&clients), &servers, move |_: &Request| {
            Act::Break(http("200 OK", "", body.as_bytes()))
        });
    let mut bench = Bench::new(&server);
    let Pair { cert, key } = clients.client();
    bench.tree.write("client.pem", cert);
    bench.tree.write("client.key", key);
    let files = ClientFiles { cert: bench.tree.at("client.pem"), key: bench.tree.at("client.key") };
    bench.settings.login = Login::Certificate(files);
    assert_eq!(told(&bench.read().unwrap())[0].1, 3.0);
    let Pair { cert, key } = Authority::new().client();
    bench.tree.write("client.pem", cert);
    bench.tree.write("client.key", key);
    assert!(bench.error().contains("no answer from"), "{}", bench.error());
    bench.tree.write("client.key", "no key");
    assert!(bench.error().contains("client.key holds no certificate or key"), "{}", bench.error());
}

#[test]
fn a_server_that_is_slow_or_endless_or_gone_is_left_in_time() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    for (act, expect) in [
        (Act::Stall as fn(Vec<u8>) -> Act, "no whole answer within 900 ms"),
        (|head| Act::Forever(head, false), "no whole answer within 900 ms"),
        (|head| Act::Forever(head, true), "is longer than 8388608 bytes"),
        (|_| Act::Break(http("200 OK", "", b"<Response").split_last().unwrap().1.to_vec()), "no answer from"),
    ] {
        let head = head.clone();
        let server = Server::start(move |_| act(head.clone()));
        let error = Bench::new(&server).error();
        // On a busy machine ten megabytes may take longer than is waited.
        let is_late = error.contains("no whole answer within 900 ms");
        assert!(error.contains(expect) || is_late, "{expect}: {error}");
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = appliance(String::new());
    let mut bench = Bench::new(&server);
    bench.settings.url = format!("https://localhost:{port}").parse().unwrap();
    assert!(bench.error().contains("refused"), "{}", bench.error());
}

#[test]
fn what_is_no_answer_is_refused_in_both_forms() {
    let bomb: String =
        (1..10).map(|n| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10))).collect();
    let bomb = format!("<!DOCTYPE Response [<!ENTITY a0 \"ha\">{bomb}]>{}", xml_stats(Some("&a9;"), &TWO));
    let good = xml_stats(Some("1"), &TWO);
    let deep = format!("<Response stat=\"200\">{}", "<a>".repeat(100_000));
    let long = good.replace("<VSPort>443", &format!("<VSPort>{}", "4".repeat(100_000)));
    for (name, text) in [
        ("empty", String::new()),
        ("a page", "<html><body>Login</body></html>".to_owned()),
        ("entity bomb", bomb),
        ("unknown entity", xml_stats(Some("&xxe;"), &TWO)),
        ("document type", format!("<!DOCTYPE Response SYSTEM \"file:///etc/passwd\">{good}")),
        ("depth", deep),
        ("a long field", long),
        ("twice", format!("{good}{good}")),
        ("text behind", format!("{good}x")),
        ("no stat", good.replace("stat=\"200\"", "")),
        ("no data", "<Response stat=\"200\" code=\"ok\"><Success/></Response>".to_owned()),
        ("negative rate", xml_stats(Some("-1"), &TWO)),
        ("no rate", xml_stats(Some("NaN"), &TWO)),
        ("a rate beyond bounds", xml_stats(Some("1e308"), &TWO)),
        ("just beyond", xml_stats(Some("1000000001"), &TWO)),
        ("two rates", xml_stats(Some("1</SSL><SSL>2"), &TWO)),
        ("two TPS", xml_stats(Some("1</SSL></TPS><TPS><SSL>2"), &TWO)),
        ("a TPS without a rate behind", xml_stats(Some("1</SSL></TPS><TPS><SSL>"), &TWO)),
        ("two Data", good.replace("</Data>", "</Data><Data></Data>")),
        ("two indices", good.replace("<Index>1<", "<Index>1</Index><Index>2<")),
        ("negative bytes", good.replace(">5000000000<", ">-5<")),
        ("no bytes", good.replace("<TotalBytes>5000000000</TotalBytes>", "")),
        ("no port", good.replace("<VSPort>443</VSPort>", "")),
        ("crossed", good.replace("</Vs>", "</Rs>")),
    ] {
        assert!(xml::answer(&text).is_err(), "{name}: {:?}", xml::answer(&text));
    }
    let good_json = json_stats(Some("1"), &TWO);
    for (name, text) in [
        ("empty", String::new()),
        ("a page", "<html>".to_owned()),
        ("no statistics", "{\"status\": \"ok\"}".to_owned()),
        ("no status", "{\"Vs\": []}".to_owned()),
        ("negative rate", json_stats(Some("-1"), &TWO)),
        ("no rate", json_stats(Some("\"x\""), &TWO)),
        ("a rate beyond bounds", json_stats(Some("1e308"), &TWO)),
        ("two rates", json_stats(Some("1, \"SSL\": 2"), &TWO)),
        ("negative bytes", good_json.replace("5000000000", "-5")),
        ("no bytes", good_json.replace("\"TotalBytes\": 5000000000,", "")),
        ("depth", "[".repeat(100_000)),
        ("twice", good_json.replace("\"Vs\": ", "\"Vs\": [], \"Vs\": ")),
    ] {
        assert!(json::answer(&text).is_err(), "{name}: {:?}", json::answer(&text));
    }
}

#[test]
fn half_an_answer_is_none() {
    let (whole, json) = (xml_stats(Some("1"), &TWO), json_stats(Some("1"), &TWO));
    for end in 0..whole.len() {
        assert!(xml::answer(&whole[..end]).is_err(), "cut at {end}");
    }
    for end in 0..json.len() {
        assert!(json::answer(&json[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn a_part_of_a_service_and_what_is_unknown_are_passed_over() {
    let whole = xml_stats(Some("1.5"), &TWO).replace(
        "<Rs>",
        "<Vs><VSAddress></VSAddress><Index>9</Index><TotalBytes>5</TotalBytes></Vs><New><SSL>9</SSL><Vs/></New><!-- x --><Rs>",
    );
    let Answer::Stats(Stats { tps, services }) = xml::answer(&whole).unwrap() else { panic!("refused") };
    assert_eq!((tps, services.len()), (Some(1.5), 2));
    let text = json_stats(Some("\"7\""), &TWO)
        .replace("443", "\"443\"")
        .replace("\"ChangeTime\"", "\"New\": {}, \"ChangeTime\"");
    let Answer::Stats(Stats { tps, services }) = json::answer(&text).unwrap() else { panic!("refused") };
    assert_eq!((tps, services[0].name.as_str()), (Some(7.0), "10.35.14.200:443/tcp"));
}

#[test]
fn counters_that_run_backwards_or_a_service_made_anew_are_a_gap() {
    let body = Arc::new(Mutex::new(String::new()));
    let shown = Arc::clone(&body);
    let server = Server::start(move |_| Act::Break(http("200 OK", "", shown.lock().unwrap().as_bytes())));
    let bench = Bench::new(&server);
    let counters = |services: &[Vs<'_>]| -> Counters {
        *body.lock().unwrap() = xml_stats(Some("1"), services);
        bench.read().unwrap().observations[1].figure.counters().unwrap()
    };
    let reading = |before: Counters, now: &[Vs<'_>]| {
        let series = highwater_rules::meter::Series::new(highwater_rules::meter::Meter::VsBytes, "x");
        let observed = highwater_rules::figure::Observation { series, figure: Figure::Amount(counters(now)) };
        entry(observed, Before::Counters(before), Ok(300_000), true).outcome.map(|reading| reading.value)
    };
    let before = counters(&TWO);
    assert_eq!(reading(before, &[("10.35.14.200", 443, 1, 5_000_000_012)]), Ok(12.0));
    assert_eq!(reading(before, &[("10.35.14.200", 443, 1, 4)]), Err(GapReason::CounterReset), "restarted");
    assert_eq!(
        reading(before, &[("10.35.14.200", 443, 9, 6_000_000_000)]),
        Err(GapReason::CounterReset),
        "made anew"
    );
}

#[test]
fn another_appliance_under_the_same_name_has_other_counters() {
    let counters = |server: &Server| -> Vec<Counters> {
        let mut bench = Bench::new(server);
        bench.settings.services = 1;
        let readout = bench.read().unwrap();
        readout.observations.iter().filter_map(|o| o.figure.counters()).collect()
    };
    let (one, two) = (appliance(xml_stats(Some("1"), &TWO)), appliance(xml_stats(Some("1"), &TWO)));
    let (before, after, other) = (counters(&one), counters(&one), counters(&two));
    assert_eq!(before[0], after[0], "the same one goes on after a restart of the agent");
    assert_eq!((before.len(), other.len()), (2, 2), "one service alone, and the sum of the others");
    for (one, two) in before.iter().zip(&other) {
        assert_ne!(one.incarnation, two.incarnation);
        assert_eq!(one.first, two.first);
    }
}

#[test]
fn an_authoritys_own_certificate_is_to_be_pinned_and_not_to_be_trusted_as_an_authority() {
    let own = Authority::own();
    let body = xml_stats(Some("1"), &TWO);
    let server =
        Server::with(&own, None, &Authority::new(), move |_| Act::Break(http("200 OK", "", body.as_bytes())));
    let mut bench = Bench::new(&server);
    bench.tree.write("ca.pem", &own.cert);
    let error = bench.error();
    assert!(error.contains("set certificate_sha256 to its SHA-256 instead of ca_file"), "{error}");
    let der = CertificateDer::from_pem_slice(own.cert.as_bytes()).unwrap();
    bench.settings.trust = Trust::Pinned(sha256(&der).0);
    assert_eq!(told(&bench.read().unwrap())[0].1, 1.0);
}
