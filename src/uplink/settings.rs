//! What a client is made of.

use super::enrolment::Enrolment;
use super::environment::Environment;
use crate::config::{CentralUrl, ClientFiles, ProxyChoice, Uplink};
use std::path::PathBuf;
use std::time::Duration;

/// How central is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is.
    pub url: CentralUrl,
    /// Through which proxy.
    pub proxy: ProxyChoice,
    /// The file of the proxy's password, where that is not in its URL.
    pub proxy_password_file: Option<PathBuf>,
    /// What its certificate is held to.
    pub roots: Roots,
    /// The agent's own certificate.
    pub client: Option<ClientFiles>,
    /// What the environment says.
    pub environment: Environment,
    /// How long anything may take, and how large it may be.
    pub limits: Limits,
}

/// The certificates that central's is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Those of the host.
    Host,
    /// Those of this file (PEM), and no others.
    File(PathBuf),
    /// These (PEM), and no others.
    Pem(String),
}

/// How long each phase of a request may take, and how large an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Looking up the name, connecting, the proxy, the TLS handshake: 10 s.
    pub connect: Duration,
    /// From the connection to the answer's head, the request's body on the way included: 30 s.
    pub head: Duration,
    /// The answer's body: 30 s.
    pub body: Duration,
    /// All of it: 60 s.
    pub whole: Duration,
    /// The longest answer, in bytes: 4 MiB.
    pub answer_max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(10),
            head: Duration::from_secs(30),
            body: Duration::from_secs(30),
            whole: Duration::from_secs(60),
            answer_max_bytes: 4 << 20,
        }
    }
}

impl Settings {
    /// What the configuration says, and where it is silent, what the activation left. `None` where neither names a central.
    #[must_use]
    pub fn of(config: &Uplink, enrolment: Option<&Enrolment>, environment: Environment) -> Option<Self> {
        let url = config.url.clone().or_else(|| enrolment?.url().cloned())?;
        let roots = match (&config.ca_file, enrolment.and_then(Enrolment::ca_pem)) {
            (Some(file), _) => Roots::File(file.clone()),
            (None, Some(pem)) => Roots::Pem(pem.to_owned()),
            (None, None) => Roots::Host,
        };
        Some(Settings {
            url,
            proxy: config.proxy.clone(),
            proxy_password_file: config.proxy_password_file.clone(),
            roots,
            client: config.client.clone(),
            environment,
            limits: Limits::default(),
        })
    }
}
