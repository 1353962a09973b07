//! Keeps the licence: reads its files when they change, takes up what central offers, and asks for the next one before it ends.
//!
//! The asking runs as a task of its own, so that a slow central never delays a sample. When to ask is looked at in each turn of the
//! loop; the loop is woken for it only where the moment comes before the slot's end.

mod told;

use crate::config;
use crate::events;
use crate::joined::{Joined, central_keys, is_air_gapped};
use crate::keeper::Standing;
use crate::licence::{self, InstallError, Installed, Loaded, Mark as FileMark};
use crate::uplink::licence::{Asked, Question, ask};
use crate::uplink::{Client, Environment, Identity, PushError, Settings, UplinkError, random};
use highwater_rules::licence::{CHECK_S, Claims, Holder, LicenceError, LicenceState, TERM_MAX_S};
use highwater_rules::record::Mark;
use highwater_rules::renewal::{self, Outcome};
use highwater_rules::retry;
use highwater_rules::sign::PublicKey;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinHandle;
use told::Told;

/// What came of asking.
#[derive(Debug)]
pub(crate) struct Ended {
    result: Result<Asked, PushError>,
}

impl Ended {
    /// Nothing came within so long.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn late(limit: std::time::Duration) -> Self {
        Ended { result: Err(UplinkError::Timeout { phase: crate::uplink::Phase::Whole, limit }.into()) }
    }

    /// What central answered, where it is believed.
    pub(crate) fn asked(&self) -> Option<&Asked> {
        self.result.as_ref().ok()
    }
}

/// A question to central that is ready to be asked.
#[derive(Debug)]
pub(crate) struct Ask {
    settings: Option<Settings>,
    identity: Arc<Identity>,
    pinned: PublicKey,
    question: Question,
}

impl Ask {
    /// Asks it.
    pub(crate) async fn run(self) -> Ended {
        let result = match self.settings.map(|settings| Client::new(&settings)) {
            Some(Ok(client)) => ask(&client, &self.identity, &self.pinned, &self.question).await,
            Some(Err(error)) => Err(error.into()),
            // An activation always names a central.
            None => Err(no_central().into()),
        };
        Ended { result }
    }
}

/// Whose licence it is, and what is known of its revocation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Who {
    /// Whom central counts the instance for.
    pub(crate) identity: Option<String>,
    /// The moment of the last revocation that is known, in unix seconds.
    pub(crate) revoked_at: Option<i64>,
    /// The id of the cluster that it is in.
    pub(crate) cluster: Option<String>,
}

impl Who {
    /// The instance, as its standing with central says, in the cluster that its ledger names.
    pub(crate) fn of(standing: &Standing, cluster: Option<&str>) -> Self {
        Who {
            identity: standing.identity.clone(),
            revoked_at: standing.revoked_at,
            cluster: cluster.map(str::to_owned),
        }
    }
}

/// Keeps the licence.
pub(crate) struct Renewer {
    state_dir: PathBuf,
    instance: String,
    uplink: config::Uplink,
    operators: Option<PathBuf>,
    /// In a cluster, the operator's file is a Secret's, which is there before the first licence is.
    in_cluster: bool,
    /// The files as they were read last, by which keys, and for whom.
    seen: Option<(FileMark, Vec<PublicKey>, [Option<String>; 2])>,
    loaded: Loaded,
    told: Told,
    /// Until then central is not asked, in milliseconds of the clock since boot: no wall clock that is set moves it.
    rest_until_ms: i64,
    failures: u32,
    due_ms: Option<i64>,
    running: Option<JoinHandle<Ended>>,
}

impl Renewer {
    pub(crate) fn new(state_dir: &Path, instance: &str, config: &config::Config, now: &Mark) -> Self {
        // A fleet that boots at once must not ask at once.
        let rest_s = retry::splay(instance, retry::START_SPLAY_S);
        Renewer {
            state_dir: state_dir.to_owned(),
            instance: instance.to_owned(),
            uplink: config.uplink.clone(),
            operators: config.licence_file.clone(),
            in_cluster: config.kubernetes.is_some(),
            seen: None,
            loaded: Loaded::default(),
            told: Told::default(),
            rest_until_ms: now.boot_ms.saturating_add(rest_s * 1000),
            failures: 0,
            due_ms: None,
            running: None,
        }
    }

