//! `highwater-central serve`.

use super::common::{Common, print, print_json};
use super::{Failure, Outcome, exit, object_store, serve_at};
use crate::central::{Central, Counts};
use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::log::{self, LogFormat};
use crate::model::By;
use crate::notify::{self, Health};
use crate::serve::{Limits, serve as serve_on};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use crate::tls::{Tls, TlsError, TlsFiles};
use crate::{certificates, http, keys, secrets};
use clap::Args;
use highwater_rules::sign::sha256;
use serde_json::json;
use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often the certificate's files are looked at.
const TLS_LOOK: Duration = Duration::from_secs(60);
/// How often the log tells of accepted reports.
const TELL: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443", value_parser = serve_at::address)]
    listen: SocketAddr,
    /// The certificate in PEM, with those between it and its authority [default: a self-made one, and its authority]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// How agents reach this server, where that is not the address that it listens on, such as `https://central.example.com`
    #[arg(long, value_name = "URL", value_parser = serve_at::public_url)]
    public_url: Option<String>,
    /// Requests a second from one address; 0 is without a limit
    #[arg(long, value_name = "N", default_value_t = 10000)]
    rate_limit: u32,
    /// Connections at once
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_connections: u32,
    #[command(flatten)]
    object_store: object_store::UploadOptions,
    /// How log lines on standard error are written: logfmt or json
    #[arg(long, value_name = "FORMAT", default_value = "logfmt", value_parser = str::parse::<LogFormat>)]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: tracing::Level,
    /// Prints one JSON line when it has started: {"url","ca_file","admin_token"}
    #[arg(long)]
    json: bool,
}

pub(super) fn serve(common: &Common, options: &Options) -> Outcome {
    log::begin(options.log_format, options.log_level);
    notify::starting();
    let begin = || {
        let dir = common.dir()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(run(dir, options))
    };
    begin().map_err(Failure::log)?;
    Ok(0)
}

/// Holds the data directory for this server: two would each think that they know where its lines of reports end.
fn alone(dir: &DataDir) -> Result<File, Failure> {
    let path = dir.path().join("serve.lock");
    let file = File::options().create(true).append(true).mode(0o600).open(&path)?;
    file.try_lock().map_err(|_| {
        let message = format!(
            "another server runs on {}: end it first, or name another --data-dir",
            dir.path().display()
        );
        Failure::new(exit::UNAVAILABLE, message)
    })?;
    Ok(file)
}

async fn run(dir: DataDir, options: &Options) -> Result<(), Failure> {
    dir.make()?;
    let _alone = alone(&dir)?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&dir.database())?);
    let by = By { who: "cli:serve".to_owned(), at: Clock.now_s() };
    keys::ensure(&*store, by.clone()).await?;
    let listener =
        TcpListener::bind(options.listen).await.map_err(|error| serve_at::refused(options.listen, &error))?;
    let address = listener.local_addr()?;
    let url = options.public_url.clone().unwrap_or_else(|| url_of(address));
    let names = names(address, &url);
    let tls = Arc::new(tls(&dir, options, &names)?);
    dir.keep_public_url(&url)?;
    let mut central = Central::new(Arc::clone(&store), &url).await?;
    let pick_up = object_store::begin(&options.object_store, &mut central)?;
    let counts = Arc::clone(&central.counts);
    let (watched, metrics) = (Arc::clone(&central.watched), Arc::clone(&central.metrics));
    let health = Health { watched, store: Arc::clone(&store), metrics };
    let own = options.tls_cert.is_none().then(|| (dir.clone(), names));
    tell_start(&*store, &dir, &url, options, by).await?;
    tracing::info!(url, version = env!("CARGO_PKG_VERSION"), "started");

    let (end, ending) = watch::channel(false);
    let follow = tokio::spawn(follow_tls(Arc::clone(&tls), own));
    let tell = tokio::spawn(tell_counts(Arc::clone(&counts)));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let limits = Limits { connections: options.max_connections, requests_per_s: options.rate_limit };
    let server = tokio::spawn(serve_on(listener, tls, http::router(central), limits, ending));
    let told = health.ready().await;
    let health = tokio::spawn(health.tell(told));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    notify::stopping();
    health.abort();
    // The server listens to this as long as it runs.
    let _ = end.send(true);
    let _ = server.await;
    follow.abort();
    tell.abort();
    if let Some(pick_up) = pick_up {
        // What it was about is begun anew by the next server: nothing of it was acknowledged.
        pick_up.abort();
    }
    tell_once(&counts);
    tracing::info!("stopped");
    Ok(())
}

