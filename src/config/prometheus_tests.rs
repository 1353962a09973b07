//! The keys of `kind = "prometheus"`.

use super::ssl::{Compare, Counts, Exposition, Pass, Preset, Prometheus};
use super::tests::{STATE, inputs, load_text, shown_again};
use super::*;

fn file(keys: &str) -> String {
    format!("[[ssl]]\nkind = \"prometheus\"\n{keys}")
}

fn prometheus(keys: &str) -> Prometheus {
    let loaded = load_text(&file(keys), &inputs(&[STATE], &[])).unwrap();
    assert_eq!(shown_again(&loaded).config.ssl, loaded.config.ssl, "{keys}");
    let SslSource::Prometheus(prometheus) = loaded.config.ssl[0].source.clone() else { panic!("{keys}") };
    prometheus
}

#[test]
fn an_exposition_is_at_a_url_or_in_a_file() {
    let found = prometheus("path = \"/var/lib/x.prom\"\npreset = \"haproxy\"");
    assert_eq!(found.place, Exposition::File("/var/lib/x.prom".into()));
    assert_eq!(found.counts, Counts::Preset(Preset::Haproxy));
    let found = prometheus("url = \"http://127.0.0.1:9901/stats/prometheus?usedonly\"\npreset = \"envoy\"");
    let Exposition::Url(web) = found.place else { panic!("a URL") };
    assert_eq!((web.url.query(), &web.pass), (Some("usedonly"), &Pass::Open));
    let found = prometheus(
        "url = \"https://h/m\"\nmetric = \"a:b_total\"\nbearer_token_file = \"/t\"\nca_file = \"/ca\"",
    );
    let Exposition::Url(web) = found.place else { panic!("a URL") };
    assert_eq!((web.pass, found.counts.metric()), (Pass::Token("/t".into()), "a:b_total"));
    prometheus("url = \"http://[::1]/m\"\npreset = \"nginx-plus\"\nusername = \"a\"\npassword_file = \"/p\"");
}

#[test]
fn labels_are_matched_as_promql_writes_it() {
    let found = prometheus(
        r#"url = "http://h/m"
metric = "x_total"
labels = ['proxy="web"', "code != '404'", 'code=~"2.."', 'a!~"x|\\d+\."', '"härte.grad" = "a \"b\""']"#,
    );
    let is = |n: usize, value: &str| found.matchers[n].takes(value);
    assert!(is(0, "web") && !is(0, "") && is(1, "") && !is(1, "404") && is(2, "200") && !is(2, "2000"));
    assert!(!is(3, "7.") && is(3, "7") && !is(3, "x") && is(4, "a \"b\""));
    assert_eq!(found.matchers[4].label, "härte.grad");
    assert!(matches!(&found.matchers[3].compare, Compare::FitsNot(p) if p.as_str() == r"x|\d+\."));
}

#[test]
fn what_is_wrong_is_told_with_a_mend() {
    const AT: &str = "url = \"http://10.0.0.1/m\"\n";
    const HAPROXY: &str = "preset = \"haproxy\"\n";
    for (keys, message, mend) in [
        (HAPROXY.to_owned(), "ssl.url: it is missing", "http://127.0.0.1:8404/metrics"),
        (
            AT.to_owned(),
            "ssl.metric: nothing says which counter counts",
            "\"haproxy\", \"envoy\" or \"nginx-plus\"",
        ),
        (format!("{AT}{HAPROXY}path = \"/x\""), "ssl.path: url is given too", "keep one"),
        (format!("{AT}{HAPROXY}metric = \"x\""), "ssl.metric: preset is given too", "keep one"),
        (
            format!("{AT}preset = \"hapoxy\""),
            "ssl.preset: the preset \"hapoxy\" is unknown",
            "did you mean \"haproxy\"?",
        ),
        (
            format!("{AT}preset = \"traefik\""),
            "ssl.preset: Traefik exports no count of TLS sessions",
            "kind = \"kernel\"",
        ),
        (
            format!("{AT}preset = \"caddy\""),
            "ssl.preset: Caddy exports no count of TLS sessions",
            "kind = \"access_log\"",
        ),
        (format!("{AT}metric = 'x{{a=\"b\"}}'"), "ssl.metric: \"x{a=\\\"b\\\"}\" is no name", "labels = "),
        (
            format!("{AT}{HAPROXY}labels = 'a=\"b\"'"),
            "ssl.labels: an array of matchers is expected",
            "in brackets",
        ),
        (format!("{AT}{HAPROXY}labels = ['a=b']"), "ssl.labels: \"a=b\" is no matcher", "as PromQL does"),
        (format!("{AT}{HAPROXY}labels = ['a']"), "ssl.labels: \"a\" is no matcher", "as PromQL does"),
        (format!("{AT}{HAPROXY}labels = ['__name__=\"b\"']"), "ssl.labels: ", "as PromQL does"),
        (format!("{AT}{HAPROXY}labels = ['a=~\"(\"']"), "ssl.labels: the pattern in", "as PromQL does"),
        (
            format!("{AT}{HAPROXY}bearer_token_file = \"/t\""),
            "ssl.url: a password or token would go over",
            "https",
        ),
        (format!("{AT}{HAPROXY}ca_file = \"/t\""), "ssl.url: http has no certificates", "https"),
        (
            format!("{HAPROXY}path = \"/x\"\nbearer_token_file = \"/t\""),
            "ssl.path: a file needs no password",
            "url",
        ),
        (
            format!("{AT}{HAPROXY}username = \"a\""),
            "ssl.username: a user without a password",
            "password_file",
        ),
        (
            format!("{AT}{HAPROXY}password_file = \"/a\""),
            "ssl.password_file: a password without its user",
            "username",
        ),
        (
            format!("{AT}{HAPROXY}username = \"a\"\npassword_file = \"/a\"\nbearer_token_file = \"/t\""),
            "ssl.bearer_token_file: there are several ways",
            "keep",
        ),
        (
            "url = \"http://a:geheim@h/\"\npreset = \"envoy\"".to_owned(),
            "ssl.url: the URL has a name or a password",
            "leave",
        ),
        (
            "url = \"ftp://h/geheim\"\npreset = \"envoy\"".to_owned(),
            "ssl.url: it is reached by http or https only",
            "http",
        ),
    ] {
        let mistakes = load_text(&file(&keys), &inputs(&[STATE], &[])).unwrap_err();
        let first = &mistakes.all()[0];
        assert!(first.message.starts_with(message), "{keys}: {}", first.message);
        assert!(first.mend.contains(mend), "{keys}: {}", first.mend);
        assert!(!mistakes.to_string().contains("geheim"), "{mistakes}");
    }
}
