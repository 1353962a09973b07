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
	await 900 "the activation of b" is_activated b
}
is_activated() { agent "$1" status 2>/dev/null | grep -q "$CONTRACT\|activated"; }

# The agents have activated themselves by the token's file, and one of them puts the cluster's licence into the Secret.
step_licence() {
	need_a
	await 900 "the agent's own activation" has_more a activated 0
	need_b
	expect "activations at central" "$(central activation list --json | grep -o '"identity"' | wc -l)" 2
	held "two agents activated themselves with the token of a file"
	await 900 "a licence in the Secret" in_secret
	expect "whose licence it is" "$(claim cluster)" "$(of namespace kube-system '{.metadata.uid}')"
	expect_in "the Secret's managers" "$(k get secret highwater-licence -n $NAMESPACE -o yaml --show-managed-fields)" 'manager: highwater$'
	held "the Secret holds the licence of the cluster $(claim cluster), written by the field manager highwater"
	mount_secret
	await 600 "the agent's licence" licence_is a "$(claim jti)"
	await 600 "the other agent's licence" licence_is b "$(claim jti)"
	held "both agents count by it: $(claim jti)"
	local before
	before=$(claim jti)
	await 1800 "a renewed licence in the Secret" renewed "$before"
	await 100 "the lease given back" has_no_holder
	held "renewed: $before, then $(claim jti); the lease was given back"
}
in_secret() { [ -n "$(claim cluster)" ]; }
licence_is() { agent "$1" license show 2>/dev/null | grep -qF "$2"; }
renewed() { [ -n "$(claim jti)" ] && [ "$(claim jti)" != "$1" ]; }

# The one that renews is killed in the middle: the other waits the lease out, and takes it.
step_handover() {
	need_a
	need_b
	local first other before
	before=$(claim jti)
	kill -STOP "$CENTRAL_PID"
	await 1800 "someone who took the lease" has_holder
	first=$(holder)
	case $first in *a) first=a other=b ;; *) first=b other=a ;; esac
	agent_end $first KILL
	kill -CONT "$CENTRAL_PID"
	held "the holder of the lease, $first, was killed while it asked central"
	await 1800 "the other's licence" renewed "$before"
	held "$other took the lease when it had run out, and renewed: $(claim jti)"
	[ $other = b ] && agent_start a node-a
	[ $other = a ] && agent_start b node-b
	return 0
}

# A grace period of ten days is one under thirty: Events and the ConfigMap say so.
step_told() {
	need_a
	await 900 "an Event about the agent's pod" has_event a
	k get events -n $NAMESPACE --field-selector reason=GracePeriodLow
	held "an Event: $(k get events -n $NAMESPACE --field-selector reason=GracePeriodLow -o 'jsonpath={.items[0].type} {.items[0].involvedObject.name}: {.items[0].message}')"
	await 900 "the cluster's standing" has_standing
	held "configmap highwater-status: $(of configmap highwater-status '{.data}')"
}
has_event() { k get events -n $NAMESPACE -o 'jsonpath={.items[*].involvedObject.name}' | grep -qF "highwater-$1"; }
has_standing() { [ -n "$(status_of stage)" ] && [ -n "$(status_of grace_ends)" ] && [ -n "$(status_of node)" ]; }

# What the configuration needs of the cluster, asked of the API server itself.
step_doctor() {
	need_a
	local told
	told=$(agent a doctor 2>&1) || true
	grep -iE 'kubernetes|cluster|rule|secret|lease' <<<"$told" || true
	k get role "$ROLE" -n $NAMESPACE -o json >"$WORK/role.json"
	k delete role "$ROLE" -n $NAMESPACE >/dev/null
	told=$(agent a doctor 2>&1) && fail "doctor finds nothing without the Role"
	expect_in "what doctor says without the Role" "$told" 'secrets'
	expect_in "what doctor says without the Role" "$told" 'leases'
	held "doctor names the rules that are missing: $(grep -icE 'apiGroups' <<<"$told") to add"
	apply "$WORK/role.json" 2>/dev/null || k create -f "$WORK/role.json" >/dev/null
	expect_in "status" "$(agent a status)" "$(of namespace kube-system '{.metadata.uid}')"
	held "status tells the cluster"
}
