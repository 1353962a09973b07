# What the agent reads of the pods of its node. Sourced by kubernetes.sh.

GIB=$((1 << 30)) MIB=$((1 << 20))
ALLOCATABLE=$((31457280 * 1024))
ONE_LIMIT=$((2 * GIB)) TWO_LIMITS=$((1536 * MIB + 512000000)) BIG_INIT=$((3 * GIB))
RESTARTABLE=$((1356 * MIB)) POD_LEVEL=$((4 * GIB))
SUM=$((ONE_LIMIT + TWO_LIMITS + BIG_INIT))

step_figures() {
	agent_start a node-a
	await 600 "the first figures of the node" is_total a $SUM
	expect "one-limit" "$(figure a shop/one-limit)" $ONE_LIMIT
	expect "two-limits" "$(figure a shop/two-limits)" $TWO_LIMITS
	expect "big-init" "$(figure a shop/big-init)" $BIG_INIT
	held "pods with limits: one-limit $ONE_LIMIT, two-limits $TWO_LIMITS, big-init $BIG_INIT, the node $SUM"
	expect "done, failed, not-metered, elsewhere" \
		"$(figure a 'shop/(done|failed|not-metered|elsewhere)')" ''
	held "pods that ended, are not metered, or are on another node do not count"
	figures_newer
	figures_unlimited
}

# What an older API server drops of a pod is told by the pod that it keeps.
figures_newer() {
	local more=0
	apply "$here/kubernetes/newer.yaml"
	if [ -n "$(of pod restartable-init '{.spec.initContainers[0].restartPolicy}' shop)" ]; then
		more=$((more + RESTARTABLE))
	else
		skipped "restartable-init: this API server knows no restartable init containers"
		delete_pods restartable-init
	fi
	if [ -n "$(of pod pod-level '{.spec.resources}' shop)" ]; then
		more=$((more + POD_LEVEL))
	else
		skipped "pod-level: this API server knows no resources of a pod"
		delete_pods pod-level
	fi
	[ $more -gt 0 ] || return 0
	SUM=$((SUM + more))
	await 300 "the figures of newer shapes" is_total a $SUM
	held "newer shapes of pods: $(figure a shop/restartable-init) $(figure a shop/pod-level), the node $SUM"
}

figures_unlimited() {
	apply "$here/kubernetes/unlimited.yaml"
	await 300 "the allocatable memory" is_total a $ALLOCATABLE
	expect "pods/unlimited" "$(figure a pods/unlimited)" $ALLOCATABLE
	expect "one-limit beside pods without a limit" "$(figure a shop/one-limit)" $ONE_LIMIT
	expect "a pod without a limit by itself" "$(figure a 'shop/(one-without-limit|no-limits-at-all|request-only)')" ''
	held "three pods without a limit: pods/unlimited and the node are the allocatable $ALLOCATABLE, once"
	delete_pods one-without-limit no-limits-at-all request-only
	await 300 "the sum, when no pod without a limit is left" is_total a $SUM
	held "they are gone: the node is the sum again, $SUM"
}

# A pod that is resized, one that ends, one that comes: each is seen at the next sample.
step_change() {
	need_a
	if k api-resources >/dev/null && k get --raw /api/v1 | grep -qF '"name":"pods/resize"'; then
		k patch pod one-limit -n shop --subresource=resize \
			-p '{"spec":{"containers":[{"name":"db","resources":{"limits":{"memory":"3Gi"}}}]}}' >/dev/null
		next_slots a 2
		held_resize
	else
		skipped "in-place resize: this API server has no pods/resize"
	fi
	# What a kubelet tells of a container goes before the spec: a resize that is pending counts when it is done.
	delete_pods big-init
	await 300 "the node without big-init" is_total a $((SUM - BIG_INIT))
	held "a pod was deleted: $((SUM - BIG_INIT)) in the next slot, no gap"
	sed -n '/^# Finished/q; p' "$here/kubernetes/pods.yaml" | sed 's/memory: 3Gi/memory: 5Gi/' >"$WORK/larger.yaml"
	apply "$WORK/larger.yaml"
	await 300 "the larger pod" is_total a $((SUM + 2 * GIB))
	expect "big-init, larger" "$(figure a shop/big-init)" $((5 * GIB))
	held "it came back with another size: $((5 * GIB))"
	pod_phase big-init Failed
	await 300 "the node without the pod that failed" is_total a $((SUM - BIG_INIT))
	held "it failed: it counts no more"
	delete_pods big-init
	apply "$here/kubernetes/pods.yaml"
	await 300 "the figures from before" is_total a $SUM
	k label pod two-limits -n shop --overwrite metered=no >/dev/null
	await 300 "the node without the pod whose label changed" is_total a $((SUM - TWO_LIMITS))
	k label pod two-limits -n shop --overwrite metered=yes >/dev/null
	await 300 "the pod whose label is back" is_total a $SUM
	held "a label was taken off and put back: it is followed"
	delete_pods -l metered=yes
	await 300 "a true zero" is_total a 0
	[ -z "$(gap a)" ] || fail "no pod matches, and that is a gap"
	held "no pod matches: a true zero, no gap"
	apply "$here/kubernetes/pods.yaml"
	pod_phase "done" Succeeded
	pod_phase failed Failed
	SUM=$((ONE_LIMIT + TWO_LIMITS + BIG_INIT))
	await 300 "the figures from before" is_total a $SUM
}

