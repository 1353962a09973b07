//! What a host knows that a licence is held to.

use super::super::{Failure, exit, open_reader};
use crate::clock;
use crate::config::Loaded;
use crate::joined::{self, JoinError, Joined};
use crate::keeper::Keeper;
use crate::ledger::Ledger;
use crate::licence;
use crate::renewer::{self, Who};
use highwater_rules::licence::Holder;
use highwater_rules::record::Mark;
use highwater_rules::sign::PublicKey;

/// The instance, central's keys, the licence that counts, and where the grace period stands.
pub(super) struct Site {
    pub(super) ledger: Ledger,
    pub(super) joined: Result<Option<Joined>, JoinError>,
    /// Central's keys, the pinned one first; empty before activation.
    pub(super) keys: Vec<PublicKey>,
    pub(super) who: Who,
    pub(super) keeper: Keeper,
    pub(super) loaded: licence::Loaded,
    pub(super) mark: Mark,
}

impl Site {
    pub(super) fn read(loaded: &Loaded) -> Result<Self, Failure> {
        let config = &loaded.config;
        let ledger = open_reader(loaded)?;
        let mark = clock::Clock::new(&config.sampling.root).now();
        let joined = joined::joined(&config.state_dir, ledger.instance());
        let known = joined.as_ref().ok().and_then(Option::as_ref);
        let keys = joined::central_keys(known, &config.state_dir, ledger.instance());
        let mut keeper = joined::load_keeper(&ledger, &config.state_dir, known, &mark)?;
        let licence = look(loaded, &ledger, known, &mut keeper);
        keeper.turn(&mark);
        let who = Who::of(keeper.standing(), ledger.cluster());
        Ok(Site { ledger, joined, keys, who, keeper, loaded: licence, mark })
    }

    /// The instance as the holder of a licence.
    pub(super) fn holder(&self) -> Holder<'_> {
        renewer::holder(self.ledger.instance(), &self.who)
    }

    /// Central's keys.
    pub(super) fn keys(&self) -> Vec<&PublicKey> {
        self.keys.iter().collect()
    }

    /// What activation left.
    ///
    /// # Errors
    /// When there is none, or it can't be used.
    pub(super) fn joined(&self) -> Result<&Joined, Failure> {
        match &self.joined {
            Ok(Some(joined)) => Ok(joined),
            Ok(None) => Err(not_activated()),
            Err(error) => {
                let code = if error.is_permission() { exit::PERMISSION } else { exit::DATA };
                let mend =
                    if code == exit::PERMISSION { "\n    do it as the agent's user, or as root" } else { "" };
                Err(Failure::new(code, format!("{error}{mend}")))
            }
        }
    }
}

/// Reads the licence's files, and lets the gate follow what counts.
pub(in crate::commands) fn look(
    loaded: &Loaded,
    ledger: &Ledger,
    joined: Option<&Joined>,
    keeper: &mut Keeper,
) -> licence::Loaded {
    let config = &loaded.config;
    let keys = joined::central_keys(joined, &config.state_dir, ledger.instance());
    let keys: Vec<&PublicKey> = keys.iter().collect();
    let who = Who::of(keeper.standing(), ledger.cluster());
    let holder = renewer::holder(ledger.instance(), &who);
    let mut licence = licence::load(&config.state_dir, config.licence_file.as_deref(), &keys, &holder);
    if config.kubernetes.is_some() {
        licence.forgive_nothing_yet();
    }
    if keys.is_empty() {
        // Before activation there is no key to hold a licence to, which is no fault of its file.
        licence.problems.clear();
    }
    keeper.follow_licence(licence.claims().cloned());
    licence
}

pub(super) fn not_activated() -> Failure {
    Failure::new(
        exit::UNAVAILABLE,
        "not activated: no key of central's is known here, to hold a licence to\n    get an enrolment token from whoever runs \
         central, and run `highwater activate`",
    )
}
