# A guest: Debian's own systemd, booted from a tree that stays as it is. Sourced by round.sh.
#
# Every boot is one in earnest for who looks at the clocks: a time namespace of its own, in which the clocks since boot begin
# near 0, and a boot id of its own. What the guest writes goes to an overlay in memory, which goes with it.

GUEST='' GUEST_WORK='' GUEST_INIT='' GUEST_CGROUPS=''

# guest_make TREE: lays the overlay over the tree. Sets $GUEST, the guest's root as a path here.
guest_make() {
	GUEST_WORK=$(mktemp -d)
	GUEST_NAME=highwater-$$
	mount -t tmpfs -o size=1g,mode=0700 highwater-guest "$GUEST_WORK"
	mkdir "$GUEST_WORK/written" "$GUEST_WORK/overlay" "$GUEST_WORK/root"
	GUEST=$GUEST_WORK/root
	mount -t overlay highwater-guest "$GUEST" \
		-o "lowerdir=$1,upperdir=$GUEST_WORK/written,workdir=$GUEST_WORK/overlay"
	: >"$GUEST/etc/machine-id"
	mkdir -p "$GUEST/etc/systemd/journald.conf.d"
	printf '[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\n' >"$GUEST/etc/systemd/journald.conf.d/round.conf"
	# systemd in the guest wants a subtree of its own in each hierarchy that systemd uses here.
	local one
	for one in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
		if [ -e "$one/cgroup.procs" ]; then GUEST_CGROUPS="$GUEST_CGROUPS $one/$GUEST_NAME"; fi
	done
}

# guest_boot: boots it, and waits until systemd has started what it starts.
guest_boot() {
	local up one
	up=$(cut -d. -f1 /proc/uptime)
	# shellcheck disable=SC2086 # a list
	mkdir -p $GUEST_CGROUPS
	(
		for one in $GUEST_CGROUPS; do echo "$BASHPID" >"$one/cgroup.procs"; done
		exec setsid unshare --time --boottime "-$up" --monotonic "-$up" --fork --kill-child \
			systemd-nspawn --quiet --directory "$GUEST" --boot --register=no --keep-unit --network-veth \
			--machine="$GUEST_NAME" --console=pipe </dev/null >>"$GUEST_WORK/boot.log" 2>&1
	) &
	GUEST_NSPAWN=$!
	wait_for 300 guest_has_begun
	# It says "degraded" where a unit of the tree's own can't start in a container: that is no matter here.
	guest timeout 60 systemctl is-system-running --wait >/dev/null || true
}

# Whether systemd in the guest can be spoken with. Its init is the child of nspawn, which is the child of unshare.
guest_has_begun() {
	local nspawn
	nspawn=$(child_of "$GUEST_NSPAWN")
	[ -n "$nspawn" ] || return 1
	GUEST_INIT=$(child_of "$nspawn")
	[ -n "$GUEST_INIT" ] && [ -S "/proc/$GUEST_INIT/root/run/systemd/private" ]
}

child_of() {
	awk '{print $1}' "/proc/$1/task/$1/children" 2>/dev/null
}

# guest COMMAND...: runs it as root in the guest.
guest() {
	nsenter --target "$GUEST_INIT" --mount --uts --ipc --net --pid --cgroup --time --root --wd \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb SYSTEMD_COLORS=0 \
		DEBIAN_FRONTEND=noninteractive "$@"
}

# guest_halt: shuts it down in order, as a host does.
guest_halt() {
	[ -n "$GUEST_INIT" ] || return 0
	local n=0
	kill -s RTMIN+4 "$GUEST_INIT" 2>/dev/null || true
	# One that does not end within 30 s is ended: nothing of a round may outlive it.
	while kill -0 "$GUEST_NSPAWN" 2>/dev/null; do
		n=$((n + 1))
		[ "$n" -le 300 ] || kill -KILL "$GUEST_INIT" "$GUEST_NSPAWN" 2>/dev/null || true
		sleep 0.1
	done
	wait "$GUEST_NSPAWN" 2>/dev/null || true
	GUEST_INIT=
}

# guest_remove: ends it whatever its state, and takes all of it away.
guest_remove() {
	local one
	guest_halt
	[ -n "$GUEST_WORK" ] || return 0
	umount "$GUEST" 2>/dev/null || true
	umount "$GUEST_WORK" && rmdir "$GUEST_WORK"
	for one in $GUEST_CGROUPS; do
		find "$one" -depth -type d -exec rmdir {} \; 2>/dev/null || true
	done
}

# wait_for TENTHS COMMAND...: until it succeeds, at most so long; then the round has failed.
wait_for() {
	local tenths=$1 n=0
	shift
	until "$@"; do
		n=$((n + 1))
		[ "$n" -le "$tenths" ] || fail "waited $((tenths / 10)) s in vain for: $*"
		sleep 0.1
	done
}
