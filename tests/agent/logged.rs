//! Real servers on the loopback that write a log of their sessions, as `docs/ssl-tps.md` tells their operator to; and what drives
//! them, and rotates the log.

use crate::agent::eventually;
use crate::files::Tree;
use crate::servers::{Client, Driven, certificate};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const HOST: &str = "127.0.0.1";
/// The programs that they need, each with an argument that makes it end at once.
pub(crate) const PROGRAMS: &[(&str, &str)] = &[
    ("nginx", "-v"),
    ("haproxy", "-v"),
    ("openssl", "version"),
    ("curl", "--version"),
    ("logrotate", "--version"),
];

/// A server that writes a log; it ends with the test.
pub(crate) struct Logged {
    child: Child,
    tree: Tree,
    port: u16,
}

impl Drop for Logged {
    fn drop(&mut self) {
        // nginx ends its workers at this signal, HAProxy ends, too.
        let _ = kill(self.pid(), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

impl Logged {
    /// nginx, with two workers, HTTP/2, and a second log in JSON.
    pub(crate) fn nginx() -> Self {
        let (tree, port) = (Tree::new(&[]), free_port());
        certificate(&tree);
        let dir = tree.dir().display();
        let line = documented("nginx", "log_format highwater ");
        let json = documented("nginx, JSON", "log_format highwater_json ");
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("  {name}_temp_path {dir}/{name};\n"))
            .concat();
        tree.write(
            "nginx.conf",
            format!(
                "daemon off;\nuser root;\nworker_processes 2;\npid {dir}/nginx.pid;\nerror_log {dir}/error.log crit;\nevents {{}}\n\
                 http {{\n  {line}\n  {json}\n  access_log {dir}/tls.log highwater;\n  access_log {dir}/json.log \
                 highwater_json;\n{temporary}  ssl_protocols TLSv1.2 TLSv1.3;\n  ssl_session_cache shared:a:1m;\n  \
                 ssl_certificate {dir}/cert.pem;\n  ssl_certificate_key {dir}/key.pem;\n  server {{\n    listen {HOST}:{port} ssl \
                 http2;\n    location / {{ return 200; }}\n  }}\n}}\n"
            ),
        );
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-p"]).arg(tree.dir()).arg("-c").arg(tree.at("nginx.conf"));
        Self::start(command.stdout(Stdio::null()).stderr(Stdio::null()), tree, port)
    }

    /// HAProxy, whose log is its standard output. With several threads it drops lines there that two of them write at once, and says
    /// how many only in `DroppedLogs` of its `show info`.
    pub(crate) fn haproxy() -> Self {
        let (tree, port) = (Tree::new(&[]), free_port());
        certificate(&tree);
        let dir = tree.dir().display();
        let fields = documented("HAProxy", "tls_line=");
        tree.write(
            "haproxy.cfg",
            format!(
                "global\n  nbthread 1\n  log stdout format raw local0\n  ssl-default-bind-options ssl-min-ver TLSv1.2\ndefaults\n  mode http\n  log \
                 global\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\nfrontend tls\n  bind {HOST}:{port} ssl \
                 crt {dir}/both.pem alpn h2,http/1.1\n  log-format \"{fields} %ci:%cp [%tr] %ft %ST %{{+Q}}r\"\n  http-request \
                 return status 200\n"
            ),
        );
        let log = File::options().append(true).create(true).open(tree.at("tls.log")).unwrap();
        let mut command = Command::new("haproxy");
        command.args(["-db", "-f"]).arg(tree.at("haproxy.cfg"));
        Self::start(command.stdout(log).stderr(Stdio::null()), tree, port)
    }

    fn start(command: &mut Command, tree: Tree, port: u16) -> Self {
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        eventually("a server", || TcpStream::connect((HOST, port)).ok());
        Logged { child, tree, port }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// A file of its own.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.tree.at(name)
    }

    /// Clients of every kind that begin at once, for one second: TLS 1.2 and 1.3, full and resumed.
    pub(crate) fn driven(&self, work: impl FnOnce(&Self)) -> u64 {
        let client = |version, mode| -> Client { (HOST, self.port, version, mode) };
        let clients = [
            client("-tls1_2", "-new"),
            client("-tls1_2", "-reuse"),
            client("-tls1_3", "-new"),
            client("-tls1_3", "-reuse"),
        ];
        let driven = Driven::start(|| Command::new("openssl"), &clients, 1);
        work(self);
        driven.counts().iter().sum()
    }

    /// Several requests on as many connections as the client says that it made.
    pub(crate) fn kept_alive(&self, arguments: &[&str]) -> u64 {
        let url = format!("https://{HOST}:{}/[1-5]", self.port);
        let output = Command::new("curl")
            .args(["-sk", "-m", "20", "-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n"])
            .args(arguments)
            .arg(url)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let connections = text.lines().map(|line| line.strip_prefix("200 ").expect(&text).parse::<u64>());
        let connections: Vec<u64> = connections.map(Result::unwrap).collect();
        assert_eq!(connections.len(), 5, "{text}");
        connections.iter().sum()
    }

    /// A session without a request.
    pub(crate) fn silent(&self) {
        let address = format!("{HOST}:{}", self.port);
        crate::servers::session(Command::new("openssl"), &["-connect", &address]);
    }

    /// Plain HTTP where TLS is spoken.
    pub(crate) fn plain(&self) {
        let url = format!("http://{HOST}:{}/", self.port);
        let _ = Command::new("curl").args(["-s", "-m", "5", &url]).output().unwrap();
    }

    /// Rotates its logs by renaming them, and tells nginx to open them anew.
    pub(crate) fn rename(&self) {
        let pid = self.pid();
        let reopen = format!("sharedscripts\n  postrotate\n    kill -USR1 {pid}\n  endscript");
        self.rotate(&format!("create\n  compress\n  delaycompress\n  {reopen}"));
    }

    /// Rotates its logs by copying them and cutting them off.
    pub(crate) fn copy_and_cut_off(&self) {
        self.rotate("copytruncate\n  compress");
    }

    fn rotate(&self, directives: &str) {
        let dir = self.tree.dir().display();
        self.tree.write(
            "logrotate.conf",
            format!("{dir}/*.log {{\n  rotate 40\n  missingok\n  {directives}\n}}\n"),
        );
        let rotated = Command::new("logrotate")
            .args(["-f", "-s"])
            .arg(self.tree.at("logrotate.state"))
            .arg(self.tree.at("logrotate.conf"))
            .output()
            .unwrap();
        assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    }

    /// How many lines of its log have a text in them.
    pub(crate) fn lines(&self, text: &str) -> u64 {
        let log = highwater::files::read_bounded(&self.at("tls.log"), 64 << 20).unwrap();
        log.lines().filter(|line| line.contains(text)).count() as u64
    }

    /// How many lines of its log and of all that it was rotated to have a text in them.
    pub(crate) fn lines_of_all(&self, text: &str) -> u64 {
        let rotated = self.rotated().into_iter().map(|name| {
            let zcat = Command::new("zcat").arg("-f").arg(self.at(&name)).output().unwrap();
            assert!(zcat.status.success(), "{name}: {}", String::from_utf8_lossy(&zcat.stderr));
            String::from_utf8_lossy(&zcat.stdout).lines().filter(|line| line.contains(text)).count() as u64
        });
        self.lines(text) + rotated.sum::<u64>()
    }

    /// The names of its log's rotated files.
    pub(crate) fn rotated(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.tree.dir()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("tls.log.")).collect()
    }
}

/// Free a moment ago; the server would say so if it no longer were.
fn free_port() -> u16 {
    TcpListener::bind((HOST, 0)).unwrap().local_addr().unwrap().port()
}

/// What the page says is to be pasted for a server, that begins like this.
fn documented(server: &str, beginning: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ssl-tps.md");
    let page = highwater::files::read_bounded(&page, 1 << 20).unwrap();
    let row = page.lines().find(|line| line.starts_with(&format!("| {server} |"))).expect(server);
    let pieces = row.split('`');
    pieces.skip(1).step_by(2).find(|piece| piece.starts_with(beginning)).expect(row).to_owned()
}
