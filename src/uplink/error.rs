//! What can go wrong on the way to central, in words that help.

use super::resolver::Unresolved;
use crate::config::{CentralUrl, ProxyUrl};
use rustls::{AlertDescription, CertificateError};
use std::error::Error;
use std::io;
use std::time::Duration;

/// A phase of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Until the connection is there, and secure.
    Connect,
    /// Until the answer's head is there.
    Head,
    /// Until the answer is there as a whole.
    Body,
    /// All of it.
    Whole,
}

impl Phase {
    const fn what(self) -> &'static str {
        match self {
            Phase::Connect => "no secure connection within",
            Phase::Head => "no answer within",
            Phase::Body => "no whole answer within",
            Phase::Whole => "the request was not done within",
        }
    }
}

/// What is wrong with a TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// Central's certificate has expired.
    Expired,
    /// Central's certificate is not valid yet.
    NotYet,
    /// Nobody whom the agent trusts has signed central's certificate.
    UnknownIssuer,
    /// Central's certificate is for another name.
    WrongName,
    /// Central asks for a certificate of the agent's, or does not take the one that it has.
    ClientCertificate,
    /// Central's certificate is an authority's own, which may not stand for a server.
    AuthoritysOwn,
    /// What answers there speaks no TLS.
    NotTls,
    /// Something else.
    Other,
}

/// Why a request to central failed. No text of it holds a password or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UplinkError {
    /// What is configured can't be used.
    #[error("{what}")]
    Settings {
        /// What.
        what: String,
        /// What to do about it.
        mend: String,
    },
    /// Central's name has no address.
    #[error("the name {host} can't be resolved: {why}")]
    Dns {
        /// The name.
        host: String,
        /// Why.
        why: String,
    },
    /// There is no connection to central.
    #[error("central at {to} can't be reached: {why}")]
    Connect {
        /// Host and port.
        to: String,
        /// Why.
        why: String,
    },
    /// There is no connection to the proxy, or it broke.
    #[error("the proxy {proxy} can't be reached: {why}")]
    Proxy {
        /// The proxy, without its password.
        proxy: String,
        /// Why.
        why: String,
    },
    /// The proxy asks for a name and a password.
    #[error("the proxy {proxy} wants a name and a password{}", if *.given { " other than the configured ones" } else { "" })]
    ProxyLogin {
        /// The proxy, without its password.
        proxy: String,
        /// It was given some.
        given: bool,
    },
    /// The proxy does not connect to central.
    #[error("the proxy {proxy} does not connect to {to}")]
    ProxyRefused {
        /// The proxy, without its password.
        proxy: String,
        /// Host and port of central.
        to: String,
    },
    /// The connection can't be trusted.
    #[error("no trust in central at {to}: {why}")]
    Tls {
        /// Host and port.
        to: String,
        /// What is wrong.
        fault: TlsFault,
        /// The same, in words.
        why: String,
    },
    /// It took too long.
    #[error("{} {}.{} s", .phase.what(), .limit.as_secs(), .limit.subsec_millis() / 100)]
    Timeout {
        /// What did.
        phase: Phase,
        /// How long it might have taken.
        limit: Duration,
    },
    /// Central refused, or failed.
    #[error("central answered {status}{}", .error.as_ref().map(|e| format!(": {e}")).unwrap_or_default())]
    Status {
        /// The status of HTTP.
        status: u16,
        /// What central says of it.
        error: Option<String>,
        /// What central says is to be done.
        mend: Option<String>,
        /// How long it asks to be left alone, in seconds.
        retry_after_s: Option<i64>,
    },
    /// Central is elsewhere, or something before it answered.
    #[error("central answered {status}, which points to {to}: redirections are not followed")]
    Redirect {
        /// The status of HTTP.
        status: u16,
        /// Where it points.
        to: String,
    },
    /// The answer is too long.
    #[error("central's answer is longer than {max} bytes")]
    TooLarge {
        /// The most, in bytes.
        max: usize,
    },
    /// The answer is cut off, or no HTTP.
    #[error("the answer broke off or is no HTTP: {why}")]
    Broken {
        /// Why.
        why: String,
    },
    /// The answer is no answer of a central.
    #[error("what answered is no central: it sent {content_type}")]
    Foreign {
        /// Of what type the answer is.
        content_type: String,
    },
}

