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
        Self::of(|name| std::env::var(name).ok())
    }

    /// Another process's, as its `/proc/PID/environ` tells it.
    #[must_use]
    pub fn of_process(environ: &str) -> Self {
        let get = |name: &str| {
            environ.split('\0').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
        };
        Self::of(get)
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_processs_variables_are_taken_by_their_whole_names() {
        let environ = "PATH=/bin\0XHTTPS_PROXY=no\0https_proxy=http://p:1?a=b\0NO_PROXY=\0HTTPS_PROXYX=no\0";
        let found = Environment::of_process(environ);
        assert_eq!(found.https_proxy.as_deref(), Some("http://p:1?a=b"));
        assert_eq!((found.all_proxy, found.no_proxy, found.cert_file), (None, None, None));
    }
}
