{{/* Every object's labels. The names of all are fixed: one agent meters a node, so that a cluster has one installation. */}}
{{- define "highwater.labels" -}}
app.kubernetes.io/name: highwater
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "highwater.selector" -}}
app.kubernetes.io/name: highwater
app.kubernetes.io/component: agent
{{- end -}}

{{- define "highwater.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Whoever the agent runs as. Root only for the kernel's packet socket: a right is not given to another user of an image. */}}
{{- define "highwater.user" -}}
{{ ternary "0" "65532" .Values.kernel.enabled }}
{{- end -}}

{{/* What is asked of the API server: each is empty where it is off. */}}
{{- define "highwater.asks.pods" -}}
{{- $ram := and (eq .Values.ram.scope "pods") (eq .Values.ram.pods "api") -}}
{{- $extra := regexMatch "(?m)^[ \\t]*(ssl\\.)?pods[ \\t]*=" .Values.extraConfig -}}
{{- if and .Values.api.enabled (or $ram .Values.prometheus $extra) }}true{{ end -}}
{{- end -}}
{{- define "highwater.asks.licence" -}}
{{- if and .Values.api.enabled .Values.licence.enabled }}true{{ end -}}
{{- end -}}
{{- define "highwater.asks.status" -}}
{{- if and .Values.api.enabled .Values.status.enabled }}true{{ end -}}
{{- end -}}
{{- define "highwater.asks.events" -}}
{{- if and .Values.api.enabled .Values.events.enabled }}true{{ end -}}
{{- end -}}

{{- define "highwater.enrolmentSecret" -}}
{{ .Values.enrolment.existingSecret | default "highwater-enrolment" }}
{{- end -}}

{{/* Where central's own certificates are mounted; empty where the public authorities count. */}}
{{- define "highwater.caFile" -}}
{{- $ca := .Values.central.ca -}}
{{- if or $ca.pem $ca.configMap.name $ca.secret.name }}/etc/highwater-ca/ca.crt{{ end -}}
{{- end -}}

{{/* What can be seen to be wrong only by more values than one: said in words, where the schema would say a rule's number. */}}
{{- define "highwater.check" -}}
{{- $v := .Values -}}
{{- if and $v.enrolment.token $v.enrolment.existingSecret -}}
{{- fail "enrolment.token and enrolment.existingSecret are both set: take one of them" -}}
{{- end -}}
{{- if and (or $v.enrolment.token $v.enrolment.existingSecret) (not $v.central.url) (ne $v.transport "air-gap") -}}
{{- fail "an enrolment token without central.url: set central.url to https://HOST, or transport to air-gap" -}}
{{- end -}}
{{- $cas := 0 -}}
{{- range list $v.central.ca.pem $v.central.ca.configMap.name $v.central.ca.secret.name -}}
{{- if . }}{{ $cas = add1 $cas }}{{ end -}}
{{- end -}}
{{- if gt (int $cas) 1 -}}
{{- fail "central.ca has more than one of pem, configMap and secret: take one of them" -}}
{{- end -}}
{{- if and $v.ram.selector (eq $v.ram.pods "cgroup") -}}
{{- fail "ram.selector with ram.pods = cgroup: cgroups have no labels; take ram.pods = api, or no selector" -}}
{{- end -}}
{{- if and $v.ram.selector (ne $v.ram.scope "pods") -}}
{{- fail "ram.selector without ram.scope = pods: the node's memory has no labels" -}}
{{- end -}}
{{- if not $v.api.enabled -}}
{{- if and (eq $v.ram.scope "pods") (eq $v.ram.pods "api") -}}
{{- fail "api.enabled is false, and ram.pods = api: take ram.pods = cgroup, or ram.scope = host" -}}
{{- end -}}
{{- if $v.prometheus -}}
{{- fail "api.enabled is false, and prometheus names pods: only the API server knows pods by their labels" -}}
{{- end -}}
{{- end -}}
{{- if and $v.proxy.passwordSecret.name (not (contains "@" $v.proxy.url)) -}}
{{- fail "proxy.passwordSecret without a name in proxy.url: write http://NAME@HOST:PORT" -}}
{{- end -}}
{{- if and $v.proxy.noProxy (not $v.proxy.url) -}}
{{- fail "proxy.noProxy without proxy.url: there is no proxy to leave out" -}}
{{- end -}}
{{- if and $v.priorityClass.create (hasPrefix "system-" $v.priorityClass.name) -}}
{{- fail "priorityClass.create with a name that begins with system-: those are Kubernetes' own; set create to false" -}}
{{- end -}}
{{- if and $v.priorityClass.create (not $v.priorityClass.name) -}}
{{- fail "priorityClass.create without priorityClass.name: name it, or set create to false" -}}
{{- end -}}
{{- $names := dict -}}
{{- range $i, $p := $v.prometheus -}}
{{- if hasKey $names $p.name -}}
{{- fail (printf "prometheus[%d] has the name %s as one before it has: each needs its own" $i $p.name) -}}
{{- end -}}
{{- $_ := set $names $p.name true -}}
{{- if eq (hasKey $p "preset") (hasKey $p "metric") -}}
{{- fail (printf "prometheus[%d] (%s) needs one of preset and metric" $i $p.name) -}}
{{- end -}}
{{- if and (ne $p.pods "annotated") (not $p.port) -}}
{{- fail (printf "prometheus[%d] (%s) needs a port: the selector tells which pods, not where they answer" $i $p.name) -}}
{{- end -}}
{{- if and (eq $p.pods "annotated") (or $p.port $p.path) -}}
{{- fail (printf "prometheus[%d] (%s) has a port or a path, but annotated pods say theirs" $i $p.name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
