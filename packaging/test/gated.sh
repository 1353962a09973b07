# A metered product whose gate a real central closes and opens. Sourced by round.sh, after agent.sh.

CENTRAL=highwater-central.service
PRODUCT=product.service
EXAMPLES=/usr/share/doc/highwater/examples

central() { guest highwater-central --data-dir /var/lib/highwater-central "$@"; }
pushed() { guest highwater push --open-day >/dev/null 2>&1; }
product_runs() { is_active $PRODUCT; }
gate_is() { guest highwater gate --stages >/dev/null 2>&1; [ $? = "$1" ]; }
# The hook's unit has run once more, and has come to its end.
gate_ran_after() {
	[ "$(property InvocationID product-gate.service)" != "$1" ] && is_not_active product-gate.service
}

# A port below 1024 is told with what gives the right to it, once in the status and once in the journal.
round_central() {
	packages install "/root/${central##*/}"
	guest sh -c 'echo "OPTIONS=\"--listen 0.0.0.0:443 --public-url https://127.0.0.1\"" > /etc/highwater/central.env'
	guest systemctl start $CENTRAL 2>/dev/null && fail "central listens at port 443 without the right to"
	expect_in "central's status line" "$(property StatusText $CENTRAL)" '^failed: can.t listen on 0.0.0.0:443: .*low-port.conf'
	expect "the number of central's error" "$(property StatusErrno $CENTRAL)" 13
	expect "central's errors in the journal" \
		"$(guest journalctl --no-pager -o cat -u $CENTRAL -p err _SYSTEMD_UNIT=$CENTRAL | grep -c event=start_failed)" 1
	guest systemctl stop $CENTRAL
	guest mkdir -p /etc/systemd/system/$CENTRAL.d
	guest cp /usr/share/highwater-central/drop-ins/low-port.conf /etc/systemd/system/$CENTRAL.d/
	guest systemctl daemon-reload
	guest systemctl start $CENTRAL
	is_active $CENTRAL || fail "central does not run with the drop-in"
	expect_in "central's status line" "$(property StatusText $CENTRAL)" '^0 activations, 0 reports since the start'
	say "central: told what port 443 needs, and listens there with the drop-in"
}

# The commands that central prints are typed as they stand.
round_joined() {
	local next activate
	next=$(central contract create --product Product --customer Customer --grace 10m | grep 'token create')
	activate=$(guest sh -c "$next" | grep 'highwater activate')
	guest sh -c "$activate" >/dev/null
	say "the agent has joined a contract, by the commands that central printed"
}

round_product() {
	guest sh -c "cd $EXAMPLES && cp product.service product-gate.service product-gate.path /etc/systemd/system/ &&
		install -m 755 product-gate /usr/local/sbin/product-gate"
	guest sed -i "s|^hooks = \[\]|hooks = ['echo \"\$HIGHWATER_GATE_STATE\" > /run/highwater/stage']|" \
		/etc/highwater/highwater.toml
	guest systemctl daemon-reload
	guest systemctl reload $UNIT
	wait_for 100 pushed
	guest systemctl enable --quiet --now product-gate.path $PRODUCT
	wait_for 100 product_runs
	say "the product runs: the gate is open"
}

# Whoever stopped the product, it was not the gate: no restart of the agent starts it.
round_stopped() {
	local before
	before=$(property InvocationID product-gate.service)
	guest systemctl stop $PRODUCT
	guest systemctl restart $UNIT
	wait_for 250 gate_ran_after "$before"
	product_runs && fail "the hook started a product that its administrator had stopped"
	guest systemctl disable --quiet $PRODUCT
	guest sh -c "echo enabled > /run/product-gate/$PRODUCT"
	guest systemctl start product-gate.service
	product_runs && fail "the hook started a product that was disabled while the gate was closed"
	guest systemctl enable --quiet --now $PRODUCT
	product_runs || fail "the product does not start"
	say "the administrator stopped it: it stays stopped, whatever the agent does"
}

# A program that is not there is no closed gate.
round_missing() {
	guest mv /usr/bin/highwater /usr/bin/highwater.away
	guest systemctl start product-gate.service 2>/dev/null && fail "the hook's unit does not miss the program"
	expect "the hook's unit without the program" "$(property Result product-gate.service)" exit-code
	product_runs || fail "the product was stopped for a program that is missing"
	guest systemctl restart $PRODUCT 2>/dev/null && fail "the product starts without a gate to ask"
	expect "the product without the program" "$(property Result $PRODUCT)" exit-code
	guest mv /usr/bin/highwater.away /usr/bin/highwater
	guest systemctl stop $PRODUCT
	guest systemctl reset-failed $PRODUCT product-gate.service
	guest systemctl start $PRODUCT
	product_runs || fail "the product does not start again"
	say "the program is missing: product and hook have failed, and say so"
}

round_gated() {
	central contract change "$(central contract list | awk 'END { print $1 }')" --grace 12s >/dev/null
	wait_for 100 pushed
	guest systemctl stop $CENTRAL
	wait_for 250 is_not_active $PRODUCT
	gate_is 12 || fail "the product was stopped before the gate closed"
	# It does not start while the gate is closed.
	guest timeout 60 systemctl start $PRODUCT || true
	product_runs && fail "the product started though the gate is closed"
	expect "why the product did not start" "$(property Result $PRODUCT)" exec-condition
	say "the gate has closed: the product was stopped, and does not start"

	guest systemctl start $CENTRAL
	wait_for 100 is_active $CENTRAL
	wait_for 100 pushed
	wait_for 150 product_runs
	say "central has taken a report: the gate is open, and the product runs again"
	guest systemctl disable --quiet --now product-gate.path $PRODUCT
	guest rm /etc/systemd/system/product.service /etc/systemd/system/product-gate.service \
		/etc/systemd/system/product-gate.path /usr/local/sbin/product-gate
	guest rm -r /etc/systemd/system/$CENTRAL.d
	guest systemctl daemon-reload
}