# The spec says the new size at once; what the container has, its status says, and that is a kubelet's to tell.
held_resize() {
	expect "one-limit, its resize pending" "$(figure a shop/one-limit)" $ONE_LIMIT
	patch_status pod one-limit \
		'{"status":{"containerStatuses":[{"name":"db","image":"example/none:1","imageID":"","ready":true,"restartCount":0,"resources":{"limits":{"memory":"3Gi"}}}]}}'
	await 300 "the resized pod" is_total a $((SUM + GIB))
	SUM=$((SUM + GIB)) ONE_LIMIT=$((3 * GIB))
	held "a resize in place: $((2 * GIB)) while it is pending, $ONE_LIMIT when it is done"
}

# Many pods: the first by name stand alone, the rest is one series, and a list comes in pages.
step_many() {
	need_a
	local more=1200
	many_pods $more >"$WORK/many.yaml"
	k apply --validate=false -f "$WORK/many.yaml" >/dev/null
	await 600 "the figures of $more pods more" is_total a $((SUM + more * 64 * MIB))
	expect "series of single pods" \
		"$(last_sample a | grep -oE '"meter":"ram_capacity","subject":"[a-z]+/[a-z0-9-]+"' | grep -vc '"pods/')" 20
	held "$((more + 3)) pods: 20 series, pods/other $(figure a pods/other), the node $((SUM + more * 64 * MIB))"
	many_paged "$more"
	delete_pods --all -n crowd
	k delete namespace crowd --wait=false >/dev/null
	await 600 "the figures from before" is_total a $SUM
}
# A server without a cache of its own gives no more than the limit at once.
many_paged() {
	local from
	from=$(lines a)
	api_kill
	api_start --watch-cache=false
	next_slots a 2
	await 300 "the figures of $1 pods, page by page" is_total a $((SUM + $1 * 64 * MIB))
	never_zero a "$from"
	held "the same from a server that gives 500 at once: three pages; the agent's memory at its peak: $(peak a)"
	api_kill
	api_start
	await 300 "the figures of a server as before" is_total a $((SUM + $1 * 64 * MIB))
}
# peak NAME: the most memory that the process had so far; more in a build for debugging than in a release.
peak() {
	local pid="PID_$1"
	sed -nE 's/^VmHWM:[[:space:]]+//p' "/proc/${!pid}/status"
}
many_pods() {
	local n
	printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: crowd}\n'
	for ((n = 1; n <= $1; n++)); do
		printf -- '---\napiVersion: v1\nkind: Pod\nmetadata: {name: crowd-%d, namespace: crowd, labels: {metered: "yes"}}\n' "$n"
		printf 'spec: {nodeName: node-a, containers: [{name: c, image: example/none:1, resources: {limits: {memory: 64Mi}}}]}\n'
	done
}

# Pods that an annotation names are scraped, each at its own address: here those of loopback.
step_scraped() {
	need_a
	local port one
	port=$(free_port)
	for one in 2 3; do
		python3 "$here/kubernetes/counter.py" 127.0.0.$one "$port" 50 &
		started $!
		printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: proxy-%d, namespace: shop, annotations: {highwater.dev/scrape: "%d/metrics"}}\n' $one "$port"
		printf 'spec: {nodeName: node-a, containers: [{name: c, image: example/none:1}]}\n---\n'
	done >"$WORK/proxies.yaml"
	apply "$WORK/proxies.yaml"
	for one in 2 3; do
		patch_status pod proxy-$one '{"status":{"phase":"Running","podIP":"127.0.0.'$one'","podIPs":[{"ip":"127.0.0.'$one'"}],"conditions":[{"type":"Ready","status":"True"}]}}'
	done
	await 600 "100 sessions a second of two pods" is_tps a 98 102
	held "two annotated pods with 50 sessions a second each: $(last_sample a | value ssl_tps)"
	delete_pods proxy-2
	await 300 "50 sessions a second of the one that is left" is_tps a 48 52
	held "one was deleted: $(last_sample a | value ssl_tps)"
	delete_pods proxy-3
}
# is_tps NAME LEAST MOST
is_tps() {
	local tps
	tps=$(last_sample "$1" | value ssl_tps | cut -d. -f1)
	[ -n "$tps" ] && [ "$tps" -ge "$2" ] && [ "$tps" -le "$3" ]
}

# need_a: the agent of node-a runs and has figures; for steps that are run alone.
need_a() {
	agent_runs a && return 0
	agent_start a node-a
	await 600 "the first figures of the node" is_total a $SUM
}
