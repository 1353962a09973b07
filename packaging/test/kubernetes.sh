#!/bin/bash
# kubernetes.sh WORK ETCD API_SERVER KUBECTL AGENT CENTRAL [STEP...]
#
# The agent against a real API server with RBAC on: what it reads of pods, what it keeps in the cluster, and what it makes of an API
# server that denies, hangs or is away. `cargo xtask kubernetes` makes what it needs. Everything is on loopback and in WORK, an
# empty folder; a real central takes the agents' reports. Ends with 0 only where everything held.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
WORK=$1 ETCD=$2 API_SERVER=$3 KUBECTL=$4 AGENT=$5 CENTRAL=$6
shift 6
unset "${!HIGHWATER_@}" "${!KUBERNETES_@}" KUBECONFIG http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
umask 077

. "$here/kubernetes/plane.sh"
. "$here/kubernetes/agents.sh"
. "$here/kubernetes/figures.sh"
. "$here/kubernetes/faults.sh"
. "$here/kubernetes/cluster.sh"

STEPS='figures change many scraped denied away trust crowded token licence handover told doctor replaced'
NAMESPACE=highwater CLUSTER_ROLE=highwater ROLE=highwater
# The rendered manifest, where there is one: what its DaemonSet would run is run by hand.
MANIFEST=$here/../kubernetes/highwater.yaml
[ -f "$MANIFEST" ] || MANIFEST=$here/kubernetes/objects.yaml
BEGAN=$EPOCHREALTIME
HELD=0 SKIPPED=0

since() { awk -v a="$BEGAN" -v b="$EPOCHREALTIME" 'BEGIN { printf "%6.1f s", b - a }'; }
say() { echo "$(since)  $*"; }
# What was checked and held; what this API server has no way to show.
held() { HELD=$((HELD + 1)) && say "held     $*"; }
skipped() { SKIPPED=$((SKIPPED + 1)) && say "skipped  $*"; }
fail() {
	say "BROKEN   $*" >&2
	agents_last >&2
	exit 1
}
# expect WHAT ACTUAL WANTED
expect() { [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"; }
# expect_in WHAT TEXT PATTERN (extended, of one line)
expect_in() { grep -Eq -- "$3" <<<"$2" || fail "$1 lacks '$3': $2"; }

# wait_for TENTHS COMMAND...: until it succeeds, at most so long; says whether it did.
wait_for() {
	local n=0 tenths=$1
	shift
	until "$@"; do
		n=$((n + 1))
		[ "$n" -le "$tenths" ] || return 1
		sleep 0.1
	done
}
# await TENTHS WHAT COMMAND...: the same, where nothing else will do.
await() {
	local tenths=$1 what=$2
	shift 2
	wait_for "$tenths" "$@" || fail "not within $((tenths / 10)) s: $what"
}

# A port of loopback that nobody listens at, below those that are handed out to clients.
free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# Processes that run, by id: what is started is ended by the round, and nothing else is.
RUNNING=' '
started() { RUNNING="$RUNNING$1 "; }
ended() { RUNNING=${RUNNING/ $1 / }; }
end() {
	local status=$? one
	trap - EXIT
	for one in $RUNNING; do
		kill -KILL "$one" 2>/dev/null || true
		wait "$one" 2>/dev/null || true
	done
	exit "$status"
}
trap end EXIT
trap 'exit 130' INT TERM

plane_make
etcd_start
api_start
say "a control plane: $("$API_SERVER" --version), $("$ETCD" --version | head -n 1), RBAC on, at $API"
world_make
central_start
say "central: $("$CENTRAL" --version), at $CENTRAL_URL"

# shellcheck disable=SC2086 # a list
[ $# -gt 0 ] || set -- $STEPS
for step; do
	say "-- $step"
	"step_$step"
done
say "$HELD held, $SKIPPED skipped"
