//! docs/air-gap.md, word for word: every command of it, at its place, in its order.

use crate::agent::Agent;
use crate::central::Central;
use crate::files::Tree;
use crate::programs::{self, CENTRAL};
use crate::tools::missing;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const BOOK: &str = "../docs/air-gap.md";
const DONE: &str = "-- done:";

/// Someone at a shell of one place, who stays there between the commands.
struct Shell {
    child: Child,
    typed: ChildStdin,
    shown: BufReader<ChildStdout>,
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn at_place(command: &mut Command, tree: &Tree, place: &str) {
    let bin = tree.at("bin");
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).env("XDG_STATE_HOME", tree.at(place));
    command.env("HIGHWATER_CONFIG", tree.at(&format!("{place}/highwater.toml")));
    command.current_dir(tree.at(place));
}

impl Shell {
    fn at(tree: &Tree, place: &str) -> Self {
        std::fs::create_dir_all(tree.at(place)).unwrap();
        let mut command = programs::command("bash");
        at_place(&mut command, tree, place);
        if place == "bastion" {
            command.env("HIGHWATER_CONFIG", "/nonexistent");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (typed, shown) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Shell { child, typed, shown }
    }

    /// Pastes commands, each of which has to succeed. Gives what was shown.
    fn paste(&mut self, commands: &str) -> String {
        // What fails ends the shell. A part of a pipe does not: nobody's shell is told so, and the page must not lean on it.
        writeln!(self.typed, "set -e\n{commands}\necho '{DONE}'").unwrap();
        let mut text = String::new();
        loop {
            let mut line = String::new();
            assert!(self.shown.read_line(&mut line).unwrap() > 0, "it failed: {commands}\nafter: {text}");
            if line.trim() == DONE {
                return text;
            }
            text.push_str(&line);
        }
    }
}

/// The blocks of the page that say where they belong, in their order.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => open = Some((kind.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, text)), None) => text.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    blocks
}

#[expect(clippy::disallowed_methods, reason = "a test reads the repository's own page")]
fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(BOOK)).unwrap()
}

/// Tokens are written, and for their owner only.
fn assert_private(tree: &Tree, names: &[&str]) {
    for name in names {
        let meta = std::fs::metadata(tree.at(name)).unwrap();
        assert!(meta.len() > 40 && meta.permissions().mode() & 0o077 == 0, "{name}: {meta:?}");
    }
}

#[test]
fn the_whole_round_by_hand_goes_as_the_documentation_says() {
    if missing(&[("bash", "--version"), ("curl", "--version"), ("hostname", "--version")]) {
        return;
    }
    let (tree, central) = (Tree::new(&[]), Central::start());
    for (name, program) in
        [("highwater", programs::agent().as_path()), ("highwater-central", CENTRAL.as_ref())]
    {
        std::fs::create_dir_all(tree.at("bin")).unwrap();
        std::os::unix::fs::symlink(program, tree.at(&format!("bin/{name}"))).unwrap();
    }
    std::fs::create_dir_all(tree.at("usb")).unwrap();
    let mut places = ["central", "bastion", "inside"].map(|place| (place, Shell::at(&tree, place)));
    let mut agent: Option<Agent> = None;
    let mut pasted = 0;
    for (kind, text) in blocks(&page()) {
        let text = text
            .replace("/media/usb", tree.at("usb").to_str().unwrap())
            .replace("https://central.example.com:8443", &central.url())
            .replace("/var/lib/highwater-central", central.data().to_str().unwrap());
        match kind.split_once(' ') {
            Some(("toml", place)) => {
                tree.write(&format!("{place}/highwater.toml"), text);
                let mut run = programs::command(programs::agent());
                at_place(&mut run, &tree, place);
                let mut running = Agent::spawn(run.env("HIGHWATER_SAMPLING__INTERVAL", "1s").arg("run"));
                running.slots(2);
                agent = Some(running);
            }
            Some(("sh", place)) => {
                let (_, shell) = places.iter_mut().find(|(name, _)| *name == place).unwrap();
                // Whoever pastes takes longer than the agent does.
                agent.iter_mut().for_each(|agent| drop(agent.slots(1)));
                shell.paste(&text);
                pasted += 1;
                if place == "central" {
                    assert_private(&tree, &["usb/join-token", "usb/service-token"]);
                }
            }
            _ => {}
        }
    }
    assert_eq!(pasted, 13, "a block of the page was left out, or one more must be looked at here");
    let mut status = programs::command(programs::agent());
    at_place(&mut status, &tree, "inside");
    let status = status.args(["status", "--json"]).output().unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(
        (&status["outbox"]["receipted"], &status["outbox"]["pending"]),
        (&1.into(), &0.into()),
        "{status}"
    );
    assert_eq!(
        (&status["licence"]["state"], &status["gate"]["state"]),
        (&"valid".into(), &"open".into()),
        "{status}"
    );
    assert_eq!(central.reports().len(), 1);
    agent.unwrap().stop();
}
