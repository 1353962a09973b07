//! The HTTPS client: one request after another to one central, each within bounds of time and size.

use super::certificates;
use super::error::{Phase, Route, UplinkError};
use super::problem::{PROBLEM_MAX_BYTES, Problem, clean};
use super::resolver::HostResolver;
use super::settings::{Limits, Settings};
use super::{proxy, retry_after};
use crate::clock;
use crate::config::{CentralUrl, ProxyUrl};
use highwater_rules::bundle::MEDIA_TYPE;
use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, RequestBuilder, Response, Url, redirect, retry};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const USER_AGENT: &str = concat!("highwater/", env!("CARGO_PKG_VERSION"));
/// The type of requests and answers.
pub const CONTENT: &str = "application/x-protobuf";

/// The type of a licence.
const LICENCE_CONTENT: &str = "application/jwt";

/// A client of one central. Its connections close when it is dropped.
pub struct Client {
    http: reqwest::Client,
    central: CentralUrl,
    proxy: Option<ProxyUrl>,
    limits: Limits,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({}, proxy {:?})", self.central, self.proxy)
    }
}

impl Client {
    /// Makes a client: reads the certificates, and connects nowhere yet.
    ///
    /// # Errors
    /// When a certificate, a key or a password can't be read, or the environment's proxy can't be used.
    pub fn new(settings: &Settings) -> Result<Self, UplinkError> {
        let proxy = proxy::choose(settings)?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(certificates::config(settings)?)
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .user_agent(USER_AGENT)
            .dns_resolver(Arc::new(HostResolver))
            .connect_timeout(settings.limits.connect);
        let unfit = |what: &str, e: reqwest::Error| UplinkError::Settings {
            what: format!("{what}: {}", e.without_url()),
            mend: "report this as a fault of highwater".to_owned(),
        };
        if let Some(proxy) = &proxy {
            let through = reqwest::Proxy::all(proxy.secret().as_str())
                .map_err(|e| unfit(&format!("the proxy {proxy} can't be used"), e))?;
            builder = builder.proxy(through);
        }
        let http = builder.build().map_err(|e| unfit("the client can't be made", e))?;
        Ok(Client { http, central: settings.url.clone(), proxy, limits: settings.limits })
    }

    /// Where central is.
    #[must_use]
    pub fn central(&self) -> &CentralUrl {
        &self.central
    }

    /// Through which proxy it is reached, if any.
    #[must_use]
    pub fn proxy(&self) -> Option<&ProxyUrl> {
        self.proxy.as_ref()
    }

    /// Whether central can be reached and trusted: whatever it answers will do.
    ///
    /// # Errors
    /// When there is no connection to it, or none that can be trusted.
    pub async fn reach(&self) -> Result<(), UplinkError> {
        let request = self.http.get(self.central.join("/healthz"));
        let sent = async { request.send().await.map_err(|error| self.route().explain(&error)) };
        within(self.limits.connect, Phase::Connect, sent).await.map(drop)
    }

    /// Sends a body to a path of central's, such as `/v1/reports`, and gives the answer's.
    ///
    /// # Errors
    /// When central can't be reached, or answers anything but 200 with a body of its kind and within bounds.
    pub async fn post(&self, path: &str, body: Vec<u8>) -> Result<Vec<u8>, UplinkError> {
        let request = self.http.post(self.central.join(path)).header(CONTENT_TYPE, CONTENT).body(body);
        let max = self.limits.answer_max_bytes;
        within(self.limits.whole, Phase::Whole, self.exchange(request, is_ours, max)).await
    }

