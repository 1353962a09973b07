//! Which proxy central is reached through.

use super::environment::Environment;
use super::error::UplinkError;
use super::settings::Settings;
use crate::config::{CentralUrl, ProxyChoice, ProxyUrl};
use crate::files::read_bounded;
use std::net::IpAddr;
use std::path::Path;
use zeroize::Zeroizing;

/// The longest password, in bytes.
const PASSWORD_MAX_BYTES: usize = 1024;

/// The proxy to central, if there is one, with its password.
///
/// # Errors
/// When the environment names one that can't be used: to pass by it unseen might be what someone wanted to prevent. When its password
/// can't be read, or is given to a proxy without a name.
pub(super) fn choose(settings: &Settings) -> Result<Option<ProxyUrl>, UplinkError> {
    let found = named(&settings.proxy, &settings.environment, &settings.url)?;
    let (Some(proxy), Some(file)) = (&found, &settings.proxy_password_file) else { return Ok(found) };
    proxy.with_password(&password(file)?).map(Some).ok_or_else(|| UplinkError::Settings {
        what: format!(
            "uplink.proxy_password_file is set, but the proxy {proxy} has no name to it, or a password already"
        ),
        mend: "set uplink.proxy, or HTTPS_PROXY of the environment, to http://NAME@HOST:PORT".to_owned(),
    })
}

/// The password alone in a file, without the white space around it.
fn password(file: &Path) -> Result<Zeroizing<String>, UplinkError> {
    let unfit = |why: String| {
        UplinkError::Settings {
        what: format!("uplink.proxy_password_file {}: {why}", file.display()),
        mend: "put the password alone into it, and let the agent's user read it; or hand it over as a credential of systemd's"
            .to_owned(),
    }
    };
    let text =
        read_bounded(file, PASSWORD_MAX_BYTES).map(Zeroizing::new).map_err(|e| unfit(e.to_string()))?;
    let password = text.trim();
    if password.is_empty() || password.chars().any(char::is_control) {
        return Err(unfit("it holds no password on one line".to_owned()));
    }
    Ok(Zeroizing::new(password.to_owned()))
}

fn named(
    choice: &ProxyChoice,
    environment: &Environment,
    central: &CentralUrl,
) -> Result<Option<ProxyUrl>, UplinkError> {
    let found = match choice {
        ProxyChoice::Through(url) => return Ok(Some(url.clone())),
        ProxyChoice::Direct => None,
        ProxyChoice::Environment => {
            let all = environment.all_proxy.as_deref().map(|url| ("ALL_PROXY", url));
            environment.https_proxy.as_deref().map(|url| ("HTTPS_PROXY", url)).or(all)
        }
    };
    let Some((name, url)) = found else { return Ok(None) };
    let exempt = environment.no_proxy.as_deref().unwrap_or_default();
    if is_exempt(exempt, &central.host(), central.port()) {
        return Ok(None);
    }
    ProxyUrl::parse(url).map(Some).map_err(|no| UplinkError::Settings {
        what: format!("{name} of the environment: {}", no.message),
        mend: format!("{}; or set uplink.proxy", no.mend),
    })
}

/// Whether a `NO_PROXY` lists a host: `*`, a name with all below it, an address, or a network such as `10.0.0.0/8`.
fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    let address: Option<IpAddr> = host.parse().ok();
    list.split([',', ' ', '\t']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let Some(address) = address {
            return names_address(entry, address);
        }
        let (name, only) = match entry.rsplit_once(':') {
            Some((name, digits)) => (name, digits.parse::<u16>().ok()),
            None => (entry, None),
        };
        let name = name.trim_start_matches('*').trim_start_matches('.').to_ascii_lowercase();
        let host = host.to_ascii_lowercase();
        let below = host.strip_suffix(&name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        !name.is_empty() && below && only.is_none_or(|only| only == port)
    })
}

fn names_address(entry: &str, address: IpAddr) -> bool {
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    let Some((network, length)) = bare.split_once('/') else {
        return bare.parse::<IpAddr>().is_ok_and(|one| one == address);
    };
    let (Ok(network), Ok(length)) = (network.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    // The bits behind the network's length are shifted out; a shift by all of them would be none.
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let differ = network.to_bits() ^ address.to_bits();
            length <= 32 && differ.checked_shr(32 - length).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let differ = network.to_bits() ^ address.to_bits();
            length <= 128 && differ.checked_shr(128 - length).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_lists_names_addresses_and_networks() {
        for (list, host, exempt) in [
            ("*", "c.example.com", true),
            ("example.com", "c.example.com", true),
            (".example.com", "c.example.com", true),
            ("*.example.com", "C.Example.com", true),
            ("a, example.com", "example.com", true),
            ("ample.com", "c.example.com", false),
            ("example.com:8443", "c.example.com", true),
            ("example.com:443", "c.example.com", false),
            ("", "c.example.com", false),
            (".", "c.example.com", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("0.0.0.0/0", "11.1.2.3", true),
            ("10.1.2.3/32,x", "10.1.2.3", true),
            ("10.1.2.3/33", "10.1.2.3", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("[::1]", "::1", true),
            ("fd00::/8", "fd12::1", true),
            ("::/0", "fe80::1", true),
            ("2.3", "10.1.2.3", false),
        ] {
            assert_eq!(is_exempt(list, host, 8443), exempt, "{list} {host}");
        }
    }

    #[test]
    fn the_configuration_goes_before_the_environment() {
        let central = CentralUrl::parse("https://c.example.com").unwrap();
        let environment = Environment {
            https_proxy: Some("me:geheim@https-proxy:3128".to_owned()),
            all_proxy: Some("http://all-proxy:3128".to_owned()),
            ..Environment::default()
        };
        let chosen = |choice: &ProxyChoice, environment: &Environment| {
            named(choice, environment, &central).unwrap().map(|proxy| proxy.to_string())
        };
        let own = ProxyChoice::Through(ProxyUrl::parse("http://own:1").unwrap());
        assert_eq!(chosen(&own, &environment).as_deref(), Some("http://own:1"));
        assert_eq!(chosen(&ProxyChoice::Direct, &environment), None);
        let of_env = |environment: &Environment| chosen(&ProxyChoice::Environment, environment);
        assert_eq!(of_env(&environment).as_deref(), Some("http://***@https-proxy:3128"));
        let all = Environment { https_proxy: None, ..environment.clone() };
        assert_eq!(of_env(&all).as_deref(), Some("http://all-proxy:3128"));
        let exempt = Environment { no_proxy: Some("example.com".to_owned()), ..environment.clone() };
        assert_eq!(of_env(&exempt), None);
        let socks = Environment { https_proxy: Some("socks5://me:geheim@p:1".to_owned()), ..environment };
        let error = named(&ProxyChoice::Environment, &socks, &central).unwrap_err();
        assert!(error.to_string().starts_with("HTTPS_PROXY of the environment: a SOCKS"), "{error}");
        assert!(!format!("{error} {error:?} {socks:?} {}", error.mend()).contains("geheim"));
    }
}
