//! The API server of the cluster: whether it is reached, and which rights are missing.

use super::Check;
use crate::config::{Kubernetes, Loaded, Value, effective};
use crate::kubernetes::{Api, ApiError, Rule, cluster, event, lease, review, secret, status};
use std::time::Duration;

/// How long a question may take.
const CALL: Duration = Duration::from_secs(5);

/// What is to be told of the cluster; nothing where no node is configured.
pub(super) async fn check(loaded: &Loaded) -> Option<Check> {
    let config = loaded.config.kubernetes.as_ref()?;
    let api = Api::new(config).within(CALL);
    let name = "cluster";
    let checked = async {
        let rules = rules(&api, config, wants_pods(loaded))?;
        let mut missing = Vec::new();
        for rule in &rules {
            if !review::may(&api, rule).await? {
                missing.push(lacks(rule));
            }
        }
        Ok::<_, ApiError>((rules.len(), missing))
    };
    let (count, missing) = match checked.await {
        Ok(checked) => checked,
        Err(error) => return Some(Check::bad(name, error.to_string())),
    };
    if !missing.is_empty() {
        return Some(Check::bad(name, missing.join("\n")));
    }
    match cluster::node(&api).await {
        Err(error) => Some(Check::bad(name, error.to_string())),
        Ok(node) => {
            let detail = format!(
                "node {} of cluster {}; {} is reached, and all {count} rights that are needed are there",
                node.name,
                node.cluster,
                api.place()
            );
            Some(Check::good(name, detail))
        }
    }
}

fn lacks(rule: &Rule) -> String {
    format!("may not {}: add to {} of its service account\n  - {rule}", rule.deed(), rule.role())
}

/// Whether something that is metered asks for the node's pods.
fn wants_pods(loaded: &Loaded) -> bool {
    let rows = effective(loaded);
    let is = |key: &str, word: &str| {
        rows.iter().any(|(known, value, _)| known == key && *value == Value::Text(word.to_owned()))
    };
    let of_ram = is("ram.scope", "pods") && !is("ram.pods", "cgroup");
    of_ram || rows.iter().any(|(key, ..)| key.starts_with("ssl.") && key.ends_with(".pods"))
}

/// The rights that this configuration needs.
fn rules(api: &Api, config: &Kubernetes, pods: bool) -> Result<Vec<Rule>, ApiError> {
    let mut rules = vec![cluster::id_rule(), cluster::node_rule()];
    if pods {
        rules.push(Rule::cluster("", "pods", "list"));
    }
    if let Some(licence) = &config.licence {
        for verb in ["get", "patch"] {
            rules.push(secret::rule(api, licence, verb)?);
        }
        for verb in ["get", "update"] {
            rules.push(lease::rule(api, verb)?);
        }
    }
    if let Some(name) = &config.status {
        for verb in ["get", "patch"] {
            rules.push(status::rule(api, name, verb)?);
        }
    }
    if config.pod.is_some() {
        for verb in ["create", "patch"] {
            rules.push(event::rule(api, verb)?);
        }
    }
    Ok(rules)
}
