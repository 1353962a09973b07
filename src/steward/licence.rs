//! The cluster's licence: one agent at a time, the Lease's holder, asks central for the next one and puts it into the Secret.
//!
//! The Lease spares central and the API server the questions of a whole cluster. What keeps two agents from writing over each other
//! is the Secret's resourceVersion, so that a holder that was taken for dead does no harm.

use crate::config::LicenceSecret;
use crate::kubernetes::secret::Kept;
use crate::kubernetes::{Api, ApiError, lease, secret};
use crate::renewer::{self, Ask, Who, holder};
use highwater_rules::lease::{Turn, Watched, turn};
use highwater_rules::licence::{self, Claims, Status};
use highwater_rules::renewal::Outcome;
use highwater_rules::sign::PublicKey;
use std::time::Duration;
use tokio::time::timeout;

/// How long asking central may take: less than others leave the Lease's holder alone.
const ASK_MAX: Duration = Duration::from_secs(40);
/// How often a licence is put into a Secret that others change meanwhile.
const WRITES: usize = 4;

/// What is to be done, and by whom.
pub(super) struct Job {
    pub(super) api: Api,
    pub(super) secret: LicenceSecret,
    /// Who holds the Lease where this agent does.
    pub(super) me: String,
    pub(super) watched: Option<Watched>,
    /// Now, in milliseconds of the clock since boot, and in unix seconds.
    pub(super) now_ms: i64,
    pub(super) now_s: i64,
    /// The question to central, where it is time to ask.
    pub(super) ask: Option<Ask>,
    /// The agent's own licence, where it is the cluster's, and its text.
    pub(super) own: Option<(Claims, String)>,
    /// Central's keys.
    pub(super) keys: Vec<PublicKey>,
    pub(super) instance: String,
    pub(super) who: Who,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct LicenceEnd {
    /// A licence that was found in the Secret, newer than the agent's own.
    pub(crate) newer: Option<String>,
    /// What central answered.
    pub(crate) asked: Option<renewer::Ended>,
    /// The licence that the agent put into the Secret.
    pub(super) kept: Option<Claims>,
    /// The id of the licence that is now known to be in the Secret, or not needed there.
    pub(super) settled: Option<String>,
    /// Somebody else holds the Lease: its version, and after how many milliseconds to look again.
    pub(super) held: Option<(String, i64)>,
    /// From whom the Lease was taken over.
    pub(super) taken_from: Option<String>,
    /// Why it went no further.
    pub(super) error: Option<ApiError>,
}

/// What the Secret holds, beside the agent's own licence.
enum There {
    /// A newer one.
    Newer(String),
    /// As good a one.
    Good,
    /// An older one, another's, or none.
    Older,
}

/// Does it.
pub(super) async fn run(mut job: Job) -> LicenceEnd {
    let mut end = LicenceEnd::default();
    if let Err(error) = job.work(&mut end).await {
        end.error = Some(error);
    }
    end
}

impl Job {
    async fn work(&mut self, end: &mut LicenceEnd) -> Result<(), ApiError> {
        // Most agents find in the Secret what they want, and need no Lease.
        let kept = secret::read(&self.api, &self.secret).await?;
        if self.is_settled(&kept, end) {
            return Ok(());
        }
        let free = lease::read(&self.api).await?;
        if let Turn::Wait { ms } = turn(&free.seen(), &self.me, self.watched.as_ref(), self.now_ms) {
            end.held = Some((free.seen().version.to_owned(), ms));
            return Ok(());
        }
        let from = free.holder().filter(|holder| *holder != self.me).map(str::to_owned);
        let taken = match free.take(&self.api, &self.me, self.now_s).await {
            Err(ApiError::Conflict { .. }) => {
                end.held = Some((String::new(), lease::DURATION_S * 1000));
                return Ok(());
            }
            taken => taken?,
        };
        end.taken_from = from;
        let done = self.with_lease(end).await;
        let given = taken.give_back(&self.api).await;
        done.and(given)
    }

    /// Whether nothing is left to do: there is a newer one, or as good a one and central is not to be asked.
    fn is_settled(&self, kept: &Kept, end: &mut LicenceEnd) -> bool {
        match self.there(kept) {
            There::Newer(token) => {
                end.newer = Some(token);
                true
            }
            There::Good => {
                end.settled = self.own.as_ref().map(|(own, _)| own.id.clone());
                self.ask.is_none()
            }
            There::Older => self.ask.is_none() && self.own.is_none(),
        }
    }

    fn there(&self, kept: &Kept) -> There {
        let theirs = kept.text.as_ref().and_then(|text| Some((self.believed(text, None)?, text)));
        match (theirs, self.own.as_ref().map(|(own, _)| own)) {
            (Some((theirs, text)), own) if own.is_none_or(|own| theirs.replaces(own)) => {
                There::Newer(text.clone())
            }
            (Some((theirs, _)), Some(own)) if !own.replaces(&theirs) => There::Good,
            _ => There::Older,
        }
    }

    /// What a token says, where it is signed by central, is the cluster's, and was not taken back since. `more` is a key that central
    /// just showed to be its own.
    fn believed(&self, token: &str, more: Option<&PublicKey>) -> Option<Claims> {
        let keys: Vec<&PublicKey> = self.keys.iter().chain(more).collect();
        let claims = licence::read(token, &keys).ok()?;
        claims.is_for(&holder(&self.instance, &self.who)).ok()?;
        let taken_back = self.who.revoked_at.is_some_and(|at| claims.issued_at <= at);
        let counts = claims.status == Status::Revoked || !taken_back;
        (claims.subject.is_cluster() && counts).then_some(claims)
    }

    async fn with_lease(&mut self, end: &mut LicenceEnd) -> Result<(), ApiError> {
        let mut kept = secret::read(&self.api, &self.secret).await?;
        if self.is_settled(&kept, end) {
            return Ok(());
        }
        let given = match self.ask.take() {
            Some(ask) => self.asked(ask, end).await,
            None => None,
        };
        let own = || self.own.clone().filter(|_| matches!(self.there(&kept), There::Older));
        let Some((claims, token)) = given.or_else(own) else { return Ok(()) };
        for _ in 0..WRITES {
            match secret::write(&self.api, &self.secret, &kept.version, &token).await {
                Ok(()) => {
                    end.settled = Some(claims.id.clone());
                    end.kept = Some(claims);
                    return Ok(());
                }
                Err(ApiError::Conflict { .. }) => {
                    kept = secret::read(&self.api, &self.secret).await?;
                    let text = kept.text.clone().unwrap_or_default();
                    if self.believed(&text, None).is_some_and(|theirs| theirs.replaces(&claims)) {
                        end.newer = Some(text);
                        return Ok(());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(ApiError::Conflict { what: format!("the Secret {}", self.secret.secret) })
    }

    /// The cluster's licence that central gives.
    async fn asked(&self, ask: Ask, end: &mut LicenceEnd) -> Option<(Claims, String)> {
        let ended = timeout(ASK_MAX, ask.run()).await.unwrap_or_else(|_| renewer::Ended::late(ASK_MAX));
        let given = ended.asked().and_then(|asked| {
            let Outcome::Licence(token) = &asked.renewed.outcome else { return None };
            Some((self.believed(token, Some(&asked.renewed.key))?, token.clone()))
        });
        end.asked = Some(ended);
        given
    }
}
