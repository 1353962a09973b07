//! The JSON form: `POST /accessv2` with the command `stats`.

use super::answer::{Answer, Fields, Stats, rate};
use crate::sources::Garbled;
use serde::Deserialize;
use std::borrow::Cow;

/// A number, or the text of one: firmware has written both.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar<'a> {
    Whole(u64),
    Broken(f64),
    Text(#[serde(borrow)] Cow<'a, str>),
}

impl Scalar<'_> {
    fn text(&self) -> String {
        match self {
            Scalar::Whole(number) => number.to_string(),
            Scalar::Broken(number) => number.to_string(),
            Scalar::Text(text) => text.trim().to_owned(),
        }
    }
}

fn text(scalar: Option<&Scalar<'_>>) -> String {
    scalar.map(Scalar::text).unwrap_or_default()
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "TPS")]
    tps: Option<Tps<'a>>,
    #[serde(borrow, rename = "Vs", default)]
    services: Vec<Vs<'a>>,
    #[serde(rename = "VStotals")]
    totals: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Tps<'a> {
    #[serde(borrow, rename = "SSL")]
    ssl: Option<Scalar<'a>>,
}

#[derive(Deserialize)]
struct Vs<'a> {
    #[serde(borrow, rename = "VSAddress")]
    address: Option<Scalar<'a>>,
    #[serde(borrow, rename = "VSPort")]
    port: Option<Scalar<'a>>,
    #[serde(borrow, rename = "VSProt")]
    protocol: Option<Scalar<'a>>,
    #[serde(borrow, rename = "Index")]
    index: Option<Scalar<'a>>,
    #[serde(borrow, rename = "TotalBytes")]
    bytes: Option<Scalar<'a>>,
}

/// Reads an answer.
///
/// # Errors
/// When it is no whole answer of a LoadMaster.
pub fn answer(json: &str) -> Result<Answer, Garbled> {
    let response: Response<'_> = serde_json::from_str(json)
        .map_err(|e| Garbled::new(format!("it is no JSON of a LoadMaster's: {e}")))?;
    if response.status != "ok" {
        let code = text(response.code.as_ref()).parse().unwrap_or(0);
        return Ok(Answer::refused(code, response.message.as_deref().unwrap_or_default()));
    }
    if response.totals.is_none() && response.tps.is_none() && response.services.is_empty() {
        return Err(Garbled::at("it holds no statistics", json));
    }
    let tps = response.tps.and_then(|tps| tps.ssl).map(|ssl| rate(&ssl.text())).transpose()?;
    let mut services = Vec::with_capacity(response.services.len());
    for one in &response.services {
        let fields = Fields {
            address: text(one.address.as_ref()),
            port: text(one.port.as_ref()),
            protocol: text(one.protocol.as_ref()),
            index: text(one.index.as_ref()),
            bytes: text(one.bytes.as_ref()),
        };
        services.extend(fields.service()?);
    }
    Ok(Answer::Stats(Stats { tps, services }))
}
