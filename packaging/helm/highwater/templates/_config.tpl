{{/* highwater.toml. Strings are written as JSON does, which TOML reads. What differs from node to node comes by the environment. */}}
{{- define "highwater.config" -}}
{{- $v := .Values -}}
# Made by the chart. What is this node's own comes by the environment: see the DaemonSet.
state_dir = "/var/lib/highwater"

[sampling]
interval = {{ $v.interval | toRawJson }}
time_zone = {{ $v.timeZone | toRawJson }}
root = "/host"

[ram]
scope = {{ $v.ram.scope | toRawJson }}
{{- if eq $v.ram.scope "pods" }}
pods = {{ $v.ram.pods | toRawJson }}
{{- with $v.ram.selector }}
selector = {{ . | toRawJson }}
{{- end }}
pods_max = {{ int $v.ram.podsMax }}
{{- end }}

[network]
interfaces = {{ $v.network.interfaces | toRawJson }}
count = {{ $v.network.count | toRawJson }}
{{- range $v.prometheus }}

[[ssl]]
kind = "prometheus"
name = {{ .name | toRawJson }}
{{- with .preset }}
preset = {{ . | toRawJson }}
{{- end }}
{{- with .metric }}
metric = {{ . | toRawJson }}
{{- end }}
{{- with .labels }}
labels = {{ . | toRawJson }}
{{- end }}
pods = {{ .pods | toRawJson }}
{{- with .port }}
port = {{ int . }}
{{- end }}
{{- with .path }}
metrics_path = {{ . | toRawJson }}
{{- end }}
{{- end }}
{{- if $v.kernel.enabled }}

[[ssl]]
kind = "kernel"
{{- with $v.kernel.ports }}
ports = [{{ range $i, $port := . }}{{ if $i }}, {{ end }}{{ int $port }}{{ end }}]
{{- end }}
{{- with $v.kernel.interfaces }}
interfaces = {{ . | toRawJson }}
{{- end }}
{{- end }}

[uplink]
{{- with $v.central.url }}
url = {{ . | toRawJson }}
{{- end }}
transport = {{ $v.transport | toRawJson }}
hash_names = {{ $v.hashNames }}
{{- with include "highwater.caFile" . }}
ca_file = {{ . | toRawJson }}
{{- end }}
{{- if $v.central.clientCertificateSecret }}
client_cert = "/var/run/secrets/highwater.dev/client/tls.crt"
client_key = "/var/run/secrets/highwater.dev/client/tls.key"
{{- end }}
{{- if $v.proxy.passwordSecret.name }}
proxy_password_file = "/var/run/secrets/highwater.dev/proxy/password"
{{- end }}
{{- if and $v.central.url (ne $v.transport "air-gap") }}
enrolment_token_file = "/var/run/secrets/highwater.dev/enrolment/token"
{{- end }}
{{- if include "highwater.asks.licence" . }}

[licence]
file = "/var/run/secrets/highwater.dev/licence/license"
{{- end }}
{{- if or (include "highwater.asks.licence" .) (include "highwater.asks.status" .) }}

[kubernetes]
{{- if include "highwater.asks.licence" . }}
licence_secret = "highwater-licence"
licence_key = "license"
lease = "highwater"
{{- end }}
{{- if include "highwater.asks.status" . }}
status = "highwater-status"
{{- end }}
{{- end }}

[listen]
address = {{ ternary "unix:/run/highwater/metrics.sock" "none" $v.metrics.socket | toRawJson }}

[log]
format = {{ $v.log.format | toRawJson }}
level = {{ $v.log.level | toRawJson }}
{{- with $v.extraConfig }}

{{ . | trim }}
{{- end }}
{{ end -}}
