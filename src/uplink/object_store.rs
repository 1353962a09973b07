//! Object storage: `PUT` and `GET` by signed URLs. Who has such a URL may use it, so that no error and no log holds one.

use super::client::Client;
use super::environment::Environment;
use super::error::{TlsFault, UplinkError};
use super::settings::{Limits, Roots, Settings};
use crate::config::{CentralUrl, Uplink};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;
use url::{Position, Url};

/// The longest bundle of receipts that is fetched, in bytes.
pub const RECEIPTS_MAX_BYTES: usize = 8 << 20;
/// The type of a bundle.
const CONTENT: &str = highwater_rules::bundle::MEDIA_TYPE;

/// Why an exchange with an object store came to nothing. No text of it holds a signed URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectStoreError {
    /// What central gave is no URL that an agent would use.
    #[error("the place that central gave can't be used: {why}")]
    Place {
        /// Why.
        why: String,
    },
    /// The exchange did not come about.
    #[error("{}", told(.at, .error))]
    Exchange {
        /// The store's host.
        at: String,
        /// Why.
        error: UplinkError,
    },
    /// The store does not take the URL any more, or the clock that it goes by is another.
    #[error("the object store at {at} refuses the signed URL ({status}{})", in_words(.code))]
    Refused {
        /// The store's host.
        at: String,
        /// The status of HTTP.
        status: u16,
        /// What the store calls it.
        code: Option<String>,
    },
    /// The store answered something else.
    #[error("the object store at {at} answered {status}{}", in_words(.code))]
    Status {
        /// The store's host.
        at: String,
        /// The status of HTTP.
        status: u16,
        /// What the store calls it.
        code: Option<String>,
    },
}

/// The uplink's own words are of central: here they are of the store.
fn told(at: &str, error: &UplinkError) -> String {
    match error {
        UplinkError::Connect { to, why } => format!("the object store at {to} can't be reached: {why}"),
        UplinkError::Tls { to, why, .. } => format!("no trust in the object store at {to}: {why}"),
        UplinkError::TooLarge { max } => {
            format!("what lies at the object store at {at} is longer than {max} bytes")
        }
        other => format!("the object store at {at}: {other}"),
    }
}

fn in_words(code: &Option<String>) -> String {
    code.as_ref().map(|code| format!(": {code}")).unwrap_or_default()
}

impl ObjectStoreError {
    /// Whether the URL is the reason: another one may help.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self, ObjectStoreError::Refused { .. })
    }

    /// What to do about it.
    #[must_use]
    pub fn mend(&self) -> &str {
        match self {
            ObjectStoreError::Place { .. } => {
                "ask whoever runs central: its object storage must be reached by https"
            }
            ObjectStoreError::Refused { .. } => {
                "set this host's clock right; else ask whoever runs central: the credentials that sign must be allowed to \
                 write, read and list (docs/object-storage.md)"
            }
            ObjectStoreError::Status { status: 404, .. } => {
                "ask whoever runs central: the bucket or container is gone"
            }
            ObjectStoreError::Status { status: 500..=599 | 429, .. } => {
                "the object store can't answer now: the agent tries again"
            }
            ObjectStoreError::Status { .. } => "ask whoever runs central, or the object store",
            ObjectStoreError::Exchange { error, .. } => match error {
                UplinkError::Tls { fault: TlsFault::UnknownIssuer, .. } => {
                    "set uplink.ca_file to a file with the authority of the object store and that of central"
                }
                UplinkError::Tls { fault: TlsFault::Expired | TlsFault::NotYet, .. } => {
                    "renew the object store's certificate, or set this host's clock right"
                }
                UplinkError::Tls { .. } => "check what answers in the object store's place",
                UplinkError::Connect { .. } | UplinkError::Dns { .. } => {
                    "check the host's DNS, the firewall (TCP, outgoing), and whether a proxy is needed (uplink.proxy)"
                }
                other => other.mend(),
            },
        }
    }
}

/// How long things may take with a store: a bundle may be long, and the line thin.
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    head: Duration::from_secs(240),
    body: Duration::from_secs(240),
    whole: Duration::from_secs(480),
    answer_max_bytes: RECEIPTS_MAX_BYTES,
};

/// A place in an object store that someone with the rights to it has opened by a signature.
pub struct SignedPlace {
    client: Client,
    url: Url,
    at: String,
}

