//! What the API server tells of pods and of a node: of each object the few fields that count, read where they lie.

use super::list::Want;
use crate::sources::Garbled;
use highwater_rules::pods::{self, Init, Memory};
use highwater_rules::quantity;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// The annotation by which a pod names its metrics: `PORT`, or `PORT/PATH`.
pub const SCRAPE: &str = "highwater.dev/scrape";
/// The most pods of a list, over all its pages. A node has some hundreds.
pub const PODS_MAX: usize = 5_000;
/// The longest name of a namespace or a pod, in bytes.
const NAME_MAX_BYTES: usize = 253;
const UID_MAX_BYTES: usize = 64;

/// A pod, as far as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// `NAMESPACE/NAME`.
    pub name: Box<str>,
    /// Its id: a pod of the same name that comes later has another.
    pub uid: Box<str>,
    /// Its address, once it has one.
    pub address: Option<IpAddr>,
    /// Its annotation [`SCRAPE`].
    pub scrape: Option<Box<str>>,
    /// Whether its containers were started.
    pub is_running: bool,
    /// What it may use.
    pub memory: Memory,
    /// Who wants it: bit `n` is the `n`-th of those that were asked for.
    pub wanted: u128,
}

/// A page of a list.
#[derive(Debug, Default)]
pub struct Page {
    /// The pods of this node that somebody wants and that have not ended.
    pub pods: Vec<Pod>,
    /// What to continue with, where more follow.
    pub next: Option<String>,
}

/// Reads a page of a list of pods: those on `node` that any of `wants` wants.
///
/// # Errors
/// When it is no such list, or a quantity in it is none.
pub fn page(body: &[u8], node: &str, wants: &[Want]) -> Result<Page, Garbled> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let page = List { node, wants }.deserialize(&mut json).and_then(|page| json.end().map(|()| page));
    page.map_err(|error| Garbled::new(error.to_string()))
}

/// What a node has for pods, in bytes.
///
/// # Errors
/// When the object does not tell.
pub fn allocatable(body: &[u8]) -> Result<u64, Garbled> {
    #[derive(Deserialize)]
    struct Node<'a> {
        #[serde(borrow)]
        status: Status<'a>,
    }
    #[derive(Deserialize)]
    struct Status<'a> {
        #[serde(borrow)]
        allocatable: Amounts<'a>,
    }
    let node: Node<'_> = serde_json::from_slice(body).map_err(|error| Garbled::new(error.to_string()))?;
    let memory =
        node.status.allocatable.memory.ok_or_else(|| Garbled::new("status.allocatable has no memory"))?;
    let bytes = quantity::bytes(&memory)
        .map_err(|why| Garbled::at(&format!("its allocatable memory is no quantity: {why},"), &memory))?;
    if bytes == 0 { Err(Garbled::new("its allocatable memory is 0")) } else { Ok(bytes) }
}

struct List<'w> {
    node: &'w str,
    wants: &'w [Want],
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Page;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Page, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of pods")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page, A::Error> {
        #[derive(Deserialize)]
        struct Meta {
            #[serde(default, rename = "continue")]
            next: String,
        }
        let (mut pods, mut next, mut is_list) = (None, None, false);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "kind" => is_list = map.next_value::<Cow<'de, str>>()? == "PodList",
                "metadata" => next = Some(map.next_value::<Meta>()?.next).filter(|next| !next.is_empty()),
                "items" => pods = Some(map.next_value_seed(Items { node: self.node, wants: self.wants })?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        // Something else that is JSON must not pass for a node without pods.
        match (is_list, pods) {
            (true, Some(pods)) => Ok(Page { pods, next }),
            _ => Err(A::Error::custom("it is no PodList with items")),
        }
    }
}

struct Items<'w> {
    node: &'w str,
    wants: &'w [Want],
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = Vec<Pod>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Vec<Pod>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Vec<Pod>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of pods")
    }

    /// An empty list, as some servers write it.
    fn visit_unit<E: Error>(self) -> Result<Vec<Pod>, E> {
        Ok(Vec::new())
    }

    /// Objects are long; each is let go before the next is read.
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Pod>, A::Error> {
        let mut pods = Vec::new();
        while let Some(object) = items.next_element::<Object<'de>>()? {
            pods.extend(object.pod(self.node, self.wants).map_err(A::Error::custom)?);
            if pods.len() > PODS_MAX {
                return Err(A::Error::custom(format!("it has more than {PODS_MAX} pods")));
            }
        }
        Ok(pods)
    }
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    spec: Spec<'a>,
    #[serde(borrow, default)]
    status: Status<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    #[serde(borrow)]
    uid: Cow<'a, str>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    annotations: Option<Annotations>,
}

