//! When which errand is run, and what becomes of it.

use super::licence::{self, Job, LicenceEnd};
use super::standing::{self, Standing};
use super::warnings::Warnings;
use crate::config::{Config, Kubernetes};
use crate::events;
use crate::gate::State;
use crate::kubernetes::event::{self, Warning};
use crate::kubernetes::{Api, ApiError, cluster};
use crate::renewer::{Ask, Who};
use crate::uplink::random;
use highwater_rules::grace::Stage;
use highwater_rules::lease::Watched;
use highwater_rules::licence::Claims;
use highwater_rules::node::Node;
use highwater_rules::record::Mark;
use highwater_rules::retry;
use highwater_rules::sign::PublicKey;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long a call may take.
const CALL: Duration = Duration::from_secs(5);
/// How often the node is looked up again, and the cluster's standing is told, in milliseconds.
const DAILY_MS: i64 = 86_400_000;
/// Over how long a cluster's agents spread their first question, in seconds: nothing else can begin before it.
const FIRST_SPLAY_S: i64 = 5;
/// The least time between two errands for the licence, in milliseconds.
const LICENCE_REST_MS: i64 = 10_000;

/// What came of an errand.
pub(crate) enum Ended {
    /// The node was looked up.
    Node(Result<Node, ApiError>),
    /// The licence was seen to.
    Licence(Box<LicenceEnd>),
    /// A warning was told, so many times by now.
    Warned(&'static str, Result<i64, ApiError>),
    /// The cluster's standing was told.
    Told(Result<(), ApiError>),
}

/// What the loop sees in a turn.
pub(crate) struct Look<'a> {
    pub(crate) state: &'a State,
    /// Where the grace period alone stands: the gate may be worse for another reason.
    pub(crate) grace: Stage,
    /// Whether central can be spoken with: the licence is nobody's before.
    pub(crate) is_joined: bool,
    pub(crate) ask: Option<Ask>,
    pub(crate) own: Option<(Claims, String)>,
    pub(crate) keys: Vec<PublicKey>,
    pub(crate) who: Who,
}

/// When an errand is due, in milliseconds of the clock since boot, and how often in a row it failed.
#[derive(Debug, Default)]
struct Pace {
    due_ms: i64,
    failures: u32,
}

/// Runs errands; none where no node is configured.
pub(crate) struct Steward {
    instance: String,
    cluster: Option<Cluster>,
    running: Option<JoinHandle<Ended>>,
}

struct Cluster {
    api: Api,
    node: Pace,
    licence: Pace,
    wants_licence: bool,
    warning: Pace,
    status: Pace,
    warnings: Warnings,
    standing: Option<Standing>,
    watched: Option<Watched>,
    /// The id of the own licence that needs no more to be put into the Secret.
    settled: Option<String>,
}

impl Steward {
    pub(crate) fn new(config: &Config, instance: &str, now: &Mark) -> Self {
        let cluster = config.kubernetes.as_ref().map(|config| Cluster::new(config, instance, now));
        Steward { instance: instance.to_owned(), cluster, running: None }
    }

    /// Follows a changed configuration. A running errand is let run to its end: it may hold the Lease.
    pub(crate) fn follow(&mut self, config: &Config, now: &Mark) {
        if config.kubernetes.as_ref() != self.cluster.as_ref().map(|cluster| cluster.api.config()) {
            let instance = &self.instance;
            self.cluster = config.kubernetes.as_ref().map(|config| Cluster::new(config, instance, now));
        }
    }

    /// Whether the licence is the cluster's, and renewed by whoever holds the Lease.
    pub(crate) fn keeps_licence(&self) -> bool {
        self.cluster.as_ref().is_some_and(|cluster| cluster.api.config().licence.is_some())
    }

    /// Looks at what is due, and begins an errand where one is.
    pub(crate) fn look(&mut self, look: Look<'_>, now: &Mark) {
        let Some(cluster) = &mut self.cluster else { return };
        cluster.look(&look, &self.instance, now);
        if self.running.is_none() {
            self.running = cluster.begin(look, &self.instance, now);
        }
    }