/// How a server that listens here is reached.
fn url_of(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        let host = host_name().unwrap_or_else(|| "localhost".to_owned());
        return format!("https://{host}:{}", address.port());
    }
    format!("https://{address}")
}

fn host_name() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    // What is no name of DNS can't be in a certificate.
    let fits =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    fits.then_some(name)
}

/// What the self-made certificate is for.
fn names(address: SocketAddr, url: &str) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(host_name());
    if !address.ip().is_unspecified() {
        names.push(address.ip().to_string());
    }
    let host = url.trim_start_matches("https://").split('/').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    if !host.is_empty() && host.is_ascii() {
        names.push(host.to_owned());
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn tls(dir: &DataDir, options: &Options, names: &[String]) -> Result<Tls, Failure> {
    let files = match (&options.tls_cert, &options.tls_key) {
        (Some(cert), Some(key)) => TlsFiles { cert: cert.clone(), key: key.clone() },
        _ => {
            certificates::ensure(dir, names, Clock.now_s())
                .map_err(|e| Failure::new(exit::UNAVAILABLE, e.to_string()))?;
            TlsFiles { cert: dir.server_cert(), key: dir.server_key() }
        }
    };
    Tls::load(files).map_err(|error| match error {
        TlsError::Files(error) => error.into(),
        error => Failure::new(exit::CONFIG, error.to_string()),
    })
}

/// Tells where the server is; at the first start of all, it makes the administrator's token, which is shown this once.
async fn tell_start(
    store: &dyn Store,
    dir: &DataDir,
    url: &str,
    options: &Options,
    by: By,
) -> Result<(), Failure> {
    let ca_file = options.tls_cert.is_none().then(|| dir.ca_cert().display().to_string());
    let admin_token = if store.admin_tokens().await?.is_empty() {
        let token = secrets::admin_token()?;
        store.create_admin_token("first start".to_owned(), sha256(token.as_bytes()), by).await?;
        Some(token)
    } else {
        None
    };
    if options.json {
        print_json(&json!({"url": url, "ca_file": ca_file, "admin_token": admin_token}))?;
        return Ok(());
    }
    let mut text = format!("url          {url}\n");
    if let Some(file) = &ca_file {
        text.push_str(&format!("ca_file      {file}\n"));
    }
    if let Some(token) = &admin_token {
        text.push_str(&format!(
            "admin_token  {token}  (shown this once)\n\nNext, in another terminal:\n  highwater-central contract create \
             --product P --customer C{}\n\n",
            dir.flag()
        ));
    }
    print(&text)?;
    Ok(())
}

/// Follows changed files of the certificate, and makes an own one anew in time.
async fn follow_tls(tls: Arc<Tls>, own: Option<(DataDir, Vec<String>)>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    loop {
        let told = tokio::select! {
            _ = hangup.recv() => true,
            () = tokio::time::sleep(TLS_LOOK) => false,
        };
        if let Some((dir, names)) = &own
            && let Err(error) = certificates::ensure(dir, names, Clock.now_s())
        {
            tracing::error!(error = %error, "tls_failed");
        }
        match tls.follow(told) {
            Ok(true) => tracing::info!("tls_reloaded"),
            Ok(false) => {}
            Err(error) => tracing::error!(error = %error, "tls_failed"),
        }
    }
}

async fn tell_counts(counts: Arc<Counts>) {
    loop {
        tokio::time::sleep(TELL).await;
        tell_once(&counts);
    }
}

fn tell_once(counts: &Counts) {
    let (count, batches) = counts.take();
    if count > 0 {
        tracing::info!(count, batches, "reports_accepted");
    }
}