/// The one annotation that counts: the others may be long.
#[derive(Default)]
struct Annotations {
    scrape: Option<Box<str>>,
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Annotations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("annotations")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut found = Annotations::default();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    if key == SCRAPE {
                        found.scrape = Some(map.next_value::<Cow<'de, str>>()?.into());
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(found)
            }
        }
        json.deserialize_map(One)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    #[serde(borrow, default)]
    node_name: Cow<'a, str>,
    #[serde(borrow)]
    containers: Vec<Container<'a>>,
    #[serde(borrow, default)]
    init_containers: Option<Vec<Container<'a>>>,
    #[serde(borrow, default)]
    resources: Option<Resources<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    resources: Option<Resources<'a>>,
    #[serde(borrow, default)]
    restart_policy: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status<'a> {
    #[serde(borrow)]
    phase: Cow<'a, str>,
    #[serde(borrow, rename = "podIP")]
    address: Option<Cow<'a, str>>,
    #[serde(borrow)]
    container_statuses: Option<Vec<ContainerStatus<'a>>>,
    #[serde(borrow)]
    init_container_statuses: Option<Vec<ContainerStatus<'a>>>,
    #[serde(borrow)]
    resources: Option<Resources<'a>>,
}

#[derive(Deserialize)]
struct ContainerStatus<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    resources: Option<Resources<'a>>,
}

#[derive(Deserialize)]
struct Resources<'a> {
    #[serde(borrow, default)]
    limits: Option<Amounts<'a>>,
}

#[derive(Deserialize)]
struct Amounts<'a> {
    #[serde(borrow, default)]
    memory: Option<Cow<'a, str>>,
}

impl Resources<'_> {
    fn limit(&self) -> Option<&str> {
        self.limits.as_ref()?.memory.as_deref()
    }
}

impl Object<'_> {
    /// The pod, where somebody wants it, it is on this node, and has not ended.
    fn pod(&self, node: &str, wants: &[Want]) -> Result<Option<Pod>, String> {
        let Metadata { name, namespace, uid, labels, annotations } = &self.metadata;
        for (what, text, max) in [
            ("name", name, NAME_MAX_BYTES),
            ("namespace", namespace, NAME_MAX_BYTES),
            ("uid", uid, UID_MAX_BYTES),
        ] {
            // They become names of series, and words of the log.
            if text.is_empty() || text.len() > max || !text.bytes().all(|b| b.is_ascii_graphic() && b != b'/')
            {
                return Err(format!("a pod's {what} is none"));
            }
        }
        if self.spec.node_name != node || matches!(&*self.status.phase, "Succeeded" | "Failed") {
            return Ok(None);
        }
        let label = |key: &str| labels.as_ref()?.get(key).map(String::as_str);
        let scrape = annotations.as_ref().and_then(|found| found.scrape.clone());
        let bits = wants.iter().enumerate().filter(|(_, want)| match want {
            Want::All => true,
            Want::Selected(selector) => selector.takes(label),
            Want::Annotated => scrape.is_some(),
        });
        let wanted = bits.fold(0, |wanted, (n, _)| wanted | 1_u128.checked_shl(n as u32).unwrap_or(0));
        if wanted == 0 {
            return Ok(None);
        }
        let memory = self.memory().map_err(|why| format!("the pod {namespace}/{name} {why}"))?;
        Ok(Some(Pod {
            name: format!("{namespace}/{name}").into(),
            uid: (&**uid).into(),
            address: self.status.address.as_ref().and_then(|address| address.parse().ok()),
            scrape,
            is_running: self.status.phase == "Running",
            memory,
            wanted,
        }))
    }

    fn memory(&self) -> Result<Memory, String> {
        let (spec, status) = (&self.spec, &self.status);
        let own = spec.resources.as_ref().and_then(Resources::limit);
        let now = status.resources.as_ref().and_then(Resources::limit);
        let own = own.map(|own| bytes("itself", now.unwrap_or(own))).transpose()?;
        let limits = |containers: &[Container<'_>], statuses: &Option<Vec<ContainerStatus<'_>>>| {
            let statuses = statuses.as_deref().unwrap_or_default();
            containers.iter().map(|one| one.limit(statuses)).collect::<Result<Vec<_>, String>>()
        };
        let containers = limits(&spec.containers, &status.container_statuses)?;
        let init = spec.init_containers.as_deref().unwrap_or_default();
        let init_limits = limits(init, &status.init_container_statuses)?;
        let restartable = |one: &Container<'_>| one.restart_policy.as_deref() == Some("Always");
        let init: Vec<Init> = init
            .iter()
            .zip(init_limits)
            .map(|(one, limit)| Init { limit, restartable: restartable(one) })
            .collect();
        Ok(pods::memory(own, &init, &containers))
    }
}

impl Container<'_> {
    /// What it has now, where its status tells: a resize counts once it is done.
    fn limit(&self, statuses: &[ContainerStatus<'_>]) -> Result<Option<u64>, String> {
        let status = statuses.iter().find(|status| status.name == self.name);
        let now = status.and_then(|status| status.resources.as_ref()?.limit());
        let limit = now.or_else(|| self.resources.as_ref()?.limit());
        limit.map(|limit| bytes(&self.name, limit)).transpose()
    }
}

fn bytes(what: &str, limit: &str) -> Result<u64, String> {
    let shown = |text: &str| -> String { text.chars().take(40).flat_map(char::escape_debug).collect() };
    quantity::bytes(limit).map_err(|why| {
        format!("gives {} a limit of `{}` memory, which is no quantity: {why}", shown(what), shown(limit))
    })
}
