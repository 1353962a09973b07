//! The right that a call needs, as a role's rule grants it.

use std::fmt;

/// The right that a call needs. Shown, it is the rule that grants it, as a role's YAML writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// The group of the API: empty for the core's.
    pub group: &'static str,
    /// The resource, in the plural.
    pub resource: &'static str,
    /// The verb.
    pub verb: &'static str,
    /// The one object, where the right may be bound to it.
    pub name: Option<String>,
    /// The namespace; none for what belongs to no namespace, or to all of them.
    pub namespace: Option<String>,
}

impl Rule {
    /// A right that a ClusterRole grants: on what belongs to no namespace, or in all of them.
    #[must_use]
    pub const fn cluster(group: &'static str, resource: &'static str, verb: &'static str) -> Self {
        Rule { group, resource, verb, name: None, namespace: None }
    }

    /// The same right, in one namespace only.
    #[must_use]
    pub fn within(self, namespace: &str) -> Self {
        Rule { namespace: Some(namespace.to_owned()), ..self }
    }

    /// The same right, on one object only.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Rule { name: Some(name.to_owned()), ..self }
    }

    /// Where the rule belongs: `the ClusterRole`, or `the Role in namespace NAME`.
    #[must_use]
    pub fn role(&self) -> String {
        match &self.namespace {
            None => "the ClusterRole".to_owned(),
            Some(namespace) => format!("the Role in namespace {namespace}"),
        }
    }

    /// What it allows, in words: `get namespaces kube-system`.
    #[must_use]
    pub fn deed(&self) -> String {
        let name = self.name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
        format!("{} {}{name}", self.verb, self.resource)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{apiGroups: [\"{}\"], resources: [{}]", self.group, self.resource)?;
        if let Some(name) = &self.name {
            write!(f, ", resourceNames: [{name}]")?;
        }
        write!(f, ", verbs: [{}]}}", self.verb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_shown_as_a_role_writes_it() {
        let pods = Rule::cluster("", "pods", "list");
        assert_eq!(pods.to_string(), r#"{apiGroups: [""], resources: [pods], verbs: [list]}"#);
        assert_eq!((pods.role(), pods.deed()), ("the ClusterRole".to_owned(), "list pods".to_owned()));
        let lease = Rule::cluster("coordination.k8s.io", "leases", "update").within("ops").named("highwater");
        assert_eq!(
            lease.to_string(),
            r#"{apiGroups: ["coordination.k8s.io"], resources: [leases], resourceNames: [highwater], verbs: [update]}"#
        );
        assert_eq!(lease.role(), "the Role in namespace ops");
        assert_eq!(lease.deed(), "update leases highwater");
    }
}
