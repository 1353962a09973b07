//! `highwater-central admin-token`.

use super::common::{Common, plain, print, print_json, table};
use super::{Failure, Outcome, dates, exit};
use crate::model::AdminToken;
use crate::secrets;
use crate::shapes::AdminTokenShape;
use clap::{Args, Subcommand};
use highwater_rules::sign::sha256;
use serde_json::json;

/// The longest name, in characters.
const NAME_MAX_CHARS: usize = 100;

#[derive(Debug, Subcommand)]
pub(super) enum AdminTokens {
    /// Makes a token for the REST API, and shows it this once
    ///
    /// Who has it may do all that can be administered. Give each person and each program its own: the audit trail names it, and it can be
    /// taken back by itself.
    Create(Create),
    /// Lists the tokens for the REST API (never their secrets: those are not kept)
    List(List),
    /// Takes a token back: a running server refuses it at once
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// What it is called in the audit trail: a person or a program
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: String,
    /// Prints JSON: {"admin_token"}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Prints JSON: {"admin_tokens":[…]}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// Its id, as `admin-token list` shows it
    id: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

fn name(text: &str) -> Result<String, String> {
    let fits = !text.trim().is_empty() && text.chars().count() <= NAME_MAX_CHARS;
    if fits && !text.contains(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!("a name of 1 to {NAME_MAX_CHARS} letters is wanted"))
}

pub(super) fn run(common: &Common, command: &AdminTokens) -> Outcome {
    match command {
        AdminTokens::Create(options) => create(common, options),
        AdminTokens::List(options) => {
            let (tokens, flag) =
                common.with(async |tools| Ok((tools.store.admin_tokens().await?, tools.dir.flag())))?;
            if options.json {
                let shapes: Vec<AdminTokenShape> = tokens.into_iter().map(AdminTokenShape::from).collect();
                print_json(&json!({ "admin_tokens": shapes }))?;
            } else if tokens.is_empty() {
                print(&format!(
                    "There is no token yet: highwater-central admin-token create --name NAME{flag}\n"
                ))?;
            } else {
                print(&listed(&tokens))?;
            }
            Ok(0)
        }
        AdminTokens::Revoke(options) => {
            let token = common.with(async |tools| {
                Ok(tools.store.revoke_admin_token(options.id.clone(), tools.by.clone()).await?)
            })?;
            if options.json {
                print_json(&json!(AdminTokenShape::from(token)))?;
            } else {
                print(&listed(&[token]))?;
            }
            Ok(0)
        }
    }
}

fn create(common: &Common, options: &Create) -> Outcome {
    let secret = secrets::admin_token()?;
    let url = common.with(async |tools| {
        let taken = tools.store.admin_tokens().await?;
        // Of two with one name, the audit trail would not tell who it was.
        if taken.iter().any(|token| token.name == options.name && !token.revoked) {
            let message = format!("--name: there is a token {:?} already: choose another name", options.name);
            return Err(Failure::new(exit::USAGE, message));
        }
        let by = tools.by.clone();
        tools.store.create_admin_token(options.name.clone(), sha256(secret.as_bytes()), by).await?;
        Ok(tools.dir.public_url()?.unwrap_or_else(|| "https://CENTRAL:8443".to_owned()))
    })?;
    if options.json {
        print_json(&json!({ "admin_token": secret }))?;
    } else {
        print(&format!(
            "{secret}\n\nIt is shown this once. Send it as a header:\n  Authorization: Bearer TOKEN\nWhat can be asked is described at\n  \
             {url}/api/v1/openapi.json\n"
        ))?;
    }
    Ok(0)
}

fn listed(tokens: &[AdminToken]) -> String {
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|token| {
            let state = if token.revoked { "revoked" } else { "good" };
            vec![token.id.clone(), state.to_owned(), plain(&token.name), dates::moment(token.created_at)]
        })
        .collect();
    table(&["ADMIN TOKEN", "STATE", "NAME", "MADE"], &rows)
}
