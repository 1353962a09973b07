//! `highwater license fetch`: a licence for a host that can't fetch it itself.

use super::super::run::runtime;
use super::super::{Failure, Outcome, exit, flags, print_json};
use super::words;
use crate::clock;
use crate::config::{CentralUrl, ProxyChoice, ProxyUrl};
use crate::files::{read_bounded, target};
use crate::licence::{read_text, unverified};
use crate::log::print;
use crate::uplink::settings::Roots;
use crate::uplink::{self, Client, Environment, Limits, Settings, private_file};
use clap::Args;
use highwater_rules::licence::{Claims, Subject, TOKEN_MAX_BYTES, state};
use highwater_rules::report::is_uuid;
use serde_json::json;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// More than this is no service token.
const SERVICE_TOKEN_MAX_BYTES: usize = 4096;
/// More than this is no file of certificates.
const CA_MAX_BYTES: usize = 1 << 20;

#[derive(Debug, Args)]
pub(in crate::commands) struct Options {
    /// Where central is, such as `https://central.example.com`
    #[arg(long, value_name = "URL")]
    central: String,
    /// The instance's id, as `highwater status` shows it there
    #[arg(long, value_name = "ID")]
    instance: String,
    /// A file that holds the service token; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    service_token_file: PathBuf,
    /// Write the licence to this file, in the place of an older one of the same instance [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A PEM file of the certificates that central's is held to [default: the host's]
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The forward proxy to central: `http://HOST:PORT`, or `none` [default: what HTTPS_PROXY and NO_PROXY say]
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Print JSON (docs/json.md); the licence then goes to the file only
    #[arg(long, requires = "output")]
    json: bool,
}

pub(super) fn fetch(options: &Options) -> Outcome {
    let instance = options.instance.trim().to_ascii_lowercase();
    if !is_uuid(&instance) {
        return Err(usage(
            "--instance",
            "this is no instance's id",
            "copy it from `highwater status` on that host",
        ));
    }
    let settings = settings(options)?;
    let service_token = service_token(&options.service_token_file)?;
    let client = Client::new(&settings).map_err(|e| flags::failure(&e))?;
    let path = format!("/api/v1/licences/{instance}");
    let runtime = runtime()?;
    let fetched = runtime.block_on(client.get_licence(&path, &service_token, TOKEN_MAX_BYTES));
    drop(client);
    runtime.shutdown_background();
    let token = fetched.map_err(|e| flags::failure(&e))?;
    let token = token.trim();
    let claims = unverified(token).ok_or_else(|| {
        Failure::new(
            exit::DATA,
            "what central sent is no licence that this highwater knows: update it, or check --central",
        )
    })?;
    if !is_of(&claims, &instance) {
        let message =
            format!("central sent the licence of {}: report this to whoever runs it", claims.subject);
        return Err(Failure::new(exit::DATA, message));
    }
    let Some(file) = &options.output else {
        print(&format!("{token}\n"))?;
        return Ok(0);
    };
    let is_written = write(file, token, &claims)?;
    tell(options, file, &claims, is_written)
}

/// A cluster's licence is its instances', too: which they are, the host that it is carried to knows.
fn is_of(claims: &Claims, instance: &str) -> bool {
    match &claims.subject {
        Subject::Instance(id) => id == instance,
        Subject::Cluster(_) => true,
    }
}

