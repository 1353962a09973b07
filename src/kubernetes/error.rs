//! Why the API server can't be asked, or does not do what it was asked: each names the place, and what to do about it.

use super::rule::Rule;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Nobody says where the API server is.
    #[error(
        "where the API server is, KUBERNETES_SERVICE_HOST does not say: set kubernetes.api, or run in a pod"
    )]
    NotIn,
    /// A file of the credentials can't be read.
    #[error("can't read {}: {error}: mount the service account's token (automountServiceAccountToken), or set kubernetes.credentials", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file of the credentials is not what it should be.
    #[error("{} {what}: mount the service account's own, or set kubernetes.credentials", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong with it: `holds no certificate`.
        what: String,
    },
    /// There is no connection, or no answer in time.
    #[error(
        "the API server at {place} is not reached: {why}: see that it runs, and that the network lets the node to it"
    )]
    Unreached {
        /// Where it should be.
        place: String,
        /// Why not.
        why: String,
    },
    /// Its certificate is not one that the credentials' authority vouches for.
    #[error("the API server at {place} shows a certificate that {} does not vouch for ({why}): see that kubernetes.api names this cluster's", authority.display())]
    Untrusted {
        /// Where.
        place: String,
        /// Why.
        why: String,
        /// The file of the authority.
        authority: PathBuf,
    },
    /// The token is none, or no longer one (401).
    #[error("the API server does not take the token in {} (401): it may have expired, see that the kubelet renews it", path.display())]
    Unauthorized {
        /// The token's file.
        path: PathBuf,
    },
    /// The service account lacks the right (403).
    #[error("the API server forbids to {}: add the rule {rule} to {} of the agent's service account", rule.deed(), rule.role())]
    Forbidden {
        /// The right that is missing.
        rule: Box<Rule>,
    },
    /// It is not there (404).
    #[error(
        "the API server has no {what} (404): {message}: see that it was made, and that its name is right"
    )]
    NotFound {
        /// Its path.
        what: String,
        /// The server's words.
        message: String,
    },
    /// Somebody else changed it meanwhile (409).
    #[error("{what} was changed meanwhile (409): read it again, and try once more")]
    Conflict {
        /// Its path.
        what: String,
    },
    /// It is there already (409).
    #[error("there is one already at {what} (409): change it instead")]
    AlreadyExists {
        /// Its path.
        what: String,
    },
    /// A list can't be continued, as it is too old (410).
    #[error("the list of {what} is too old to be continued (410): begin it anew")]
    Expired {
        /// Its path.
        what: String,
    },
    /// The object that would become of it is no right one (422).
    #[error(
        "the API server refuses the change of {what} (422): {message}: correct the object, or make it anew if it is immutable"
    )]
    Invalid {
        /// Its path.
        what: String,
        /// The server's words.
        message: String,
    },
    /// Too much is asked of it (429).
    #[error("the API server asks to be left alone (429): it is asked again later")]
    TooMany {
        /// For how long, in seconds, where it says.
        retry_after_s: Option<u64>,
    },
    /// It can't, for now (5xx).
    #[error("the API server can't answer ({status}: {message}): it is asked again later")]
    Server {
        /// The status.
        status: u16,
        /// Its words.
        message: String,
        /// For how long it wants to be left alone, in seconds, where it says.
        retry_after_s: Option<u64>,
    },
    /// It refuses, for a reason that none of the others is.
    #[error(
        "the API server refuses {what} ({status}: {message}): see that kubernetes.api names an API server of version 1.28 or newer"
    )]
    Refused {
        /// The call's path.
        what: String,
        /// The status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// The answer is longer than it may be.
    #[error("the API server's answer about {what} is longer than {max} bytes: see what is there")]
    TooLong {
        /// The call's path.
        what: String,
        /// The bound, in bytes.
        max: usize,
    },
    /// The answer is not understood.
    #[error(
        "the API server's answer about {what} is not understood ({why}): see that kubernetes.api names an API server"
    )]
    Garbled {
        /// The call's path.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The whole of it took too long.
    #[error("the API server at {place} gave no whole answer within {} ms: see how busy it is", limit.as_millis())]
    Late {
        /// Where it is.
        place: String,
        /// The bound.
        limit: Duration,
    },
}

impl ApiError {
    /// For how long the server asked to be left alone, in seconds, where it did.
    #[must_use]
    pub const fn retry_after_s(&self) -> Option<u64> {
        match self {
            ApiError::TooMany { retry_after_s } | ApiError::Server { retry_after_s, .. } => *retry_after_s,
            _ => None,
        }
    }

    /// Whether the same call may do later without anybody's help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            ApiError::Unreached { .. }
                | ApiError::Unauthorized { .. }
                | ApiError::Conflict { .. }
                | ApiError::Expired { .. }
                | ApiError::TooMany { .. }
                | ApiError::Server { .. }
                | ApiError::Late { .. }
        )
    }
}
