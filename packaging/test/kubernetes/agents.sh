# The agents of the round, one a node, and the central that they report to. Sourced by kubernetes.sh.

CENTRAL_URL='' CENTRAL_PORT='' CENTRAL_PID='' CONTRACT=''
# The length of a slot: more than the source's timeout, so that a hang is a gap of its own slot.
SLOT_S=5

# The cluster's objects beside the pods: the chart's, as far as an API server alone can tell them.
world_make() {
	await 300 "the namespace kube-system" kube_system_is_there
	k create namespace shop >/dev/null
	k create namespace $NAMESPACE >/dev/null
	world_objects
	apply "$here/kubernetes/pods.yaml"
	local node
	for node in node-a node-b; do node_status $node "$(system_uuid $node)"; done
	local pod
	for pod in one-limit two-limits not-metered elsewhere; do pod_phase $pod Running; done
	pod_phase "done" Succeeded
	pod_phase failed Failed
}
kube_system_is_there() { k get namespace kube-system >/dev/null 2>&1; }
# node_status NODE UUID: what a kubelet tells of a machine of 32 GiB.
node_status() {
	local memory='"capacity":{"cpu":"8","memory":"32Gi","pods":"110"},"allocatable":{"cpu":"8","memory":"31457280Ki","pods":"110"}'
	local info='"machineID":"","bootID":"","kernelVersion":"6.1.0","osImage":"Debian GNU/Linux 12","containerRuntimeVersion":"containerd://1.6.20","kubeletVersion":"v1.36.2","kubeProxyVersion":"","operatingSystem":"linux","architecture":"amd64"'
	patch_status node "$1" '{"status":{'"$memory"',"nodeInfo":{"systemUUID":"'"$2"'",'"$info"'}}}'
}
system_uuid() { case $1 in node-a) echo EC2E1916-9099-7CAF-FD21-012345ABCDEF ;; *) echo EC2E1916-9099-7CAF-FD21-FEDCBA543210 ;; esac; }

# world_objects: the rendered manifest of the chart, but what needs a kubelet: no pod is made of a DaemonSet here.
world_objects() {
	k apply --validate=false -n $NAMESPACE -f "$MANIFEST" >/dev/null 2>"$WORK/apply.log" || fail "the manifest is refused: $(cat "$WORK/apply.log")"
}

# patch_status KIND NAME JSON [NAMESPACE]: what a kubelet would tell.
patch_status() {
	k patch "$1" "$2" -n "${4:-shop}" --subresource=status --type=strategic -p "$3" >/dev/null
}
pod_phase() { patch_status pod "$1" '{"status":{"phase":"'"$2"'"}}'; }
delete_pods() { k delete pod -n shop --grace-period=0 --force --wait=false "$@" >/dev/null 2>&1; }

central_start() {
	CENTRAL_PORT=$(free_port)
	CENTRAL_URL=https://127.0.0.1:$CENTRAL_PORT
	central_run
	CONTRACT=$(central contract create --only-id --product Product --customer Customer --grace 10d --licence-term 60s)
	central token create --contract "$CONTRACT" -o "$WORK/enrolment.token" >/dev/null
}
central_run() {
	"$CENTRAL" --data-dir "$WORK/central" serve --listen "127.0.0.1:$CENTRAL_PORT" --json >"$WORK/central.out" 2>>"$WORK/central.log" &
	CENTRAL_PID=$!
	started $CENTRAL_PID
	touch "$WORK/central.out" "$WORK/central.log"
	await 300 "central's start: $(tail -n 2 "$WORK/central.log")" grep -q '"url"' "$WORK/central.out"
}
central() { "$CENTRAL" --data-dir "$WORK/central" "$@"; }

