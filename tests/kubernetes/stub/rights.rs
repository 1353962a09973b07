//! What the agent may do: the rules of its roles, and nothing else.

use super::Answer;
use serde_json::json;

/// A path taken apart, and the verb of a call to it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) verb: String,
    pub(super) group: String,
    pub(super) namespace: Option<String>,
    pub(super) resource: String,
    pub(super) name: Option<String>,
}

impl Call {
    pub(super) fn of(method: &str, path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, rest) = match parts.as_slice() {
            ["api", "v1", rest @ ..] => (String::new(), rest),
            ["apis", group, _, rest @ ..] => ((*group).to_owned(), rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, resource, name @ ..] => {
                (Some((*namespace).to_owned()), [&[*resource], name].concat())
            }
            rest => (None, rest.to_vec()),
        };
        let resource = (*rest.first()?).to_owned();
        let name = rest.get(1).map(|name| (*name).to_owned());
        let verb = match (method, &name) {
            ("GET", Some(_)) => "get",
            ("GET", None) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", _) => "delete",
            _ => return None,
        };
        Some(Call { verb: verb.to_owned(), group, namespace, resource, name })
    }

    /// Whether the roles of the agent allow it.
    pub(super) fn is_allowed(&self, denied: &[(String, String)]) -> bool {
        if denied.iter().any(|(verb, resource)| *verb == self.verb && *resource == self.resource) {
            return false;
        }
        let own = self.namespace.as_deref() == Some(super::NAMESPACE);
        let name = self.name.as_deref();
        match (self.group.as_str(), self.resource.as_str(), self.verb.as_str()) {
            ("", "namespaces", "get") => name == Some("kube-system"),
            ("", "nodes", "get") | ("", "pods", "list") => self.namespace.is_none(),
            ("", "secrets", "get" | "patch") => own && matches!(name, Some("highwater-licence" | "frozen")),
            ("", "configmaps", "get" | "patch") => own && name == Some("highwater-status"),
            ("", "events", "create" | "patch") => own,
            ("coordination.k8s.io", "leases", "get" | "update") => own && name == Some("highwater"),
            // Every authenticated user may ask what it may do.
            ("authorization.k8s.io", "selfsubjectaccessreviews", "create") => true,
            _ => false,
        }
    }

    /// The resource as messages name it.
    fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.resource.clone()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }

    pub(super) fn forbidden(&self, user: &str) -> Answer {
        let named = self.name.as_deref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
        // A namespace counts as being in itself.
        let namespace =
            self.namespace.clone().or_else(|| self.name.clone().filter(|_| self.resource == "namespaces"));
        let place = namespace.map_or("at the cluster scope".to_owned(), |namespace| {
            format!("in the namespace \"{namespace}\"")
        });
        let (verb, resource, group) = (&self.verb, &self.resource, &self.group);
        let message = format!(
            "{}{named} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}",
            self.qualified()
        );
        Answer::failure(403, "Forbidden", &message, Some(self.details()))
    }

    pub(super) fn not_found(&self) -> Answer {
        let name = self.name.as_deref().unwrap_or_default();
        let message = format!("{} \"{name}\" not found", self.qualified());
        Answer::failure(404, "NotFound", &message, Some(self.details()))
    }

    pub(super) fn conflict(&self) -> Answer {
        let name = self.name.as_deref().unwrap_or_default();
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the latest \
             version and try again",
            self.qualified()
        );
        Answer::failure(409, "Conflict", &message, Some(self.details()))
    }

    pub(super) fn details(&self) -> serde_json::Value {
        let mut details = json!({"kind": self.resource});
        if let Some(name) = &self.name {
            details["name"] = json!(name);
        }
        if !self.group.is_empty() {
            details["group"] = json!(self.group);
        }
        details
    }
}
