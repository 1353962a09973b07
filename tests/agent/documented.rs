//! The log's contract as `docs/log-events.md` states it, and as the source makes it.

use highwater::files::read_bounded;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Events, and the keys of each.
pub(crate) type Contract = BTreeMap<String, BTreeSet<String>>;

/// The heading of the keys that any line may have.
const COMMON: &str = "Common keys";
const FILE_MAX_BYTES: usize = 1 << 20;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the page documents, and the keys common to all lines.
///
/// An event is a heading of the second level that is one word; its keys stand in backticks in the first column of a table.
pub(crate) fn page() -> (Contract, BTreeSet<String>) {
    let text =
        read_bounded(&repository().join("docs/log-events.md"), FILE_MAX_BYTES).expect("docs/log-events.md");
    let (mut events, mut common) = (Contract::new(), BTreeSet::new());
    let mut heading = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title.trim().trim_matches('`').to_owned();
            if is_word(&heading) {
                events.entry(heading.clone()).or_default();
            }
        }
        let Some(key) = first_cell(line) else { continue };
        match events.get_mut(&heading) {
            Some(keys) => keys.insert(key.to_owned()),
            None if heading == COMMON => common.insert(key.to_owned()),
            None => continue,
        };
    }
    assert!(!events.is_empty() && !common.is_empty(), "the page is not in the form that this test reads");
    (events, common)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// The key in a table row's first column.
fn first_cell(line: &str) -> Option<&str> {
    let cell = line.trim_start().strip_prefix('|')?.split('|').next()?.trim();
    cell.strip_prefix('`')?.strip_suffix('`').filter(|key| is_word(key))
}

/// The events that the source can log, with their keys.
pub(crate) fn source() -> Contract {
    let mut events = Contract::new();
    for path in files(&repository().join("src")) {
        let text = read_bounded(&path, FILE_MAX_BYTES).unwrap();
        for level in ["error!(", "warn!(", "info!(", "debug!(", "trace!("] {
            for (at, _) in text.match_indices(level) {
                let (event, keys) = arguments(&text[at + level.len()..]);
                events.entry(event).or_default().extend(keys);
            }
        }
    }
    events
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// A logging macro's name for its event, and its keys. `text` begins behind its parenthesis.
fn arguments(text: &str) -> (String, Vec<String>) {
    let (mut depth, mut quoted, mut parts) = (0, false, vec![String::new()]);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    let mut parts: Vec<String> =
        parts.into_iter().map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect();
    let event = parts.pop().unwrap().trim_matches('"').to_owned();
    assert!(is_word(&event), "an event's name is one word, not `{event}`");
    let key = |part: String| part.split('=').next().unwrap().trim().trim_start_matches(['%', '?']).to_owned();
    (event, parts.into_iter().map(key).collect())
}

#[test]
fn the_page_documents_each_event_and_key_that_the_source_has_and_no_other() {
    let (page, _) = page();
    let source = source();
    let names = |contract: &Contract| contract.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&page), names(&source), "events documented, and events in the source");
    for (event, keys) in &source {
        assert_eq!(&page[event], keys, "keys of {event}: documented, and in the source");
    }
}

/// The levels that the source logs each event at.
fn levels() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut levels: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for path in files(&repository().join("src")) {
        let text = read_bounded(&path, FILE_MAX_BYTES).unwrap();
        for (call, level) in
            [("error!(", "error"), ("warn!(", "warn"), ("info!(", "info"), ("debug!(", "debug")]
        {
            for (at, _) in text.match_indices(call) {
                levels.entry(arguments(&text[at + call.len()..]).0).or_default().insert(level);
            }
        }
    }
    levels
}

/// The schema that `highwater logs-schema` prints.
fn schema() -> serde_json::Value {
    let path = repository().join("packaging/log-events.schema.json");
    serde_json::from_str(&read_bounded(&path, FILE_MAX_BYTES).unwrap()).unwrap()
}

#[test]
fn the_schema_gives_each_event_the_levels_that_the_source_has() {
    let schema = schema();
    for (event, levels) in levels() {
        let told = schema["$defs"][&event]["properties"]["level"]["enum"].as_array().unwrap();
        let told: BTreeSet<&str> = told.iter().map(|level| level.as_str().unwrap()).collect();
        assert_eq!(told, levels, "levels of {event}: in the schema, and in the source");
    }
}

#[test]
fn the_operators_page_has_a_mend_for_each_warning_and_error_and_no_others() {
    let page = read_bounded(&repository().join("docs/operations.md"), FILE_MAX_BYTES).unwrap();
    let told: BTreeSet<String> = page.lines().filter_map(first_cell).map(str::to_owned).collect();
    let grave = |levels: &BTreeSet<&str>| levels.contains("warn") || levels.contains("error");
    let logged: BTreeSet<String> =
        levels().into_iter().filter(|(_, levels)| grave(levels)).map(|(event, _)| event).collect();
    assert_eq!(told, logged, "events with a mend on the page, and those of level warn or error");
}

#[test]
fn the_rules_for_loki_ask_for_events_and_keys_that_there_are() {
    let rules = read_bounded(&repository().join("packaging/alerts/loki.yaml"), FILE_MAX_BYTES).unwrap();
    let (events, common) = page();
    let keys: BTreeSet<&String> = events.values().flatten().chain(&common).collect();
    let mut asked = 0;
    for line in rules.lines().filter(|line| line.trim_start().starts_with("expr:")) {
        for stage in line.split(" | ").skip(1) {
            let (key, value) = stage.trim().split_once(['=', '!', '>']).unwrap_or((stage.trim(), ""));
            if key == "event" {
                let names = value.split('"').nth(1).unwrap().split('|');
                names.for_each(|name| assert!(events.contains_key(name), "{name} in {line}"));
                asked += 1;
            } else if is_word(key) && key != "json" {
                assert!(keys.contains(&key.to_owned()), "{key} in {line}");
            }
        }
    }
    assert!(asked > 4, "the rules are not in the form that this test reads");
}
