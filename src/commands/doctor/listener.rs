//! Whether the running agent answers where it is configured to listen.

use super::service::Service;
use super::unit::Unit;
use super::{Check, is_root, needs, sandbox};
use crate::config::Listen;
use crate::files::read_bounded;
use crate::gate::stream::Stream;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

const NAME: &str = "listener";
const KEY: &str = "listen.address";
/// How long the agent may take: it answers from memory.
const LIMIT: Duration = Duration::from_secs(1);
/// What is read of an answer: its head, and a metric or two.
const ANSWER_BYTES: usize = 512;
const REQUEST: &[u8] = b"GET /metrics HTTP/1.0\r\n\r\n";
/// Ports from here on need no right, unless the host says otherwise.
const UNPRIVILEGED_PORT: u16 = 1024;
const UNPRIVILEGED_PORT_FILE: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
const NUMBER_MAX_BYTES: usize = 16;

/// Asks the agent at its listener; nothing where none is configured, or no agent runs.
pub(super) async fn check(address: &Listen, service: &Service) -> Option<Check> {
    let place = match address {
        Listen::Nowhere => return None,
        Listen::Unix(path) => path.display().to_string(),
        Listen::Tcp(address) => address.to_string(),
    };
    let agent = service.agent.as_deref()?;
    if matches!(address, Listen::Tcp(_)) && has_own_network(Path::new(needs::PROC), agent) {
        return Some(Check::good(
            NAME,
            format!("{place} is in the agent's own network: not asked from here"),
        ));
    }
    let asked = timeout(LIMIT, ask(address)).await;
    Some(match asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(true) => Check::good(NAME, format!("the agent answers at {place}")),
        Ok(false) => {
            Check::bad(NAME, format!("another program answers at {place}: free it, or set {KEY} to another"))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !is_root() => {
            Check::unseen(NAME, format!("{place}: {error}"))
        }
        Err(error) => {
            let mend = mend(address, service.unit.as_ref().ok(), unprivileged_port());
            Check::bad(NAME, format!("nobody answers at {place} ({error})\n{mend}"))
        }
    })
}

/// Whether a process is known to be in another network namespace than this one.
fn has_own_network(proc: &Path, process: &str) -> bool {
    let of = |process: &str| proc.join(process).join("ns/net").read_link().ok();
    of(process).zip(of("self")).is_some_and(|(its, own)| its != own)
}

/// Whether it is the agent that answers.
async fn ask(address: &Listen) -> io::Result<bool> {
    let stream = match address {
        Listen::Nowhere => return Err(io::ErrorKind::AddrNotAvailable.into()),
        Listen::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
        Listen::Tcp(address) => Stream::Tcp(TcpStream::connect(address).await?),
    };
    let mut answer = Vec::new();
    if stream.send(REQUEST).await {
        // A shorter answer ends before, and is there all the same.
        if let Ok(beginning) = stream.receive_body(&mut answer, ANSWER_BYTES).await {
            answer = beginning;
        }
    }
    Ok(is_agents(&String::from_utf8_lossy(&answer)))
}

/// Whether an answer is the agent's: a page of its metrics, or that it has just begun, or is busy.
fn is_agents(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 503 ")
        || (answer.starts_with("HTTP/1.1 200 ") && answer.contains("highwater_"))
}

fn unprivileged_port() -> u16 {
    let text = read_bounded(Path::new(UNPRIVILEGED_PORT_FILE), NUMBER_MAX_BYTES);
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(UNPRIVILEGED_PORT)
}

