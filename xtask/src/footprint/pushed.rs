//! What the agent holds on to after a push: it is started, joined to a real central, and asked to push.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::Signal;

use super::process::{Line, Memory, Running};
use crate::shell;
use crate::time;

/// How long anything here may take, on a machine however busy.
const BOUND: Duration = Duration::from_secs(40);
/// Pushes before it is measured: the allocator keeps what the first ones needed.
const PUSHES: u32 = 4;

/// The agent's memory and threads, idle after some pushes.
pub(super) fn measure(agent: &Path, work: &Path) -> anyhow::Result<Memory> {
    let folder = work.join("pushed");
    shell::fresh_folder(&folder)?;
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--locked", "-p", "highwater-central"])
        .current_dir(shell::repository())
        .status();
    if !built.context("cannot run cargo")?.success() {
        bail!("central can't be built");
    }
    let central = shell::target()?.join("debug/highwater-central");
    let data = folder.join("central");
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let (program, data) = (path(&central), path(&data));
    let arguments = ["serve", "--json", "--listen", "127.0.0.1:0", "--data-dir", &data];
    let line =
        Line { program: central, arguments: arguments.map(Into::into).to_vec(), environment: Vec::new() };
    let mut central = Running::start(&line, &[], &folder.join("central.log"))?;
    let ready = time::wait_for(BOUND, || central.said().contains("\"url\"").then(|| central.said()));
    let ready = ready.context("central does not start")?;
    let (url, ca) = (text(&ready, "url")?, text(&ready, "ca_file")?);
    let made = ["contract", "create", "--product", "P", "--customer", "C", "--json", "--data-dir", &data];
    let contract = text(&shell::run(&program, &made)?, "contract")?;
    let made = ["token", "create", "--contract", &contract, "--json", "--data-dir", &data];
    let token = folder.join("token");
    std::fs::write(&token, text(&shell::run(&program, &made)?, "token")?)
        .context("cannot write the token")?;

    let state = folder.join("state");
    let environment = vec![
        ("HIGHWATER_STATE_DIR", state.clone().into_os_string()),
        ("HIGHWATER_SAMPLING__INTERVAL", "1s".into()),
    ];
    let line = Line { program: agent.to_path_buf(), arguments: vec!["run".into()], environment };
    let mut running = Running::start(&line, &[], &folder.join("agent.log"))?;
    let sampled = time::wait_for(BOUND, || running.said().contains("event=sampled").then_some(()));
    sampled.context("the agent takes no sample")?;
    let ask = |arguments: &[&str]| {
        let program = path(agent);
        let state = path(&state);
        let all = [&["HIGHWATER_SAMPLING__INTERVAL=1s", &program, "--state-dir", &state], arguments].concat();
        shell::run("env", &all)
    };
    ask(&["activate", "--central", &url, "--ca-file", &ca, "--token-file", &path(&token)])?;
    for _ in 0..PUSHES {
        ask(&["push", "--open-day"])?;
    }
    let idle = time::wait_for(BOUND, || running.memory().ok().filter(|memory| memory.threads <= 1.0));
    let memory = idle.map_or_else(|| running.memory(), Ok)?;
    if running.said().matches("event=report_accepted").count() < PUSHES as usize {
        bail!("the pushes did not get through: {}", running.said());
    }
    running.stop(Signal::SIGTERM)?;
    central.stop(Signal::SIGTERM)?;
    Ok(memory)
}

/// The text of a key in JSON that has no escapes in it.
fn text(json: &str, key: &str) -> anyhow::Result<String> {
    let after = json.split(&format!("\"{key}\":")).nth(1).with_context(|| format!("no {key} in {json}"))?;
    after.split('"').nth(1).map(str::to_owned).with_context(|| format!("no text at {key} in {json}"))
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn a_text_is_found_by_its_key() {
        let json = r#"{"url": "https://x:1","ca_file":"/y"}"#;
        assert_eq!(text(json, "url").unwrap(), "https://x:1");
        assert_eq!(text(json, "ca_file").unwrap(), "/y");
        assert!(text(json, "token").is_err());
    }
}
