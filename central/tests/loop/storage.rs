//! Object stores that a test runs: Azurite, and moto's server as S3. Each has a certificate of a test's own authority.

use crate::agent::eventually;
use crate::authority::Authority;
use crate::central::Central;
use crate::files::Tree;
use crate::programs;
use crate::tools::missing;
use highwater_rules::sign::sha256;
use reqwest::{Client, Method};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// Whose kind of store it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Azure,
    S3,
}

const ACCOUNT: &str = "meters";
/// 64 bytes of zeros and ones, in base64.
const ACCOUNT_KEY: &str =
    "AAEAAQABAAEAAQABAAEAAQABAAEAAQABAAEAAQABAAEAAQABAAEAAQABAAEAAQABAAEAAQABAAEAAQABAAEAAQ==";
const BUCKET: &str = "reports";

/// A store with one bucket, empty. It is killed with the test.
pub(crate) struct Store {
    kind: Kind,
    tree: Tree,
    child: Child,
    port: u16,
    authority: Authority,
}

impl Drop for Store {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Store {
    /// Ends it as a power cut does.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// One at a port that was free; `None` where its program is missing.
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    pub(crate) fn start(kind: Kind) -> Option<Self> {
        let (program, trial) = match kind {
            Kind::Azure => ("azurite-blob", "--version"),
            Kind::S3 => ("moto_server", "--help"),
        };
        if missing(&[(program, trial)]) {
            return None;
        }
        let (tree, authority) = (Tree::new(&[]), Authority::new());
        let pair = authority.server(&["127.0.0.1", "localhost"]);
        tree.write("cert.pem", &pair.cert);
        tree.write("key.pem", &pair.key);
        tree.write("ca.pem", &authority.pem);
        let mut command = Command::new(program);
        match kind {
            Kind::Azure => command
                .args(["--blobPort", "0", "--cert", "cert.pem", "--key", "key.pem", "--inMemoryPersistence"])
                .args(["--disableTelemetry", "--skipApiVersionCheck", "--silent"])
                .env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{ACCOUNT_KEY}")),
            Kind::S3 => command.args(["-p", "0", "-c", "cert.pem", "-k", "key.pem"]),
        };
        let log = File::create(tree.at("log")).unwrap();
        command.current_dir(tree.dir()).stdin(Stdio::null()).stderr(log.try_clone().unwrap()).stdout(log);
        let child = command.spawn().unwrap();
        let path = tree.at("log");
        let mut store = Store { kind, tree, child, port: 0, authority };
        store.port = eventually("the store's port", || {
            let log = std::fs::read_to_string(&path).unwrap();
            let (_, rest) = log.rsplit_once("https://127.0.0.1:")?;
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok().filter(|_| rest.contains('\n'))
        });
        let status = store.make_bucket();
        assert!((200..300).contains(&status), "{kind:?}: no bucket: {status}");
        Some(store)
    }

    fn make_bucket(&self) -> u16 {
        let path = format!("/{BUCKET}");
        match self.kind {
            Kind::S3 => self.ask(Method::PUT, &format!("{}{path}", self.root()), &[], b"").0,
            Kind::Azure => {
                // A request that the account's key signs: what nobody but its owner may do.
                let date = "Sun, 22 Nov 2026 00:00:00 GMT";
                let text = format!(
                    "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:2021-08-06\n/{ACCOUNT}/{ACCOUNT}{path}\nrestype:container"
                );
                let login = format!("SharedKey {ACCOUNT}:{}", base64(&hmac(&account_key(), text.as_bytes())));
                let headers =
                    [("x-ms-date", date), ("x-ms-version", "2021-08-06"), ("authorization", &login)];
                let url = format!("{}{path}?restype=container", self.root());
                self.ask(Method::PUT, &url, &headers, b"").0
            }
        }
    }

    fn root(&self) -> String {
        let account = if self.kind == Kind::Azure { format!("/{ACCOUNT}") } else { String::new() };
        format!("https://127.0.0.1:{}{account}", self.port)
    }

    /// A central that uploads here, and picks up every second.
    pub(crate) fn central(&self, more: &[&str]) -> Central {
        let place = match self.kind {
            Kind::Azure => format!("az://{BUCKET}/high/water"),
            Kind::S3 => format!("s3://{BUCKET}/high/water"),
        };
        let mut arguments = vec!["--object-store", &place, "--pick-up-every", "1s", "--log-level", "debug"];
        arguments.extend(more);
        let mut env = vec![("SSL_CERT_FILE", self.tree.at("ca.pem").display().to_string())];
        env.extend(match self.kind {
            Kind::Azure => vec![
                ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.to_owned()),
                ("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY.to_owned()),
                ("AZURE_STORAGE_ENDPOINT", self.root()),
            ],
            Kind::S3 => vec![
                ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "geheim".to_owned()),
                ("AWS_REGION", "eu-central-1".to_owned()),
                ("AWS_ENDPOINT_URL", self.root()),
            ],
        });
        Central::start_with(&arguments, &env)
    }

    /// The certificates that an agent holds both to.
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    pub(crate) fn ca_file(&self, central: &Central) -> String {
        let both = format!("{}{}", self.authority.pem, std::fs::read_to_string(&central.ca_file).unwrap());
        self.tree.write("both.pem", both);
        self.tree.at("both.pem").display().to_string()
    }

    /// The URL of an object of S3's, which moto gives to anyone.
    pub(crate) fn open_url(&self, key: &str) -> String {
        assert_eq!(self.kind, Kind::S3);
        format!("{}/{BUCKET}/{key}", self.root())
    }

    /// The keys of all objects.
    pub(crate) fn keys(&self) -> Vec<String> {
        let (status, page) = self.ask(Method::GET, &self.open_url("?list-type=2"), &[], b"");
        assert_eq!(status, 200, "{page}");
        let keys = page.split("<Key>").skip(1).map(|rest| rest.split_once("</Key>").unwrap().0.to_owned());
        keys.collect()
    }

    /// Asks for something, and gives status and page.
    pub(crate) fn ask(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, String) {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap();
        let mut request = client.request(method, url).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }
}

/// Whether openssl made a key of RSA; `None` where it is missing.
pub(crate) fn rsa_key() -> Option<String> {
    if missing(&[("openssl", "version")]) {
        return None;
    }
    let made = programs::command("openssl")
        .args(["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    Some(String::from_utf8(made.stdout).unwrap())
}

fn account_key() -> Vec<u8> {
    [0, 1].repeat(32)
}

/// RFC 2104, over SHA-256: the key is as long as a block.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    assert_eq!(key.len(), 64);
    let pad = |with: u8| key.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = sha256(&[&pad(0x36)[..], message].concat());
    sha256(&[&pad(0x5c)[..], &inner.0].concat()).0.to_vec()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize] as char;
            text.push(if at <= three.len() { letter } else { '=' });
        }
    }
    text
}
