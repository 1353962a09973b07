//! A real HAProxy, driven with `openssl s_time`.

use crate::files::Tree;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A HAProxy of the test's own; ends with it.
pub(crate) struct Proxy {
    child: Child,
    /// How it is told to run.
    mode: &'static str,
    tree: Tree,
    pub(crate) port: u16,
}

/// Free a moment ago; HAProxy would say so if it no longer were.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proxy {
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// One that has more in its configuration.
    pub(crate) fn with(more: &str) -> Self {
        Self::in_mode("-db", more)
    }

    /// One whose master starts another worker when it is told to reload.
    pub(crate) fn with_master(more: &str) -> Self {
        Self::in_mode("-W", more)
    }

    /// What makes one tell its figures at a free port, and the URL where it does.
    pub(crate) fn exporter() -> (String, String) {
        let port = free_port();
        let more = format!(
            "frontend metrics\n  bind 127.0.0.1:{port}\n  http-request use-service prometheus-exporter if {{ path /metrics }}\n"
        );
        (more, format!("http://127.0.0.1:{port}/metrics"))
    }

    fn in_mode(mode: &'static str, more: &str) -> Self {
        let tree = Tree::new(&[]);
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .arg("-keyout")
            .arg(tree.at("key.pem"))
            .arg("-out")
            .arg(tree.at("both.pem"))
            .stderr(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        let key = highwater::files::read_bounded(&tree.at("key.pem"), 65536).unwrap();
        let certificate = highwater::files::read_bounded(&tree.at("both.pem"), 65536).unwrap();
        tree.write("both.pem", certificate + &key);
        let port = free_port();
        let (socket, pem) = (tree.at("stats.sock"), tree.at("both.pem"));
        tree.write(
            "haproxy.cfg",
            format!(
                "global\n  stats socket {} mode 600 level user\ndefaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  \
                 timeout connect 5s\nfrontend tls\n  bind 127.0.0.1:{port} ssl crt {}\n  http-request return status 200\nfrontend \
                 plain\n  bind unix@{}\n  http-request return status 200\nfrontend raw\n  mode tcp\n  bind unix@{}\n  \
                 default_backend plain\nbackend plain\n  mode tcp\n  server plain unix@{}\n{more}",
                socket.display(),
                pem.display(),
                tree.at("plain.sock").display(),
                tree.at("raw.sock").display(),
                tree.at("plain.sock").display(),
            ),
        );
        let child = Self::run(mode, &tree);
        let proxy = Proxy { child, mode, tree, port };
        proxy.await_socket();
        proxy
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.tree.at("stats.sock")
    }

    /// The bytes that a client sent to its frontend `raw` and received, in one request, which goes on to `plain`.
    pub(crate) fn raw_request(&self) -> u64 {
        self.raw_request_around(|| {})
    }

    /// The same, with something done in the middle of the request.
    pub(crate) fn raw_request_around(&self, work: impl FnOnce()) -> u64 {
        let mut client = UnixStream::connect(self.tree.at("raw.sock")).unwrap();
        let (begun, rest) = ("GET /a-path HTTP/1.1\r\n", "host: there\r\nconnection: close\r\n\r\n");
        client.write_all(begun.as_bytes()).unwrap();
        work();
        client.write_all(rest.as_bytes()).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"));
        (begun.len() + rest.len() + answer.len()) as u64
    }

    fn run(mode: &str, tree: &Tree) -> Child {
        let quiet = Stdio::null;
        let config = tree.at("haproxy.cfg");
        Command::new("haproxy")
            .arg(mode)
            .arg("-f")
            .arg(config)
            .stdout(quiet())
            .stderr(quiet())
            .spawn()
            .unwrap()
    }

    pub(crate) fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn start_again(&mut self) {
        self.child = Self::run(self.mode, &self.tree);
        self.await_socket();
    }

    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// Has the master reload, once the worker has run for two seconds, and waits for the new one.
    pub(crate) fn reload(&self) {
        Self::eventually("haproxy does not run on", || self.info("Uptime_sec").is_some_and(|s| s >= 2));
        let before = self.info("Pid");
        let master = Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(master, Signal::SIGUSR2).unwrap();
        Self::eventually("haproxy does not reload", || {
            self.info("Pid").is_some_and(|pid| Some(pid) != before)
        });
    }

    /// A number of the worker that answers at the stats socket.
    fn info(&self, key: &str) -> Option<u64> {
        let mut stream = UnixStream::connect(self.socket()).ok()?;
        stream.write_all(b"show info\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": ")?.parse().ok())
    }

    fn await_socket(&self) {
        Self::eventually("haproxy does not start", || UnixStream::connect(self.socket()).is_ok());
    }

    fn eventually(complaint: &str, is_so: impl Fn() -> bool) {
        let came = (0..500).any(|_| {
            is_so() || {
                nix::poll::poll(&mut [], 20u8).unwrap();
                false
            }
        });
        assert!(came, "{complaint}");
    }

    /// What HAProxy says to a question, not through the source.
    fn says(&self, question: &str) -> String {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.write_all(question.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// HAProxy's own sum, from the typed form of its statistics: not the table that the source reads.
    pub(crate) fn own_sum(&self) -> u64 {
        let typed = self.says("show stat -1 1 -1 typed\n");
        let wanted = |line: &&str| line.contains(".ssl_sess.") || line.contains(".ssl_reused_sess.");
        typed
            .lines()
            .filter(wanted)
            .map(|line| line.rsplit(':').next().unwrap().parse::<u64>().unwrap())
            .sum()
    }

    /// What HAProxy says of one frontend's bytes, from the typed form, too.
    pub(crate) fn own_bytes(&self, frontend: &str) -> u64 {
        let typed = self.says("show stat -1 1 -1 typed\n");
        let rows: Vec<Vec<&str>> = typed.lines().map(|line| line.split([':', '.']).collect()).collect();
        let of = |row: &&Vec<&str>, field: &str| row.get(4) == Some(&field);
        let named = rows.iter().find(|row| of(row, "pxname") && row.last() == Some(&frontend));
        let proxy = &named.expect("the frontend").split_at(3).0;
        let own = rows.iter().filter(|row| row.starts_with(proxy) && (of(row, "bin") || of(row, "bout")));
        own.map(|row| row.last().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// One TLS session, with a request in it.
    pub(crate) fn one_session(&self) {
        let mut command = Command::new("curl");
        command.args(["-sk", "-m", "5", &format!("https://127.0.0.1:{}/", self.port)]);
        assert!(command.status().unwrap().success());
    }

    /// The TLS sessions that `openssl s_time` made in one second, by its own count.
    pub(crate) fn drive(&self, mode: &str) -> u64 {
        let output = Command::new("openssl")
            .args([
                "s_time",
                "-www",
                "/",
                mode,
                "-time",
                "1",
                "-connect",
                &format!("127.0.0.1:{}", self.port),
            ])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|l| l.contains(" connections in ") && l.contains("real seconds"));
        let count: u64 = line.expect(&text).split(' ').next().unwrap().parse().unwrap();
        assert!(count > 0);
        // To have a session to resume, it first makes one that it does not count.
        if mode == "-reuse" { count + 1 } else { count }
    }
}
