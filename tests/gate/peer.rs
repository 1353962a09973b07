//! Those who ask at the socket.

use highwater::gate::client;
use serde_json::Value;
use std::io;
use std::path::Path;
use std::process::Stdio;
use tokio::net::UnixStream;
use tokio::process::Command;

/// What the gate says, as the agent's own client asks.
pub(crate) async fn get(socket: &Path) -> (u16, Value) {
    client::request(socket, "GET", "/v1/gate").await.unwrap()
}

/// A peer that writes what it likes.
pub(crate) struct Raw(UnixStream);

impl Raw {
    pub(crate) async fn new(socket: &Path) -> Self {
        Raw(UnixStream::connect(socket).await.unwrap())
    }

    pub(crate) async fn say(&self, bytes: &[u8]) {
        self.0.writable().await.unwrap();
        assert_eq!(self.0.try_write(bytes).unwrap(), bytes.len());
    }

    /// What comes until the text `end` is in it.
    pub(crate) async fn hear(&self, end: &str) -> String {
        self.heard(|text| text.contains(end)).await
    }

    /// All that comes until the other side hangs up.
    pub(crate) async fn rest(&self) -> String {
        self.heard(|_| false).await
    }

    async fn heard(&self, is_enough: impl Fn(&str) -> bool) -> String {
        let mut text = String::new();
        let mut buffer = [0; 4096];
        while !is_enough(&text) {
            self.0.readable().await.unwrap();
            match self.0.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => text.push_str(std::str::from_utf8(&buffer[..read]).unwrap()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error}"),
            }
        }
        text
    }
}

/// What curl makes of a target: its exit code, and what it printed.
pub(crate) async fn curl(socket: &Path, arguments: &[&str], uid: Option<u32>) -> (i32, String) {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "20", "--unix-socket"]).arg(socket).args(arguments);
    curl.stdin(Stdio::null()).kill_on_drop(true);
    if let Some(uid) = uid {
        curl.uid(uid).gid(uid);
    }
    let output = curl.output().await.unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}
