# What doctor says of the unit as it is installed. Sourced by round.sh; the functions it uses are in agent.sh.

DROP_INS=/etc/systemd/system/$UNIT.d
NOBODY="setpriv --reuid 65534 --regid 65534 --clear-groups"

# What doctor says, with each check on one line: the state directory is an overlay here, which is a failure of its own.
doctor() { guest highwater doctor "$@" | sed -e ':a;N;$!ba;s/\n \{6,\}/ | /g' || true; }

round_doctor() {
	local said code
	said=$(doctor)
	expect_in "doctor" "$said" "^ok +service +$UNIT is active"
	expect_in "doctor" "$said" "^ok +rights +$UNIT gives"

	code=0
	# shellcheck disable=SC2086 # a list
	said=$(guest $NOBODY highwater doctor) || code=$?
	expect "doctor's exit code for another user" "$code" 77
	expect_in "doctor for another user" "$said" '^\? +ledger .*sudo highwater doctor'

	# A log that every mode lets be read, and the unit hides; the same configuration, and a source more.
	guest sh -c 'mkdir -p /home/app && touch /home/app/tls.log && cp /etc/highwater/highwater.toml /root/hidden.toml &&
		printf "[[ssl]]\nkind = \"access_log\"\npath = \"/home/app/tls.log\"\nformat = \"nginx\"\n" >>/root/hidden.toml'
	expect_in "doctor, of a log below /home" "$(doctor --config /root/hidden.toml)" '^FAIL +rights .*ProtectHome=yes'
	guest rm -r /root/hidden.toml /home/app

	# A first drop-in, before and after systemd has read it. No HAProxy is there, so that its group is not.
	guest mkdir -p "$DROP_INS"
	guest cp /usr/share/highwater/drop-ins/haproxy-socket.conf "$DROP_INS/"
	expect_in "doctor, of a drop-in that came" "$(doctor)" "^ok +service .*changed since systemd read them"
	guest systemctl daemon-reload
	guest systemctl restart $UNIT 2>/dev/null && fail "the unit starts without a group that it names"
	said=$(doctor)
	expect_in "doctor, of a missing group" "$said" '^FAIL +service .*no group haproxy, which .*/haproxy-socket.conf'
	expect_in "doctor, of a missing group" "$said" '^FAIL +service .*216/GROUP.*journalctl -u highwater -p err'
	guest rm -r "$DROP_INS"
	guest systemctl daemon-reload

	guest systemctl stop $UNIT
	expect_in "doctor, of an agent that was stopped" "$(doctor)" "^FAIL +service +$UNIT is enabled, but does not run"
	guest systemctl start $UNIT
	wait_for 100 is_active
	say "doctor: another user, a hidden log, a missing group, a stopped agent: each told of with its mend"
}
