# A control plane on loopback: etcd and a kube-apiserver with RBAC on, without controllers, scheduler and kubelet. Sourced by
# kubernetes.sh, which sets $WORK, $ETCD, $API_SERVER and $KUBECTL.
#
# What controllers and kubelet would do is done by hand where a step needs it: nobody else changes an object behind a step's back.

PLANE='' API='' API_PORT='' ETCD_PORT='' ETCD_PEER_PORT='' API_PID='' ETCD_PID=''

# plane_make: certificates, a token's key, ports that are free now.
plane_make() {
	PLANE=$WORK/plane
	mkdir -p "$PLANE"
	plane_certificate ca '/CN=plane' ca
	plane_certificate server '/CN=kube-apiserver' server
	plane_certificate admin '/O=system:masters/CN=admin' client
	openssl genrsa -out "$PLANE/tokens.key" 2048 2>/dev/null
	openssl rsa -in "$PLANE/tokens.key" -pubout -out "$PLANE/tokens.pub" 2>/dev/null
	ETCD_PORT=$(free_port)
	ETCD_PEER_PORT=$(free_port)
	API_PORT=$(free_port)
	API=https://127.0.0.1:$API_PORT
	plane_kubeconfig
}

# plane_certificate NAME SUBJECT KIND: a key and what the plane's own authority signs of it.
plane_certificate() {
	local extensions
	case $3 in
		ca) extensions='basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,digitalSignature' ;;
		server) extensions='basicConstraints=CA:false\nextendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1,DNS:localhost' ;;
		client) extensions='basicConstraints=CA:false\nextendedKeyUsage=clientAuth' ;;
	esac
	# shellcheck disable=SC2059 # the line breaks are meant
	printf "$extensions\n" >"$PLANE/$1.ext"
	openssl ecparam -name prime256v1 -genkey -noout -out "$PLANE/$1.key"
	openssl req -new -key "$PLANE/$1.key" -subj "$2" -out "$PLANE/$1.csr"
	local signer=(-CA "$PLANE/ca.crt" -CAkey "$PLANE/ca.key" -CAcreateserial)
	if [ "$3" = ca ]; then signer=(-signkey "$PLANE/ca.key"); fi
	openssl x509 -req -in "$PLANE/$1.csr" "${signer[@]}" -days 7 -extfile "$PLANE/$1.ext" -out "$PLANE/$1.crt" 2>/dev/null
}

plane_kubeconfig() {
	export KUBECONFIG=$PLANE/admin.kubeconfig
	cat >"$KUBECONFIG" <<-END
		apiVersion: v1
		kind: Config
		current-context: plane
		contexts: [{name: plane, context: {cluster: plane, user: admin}}]
		clusters: [{name: plane, cluster: {server: "$API", certificate-authority: "$PLANE/ca.crt"}}]
		users: [{name: admin, user: {client-certificate: "$PLANE/admin.crt", client-key: "$PLANE/admin.key"}}]
	END
}

etcd_start() {
	"$ETCD" --data-dir "$PLANE/etcd" --listen-client-urls "http://127.0.0.1:$ETCD_PORT" \
		--advertise-client-urls "http://127.0.0.1:$ETCD_PORT" --listen-peer-urls "http://127.0.0.1:$ETCD_PEER_PORT" \
		--initial-advertise-peer-urls "http://127.0.0.1:$ETCD_PEER_PORT" \
		--initial-cluster "default=http://127.0.0.1:$ETCD_PEER_PORT" >>"$PLANE/etcd.log" 2>&1 &
	ETCD_PID=$!
	started "$ETCD_PID"
}

# api_start [FLAG...]: returns when it answers. Pods need no account here: nobody makes one for them.
api_start() {
	"$API_SERVER" --etcd-servers "http://127.0.0.1:$ETCD_PORT" --bind-address 127.0.0.1 --secure-port "$API_PORT" \
		--tls-cert-file "$PLANE/server.crt" --tls-private-key-file "$PLANE/server.key" --client-ca-file "$PLANE/ca.crt" \
		--service-account-key-file "$PLANE/tokens.pub" --service-account-signing-key-file "$PLANE/tokens.key" \
		--service-account-issuer https://kubernetes.default.svc --authorization-mode RBAC \
		--service-cluster-ip-range 10.0.0.0/24 --disable-admission-plugins ServiceAccount \
		--endpoint-reconciler-type none "$@" >>"$PLANE/api.log" 2>&1 &
	API_PID=$!
	started "$API_PID"
	wait_for 600 api_ready || fail "the API server does not start: $(tail -n 3 "$PLANE/api.log")"
}
api_ready() { k get --raw /readyz >/dev/null 2>&1; }
api_kill() {
	kill -KILL "$API_PID"
	wait "$API_PID" 2>/dev/null || true
	ended "$API_PID"
}

# k ARGUMENT...: kubectl as the cluster's administrator.
k() { "$KUBECTL" --request-timeout=10s "$@"; }
# of KIND NAME PATH [NAMESPACE]: what a JSONPath finds in one object.
of() { k get "$1" "$2" -n "${4:-$NAMESPACE}" -o "jsonpath=$3"; }

# Objects of a file, whatever this server does not know yet: it drops those fields.
apply() { k apply --validate=false -f "$1" >/dev/null 2>"$WORK/apply.log" || { cat "$WORK/apply.log" >&2 && return 1; }; }

# token_give DIRECTORY: credentials as a kubelet lays them, with a new token.
token_give() {
	mkdir -p "$1"
	cp "$PLANE/ca.crt" "$1/ca.crt"
	printf %s "$NAMESPACE" >"$1/namespace"
	k create token highwater -n "$NAMESPACE" >"$1/token.new"
	mv "$1/token.new" "$1/token"
}
