//! `highwater-central license`.

use super::common::{Common, Tools, pairs, plain, print, print_json, table};
use super::{Failure, Outcome, amounts, dates, exit};
use crate::files::{check_named, write_named};
use crate::keys::Keys;
use crate::licences;
use crate::model::{Licence, LicenceFilter, LicenceOf, PAGE_MAX, Page};
use crate::shapes::LicenceShape;
use crate::store::StoreError;
use clap::{Args, Subcommand};
use highwater_rules::report::is_uuid;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub(super) enum Licenses {
    /// Lists the licences that were issued, the newest first
    ///
    /// Instances get theirs by themselves: with the activation, with the answer to a report, or when they ask.
    List(List),
    /// Shows one licence, and prints it as it is carried
    Show(Show),
    /// Issues a new licence to carry, whatever the age of the last one
    Issue(Issue),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those under this contract
    #[arg(long, value_name = "ID")]
    contract: Option<String>,
    /// Only those of this instance
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
    /// How many at the most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Prints JSON: {"licences":[…]}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The licence's id
    id: String,
    /// Prints JSON: {"licence","token"}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Issue {
    /// The instance that it is for, as `activation list` shows it
    #[arg(long, value_name = "ID", value_parser = id, required_unless_present = "cluster", conflicts_with_all = ["cluster", "contract"])]
    instance: Option<String>,
    /// The cluster that it is for: the uid of its namespace kube-system
    #[arg(long, value_name = "UID", value_parser = id, requires = "contract")]
    cluster: Option<String>,
    /// The contract that the cluster is under
    #[arg(long, value_name = "ID", value_parser = id, requires = "cluster")]
    contract: Option<String>,
    /// Where it is written; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Prints JSON: {"licence","token"}
    #[arg(long)]
    json: bool,
}

fn id(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    if is_uuid(&lower) { Ok(lower) } else { Err(format!("{text:?} is no id: ids are UUIDs")) }
}

pub(super) fn run(common: &Common, command: &Licenses) -> Outcome {
    match command {
        Licenses::List(options) => list(common, options),
        Licenses::Show(options) => show(common, options),
        Licenses::Issue(options) => issue(common, options),
    }
}

fn list(common: &Common, options: &List) -> Outcome {
    let found = common.with(async |tools| all(tools, options).await)?;
    if options.json {
        let shapes: Vec<LicenceShape> = found.into_iter().map(LicenceShape::from).collect();
        print_json(&json!({ "licences": shapes }))?;
    } else if found.is_empty() {
        print("No licence is as asked for. Instances get theirs when they join.\n")?;
    } else {
        print(&listed(&found))?;
    }
    Ok(0)
}

async fn all(tools: &Tools, options: &List) -> Result<Vec<Licence>, Failure> {
    let mut all: Vec<Licence> = Vec::new();
    loop {
        let wanted = u32::try_from(options.limit.saturating_sub(all.len())).unwrap_or(PAGE_MAX).min(PAGE_MAX);
        if wanted == 0 {
            return Ok(all);
        }
        let filter = LicenceFilter {
            contract: options.contract.clone(),
            instance: options.instance.clone(),
            page: Page { limit: wanted, after: all.last().map(|one| one.number.to_string()) },
        };
        let page = tools.store.licences(filter).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn show(common: &Common, options: &Show) -> Outcome {
    let (licence, token) = common.with(async |tools| {
        let found = tools.store.licence(options.id.clone()).await?;
        let licence = found.ok_or_else(|| StoreError::Absent { what: "license", id: options.id.clone() })?;
        let keys = Keys::load(Arc::clone(&tools.store)).await?;
        let token = licences::token(&keys.ring(), &licence)?;
        Ok((licence, token))
    })?;
    if options.json {
        print_json(&json!({ "licence": LicenceShape::from(licence), "token": token }))?;
    } else {
        print(&format!("{}\n{token}\n", detail(&licence)))?;
    }
    Ok(0)
}

fn issue(common: &Common, options: &Issue) -> Outcome {
    let of = match (&options.instance, &options.cluster, &options.contract) {
        (Some(instance), ..) => LicenceOf::Instance(instance.clone()),
        (None, Some(cluster), Some(contract)) => {
            LicenceOf::Cluster { cluster: cluster.clone(), contract: contract.clone() }
        }
        _ => return Err(Failure::new(exit::USAGE, "name --instance, or --cluster and --contract")),
    };
    let to_file = options.output != Path::new("-");
    if to_file {
        check_named(&options.output)?;
    }
    let (licence, token) = common.with(async |tools| {
        let keys = Keys::load(Arc::clone(&tools.store)).await?;
        Ok(licences::issue(&*tools.store, &keys, of, tools.by.clone()).await?)
    })?;
    if to_file {
        write_named(&options.output, format!("{token}\n").as_bytes())?;
    }
    if options.json {
        print_json(&json!({ "licence": LicenceShape::from(licence), "token": token }))?;
    } else if to_file {
        print(&listed(&[licence]))?;
    } else {
        print(&format!("{token}\n"))?;
    }
    Ok(0)
}

fn listed(licences: &[Licence]) -> String {
    let rows: Vec<Vec<String>> = licences
        .iter()
        .map(|one| {
            let claims = &one.claims;
            vec![
                claims.id.clone(),
                claims.subject.to_string(),
                claims.status.word().to_owned(),
                claims.mode.word().to_owned(),
                dates::moment(claims.issued_at),
                dates::moment(claims.expires_at),
                plain(&one.issued_by),
                claims.contract.clone(),
            ]
        })
        .collect();
    table(&["LICENCE", "OF", "STATUS", "MODE", "ISSUED", "EXPIRES", "BY", "CONTRACT"], &rows)
}

fn detail(one: &Licence) -> String {
    let claims = &one.claims;
    let or_none = |text: Option<String>| text.map_or_else(|| "-".to_owned(), |text| plain(&text));
    pairs(&[
        ("licence", claims.id.clone()),
        ("of", claims.subject.to_string()),
        ("counted for", claims.identity.clone()),
        ("contract", claims.contract.clone()),
        ("status", claims.status.word().to_owned()),
        ("mode", claims.mode.word().to_owned()),
        ("issued", dates::moment(claims.issued_at)),
        ("licence expires", dates::moment(claims.expires_at)),
        ("end of contract", or_none(claims.contract_end.map(dates::moment))),
        ("product", plain(&claims.product)),
        ("customer", plain(&claims.customer)),
        ("email", or_none(claims.email.clone())),
        ("features", or_none((!claims.features.is_empty()).then(|| claims.features.join(", ")))),
        ("ram limit", or_none(claims.limits.ram_bytes.map(amounts::shown_bytes))),
        ("throughput limit", or_none(claims.limits.throughput_bps.map(amounts::shown_bits))),
        ("tier", or_none(claims.limits.throughput_tier.clone())),
        ("ssl tps limit", or_none(claims.limits.ssl_tps.map(|n| n.to_string()))),
        ("grace", dates::shown(claims.grace_s)),
        ("slot", or_none(claims.slot_s.map(dates::shown))),
        ("key", one.signer.hex()),
        ("issued by", plain(&one.issued_by)),
    ])
}
