//! Through a forward proxy.

use crate::central::Central;
use crate::forward::Forward;
use crate::home::Home;

/// Joins and pushes, and sees that all of it went through the proxy.
fn check(home: &Home, proxy: &Forward) {
    let central = Central::start();
    home.join(&central, "90d");
    let joined = proxy.asked.lock().unwrap().len();
    assert!(joined > 0, "the activation went past the proxy");
    let mut agent = home.run();
    agent.slots(2);
    home.push_open_day();
    agent.event("report_accepted");
    agent.stop();
    let asked = proxy.asked.lock().unwrap().clone();
    assert!(asked.len() > joined, "the push went past the proxy");
    let connect = format!("connect 127.0.0.1:{} http/1.1", central.port);
    assert!(asked.iter().all(|head| head.starts_with(&connect)), "{asked:?}");
    assert_eq!(central.reports().len(), 1);
}

#[test]
fn the_configured_proxy_is_used_for_joining_and_for_pushing() {
    let proxy = Forward::start(None, None);
    check(&Home::new().with("HIGHWATER_UPLINK__PROXY", format!("http://127.0.0.1:{}", proxy.port)), &proxy);
}

#[test]
fn the_proxy_of_the_environment_is_used_with_its_password() {
    // `user:pass`
    let proxy = Forward::start(Some("Basic dXNlcjpwYXNz"), None);
    check(&Home::new().with("HTTPS_PROXY", format!("http://user:pass@127.0.0.1:{}", proxy.port)), &proxy);
}

#[test]
fn a_proxy_that_refuses_is_told_apart_from_a_central_that_does() {
    let central = Central::start();
    let home = Home::new();
    home.join(&central, "90d");
    let proxy = Forward::start(None, Some("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"));
    let home = home.with("HIGHWATER_UPLINK__PROXY", format!("http://127.0.0.1:{}", proxy.port));
    let mut agent = home.run();
    agent.slots(2);
    let (outcome, code) = home.json_and_code(&["push", "--open-day"]);
    assert_eq!((code, &outcome["pending"]), (69, &1.into()), "{outcome}");
    let told = format!("{} {}", outcome["error"]["error"], outcome["error"]["mend"]);
    assert!(told.contains("proxy"), "{told}");
    agent.stop();
}
