//! `cargo xtask`: what plain cargo does not do. One module a subcommand.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a developer's tool talks on its terminal")]

mod assets;
mod boot;
mod check;
mod footprint;
mod fuzz;
mod kubernetes;
mod packages;
mod shell;
mod time;

use std::process::ExitCode;

const HELP: &str = "\
What plain cargo does not do.

Usage: cargo xtask COMMAND [OPTIONS]

Commands:
  test        run all tests, then hold the release binary to its limits; installs what they need when root
  ci          format, lints, documentation and licences, then `test`
  assets      write completions and man pages (--check: only say whether they are up to date)
  fuzz        fuzz the parsers for a minute each: fuzz [TARGET] [SECONDS]
  footprint   measure the agent beside its floors and its peers, or hold it to its limits (--gate)
  deb         make the Debian packages: deb [agent|central]
  rpm         make the RPM packages: rpm [agent|central]
  tarball     make the tarball of a static agent
  image       make the agent's container image, or run its tree where no tool for images works
  boot        install, kill, hang, reboot, upgrade and purge the packages under a booted systemd, as root
  kubernetes  run the agent against a real API server and etcd: figures, faults, licence and lease
  help        print this text; COMMAND --help tells more of one command";

fn main() -> ExitCode {
    match dispatch() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    match command.as_deref() {
        Some("test") => check::test(&rest),
        Some("ci") => check::ci(&rest),
        Some("assets") => assets::main(&rest),
        Some("fuzz") => fuzz::main(&rest),
        Some("footprint") => footprint::main(&rest),
        Some("deb") => packages::deb(&rest),
        Some("rpm") => packages::rpm(&rest),
        Some("tarball") => packages::tarball(&rest),
        Some("image") => packages::image(&rest),
        Some("boot") => boot::main(&rest),
        Some("kubernetes") => kubernetes::main(&rest),
        Some("help" | "--help" | "-h") | None => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        Some(other) => anyhow::bail!("no command named {other}; try `cargo xtask help`"),
    }
}
