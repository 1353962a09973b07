# What the agents keep in the cluster: one licence, by one of them at a time; Events; how the cluster stands. Sourced by
# kubernetes.sh.

secret() { of secret highwater-licence '{.data.license}' | base64 -d 2>/dev/null; }
secret_version() { of secret highwater-licence '{.metadata.resourceVersion}'; }
secret_is_newer_than() { [ "$(secret_version)" != "$1" ]; }
holder() { of lease highwater '{.spec.holderIdentity}'; }
has_holder() { [ -n "$(holder)" ]; }
has_no_holder() { [ -z "$(holder)" ]; }
status_of() { of configmap highwater-status "{.data.$1}"; }
# claim KEY: of the licence in the Secret.
claim() {
	local part
	part=$(secret | cut -d. -f2 | tr '_-' '/+')
	while [ $((${#part} % 4)) != 0 ]; do part="$part="; done
	base64 -d <<<"$part" 2>/dev/null | value "$1"
}
# What a kubelet does with a Secret that is mounted.
mount_secret() {
	local one
	for one in "$WORK"/*/mounted; do
		secret >"$one/license.new" && mv "$one/license.new" "$one/license"
	done
}

need_b() {
	agent_runs b || agent_start b node-b
	await 1500 "the activation of b" has_more b activated 0
}

# The agents activate themselves by the token's file, and one of them puts the cluster's licence into the Secret.
step_licence() {
	need_a
	agent_start b node-b
	await 1500 "the activation of a" has_more a activated 0
	need_b
	expect "activations at central" "$(central activation list --json | grep -o '"identity":' | wc -l)" 2
	held "two agents activated themselves with the token of a file"
	local uid before
	uid=$(of namespace kube-system '{.metadata.uid}')
	expect "the cluster of node-a" "$(events a node_known | tail -n 1 | value cluster)" "$uid"
	held "node_known: $(events a node_known | tail -n 1 | value node) of $uid, hardware $(events a node_known | tail -n 1 | value hardware)"
	await 900 "a licence in the Secret" in_secret
	expect "whose licence it is" "$(claim cluster)" "$uid"
	expect_in "who manages the Secret" \
		"$(k get secret highwater-licence -n $NAMESPACE -o yaml --show-managed-fields)" 'manager: highwater$'
	await 600 "the lease given back" has_no_holder
	await 100 "who put the licence there" is_kept
	held "the Secret holds the licence of the cluster, written by the field manager highwater, by $(kept_by)"
	mount_secret
	before=$(claim jti)
	await 900 "the licence at a" licence_is a "$before"
	await 900 "the licence at b" licence_is b "$before"
	held "both agents count by it: $before"
	await 1800 "a renewed licence in the Secret" renewed "$before"
	await 600 "the lease given back" has_no_holder
	held "renewed: $before, then $(claim jti); the lease was given back"
	next_slots a 4
	held "$(count a cluster_licence_kept) licences were put there by a, $(count b cluster_licence_kept) by b"
	if central cluster --help >/dev/null 2>&1; then
		expect_in "central's clusters" "$(central cluster list --json)" "$uid"
		expect_in "central's cluster" "$(central cluster show "$uid" --json)" 'node-b'
		held "central knows the cluster and its nodes: $(central cluster list | tail -n 1)"
	fi
}
is_kept() { [ -n "$(kept_by)" ]; }
kept_by() {
	local one
	for one in a b; do
		[ "$(count $one cluster_licence_kept)" = 0 ] || printf '%s ' "$one"
	done
}
in_secret() { [ -n "$(claim cluster)" ]; }
licence_is() { agent "$1" license show 2>/dev/null | grep -qF "$2"; }
renewed() { [ -n "$(claim jti)" ] && [ "$(claim jti)" != "$1" ]; }

# The one that renews is killed in the middle: the other leaves the lease alone for its duration, and takes it.
step_handover() {
	need_a
	need_b
	local first other before at
	await 900 "a licence in the Secret" in_secret
	kill -STOP "$CENTRAL_PID"
	await 1800 "someone who took the lease" has_holder
	first=$(holder)
	case $first in
		highwater-a) first=a other=b ;;
		highwater-b) first=b other=a ;;
		*) fail "the lease is held by '$first'" ;;
	esac
	before=$(claim jti)
	agent_end $first KILL
	kill -CONT "$CENTRAL_PID"
	at=$EPOCHSECONDS
	held "the holder of the lease, $first, was killed while it asked central"
	await 1800 "the licence that $other puts there" renewed "$before"
	expect "whom $other took the lease from" "$(events $other lease_taken_over | tail -n 1 | value from)" highwater-$first
	held "$other took the lease over after $((EPOCHSECONDS - at)) s, and renewed: $(claim jti)"
	agent_start $first "node-$first"
	await 600 "figures after kill -KILL" is_total a "$SUM"
}

# How grace stands, in the ConfigMap; and a period that runs out: Events and the ConfigMap say so.
step_told() {
	need_a
	await 1500 "the activation of a" has_more a activated 0
	await 1500 "the ConfigMap with the grace period of the gate" tells_grace
	held "configmap highwater-status: $(of configmap highwater-status '{.data}')"
	central contract change "$CONTRACT" --grace 90s >/dev/null
	agent a push --open-day >/dev/null
	await 1500 "an Event about the agent's pod" has_event a
	held "an Event: $(k get events -n $NAMESPACE --field-selector reason=GracePeriodLow -o 'jsonpath={.items[0].type} {.items[0].involvedObject.name}: {.items[0].message}')"
	await 1500 "a stage in the ConfigMap that is not open" is_not_open
	held "configmap highwater-status: $(of configmap highwater-status '{.data}')"
	central contract change "$CONTRACT" --grace 10d >/dev/null
	agent a push --open-day >/dev/null
}
is_not_open() { [ -n "$(status_of stage)" ] && [ "$(status_of stage)" != open ]; }
has_event() {
	k get events -n $NAMESPACE --field-selector reason=GracePeriodLow \
		-o 'jsonpath={.items[*].involvedObject.name}' | grep -qF "highwater-$1"
}

tells_grace() {
	local ends
	ends=$(status_of grace_ends)
	[ -n "$ends" ] && cat "$WORK"/?/run/gate.json | grep -qF "\"grace_end\":\"$ends\""
}

# A machine that comes back as another node, with nothing of what it was: central counts one node.
step_replaced() {
	need_a
	need_b
	local uid
	uid=$(of namespace kube-system '{.metadata.uid}')
	agent_end b KILL
	# The machine of node-b is gone from the cluster, and comes back by another name.
	k delete node node-b >/dev/null
	k create -f - <<<'{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-c"}}' >/dev/null
	node_status node-c "$(system_uuid node-b)"
	agent_start c node-c
	await 1500 "the activation of the node that came back" has_more c activated 0
	central cluster show "$uid" --json >"$WORK/shown"
	expect "nodes at central" "$(grep -oE '"nodes":[0-9]+' "$WORK/shown")" '"nodes":2'
	expect "activations at central" "$(grep -oE '"identities":[0-9]+' "$WORK/shown")" '"identities":3'
	expect "activations that another took the place of" "$(grep -o '"superseded_by":"' "$WORK/shown" | wc -l)" 1
	held "node-b came back as node-c, with another ledger: three activations, two nodes"
	agent_end c KILL
}

# What the configuration needs of the cluster, asked of the API server itself; and what becomes of errands without the right to.
step_doctor() {
	need_a
	local told
	told=$(cluster_line)
	expect_in "doctor" "$told" "node node-a of cluster $(of namespace kube-system '{.metadata.uid}'); .* all [0-9]+ rights"
	held "doctor: $told"
	expect_in "status" "$(agent a status)" "$(of namespace kube-system '{.metadata.uid}')"
	held "status tells the cluster: $(agent a status | grep -F "$(of namespace kube-system '{.metadata.uid}')")"
	k get role "$ROLE" -n $NAMESPACE -o json >"$WORK/role.json"
	k delete role "$ROLE" -n $NAMESPACE >/dev/null
	told=$(agent a doctor 2>&1) && fail "doctor finds nothing without the Role"
	for one in 'resources: \[secrets\], resourceNames: \[highwater-licence\], verbs: \[patch\]' \
		'resources: \[leases\], resourceNames: \[highwater\], verbs: \[update\]' \
		'resources: \[configmaps\], resourceNames: \[highwater-status\], verbs: \[get\]' \
		'resources: \[events\], verbs: \[create\]'; do
		expect_in "what doctor says without the Role" "$told" "$one"
	done
	held "without the Role doctor names $(grep -c '  - {' <<<"$told") rules to add"
	apply "$WORK/role.json"
	told=$(cluster_line)
	expect_in "doctor, the Role given back" "$told" 'all [0-9]+ rights'
}
# What doctor says of the cluster, without its exit code: this host may lack what has nothing to do with it.
cluster_line() { agent a doctor 2>&1 | grep -E 'cluster' | head -n 1; }