    /// Follows a changed configuration.
    pub(crate) fn follow(&mut self, config: &config::Config) {
        self.uplink = config.uplink.clone();
        self.operators.clone_from(&config.licence_file);
        self.in_cluster = config.kubernetes.is_some();
    }

    /// What the licence that counts says.
    pub(crate) fn claims(&self) -> Option<&Claims> {
        self.loaded.claims()
    }

    /// The agent's own licence, where that counts and is a cluster's, and its text.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn own_of_cluster(&self) -> Option<(Claims, String)> {
        let (claims, origin, token) = self.loaded.licence.as_ref()?;
        let is_own = *origin == licence::Origin::Agent && claims.subject.is_cluster();
        is_own.then(|| (claims.clone(), token.clone()))
    }

    /// Central's keys, as the files were held to them last.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn keys(&self) -> Vec<PublicKey> {
        self.seen.as_ref().map(|(_, keys, _)| keys.clone()).unwrap_or_default()
    }

    /// Reads the files again where they, central's keys, whom the instance counts for or its cluster are others than before. Whether they are is
    /// the result.
    pub(crate) fn look(&mut self, joined: Option<&Joined>, who: &Who) -> bool {
        let mark = licence::mark(&self.state_dir, self.operators.as_deref());
        let keys = match (&self.seen, joined) {
            (Some((_, keys, _)), Some(joined)) if keys.iter().eq(joined.enrolment.keys()) => keys.clone(),
            _ => central_keys(joined, &self.state_dir, &self.instance),
        };
        let now = Some((mark, keys, [who.identity.clone(), who.cluster.clone()]));
        if self.seen == now {
            return false;
        }
        self.seen = now;
        let keys: Vec<&PublicKey> = self.seen.iter().flat_map(|(_, keys, _)| keys).collect();
        let holder = holder(&self.instance, who);
        self.loaded = licence::load(&self.state_dir, self.operators.as_deref(), &keys, &holder);
        if self.in_cluster {
            self.loaded.problems.retain(|problem| !problem.is_nothing_yet());
        }
        self.told.files(&self.loaded, keys.is_empty());
        true
    }

    /// Tells of a licence that began to count, expired, was revoked, or wants another slot length.
    pub(crate) fn tell(&mut self, state: LicenceState, interval_s: i64) {
        self.told.licence(self.loaded.claims(), state, interval_s);
    }

    /// Central may be asked at once, whatever it said before: the instance was activated just now.
    pub(crate) fn ask_soon(&mut self) {
        self.rest_until_ms = i64::MIN;
        self.failures = 0;
    }

    /// Takes up licences that central offered, those of other instances passed over. Whether any is newer than what was there is the
    /// result.
    pub(crate) fn take_up(&mut self, offered: &[String], joined: &Joined, who: &Who) -> bool {
        let mut is_newer = false;
        for token in offered {
            match take_up(&self.state_dir, &self.instance, token, joined, who) {
                Ok(Installed::Newer(_)) => is_newer = true,
                Ok(Installed::Same(_) | Installed::Older(_))
                | Err(InstallError::Licence(LicenceError::Foreign { .. })) => {}
                Err(error) => events::licence_unusable(&error),
            }
        }
        is_newer
    }

    /// Begins to ask where it is time to.
    pub(crate) fn begin_if_due(
        &mut self,
        joined: Option<&Joined>,
        state: LicenceState,
        now_s: i64,
        now: &Mark,
    ) {
        if let Some(ask) = self.due(joined, state, now_s, now) {
            self.running = Some(tokio::spawn(ask.run()));
        }
    }

    /// What is to be asked, where it is time to. `now_s` is a moment of the instance's own time, and `state` what the licence is worth
    /// then.
    pub(crate) fn due(
        &mut self,
        joined: Option<&Joined>,
        state: LicenceState,
        now_s: i64,
        now: &Mark,
    ) -> Option<Ask> {
        self.due_ms = None;
        let joined = joined.filter(|_| self.running.is_none())?;
        // Licences come with what is carried.
        if is_air_gapped(&self.uplink, Some(&joined.enrolment)) {
            return None;
        }
        // One that was put back after a revocation is none.
        let counts = self.claims().filter(|_| state != LicenceState::Revoked);
        let wait_s = renewal::wait_s(counts, &self.instance, now_s)?;
        let due_ms = now.boot_ms.saturating_add(wait_s.saturating_mul(1000)).max(self.rest_until_ms);
        if due_ms > now.boot_ms {
            self.due_ms = Some(due_ms);
            return None;
        }
        let settings = Settings::of(&self.uplink, Some(&joined.enrolment), Environment::read());
        let (identity, pinned) = (joined.identity.clone(), joined.enrolment.pinned().clone());
        let question = Question {
            instance: self.instance.clone(),
            held: self.claims().map(|claims| claims.id.clone()),
            now_s: now.wall_ms.div_euclid(1000),
        };
        Some(Ask { settings, identity, pinned, question })
    }

    /// When to ask next, in unix seconds of the wall clock as it stands.
    pub(crate) fn wake_at(&self, now: &Mark) -> Option<i64> {
        let left_ms = self.due_ms?.saturating_sub(now.boot_ms).max(0);
        Some(now.wall_ms.saturating_add(left_ms).saturating_add(999).div_euclid(1000))
    }

    /// Waits for what comes of asking; for ever where nobody asks. Can be dropped and asked again.
    pub(crate) async fn ended(&mut self) -> Ended {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let ended = running.await;
        self.running = None;
        // A task ends by itself: it is never aborted while someone waits for it, and a panic aborts the process.
        match ended {
            Ok(ended) => ended,
            Err(_) => std::future::pending().await,
        }
    }

    /// Takes up what central answered. `joined` has the key pinned that came with the answer. Whether there is a newer licence is the
    /// result.
    pub(crate) fn settle(&mut self, ended: Ended, joined: &Joined, who: &Who, now: &Mark) -> bool {
        let asked = match ended.result {
            Ok(asked) => asked,
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                // Without random bytes, the whole of the time that a retry may wait.
                let random = random::number().unwrap_or(u64::MAX);
                let wait_s = retry::wait_s(self.failures, random, error.retry_after_s());
                self.rest(wait_s, now);
                events::licence_failed(&error.to_string(), error.mend(), Some(self.failures), wait_s);
                return false;
            }
        };
        self.failures = 0;
        // Whatever comes of it, central is not asked again and again for what it has given.
        self.rest(CHECK_S, now);
        match asked.renewed.outcome {
            Outcome::Licence(token) => {
                let is_newer = self.take_up(&[token], joined, who);
                if is_newer {
                    self.rest(0, now);
                }
                is_newer
            }
            Outcome::Refused { allowed_from: Some(from), .. } => {
                let wait_s = from.saturating_sub(asked.renewed.answered_at).clamp(1, TERM_MAX_S);
                self.rest(wait_s, now);
                events::licence_early(from);
                false
            }
            Outcome::Refused { message, .. } => {
                let error = format!("central gives no licence: {message}");
                events::licence_failed(&error, "ask whoever runs central", None, CHECK_S);
                false
            }
        }
    }

    fn rest(&mut self, seconds: i64, now: &Mark) {
        self.rest_until_ms = now.boot_ms.saturating_add(seconds.saturating_mul(1000));
    }
}

/// Installs a licence that central gave, where it is the instance's.
///
/// # Errors
/// When it is not believed or someone else's, or can't be written.
pub(crate) fn take_up(
    state_dir: &Path,
    instance: &str,
    token: &str,
    joined: &Joined,
    who: &Who,
) -> Result<Installed, InstallError> {
    let keys: Vec<&PublicKey> = joined.enrolment.keys().collect();
    licence::install(state_dir, token, &keys, &holder(instance, who), who.revoked_at)
}

/// The instance as the holder of a licence.
pub(crate) fn holder<'a>(instance: &'a str, who: &'a Who) -> Holder<'a> {
    Holder { instance, identity: who.identity.as_deref(), cluster: who.cluster.as_deref() }
}

fn no_central() -> UplinkError {
    UplinkError::Settings {
        what: "not activated: there is no central to ask for a licence".to_owned(),
        mend: "get an enrolment token from the vendor, and run `highwater activate`".to_owned(),
    }
}
