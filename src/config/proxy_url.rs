//! A forward proxy's URL, whose password is never shown.

use std::fmt;
use url::Url;

/// The longest URL of a proxy.
const URL_MAX_BYTES: usize = 2000;

/// A forward proxy: `http://NAME:PASSWORD@HOST:PORT`, the name and the password where it asks for them.
/// The password may stand in a file of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(Url);

/// Why a text is no proxy's URL. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{message}: {mend}")]
pub struct NoProxyUrl {
    /// What is wrong.
    pub message: &'static str,
    /// What to do about it.
    pub mend: &'static str,
}

impl ProxyUrl {
    /// Reads a URL; without a scheme it is taken for http, as others do.
    ///
    /// # Errors
    /// When it is none, or of a kind of proxy that is not in this build.
    pub fn parse(text: &str) -> Result<Self, NoProxyUrl> {
        const FORM: &str = "write http://HOST:PORT, or http://NAME:PASSWORD@HOST:PORT with % before what is no letter or digit in them";
        let no = |message| Err(NoProxyUrl { message, mend: FORM });
        let text = text.trim();
        if text.is_empty() || text.len() > URL_MAX_BYTES {
            return no("this is no proxy's URL");
        }
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let Ok(url) = Url::parse(&text) else { return no("this is no proxy's URL") };
        match url.scheme() {
            "http" => {}
            "https" => return no("a proxy that is itself reached by https is not in this build"),
            "socks4" | "socks4a" | "socks5" | "socks5h" => return no("a SOCKS proxy is not in this build"),
            _ => return no("this is no proxy's URL"),
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return no("a proxy's URL has no path");
        }
        Ok(ProxyUrl(url))
    }

    /// The whole URL, with its password: for the connection alone.
    #[must_use]
    pub fn secret(&self) -> &Url {
        &self.0
    }

    /// The same with a password; `None` where it has no name for it, or a password already.
    #[must_use]
    pub fn with_password(&self, password: &str) -> Option<Self> {
        if self.0.username().is_empty() || self.0.password().is_some() {
            return None;
        }
        let mut url = self.0.clone();
        // A % of its own is not the beginning of what stands for another character.
        url.set_password(Some(&password.replace('%', "%25"))).ok()?;
        Some(ProxyUrl(url))
    }

    /// Whether it brings a name or a password.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        !self.0.username().is_empty() || self.0.password().is_some()
    }
}

impl fmt::Display for ProxyUrl {
    /// With asterisks for a name and a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = if self.has_credentials() { "***@" } else { "" };
        write!(f, "http://{credentials}{}", self.0.host_str().unwrap_or_default())?;
        self.0.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (text, shown) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("proxy.example.com:3128", "http://proxy.example.com:3128"),
            ("http://me:geheim@proxy:3128/", "http://***@proxy:3128"),
            ("me:geheim@proxy", "http://***@proxy"),
            ("http://[::1]:3128", "http://[::1]:3128"),
        ] {
            let url = ProxyUrl::parse(text).unwrap();
            assert_eq!(
                (url.to_string(), format!("{url:?}")),
                (shown.to_owned(), format!("ProxyUrl({shown})"))
            );
            assert_eq!(ProxyUrl::parse(shown).unwrap().to_string(), shown);
        }
        for text in [
            "socks5://me:geheim@p:1080",
            "https://me:geheim@p",
            "http://me:geheim@p/x",
            "http://geheim@",
            "",
            "ftp://x",
        ] {
            let error = ProxyUrl::parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("geheim"), "{error}");
        }
    }
}