    /// When something is due next, in unix seconds of the wall clock as it stands.
    pub(crate) fn wake_at(&self, now: &Mark) -> Option<i64> {
        if self.running.is_some() {
            return None;
        }
        let left_ms = self.cluster.as_ref()?.due_ms().saturating_sub(now.boot_ms).max(0);
        Some(now.wall_ms.saturating_add(left_ms).saturating_add(999).div_euclid(1000))
    }

    /// Waits for the end of an errand; for ever where none is run. Can be dropped and asked again.
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

    /// Takes up what came of an errand, and plans the next one.
    pub(crate) fn settle(&mut self, ended: &Ended, now: &Mark) {
        if let Some(cluster) = &mut self.cluster {
            cluster.settle(ended, now);
        }
    }

    /// What came of looking up the node could not be kept: it is looked up again.
    pub(crate) fn node_unkept(&mut self, error: &dyn std::error::Error, now: &Mark) {
        if let Some(cluster) = &mut self.cluster {
            cluster.node.failed("node", error, None, now);
        }
    }
}

impl Pace {
    fn after(ms: i64, now: &Mark) -> Self {
        Pace { due_ms: now.boot_ms.saturating_add(ms), failures: 0 }
    }

    fn is_due(&self, now: &Mark) -> bool {
        self.due_ms <= now.boot_ms
    }

    fn failed(
        &mut self,
        errand: &str,
        error: &dyn std::error::Error,
        retry_after_s: Option<i64>,
        now: &Mark,
    ) {
        self.failures = self.failures.saturating_add(1);
        let wait_s = retry::wait_s(self.failures, random::number().unwrap_or(u64::MAX), retry_after_s);
        self.due_ms = now.boot_ms.saturating_add(wait_s.saturating_mul(1000));
        events::cluster_failed(errand, error, self.failures, wait_s);
    }

    fn succeeded(&mut self, errand: &str, rest_ms: i64, now: &Mark) {
        if self.failures > 0 {
            events::cluster_recovered(errand, self.failures);
        }
        *self = Pace::after(rest_ms, now);
    }

    /// The next time is after so long, or after the pause that a failure asked for.
    fn take_up<T>(&mut self, errand: &str, result: &Result<T, ApiError>, rest_ms: i64, now: &Mark) {
        match result {
            Ok(_) => self.succeeded(errand, rest_ms, now),
            Err(error) => self.failed(errand, error, retry_after_s(error), now),
        }
    }
}

fn retry_after_s(error: &ApiError) -> Option<i64> {
    error.retry_after_s().and_then(|seconds| i64::try_from(seconds).ok())
}

impl Cluster {
    fn new(config: &Kubernetes, instance: &str, now: &Mark) -> Self {
        let splayed = |over_s| Pace::after(retry::splay(instance, over_s) * 1000, now);
        Cluster {
            api: Api::new(config).within(CALL),
            node: splayed(FIRST_SPLAY_S),
            licence: Pace::default(),
            wants_licence: false,
            warning: splayed(retry::START_SPLAY_S),
            status: splayed(retry::START_SPLAY_S),
            warnings: Warnings::default(),
            standing: None,
            watched: None,
            settled: None,
        }
    }

    fn look(&mut self, look: &Look<'_>, instance: &str, now: &Mark) {
        self.warnings.look(look.state, look.grace);
        let standing = Standing::of(look.state);
        // Days count down by themselves, which is told once a day.
        if self.standing.as_ref().is_some_and(|before| before.is_news(&standing)) {
            let splay_ms = retry::splay(instance, retry::START_SPLAY_S) * 1000;
            self.status.due_ms = self.status.due_ms.min(now.boot_ms.saturating_add(splay_ms));
        }
        self.standing = Some(standing);
        let is_unsettled = look.own.as_ref().is_some_and(|(own, _)| Some(&own.id) != self.settled.as_ref());
        let is_kept = self.api.config().licence.is_some();
        self.wants_licence = is_kept && look.is_joined && (look.ask.is_some() || is_unsettled);
    }

