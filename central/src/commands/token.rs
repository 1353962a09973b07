//! `highwater-central token`.

use super::common::{Common, Tools, print, print_json, table};
use super::{Failure, Outcome, dates, exit};
use crate::enrol::{self, Wanted};
use crate::files::{check_named, write_named};
use crate::model::{Confirm, PAGE_MAX, Page, Token};
use crate::shapes::TokenShape;
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(super) enum Tokens {
    /// Makes an enrolment token, and prints the line to type on the metered host
    Create(Create),
    /// Lists tokens (never their secrets: those are not kept)
    List(List),
    /// Takes a token back: nobody joins by it any more
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The contract that joining instances are under
    #[arg(long, value_name = "ID")]
    contract: String,
    /// How many instances may join by it: a number, or `unlimited`
    #[arg(long, value_name = "N", default_value = "unlimited", value_parser = uses)]
    uses: Uses,
    /// How long it is good: 30d, 12h
    #[arg(long, value_name = "LENGTH", default_value = "30d", value_parser = dates::length)]
    expires: u64,
    /// `manual`: an operator confirms each activation, or it is blocked after some days
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = str::parse::<Confirm>)]
    confirm: Confirm,
    /// Writes the token to this file, for its owner only, and does not print it
    #[arg(short, long, value_name = "FILE", conflicts_with = "json")]
    output: Option<PathBuf>,
    /// Prints JSON: {"token"}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this contract
    #[arg(long, value_name = "ID")]
    contract: Option<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The token's id, as `token list` shows it
    id: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// How many instances may join; a type of its own, as clap takes an `Option` for an argument that may be left out.
#[derive(Debug, Clone, Copy)]
struct Uses(Option<u32>);

fn uses(text: &str) -> Result<Uses, String> {
    if text == "unlimited" {
        return Ok(Uses(None));
    }
    let number = text.parse().ok().filter(|n| *n > 0);
    number
        .map(|n| Uses(Some(n)))
        .ok_or_else(|| format!("{text:?} is neither a number from 1 nor `unlimited`"))
}

pub(super) fn run(common: &Common, command: &Tokens) -> Outcome {
    match command {
        Tokens::Create(options) => common.with(async |tools| create(tools, options).await),
        Tokens::List(options) => {
            let (tokens, flag) = common
                .with(async |tools| Ok((all(tools, options.contract.as_deref()).await?, tools.dir.flag())))?;
            if options.json {
                let shapes: Vec<TokenShape> = tokens.into_iter().map(TokenShape::from).collect();
                print_json(&json!({ "tokens": shapes }))?;
            } else {
                print(&listed(&tokens, &flag))?;
            }
            Ok(0)
        }
        Tokens::Revoke(options) => {
            let token = common.with(async |tools| {
                Ok(tools.store.revoke_token(options.id.clone(), tools.by.clone()).await?)
            })?;
            if options.json {
                print_json(&json!(TokenShape::from(token)))?;
            } else {
                print(&listed(&[token], ""))?;
            }
            Ok(0)
        }
    }
}

async fn create(tools: &Tools, options: &Create) -> Outcome {
    let wanted = Wanted {
        contract: options.contract.clone(),
        uses: options.uses.0,
        expires_in_s: Some(options.expires),
        confirm: options.confirm,
    };
    wanted.check().map_err(|no| Failure::new(exit::USAGE, no))?;
    options.output.as_deref().map_or(Ok(()), check_named)?;
    let (_, text) = enrol::make(&*tools.store, wanted, tools.by.clone()).await?;
    if options.json {
        print_json(&json!({ "token": text }))?;
        return Ok(0);
    }
    if let Some(file) = &options.output {
        write_named(file, format!("{text}\n").as_bytes())?;
        print(&format!(
            "The token is in {}. Carry it to the host that is metered: highwater activate --token-file FILE\n",
            file.display()
        ))?;
        return Ok(0);
    }
    let url = tools.dir.public_url()?.unwrap_or_else(|| "https://CENTRAL:8443".to_owned());
    let ca = tools.dir.ca_cert();
    // With certificates of one's own there is none: then the host's are asked.
    let (hint, ca) = if ca.exists() {
        (" (with a copy of the file behind --ca-file)", format!(" --ca-file {}", ca.display()))
    } else {
        ("", String::new())
    };
    print(&format!(
        "{text}\n\nIt is shown this once. On the host that is metered{hint}:\n  highwater activate --central {url}{ca} --token {text}\n"
    ))?;
    Ok(0)
}

async fn all(tools: &Tools, contract: Option<&str>) -> Result<Vec<Token>, Failure> {
    let mut all: Vec<Token> = Vec::new();
    loop {
        let after = all.last().map(|token| token.id.clone());
        let page = tools.store.tokens(contract.map(str::to_owned), Page { limit: PAGE_MAX, after }).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn listed(tokens: &[Token], flag: &str) -> String {
    if tokens.is_empty() {
        return format!("There is no token: highwater-central token create --contract ID{flag}\n");
    }
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|t| {
            vec![
                t.id.clone(),
                t.contract.clone(),
                t.uses_left.map_or_else(|| "unlimited".to_owned(), |n| n.to_string()),
                t.expires_at.map_or_else(|| "never".to_owned(), dates::moment),
                t.confirm.to_string(),
                if t.revoked { "revoked" } else { "" }.to_owned(),
            ]
        })
        .collect();
    table(&["TOKEN", "CONTRACT", "USES LEFT", "EXPIRES", "CONFIRM", ""], &rows)
}