/// Writes the licence in the place of an older one. Whether it was not there yet is the result.
fn write(file: &Path, token: &str, claims: &Claims) -> Result<bool, Failure> {
    let refused =
        |why: String| Failure::new(exit::DATA, format!("{} was left as it is: {why}", file.display()));
    let target = target(file).map_err(|e| {
        let code = if e.kind() == ErrorKind::InvalidInput { exit::USAGE } else { exit::UNAVAILABLE };
        Failure::new(code, format!("{} can't be written: {e}", file.display()))
    })?;
    if file.symlink_metadata().is_ok() {
        let there = read_text(file).map_err(|e| refused(format!("{e}; name another file")))?;
        match unverified(&there) {
            _ if there.is_empty() => {}
            None => {
                return Err(refused("it holds something else than a licence; name another file".to_owned()));
            }
            Some(there) if there == *claims => return Ok(false),
            Some(there) if there.subject != claims.subject => {
                return Err(refused(format!("it holds the licence of {}; name another file", there.subject)));
            }
            Some(there) if !claims.replaces(&there) => {
                return Err(refused("the licence in it is newer than the one that central gave".to_owned()));
            }
            Some(_) => {}
        }
    }
    private_file::replace(&target, format!("{token}\n").as_bytes()).map_err(|e| {
        let denied = e.kind() == ErrorKind::PermissionDenied;
        let code = if denied { exit::PERMISSION } else { exit::UNAVAILABLE };
        Failure::new(
            code,
            format!("{} can't be written: {e}: name a file where you may write", file.display()),
        )
    })?;
    Ok(true)
}

fn tell(options: &Options, file: &Path, claims: &Claims, is_written: bool) -> Outcome {
    if options.json {
        print_json(&json!({
            "written": is_written,
            "file": file.display().to_string(),
            "licence": words::json(claims),
        }))?;
        return Ok(0);
    }
    let now_s = clock::unix_s();
    let head = if is_written { "fetched" } else { "there already: nothing was changed" };
    let mut rows = vec![
        ("file", file.display().to_string()),
        ("licence", words::headline(Some(claims), state(Some(claims), now_s), now_s)),
    ];
    rows.extend(words::rows(claims));
    print(&format!(
        "{head}\n{}its signature is checked where it is installed: highwater license install FILE\n",
        words::lines(&rows)
    ))?;
    Ok(0)
}

fn settings(options: &Options) -> Result<Settings, Failure> {
    let url = CentralUrl::parse(&options.central).map_err(|no| usage("--central", &no.message, no.mend))?;
    let proxy = match options.proxy.as_deref() {
        None => ProxyChoice::Environment,
        Some("none") => ProxyChoice::Direct,
        Some(text) => {
            ProxyChoice::Through(ProxyUrl::parse(text).map_err(|no| usage("--proxy", no.message, no.mend))?)
        }
    };
    let roots = match &options.ca_file {
        None => Roots::Host,
        Some(path) => {
            let pem = read_bounded(path, CA_MAX_BYTES).map_err(|e| unreadable(path, &e))?;
            uplink::check_pem(&pem, &path.display().to_string()).map_err(|e| flags::failure(&e))?;
            Roots::Pem(pem)
        }
    };
    let environment = Environment::read();
    let limits = Limits::default();
    Ok(Settings { url, proxy, proxy_password_file: None, roots, client: None, environment, limits })
}

/// No error of it repeats what was read.
fn service_token(file: &Path) -> Result<String, Failure> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().take(SERVICE_TOKEN_MAX_BYTES as u64).read_to_string(&mut text);
        read.map_err(|e| Failure::new(exit::DATA, format!("standard input holds no service token: {e}")))?;
        text
    } else {
        read_bounded(file, SERVICE_TOKEN_MAX_BYTES).map_err(|e| unreadable(file, &e))?
    };
    let token = text.trim();
    if token.is_empty() {
        let mend = "make one on central: highwater-central service-token create --contract ID";
        return Err(usage("--service-token-file", "there is no token in it", mend));
    }
    Ok(token.to_owned())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let denied = error.kind() == ErrorKind::PermissionDenied;
    let code = if denied { exit::PERMISSION } else { exit::DATA };
    Failure::new(code, format!("{} can't be read: {error}", path.display()))
}

fn usage(flag: &str, what: &str, mend: &str) -> Failure {
    Failure::new(exit::USAGE, format!("{flag}: {what}\n    {mend}"))
}