impl UplinkError {
    /// Whether it may pass by itself. Where it does not, someone has to do something; the agent tries again all the same, in case
    /// someone did.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            UplinkError::Dns { .. }
            | UplinkError::Connect { .. }
            | UplinkError::Proxy { .. }
            | UplinkError::Timeout { .. }
            | UplinkError::Broken { .. } => true,
            UplinkError::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            UplinkError::Settings { .. }
            | UplinkError::ProxyLogin { .. }
            | UplinkError::ProxyRefused { .. }
            | UplinkError::Tls { .. }
            | UplinkError::Redirect { .. }
            | UplinkError::TooLarge { .. }
            | UplinkError::Foreign { .. } => false,
        }
    }

    /// How long central asks to be left alone, in seconds.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<i64> {
        match self {
            UplinkError::Status { retry_after_s, .. } => *retry_after_s,
            _ => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn mend(&self) -> &str {
        match self {
            UplinkError::Settings { mend, .. } => mend,
            UplinkError::Dns { .. } => "check the name in uplink.url, and the host's DNS",
            UplinkError::Connect { .. } => {
                "check uplink.url, the firewall (TCP, outgoing), and whether a proxy is needed (uplink.proxy)"
            }
            UplinkError::Proxy { .. } => "check uplink.proxy, or HTTPS_PROXY of the environment",
            UplinkError::ProxyLogin { .. } => {
                "set uplink.proxy = \"http://NAME@HOST:PORT\", and uplink.proxy_password_file to the file of the password"
            }
            UplinkError::ProxyRefused { .. } => {
                "let the proxy connect to it (CONNECT), or set uplink.proxy = \"none\""
            }
            UplinkError::Tls { fault, .. } => tls_mend(*fault),
            UplinkError::Timeout { phase: Phase::Connect, .. } => {
                "check the network and the firewall (TCP, outgoing): packets seem to be dropped"
            }
            UplinkError::Timeout { .. } => "central or the network is slow: the agent tries again",
            UplinkError::Status { mend: Some(mend), .. } => mend,
            UplinkError::Status { status: 404, .. } => "check uplink.url: there is no central at this path",
            UplinkError::Status { .. } if self.is_transient() => {
                "central can't answer now: the agent tries again"
            }
            UplinkError::Status { .. } => "ask whoever runs central",
            UplinkError::Redirect { .. } => "set uplink.url to where central really is",
            UplinkError::TooLarge { .. } | UplinkError::Foreign { .. } => {
                "check uplink.url, and whether something between answers in central's place"
            }
            UplinkError::Broken { .. } => "something between may cut connections: the agent tries again",
        }
    }
}

const fn tls_mend(fault: TlsFault) -> &'static str {
    match fault {
        TlsFault::Expired | TlsFault::NotYet => "renew central's certificate, or set this host's clock right",
        TlsFault::UnknownIssuer => {
            "set uplink.ca_file to the certificate that central's first start names, or to that of a proxy that opens TLS"
        }
        TlsFault::WrongName => "set uplink.url to a name that is in central's certificate",
        TlsFault::ClientCertificate => {
            "set uplink.client_cert and uplink.client_key to a certificate that central takes"
        }
        TlsFault::AuthoritysOwn => {
            "give central a certificate with basicConstraints CA:FALSE, signed by the authority that uplink.ca_file holds"
        }
        TlsFault::NotTls => "check the port in uplink.url: what answers there speaks no TLS",
        TlsFault::Other => "check what answers at uplink.url",
    }
}

/// Where a request went.
pub(super) struct Route<'a> {
    pub(super) central: &'a CentralUrl,
    pub(super) proxy: Option<&'a ProxyUrl>,
    pub(super) connect: Duration,
}

