//! Joining a central over the network: what `highwater activate` and an agent that activates itself share.

use crate::clock;
use crate::config::{CentralUrl, Config, Uplink};
use crate::files::{Root, read_bounded};
use crate::host::HostFacts;
use crate::licence::{self, InstallError};
use crate::node;
use crate::sources::ram::mem_total;
use crate::uplink::activate::{ActivateError, Candidate, activate};
use crate::uplink::settings::Roots;
use crate::uplink::{
    Client, Enrolment, EnrolmentError, Environment, Identity, IdentityError, PushError, Settings,
};
use highwater_proto::v1::Host;
use highwater_rules::licence::Holder;
use highwater_rules::report::Names;
use highwater_rules::sign::PublicKey;
use highwater_rules::token::EnrolmentToken;
use std::path::Path;

const MEMINFO_MAX_BYTES: usize = 64 * 1024;

/// Who is to join.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    /// The instance's id.
    pub(crate) instance: String,
    /// Its first start, in unix seconds.
    pub(crate) first_start: i64,
    /// How its names leave the host.
    pub(crate) names: Names,
}

/// A host that has joined.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) enrolment: Enrolment,
    /// Why the licence that came with it is not used, where it is not.
    pub(crate) licence: Option<InstallError>,
}

/// Why a host has not joined.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JoinError {
    /// The exchange with central came to nothing.
    #[error(transparent)]
    Activate(#[from] ActivateError),
    /// The key can't be read or made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// What central granted can't be kept.
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
}

impl JoinError {
    /// For how long central asked to be left alone, in seconds, where it did.
    pub(crate) fn retry_after_s(&self) -> Option<i64> {
        match self {
            JoinError::Activate(ActivateError::Exchange(error)) => error.retry_after_s(),
            _ => None,
        }
    }

    /// What to do about it, where the error does not say it itself.
    pub(crate) fn mend(&self) -> &str {
        match self {
            JoinError::Activate(ActivateError::Exchange(error)) => error.mend(),
            _ => "let the agent's user read and write its state directory",
        }
    }
}

/// The request of an instance with this token. The certificates (PEM) are kept for the pushes to come.
pub(crate) fn candidate(
    config: &Config,
    who: &Who,
    token: EnrolmentToken,
    ca_pem: Option<String>,
) -> Candidate {
    Candidate {
        token,
        instance: who.instance.clone(),
        first_start: who.first_start,
        host: host(config, &who.names),
        node: node::known(&config.state_dir).map(|node| node.told(&who.names)),
        now_s: clock::unix_s(),
        ca_pem,
    }
}

/// How central is reached by one that has not joined yet.
pub(crate) fn settings(config: &Uplink, url: CentralUrl, ca_pem: Option<&str>) -> Settings {
    let configured = || config.ca_file.clone().map_or(Roots::Host, Roots::File);
    Settings {
        url,
        proxy: config.proxy.clone(),
        proxy_password_file: config.proxy_password_file.clone(),
        roots: ca_pem.map_or_else(configured, |pem| Roots::Pem(pem.to_owned())),
        client: config.client.clone(),
        environment: Environment::read(),
        limits: crate::uplink::Limits::default(),
    }
}

/// Joins, and keeps in the state directory what comes of it.
///
/// # Errors
/// When central can't be reached or refuses, or its grant can't be kept.
pub(crate) async fn join(
    state_dir: &Path,
    settings: &Settings,
    candidate: &Candidate,
) -> Result<Done, JoinError> {
    let unmade = |e| JoinError::Activate(ActivateError::Exchange(PushError::Uplink(e)));
    let client = Client::new(settings).map_err(unmade)?;
    let identity = Identity::load_or_create(state_dir)?;
    let enrolment = activate(&client, &identity, candidate).await?;
    // First the licence: an agent that finds the activation finds it too.
    let licence = install_granted(state_dir, &enrolment).err();
    enrolment.store(state_dir)?;
    Ok(Done { enrolment, licence })
}

/// Installs the licence that came with the grant, where one did.
///
/// # Errors
/// When it is not believed or someone else's, or can't be written.
pub(crate) fn install_granted(state_dir: &Path, enrolment: &Enrolment) -> Result<(), InstallError> {
    let grant = enrolment.grant();
    if grant.licence.is_empty() {
        return Ok(());
    }
    let keys: Vec<&PublicKey> = enrolment.keys().collect();
    let node = node::known(state_dir);
    let cluster = node.as_ref().map(|node| node.cluster.as_str());
    let holder = Holder { instance: &grant.instance, identity: Some(&grant.identity), cluster };
    licence::install(state_dir, &grant.licence, &keys, &holder, None).map(drop)
}

/// The host as central is told of it.
fn host(config: &Config, names: &Names) -> Host {
    let root = Root::new(&config.sampling.root);
    let facts = HostFacts::read(&root);
    let meminfo = read_bounded(&root.at("proc/meminfo"), MEMINFO_MAX_BYTES);
    Host {
        name: facts.name.map(|name| names.told(&name)).unwrap_or_default(),
        os: facts.os.unwrap_or_default(),
        os_version: facts.os_version.unwrap_or_default(),
        kernel: facts.kernel.unwrap_or_default(),
        cores: facts.cores.unwrap_or(0),
        virtualization: facts.virtualization.unwrap_or_default(),
        memory_bytes: meminfo.ok().and_then(|text| mem_total(&text).ok()).unwrap_or(0),
        name_hashed: matches!(names, Names::Hashed(_)),
    }
}
