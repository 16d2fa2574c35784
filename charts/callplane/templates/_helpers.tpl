{{/* Labels of everything that this chart makes. */}}
{{- define "callplane.labels" -}}
app.kubernetes.io/name: callplane
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Labels that select the pods of the operator; they never change. */}}
{{- define "callplane.selector" -}}
app.kubernetes.io/name: callplane
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* Where Vault is, for whoever wraps keys; nothing without it. */}}
{{- define "callplane.vaultEnv" -}}
{{- with .Values.keys.vault }}
{{- if .address -}}
- name: CALLPLANE_VAULT_ADDRESS
  value: {{ .address | quote }}
- name: CALLPLANE_VAULT_MOUNT
  value: {{ .mount | quote }}
- name: CALLPLANE_VAULT_KEY
  value: {{ .key | quote }}
{{- if .namespace }}
- name: CALLPLANE_VAULT_NAMESPACE
  value: {{ .namespace | quote }}
{{- end }}
- name: CALLPLANE_VAULT_TOKEN_FILE
  value: /etc/callplane/vault/token
# The file is there only when the Secret has the key; the operator looks.
- name: CALLPLANE_VAULT_CA
  value: /etc/callplane/vault/ca.crt
{{- end }}
{{- end }}
{{- end }}

{{/* The volume with the token of Vault. */}}
{{- define "callplane.vaultVolume" -}}
- name: vault
  secret:
    secretName: {{ required "keys.vault.secretName names the Secret with the token of Vault" .Values.keys.vault.secretName | quote }}
    defaultMode: 0440
{{- end }}
