//! `preset`: the counters by which servers are known to count TLS sessions.

use super::super::super::keys::{listed, nearest};
use super::super::super::mistakes::{Fault, quoted};
use super::super::super::raw::Raw;

/// A server whose counter of TLS sessions is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// HAProxy, at the exporter that is built in.
    Haproxy,
    /// Envoy, at its admin interface.
    Envoy,
    /// NGINX Plus, at nginx-prometheus-exporter.
    NginxPlus,
}

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 3] = [Preset::Haproxy, Preset::Envoy, Preset::NginxPlus];

    /// The word that `preset` uses for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Preset::Haproxy => "haproxy",
            Preset::Envoy => "envoy",
            Preset::NginxPlus => "nginx-plus",
        }
    }

    /// The metric that counts.
    #[must_use]
    pub const fn metric(self) -> &'static str {
        match self {
            Preset::Haproxy => "haproxy_process_ssl_connections_total",
            Preset::Envoy => "envoy_listener_ssl_handshake",
            Preset::NginxPlus => "nginxplus_ssl_handshakes",
        }
    }
}

/// Servers that export no count of TLS sessions, and what they count instead.
const WITHOUT: [(&str, &str); 2] = [
    (
        "traefik",
        "Traefik exports no count of TLS sessions: traefik_entrypoint_requests_tls_total counts requests, of which a session may \
         carry many",
    ),
    (
        "caddy",
        "Caddy exports no count of TLS sessions: caddy_http_requests_total counts requests, once for each handler that they pass",
    ),
];
const WAY_OUT: &str = "take kind = \"kernel\", which counts the handshakes of any server on this host, or kind = \"access_log\"; to \
                       count such requests all the same, name the counter in metric";

pub(super) fn parse(raw: &Raw) -> Result<Preset, Fault> {
    let text = raw.text()?;
    if let Some(preset) = Preset::ALL.iter().find(|preset| preset.word() == text) {
        return Ok(*preset);
    }
    if let Some((_, why)) = WITHOUT.iter().find(|(word, _)| *word == text) {
        return Err(Fault::new(*why, WAY_OUT));
    }
    let words = || Preset::ALL.iter().map(|preset| preset.word());
    let choice: Vec<String> = words().map(quoted).collect();
    let choice: Vec<&str> = choice.iter().map(String::as_str).collect();
    let mend = match nearest(text, words()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("take {}, or name a counter in metric", listed(&choice, "or")),
    };
    Err(Fault::new(format!("the preset {} is unknown", quoted(text)), mend))
}
