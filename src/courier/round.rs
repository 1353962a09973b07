//! One round: all files there, and one bundle back.

use super::judge::{Judged, judge};
use super::kept::{Kept, Word};
use super::look::{Look, Unfit, look};
use super::send::{Sent, send};
use super::told::{Carried, State};
use super::{CourierError, Found, back};
use crate::uplink::{Client, UplinkError};
use highwater_rules::chain::Digest;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// What a round is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The files.
    pub files: Vec<Found>,
    /// Where the bundle that goes back is put.
    pub back: PathBuf,
    /// A bundle that is there already is written over.
    pub force: bool,
    /// So many files are on their way at one time.
    pub jobs: usize,
    /// So often a file is sent before central counts as away.
    pub tries: u32,
}

/// What came of a round.
#[derive(Debug)]
pub struct Round {
    /// Each file, in the order of the plan.
    pub carried: Vec<Carried>,
    /// The bundles that go back: one, or several where one has no room. None where central was away.
    pub back: Vec<PathBuf>,
    /// Why central could not be reached. What was answered is kept, and the same command goes on.
    pub away: Option<UplinkError>,
}

/// What happens meanwhile.
#[derive(Debug)]
pub enum Happened<'h> {
    /// It is known what became of a file.
    File(&'h Carried),
    /// Central is away, and is asked again after so many seconds.
    Waits(&'h UplinkError, i64),
}

/// A wait of one file's.
type Wait = (UplinkError, i64);

/// Carries the files. What was answered in an earlier round to the same place is not sent again.
///
/// # Errors
/// When what was answered can't be kept, or the bundle that goes back can't be written.
pub async fn run(
    client: &Arc<Client>,
    plan: &Plan,
    watch: &mut (dyn FnMut(Happened<'_>) + Send),
) -> Result<Round, CourierError> {
    let mut beside = OsString::from(&plan.back);
    beside.push(".part");
    let beside = PathBuf::from(beside);
    // Where both are there, an earlier run was cut between writing the one and removing the other.
    back::target(&plan.back)?;
    if plan.back.exists() && !plan.force && !beside.exists() {
        return Err(CourierError::Exists(plan.back.clone()));
    }
    let kept = Kept::open(&beside, &client.central().to_string())?;
    let (waits, waited) = unbounded_channel();
    let mut courier = Courier {
        client: Arc::clone(client),
        tries: plan.tries,
        kept,
        running: JoinSet::new(),
        waits,
        waited,
        carried: Vec::with_capacity(plan.files.len()),
        first: HashMap::new(),
        away: None,
    };
    for found in &plan.files {
        courier.take_up(found, plan.jobs.max(1), watch).await?;
    }
    while !courier.running.is_empty() {
        courier.settle(watch).await?;
    }
    courier.finish(&plan.back, watch)
}

struct Courier {
    client: Arc<Client>,
    tries: u32,
    kept: Kept,
    running: JoinSet<(usize, Sent)>,
    waits: UnboundedSender<Wait>,
    waited: UnboundedReceiver<Wait>,
    carried: Vec<Carried>,
    /// The first file of each content.
    first: HashMap<Digest, usize>,
    away: Option<UplinkError>,
}

type Watch<'w> = &'w mut (dyn FnMut(Happened<'_>) + Send);

impl Courier {
    /// Looks at a file, and begins to send it where that is to be done.
    async fn take_up(&mut self, found: &Found, jobs: usize, watch: Watch<'_>) -> Result<(), CourierError> {
        let path = found.path.clone();
        // A thread of its own: meanwhile other files are on their way.
        let looked = tokio::task::spawn_blocking(move || look(&path)).await;
        let number = self.carried.len();
        let mut one = Carried::new(&found.path);
        let Ok(Ok(look)) = looked else {
            one.state = match looked {
                Ok(Err(Unfit::Inward)) if !found.named => State::Skipped(Unfit::Inward.to_string()),
                Ok(Err(unfit)) => State::Refused(unfit.to_string()),
                _ => State::Left(String::new()),
            };
            watch(Happened::File(&one));
            self.carried.push(one);
            return Ok(());
        };
        one.digest = Some(look.digest);
        one.reports = look.wants.reports();
        one.stamp = Some(look.stamp);
        if let Some(first) = self.first.get(&look.digest).and_then(|first| self.carried.get(*first)) {
            one.same_as = Some(first.path.clone());
            self.carried.push(one);
            return Ok(());
        }
        self.first.insert(look.digest, number);
        if self.was_answered(&look, &mut one)? {
            watch(Happened::File(&one));
            self.carried.push(one);
            return Ok(());
        }
        self.carried.push(one);
        while self.running.len() >= jobs {
            self.settle(watch).await?;
        }
        if self.away.is_none() {
            self.begin(number, found.path.clone(), look);
        }
        Ok(())
    }

    /// Whether central has answered in an earlier run, to just this file.
    fn was_answered(&mut self, look: &Look, one: &mut Carried) -> Result<bool, CourierError> {
        if let Some(Word::Refused(why)) = self.kept.word(&look.digest) {
            one.state = State::Refused(why.clone());
            return Ok(true);
        }
        let Some(answer) = self.kept.answer_to(&look.digest)? else { return Ok(false) };
        match judge(&answer, look) {
            Ok(judged) => one.settle(judged),
            Err(_) => {
                self.kept.forget(&look.digest);
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn begin(&mut self, number: usize, path: PathBuf, look: Look) {
        let (client, tries, waits) = (Arc::clone(&self.client), self.tries, self.waits.clone());
        self.running.spawn(async move {
            // Where nobody listens any more, nobody is told.
            let told = |error: &UplinkError, wait_s| drop(waits.send((error.clone(), wait_s)));
            (number, send(&client, &path, &look, tries, told).await)
        });
    }

    /// Waits until something is done, and keeps what was answered.
    async fn settle(&mut self, watch: Watch<'_>) -> Result<(), CourierError> {
        let ended = tokio::select! {
            ended = self.running.join_next() => ended,
            Some((error, wait_s)) = self.waited.recv() => {
                watch(Happened::Waits(&error, wait_s));
                return Ok(());
            }
        };
        let mut ended: Vec<(usize, Sent)> = ended.into_iter().flatten().collect();
        while let Some(more) = self.running.try_join_next() {
            ended.extend(more);
        }
        let mut told = Vec::new();
        for (number, sent) in ended {
            let Some(one) = self.carried.get_mut(number) else { continue };
            let Some(digest) = one.digest else { continue };
            match sent {
                Sent::Answer(answer, judged) => {
                    self.kept.answered(digest, &answer)?;
                    one.settle(judged);
                }
                Sent::Refused(why) => {
                    self.kept.refused(digest, &why)?;
                    one.state = State::Refused(why);
                }
                Sent::Foreign(why) => one.state = State::Left(why),
                Sent::Changed(why) => one.state = State::Refused(why),
                Sent::Away(error) => self.away = self.away.take().or(Some(error)),
            }
            told.push(number);
        }
        // Nothing is told before it is on the disk.
        self.kept.sync().await?;
        for one in told.into_iter().filter_map(|number| self.carried.get(number)) {
            watch(Happened::File(one));
        }
        Ok(())
    }

    fn finish(mut self, back: &Path, watch: Watch<'_>) -> Result<Round, CourierError> {
        let mut copies = Vec::new();
        for (number, one) in self.carried.iter().enumerate().filter(|(_, one)| one.same_as.is_some()) {
            let first = one.digest.and_then(|digest| self.first.get(&digest));
            if let Some(first) = first.and_then(|first| self.carried.get(*first)) {
                copies.push((number, first.state.clone(), first.accepted, first.told.clone()));
            }
        }
        for (number, state, accepted, told) in copies {
            if let Some(one) = self.carried.get_mut(number) {
                (one.state, one.accepted, one.told) = (state, accepted, told);
                watch(Happened::File(one));
            }
        }
        if self.away.is_some() {
            return Ok(Round { carried: self.carried, back: Vec::new(), away: self.away });
        }
        let written = if self.kept.answers() > 0 { back::write(&self.kept, back)? } else { Vec::new() };
        self.kept.remove()?;
        Ok(Round { carried: self.carried, back: written, away: None })
    }
}

impl Carried {
    fn new(path: &Path) -> Self {
        Carried {
            path: path.to_owned(),
            digest: None,
            reports: 0,
            accepted: 0,
            state: State::Left(String::new()),
            same_as: None,
            told: Vec::new(),
            stamp: None,
        }
    }

    fn settle(&mut self, judged: Judged) {
        (self.state, self.accepted, self.told) = (judged.state, judged.accepted, judged.told);
    }
}
