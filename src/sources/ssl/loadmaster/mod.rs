//! TLS sessions and the bytes of virtual services as a Kemp LoadMaster tells them, asked at its API.

pub mod answer;
pub mod json;
pub mod xml;

use super::services::Services;
use crate::config::ssl::{Loadmaster as Settings, Login};
use crate::sources::fetch::{self, Fetch, secret};
use crate::sources::{Missing, Readout, SourceError};
use answer::{Answer, Stats};
use highwater_rules::figure::{Figure, Observation};
use highwater_rules::meter::{Meter, Series};
use highwater_rules::sign::sha256;
use serde_json::json;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The longest answer: some four thousand virtual services with their servers.
const ANSWER_MAX_BYTES: usize = 8 * 1024 * 1024;
/// The question in its two forms.
const XML: &str = "/access/stats";
const JSON: &str = "/accessv2";
/// Why there may be no sessions in an otherwise good answer.
const NO_TPS: &str = "the LoadMaster tells no TPS of SSL: firmware 7.2.50 and later does; update it, or count sessions by \
                      another kind of source";

/// The source of `ssl_tps` and `vs_bytes` at one LoadMaster.
#[derive(Debug)]
pub struct Loadmaster {
    name: String,
    fetch: Fetch,
    /// A number for where it is asked: other counters are behind another URL.
    appliance: u64,
    /// The file of the key with which the JSON form is asked; without one it is the XML form.
    api_key: Option<PathBuf>,
    services: Services,
}

impl Loadmaster {
    /// The source of that name.
    #[must_use]
    pub fn new(name: &str, settings: &Settings) -> Self {
        let (mut client, mut basic, mut api_key) = (None, None, None);
        match settings.login.clone() {
            Login::Password { username, file } => basic = Some((username, file)),
            Login::ApiKey(file) => api_key = Some(file),
            Login::Certificate(files) => client = Some(files),
        }
        let appliance = sha256(settings.url.as_str().as_bytes());
        let appliance = appliance.0.first_chunk().map_or(0, |eight| u64::from_be_bytes(*eight));
        let fetch = Fetch::new(fetch::Settings {
            url: settings.url.clone(),
            trust: settings.trust.clone(),
            client,
            basic,
            bearer: None,
            max_bytes: ANSWER_MAX_BYTES,
        });
        // Its counters have no life of their own: only their values tell that they began anew.
        let services = Services::guarded(name, settings.services);
        Loadmaster { name: name.to_owned(), fetch, appliance, api_key, services }
    }

    /// Its configured name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The series that it always gives.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::new(Meter::SslTps, &self.name)
    }

    /// What it sees now.
    ///
    /// # Errors
    /// When the LoadMaster can't be asked, does not let the agent in, or its answer is not understood.
    pub fn read(&mut self) -> Result<Readout, SourceError> {
        let stats = self.stats()?;
        let mut readout = Readout::default();
        match stats.tps {
            Some(tps) => {
                let figure = Figure::Gauge(tps);
                readout.observations.push(Observation { series: self.series(), figure });
            }
            None => readout.missing.push(Missing { series: self.series(), why: NO_TPS.to_owned() }),
        }
        let mut services = stats.services;
        services.iter_mut().for_each(|service| service.incarnation ^= self.appliance);
        self.services.tell(services, &mut readout);
        Ok(readout)
    }

    fn stats(&self) -> Result<Stats, SourceError> {
        let (answer, parse): (_, fn(&str) -> _) = match &self.api_key {
            None => (self.fetch.get(XML)?, xml::answer),
            Some(file) => {
                let key = secret(file)?;
                let body = Zeroizing::new(json!({"cmd": "stats", "apikey": key.as_str()}).to_string());
                (self.fetch.post_json(JSON, &body)?, json::answer)
            }
        };
        let place = self.fetch.place();
        if matches!(answer.status, 401 | 403) {
            return Err(SourceError::NotLetIn { place, status: answer.status });
        }
        let text = String::from_utf8_lossy(&answer.body);
        match parse(&text) {
            Ok(Answer::Stats(stats)) if answer.status == 200 => Ok(stats),
            Ok(Answer::Refused { code: code @ (401 | 403), .. }) => {
                Err(SourceError::NotLetIn { place, status: u16::try_from(code).unwrap_or_default() })
            }
            Ok(Answer::Refused { code, why }) => Err(SourceError::Refused { place, code, why: clean(&why) }),
            // What stands under another status need not be of the LoadMaster's.
            Ok(Answer::Stats(_)) | Err(_) if answer.status != 200 => {
                Err(SourceError::Refused { place, code: u64::from(answer.status), why: String::new() })
            }
            Ok(Answer::Stats(stats)) => Ok(stats),
            Err(garbled) => Err(SourceError::GarbledAnswer { place, garbled }),
        }
    }
}

/// Words of another's, with nothing in them that could upset a log.
fn clean(words: &str) -> String {
    words.chars().flat_map(char::escape_debug).collect()
}
