{{- define "countersign.name" -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | replace "countersign-countersign" "countersign" | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "countersign.image" -}}
{{- printf "%s:%s" .Values.image.repository (required "image.tag is required: name the version to run" .Values.image.tag) -}}
{{- end -}}

{{/* What selects pods; it never changes, since selectors cannot. Takes a list of the root and the component. */}}
{{- define "countersign.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "countersign.labels" -}}
{{- $root := index . 0 -}}
{{ include "countersign.selector" . }}
app.kubernetes.io/version: {{ $root.Values.image.tag | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end -}}

{{/* The restricted pod security standard, and nothing less. */}}
{{- define "countersign.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "countersign.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "countersign.databaseEnv" -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ required "database.secretName is required: a Secret with the connection string" .Values.database.secretName }}
      key: {{ .Values.database.directKey }}
{{- with .Values.database.poolKey }}
- name: DATABASE_POOL_URL
  valueFrom:
    secretKeyRef:
      name: {{ $.Values.database.secretName }}
      key: {{ . }}
{{- end }}
{{- end -}}

{{/* The key ring has to be a file that nobody else may open, which a mounted Secret is not. */}}
{{- define "countersign.keyInit" -}}
- name: keys
  image: {{ include "countersign.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [install, -m, "0400", /etc/countersign/keys, /var/lib/countersign/keys]
  securityContext:
    {{- include "countersign.containerSecurity" . | nindent 4 }}
  resources:
    requests: { cpu: 10m, memory: 16Mi }
    limits: { memory: 64Mi }
  volumeMounts:
    - { name: data, mountPath: /var/lib/countersign }
    - { name: keys, mountPath: /etc/countersign, readOnly: true }
{{- end -}}

{{- define "countersign.mounts" -}}
- { name: data, mountPath: /var/lib/countersign }
- { name: tmp, mountPath: /tmp }
{{- end -}}

{{- define "countersign.volumes" -}}
- name: data
  emptyDir: { sizeLimit: 128Mi }
- name: tmp
  emptyDir: { sizeLimit: 256Mi }
- name: keys
  secret:
    secretName: {{ required "keys.secretName is required: a Secret with the key ring" .Values.keys.secretName }}
    defaultMode: 0440
    items:
      - { key: {{ .Values.keys.key }}, path: keys }
{{- end -}}

{{- define "countersign.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: http }
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}

{{/* Names of services, and the database. DNS goes over TCP as well, since workers speak nothing else. */}}
{{- define "countersign.baseEgress" -}}
- to:
    - namespaceSelector: {}
      podSelector:
        matchLabels: { k8s-app: kube-dns }
  ports:
    - { protocol: UDP, port: 53 }
    - { protocol: TCP, port: 53 }
- to:
    {{- toYaml .Values.networkPolicy.database.to | nindent 4 }}
  ports:
    - { protocol: TCP, port: {{ .Values.networkPolicy.database.port }} }
{{- end -}}
