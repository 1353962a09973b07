//! Network throughput: the byte counters of the interfaces that count.

use super::interfaces::{Interface, Interfaces};
use super::{Missing, Readout, SourceError};
use crate::config;
use crate::files::Root;
use highwater_rules::figure::{Figure, Observation};
use highwater_rules::meter::{CountRule, Meter, Series, TOTAL};
use highwater_rules::record::Counters;

const KEY: &str = "network.interfaces";

/// The source of `network_throughput`.
#[derive(Debug)]
pub struct Network {
    interfaces: Interfaces,
    rule: CountRule,
}

impl Network {
    /// The source that a configuration asks for.
    #[must_use]
    pub fn new(root: Root, config: &config::Network) -> Self {
        Network { interfaces: Interfaces::new(root, &config.interfaces, KEY), rule: config.count }
    }

    /// Interfaces that the configuration names, left out because they stand on others that count.
    #[must_use]
    pub fn duplicates(&self) -> &[String] {
        &self.interfaces.choice().duplicates
    }

    /// The series to be gaps when it can't be read and nothing is known from before.
    #[must_use]
    pub fn expected(&self) -> Vec<Series> {
        let exact: Vec<Series> = self.interfaces.exact_names().map(series).collect();
        if exact.is_empty() { vec![series("host")] } else { exact }
    }

    /// A root elsewhere may be any file system.
    pub(super) fn may_block(&self) -> bool {
        !self.interfaces.root().is_own()
    }

    /// What it sees now.
    ///
    /// # Errors
    /// When the counters can't be read, or nothing counts.
    pub fn read(&mut self) -> Result<Readout, SourceError> {
        let (interfaces, path) = self.interfaces.read()?;
        let counted = &self.interfaces.choice().counted;
        let counted = interfaces.iter().filter(|i| counted.contains(&i.name));
        let observations: Vec<Observation> = counted.map(|i| self.observation(i)).collect();
        let missing: Vec<Missing> = self
            .interfaces
            .absent()
            .map(|name| Missing {
                series: series(name),
                why: format!("{} does not show {name}", path.display()),
            })
            .collect();
        if observations.is_empty() && missing.is_empty() {
            return Err(self.interfaces.none(path));
        }
        Ok(Readout { observations, missing, ..Readout::default() })
    }

    fn observation(&self, interface: &Interface) -> Observation {
        let incarnation = self.interfaces.index(&interface.name).unwrap_or(0);
        let counters = Counters { first: interface.rx, second: Some(interface.tx), incarnation };
        Observation { series: series(&interface.name), figure: Figure::Traffic(counters, self.rule) }
    }
}

/// The series of an interface. One that is called `total` must not pass for the instance's sum.
fn series(interface: &str) -> Series {
    let subject = if interface == TOTAL { "total (interface)" } else { interface };
    Series::new(Meter::NetworkThroughput, subject)
}
