//! The store of a place, with the credentials of the environment, over an HTTPS client of ours.

use super::place::{Place, Provider};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{HttpClient, HttpConnector};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::signer::Signer;
use object_store::{ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a request may take, its body with it.
const REQUEST: Duration = Duration::from_secs(300);
/// How often a request is tried again at once; the pick-up comes again by itself.
const RETRIES: usize = 2;
/// How long it is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// Why an object store can't be used. No text of it holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host has no certificates to hold the store's to.
    #[error(
        "the host has no certificates to hold an object store's to{0}: install the package ca-certificates, or set SSL_CERT_FILE"
    )]
    Roots(String),
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
    /// What the environment says can't be used.
    #[error(
        "{place} can't be used: {why}: the environment must name the credentials (docs/object-storage.md)"
    )]
    Settings {
        /// Which store.
        place: String,
        /// What the client says.
        why: String,
    },
}

/// What reads and writes objects, and what signs URLs: one and the same.
pub(super) type Connected = (Arc<dyn ObjectStore>, Arc<dyn Signer>);

/// The store of a place.
pub(super) fn connect(place: &Place) -> Result<Connected, ConnectError> {
    let connector = Connector::new()?;
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY, ..RetryConfig::default() };
    let unfit = |error: object_store::Error| ConnectError::Settings {
        place: place.to_string(),
        why: super::storage::words(&error),
    };
    Ok(match place.provider {
        Provider::S3 => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(&place.bucket);
            let store = builder.with_retry(retry).with_http_connector(connector).build().map_err(unfit)?;
            both(Arc::new(store))
        }
        Provider::Azure => {
            let builder = MicrosoftAzureBuilder::from_env().with_container_name(&place.bucket);
            let store = builder.with_retry(retry).with_http_connector(connector).build().map_err(unfit)?;
            both(Arc::new(store))
        }
        Provider::Google => {
            let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(&place.bucket);
            let store = builder.with_retry(retry).with_http_connector(connector).build().map_err(unfit)?;
            both(Arc::new(store))
        }
    })
}

fn both<T: ObjectStore + Signer>(store: Arc<T>) -> Connected {
    (Arc::clone(&store) as Arc<dyn ObjectStore>, store)
}

/// Makes HTTP clients that speak TLS by ring, and hold certificates to the host's.
#[derive(Debug)]
struct Connector {
    tls: ClientConfig,
}

impl Connector {
    fn new() -> Result<Self, ConnectError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // Every host has some that can't be used.
        let _ = roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
            return Err(ConnectError::Roots(why));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ConnectError::Tls(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Connector { tls })
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // Only what tells a cloud's machines who they are is asked without TLS, and where someone has allowed it.
        let allowed = options.get_config_value(&ClientConfigKey::AllowHttp);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .https_only(allowed.as_deref() != Some("true"))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("highwater-central/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            .build()
            .map_err(|error| object_store::Error::Generic {
                store: "HTTP",
                source: Box::new(error.without_url()),
            })?;
        Ok(HttpClient::new(client))
    }
}
