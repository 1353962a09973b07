//! `highwater-central audit`.

use super::common::{Common, Tools, plain, print, print_json, table};
use super::{Failure, Outcome, dates};
use crate::model::{AuditFilter, AuditRow, PAGE_MAX, Page};
use crate::shapes::AuditShape;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Lists who changed what, the newest change first
    ///
    /// `cli:USER` typed a command, `admin:NAME` used the REST API with the token of that name, `instance:ID` joined, `central` did it by
    /// itself.
    List(List),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only changes of what has this id
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// Only changes of this day (in UTC) and later ones: 2026-11-20
    #[arg(long, value_name = "DATE", value_parser = dates::first_second)]
    since: Option<i64>,
    /// How many at the most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Prints JSON: {"changes":[…]}
    #[arg(long)]
    json: bool,
}

pub(super) fn run(common: &Common, command: &Audit) -> Outcome {
    let Audit::List(options) = command;
    let rows = common.with(async |tools| all(tools, options).await)?;
    if options.json {
        let shapes: Vec<AuditShape> = rows.into_iter().map(AuditShape::from).collect();
        print_json(&json!({ "changes": shapes }))?;
    } else if rows.is_empty() {
        print("No change is as asked for.\n")?;
    } else {
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![
                    row.id.to_string(),
                    dates::moment(row.at),
                    plain(&row.who),
                    row.action.clone(),
                    plain(&row.subject),
                    plain(&told(&row.before, &row.after)),
                ]
            })
            .collect();
        print(&table(&["CHANGE", "AT", "WHO", "WHAT", "OF", "FROM -> TO"], &rows))?;
    }
    Ok(0)
}

/// The keys that changed, each from what to what. Of what is new, nothing: `--json` tells all of it.
fn told(before: &Value, after: &Value) -> String {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return String::new() };
    let changed = after.iter().filter_map(|(key, to)| {
        let from = before.get(key).unwrap_or(&Value::Null);
        (from != to).then(|| format!("{key} {from} -> {to}"))
    });
    changed.collect::<Vec<_>>().join(", ")
}

async fn all(tools: &Tools, options: &List) -> Result<Vec<AuditRow>, Failure> {
    let mut all: Vec<AuditRow> = Vec::new();
    loop {
        let wanted = u32::try_from(options.limit.saturating_sub(all.len())).unwrap_or(PAGE_MAX).min(PAGE_MAX);
        if wanted == 0 {
            return Ok(all);
        }
        let filter = AuditFilter {
            subject: options.subject.clone(),
            since: options.since,
            page: Page { limit: wanted, after: all.last().map(|one| one.id.to_string()) },
        };
        let page = tools.store.audit(filter).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_told() {
        let (before, after) = (json!({"a": 1, "b": "x"}), json!({"a": 2, "b": "x"}));
        assert_eq!(told(&before, &after), "a 1 -> 2");
        assert_eq!(told(&Value::Null, &after), "");
    }
}
