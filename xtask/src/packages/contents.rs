//! What is in a package, held to what has to be there: a file that stands for another is no file.

use super::program::Program;
use crate::shell;
use anyhow::{Context as _, bail};
use std::path::Path;

/// A file of a package: its path, and its bytes.
type Packed = (String, u64);

/// What a package has to hold: what it is, how its path begins and ends (`{}` is the program), its least bytes, and of how many.
struct Kind {
    what: &'static str,
    starts: &'static str,
    ends: &'static [&'static str],
    least: u64,
    count: usize,
}

/// A man page is of some 450 bytes at least, packed; completions are of 20 KiB and more, and the texts of licences of 300.
const KINDS: [Kind; 6] = [
    Kind { what: "program", starts: "/usr/bin/{}", ends: &[""], least: 1 << 20, count: 1 },
    Kind {
        what: "unit",
        starts: "/usr/lib/systemd/system/{}",
        ends: &[".service"],
        least: 1 << 10,
        count: 1,
    },
    Kind {
        what: "man page",
        starts: "/usr/share/man/man1/{}",
        ends: &[".1", ".1.gz"],
        least: 300,
        count: 15,
    },
    Kind {
        what: "completions",
        starts: "/usr/share/",
        ends: &["completions/{}", "completions.d/{}.fish", "completions/_{}", "site-functions/_{}"],
        least: 8 << 10,
        count: 3,
    },
    Kind {
        what: "licence",
        starts: "/usr/share/",
        ends: &["/{}/copyright", "/{}/LICENSE"],
        least: 8 << 10,
        count: 1,
    },
    Kind {
        what: "licences of others",
        starts: "/usr/share/",
        ends: &["/{}/THIRD-PARTY-LICENCES"],
        least: 64 << 10,
        count: 1,
    },
];
/// Where nothing may lie that is not of one of those kinds.
const CLOSED: [&str; 2] = ["/usr/bin/", "/usr/share/man/"];

/// Holds a Debian package to what has to be in it.
pub(super) fn hold_deb(program: Program, file: &Path) -> anyhow::Result<()> {
    let listing = shell::run("dpkg-deb", &["--contents", plain(file)?])?;
    // MODE OWNER SIZE DATE TIME ./PATH
    let files = listing.lines().filter(|line| line.starts_with('-')).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Some((words.get(5)?.trim_start_matches('.').to_owned(), words.get(2)?.parse().ok()?))
    });
    judge(program, file, &files.collect::<Vec<_>>())
}

/// Holds an RPM package to what has to be in it.
pub(super) fn hold_rpm(program: Program, file: &Path) -> anyhow::Result<()> {
    let query = ["--query", "--package", "--queryformat", "[%{FILESIZES} %{FILENAMES}\\n]", plain(file)?];
    let listing = shell::run("rpm", &query)?;
    let files = listing.lines().filter_map(|line| {
        let (size, path) = line.split_once(' ')?;
        Some((path.to_owned(), size.parse().ok()?))
    });
    judge(program, file, &files.collect::<Vec<_>>())
}

fn plain(file: &Path) -> anyhow::Result<&str> {
    file.to_str().context("the target folder's path is no plain text")
}

fn judge(program: Program, file: &Path, files: &[Packed]) -> anyhow::Result<()> {
    let faults = faults(program.name(), files);
    if !faults.is_empty() {
        bail!("{}: {}", file.display(), faults.join("; "));
    }
    Ok(())
}

/// What is wrong with the files of a program's package.
fn faults(name: &str, files: &[Packed]) -> Vec<String> {
    let mut faults = Vec::new();
    for kind in &KINDS {
        let found: Vec<&Packed> = files.iter().filter(|(path, _)| kind.is(name, path)).collect();
        if found.len() < kind.count {
            faults.push(format!("{} of its {} at least: {}", found.len(), kind.count, kind.what));
        }
        for (path, bytes) in found.into_iter().filter(|(_, bytes)| *bytes < kind.least) {
            faults.push(format!("{path} has {bytes} bytes, which is no {}", kind.what));
        }
    }
    let foreign = |path: &str| {
        CLOSED.iter().any(|folder| path.starts_with(folder)) && !KINDS.iter().any(|kind| kind.is(name, path))
    };
    faults.extend(
        files.iter().filter(|(path, _)| foreign(path)).map(|(path, _)| format!("{path} is not of {name}")),
    );
    faults
}

impl Kind {
    fn is(&self, name: &str, path: &str) -> bool {
        let of = |pattern: &str| pattern.replace("{}", name);
        match path.strip_prefix(&of(self.starts)) {
            // Only the program has no ending: nothing may follow its name.
            Some(rest) if self.ends == [""] => rest.is_empty(),
            Some(rest) => self.ends.iter().any(|end| rest.ends_with(&of(end))),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Vec<Packed> {
        let mut files: Vec<Packed> = [
            ("/usr/bin/highwater", 5_000_000),
            ("/usr/lib/systemd/system/highwater.service", 2_000),
            ("/usr/share/bash-completion/completions/highwater", 44_000),
            ("/usr/share/fish/vendor_completions.d/highwater.fish", 36_000),
            ("/usr/share/zsh/vendor-completions/_highwater", 36_000),
            ("/usr/share/doc/highwater/copyright", 11_000),
            ("/usr/share/doc/highwater/THIRD-PARTY-LICENCES", 314_000),
            ("/usr/share/doc/highwater/examples/README.md", 900),
        ]
        .map(|(path, bytes)| (path.to_owned(), bytes))
        .to_vec();
        files.extend((0..15).map(|n| (format!("/usr/share/man/man1/highwater-{n}.1.gz"), 450)));
        files
    }

    fn check(change: impl FnOnce(&mut Vec<Packed>), expect: &[&str]) {
        let mut files = whole();
        change(&mut files);
        assert_eq!(faults("highwater", &files), expect);
    }

    #[test]
    fn a_package_is_whole_or_says_what_stands_for_what_is_missing() {
        check(|_| {}, &[]);
        check(
            |files| files[2].1 = 2,
            &["/usr/share/bash-completion/completions/highwater has 2 bytes, which is no completions"],
        );
        check(
            |files| files[6].1 = 2,
            &["/usr/share/doc/highwater/THIRD-PARTY-LICENCES has 2 bytes, which is no licences of others"],
        );
        check(
            |files| {
                files.remove(1);
            },
            &["0 of its 1 at least: unit"],
        );
    }

    #[test]
    fn another_programs_man_page_is_none_of_this_one() {
        let page = "/usr/share/man/man1/x.1.gz";
        check(|files| files.push((page.to_owned(), 450)), &[&format!("{page} is not of highwater")]);
        check(
            |files| files.push(("/usr/bin/highwater-x".to_owned(), 2 << 20)),
            &["/usr/bin/highwater-x is not of highwater"],
        );
    }
}
