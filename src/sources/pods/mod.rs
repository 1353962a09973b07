//! RAM capacity of the pods of this node, and which pods there are.
//!
//! ```text
//! API server -> list (pages) -> object -> shared: one list a slot --\
//!                               node: what is for pods --------------> rules::pods -> figures
//! cgroups of the kubelet -> tree -----------------------------------/
//! ```

mod list;
pub mod object;
mod shared;
pub mod tree;

pub use list::Want;
pub use object::Pod;
pub use shared::{Shared, User};

use super::{Missing, Readout, SourceError};
use crate::clock;
use crate::config::ssl::Which;
use crate::config::{self, Config, RamScope, Ssl, SslSource};
use crate::files::Root;
use crate::kubernetes::Api;
use highwater_rules::figure::{Figure, Observation};
use highwater_rules::meter::{Meter, Series, TOTAL};
use highwater_rules::pods::{Figures, Memory, UNLIMITED, figures};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tree::Tree;

/// How long reading it may take.
pub const TIMEOUT: Duration = Duration::from_millis(2500);
/// How much of that the API server may take.
const ASK: Duration = Duration::from_millis(2300);
/// The most pods that stand alone in one UTC day, one after the other: a report has room for some thousands of series, and pods
/// of jobs have a new name each time.
const NAMES_A_DAY_MAX: usize = 400;
const DAY_S: i64 = 86_400;

/// The source of `ram_capacity` of pods.
#[derive(Debug)]
pub struct Pods {
    way: Way,
    alone: Alone,
}

#[derive(Debug)]
enum Way {
    Api(User),
    Cgroup(Tree),
    /// The API server is to tell, and nobody says which node this is.
    NoNode,
}

impl Pods {
    /// The source that a configuration asks for. `user` asks the API server, where there is one to ask.
    #[must_use]
    pub fn new(root: &Root, config: &config::Pods, user: Option<User>) -> Self {
        let way = match (config.by, user) {
            (config::PodsBy::Cgroup, _) => Way::Cgroup(Tree::new(root.clone())),
            (config::PodsBy::Api, Some(user)) => Way::Api(user),
            (config::PodsBy::Api, None) => Way::NoNode,
        };
        Pods { way, alone: Alone { most: config.most, day: 0, names: BTreeSet::new() } }
    }

    /// The series to be a gap when nothing is known of the pods.
    #[must_use]
    pub fn series(&self) -> Series {
        series(TOTAL)
    }

    /// What there is of pods now. Where there is none, that is a true zero.
    ///
    /// # Errors
    /// When it can't be told.
    pub fn read(&mut self) -> Result<Readout, SourceError> {
        match &mut self.way {
            Way::NoNode => Err(SourceError::NoNode),
            Way::Cgroup(tree) => {
                let found = tree.read()?;
                let made = self.alone.figures(found.pods, Some(found.allocatable));
                Ok(readout(made, None))
            }
            Way::Api(user) => {
                let end_ms = clock::boot_ms().saturating_add(millis(ASK));
                let taken = user.take_new(ASK)?;
                let pods = taken.of(user.index()).map(|pod| (pod.name.to_string(), pod.memory));
                let pods: Vec<(String, Memory)> = pods.collect();
                let lacks = pods.iter().any(|(_, memory)| *memory == Memory::Unlimited);
                let left = end_ms.saturating_sub(clock::boot_ms()).max(0).unsigned_abs();
                // What the node has is asked for only where a pod may use all of it.
                let allocatable =
                    lacks.then(|| user.shared().allocatable(Duration::from_millis(left))).transpose();
                let (allocatable, why) = match allocatable {
                    Ok(allocatable) => (allocatable, None),
                    Err(error) => (None, Some(error.to_string())),
                };
                Ok(readout(self.alone.figures(pods, allocatable), why.as_deref()))
            }
        }
    }

    /// What it asks the API server by, where it does.
    #[must_use]
    pub fn user(&self) -> Option<&User> {
        if let Way::Api(user) = &self.way { Some(user) } else { None }
    }

