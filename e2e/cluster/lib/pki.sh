# shellcheck shell=bash
# Certificates and kubeconfigs of one throw-away cluster. Every key is born and dies with the state folder.

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/$1.key"; }

make_authority() {
  new_key ca
  openssl req -x509 -new -key "$PKI/ca.key" -subj /CN=callplane-local-ca -days 3650 -out "$PKI/ca.crt" \
    -addext 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature'
}

# sign FILE SUBJECT USAGE [SUBJECT_ALT_NAMES]
sign() {
  local file=$PKI/$1 subject=$2 usage=$3 names=${4:-}
  new_key "$1"
  openssl req -new -key "$file.key" -subj "$subject" -out "$file.csr"
  {
    echo basicConstraints=critical,CA:FALSE
    echo keyUsage=critical,digitalSignature
    echo "extendedKeyUsage=$usage"
    [ -z "$names" ] || echo "subjectAltName=$names"
  } >"$file.ext"
  openssl x509 -req -in "$file.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -set_serial "0x$(openssl rand -hex 8)" \
    -days 3650 -extfile "$file.ext" -out "$file.crt" 2>/dev/null
  rm -f "$file.csr" "$file.ext"
}

# write_kubeconfig USER FILE
write_kubeconfig() {
  cat >"$2" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: $NAME, cluster: {server: "https://$API_ADDRESS:$API_PORT", certificate-authority: $PKI/ca.crt}}]
users: [{name: $1, user: {client-certificate: $PKI/$1.crt, client-key: $PKI/$1.key}}]
contexts: [{name: $NAME, context: {cluster: $NAME, user: $1}}]
current-context: $NAME
YAML
}

# In a subshell: the umask is for these files only.
make_pki() (
  local nodes=$1 node service_ip="${SERVICE_CIDR%.*}.1" pids=()
  umask 077
  make_authority
  local api_names="DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
  api_names+=",DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$service_ip,IP:$API_ADDRESS"
  sign apiserver /CN=kube-apiserver serverAuth "$api_names" & pids+=($!)
  sign postgres /CN=postgres serverAuth "DNS:localhost,IP:127.0.0.1,IP:$API_ADDRESS" & pids+=($!)
  sign admin /O=system:masters/CN=admin clientAuth & pids+=($!)
  sign kubelet-client /O=system:masters/CN=apiserver-kubelet-client clientAuth & pids+=($!)
  sign front-proxy /CN=front-proxy-client clientAuth & pids+=($!)
  sign controller-manager /CN=system:kube-controller-manager clientAuth & pids+=($!)
  sign scheduler /CN=system:kube-scheduler clientAuth & pids+=($!)
  for node in $(seq 1 "$nodes"); do
    sign "kubelet$node" "/O=system:nodes/CN=system:node:node$node" clientAuth & pids+=($!)
    sign "kubelet-server$node" "/O=system:nodes/CN=system:node:node$node" serverAuth "DNS:node$node,IP:$POD_NET.$node.1" & pids+=($!)
  done
  { openssl genrsa -out "$PKI/service-account.key" 2048 2>/dev/null &&
    openssl rsa -in "$PKI/service-account.key" -pubout -out "$PKI/service-account.pub" 2>/dev/null; } & pids+=($!)
  local pid
  for pid in "${pids[@]}"; do wait "$pid" || die "openssl could not make a certificate in $PKI."; done

  write_kubeconfig admin "$KUBECONFIG_FILE"
  write_kubeconfig controller-manager "$PKI/controller-manager.kubeconfig"
  write_kubeconfig scheduler "$PKI/scheduler.kubeconfig"
  for node in $(seq 1 "$nodes"); do write_kubeconfig "kubelet$node" "$PKI/kubelet$node.kubeconfig"; done
)