# agent_make NAME NODE: its folder and configuration.
agent_make() {
	local dir=$WORK/$1
	mkdir -p "$dir/state" "$dir/run" "$dir/mounted"
	token_give "$dir/credentials"
	cat >"$dir/highwater.toml" <<-END
		state_dir = "$dir/state"
		[sampling]
		interval = "${SLOT_S}s"
		[ram]
		scope = "pods"
		selector = "metered=yes"
		[network]
		interfaces = ["lo"]
		[kubernetes]
		node = "$2"
		namespace = "$NAMESPACE"
		pod = "highwater-$1"
		api = "$API"
		credentials = "$dir/credentials"
		licence_secret = "highwater-licence"
		status = "highwater-status"
		[uplink]
		url = "$CENTRAL_URL"
		ca_file = "$WORK/central/ca.pem"
		enrolment_token_file = "$WORK/enrolment.token"
		[licence]
		file = "$dir/mounted/license"
		[gate]
		status_file = "$dir/run/gate.json"
		socket = "$dir/run/gate.sock"
		[[ssl]]
		kind = "prometheus"
		name = "ingress"
		metric = "tls_sessions_total"
		pods = "annotated"
		[log]
		format = "json"
		level = "debug"
	END
	agent "$1" check-config >/dev/null || fail "the configuration of $1 has mistakes"
}
# agent NAME COMMAND...: a command of the agent's, with its configuration.
agent() {
	local name=$1
	shift
	"$AGENT" "$@" --config "$WORK/$name/highwater.toml"
}
# agent_start NAME NODE: makes it where it is missing, and runs it.
agent_start() {
	if [ ! -d "$WORK/$1" ]; then agent_make "$1" "$2"; fi
	"$AGENT" run --config "$WORK/$1/highwater.toml" >>"$WORK/$1/log" 2>&1 &
	eval "PID_$1=$!"
	started $!
}
agent_runs() {
	local pid="PID_$1"
	[ -n "${!pid:-}" ] && kill -0 "${!pid}" 2>/dev/null
}
# agent_end NAME SIGNAL
agent_end() {
	local pid="PID_$1"
	kill -s "$2" "${!pid}"
	wait "${!pid}" 2>/dev/null || true
	ended "${!pid}"
	unset "$pid"
}
# What the agents said last, for who reads of a failure.
agents_last() {
	local one
	for one in "$WORK"/*/log; do
		[ -f "$one" ] || continue
		echo "== $one"
		grep -v '"event":"sampled"' "$one" | tail -n 8
		grep '"event":"sampled"' "$one" | tail -n 2 | cut -c -2000
	done
}

# Lines of the log of NAME with an event, and how many there are.
events() { grep -F "\"event\":\"$2\"" "$WORK/$1/log" 2>/dev/null || true; }
count() { events "$1" "$2" | wc -l; }
has_more() { [ "$(count "$1" "$2")" -gt "$3" ]; }
last_sample() { events "$1" sampled | tail -n 1; }
# value KEY: of a line of JSON on stdin.
value() { sed -nE "s/.*\"$1\":\"?([^\",}]*).*/\1/p"; }

# why NAME: the words of the last source that failed.
why() { events "$1" source_failed | tail -n 1 | sed -nE 's/.*"error":"(([^"\\]|\\.)*)".*/\1/p'; }

# next_slots NAME N: waits until N more slots were sampled.
next_slots() {
	local before
	before=$(count "$1" sampled)
	await $((($2 * SLOT_S + 10) * 10)) "$2 slots of $1" has_more "$1" sampled $((before + $2 - 1))
}
# figure NAME SUBJECT: what the last slot says of a series of RAM.
figure() { last_sample "$1" | grep -oE "\"meter\":\"ram_capacity\",\"subject\":\"$2\",\"value\":[0-9]+" | sed 's/.*://'; }
gap() { last_sample "$1" | value ram_capacity_gap; }
total() { last_sample "$1" | value ram_capacity; }
is_total() { [ "$(total "$1")" = "$2" ]; }
is_gap() { [ -n "$(gap "$1")" ]; }
# never_zero NAME FROM: no slot since that line of the log told a total of 0.
never_zero() {
	tail -n +"$2" "$WORK/$1/log" | grep -F '"event":"sampled"' | grep -qF '"ram_capacity":0' && fail "$1 told 0 while it could not know"
	return 0
}
lines() { wc -l <"$WORK/$1/log"; }
