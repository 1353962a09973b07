//! `highwater-central service-token`.

use super::common::{Common, Tools, plain, print, print_json, table};
use super::{Failure, Outcome, dates};
use crate::files::{check_named, write_named};
use crate::model::{NewServiceToken, PAGE_MAX, Page, ServiceToken};
use crate::secrets;
use crate::shapes::ServiceTokenShape;
use clap::{Args, Subcommand};
use highwater_rules::sign::sha256;
use serde_json::json;
use std::path::PathBuf;

/// The longest name, in characters.
const NAME_MAX_CHARS: usize = 100;

#[derive(Debug, Subcommand)]
pub(super) enum ServiceTokens {
    /// Makes a token that fetches the licences of one contract, and shows it this once
    ///
    /// It is for a host between two networks, which carries licences to instances that have none. It may do nothing else.
    Create(Create),
    /// Lists the service tokens (never their secrets: those are not kept)
    List(List),
    /// Takes a service token back: a running server refuses it at once
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The contract whose licences it fetches
    #[arg(long, value_name = "ID")]
    contract: String,
    /// What it is called: the host that has it, for example
    #[arg(long, value_name = "NAME", default_value = "", value_parser = name)]
    name: String,
    /// Writes the token to this file, for its owner only, and does not print it
    #[arg(short, long, value_name = "FILE", conflicts_with = "json")]
    output: Option<PathBuf>,
    /// Prints JSON: {"service_token"}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this contract
    #[arg(long, value_name = "ID")]
    contract: Option<String>,
    /// Prints JSON: {"service_tokens":[…]}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// Its id, as `service-token list` shows it
    id: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

fn name(text: &str) -> Result<String, String> {
    if text.chars().count() <= NAME_MAX_CHARS && !text.contains(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!("a name of {NAME_MAX_CHARS} letters at the most is wanted"))
}

pub(super) fn run(common: &Common, command: &ServiceTokens) -> Outcome {
    match command {
        ServiceTokens::Create(options) => create(common, options),
        ServiceTokens::List(options) => {
            let (tokens, flag) = common
                .with(async |tools| Ok((all(tools, options.contract.as_deref()).await?, tools.dir.flag())))?;
            if options.json {
                let shapes: Vec<ServiceTokenShape> =
                    tokens.into_iter().map(ServiceTokenShape::from).collect();
                print_json(&json!({ "service_tokens": shapes }))?;
            } else if tokens.is_empty() {
                print(&format!(
                    "There is no service token: highwater-central service-token create --contract ID{flag}\n"
                ))?;
            } else {
                print(&listed(&tokens))?;
            }
            Ok(0)
        }
        ServiceTokens::Revoke(options) => {
            let token = common.with(async |tools| {
                Ok(tools.store.revoke_service_token(options.id.clone(), tools.by.clone()).await?)
            })?;
            if options.json {
                print_json(&json!(ServiceTokenShape::from(token)))?;
            } else {
                print(&listed(&[token]))?;
            }
            Ok(0)
        }
    }
}

fn create(common: &Common, options: &Create) -> Outcome {
    options.output.as_deref().map_or(Ok(()), check_named)?;
    let secret = secrets::service_token()?;
    let url = common.with(async |tools| {
        let new = NewServiceToken {
            secret: sha256(secret.as_bytes()),
            contract: options.contract.clone(),
            name: options.name.clone(),
        };
        tools.store.create_service_token(new, tools.by.clone()).await?;
        Ok(tools.dir.public_url()?.unwrap_or_else(|| "https://CENTRAL:8443".to_owned()))
    })?;
    if options.json {
        print_json(&json!({ "service_token": secret }))?;
    } else if let Some(file) = &options.output {
        write_named(file, format!("{secret}\n").as_bytes())?;
        print(&format!(
            "The token is in {}. It fetches licences under this contract: highwater license fetch --service-token-file FILE\n",
            file.display()
        ))?;
    } else {
        print(&format!(
            "{secret}\n\nIt is shown this once. It fetches the licence of an instance under this contract:\n  curl --fail --cacert ca.pem \
             -H \"Authorization: Bearer $TOKEN\" -o licence.jwt \\\n    {url}/api/v1/licences/INSTANCE\n"
        ))?;
    }
    Ok(0)
}

async fn all(tools: &Tools, contract: Option<&str>) -> Result<Vec<ServiceToken>, Failure> {
    let mut all: Vec<ServiceToken> = Vec::new();
    loop {
        let after = all.last().map(|token| token.id.clone());
        let page = Page { limit: PAGE_MAX, after };
        let page = tools.store.service_tokens(contract.map(str::to_owned), page).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn listed(tokens: &[ServiceToken]) -> String {
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|token| {
            let state = if token.revoked { "revoked" } else { "good" };
            vec![
                token.id.clone(),
                state.to_owned(),
                plain(&token.name),
                dates::moment(token.created_at),
                token.contract.clone(),
            ]
        })
        .collect();
    table(&["SERVICE TOKEN", "STATE", "NAME", "MADE", "CONTRACT"], &rows)
}