/// What to do where nobody answers.
fn mend(address: &Listen, unit: Option<&Unit>, unprivileged_port: u16) -> String {
    let may_bind = |unit: &Unit| unit.is_roots() || unit.has("AmbientCapabilities", "cap_net_bind_service");
    match (address, unit) {
        (Listen::Unix(path), Some(unit)) => {
            if let Some(hidden) = sandbox::hides(unit, path) {
                return format!(
                    "what {} makes there is hidden from others ({}): set {KEY} to a path below /run/highwater",
                    unit.name, hidden.by
                );
            }
        }
        (Listen::Tcp(address), Some(unit)) if address.port() < unprivileged_port && !may_bind(unit) => {
            return format!(
                "a port below {unprivileged_port} needs a right that {} has not: take a port of {unprivileged_port} \
                 or above in {KEY}",
                unit.name
            );
        }
        _ => {}
    }
    let (journal, reload) = unit.map_or_else(
        || (String::new(), "a SIGHUP has it read".to_owned()),
        |unit| {
            let short = unit.name.trim_end_matches(".service");
            (format!(" (`journalctl -u {short} -p err -n 20`)"), format!("`systemctl reload {short}`"))
        },
    );
    format!(
        "the log's listen_failed says why{journal}; where {KEY} was changed since the agent began: {reload}"
    )
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    fn at(port: u16) -> Listen {
        Listen::Tcp(([127, 0, 0, 1], port).into())
    }

    #[test]
    fn what_hides_a_socket_or_a_port_without_the_right_is_told_with_its_mend_and_else_the_log() {
        let unit = golden::unit(golden::RUNNING);
        let says = |address: &Listen, unit: Option<&Unit>, parts: &[&str]| {
            let said = mend(address, unit, 1024);
            assert!(parts.iter().all(|part| said.contains(part)), "{address:?}: {said}");
        };
        let unix = |path: &str| Listen::Unix(path.into());
        says(&unix("/tmp/hw.sock"), Some(&unit), &["(PrivateTmp=yes)", "below /run/highwater"]);
        says(&unix("/home/hw/sock"), Some(&unit), &["(ProtectHome=yes)", "below /run/highwater"]);
        let log = ["listen_failed says why", "`journalctl -u highwater -p err -n 20`", "reload highwater"];
        says(&unix("/srv/hw.sock"), Some(&unit), &log);
        says(&at(80), Some(&unit), &["take a port of 1024 or above in listen.address"]);
        says(&at(1024), Some(&unit), &log);
        says(&at(80), None, &["listen_failed says why", "SIGHUP"]);
        let lines = format!("{}AmbientCapabilities=cap_net_bind_service\n", golden::RUNNING);
        says(&at(80), Some(&golden::unit(&lines)), &log);
    }

    /// What a server that sends this is taken for.
    fn taken(answer: &'static [u8]) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = at(listener.local_addr().unwrap().port());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; REQUEST.len()];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(answer).unwrap();
        });
        let runtime = super::super::run::runtime().unwrap();
        let is_agents = runtime.block_on(ask(&address)).unwrap();
        server.join().unwrap();
        is_agents
    }

    #[test]
    fn another_program_at_the_port_is_not_taken_for_the_agent_and_a_port_that_is_shut_is_an_error() {
        assert!(taken(b"HTTP/1.1 200 OK\r\n\r\n# HELP highwater_build_info The agent's version.\n"));
        assert!(taken(
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n{\"error\":\"the agent has only just begun\"}\n"
        ));
        assert!(!taken(b"HTTP/1.1 200 OK\r\n\r\nnginx"));
        assert!(!taken(b"SSH-2.0-OpenSSH\r\n"));
        let shut = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let runtime = super::super::run::runtime().unwrap();
        let error = runtime.block_on(ask(&at(shut))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn an_agent_in_another_network_is_known_by_its_namespace() {
        let dir = tempfile::tempdir().unwrap();
        for (process, network) in [("self", "net:[1]"), ("92", "net:[1]"), ("93", "net:[2]")] {
            std::fs::create_dir_all(dir.path().join(process).join("ns")).unwrap();
            std::os::unix::fs::symlink(network, dir.path().join(process).join("ns/net")).unwrap();
        }
        let has_own = |process| has_own_network(dir.path(), process);
        assert!(has_own("93") && !has_own("92") && !has_own("94"));
    }
}