    /// Asks for a licence, by a service token, and gives it as text of at most `max` bytes.
    ///
    /// # Errors
    /// When central can't be reached, or answers anything but 200 with a licence within bounds.
    pub async fn get_licence(&self, path: &str, token: &str, max: usize) -> Result<String, UplinkError> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| unfit_token())?;
        bearer.set_sensitive(true);
        let request = self.http.get(self.central.join(path)).header(AUTHORIZATION, bearer);
        let answer = self.exchange(request, is_licence, max);
        let bytes = within(self.limits.whole, Phase::Whole, answer).await?;
        String::from_utf8(bytes).map_err(|_| UplinkError::Broken { why: "it is no text".to_owned() })
    }

    /// Sends a bundle as it is read, and gives the bundle that goes back.
    pub(super) async fn post_bundle(&self, path: &str, body: reqwest::Body) -> Result<Vec<u8>, UplinkError> {
        let request = self.http.post(self.central.join(path)).header(CONTENT_TYPE, MEDIA_TYPE).body(body);
        let max = self.limits.answer_max_bytes;
        within(self.limits.whole, Phase::Whole, self.exchange(request, is_bundle, max)).await
    }

    async fn exchange(
        &self,
        request: RequestBuilder,
        is_wanted: fn(&str) -> bool,
        max: usize,
    ) -> Result<Vec<u8>, UplinkError> {
        let head = self.limits.connect + self.limits.head;
        let response = within(head, Phase::Head, async {
            request.send().await.map_err(|error| self.route().explain(&error))
        })
        .await?;
        let status = response.status();
        if status.is_redirection() {
            let to = header(&response, &LOCATION).map_or_else(|| "nowhere".to_owned(), |to| clean(&to));
            return Err(UplinkError::Redirect { status: status.as_u16(), to });
        }
        if status.as_u16() != 200 {
            return Err(self.refusal(response).await);
        }
        if let Some(content_type) = header(&response, &CONTENT_TYPE).filter(|found| !is_wanted(found)) {
            return Err(UplinkError::Foreign { content_type: clean(&content_type) });
        }
        within(self.limits.body, Phase::Body, self.read(response, max)).await
    }

    /// Sends a request to where a signed URL points, and gives status and body, whichever status it is. The URL is this client's
    /// host's; no error tells it.
    pub(super) async fn send(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<(u16, Vec<u8>), UplinkError> {
        let request = self.http.request(method, url).headers(headers).body(body);
        let max = self.limits.answer_max_bytes;
        within(self.limits.whole, Phase::Whole, async {
            let sent = async { request.send().await.map_err(|error| self.route().explain(&error)) };
            let response = within(self.limits.connect + self.limits.head, Phase::Head, sent).await?;
            let status = response.status();
            // What a store says of an error is a page; a little of it tells which one.
            let max = if status.is_success() { max } else { PROBLEM_MAX_BYTES };
            let body = within(self.limits.body, Phase::Body, self.read(response, max)).await;
            Ok((status.as_u16(), if status.is_success() { body? } else { body.unwrap_or_default() }))
        })
        .await
    }

    /// Reads an answer piece by piece, and no further than its bound.
    async fn read(&self, mut response: Response, max: usize) -> Result<Vec<u8>, UplinkError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.route().explain(&error))? {
            if body.len() + chunk.len() > max {
                return Err(UplinkError::TooLarge { max });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What central says when it does not do what it was asked.
    async fn refusal(&self, response: Response) -> UplinkError {
        let status = response.status().as_u16();
        let retry_after_s =
            header(&response, &RETRY_AFTER).and_then(|value| retry_after::seconds(&value, clock::unix_s()));
        // Whatever is wrong with the body, the status tells more.
        let body = within(self.limits.body, Phase::Body, self.read(response, PROBLEM_MAX_BYTES)).await;
        let Problem { error, mend } = Problem::read(&body.unwrap_or_default());
        UplinkError::Status { status, error, mend, retry_after_s }
    }

    fn route(&self) -> Route<'_> {
        Route { central: &self.central, proxy: self.proxy.as_ref(), connect: self.limits.connect }
    }
}

async fn within<T>(
    limit: Duration,
    phase: Phase,
    work: impl Future<Output = Result<T, UplinkError>>,
) -> Result<T, UplinkError> {
    timeout(limit, work).await.unwrap_or(Err(UplinkError::Timeout { phase, limit }))
}

fn header(response: &Response, name: &HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// A page of a portal or a proxy is no answer of a central.
fn is_ours(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.contains("protobuf") || kind == "application/octet-stream"
}

fn is_bundle(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case(MEDIA_TYPE)
}

fn is_licence(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case(LICENCE_CONTENT)
}

/// Without the token, as it may be nearly right.
fn unfit_token() -> UplinkError {
    UplinkError::Settings {
        what: "the service token has a character that no token has".to_owned(),
        mend: "give it as central printed it, on one line".to_owned(),
    }
}
