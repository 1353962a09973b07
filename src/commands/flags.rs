//! Commands that have central's address and certificates by flags: there is no configuration, and no agent.

use super::Failure;
use crate::uplink::{TlsFault, UplinkError};

/// What an error of the uplink's means, in words of the command: those of its own name keys of a configuration.
pub(super) fn failure(error: &UplinkError) -> Failure {
    let code = Failure::from(error.clone()).code;
    let mut message = format!("{error}\n    {}", mend(error));
    for (agents, ours) in [
        ("nobody whom the agent trusts", "nobody who is trusted here"),
        ("take the agent's certificate, or misses one", "answer without a certificate of a client's"),
        (": the agent tries again", ": try again later"),
        ("uplink.url", "--central"),
        ("uplink.ca_file", "--ca-file"),
        ("uplink.proxy", "--proxy"),
    ] {
        message = message.replace(agents, ours);
    }
    Failure::new(code, message)
}

fn mend(error: &UplinkError) -> &str {
    match error {
        UplinkError::ProxyLogin { .. } => {
            "give --proxy http://NAME:PASSWORD@HOST:PORT, or the same as HTTPS_PROXY"
        }
        UplinkError::ProxyRefused { .. } => "let the proxy connect to it (CONNECT), or give --proxy none",
        UplinkError::Redirect { .. } => "give --central as where central really is",
        UplinkError::Tls { fault: TlsFault::UnknownIssuer, .. } => {
            "give --ca-file the certificate that central's first start names, or that of a proxy that opens TLS"
        }
        UplinkError::Tls { fault: TlsFault::WrongName, .. } => {
            "give --central a name that is in central's certificate"
        }
        UplinkError::Tls { fault: TlsFault::ClientCertificate, .. } => {
            "this command has no certificate of its own: let central answer without one"
        }
        error => error.mend(),
    }
}