impl std::fmt::Debug for SignedPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignedPlace({})", self.at)
    }
}

impl SignedPlace {
    /// The place of a signed URL, reached through the uplink's proxy. Its certificate is held to those of `uplink.ca_file`, else to the
    /// host's. It connects nowhere yet.
    ///
    /// # Errors
    /// When it is no https URL, or the settings can't be used.
    pub fn new(url: &str, config: &Uplink, environment: Environment) -> Result<Self, ObjectStoreError> {
        let place = |why: String| ObjectStoreError::Place { why };
        // The parser's own words may repeat what it read.
        let url = Url::parse(url).map_err(|_| place("it is no URL".to_owned()))?;
        let origin = CentralUrl::parse(&url[..Position::BeforePath]).map_err(|no| place(no.message))?;
        let at = origin.host();
        let settings = Settings {
            url: origin,
            proxy: config.proxy.clone(),
            proxy_password_file: config.proxy_password_file.clone(),
            roots: config.ca_file.clone().map_or(Roots::Host, Roots::File),
            // The certificate is for central to see.
            client: None,
            environment,
            limits: LIMITS,
        };
        let client =
            Client::new(&settings).map_err(|error| ObjectStoreError::Exchange { at: at.clone(), error })?;
        Ok(SignedPlace { client, url, at })
    }

    /// Puts a bundle there.
    ///
    /// # Errors
    /// When the store can't be reached, or does not take it.
    pub async fn put(&self, headers: &[(String, String)], bundle: Vec<u8>) -> Result<(), ObjectStoreError> {
        let mut all = HeaderMap::new();
        all.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT));
        for (name, value) in headers {
            let unfit = || ObjectStoreError::Place { why: "a header of it is none".to_owned() };
            let name = HeaderName::try_from(name).map_err(|_| unfit())?;
            all.insert(name, HeaderValue::try_from(value).map_err(|_| unfit())?);
        }
        let (status, body) = self.send(Method::PUT, all, bundle).await?;
        if (200..300).contains(&status) { Ok(()) } else { Err(self.failed(status, &body)) }
    }

    /// What lies there; `None` where nothing does.
    ///
    /// # Errors
    /// When the store can't be reached, or does not give it.
    pub async fn get(&self) -> Result<Option<Vec<u8>>, ObjectStoreError> {
        let (status, body) = self.send(Method::GET, HeaderMap::new(), Vec::new()).await?;
        match status {
            200 => Ok(Some(body)),
            404 if code(&body).is_none_or(|code| !code.contains("Bucket") && !code.contains("Container")) => {
                Ok(None)
            }
            _ => Err(self.failed(status, &body)),
        }
    }

    async fn send(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<(u16, Vec<u8>), ObjectStoreError> {
        let sent = self.client.send(method, self.url.clone(), headers, body).await;
        sent.map_err(|error| ObjectStoreError::Exchange { at: self.at.clone(), error })
    }

    fn failed(&self, status: u16, body: &[u8]) -> ObjectStoreError {
        let (at, code) = (self.at.clone(), code(body));
        // S3 says 400 to credentials that have run out.
        let is_refused = matches!(status, 401 | 403) || code.as_deref() == Some("ExpiredToken");
        if is_refused {
            ObjectStoreError::Refused { at, status, code }
        } else {
            ObjectStoreError::Status { at, status, code }
        }
    }
}

/// The word that a store's error begins with: all three say `<Code>WORD</Code>`. Nothing else of the page is shown, as it may repeat
/// the URL.
fn code(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_word = (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric());
    is_word.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_stores_error_is_found_and_nothing_else() {
        for (body, expect) in [
            ("<?xml?><Error><Code>AccessDenied</Code><Message>no</Message></Error>", Some("AccessDenied")),
            ("<Code>a b</Code>", None),
            ("<Code>", None),
            ("{}", None),
        ] {
            assert_eq!(code(body.as_bytes()).as_deref(), expect, "{body}");
        }
    }

    #[test]
    fn a_place_is_an_https_url_and_no_error_repeats_it() {
        for url in
            ["http://store/in?sig=geheim", "geheim", "https://a:geheim@store/in?sig=geheim", "https://:x"]
        {
            let error = SignedPlace::new(url, &Uplink::default(), Environment::default()).unwrap_err();
            assert!(!format!("{error} {error:?} {}", error.mend()).contains("geheim"), "{error}");
        }
    }
}
