//! One question over HTTP, and its answer: for sources that are asked so. It blocks, within bounds of time and size; it follows
//! no redirect, takes no proxy, and keeps no connection.

mod tls;

use crate::config::ClientFiles;
use crate::config::ssl::Trust;
use crate::files::read_bounded;
use crate::sources::{Garbled, SourceError};
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Response, Url, redirect, retry};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The stack that a thread needs which fetches: TLS takes most of it.
pub const STACK_BYTES: usize = 1024 * 1024;
/// How long all of it may take: less than the sampler waits for a source.
const WHOLE: Duration = Duration::from_millis(900);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_millis(600);
/// The longest file of a secret.
const SECRET_MAX_BYTES: usize = 4096;
const USER_AGENT: &str = concat!("highwater/", env!("CARGO_PKG_VERSION"));

/// Whom to ask, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where: the paths of questions are added to it.
    pub url: Url,
    /// Whose certificate it must show.
    pub trust: Trust,
    /// The client's own certificate.
    pub client: Option<ClientFiles>,
    /// A user and the file of its password, told by HTTP's basic authentication.
    pub basic: Option<(String, PathBuf)>,
    /// The file of a token, told as a bearer's.
    pub bearer: Option<PathBuf>,
    /// The longest answer that is taken, in bytes.
    pub max_bytes: usize,
}

/// An answer, of any status.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Takes a piece of a body.
type Take<'a> = dyn FnMut(&[u8]) -> Result<(), SourceError> + 'a;

/// Asks one server.
#[derive(Debug)]
pub struct Fetch {
    settings: Settings,
}

impl Fetch {
    /// Asks a server by these settings. Files are read with each question, so that a new password or certificate counts at once.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Fetch { settings }
    }

    /// Where it asks, without a slash at the end and without a query, which may hold a secret.
    #[must_use]
    pub fn place(&self) -> String {
        let url = self.settings.url.as_str();
        url.split(['?', '#']).next().unwrap_or(url).trim_end_matches('/').to_owned()
    }

    /// Gives the body that is at the URL itself to `take`, piece by piece, so that it is never in memory as a whole. The server is
    /// told by `accept` which forms are understood.
    ///
    /// # Errors
    /// When there is no answer, none within bounds, or one of another status than 200; and what `take` says of it.
    pub fn stream(
        &self,
        accept: &'static str,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Garbled>,
    ) -> Result<(), SourceError> {
        let accept = HeaderValue::from_static(accept);
        let url = self.settings.url.clone();
        let garbled = |garbled| SourceError::GarbledAnswer { place: self.place(), garbled };
        let head = |response: &Response| {
            let (place, status) = (self.place(), response.status().as_u16());
            let why = match status {
                200 => return self.plain(response).map_err(garbled),
                401 | 403 => return Err(SourceError::NotLetIn { place, status }),
                300..=399 => "(it points elsewhere, which is not followed: correct the URL)",
                _ => "",
            };
            Err(SourceError::Refused { place, code: u64::from(status), why: why.to_owned() })
        };
        self.ask(|client| client.get(url).header(ACCEPT, accept), head, &mut |piece| {
            take(piece).map_err(garbled)
        })
    }

    /// Nothing that is to be unpacked is taken: what a few bytes become has no bound.
    fn plain(&self, response: &Response) -> Result<(), Garbled> {
        let packed = response.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
        match packed {
            None | Some(b"identity" | b"") => Ok(()),
            Some(_) => Err(Garbled::new("it is compressed, though that was not asked for")),
        }
    }

    /// The answer to `GET PATH`.
    ///
    /// # Errors
    /// When there is none, or none within bounds.
    pub fn get(&self, path: &str) -> Result<Answer, SourceError> {
        self.whole(|client| client.get(self.joined(path)))
    }

    /// The answer to `POST PATH` with a JSON body.
    ///
    /// # Errors
    /// When there is none, or none within bounds.
    pub fn post_json(&self, path: &str, body: &Zeroizing<String>) -> Result<Answer, SourceError> {
        let json = HeaderValue::from_static("application/json");
        self.whole(|client| {
            client.post(self.joined(path)).header(CONTENT_TYPE, json).body(body.as_bytes().to_vec())
        })
    }

    fn joined(&self, path: &str) -> Url {
        let mut url = self.settings.url.clone();
        url.set_path(path);
        url
    }

    /// An answer as a whole, of any status.
    fn whole(&self, request: impl FnOnce(&reqwest::Client) -> RequestBuilder) -> Result<Answer, SourceError> {
        let (mut status, mut body) = (0, Vec::new());
        let head = |response: &Response| {
            status = response.status().as_u16();
            Ok(())
        };
        self.ask(request, head, &mut |piece| {
            body.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(Answer { status, body })
    }

    fn ask(
        &self,
        request: impl FnOnce(&reqwest::Client) -> RequestBuilder,
        head: impl FnOnce(&Response) -> Result<(), SourceError>,
        take: &mut Take<'_>,
    ) -> Result<(), SourceError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(&self.settings)?)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .user_agent(USER_AGENT)
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT)
            .build()
            .map_err(|e| self.unreached(&e))?;
        let mut request = request(&client);
        if let Some((user, file)) = &self.settings.basic {
            request = request.basic_auth(user, Some(secret(file)?.as_str()));
        }
        if let Some(file) = &self.settings.bearer {
            request = request.bearer_auth(secret(file)?.as_str());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| SourceError::Unreached { place: self.place(), why: error.to_string() })?;
        let done = runtime.block_on(async { timeout(WHOLE, self.exchange(request, head, take)).await });
        // A name that is still being looked up keeps a thread; nothing waits for it.
        runtime.shutdown_background();
        let late = || format!("no whole answer within {} ms", WHOLE.as_millis());
        done.unwrap_or_else(|_| Err(SourceError::Unreached { place: self.place(), why: late() }))
    }

    async fn exchange(
        &self,
        request: RequestBuilder,
        head: impl FnOnce(&Response) -> Result<(), SourceError>,
        take: &mut Take<'_>,
    ) -> Result<(), SourceError> {
        let mut response: Response = request.send().await.map_err(|e| self.unreached(&e))?;
        head(&response)?;
        let mut taken = 0;
        while let Some(piece) = response.chunk().await.map_err(|e| self.unreached(&e))? {
            taken += piece.len();
            if taken > self.settings.max_bytes {
                return Err(SourceError::AnswerTooLong { place: self.place(), max: self.settings.max_bytes });
            }
            take(&piece)?;
        }
        Ok(())
    }

    /// What went wrong, in the words of whoever knows most of it.
    fn unreached(&self, error: &reqwest::Error) -> SourceError {
        let (why, certificate) = crate::tls::cause(error);
        let place = self.place();
        match certificate {
            Some(refused) => tls::untrusted(&refused, place, why),
            None => SourceError::Unreached { place, why },
        }
    }
}

/// A secret that stands alone in a file, without the white space around it.
///
/// # Errors
/// When the file can't be read, or holds none.
pub(super) fn secret(path: &Path) -> Result<Zeroizing<String>, SourceError> {
    let text = read_bounded(path, SECRET_MAX_BYTES).map_err(|e| SourceError::unreadable(path, e))?;
    let text = Zeroizing::new(text);
    let secret = text.trim();
    if secret.is_empty() || secret.chars().any(char::is_control) {
        return Err(SourceError::NoSecret { path: path.to_owned() });
    }
    Ok(Zeroizing::new(secret.to_owned()))
}
