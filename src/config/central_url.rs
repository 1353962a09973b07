//! Where central is.

use std::fmt;
use url::{Host, Url};

/// The longest URL of a central.
const URL_MAX_BYTES: usize = 2000;

/// Where central is: an https URL to which the paths of requests are added.
#[derive(Clone, PartialEq, Eq)]
pub struct CentralUrl(Url);

/// Why a text is no central's URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}: {mend}")]
pub struct NoCentralUrl {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub mend: &'static str,
}

impl CentralUrl {
    /// Reads a URL: `https://central.example.com`, with a port and a path or without.
    ///
    /// # Errors
    /// When it is none, is not https, or has what does not belong there: a password above all, which would be seen in logs.
    pub fn parse(text: &str) -> Result<Self, NoCentralUrl> {
        const FORM: &str = "write https://HOST, or https://HOST:PORT/PATH";
        let no = |message: String, mend| Err(NoCentralUrl { message, mend });
        let text = text.trim();
        if text.len() > URL_MAX_BYTES {
            return no(format!("a URL longer than {URL_MAX_BYTES} bytes"), FORM);
        }
        let mut url = match Url::parse(text) {
            Ok(url) => url,
            Err(url::ParseError::IdnaError) => {
                let mend =
                    "write a name with other than ASCII letters in its ASCII form, which begins with xn--";
                return no("the URL's host is no name".to_owned(), mend);
            }
            Err(url::ParseError::RelativeUrlWithoutBase) => {
                return no("the URL does not say https://".to_owned(), FORM);
            }
            Err(error) => return no(format!("this is no URL: {error}"), FORM),
        };
        if url.scheme() == "http" {
            let mend = "write https://: nobody between may read what is sent";
            return no("central is reached by https only".to_owned(), mend);
        }
        if url.scheme() != "https" {
            return no("the URL does not say https://".to_owned(), FORM);
        }
        if !url.username().is_empty() || url.password().is_some() {
            let mend = "leave the name and the password out: the agent proves itself by its key";
            return no("the URL has a name or a password".to_owned(), mend);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return no("the URL has a ? or a #".to_owned(), FORM);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(CentralUrl(url))
    }

    /// The URL of a request's path, such as `/v1/reports`.
    #[must_use]
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        url
    }

    /// The host, as a certificate names it.
    #[must_use]
    pub fn host(&self) -> String {
        match self.0.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => String::new(),
        }
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(443)
    }
}

impl fmt::Display for CentralUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for CentralUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CentralUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_added_to_the_url_as_it_was_written() {
        for (text, shown, joined) in [
            ("https://c.example.com", "https://c.example.com", "https://c.example.com/v1/reports"),
            ("https://C.example.com:443/", "https://c.example.com", "https://c.example.com/v1/reports"),
            (" https://c:8443/hub/x/ ", "https://c:8443/hub/x", "https://c:8443/hub/x/v1/reports"),
            ("https://[::1]:8443", "https://[::1]:8443", "https://[::1]:8443/v1/reports"),
        ] {
            let url = CentralUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.join("/v1/reports").as_str()), (shown, joined));
            assert_eq!(CentralUrl::parse(&url.to_string()), Ok(url));
        }
    }

    #[test]
    fn what_is_no_url_of_a_central_is_refused_without_its_password() {
        for (text, message) in [
            ("central.example.com", "the URL does not say https://"),
            ("http://central.example.com", "central is reached by https only"),
            ("ftp://central.example.com", "the URL does not say https://"),
            ("https://", "this is no URL: empty host"),
            ("https://me:geheim@c", "the URL has a name or a password"),
            ("https://c/?a=b", "the URL has a ? or a #"),
            ("https://c:99999", "this is no URL: invalid port number"),
            ("https://zentrale.bücher.example", "the URL's host is no name"),
        ] {
            let error = CentralUrl::parse(text).unwrap_err();
            assert_eq!(error.message, message, "{text}");
            assert!(!error.to_string().contains("geheim"));
        }
        assert!(CentralUrl::parse(&format!("https://{}", "a".repeat(3000))).is_err());
    }
}
