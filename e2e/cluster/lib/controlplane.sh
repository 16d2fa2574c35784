# shellcheck shell=bash
# etcd, API server, controller manager, scheduler and kube-proxy, all on the namespace's own bridge.

api_ready() {
  in_namespace curl -fs --max-time 2 --cacert "$PKI/ca.crt" --cert "$PKI/admin.crt" --key "$PKI/admin.key" \
    "https://$API_ADDRESS:$API_PORT/readyz"
}

start_api_server() {
  # Nothing of this cluster outlives it: waiting for the disk would only make it slower.
  start etcd "$HYPER" etcd --data-dir="$STATE/etcd" --unsafe-no-fsync
  start apiserver "$HYPER" kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
    --bind-address=$API_ADDRESS --advertise-address=$API_ADDRESS --secure-port=$API_PORT \
    --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" --client-ca-file="$PKI/ca.crt" \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$PKI/service-account.pub" --service-account-signing-key-file="$PKI/service-account.key" \
    --service-cluster-ip-range=$SERVICE_CIDR --authorization-mode=Node,RBAC \
    --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --kubelet-client-certificate="$PKI/kubelet-client.crt" --kubelet-client-key="$PKI/kubelet-client.key" \
    --kubelet-preferred-address-types=InternalIP --kubelet-certificate-authority="$PKI/ca.crt" \
    --requestheader-client-ca-file="$PKI/ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$PKI/front-proxy.crt" --proxy-client-key-file="$PKI/front-proxy.key" \
    --profiling=false --shutdown-delay-duration=0s
}

# Only after /readyz: an earlier controller manager ends because RBAC is not there yet. The client limits are
# raised because with the default of 20 requests a second the controllers start 150 ms apart.
start_controllers() {
  local limits=(--kube-api-qps=1000 --kube-api-burst=2000 --leader-elect=false --bind-address=127.0.0.1)
  local config=$PKI/controller-manager.kubeconfig
  start controller-manager "$HYPER" kube-controller-manager "${limits[@]}" \
    --kubeconfig="$config" --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
    --use-service-account-credentials=true --service-account-private-key-file="$PKI/service-account.key" \
    --root-ca-file="$PKI/ca.crt" --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key" \
    --service-cluster-ip-range=$SERVICE_CIDR --node-monitor-period=2s --node-monitor-grace-period=16s
  config=$PKI/scheduler.kubeconfig
  start scheduler "$HYPER" kube-scheduler "${limits[@]}" \
    --kubeconfig="$config" --authentication-kubeconfig="$config" --authorization-kubeconfig="$config"
}

# One proxy serves every node, because all nodes share the namespace.
start_proxy() {
  cat >"$STATE/kube-proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
bindAddress: $API_ADDRESS
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
clientConnection: {kubeconfig: $KUBECONFIG_FILE}
clusterCIDR: $POD_NET.0.0/16
hostnameOverride: node1
nodePortAddresses: ["$POD_NET.0.0/16"]
conntrack: {maxPerCore: 0, min: 0}
YAML
  start kube-proxy "$HYPER" kube-proxy --config "$STATE/kube-proxy.yaml"
}
