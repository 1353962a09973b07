//! docs/log-events.md, the one source of what the log says, to a JSON Schema. tests/agent/documented.rs holds the page to the source
//! code, tests/agent/schema.rs holds the schema to what an agent logs.

use serde_json::{Map, Value, json};

const PAGE: &str = include_str!("../../docs/log-events.md");
/// The heading of the keys that any line may have.
const COMMON: &str = "Common keys";
const LEVELS: [&str; 4] = ["error", "warn", "info", "debug"];

/// An event as the page tells of it.
#[derive(Default)]
struct Section {
    name: String,
    levels: Vec<String>,
    about: String,
    keys: Vec<Key>,
}

struct Key {
    name: String,
    kind: String,
    is_optional: bool,
    meaning: String,
}

/// The schema, one event a line.
pub(super) fn schema() -> String {
    let mut sections = sections();
    let common = sections.remove(0);
    assert!(common.name == COMMON && !sections.is_empty(), "the page is not in the form that this reads");
    let names: Vec<&str> = sections.iter().map(|section| section.name.as_str()).collect();
    let mut properties = properties(&common);
    properties.insert("event".to_owned(), json!({ "enum": names }));
    let refs: Vec<Value> = names.iter().map(|name| json!({"$ref": format!("#/$defs/{name}")})).collect();
    let head = [
        ("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
        ("$id", json!("urn:highwater:log-events")),
        ("title", json!("A line of highwater's log, in the JSON format")),
        (
            "description",
            json!(
                "docs/log-events.md says more. Keys and events are only added: pass over those that you do not know."
            ),
        ),
        ("type", json!("object")),
        ("required", json!(required(&common))),
        ("properties", Value::Object(properties)),
        ("oneOf", json!(refs)),
    ];
    let mut text = "{\n".to_owned();
    for (key, value) in head {
        text.push_str(&format!("  {}: {value},\n", json!(key)));
    }
    let of_events = sections.iter().map(|section| (section.name.clone(), event(section)));
    let defs: Vec<String> = types()
        .into_iter()
        .chain(of_events)
        .map(|(name, def)| format!("    {}: {def}", json!(name)))
        .collect();
    text.push_str(&format!("  \"$defs\": {{\n{}\n  }}\n}}\n", defs.join(",\n")));
    text
}

/// The page's sections that have keys: the common ones first, then one for each event.
fn sections() -> Vec<Section> {
    let is_event = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let parts = PAGE.split("\n## ").skip(1).filter_map(|part| part.split_once('\n'));
    parts
        .filter(|(name, _)| *name == COMMON || is_event(name))
        .map(|(name, body)| section(name, body))
        .collect()
}

fn section(name: &str, body: &str) -> Section {
    let about = body.trim().split("\n\n").next().unwrap().replace('\n', " ");
    // `Level info.`, or `Level info when ..., warn when ...`: the sentence that begins so.
    let sentence = about.split("Level ").nth(1).and_then(|rest| rest.split('.').next()).unwrap_or_default();
    let words = sentence.split(|c: char| !c.is_ascii_lowercase());
    let levels: Vec<String> = words.filter(|word| LEVELS.contains(word)).map(str::to_owned).collect();
    assert_eq!(levels.is_empty(), name == COMMON, "no level of {name}");
    let about = about.replacen(&format!("Level {sentence}."), "", 1);
    let keys = body.lines().filter_map(key).collect();
    Section { name: name.to_owned(), levels, about: about.trim().replace("  ", " "), keys }
}

/// A row of a section's table.
fn key(line: &str) -> Option<Key> {
    let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.splitn(3, " | ").collect();
    let &[name, kind, meaning] = cells.as_slice() else { return None };
    let name = name.strip_prefix('`')?.strip_suffix('`')?.to_owned();
    let (kind, is_optional) = kind.strip_suffix('?').map_or((kind, false), |kind| (kind, true));
    Some(Key { name, kind: kind.to_owned(), is_optional, meaning: meaning.to_owned() })
}

fn event(section: &Section) -> Value {
    let mut properties = properties(section);
    properties.insert("event".to_owned(), json!({ "const": section.name }));
    properties.insert("level".to_owned(), json!({ "enum": section.levels }));
    json!({"description": section.about, "properties": properties, "required": required(section)})
}

fn required(section: &Section) -> Vec<&str> {
    section.keys.iter().filter(|key| !key.is_optional).map(|key| key.name.as_str()).collect()
}

fn properties(section: &Section) -> Map<String, Value> {
    let of = |key: &Key| {
        let mut shape = shape(key);
        shape["description"] = json!(key.meaning);
        (key.name.clone(), shape)
    };
    section.keys.iter().map(of).collect()
}

/// What a type of the page is in JSON.
fn shape(key: &Key) -> Value {
    match key.kind.as_str() {
        "text" | "path" | "URL" | "word" | "names" => json!({"type": "string"}),
        "choice" => {
            let words: Vec<&str> = key.meaning.split('`').skip(1).step_by(2).collect();
            assert!(words.len() > 1, "a choice of {words:?}: {}", key.name);
            json!({ "enum": words })
        }
        "number" | "slots" | "seconds" | "milliseconds" => json!({"type": "integer"}),
        "bytes" | "bit/s" | "sessions/s" => json!({"type": "number", "minimum": 0}),
        "boolean" => json!({"type": "boolean"}),
        "true" => json!({"const": true}),
        kind => {
            let name = kind.replace(' ', "_");
            assert!(types().iter().any(|(known, _)| *known == name), "unknown type `{kind}` of {}", key.name);
            json!({ "$ref": format!("#/$defs/{name}") })
        }
    }
}

/// The types that have a form of their own. No event has such a name.
fn types() -> Vec<(String, Value)> {
    let reasons = highwater_rules::meter::GapReason::ALL.iter().map(|reason| reason.word());
    let meters = highwater_rules::meter::Meter::ALL.iter().map(|meter| meter.word());
    let figure = json!({"type": "number", "minimum": 0});
    let moment = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}";
    let text = |pattern: &str| json!({"type": "string", "pattern": pattern});
    let reading = json!({
        "type": "object",
        "required": ["meter", "subject"],
        "properties": {
            "meter": { "enum": meters.collect::<Vec<_>>() }, "subject": {"type": "string"},
            "value": figure, "rx": figure, "tx": figure, "gap": {"$ref": "#/$defs/reason"}
        },
        "oneOf": [{"required": ["value"]}, {"required": ["gap"]}]
    });
    let types = [
        ("moment", text(&format!("{moment}Z$"))),
        ("precise_moment", text(&format!("{moment}[.][0-9]{{3}}Z$"))),
        ("any_moment", text(&format!("{moment}([.][0-9]{{3}})?Z$"))),
        ("date", text("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")),
        ("hexadecimal", text("^[0-9a-f]+$")),
        ("UUID", text("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")),
        ("counts", text("^[a-z_]+:[0-9]+(,[a-z_]+:[0-9]+)*$")),
        ("reason", json!({ "enum": reasons.collect::<Vec<_>>() })),
        ("array", json!({"type": "array", "items": reading})),
    ];
    types.into_iter().map(|(name, shape)| (name.to_owned(), shape)).collect()
}

#[test]
fn every_warning_and_error_of_the_page_is_a_metric_from_the_start() {
    let is_alarm = |level: &String| matches!(level.as_str(), "warn" | "error");
    let mut alarms: Vec<(String, String)> = sections()
        .into_iter()
        .flat_map(|section| {
            let levels = section.levels.into_iter().filter(is_alarm);
            levels.map(|level| (section.name.clone(), level)).collect::<Vec<_>>()
        })
        .collect();
    alarms.sort();
    let told: Vec<(String, String)> =
        crate::log::ALARMS.iter().map(|(event, level)| ((*event).to_owned(), (*level).to_owned())).collect();
    assert_eq!(told, alarms);
}
