//! The keys of `kind = "access_log"`.

use super::ssl::{AccessLog, Handshakes, LineForm, Lines, Role};
use super::tests::{STATE, inputs, load_text, shown_again};
use super::*;

const AT: &str = "path = \"/var/log/tls.log\"\n";

fn file(keys: &str) -> String {
    format!("[[ssl]]\nkind = \"access_log\"\n{keys}")
}

fn log(keys: &str) -> AccessLog {
    let loaded = load_text(&file(&format!("{AT}{keys}")), &inputs(&[STATE], &[])).unwrap();
    assert_eq!(shown_again(&loaded).config.ssl, loaded.config.ssl, "{keys}");
    let SslSource::AccessLog(log) = loaded.config.ssl[0].source.clone() else { panic!("{keys}") };
    assert_eq!(log.path, std::path::Path::new("/var/log/tls.log"));
    log
}

#[test]
fn a_format_is_a_word_or_the_servers_own_line() {
    for (format, first) in [("nginx", 1), ("apache", 0), ("haproxy", 1)] {
        let rule = log(&format!("format = \"{format}\"")).rule;
        let LineForm::Pattern(pattern) = rule.form else { panic!("{format}") };
        let roles: Vec<Role> = pattern.pieces.iter().map(|piece| piece.role).collect();
        assert!(roles.contains(&Role::Protocol) && roles.contains(&Role::Requests), "{format}: {roles:?}");
        assert!(roles.contains(&Role::Resumed), "{format} tells which sessions were resumed");
        assert_eq!((rule.first, rule.lines, rule.handshakes), (first, Lines::Requests, Handshakes::All));
    }
    for (own, first) in [
        ("$remote_addr \"$request\" $status $connection_requests $ssl_protocol", 1),
        ("%h %t %>s %k %{SSL_PROTOCOL}x %{H2_STREAM_ID}e", 0),
        ("%ci:%cp %ST n=%[var(sess.tls_line,0),add(1),set-var(sess.tls_line)] %sslv", 1),
    ] {
        assert_eq!(log(&format!("format = '{own}'")).rule.first, first, "{own}");
    }
    let rule =
        log("format = \"$ssl_protocol $ssl_session_reused\"\nlines = \"connections\"\nhandshakes = \"full\"")
            .rule;
    assert_eq!((rule.lines, rule.handshakes), (Lines::Connections, Handshakes::Full));
}

#[test]
fn the_fields_of_json_have_nginxs_names_or_those_that_are_given() {
    let names = |keys: &str| {
        let rule = log(&format!("format = \"json\"\n{keys}")).rule;
        let LineForm::Json(names) = rule.form else { panic!("{keys}") };
        (names.protocol, names.requests, names.resumed, rule.first)
    };
    let expect = |a: &str, b: &str, c: &str, first| (a.to_owned(), b.to_owned(), c.to_owned(), first);
    assert_eq!(names(""), expect("ssl_protocol", "connection_requests", "ssl_session_reused", 1));
    let given = "protocol_field = \"tls\"\nrequests_field = \"n\"\nresumed_field = \"r\"\nfirst_request = 0";
    assert_eq!(names(given), expect("tls", "n", "r", 0));
}

#[test]
fn what_is_wrong_is_told_with_a_mend() {
    let long = "x".repeat(65);
    for (keys, message, mend) in [
        ("format = \"nginx\"", "this source has no log", "add path = \"/var/log/...\""),
        ("path = \"tls.log\"\nformat = \"nginx\"", "ssl.path: \"tls.log\" is no absolute path", "/"),
        ("path = \"/l\"", "this source does not say what its log's lines are like", "add format = "),
        ("path = \"/l\"\nformat = \"ngnix\"", "ssl.format: \"ngnix\" is no format", "take nginx, apache"),
        ("path = \"/l\"\nformat = \"\"", "ssl.format: the value is empty", "give it a value"),
        ("path = \"/l\"\nformat = 3", "ssl.format: a string is expected", "in quotes"),
        (
            "path = \"/l\"\nformat = \"$remote_addr $connection_requests\"",
            "ssl.format: the lines do not tell which connections have TLS",
            "$ssl_protocol",
        ),
        (
            "path = \"/l\"\nformat = \"$remote_addr $ssl_protocol\"",
            "ssl.format: the lines do not tell which request is the first",
            "lines = \"connections\"",
        ),
        (
            "path = \"/l\"\nformat = \"%ci %sslv %[http_first_req]\"",
            "ssl.format: http_first_req is false for each request of HTTP/2",
            "%[var(sess.tls_line,0),add(1),set-var(sess.tls_line)]",
        ),
        (
            "path = \"/l\"\nhandshakes = \"full\"\nformat = \"$connection_requests $ssl_protocol\"",
            "ssl.format: the lines do not tell which sessions were resumed",
            "$ssl_session_reused",
        ),
        (
            "path = \"/l\"\nformat = \"$ssl_protocol$connection_requests\"",
            "ssl.format: two fields of",
            "put a space between them",
        ),
        (
            "path = \"/l\"\nformat = \"nginx\"\nlines = \"all\"",
            "ssl.lines: \"all\" is unknown",
            "take requests or connections",
        ),
        (
            "path = \"/l\"\nformat = \"nginx\"\nhandshakes = \"new\"",
            "ssl.handshakes: \"new\" is unknown",
            "take all or full",
        ),
        (
            "path = \"/l\"\nformat = \"nginx\"\nprotocol_field = \"tls\"",
            "names of fields belong to format = \"json\"",
            "take protocol_field",
        ),
        (
            "path = \"/l\"\nformat = \"json\"\nfirst_request = 2",
            "ssl.first_request: the first request of a connection has number 0 or 1",
            "write 0 or 1",
        ),
        (
            &format!("path = \"/l\"\nformat = \"json\"\nrequests_field = \"{long}\""),
            "ssl.requests_field: longer than 64 bytes",
            "name of a field",
        ),
        (
            "path = \"/l\"\nformat = \"nginx\"\nsocket = \"/s\"",
            "ssl.socket: a source of kind \"access_log\" has no such key",
            "its keys are kind, name, path",
        ),
    ] {
        let refused = load_text(&file(keys), &inputs(&[STATE], &[])).unwrap_err();
        let told = &refused.all()[0];
        assert!(told.message.starts_with(message), "{keys}: {told:?}");
        assert!(told.mend.contains(mend), "{keys}: {told:?}");
    }
}