    /// Where the capacity is read from, in words for people.
    #[must_use]
    pub fn basis(&mut self) -> String {
        match &mut self.way {
            Way::NoNode => SourceError::NoNode.to_string(),
            Way::Api(user) => format!("read of the pods of this node, from {}", user.shared().place()),
            Way::Cgroup(tree) => match tree.read() {
                Ok(found) => format!("read of {} pods below {}", found.pods.len(), found.place.display()),
                Err(error) => format!("pods can't be read: {error}"),
            },
        }
    }
}

/// The sources of a configuration that want pods of the API server. They have one list in common.
#[derive(Debug)]
pub struct Users {
    shared: Option<Arc<Shared>>,
    ram: Option<u32>,
    /// The names of the TLS sources, each with its number.
    ssl: Vec<(String, u32)>,
}

impl Users {
    /// Those of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let mut wants = Vec::new();
        let mut add = |want: Want| {
            wants.push(want);
            wants.len() as u32 - 1
        };
        let pods = &config.ram.pods;
        let is_asked = config.ram.scope == RamScope::Pods && pods.by == config::PodsBy::Api;
        let ram = is_asked.then(|| add(pods.selector.clone().map_or(Want::All, Want::Selected)));
        let ssl = config.ssl.iter().filter_map(|Ssl { name, source }| match source {
            SslSource::Scraped(scraped) => Some((
                name.clone(),
                match &scraped.at.which {
                    Which::Annotated => add(Want::Annotated),
                    Which::Selected(selector) => add(Want::Selected(selector.clone())),
                },
            )),
            _ => None,
        });
        let ssl = ssl.collect();
        let api = config.kubernetes.as_ref().filter(|_| !wants.is_empty()).map(Api::new);
        let shared = api.map(|api| Shared::new(api, wants, ram, config.sampling.interval.seconds()));
        Users { shared, ram, ssl }
    }

    /// The RAM source's, where it is one.
    #[must_use]
    pub fn of_ram(&self) -> Option<User> {
        Some(self.shared.as_ref()?.user(self.ram?))
    }

    /// A TLS source's, where it is one.
    #[must_use]
    pub fn of_ssl(&self, name: &str) -> Option<User> {
        let (_, n) = self.ssl.iter().find(|(of, _)| of == name)?;
        Some(self.shared.as_ref()?.user(*n))
    }
}

/// Which pods stand alone.
#[derive(Debug)]
struct Alone {
    most: usize,
    /// Days since 1970, of the names.
    day: i64,
    names: BTreeSet<String>,
}

impl Alone {
    fn figures(&mut self, pods: Vec<(String, Memory)>, allocatable: Option<u64>) -> Figures {
        let day = clock::unix_s().div_euclid(DAY_S);
        if day != self.day {
            self.day = day;
            self.names.clear();
        }
        let mut left = self.most;
        figures(pods, allocatable, |name| {
            let fits = self.names.contains(name) || self.names.len() < NAMES_A_DAY_MAX;
            if left == 0 || !fits {
                return false;
            }
            left -= 1;
            if !self.names.contains(name) {
                self.names.insert(name.to_owned());
            }
            true
        })
    }
}

fn readout(made: Figures, why: Option<&str>) -> Readout {
    let observation = |(subject, bytes): (String, u64)| {
        // Exact below 2^53 bytes, which is more than any node has.
        Observation { series: series(&subject), figure: Figure::Gauge(bytes as f64) }
    };
    let missing = |subject: &&str| Missing {
        series: series(subject),
        why: why.unwrap_or("what the node has for pods is not known").to_owned(),
    };
    let lacks = if made.lacks_allocatable { &[UNLIMITED, TOTAL][..] } else { &[] };
    Readout {
        missing: lacks.iter().map(missing).collect(),
        observations: made.told.into_iter().map(observation).collect(),
        ..Readout::default()
    }
}

fn series(subject: &str) -> Series {
    Series::new(Meter::RamCapacity, subject)
}

fn millis(of: Duration) -> i64 {
    i64::try_from(of.as_millis()).unwrap_or(i64::MAX)
}
