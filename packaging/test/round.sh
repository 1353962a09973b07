#!/bin/bash
# round.sh TREE AGENT.deb NEWER.deb CENTRAL.deb
#
# The whole life of a packaged agent under a booted systemd: installed by the README's words, watched, killed, reloaded, hung, rebooted,
# upgraded, its gate closed and opened by a real central, removed and purged. `cargo xtask boot` makes what it needs.
# Needs root and Debian's systemd-container. TREE is not changed. Ends with 0 only where everything held.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$1 agent=$2 newer=$3 central=$4
unset "${!HIGHWATER_@}"

. "$here/guest.sh"
. "$here/agent.sh"
. "$here/gated.sh"
. "$here/doctor.sh"

BEGAN=$EPOCHREALTIME
since() { awk -v a="$BEGAN" -v b="$EPOCHREALTIME" 'BEGIN { printf "%6.1f s", b - a }'; }
say() { echo "$(since)  $*"; }
fail() {
	echo "$(since)  FAILED: $*" >&2
	if [ -n "${GUEST_INIT:-}" ]; then
		guest journalctl --no-pager --lines 200 -u highwater -u highwater-central -u product -u product-gate |
			grep -v 'event=sampled' | tail -n 40 >&2 || true
		guest systemctl --no-pager --lines 0 status highwater >&2 || true
	fi
	exit 1
}
# expect WHAT ACTUAL WANTED
expect() { [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"; }
# expect_in WHAT TEXT PATTERN (extended, of one line)
expect_in() { grep -Eq -- "$3" <<<"$2" || fail "$1 lacks '$3': $2"; }

end() {
	local status=$?
	trap - EXIT
	guest_remove
	exit "$status"
}
trap end EXIT
trap 'exit 130' INT TERM
guest_make "$tree"
guest_boot
say "booted: $(guest systemctl --version | head -1)"

round_install
round_look
round_doctor
round_kill
round_reload
round_watchdog
round_reboot
round_upgrade
round_central
round_joined
round_product
round_stopped
round_missing
round_gated
round_lost
round_remove
round_purge
say "everything held"
