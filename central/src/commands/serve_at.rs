//! Where `highwater-central serve` listens, and where agents find it.

use super::{Failure, exit};
use std::io;
use std::net::SocketAddr;

const URL_MAX_BYTES: usize = 2048;
/// Ports below this are for those who have a right to them.
const FREE_PORTS_FROM: u16 = 1024;

/// An address with its port.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "it takes an address and a port, such as 0.0.0.0:8443, or [::]:8443 for all addresses".to_owned()
    })
}

/// The URL that agents are told. They speak HTTPS only, whatever stands between.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    let no = |why: &str| Err(format!("{why}: it takes https://HOST, with a port and a path or without"));
    if text.len() > URL_MAX_BYTES {
        return no("it is too long");
    }
    let Ok(url) = reqwest::Url::parse(text) else { return no("it is no URL") };
    if url.scheme() != "https" {
        return no("agents speak HTTPS only, to a proxy before central as well");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return no("it names no host");
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return no("it has more than agents take");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return no("it has blanks in it");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Why nothing can be listened to there, and what to do.
pub(super) fn refused(address: SocketAddr, error: &io::Error) -> Failure {
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    let mend = if denied && address.port() < FREE_PORTS_FROM {
        "a port below 1024 needs the right CAP_NET_BIND_SERVICE, which the drop-in \
         /usr/share/highwater-central/drop-ins/low-port.conf gives the service; or name another port with --listen"
    } else {
        "name another address with --listen"
    };
    let code = if denied { exit::PERMISSION } else { exit::UNAVAILABLE };
    Failure::new(code, format!("can't listen on {address}: {error}: {mend}")).of(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expect: Result<&str, &str>) {
        match (public_url(url), expect) {
            (Ok(url), Ok(expect)) => assert_eq!(url, expect),
            (Err(why), Err(expect)) => assert!(why.contains(expect), "{why}"),
            (found, _) => panic!("{url}: {found:?}"),
        }
    }

    #[test]
    fn agents_are_told_nothing_but_https() {
        check("https://central.example.com", Ok("https://central.example.com"));
        check("https://central.example.com:8443/hw/", Ok("https://central.example.com:8443/hw"));
        check("https://[2001:db8::1]:8443", Ok("https://[2001:db8::1]:8443"));
        check("http://central.example.com", Err("agents speak HTTPS only"));
        check("central.example.com", Err("no URL"));
        check("https://", Err("no URL"));
        check("https://a:b@central.example.com", Err("more than agents take"));
        check("https://central.example.com/?x", Err("more than agents take"));
        check(" https://central.example.com", Err("blanks"));
        check(&format!("https://{}", "a".repeat(URL_MAX_BYTES)), Err("too long"));
    }

    #[test]
    fn a_port_that_needs_a_right_is_told_with_the_drop_in_that_gives_it() {
        let message = |port: u16, errno: i32| {
            refused(SocketAddr::from(([0, 0, 0, 0], port)), &io::Error::from_raw_os_error(errno)).message
        };
        assert!(message(443, 13).contains("low-port.conf"));
        assert!(!message(8443, 13).contains("low-port.conf"));
        assert!(!message(443, 98).contains("low-port.conf"));
        assert!(address(":443").unwrap_err().contains("[::]:8443"));
    }
}
