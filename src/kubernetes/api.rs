//! Calls of the API server: one at a time, within bounds of time and size, over one connection each. No proxy, no redirect, no
//! authority but the credentials' own.

use super::error::ApiError;
use super::rule::Rule;
use crate::config::Kubernetes;
use crate::files::read_bounded;
use crate::tls;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, Url, redirect, retry};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a call may take unless the caller says otherwise.
const WHOLE: Duration = Duration::from_secs(10);
/// The longest answer unless the caller says otherwise, in bytes.
const ANSWER_MAX_BYTES: usize = 8 << 20;
/// The longest body of a refusal that is read, in bytes: it repeats the object that it is about.
const REFUSAL_MAX_BYTES: usize = 64 * 1024;
/// How much of the server's own words is told, in characters.
const MESSAGE_MAX_CHARS: usize = 300;
/// The longest token, in bytes. Those of a service account are some 1.5 KiB long.
const TOKEN_MAX_BYTES: usize = 64 * 1024;
/// The longest file of authorities, in bytes.
const CA_MAX_BYTES: usize = 1 << 20;
/// The longest name of a namespace, in bytes, with white space around it.
const NAMESPACE_MAX_BYTES: usize = 256;
/// The longest time that `Retry-After` is believed for, in seconds.
const RETRY_AFTER_MAX_S: u64 = 3600;
/// Who changes things, as `managedFields` tells it.
const FIELD_MANAGER: &str = "highwater";
const USER_AGENT: &str = concat!("highwater/", env!("CARGO_PKG_VERSION"));

/// The API server, and how it is asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    config: Arc<Kubernetes>,
    whole: Duration,
    max_bytes: usize,
}

/// What the server answered; its status was one of success.
#[derive(Debug)]
pub struct Answer {
    /// The body.
    pub body: Vec<u8>,
    /// The path that was asked for.
    what: String,
}

impl Answer {
    /// The body, read as JSON.
    ///
    /// # Errors
    /// When it is something else.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let garbled =
            |e: serde_json::Error| ApiError::Garbled { what: self.what.clone(), why: e.to_string() };
        serde_json::from_slice(&self.body).map_err(garbled)
    }
}

/// What a call sends beside its URL.
enum Body<'a> {
    Nothing,
    Json(&'static str, &'a serde_json::Value),
}

/// One call.
struct Call<'a> {
    method: Method,
    rule: Rule,
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    body: Body<'a>,
}

impl Api {
    /// Asks the server of this configuration. The credentials are read with each call, so that a renewed token counts at once.
    #[must_use]
    pub fn new(config: &Kubernetes) -> Self {
        Api { config: Arc::new(config.clone()), whole: WHOLE, max_bytes: ANSWER_MAX_BYTES }
    }

    /// The same server, where a call may take so long.
    #[must_use]
    pub fn within(self, whole: Duration) -> Self {
        Api { whole, ..self }
    }

    /// The same server, where an answer may be so many bytes long.
    #[must_use]
    pub fn up_to(self, max_bytes: usize) -> Self {
        Api { max_bytes, ..self }
    }

    /// What is configured of the cluster.
    #[must_use]
    pub fn config(&self) -> &Kubernetes {
        &self.config
    }

    /// The namespace of what is kept in the cluster: the configured one, else the one that the credentials name.
    ///
    /// # Errors
    /// When neither is there.
    pub fn namespace(&self) -> Result<String, ApiError> {
        if let Some(namespace) = &self.config.namespace {
            return Ok(namespace.clone());
        }
        let path = self.file("namespace");
        let text = read_bounded(&path, NAMESPACE_MAX_BYTES)
            .map_err(|error| ApiError::File { path: path.clone(), error })?;
        let name = text.trim();
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        match !name.is_empty() && name.len() <= 63 && name.bytes().all(fits) {
            true => Ok(name.to_owned()),
            false => Err(ApiError::Unfit { path, what: "holds no name of a namespace".to_owned() }),
        }
    }

    /// Asks for what is at `path`, such as `/api/v1/nodes/NAME`. `rule` is the right that it needs.
    ///
    /// # Errors
    /// When there is no answer, none within bounds, or one of no success.
    pub async fn get(&self, rule: Rule, path: &str, query: &[(&str, &str)]) -> Result<Answer, ApiError> {
        self.call(Call { method: Method::GET, rule, path, query, body: Body::Nothing }).await
    }

