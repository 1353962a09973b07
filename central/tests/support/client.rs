//! An HTTPS client that trusts the server's own authority only.

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What a server answered.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// The word of a problem.
    pub fn error(&self) -> String {
        let json: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert!(json["mend"].as_str().is_some_and(|mend| !mend.is_empty()), "{json}");
        json["error"].as_str().unwrap().to_owned()
    }
}

/// A connection that is kept alive.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub async fn connect(url: &str, ca_file: &Path) -> Self {
        Self::try_connect(url, ca_file).await.unwrap()
    }

    pub async fn try_connect(url: &str, ca_file: &Path) -> Result<Self, Failed> {
        let stream = stream(url, ca_file).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Client { sender })
    }

    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Reply, hyper::Error> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes().to_vec();
        Ok(Reply { status: parts.status, headers: parts.headers, body })
    }

    pub async fn try_post(&mut self, path: &str, body: Vec<u8>) -> Result<Reply, hyper::Error> {
        self.send(
            Request::post(path)
                .header("host", "localhost")
                .header("content-type", "application/x-protobuf")
                .body(Full::new(Bytes::from(body)))
                .unwrap(),
        )
        .await
    }

    pub async fn post(&mut self, path: &str, body: Vec<u8>) -> Reply {
        self.try_post(path, body).await.unwrap()
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        let request = Request::get(path).header("host", "localhost").body(Full::new(Bytes::new())).unwrap();
        self.send(request).await.unwrap()
    }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A connection on which nothing was said yet.
pub async fn stream(url: &str, ca_file: &Path) -> Result<TlsStream<TcpStream>, Failed> {
    let mut roots = RootCertStore::empty();
    for cert in CertificateDer::pem_file_iter(ca_file)? {
        roots.add(cert?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let address = url.strip_prefix("https://").unwrap();
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost")?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
}
