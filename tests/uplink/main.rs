//! The uplink against real servers on loopback: those that answer well, badly, slowly, or are not who they say; and proxies.

#[cfg(test)]
mod activate;
#[cfg(test)]
#[path = "../agent/agent.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod agent;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod authority;
#[cfg(test)]
mod central;
#[cfg(test)]
mod couriers;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod forward;
#[cfg(test)]
mod licences;
#[cfg(test)]
#[path = "../agent/line.rs"]
#[expect(dead_code, reason = "shared with the agent's own tests, which use more of it")]
mod line;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod pushes;
#[cfg(test)]
mod renewing;
#[cfg(test)]
mod server;
#[cfg(test)]
mod tls;

#[cfg(test)]
use highwater::config::{CentralUrl, ProxyChoice};
#[cfg(test)]
use highwater::uplink::settings::Roots;
#[cfg(test)]
use highwater::uplink::{Client, Environment, Limits, Settings, UplinkError};
#[cfg(test)]
use std::time::Duration;

/// Settings for a server of a test: trusted by its own authority alone.
#[cfg(test)]
fn settings(url: &str, ca_pem: &str) -> Settings {
    Settings {
        url: CentralUrl::parse(url).unwrap(),
        proxy: ProxyChoice::Direct,
        proxy_password_file: None,
        roots: Roots::Pem(ca_pem.to_owned()),
        client: None,
        environment: Environment::default(),
        limits: Limits { connect: Duration::from_secs(5), ..Limits::default() },
    }
}

/// Waits for a future on a runtime like the agent's own.
#[cfg(test)]
fn block<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

/// Posts once.
#[cfg(test)]
fn post(settings: &Settings) -> Result<Vec<u8>, UplinkError> {
    block(async { Client::new(settings)?.post("/v1/reports", b"question".to_vec()).await })
}
