//! Activates the instance by itself, where the configuration names a file of an enrolment token and nobody has done it.
//!
//! The asking runs as a task of its own, so that a slow central never delays a sample. An instance that has joined is never joined
//! anew: what an activation left, right or wrong, is in the way.

mod join;

pub(crate) use join::{JoinError, Who, candidate, install_granted, join, settings};

use crate::config::{Config, Transport};
use crate::events;
use crate::files::read_bounded;
use crate::uplink::{enrolment, random};
use highwater_rules::record::Mark;
use highwater_rules::retry;
use highwater_rules::token::EnrolmentToken;
use std::path::{Path, PathBuf};
use tokio::task::JoinHandle;

/// More than this is no token.
pub(crate) const TOKEN_MAX_BYTES: usize = 4096;

/// Why the instance is not activated.
struct Unjoined {
    error: String,
    mend: String,
    retry_after_s: Option<i64>,
}

/// What came of an attempt.
pub(crate) struct Ended {
    result: Result<join::Done, Unjoined>,
}

/// Activates the instance.
pub(crate) struct Enroller {
    who: Who,
    /// Until then central is not asked, in milliseconds of the clock since boot.
    rest_until_ms: i64,
    failures: u32,
    due_ms: Option<i64>,
    running: Option<JoinHandle<Ended>>,
}

impl Enroller {
    pub(crate) fn new(who: Who, now: &Mark) -> Self {
        // A fleet that is rolled out at once must not ask at once.
        let rest_s = retry::splay(&who.instance, retry::START_SPLAY_S);
        Enroller {
            rest_until_ms: now.boot_ms.saturating_add(rest_s * 1000),
            who,
            failures: 0,
            due_ms: None,
            running: None,
        }
    }

    /// Begins to ask, where that is wanted and time. `knows_node` tells whether the node is known, which in a cluster must go with the
    /// request.
    pub(crate) fn begin_if_due(&mut self, config: &Config, is_joined: bool, knows_node: bool, now: &Mark) {
        self.due_ms = None;
        let (Some(file), Some(url)) = (&config.uplink.enrolment_token_file, &config.uplink.url) else {
            return;
        };
        if is_joined
            || self.running.is_some()
            || config.uplink.transport == Transport::AirGap
            || (config.kubernetes.is_some() && !knows_node)
            || config.state_dir.join(enrolment::FILE_NAME).symlink_metadata().is_ok()
        {
            return;
        }
        if self.rest_until_ms > now.boot_ms {
            self.due_ms = Some(self.rest_until_ms);
            return;
        }
        let (file, url, config, who) = (file.clone(), url.clone(), config.clone(), self.who.clone());
        self.running =
            Some(tokio::spawn(async move { Ended { result: attempt(file, url, config, who).await } }));
    }

    /// When to ask next, in unix seconds of the wall clock as it stands.
    pub(crate) fn wake_at(&self, now: &Mark) -> Option<i64> {
        let left_ms = self.due_ms?.saturating_sub(now.boot_ms).max(0);
        Some(now.wall_ms.saturating_add(left_ms).saturating_add(999).div_euclid(1000))
    }

    /// Waits for what comes of an attempt; for ever where there is none. Can be dropped and asked again.
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

    /// Tells what came of it. An activation is found by whoever looks for one.
    pub(crate) fn settle(&mut self, ended: Ended, now: &Mark) {
        match ended.result {
            Ok(done) => {
                self.failures = 0;
                if let Some(error) = done.licence {
                    events::licence_unusable(&error);
                }
            }
            Err(unjoined) => {
                self.failures = self.failures.saturating_add(1);
                let random = random::number().unwrap_or(u64::MAX);
                let wait_s = retry::wait_s(self.failures, random, unjoined.retry_after_s);
                self.rest_until_ms = now.boot_ms.saturating_add(wait_s.saturating_mul(1000));
                events::enrolment_failed(&unjoined.error, &unjoined.mend, self.failures, wait_s);
            }
        }
    }
}

async fn attempt(
    file: PathBuf,
    url: crate::config::CentralUrl,
    config: Config,
    who: Who,
) -> Result<join::Done, Unjoined> {
    let token = token(&file)?;
    let candidate = candidate(&config, &who, token, None);
    let settings = settings(&config.uplink, url, None);
    join(&config.state_dir, &settings, &candidate).await.map_err(|error| Unjoined {
        error: error.to_string(),
        mend: error.mend().to_owned(),
        retry_after_s: error.retry_after_s(),
    })
}

/// The file is read with each attempt: a token that expired may have been put right.
fn token(path: &Path) -> Result<EnrolmentToken, Unjoined> {
    let unjoined = |error: String, mend: &str| Unjoined { error, mend: mend.to_owned(), retry_after_s: None };
    let text = read_bounded(path, TOKEN_MAX_BYTES).map_err(|e| {
        let error = format!("{} can't be read: {e}", path.display());
        unjoined(
            error,
            "put an enrolment token there that the agent's user may read (uplink.enrolment_token_file)",
        )
    })?;
    // What is wrong is said without the token, as it may be nearly right.
    EnrolmentToken::parse(&text).map_err(|e| {
        unjoined(
            format!("{}: {e}", path.display()),
            "put the token there as central printed it, and nothing else",
        )
    })
}
