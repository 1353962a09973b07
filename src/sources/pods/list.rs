//! One list of this node's pods, page by page.

use super::object::{self, PODS_MAX, Page, Pod};
use crate::kubernetes::{Api, ApiError, Rule};
use highwater_rules::selector::Selector;

const PATH: &str = "/api/v1/pods";
/// Pods of a page. A server that answers from its cache gives all at once.
const LIMIT: &str = "500";
/// The most pages that are asked for.
const PAGES_MAX: usize = 100;
/// Pods of a page where they are so large that the longest answer does not hold them all.
const LIMIT_OF_LARGE: &str = "50";
/// The longest answer, in bytes: some five hundred pods. The chart gives the agent 32 MiB, and reading one takes twice its length.
const PAGE_MAX_BYTES: usize = 8 << 20;

/// Which pods somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// All of the node.
    All,
    /// Those that a selector names.
    Selected(Selector),
    /// Those that name their metrics by an annotation.
    Annotated,
}

/// The selector that all have in common. Where there is none, all pods of the node are asked for: one list is less for the server
/// than several.
fn common(wants: &[Want]) -> Option<&Selector> {
    let Some((Want::Selected(first), rest)) = wants.split_first() else { return None };
    rest.iter().all(|want| matches!(want, Want::Selected(other) if other == first)).then_some(first)
}

/// The pods of `node` that any of `wants` wants and that have not ended. A list that grew too old while it was read is begun anew,
/// once; one that is too long at once is asked for in small pages.
pub(super) async fn list(api: &Api, node: &str, wants: &[Want]) -> Result<Vec<Pod>, ApiError> {
    let api = api.clone().up_to(PAGE_MAX_BYTES);
    match whole(&api, node, wants, LIMIT).await {
        Err(ApiError::Expired { .. }) => whole(&api, node, wants, LIMIT).await,
        Err(ApiError::TooLong { .. }) => whole(&api, node, wants, LIMIT_OF_LARGE).await,
        done => done,
    }
}

async fn whole(api: &Api, node: &str, wants: &[Want], limit: &str) -> Result<Vec<Pod>, ApiError> {
    let fields = format!("spec.nodeName={node},status.phase!=Succeeded,status.phase!=Failed");
    let mut pods = Vec::new();
    let mut next: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let mut query = vec![("fieldSelector", fields.as_str())];
        query.extend(common(wants).map(|selector| ("labelSelector", selector.as_str())));
        query.push(("limit", limit));
        match &next {
            // What the server has in its cache will do: it costs its storage nothing. But from there it may give all at once.
            None if limit == LIMIT => query.push(("resourceVersion", "0")),
            None => {}
            Some(next) => query.push(("continue", next)),
        }
        let answer = api.get(Rule::cluster("", "pods", "list"), PATH, &query).await?;
        let page = object::page(&answer.body, node, wants);
        let Page { pods: more, next: then } = page.map_err(|why| garbled(why.to_string()))?;
        pods.extend(more);
        if pods.len() > PODS_MAX {
            return Err(garbled(format!("it has more than {PODS_MAX} pods")));
        }
        match then {
            None => return Ok(pods),
            then => next = then,
        }
    }
    Err(garbled(format!("it goes on after {PAGES_MAX} pages")))
}

fn garbled(why: String) -> ApiError {
    ApiError::Garbled { what: PATH.to_owned(), why }
}

/// What a node has for pods, in bytes.
pub(super) async fn allocatable(api: &Api, node: &str) -> Result<u64, ApiError> {
    let path = format!("/api/v1/nodes/{node}");
    let answer = api.get(Rule::cluster("", "nodes", "get"), &path, &[("resourceVersion", "0")]).await?;
    object::allocatable(&answer.body).map_err(|why| ApiError::Garbled { what: path, why: why.to_string() })
}
