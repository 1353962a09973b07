//! `[ram]` of pods: which of this node's count, and how they are known.

use super::RamScope;
use super::mistakes::Fault;
#[cfg(feature = "kubernetes")]
use super::mistakes::{Place, quoted};
use super::raw::Raw;
use super::reader::Reader;
use highwater_rules::selector::Selector;

const PODS: &str = "ram.pods";
const SELECTOR: &str = "ram.selector";
const PODS_MAX: &str = "ram.pods_max";
/// How many pods stand alone unless configured.
const DEFAULT: usize = 20;

/// Which pods count, and how they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pods {
    /// Who tells of them: `pods`.
    pub by: PodsBy,
    /// Those that count; all pods of the node where there is none: `selector`.
    pub selector: Option<Selector>,
    /// How many of them are series of their own; the others are summed: `pods_max`.
    pub most: usize,
}

impl Default for Pods {
    fn default() -> Self {
        Pods { by: PodsBy::Api, selector: None, most: DEFAULT }
    }
}

/// Who tells of pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodsBy {
    /// The API server.
    Api,
    /// The cgroups that the node's kubelet makes for them.
    Cgroup,
}

impl PodsBy {
    /// All of them.
    pub const ALL: &'static [PodsBy] = &[PodsBy::Api, PodsBy::Cgroup];

    /// The word that the configuration uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            PodsBy::Api => "api",
            PodsBy::Cgroup => "cgroup",
        }
    }
}

/// The keys of pods, in a build without them: none may be set.
#[cfg(not(feature = "kubernetes"))]
pub(super) fn read(reader: &mut Reader, _: Option<RamScope>) -> Option<Pods> {
    let refuse = |_: &Raw| Err(Fault::no_kubernetes());
    let given = [SELECTOR, PODS, PODS_MAX].map(|key| reader.take(key, (), refuse));
    given.iter().all(Option::is_some).then(Pods::default)
}

/// The keys of pods. They say nothing to another scope.
#[cfg(feature = "kubernetes")]
pub(super) fn read(reader: &mut Reader, scope: Option<RamScope>) -> Option<Pods> {
    let by = reader.take(PODS, PodsBy::Api, |raw| raw.choice(PodsBy::ALL, PodsBy::word));
    let selector = reader.take(SELECTOR, None, |raw| selector(raw).map(Some));
    let most = reader.take(PODS_MAX, DEFAULT, most);
    let (by, selector, most) = (by?, selector?, most?);
    let placed = [(SELECTOR, &selector.place), (PODS, &by.place), (PODS_MAX, &most.place)];
    let given: Option<(&'static str, Place)> =
        placed.into_iter().find_map(|(key, place)| Some((key, place.clone()?)));
    if let (Some(RamScope::Auto | RamScope::Host | RamScope::Cgroup), Some((key, place))) = (scope, &given) {
        let fault =
            Fault::new("it counts with scope = \"pods\" alone", "set scope = \"pods\", or leave it out");
        reader.warn(key, Some(place), fault);
    }
    if by.value == PodsBy::Cgroup && selector.value.is_some() {
        let mend = "take pods = \"api\", or leave the selector out: all pods of the node count then";
        reader.refuse(SELECTOR, selector.place.as_ref(), Fault::new("cgroups tell no labels", mend));
        return None;
    }
    Some(Pods { by: by.value, selector: selector.value, most: most.value })
}

/// A label selector.
#[cfg(feature = "kubernetes")]
pub(super) fn selector(raw: &Raw) -> Result<Selector, Fault> {
    let text = raw.text()?;
    Selector::parse(text).map_err(|why| {
        Fault::new(
            format!("{} is no label selector: {why}", quoted(text)),
            "write it as `kubectl get pods --selector` takes it, such as \"app=web,tier in (a, b),!canary\"",
        )
    })
}

#[cfg(feature = "kubernetes")]
fn most(raw: &Raw) -> Result<usize, Fault> {
    /// A series costs a row a slot.
    const MAX: u64 = 200;
    const MEND: &str = "write a number from 0 to 200; the pods beyond it are summed";
    let number = raw.whole(MEND)?;
    usize::try_from(number)
        .ok()
        .filter(|_| number <= MAX)
        .ok_or_else(|| Fault::new(format!("{number} is more than {MAX}"), MEND))
}
