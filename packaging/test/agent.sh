# The agent's own steps of the round. Sourced by round.sh.

STATE=/var/lib/highwater
UNIT=highwater.service

# packages ARGUMENT...: apt-get in the guest, heard only where it fails.
packages() {
	guest apt-get -qq "$@" >"$GUEST_WORK/apt.log" 2>&1 || fail "apt-get $*: $(cat "$GUEST_WORK/apt.log")"
}
# The value of a key of `highwater status`.
status() { guest highwater status --json | value "$1"; }
# The plain value of a key of JSON on one line.
value() { sed -nE "s/.*\"$1\":\"?([^\",}]*).*/\1/p"; }
property() { guest systemctl show --value --property "$1" ${2:-$UNIT}; }
slots() { status slots_written; }
has_slots() { [ "$(slots 2>/dev/null || echo 0)" -ge "$1" ]; }
is_active() { [ "$(property ActiveState "${1:-}")" = active ]; }
is_active_as_another() { is_active && [ "$(property MainPID)" != "$1" ]; }
is_not_active() { [ "$(property ActiveState "$1")" = inactive ]; }
ledger_is_whole() {
	guest highwater verify >/dev/null || fail "the ledger does not verify: $1"
}

# Slots of one second show in seconds what five minutes show in a day. It is the operator's change of the conffile.
one_second_slots() {
	guest sed -i 's/^interval = "5m"/interval = "1s"/' /etc/highwater/highwater.toml
	guest systemctl restart $UNIT
	wait_for 100 has_slots 3
}

round_install() {
	cp "$agent" "$newer" "$central" "$GUEST/root/"
	packages install "/root/${agent##*/}"
	wait_for 100 is_active
	expect "the unit after the installation" "$(guest systemctl is-enabled $UNIT)" enabled
	expect "what the package needs" "$(guest dpkg-query -W -f '${Depends}' highwater | sed 's/ (.*)//')" libc6
	local size
	size=$(stat -c %s "$agent")
	[ "$size" -lt 3145728 ] || fail "the package has $size bytes, of 3 MiB at most"
	say "installed: ${agent##*/}, $((size / 1024)) KiB, needs $(guest dpkg-query -W -f '${Depends}' highwater)"

	round_start
	one_second_slots
}

# From the program's start to the loop's first turn, which samples what is due. The least of a few counts: the first makes the
# ledger, and others may be at work on this machine.
round_start() {
	local least ms n
	least=$(ready_ms)
	say "ready $least ms after its first start"
	for n in 1 2 3; do
		guest systemctl restart $UNIT
		ms=$(ready_ms)
		[ "$ms" -ge "$least" ] || least=$ms
	done
	[ "$least" -lt 100 ] || fail "ready $least ms after its start, of 100 at most"
	say "ready $least ms after its start, at best of $((n + 1))"
}
ready_ms() {
	expect "how the unit tells that it is ready" "$(property Type)" notify
	echo $((($(property ActiveEnterTimestampMonotonic) - $(property ExecMainStartTimestampMonotonic)) / 1000))
}

round_look() {
	expect_in "the status" "$(guest highwater status)" '^agent +highwater .*running'
	expect_in "systemctl's status line" "$(property StatusText)" 'days of grace left, last sample [0-9:]+Z, '
	expect_in "the gate by its file, as another user" "$(guest setpriv --reuid 65534 --regid 65534 --clear-groups highwater gate)" '^open'
	expect_in "the gate by its socket, as another user" \
		"$(guest setpriv --reuid 65534 --regid 65534 --clear-groups highwater gate --socket /run/highwater/gate.sock)" '^open'
	expect_in "the status file" "$(guest cat /run/highwater/gate.json)" '"may_run":true'
	guest setpriv --reuid 65534 --regid 65534 --clear-groups cat $STATE/ledger.db >/dev/null 2>&1 &&
		fail "another user may read the ledger"
	say "status, status line, gate by file and by socket as another user: as told"

	local entry
	entry=$(guest journalctl -u $UNIT -o json --lines 1 EVENT=sampled)
	expect_in "a sample's entry in the journal" "$entry" '"PRIORITY":"6"'
	expect_in "a sample's entry in the journal" "$entry" '"MESSAGE":"[^"]*sampled'
	expect_in "a sample's entry in the journal" "$entry" '"HIGHWATER_AT":"[0-9T:-]+Z"'
	expect_in "a sample's entry in the journal" "$entry" '"HIGHWATER_RAM_CAPACITY":"[0-9]+"'
	say "journal: EVENT, PRIORITY, MESSAGE, HIGHWATER_AT, HIGHWATER_RAM_CAPACITY"
}

round_kill() {
	local pid before
	pid=$(property MainPID) before=$(slots)
	guest kill -KILL "$pid"
	# RestartSec= passes first.
	wait_for 300 is_active_as_another "$pid"
	wait_for 100 has_slots $((before + 3))
	ledger_is_whole "after kill -KILL"
	say "killed: begun again, $before slots before, $(slots) now, one unbroken chain"
}

