//! Real TLS servers at the near end of a cable: HAProxy, nginx and `openssl s_server`; and what drives them from the far end.

use crate::agent::eventually;
use crate::files::Tree;
use crate::namespaces::Namespaces;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Output, Stdio};

/// HAProxy, any client.
pub(crate) const HAPROXY: u16 = 8443;
/// HAProxy, which takes one curve only: a client that begins with another is asked to begin anew.
pub(crate) const ONE_CURVE: u16 = 8444;
/// nginx.
pub(crate) const NGINX: u16 = 9443;
/// `openssl s_server`.
pub(crate) const OPENSSL: u16 = 7443;

/// The servers; they end with the test.
pub(crate) struct Servers {
    children: Vec<Child>,
    tree: Tree,
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The programs that they need, each with an argument that makes it end at once.
pub(crate) const PROGRAMS: &[(&str, &str)] =
    &[("ip", "-V"), ("haproxy", "-v"), ("nginx", "-v"), ("openssl", "version"), ("curl", "--version")];

impl Servers {
    pub(crate) fn start(spaces: &Namespaces) -> Self {
        let tree = Tree::new(&[]);
        certificate(&tree);
        let dir = tree.dir().display().to_string();
        tree.write(
            "haproxy.cfg",
            format!(
                "global\n  stats socket {dir}/stats.sock mode 600 level user\n  ssl-default-bind-options ssl-min-ver TLSv1.2\n\
                 defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n\
                 frontend tls\n  bind :::{HAPROXY} v4v6 ssl crt {dir}/both.pem\n\
                 \x20 bind :::{ONE_CURVE} v4v6 ssl crt {dir}/both.pem curves P-384\n  http-request return status 200\n"
            ),
        );
        tree.write(
            "nginx.conf",
            format!(
                "daemon off;\nmaster_process off;\npid {dir}/nginx.pid;\nerror_log stderr crit;\nevents {{}}\nhttp {{\n  access_log \
                 off;\n  client_body_temp_path {dir}/body;\n  proxy_temp_path {dir}/proxy;\n  fastcgi_temp_path {dir}/fastcgi;\n  \
                 uwsgi_temp_path {dir}/uwsgi;\n  scgi_temp_path {dir}/scgi;\n  server {{\n    listen {NGINX} ssl;\n    listen \
                 [::]:{NGINX} ssl;\n    ssl_certificate {dir}/cert.pem;\n    ssl_certificate_key {dir}/key.pem;\n    ssl_protocols \
                 TLSv1.2 TLSv1.3;\n    ssl_session_cache shared:a:1m;\n    location / {{ return 200; }}\n  }}\n}}\n"
            ),
        );
        let mut servers = Servers { children: Vec::new(), tree };
        let haproxy = format!("{dir}/haproxy.cfg");
        let nginx = format!("{dir}/nginx.conf");
        let (key, certificate) = (format!("{dir}/key.pem"), format!("{dir}/cert.pem"));
        let port = OPENSSL.to_string();
        servers.run(spaces, "haproxy", &["-db", "-f", &haproxy]);
        servers.run(spaces, "nginx", &["-e", "stderr", "-p", &dir, "-c", &nginx]);
        servers.run(
            spaces,
            "openssl",
            &["s_server", "-www", "-quiet", "-accept", &port, "-key", &key, "-cert", &certificate],
        );
        for port in [HAPROXY, ONE_CURVE, NGINX, OPENSSL] {
            eventually("a server", || {
                let address = std::net::SocketAddr::from(([192, 0, 2, 1], port));
                spaces.at_far(move || std::net::TcpStream::connect(address).ok())
            });
        }
        servers
    }

    fn run(&mut self, spaces: &Namespaces, program: &str, arguments: &[&str]) {
        let mut command = spaces.near_command(program);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        self.children.push(command.spawn().unwrap());
    }

    /// A number of HAProxy's `show info`.
    pub(crate) fn info(&self, key: &str) -> u64 {
        let text = self.says("show info\n");
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("no {key} in {text}")).trim().parse().unwrap()
    }

    /// HAProxy's own count of sessions, new and resumed.
    pub(crate) fn haproxy_sessions(&self) -> u64 {
        let typed = self.says("show stat -1 1 -1 typed\n");
        let wanted = |line: &&str| line.contains(".ssl_sess.") || line.contains(".ssl_reused_sess.");
        let number = |line: &str| line.rsplit(':').next().unwrap().parse::<u64>().unwrap();
        typed.lines().filter(wanted).map(number).sum()
    }

    fn says(&self, question: &str) -> String {
        let mut stream = UnixStream::connect(self.tree.at("stats.sock")).unwrap();
        stream.write_all(question.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// A key of the kind that costs least, so that the test counts many handshakes in little time.
pub(crate) fn certificate(tree: &Tree) {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    command.args(["-days", "2", "-subj", "/CN=localhost", "-keyout"]).arg(tree.at("key.pem"));
    command.arg("-out").arg(tree.at("cert.pem")).stderr(Stdio::null());
    assert!(command.status().unwrap().success());
    let read = |name| highwater::files::read_bounded(&tree.at(name), 65536).unwrap();
    tree.write("both.pem", read("cert.pem") + &read("key.pem"));
}

/// One client: where to, which version, `-new` or `-reuse`.
pub(crate) type Client = (&'static str, u16, &'static str, &'static str);

/// Clients at work, each an `openssl s_time`.
pub(crate) struct Driven<'c>(Vec<(Child, &'c Client)>);

impl<'c> Driven<'c> {
    /// Starts all of them at once, by a command that can reach the servers.
    pub(crate) fn start(openssl: impl Fn() -> Command, clients: &'c [Client], seconds: u32) -> Self {
        let start = |client: &'c Client| {
            let (host, port, version, mode) = client;
            let mut command = openssl();
            command.args(["s_time", "-www", "/", version, mode, "-time", &seconds.to_string()]);
            command.args(["-connect", &format!("{host}:{port}")]);
            (command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap(), client)
        };
        Driven(clients.iter().map(start).collect())
    }

    /// The sessions that each made, by its own count.
    pub(crate) fn counts(self) -> Vec<u64> {
        let counts = self.0.into_iter().map(|(child, (_, _, _, mode))| {
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            let line = text.lines().find(|l| l.contains(" connections in ") && l.contains("real seconds"));
            let count: u64 = line.expect(&text).split(' ').next().unwrap().parse().unwrap();
            assert!(count > 0, "{text}");
            // To have a session to resume, it first makes one that it does not count.
            if *mode == "-reuse" { count + 1 } else { count }
        });
        counts.collect()
    }
}

/// The sessions that clients at the far end made in `seconds`.
pub(crate) fn drive(spaces: &Namespaces, clients: &[Client], seconds: u32) -> Vec<u64> {
    Driven::start(|| spaces.far_command("openssl"), clients, seconds).counts()
}

/// One session of `openssl s_client`, which says what it sent and got.
pub(crate) fn session(mut command: Command, arguments: &[&str]) -> Output {
    let output = command.arg("s_client").args(arguments).arg("-msg").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}
