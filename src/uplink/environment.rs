//! What the environment says of the way to central.

/// The variables that count, as they were when they were read. A proxy's password may be in them, so that none is shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// The proxy for https: `HTTPS_PROXY`, or `https_proxy`.
    pub https_proxy: Option<String>,
    /// The proxy for all else: `ALL_PROXY`, or `all_proxy`.
    pub all_proxy: Option<String>,
    /// The hosts that are reached without one: `NO_PROXY`, or `no_proxy`.
    pub no_proxy: Option<String>,
    /// The file of the certificates to trust: `SSL_CERT_FILE`.
    pub cert_file: Option<String>,
}

impl Environment {
    /// The process's own.
    #[must_use]
    pub fn read() -> Self {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let either = |upper: &str| get(upper).or_else(|| get(&upper.to_ascii_lowercase()));
        Environment {
            https_proxy: either("HTTPS_PROXY"),
            all_proxy: either("ALL_PROXY"),
            no_proxy: either("NO_PROXY"),
            cert_file: get("SSL_CERT_FILE"),
        }
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}
