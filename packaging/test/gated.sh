# A metered product whose gate a real central closes and opens. Sourced by round.sh, after agent.sh.

central() { guest highwater-central --data-dir /var/lib/highwater-central "$@"; }
pushed() { guest highwater push --open-day >/dev/null 2>&1; }
product_runs() { is_active product.service; }
gate_is() { guest highwater gate --stages >/dev/null 2>&1; [ $? = "$1" ]; }

round_gated() {
	local id token
	packages install "/root/${central##*/}"
	guest sh -c 'echo "OPTIONS=\"--listen 0.0.0.0:8443 --public-url https://127.0.0.1:8443\"" > /etc/highwater/central.env'
	guest systemctl start highwater-central.service
	wait_for 100 is_active highwater-central.service
	wait_for 100 guest test -s /var/lib/highwater-central/ca.pem
	id=$(central contract create --product Product --customer Customer --grace 12s | sed -n 's/^contract //p')
	token=$(central token create --contract "$id" | head -1)
	printf '%s\n' "$token" | guest highwater activate --central https://127.0.0.1:8443 \
		--ca-file /var/lib/highwater-central/ca.pem --token - >/dev/null
	say "central: installed, started; the agent has joined a contract with 12 s of grace"

	cp "$here"/../examples/product* "$GUEST/etc/systemd/system/"
	guest sed -i "s|^hooks = \[\]|hooks = ['echo \"\$HIGHWATER_GATE_STATE\" > /run/highwater/stage']|" \
		/etc/highwater/highwater.toml
	guest systemctl daemon-reload
	guest systemctl reload $UNIT
	guest systemctl enable --quiet --now product-gate.path product.service
	wait_for 100 pushed
	wait_for 100 product_runs
	say "the product runs: the gate is open"

	guest systemctl stop highwater-central.service
	wait_for 250 is_not_active product.service
	gate_is 12 || fail "the product was stopped before the gate closed"
	# It does not start while the gate is closed.
	guest timeout 60 systemctl start product.service || true
	product_runs && fail "the product started though the gate is closed"
	expect "why the product did not start" "$(property Result product.service)" exec-condition
	say "the gate has closed: the product was stopped, and does not start"

	guest systemctl start highwater-central.service
	wait_for 100 is_active highwater-central.service
	wait_for 100 pushed
	wait_for 150 product_runs
	say "central has taken a report: the gate is open, and the product runs again"
	guest systemctl disable --quiet --now product-gate.path product.service
	guest rm /etc/systemd/system/product.service /etc/systemd/system/product-gate.service \
		/etc/systemd/system/product-gate.path
	guest systemctl daemon-reload
}