    /// Changes what is at `path` by a merge patch. With `metadata.resourceVersion` in it, only if nobody else changed it.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn merge_patch(
        &self,
        rule: Rule,
        path: &str,
        json: &serde_json::Value,
    ) -> Result<Answer, ApiError> {
        self.change(Method::PATCH, rule, path, Body::Json("application/merge-patch+json", json)).await
    }

    /// Puts an object in the place of the one at `path`.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn put(&self, rule: Rule, path: &str, json: &serde_json::Value) -> Result<Answer, ApiError> {
        self.change(Method::PUT, rule, path, Body::Json("application/json", json)).await
    }

    /// Makes an object in the collection at `path`.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn post(&self, rule: Rule, path: &str, json: &serde_json::Value) -> Result<Answer, ApiError> {
        self.change(Method::POST, rule, path, Body::Json("application/json", json)).await
    }

    async fn change(
        &self,
        method: Method,
        rule: Rule,
        path: &str,
        body: Body<'_>,
    ) -> Result<Answer, ApiError> {
        self.call(Call { method, rule, path, query: &[("fieldManager", FIELD_MANAGER)], body }).await
    }

    async fn call(&self, call: Call<'_>) -> Result<Answer, ApiError> {
        let late = || ApiError::Late { place: self.place(), limit: self.whole };
        timeout(self.whole, self.with_token(&call)).await.unwrap_or_else(|_| Err(late()))
    }

    /// The kubelet renews the token's file; one that was read just before it did is refused.
    async fn with_token(&self, call: &Call<'_>) -> Result<Answer, ApiError> {
        let token = self.token()?;
        match self.exchange(call, &token).await {
            Err(ApiError::Unauthorized { path }) => {
                let renewed = self.token()?;
                if renewed == token {
                    return Err(ApiError::Unauthorized { path });
                }
                self.exchange(call, &renewed).await
            }
            done => done,
        }
    }

    async fn exchange(&self, call: &Call<'_>, token: &str) -> Result<Answer, ApiError> {
        let mut url = self.config.api.clone().ok_or(ApiError::NotIn)?;
        url.set_path(&format!("{}{}", url.path().trim_end_matches('/'), call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| self.no_token())?;
        bearer.set_sensitive(true);
        let mut request = self
            .client()?
            .request(call.method.clone(), url)
            .header(reqwest::header::AUTHORIZATION, bearer)
            .header(ACCEPT, HeaderValue::from_static("application/json"));
        if let Body::Json(kind, json) = call.body {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static(kind)).body(json.to_string());
        }
        let response = request.send().await.map_err(|e| self.unreached(&e))?;
        let what = call.path.to_owned();
        if !response.status().is_success() {
            return Err(self.refusal(response, call).await);
        }
        let max = self.max_bytes;
        match self.read(response, max).await? {
            Some(body) => Ok(Answer { body, what }),
            None => Err(ApiError::TooLong { what, max }),
        }
    }

    fn client(&self) -> Result<reqwest::Client, ApiError> {
        let path = self.file("ca.crt");
        let pem = read_bounded(&path, CA_MAX_BYTES)
            .map_err(|error| ApiError::File { path: path.clone(), error })?;
        let authorities =
            tls::authorities(&pem).map_err(|unfit| ApiError::Unfit { path, what: unfit.to_string() })?;
        let unreached = |why: String| ApiError::Unreached { place: self.place(), why };
        let mut config = tls::builder(tls::provider())
            .map_err(|e| unreached(e.to_string()))?
            .with_root_certificates(authorities)
            .with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .user_agent(USER_AGENT)
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT)
            .build()
            .map_err(|e| self.unreached(&e))
    }

    /// The body; nothing where it is longer than `max` bytes.
    async fn read(&self, mut response: Response, max: usize) -> Result<Option<Vec<u8>>, ApiError> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|e| self.unreached(&e))? {
            if body.len() + piece.len() > max {
                return Ok(None);
            }
            body.extend_from_slice(&piece);
        }
        Ok(Some(body))
    }

    async fn refusal(&self, response: Response, call: &Call<'_>) -> ApiError {
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after_s =
            retry_after.and_then(|value| value.trim().parse().ok()).map(|s: u64| s.min(RETRY_AFTER_MAX_S));
        // Whatever is wrong with the body, the status tells more.
        let body = self.read(response, REFUSAL_MAX_BYTES).await.ok().flatten().unwrap_or_default();
        let Status { reason, message } = serde_json::from_slice(&body).unwrap_or_default();
        let (what, message) = (call.path.to_owned(), clean(&message));
        match status {
            401 => ApiError::Unauthorized { path: self.file("token") },
            403 => ApiError::Forbidden { rule: Box::new(call.rule.clone()) },
            404 => ApiError::NotFound { what, message },
            409 if reason == "AlreadyExists" => ApiError::AlreadyExists { what },
            409 => ApiError::Conflict { what },
            410 => ApiError::Expired { what },
            422 => ApiError::Invalid { what, message },
            429 => ApiError::TooMany { retry_after_s },
            500..=599 => ApiError::Server { status, message, retry_after_s },
            _ => ApiError::Refused { what, status, message },
        }
    }

    fn token(&self) -> Result<Zeroizing<String>, ApiError> {
        let path = self.file("token");
        let text = read_bounded(&path, TOKEN_MAX_BYTES).map_err(|error| ApiError::File { path, error })?;
        let text = Zeroizing::new(text);
        let token = text.trim();
        match !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) {
            true => Ok(Zeroizing::new(token.to_owned())),
            false => Err(self.no_token()),
        }
    }

    fn no_token(&self) -> ApiError {
        ApiError::Unfit { path: self.file("token"), what: "holds no token".to_owned() }
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(&self.config.credentials).join(name)
    }

    /// Where the server is.
    #[must_use]
    pub fn place(&self) -> String {
        let url = self.config.api.as_ref().map(Url::as_str);
        url.unwrap_or("an unknown place").trim_end_matches('/').to_owned()
    }

    fn unreached(&self, error: &reqwest::Error) -> ApiError {
        let (place, (why, certificate)) = (self.place(), tls::cause(error));
        match certificate {
            Some(_) => ApiError::Untrusted { place, why, authority: self.file("ca.crt") },
            None => ApiError::Unreached { place, why },
        }
    }
}

/// Does the work of a thread that has no runtime.
///
/// # Errors
/// When the host has not enough left for a runtime; else as the work.
pub fn blocking<T>(api: &Api, work: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| ApiError::Unreached { place: api.place(), why: e.to_string() })?;
    let done = runtime.block_on(work);
    // A name that is still being looked up keeps a thread; nothing waits for it.
    runtime.shutdown_background();
    done
}

/// What the server says of a refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    reason: String,
    message: String,
}

/// The server's words, on one line and not too long.
fn clean(message: &str) -> String {
    let words = message.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    words.take(MESSAGE_MAX_CHARS).collect()
}
