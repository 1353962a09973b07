//! What the settings of a unit keep from the agent in it, whatever the modes of files say.

use super::unit::Unit;
use std::path::{Path, PathBuf};

/// What `ProtectHome=` is about.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];
/// What `PrivateTmp=` is about.
const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];

/// A setting that hides a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hidden {
    /// The setting as it stands.
    pub(super) by: String,
    /// What to do about it.
    pub(super) mend: String,
}

/// Whether a unit's settings hide a path, by its name or by where its links lead.
pub(super) fn hides(unit: &Unit, path: &Path) -> Option<Hidden> {
    let real = path.canonicalize().ok().filter(|real| real != path);
    [Some(path.to_owned()), real].into_iter().flatten().find_map(|path| hides_place(unit, &path))
}

fn hides_place(unit: &Unit, path: &Path) -> Option<Hidden> {
    let below = |tops: &[&str]| tops.iter().any(|top| path.starts_with(top));
    let is_bound = || ["BindPaths", "BindReadOnlyPaths"].iter().any(|setting| binds(unit, setting, path));
    let hidden = |by: String, mend: Option<String>| {
        let or =
            mend.map_or_else(String::new, |mend| format!(", or set {mend} (`systemctl edit {}`)", unit.name));
        Some(Hidden { by, mend: format!("have it elsewhere, such as below /var/log or /run{or}") })
    };
    let homes = unit.get("ProtectHome");
    // Below what is inaccessible no bind helps; below an empty directory one does.
    if below(&HOMES) && (homes == "yes" || homes == "tmpfs" && !is_bound()) {
        return hidden(format!("ProtectHome={homes}"), Some("ProtectHome=read-only".to_owned()));
    }
    let tmp = unit.get("PrivateTmp");
    if below(&TEMPORARY) && !matches!(tmp, "" | "no") && !is_bound() {
        // `DynamicUser=` implies it, whatever is said: what is needed has to be shown in there.
        let parent = path.parent().filter(|parent| !TEMPORARY.iter().any(|top| *parent == Path::new(top)));
        return hidden(
            format!("PrivateTmp={tmp}"),
            parent.map(|dir| format!("BindReadOnlyPaths={}", dir.display())),
        );
    }
    let hit = |setting| unit.words(setting).find(|word| path.starts_with(place(word)));
    if let Some(word) = hit("InaccessiblePaths") {
        return hidden(format!("InaccessiblePaths={word}"), Some("InaccessiblePaths= without it".to_owned()));
    }
    let word = hit("TemporaryFileSystem").filter(|_| !is_bound())?;
    let parent = path.parent().unwrap_or(path).display();
    hidden(format!("TemporaryFileSystem={word}"), Some(format!("BindReadOnlyPaths={parent}")))
}

/// The path of a word such as `-/srv` or `/srv:ro`.
fn place(word: &str) -> PathBuf {
    PathBuf::from(word.trim_start_matches(['-', '+']).split(':').next().unwrap_or_default())
}

/// Whether a bind mount of the unit's shows a path.
fn binds(unit: &Unit, setting: &str, path: &Path) -> bool {
    unit.words(setting).any(|word| {
        let mut parts = word.trim_start_matches('-').split(':');
        let from = parts.next().unwrap_or_default();
        path.starts_with(parts.next().filter(|to| !to.is_empty()).unwrap_or(from))
    })
}

/// The settings that counting packets needs and that do not hold.
pub(super) fn keeps_from_packets(unit: &Unit) -> Vec<&'static str> {
    let families = unit.get("RestrictAddressFamilies");
    let is_denied = match families.strip_prefix('~') {
        Some(denied) => denied.split_whitespace().any(|one| one == "AF_PACKET"),
        None => !families.is_empty() && !unit.has("RestrictAddressFamilies", "AF_PACKET"),
    };
    let private = |setting| !matches!(unit.get(setting), "" | "no");
    [
        (
            !unit.is_roots() && !unit.has("AmbientCapabilities", "cap_net_raw"),
            "AmbientCapabilities=CAP_NET_RAW",
        ),
        (!unit.has("CapabilityBoundingSet", "cap_net_raw"), "CapabilityBoundingSet=CAP_NET_RAW"),
        (is_denied, "RestrictAddressFamilies=AF_PACKET"),
        (private("PrivateUsers"), "PrivateUsers=no"),
        (private("PrivateNetwork"), "PrivateNetwork=no"),
    ]
    .into_iter()
    .filter_map(|(is_lacking, setting)| is_lacking.then_some(setting))
    .collect()
}

