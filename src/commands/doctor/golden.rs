//! What `systemctl show` printed of the packaged unit under systemd 252, for the tests.

use super::unit::Unit;

/// Started once and running.
pub(super) const RUNNING: &str = "MainPID=93
Result=success
NRestarts=0
ExecMainCode=0
ExecMainStatus=0
CapabilityBoundingSet=
AmbientCapabilities=
User=highwater
Group=highwater
DynamicUser=yes
SupplementaryGroups=
InaccessiblePaths=
PrivateTmp=yes
PrivateNetwork=no
PrivateUsers=yes
ProtectHome=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
StateDirectory=highwater
BindPaths=
BindReadOnlyPaths=
TemporaryFileSystem=
ProtectProc=invisible
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/lib/systemd/system/highwater.service
DropInPaths=
UnitFileState=enabled
ActiveEnterTimestampMonotonic=7668157
NeedDaemonReload=no
";

/// What it shows otherwise with the drop-in kernel.conf. Of two lines with one name the later counts.
pub(super) const WITH_KERNEL: &str = "CapabilityBoundingSet=cap_net_raw
AmbientCapabilities=cap_net_raw
PrivateUsers=no
RestrictAddressFamilies=AF_INET AF_INET6 AF_PACKET AF_UNIX
DropInPaths=/etc/systemd/system/highwater.service.d/kernel.conf
";

/// What it shows otherwise where a drop-in names a group that is not there.
pub(super) const WITHOUT_GROUP: &str = "MainPID=0
Result=exit-code
NRestarts=2
ExecMainCode=1
ExecMainStatus=216
SupplementaryGroups=haproxy adm
ActiveState=activating
SubState=auto-restart
DropInPaths=/etc/systemd/system/highwater.service.d/haproxy-socket.conf /etc/systemd/system/highwater.service.d/logs.conf
";

/// The unit that such a text tells of.
pub(super) fn unit(shown: &str) -> Unit {
    Unit::parse("highwater.service", shown).unwrap()
}
