//! Sources that are likely to see the same sessions: their figures are added up, so that each session would be billed twice.

use super::super::mistakes::{Place, Warning, quoted};
use super::kernel::Kernel;
use super::prometheus::{Compare, Matcher};
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
    /// Which of the counters there it takes: all that fit these.
    pub(super) matchers: &'a [Matcher],
}

/// Where a source looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum At<'a> {
    /// At all servers of this host that have one of its ports, on its interfaces.
    Kernel(&'a Kernel),
    /// At a socket or a file of this host.
    Path(&'a Path),
    /// At a URL.
    Url(&'a Url),
    /// At pods of this node.
    #[cfg(feature = "kubernetes")]
    Pods(&'a super::At),
}

impl At<'_> {
    /// Whether the server whose sessions it sees is likely to run on this host.
    fn is_here(self) -> bool {
        match self {
            At::Kernel(_) | At::Path(_) => true,
            At::Url(url) => web::is_loopback(url),
            #[cfg(feature = "kubernetes")]
            At::Pods(_) => true,
        }
    }
}

/// A warning at each source that is likely to see what an earlier one sees. It names the first of those, and how many more there are.
pub(super) fn warnings(sources: &[(&Ssl, &Place)]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (n, (later, place)) in sources.iter().enumerate() {
        let mut pairs = sources.iter().take(n).filter_map(|(first, _)| Some((first, likely(first, later)?)));
        let Some((first, (why, mend))) = pairs.next() else { continue };
        let names = format!("{} and {}", quoted(&first.name), quoted(&later.name));
        let more = match pairs.count() {
            0 => String::new(),
            more => format!(" (as with {more} more before it)"),
        };
        let message =
            format!("the TLS sources {names} are likely to count the same sessions twice: {why}{more}");
        warnings.push(Warning { place: (*place).clone(), message, mend: mend.to_owned() });
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
            return shares(these, those).then_some((
                "both count the same ports in the kernel",
                "give each of them `ports` or `interfaces` of its own",
            ));
        }
        (At::Kernel(_), at) | (at, At::Kernel(_)) => {
            return at.is_here().then_some(("the kernel counts those of every server on this host", PORTS));
        }
        _ if are_apart(a.matchers, b.matchers) => {}
        (At::Path(a), At::Path(b)) if a == b => return Some(("they look at the same path", ONE)),
        (At::Url(a), At::Url(b)) if is_same(a, b) => return Some(("they ask at the same URL", ONE)),
        #[cfg(feature = "kubernetes")]
        (At::Pods(a), At::Pods(b)) if a.which == b.which => {
            return Some(("they ask the same pods", ONE));
        }
        _ => {}
    }
    let same = a.software.is_some() && a.software == b.software && one.source.kind() != other.source.kind();
    same.then_some((
        "both tell of the same software",
        "keep one of the two, unless they are of different servers",
    ))
}

/// Whether two of the kernel's count a port on one interface. A pattern may fit any interface.
fn shares(one: &Kernel, other: &Kernel) -> bool {
    let ports = one.ports.is_empty()
        || other.ports.is_empty()
        || one.ports.iter().any(|port| other.ports.contains(port));
    let by_name = |kernel: &Kernel| {
        !kernel.interfaces.is_empty() && !kernel.interfaces.iter().any(|name| name.ends_with('*'))
    };
    let interfaces =
        !by_name(one) || !by_name(other) || one.interfaces.iter().any(|name| other.interfaces.contains(name));
    ports && interfaces
}

/// Whether no counter fits both: they want different values of one label.
fn are_apart(one: &[Matcher], other: &[Matcher]) -> bool {
    one.iter().any(|a| {
        other.iter().any(|b| match (&a.compare, &b.compare) {
            (Compare::Is(these), Compare::Is(those)) => a.label == b.label && these != those,
            _ => false,
        })
    })
}

/// Whether two URLs are one, as far as can be told without asking: this host's loopback has several names.
fn is_same(one: &Url, other: &Url) -> bool {
    let rest = |url: &Url| {
        let query = url.query().unwrap_or_default().to_owned();
        (url.scheme().to_owned(), url.port_or_known_default(), url.path().to_owned(), query)
    };
    one == other || (web::is_loopback(one) && web::is_loopback(other) && rest(one) == rest(other))
}