/// Whether a unit's settings hide other users' processes: the setting.
pub(super) fn hides_processes(unit: &Unit) -> Option<String> {
    let how = unit.get("ProtectProc");
    (!matches!(how, "" | "default")).then(|| format!("ProtectProc={how}"))
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    /// By which setting a path is hidden, and which one the mend names beside having it elsewhere.
    fn check(unit: &Unit, path: &str, expect: Option<(&str, &str)>) {
        let hidden = hides_place(unit, Path::new(path));
        assert_eq!(hidden.as_ref().map(|hidden| hidden.by.as_str()), expect.map(|(by, _)| by), "{path}");
        if let (Some(hidden), Some((_, mend))) = (hidden, expect) {
            let elsewhere = "have it elsewhere, such as below /var/log or /run";
            let or = format!(", or set {mend} (`systemctl edit highwater.service`)");
            let or = if mend.is_empty() { "" } else { &or };
            assert_eq!(hidden.mend, format!("{elsewhere}{or}"));
        }
    }

    const HOME: Option<(&str, &str)> = Some(("ProtectHome=yes", "ProtectHome=read-only"));

    #[test]
    fn the_packaged_unit_sees_neither_homes_nor_the_hosts_tmp() {
        let unit = golden::unit(golden::RUNNING);
        check(&unit, "/home/app/logs/access.log", HOME);
        check(&unit, "/root/pass", HOME);
        check(&unit, "/run/user/1000/haproxy.sock", HOME);
        check(&unit, "/tmp/tls.log", Some(("PrivateTmp=yes", "")));
        check(&unit, "/var/tmp/logs/tls.log", Some(("PrivateTmp=yes", "BindReadOnlyPaths=/var/tmp/logs")));
        check(&unit, "/var/log/nginx/access.log", None);
        check(&unit, "/homely/log", None);
    }

    #[test]
    fn settings_of_an_operators_own_count_and_so_do_binds_where_they_help() {
        let with = |lines: &str| golden::unit(&format!("{}{lines}", golden::RUNNING));
        check(&with("ProtectHome=read-only\n"), "/home/app/log", None);
        // systemd drops what would be mounted below an inaccessible place.
        let bound = with("BindReadOnlyPaths=/home/app:/home/app:rbind /tmp/logs:/tmp/logs:rbind\n");
        check(&bound, "/home/app/log", HOME);
        check(&bound, "/tmp/logs/tls.log", None);
        check(&bound, "/tmp/tls.log", Some(("PrivateTmp=yes", "")));
        check(&with("ProtectHome=tmpfs\nBindReadOnlyPaths=/home/app\n"), "/home/app/log", None);
        let shut = with("InaccessiblePaths=-/srv/secret\nTemporaryFileSystem=/opt:ro\n");
        let expect = ("InaccessiblePaths=-/srv/secret", "InaccessiblePaths= without it");
        check(&shut, "/srv/secret/log", Some(expect));
        check(&shut, "/opt/app/log", Some(("TemporaryFileSystem=/opt:ro", "BindReadOnlyPaths=/opt/app")));
    }

    #[test]
    fn counting_packets_needs_more_than_the_right_alone() {
        let unit = golden::unit(golden::RUNNING);
        assert_eq!(keeps_from_packets(&unit).len(), 4, "{:?}", keeps_from_packets(&unit));
        let with = |lines: &str| golden::unit(&format!("{}{}{lines}", golden::RUNNING, golden::WITH_KERNEL));
        assert!(keeps_from_packets(&with("")).is_empty());
        assert_eq!(keeps_from_packets(&with("PrivateUsers=yes\n")), ["PrivateUsers=no"]);
        assert_eq!(keeps_from_packets(&with("PrivateUsers=self\n")), ["PrivateUsers=no"]);
        assert_eq!(keeps_from_packets(&with("PrivateNetwork=yes\n")), ["PrivateNetwork=no"]);
        assert_eq!(
            keeps_from_packets(&with("RestrictAddressFamilies=~AF_PACKET AF_NETLINK\n")),
            ["RestrictAddressFamilies=AF_PACKET"]
        );
        assert!(keeps_from_packets(&with("RestrictAddressFamilies=~AF_NETLINK\n")).is_empty());
        assert!(keeps_from_packets(&with("DynamicUser=no\nUser=\nAmbientCapabilities=\n")).is_empty());
    }
}
