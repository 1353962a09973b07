//! Sources that are likely to see the same sessions: their figures are added up, so that each session would be billed twice.

use super::super::mistakes::{Place, Warning, quoted};
use super::{Ssl, web};
use std::path::Path;
use url::Url;

/// Where a source looks, and at whose sessions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look<'a> {
    /// Where.
    pub(super) at: At<'a>,
    /// The one software whose sessions it sees, where the configuration says which.
    pub(super) software: Option<&'static str>,
}

/// Where a source looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum At<'a> {
    /// At all servers of this host that have one of these ports; with none named, at all.
    Kernel(&'a [u16]),
    /// At a socket or a file of this host.
    Path(&'a Path),
    /// At a URL.
    Url(&'a Url),
}

impl At<'_> {
    /// Whether the server whose sessions it sees is likely to run on this host.
    fn is_here(self) -> bool {
        match self {
            At::Kernel(_) | At::Path(_) => true,
            At::Url(url) => web::is_loopback(url),
        }
    }
}

/// A warning for each pair, at the later one.
pub(super) fn warnings(sources: &[(&Ssl, &Place)]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (n, (later, place)) in sources.iter().enumerate() {
        for (first, _) in sources.iter().take(n) {
            let Some((why, mend)) = likely(first, later) else { continue };
            let names = format!("{} and {}", quoted(&first.name), quoted(&later.name));
            let message =
                format!("the TLS sources {names} are likely to count the same sessions twice: {why}");
            warnings.push(Warning { place: (*place).clone(), message, mend: mend.to_owned() });
        }
    }
    warnings
}

/// Why two sources are likely to see the same sessions, and what to do about it.
fn likely(one: &Ssl, other: &Ssl) -> Option<(&'static str, &'static str)> {
    const ONE: &str = "keep one of the two";
    const PORTS: &str =
        "keep one of the two, or give `ports` to the kernel's, without those that the other serves";
    let (a, b) = (one.source.looks(), other.source.looks());
    match (a.at, b.at) {
        (At::Kernel(these), At::Kernel(those)) => {
            let shared =
                these.is_empty() || those.is_empty() || these.iter().any(|port| those.contains(port));
            return shared.then_some((
                "both count the same ports in the kernel",
                "give each of them `ports` of its own",
            ));
        }
        (At::Kernel(_), at) | (at, At::Kernel(_)) => {
            return at.is_here().then_some(("the kernel counts those of every server on this host", PORTS));
        }
        (At::Path(a), At::Path(b)) if a == b => return Some(("they look at the same path", ONE)),
        (At::Url(a), At::Url(b)) if a == b => return Some(("they ask at the same URL", ONE)),
        _ => {}
    }
    let same = a.software.is_some() && a.software == b.software && one.source.kind() != other.source.kind();
    same.then_some((
        "both tell of the same software",
        "keep one of the two, unless they are of different servers",
    ))
}
