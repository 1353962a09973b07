//! `highwater activate --export`: the request in a file, for those who open no connection.

use crate::bundle::Output;
use crate::commands::{Failure, Outcome, exit};
use crate::config::{CentralUrl, Loaded};
use crate::log::print;
use crate::uplink::activate::{Awaited, Candidate, nonce, request};
use crate::uplink::{Identity, pending};
use highwater_rules::bundle::{Record, Writer};
use serde_json::json;
use std::path::Path;

pub(super) fn air_gapped() -> Failure {
    Failure::new(
        exit::USAGE,
        "air-gapped (uplink.transport = \"air-gap\"): no connection is opened\n    \
         write the request into a file: highwater activate --token-file T --export FILE",
    )
}

/// Makes the key, and writes the request. What the answer is held to is kept until it is imported.
pub(super) fn export(
    loaded: &Loaded,
    path: &Path,
    (force, json): (bool, bool),
    candidate: &Candidate,
    central: Option<CentralUrl>,
) -> Outcome {
    let state_dir = &loaded.config.state_dir;
    let mut output = Output::create(path, force)?;
    let identity = Identity::load_or_create(state_dir)?;
    let before = pending::load(state_dir).ok().flatten().filter(|awaited| {
        awaited.fingerprint == candidate.token.fingerprint && awaited.instance == candidate.instance
    });
    // The same request written again: an answer to either does.
    let nonce = match before {
        Some(awaited) => awaited.nonce,
        None => nonce().map_err(|e| Failure::new(exit::UNAVAILABLE, e.to_string()))?,
    };
    let awaited = Awaited {
        nonce,
        fingerprint: candidate.token.fingerprint,
        instance: candidate.instance.clone(),
        central,
        ca_pem: candidate.ca_pem.clone(),
    };
    let mut writer = Writer::new();
    let sealed = request(&identity, candidate, nonce);
    writer.put(Record::Activation(sealed)).map_err(|e| Failure::new(exit::DATA, e.to_string()))?;
    pending::store(state_dir, &awaited)?;
    output.write(&writer.finish())?;
    let bytes = output.finish()?;
    if path == Path::new("-") {
        return Ok(0);
    }
    if json {
        let value = json!({
            "activated": false,
            "file": path.display().to_string(),
            "instance": candidate.instance,
            "bytes": bytes,
        });
        print(&format!("{value}\n"))?;
    } else {
        print(&format!(
            "{}: the request of {}; {bytes} bytes. It holds the token's secret: carry it as you would the token\n\
             carry it to central, and `highwater import` what it answers\n",
            path.display(),
            candidate.instance
        ))?;
    }
    Ok(0)
}