# A configuration with a mistake fails the reload, and the agent goes on with the one that it has.
round_reload() {
	local pid before
	pid=$(property MainPID) before=$(slots)
	guest sed -i 's/^interval = /intervall = /' /etc/highwater/highwater.toml
	guest systemctl reload $UNIT 2>/dev/null && fail "a broken configuration is reloaded"
	expect_in "the journal" "$(guest journalctl --no-pager -u $UNIT --lines 20)" 'unknown key "intervall"'
	is_active || fail "the agent went with the reload that failed"
	expect "the process after the reload that failed" "$(property MainPID)" "$pid"
	guest sed -i 's/^intervall = /interval = /' /etc/highwater/highwater.toml
	guest systemctl reload $UNIT
	wait_for 100 has_slots $((before + 2))
	say "reloaded: a broken configuration is refused and said, the mended one taken"
}

# A loop that hangs. The unit's own periods are long; the mechanism is the same with a short one.
round_watchdog() {
	local pid before restarts
	[ "$(property WatchdogUSec)" != 0 ] || fail "the unit has no watchdog"
	guest mkdir -p /run/systemd/system/$UNIT.d
	guest sh -c "printf '[Service]\nWatchdogSec=2s\nRestartSec=1s\n' > /run/systemd/system/$UNIT.d/round.conf"
	guest systemctl daemon-reload
	guest systemctl restart $UNIT
	wait_for 100 is_active
	pid=$(property MainPID)
	# Two periods and more: one that turns is left alone.
	sleep 5
	expect "the process while its loop turns" "$(property MainPID)" "$pid"
	before=$(slots) restarts=$(property NRestarts)
	guest kill -STOP "$pid"
	wait_for 150 is_active_as_another "$pid"
	wait_for 100 has_slots $((before + 3))
	[ "$(property NRestarts)" -gt "$restarts" ] || fail "systemd did not begin it again"
	expect_in "the journal" "$(guest journalctl --no-pager -u $UNIT --lines 60)" 'Watchdog timeout'
	ledger_is_whole "after the watchdog"
	guest rm -r /run/systemd/system/$UNIT.d
	guest systemctl daemon-reload
	guest systemctl restart $UNIT
	say "hung: ended by the watchdog, begun again, nothing lost"
}

round_reboot() {
	local before instance
	before=$(slots) instance=$(status instance)
	guest_halt
	sleep 2
	guest_boot
	wait_for 100 is_active
	wait_for 100 has_slots $((before + 3))
	expect "the instance after the boot" "$(status instance)" "$instance"
	expect_in "today's gaps" "$(guest highwater status)" '[0-9]+ host_down'
	ledger_is_whole "after the boot"
	say "booted again: $(guest highwater status | grep -Eo '[0-9]+ host_down' | head -1)"
}

round_upgrade() {
	local before instance pid old
	before=$(slots) instance=$(status instance) pid=$(property MainPID)
	old=$(guest dpkg-query -W -f '${Version}' highwater)
	packages install "/root/${newer##*/}"
	wait_for 100 is_active_as_another "$pid"
	wait_for 100 has_slots $((before + 3))
	expect "the instance after the upgrade" "$(status instance)" "$instance"
	expect "the operator's change of the configuration" \
		"$(guest grep -c '^interval = "1s"' /etc/highwater/highwater.toml)" 1
	ledger_is_whole "after the upgrade"
	say "upgraded: $old to $(guest dpkg-query -W -f '${Version}' highwater), same ledger, same configuration"
}

# The state directory is lost with the agent's whole memory: it begins anew, as another instance.
round_lost() {
	local instance
	instance=$(status instance)
	guest systemctl stop $UNIT
	guest find $STATE/ -mindepth 1 -delete
	guest systemctl start $UNIT
	wait_for 100 is_active
	wait_for 100 has_slots 2
	[ "$(status instance)" != "$instance" ] || fail "the instance came back without its state"
	expect_in "the gate of the new instance" "$(guest highwater gate)" '^open: 90 days'
	ledger_is_whole "begun anew"
	say "state lost: begun anew, as another instance"
}

round_remove() {
	packages remove highwater highwater-central
	guest test ! -e /usr/bin/highwater || fail "the program is still there after the removal"
	guest test -s $STATE/ledger.db || fail "the removal took the ledger"
	guest test -s /etc/highwater/highwater.toml || fail "the removal took the configuration"
	say "removed: ledger and configuration are kept"
}

round_purge() {
	packages purge highwater highwater-central
	rm -f "$GUEST"/root/highwater*.deb
	local left
	left=$(guest find / -xdev \( -path /proc -o -path /sys \) -prune -o -name '*highwater*' -print
		guest find /run /tmp /var/tmp -name '*highwater*')
	[ -z "$left" ] || fail "the purge left: $left"
	expect "what dpkg still knows" "$(guest dpkg-query -l | grep -c highwater || true)" 0
	say "purged: nothing is left"
}
