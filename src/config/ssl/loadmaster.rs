//! `kind = "loadmaster"`.

use super::super::mistakes::Fault;
use super::super::reader::absolute;
use super::super::show::Value;
use super::services::{self, SERVICES};
use super::web::{self, CA_FILE, CERTIFICATE_SHA256, CLIENT_CERTIFICATE, CLIENT_KEY, Trust};
use super::{ClientFiles, Keys, Kind, SslSource};
use std::path::PathBuf;
use url::Url;

const URL: &str = "url";
const USERNAME: &str = "username";
const PASSWORD_FILE: &str = "password_file";
const API_KEY_FILE: &str = "api_key_file";

pub(super) const KIND: Kind = Kind {
    word: "loadmaster",
    keys: &[
        URL,
        USERNAME,
        PASSWORD_FILE,
        API_KEY_FILE,
        CLIENT_CERTIFICATE,
        CLIENT_KEY,
        CA_FILE,
        CERTIFICATE_SHA256,
        SERVICES,
    ],
    read,
};

/// A Kemp LoadMaster, at its API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loadmaster {
    /// Where its web interface is: `url`.
    pub url: Url,
    /// How the agent is let in.
    pub login: Login,
    /// Whose certificate it must show.
    pub trust: Trust,
    /// How many virtual services have a series of their own: `services`.
    pub services: usize,
}

/// How a LoadMaster lets the agent in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// A user and the file of its password: `username`, `password_file`.
    Password {
        /// The user.
        username: String,
        /// The file.
        file: PathBuf,
    },
    /// The file of an API key: `api_key_file`.
    ApiKey(PathBuf),
    /// A certificate and its key: `client_certificate`, `client_key`.
    Certificate(ClientFiles),
}

impl Loadmaster {
    pub(super) fn shown(&self) -> Vec<(&'static str, Value)> {
        let mut rows = vec![(URL, Value::Text(self.url.as_str().trim_end_matches('/').to_owned()))];
        rows.extend(match &self.login {
            Login::Password { username, file } => {
                vec![(USERNAME, Value::Text(username.clone())), (PASSWORD_FILE, web::shown_path(file))]
            }
            Login::ApiKey(file) => vec![(API_KEY_FILE, web::shown_path(file))],
            Login::Certificate(files) => {
                vec![
                    (CLIENT_CERTIFICATE, web::shown_path(&files.cert)),
                    (CLIENT_KEY, web::shown_path(&files.key)),
                ]
            }
        });
        rows.extend(self.trust.shown());
        rows.push((SERVICES, Value::Whole(self.services as u64)));
        rows
    }
}

/// Every key is read before any that is wrong ends it.
fn read(keys: &mut Keys<'_>) -> Option<SslSource> {
    let url = keys.take(URL, web::https);
    let login = login(keys);
    let (trust, services) = (web::trust(keys), services::read(keys));
    let Some(url) = url? else {
        keys.refuse(URL, Fault::new("it is missing", "set it to https:// and the LoadMaster's address"));
        return None;
    };
    Some(SslSource::Loadmaster(Loadmaster { url, login: login?, trust: trust?, services: services? }))
}

/// One way to be let in, and only one.
fn login(keys: &mut Keys<'_>) -> Option<Login> {
    let username = keys.take(USERNAME, web::username);
    let password = keys.take(PASSWORD_FILE, absolute);
    let api_key = keys.take(API_KEY_FILE, absolute);
    let client = web::client(keys);
    let password = match (username?, password?) {
        (None, None) => None,
        (Some(username), Some(file)) => Some(Login::Password { username, file }),
        (Some(_), None) => {
            let mend = "set password_file to the absolute path of a file that holds it";
            keys.refuse(USERNAME, Fault::new("a user without a password", mend));
            return None;
        }
        (None, Some(_)) => {
            keys.refuse(PASSWORD_FILE, Fault::new("a password without its user", "set username too"));
            return None;
        }
    };
    let ways = [password, api_key?.map(Login::ApiKey), client?.map(Login::Certificate)];
    let mut ways = ways.into_iter().flatten();
    const CHOICE: &str =
        "set username and password_file, or api_key_file, or client_certificate and client_key";
    match (ways.next(), ways.next()) {
        (Some(way), None) => Some(way),
        (None, _) => {
            keys.refuse(USERNAME, Fault::new("nothing says how the agent is let in", CHOICE));
            None
        }
        (Some(_), Some(_)) => {
            keys.refuse(API_KEY_FILE, Fault::new("there are several ways to be let in", CHOICE));
            None
        }
    }
}
