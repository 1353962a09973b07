//! The keys that exist, and the one that was probably meant.

/// Every key outside `[[ssl]]`, as `section.key`, in the order in which they are shown.
pub(super) const KEYS: &[&str] = &[
    "state_dir",
    "sampling.interval",
    "sampling.burst",
    "sampling.time_zone",
    "sampling.root",
    "ram.scope",
    "ram.presence",
    "ram.cgroup",
    "ram.selector",
    "ram.pods",
    "ram.pods_max",
    "network.interfaces",
    "network.count",
    "ledger.retention",
    "uplink.url",
    "uplink.proxy",
    "uplink.proxy_password_file",
    "uplink.ca_file",
    "uplink.client_cert",
    "uplink.client_key",
    "uplink.hash_names",
    "uplink.transport",
    "uplink.enrolment_token_file",
    "licence.file",
    "gate.status_file",
    "gate.socket",
    "gate.hooks",
    "kubernetes.node",
    "kubernetes.namespace",
    "kubernetes.pod",
    "kubernetes.api",
    "kubernetes.credentials",
    "kubernetes.licence_secret",
    "kubernetes.licence_key",
    "kubernetes.lease",
    "kubernetes.status",
    "listen.address",
    "log.format",
    "log.level",
];

/// The list of TLS sources, which is no section.
pub(super) const SSL: &str = "ssl";

/// A key's section (empty at the top level) and its name there.
pub(super) fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('.').unwrap_or(("", key))
}

/// The keys of a section; of the top level where it is empty.
pub(super) fn of_section(section: &str) -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter().copied().filter(move |key| split(key).0 == section)
}

/// Whether there is such a section.
pub(super) fn is_section(name: &str) -> bool {
    !name.is_empty() && of_section(name).next().is_some()
}

/// The sections, in order.
pub(super) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&str> = KEYS.iter().map(|key| split(key).0).filter(|s| !s.is_empty()).collect();
    sections.dedup();
    sections
}

/// A key as the static one that it equals.
pub(super) fn known(key: &str) -> Option<&'static str> {
    KEYS.iter().copied().find(|k| *k == key)
}

/// Whether a key's value may hold a password, so that no message repeats it.
pub(super) fn is_secret(key: &str) -> bool {
    key == "uplink.proxy"
}

/// The environment variable of a key: `HIGHWATER_SAMPLING__INTERVAL`.
pub(super) fn variable(key: &str) -> String {
    format!("HIGHWATER_{}", key.replace('.', "__").to_ascii_uppercase())
}

/// The flag of a key: `--root`.
pub(super) fn flag(key: &str) -> String {
    format!("--{}", split(key).1.replace('_', "-"))
}

/// Words longer than this are nobody's typing mistake.
const WORD_MAX_BYTES: usize = 64;
/// How alike two words must be that differ in more than a few letters, from 0 to 1: `retention_days` and `retention` are.
const ALIKE: f64 = 0.85;

/// The word among `candidates` that was probably meant, if any is near enough.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    if word.len() > WORD_MAX_BYTES {
        return None;
    }
    let word = word.to_lowercase().replace('-', "_");
    let lower = |c: &str| c.to_lowercase().replace('-', "_");
    let typed = candidates
        .clone()
        .map(|c| (strsim::damerau_levenshtein(&word, &lower(c)), c))
        .filter(|(distance, c)| *distance <= (c.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance);
    if let Some((_, candidate)) = typed {
        return Some(candidate);
    }
    candidates
        .map(|c| (strsim::jaro_winkler(&word, &lower(c)), c))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// `a, b and c`, or with another last word: `a, b or c`.
pub(super) fn listed(words: &[&str], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}
