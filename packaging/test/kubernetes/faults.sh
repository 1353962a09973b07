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

# Credentials as a volume shows them that is not laid yet, or wrongly: no call is made that trusts what it should not.
step_trust() {
	need_a
	local from dir=$WORK/a/credentials
	from=$(lines a)
	plane_certificate other '/CN=another' ca
	cp "$PLANE/other.crt" "$dir/ca.crt"
	await 300 "a gap with another's authority" is_gap a
	held "another authority in ca.crt: gap $(gap a); $(why a)"
	rm "$dir/ca.crt"
	next_slots a 2
	expect "why there is a gap" "$(gap a)" source_failed
	held "no ca.crt: gap $(gap a); $(why a)"
	cp "$PLANE/ca.crt" "$dir/ca.crt"
	mv "$dir/token" "$dir/token.away"
	next_slots a 2
	expect "why there is a gap" "$(gap a)" source_failed
	held "no token: gap $(gap a); $(why a)"
	mv "$dir/token.away" "$dir/token"
	await 300 "the figures with both files" is_total a "$SUM"
	never_zero a "$from"
	held "both are back: $SUM, the agent was not restarted"
}

# An API server that has no time for this account: others of its own hold all the places that it has.
step_crowded() {
	need_a
	local from one places='' version
	version=$(k api-versions | grep '^flowcontrol' | sort -V | tail -n 1)
	if [ -z "$version" ]; then
		skipped "429: this API server lets everybody in"
		return 0
	fi
	from=$(lines a)
	sed "s#VERSION#$version#" "$here/kubernetes/crowded.yaml" >"$WORK/crowded.yaml"
	apply "$WORK/crowded.yaml"
	# Each of these has a body that does not come to its end: nothing is ever written there.
	mkfifo "$WORK/nothing"
	exec 9<>"$WORK/nothing"
	for one in 1 2 3 4 5 6 7 8 9 10; do
		curl --silent --output /dev/null --cacert "$PLANE/ca.crt" --header "Authorization: Bearer $(cat "$WORK/a/credentials/token")" \
			--header 'Content-Type: application/merge-patch+json' --request PATCH --upload-file - \
			"$API/api/v1/namespaces/$NAMESPACE/secrets/highwater-licence" <"$WORK/nothing" &
		places="$places $!"
		started $!
	done
	await 300 "a gap while the account has no place" is_gap a
	expect "why there is a gap" "$(gap a)" source_failed
	expect_in "the words" "$(why a)" '429|too many|busy'
	held "429 of a real server: gap source_failed; $(why a)"
	for one in $places; do
		kill "$one" 2>/dev/null || true
		ended "$one"
	done
	exec 9>&-
	k delete flowschema,prioritylevelconfiguration crowded >/dev/null 2>&1
	await 300 "the figures, the places free" is_total a "$SUM"
	never_zero a "$from"
	held "the places are free: $SUM, no zero between"
}
