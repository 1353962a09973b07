# What the agent makes of an API server that denies, hangs or is away: a gap with words, never zero. Sourced by kubernetes.sh.

# A rule is taken away: the words name it, the figure is a gap; given back, figures follow.
step_denied() {
	need_a
	local from
	from=$(lines a)
	k get clusterrole "$CLUSTER_ROLE" -o json >"$WORK/role.json"
	k delete clusterrole "$CLUSTER_ROLE" >/dev/null
	await 300 "a gap without the right to list pods" is_gap a
	expect "why there is a gap" "$(gap a)" source_failed
	expect_in "the words" "$(why a)" 'list.*pods|pods.*list'
	expect_in "the words" "$(why a)" 'resources: \[pods\], verbs: \[list\]'
	held "no right to list pods: gap source_failed; $(why a)"
	apply "$WORK/role.json" 2>/dev/null || k create -f "$WORK/role.json" >/dev/null
	await 300 "the figures, the right given back" is_total a $SUM
	never_zero a "$from"
	held "the right given back: $SUM, no zero between"
}

# An API server that is killed, that hangs, and whose own store is away.
step_away() {
	need_a
	local from
	from=$(lines a)
	api_kill
	await 300 "a gap while the API server is away" is_gap a
	next_slots a 2
	expect "why there is a gap" "$(gap a)" source_failed
	held "the API server was killed: gap source_failed; $(why a)"
	api_start
	await 300 "the figures, the API server back" is_total a $SUM
	never_zero a "$from"
	held "it is back: $SUM, no zero between"

	from=$(lines a)
	kill -STOP "$API_PID"
	await 300 "a gap while the API server hangs" is_gap a
	next_slots a 3
	expect "why there is a gap" "$(gap a)" source_failed
	expect "slots that were missed while it hung" "$(tail -n +"$from" "$WORK/a/log" | grep -cF '"event":"slots_missed"')" 0
	held "the API server hangs: gap source_failed, no slot missed; $(why a)"
	kill -CONT "$API_PID"
	await 300 "the figures, the API server going on" is_total a $SUM
	never_zero a "$from"
	held "it goes on: $SUM, no zero between"

	from=$(lines a)
	kill -STOP "$ETCD_PID"
	next_slots a 3
	never_zero a "$from"
	held "etcd hangs: $([ -n "$(gap a)" ] && gap a || echo "the lists come from the API server's cache, $(total a)")"
	kill -CONT "$ETCD_PID"
	await 600 "the figures, etcd going on" is_total a $SUM
}

# The account is made anew: its old token is good for nothing, and the new one is read from the file.
step_token() {
	need_a
	local from
	from=$(lines a)
	k delete serviceaccount highwater -n $NAMESPACE >/dev/null
	k create serviceaccount highwater -n $NAMESPACE >/dev/null
	# The API server believes a token for some seconds after it was revoked.
	await 600 "a gap with a token that was revoked" is_gap a
	held "the token was revoked: gap $(gap a); $(why a)"
	token_give "$WORK/a/credentials"
	if [ -d "$WORK/b" ]; then token_give "$WORK/b/credentials"; fi
	await 300 "the figures with the new token" is_total a $SUM
	never_zero a "$from"
	held "a new token in the file: $SUM, the agent was not restarted"
}