    /// When the next errand is due, in milliseconds of the clock since boot.
    fn due_ms(&self) -> i64 {
        let config = self.api.config();
        let licence = self.wants_licence.then_some(self.licence.due_ms);
        let warning = self.warnings.due_ms().filter(|_| config.pod.is_some());
        let warning = warning.map(|due_ms| due_ms.max(self.warning.due_ms));
        let status = config.status.as_ref().map(|_| self.status.due_ms);
        [licence, warning, status].into_iter().flatten().fold(self.node.due_ms, i64::min)
    }

    fn begin(&mut self, look: Look<'_>, instance: &str, now: &Mark) -> Option<JoinHandle<Ended>> {
        let (api, now_s) = (self.api.clone(), now.wall_ms.div_euclid(1000));
        if self.node.is_due(now) {
            return Some(tokio::spawn(async move { Ended::Node(cluster::node(&api).await) }));
        }
        if self.wants_licence && self.licence.is_due(now) {
            let config = api.config().clone();
            let job = Job {
                secret: config.licence?,
                me: config.pod.unwrap_or(config.node),
                api,
                watched: self.watched.clone(),
                now_ms: now.boot_ms,
                now_s,
                ask: look.ask,
                own: look.own,
                keys: look.keys,
                instance: instance.to_owned(),
                who: look.who,
            };
            return Some(tokio::spawn(async move { Ended::Licence(Box::new(licence::run(job).await)) }));
        }
        if let (Some(pod), true) = (api.config().pod.clone(), self.warning.is_due(now))
            && let Some((warning, count)) = self.warnings.due(now.boot_ms)
        {
            return Some(tokio::spawn(warned(api, pod, warning, count, now_s)));
        }
        if let (Some(name), Some(standing), true) =
            (api.config().status.clone(), self.standing.clone(), self.status.is_due(now))
        {
            let told = async move { standing::tell(&api, &name, &standing, now_s).await };
            return Some(tokio::spawn(async move { Ended::Told(told.await) }));
        }
        None
    }

    fn settle(&mut self, ended: &Ended, now: &Mark) {
        match ended {
            Ended::Node(result) => self.node.take_up("node", result, DAILY_MS, now),
            Ended::Licence(end) => self.settle_licence(end, now),
            Ended::Warned(suffix, result) => {
                if let Ok(count) = result {
                    self.warnings.told(suffix, *count, now.boot_ms);
                }
                self.warning.take_up("warning", result, 0, now);
            }
            Ended::Told(result) => self.status.take_up("status", result, DAILY_MS, now),
        }
    }

    fn settle_licence(&mut self, end: &LicenceEnd, now: &Mark) {
        let config = self.api.config();
        if let Some(from) = &end.taken_from {
            events::lease_taken_over(&config.lease, from);
        }
        if let (Some(claims), Some(licence)) = (&end.kept, &config.licence) {
            events::cluster_licence_kept(&licence.secret, claims);
        }
        if let Some(id) = &end.settled {
            self.settled = Some(id.clone());
        }
        if let Some(error) = &end.error {
            return self.licence.failed("licence", error, retry_after_s(error), now);
        }
        let Some((version, wait_ms)) = &end.held else {
            self.watched = None;
            return self.licence.succeeded("licence", LICENCE_REST_MS, now);
        };
        self.licence.succeeded("licence", *wait_ms, now);
        if self.watched.as_ref().is_none_or(|watched| watched.version != *version) {
            self.watched = Some(Watched { version: version.clone(), since_ms: now.boot_ms });
        }
    }
}

async fn warned(api: Api, pod: String, warning: Warning, count: Option<i64>, now_s: i64) -> Ended {
    Ended::Warned(warning.suffix, event::warn(&api, &pod, &warning, count, now_s).await)
}