impl Route<'_> {
    fn to(&self) -> String {
        let host = self.central.host();
        if host.contains(':') {
            return format!("[{host}]:{}", self.central.port());
        }
        format!("{host}:{}", self.central.port())
    }

    /// What an error of the client's means.
    pub(super) fn explain(&self, error: &reqwest::Error) -> UplinkError {
        let chain = Chain::of(error);
        let proxy = self.proxy.map(ToString::to_string);
        if let Some(Unresolved { host, source }) = chain.find() {
            let why = source.to_string();
            return match proxy {
                Some(proxy) => {
                    UplinkError::Proxy { proxy, why: format!("its name can't be resolved: {why}") }
                }
                None => UplinkError::Dns { host: host.clone(), why },
            };
        }
        if let Some(tls) = chain.find::<rustls::Error>() {
            let (fault, why) = tls_fault(tls);
            return UplinkError::Tls { to: self.to(), fault, why };
        }
        if error.is_connect() && error.is_timeout() {
            return UplinkError::Timeout { phase: Phase::Connect, limit: self.connect };
        }
        let why = chain.last_words();
        match (error.is_connect(), proxy) {
            (false, _) => UplinkError::Broken { why },
            (true, None) => UplinkError::Connect { to: self.to(), why },
            (true, Some(proxy)) => match chain.tunnel() {
                Some("proxy authorization required") => UplinkError::ProxyLogin {
                    proxy,
                    given: self.proxy.is_some_and(ProxyUrl::has_credentials),
                },
                Some("unsuccessful") => UplinkError::ProxyRefused { proxy, to: self.to() },
                _ => UplinkError::Proxy { proxy, why },
            },
        }
    }
}

/// An error with those that caused it.
struct Chain<'a>(Vec<&'a (dyn Error + 'static)>);

/// Errors that are nested deeper than this are nobody's.
const CAUSES_MAX: usize = 16;

impl<'a> Chain<'a> {
    fn of(error: &'a (dyn Error + 'static)) -> Self {
        let mut found: Vec<&(dyn Error + 'static)> = Vec::new();
        let mut next = Some(error);
        while let Some(error) = next.filter(|_| found.len() < CAUSES_MAX) {
            found.push(error);
            // An error of I/O passes over the one that it wraps when it is asked for its cause.
            let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = match wrapped {
                Some(inner) => Some(inner as &(dyn Error + 'static)),
                None => error.source(),
            };
        }
        Chain(found)
    }

    fn find<T: Error + 'static>(&self) -> Option<&'a T> {
        self.0.iter().find_map(|error| error.downcast_ref::<T>())
    }

    /// What is wrong with a tunnel through a proxy. Its error has no type that could be named, only words.
    fn tunnel(&self) -> Option<&'static str> {
        let words = ["proxy authorization required", "unsuccessful"];
        let told = self.0.iter().map(ToString::to_string).find(|told| told.starts_with("tunnel error: "))?;
        words.into_iter().find(|word| told.ends_with(word))
    }

    /// The cause of all, which says most.
    fn last_words(&self) -> String {
        super::problem::clean(&self.0.last().map(ToString::to_string).unwrap_or_default())
    }
}

fn tls_fault(error: &rustls::Error) -> (TlsFault, String) {
    let fault = match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFault::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsFault::NotYet,
            // One who has the name of a trusted signer, and another key: a central that was set up anew.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsFault::UnknownIssuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFault::WrongName
            }
            // Other errors of certificates have no type here, only a name.
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => TlsFault::AuthoritysOwn,
            _ => TlsFault::Other,
        },
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied,
        ) => TlsFault::ClientCertificate,
        rustls::Error::InvalidMessage(_) => TlsFault::NotTls,
        _ => TlsFault::Other,
    };
    let why = match fault {
        TlsFault::Expired => "its certificate has expired".to_owned(),
        TlsFault::NotYet => "its certificate is not valid yet".to_owned(),
        TlsFault::UnknownIssuer => "its certificate is signed by nobody whom the agent trusts".to_owned(),
        TlsFault::WrongName => "its certificate is for another name".to_owned(),
        TlsFault::ClientCertificate => {
            format!("it does not take the agent's certificate, or misses one ({error})")
        }
        TlsFault::AuthoritysOwn => {
            "its certificate is an authority's own (CA:TRUE), not a server's".to_owned()
        }
        TlsFault::NotTls => "it speaks no TLS".to_owned(),
        TlsFault::Other => super::problem::clean(&error.to_string()),
    };
    (fault, why)
}
