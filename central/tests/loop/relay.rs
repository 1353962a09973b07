//! What stands between agent and central: a wire that can be led elsewhere and cut, and one who ends TLS and reads along.

use crate::central::Central;
use crate::files::Tree;
use crate::server::{Act, Request, Server};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A wire: whoever connects is led to a port that a test chooses. It can be cut after so many bytes of an answer.
pub(crate) struct Wire {
    pub(crate) port: u16,
    to: Arc<AtomicU16>,
    cut_after: Arc<AtomicUsize>,
}

impl Wire {
    pub(crate) fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire = Wire {
            port,
            to: Arc::new(AtomicU16::new(to)),
            cut_after: Arc::new(AtomicUsize::new(usize::MAX)),
        };
        let (to, cut_after) = (Arc::clone(&wire.to), Arc::clone(&wire.cut_after));
        std::thread::spawn(move || {
            for agent in listener.incoming().flatten() {
                let Ok(other) = TcpStream::connect(("127.0.0.1", to.load(Ordering::SeqCst))) else {
                    continue;
                };
                let left = cut_after.load(Ordering::SeqCst);
                std::thread::spawn(move || join(&agent, &other, left));
            }
        });
        wire
    }

    pub(crate) fn lead_to(&self, port: u16) {
        self.to.store(port, Ordering::SeqCst);
    }

    pub(crate) fn cut_after(&self, bytes: usize) {
        self.cut_after.store(bytes, Ordering::SeqCst);
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }
}

fn join(agent: &TcpStream, other: &TcpStream, mut left: usize) -> io::Result<()> {
    let (mut from_agent, mut to_other) = (agent.try_clone()?, other.try_clone()?);
    let up = std::thread::spawn(move || {
        let _ = io::copy(&mut from_agent, &mut to_other);
        to_other.shutdown(Shutdown::Write)
    });
    let mut buffer = [0; 4096];
    let (mut source, mut sink) = (other, agent);
    while left > 0 {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        let some = read.min(left);
        sink.write_all(&buffer[..some])?;
        left -= some;
    }
    agent.shutdown(Shutdown::Both)?;
    other.shutdown(Shutdown::Both)?;
    let _ = up.join();
    Ok(())
}

/// What the one between does with a request that goes to central.
pub(crate) type Fraud = Box<dyn Fn(&Request, &Upstream) -> Act + Send>;

/// One who ends the TLS between agent and central, with a certificate that the agent trusts.
pub(crate) struct Relay {
    server: Server,
    fraud: Arc<Mutex<Fraud>>,
    tree: Tree,
}

impl Relay {
    pub(crate) fn start(central: &Central) -> Self {
        let upstream = Upstream::new(central);
        let fraud: Arc<Mutex<Fraud>> =
            Arc::new(Mutex::new(Box::new(|request, central| Act::Say(central.answer(request)))));
        let acting = Arc::clone(&fraud);
        let server = Server::start(move |request| (acting.lock().unwrap())(request, &upstream));
        // Whoever trusts this file trusts central and the one between.
        let tree = Tree::new(&[]);
        let mut both = Vec::new();
        std::fs::File::open(&central.ca_file).unwrap().read_to_end(&mut both).unwrap();
        tree.write("ca.pem", [&both[..], server.ca_pem.as_bytes()].concat());
        Relay { server, fraud, tree }
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.tree.at("ca.pem")
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port
    }

    pub(crate) fn acts(&self, fraud: impl Fn(&Request, &Upstream) -> Act + Send + 'static) {
        *self.fraud.lock().unwrap() = Box::new(fraud);
    }

    /// How many requests for this path came by.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let start = format!("post {path} ");
        self.server.requests.lock().unwrap().iter().filter(|r| r.head.starts_with(&start)).count()
    }
}

/// The way from the one between to central.
pub(crate) struct Upstream {
    port: u16,
    config: Arc<ClientConfig>,
}

impl Upstream {
    fn new(central: &Central) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&central.ca_file).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Upstream { port: central.port, config: Arc::new(config) }
    }

    /// Central's answer to a request, byte for byte.
    pub(crate) fn answer(&self, request: &Request) -> Vec<u8> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        let path = request.head.split(' ').nth(1).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\nconnection: \
             close\r\n\r\n",
            request.body.len()
        );
        stream.write_all(&[head.as_bytes(), &request.body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }

    /// The body of central's answer.
    pub(crate) fn body(&self, request: &Request) -> Vec<u8> {
        let answer = self.answer(request);
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        answer[end..].to_vec()
    }
}
