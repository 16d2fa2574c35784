# shellcheck shell=bash
# Installs Callplane: the custom resources, the operator, the Secret with its way to the database.

NAMESPACE=callplane-system

# The images and the database of a cluster that the user gave; the local cluster has its own.
given_or_local() {
  if local_cluster; then
    OPERATOR_IMAGE=$(image_name operator)
    MEDIA_NODE_IMAGE=$(image_name media-node)
    DATABASE_CA=$PKI/ca.crt
    HELM_VALUES=(--set dnsPolicy=Default) # the local cluster has no DNS
    DATABASE_URL="postgres://callplane_operator:$(operator_password)@$API_ADDRESS:$POSTGRES_PORT/$DATABASE?sslmode=verify-full&sslrootcert=/etc/callplane/database/ca.crt"
  else
    OPERATOR_IMAGE=${CALLPLANE_OPERATOR_IMAGE:?set it to an operator image that the cluster of KUBECONFIG can pull}
    MEDIA_NODE_IMAGE=${CALLPLANE_MEDIA_NODE_IMAGE:?set it to a media-node image that the cluster of KUBECONFIG can pull}
    HELM_VALUES=()
    DATABASE_CA=${CALLPLANE_DATABASE_CA:-/dev/null}
    DATABASE_URL=${CALLPLANE_DATABASE_URL:?set it to postgres://callplane_operator:PASSWORD@HOST/DATABASE, prepared by migrations/bootstrap.sql}
  fi
}

# A KUBECONFIG of the user's own is used instead of the local cluster.
local_cluster() { [ -z "${KUBECONFIG:-}" ] || [ "$KUBECONFIG" = "$KUBECONFIG_FILE" ]; }

helm_() { if local_cluster; then KUBECONFIG=$KUBECONFIG_FILE in_namespace "$CACHE/bin/helm" "$@"; else "$CACHE/bin/helm" "$@"; fi; }
kubectl_of_user() { if local_cluster; then kubectl_ "$@"; else "$CACHE/bin/kubectl" "$@"; fi; }

# helm refuses to go on with a release that it was killed in the middle of. In the local cluster, whose lock is ours,
# nobody else can be at work: the record of that attempt is forgotten.
forget_interrupted_installs() {
  kubectl_of_user delete secret --namespace $NAMESPACE --ignore-not-found \
    --selector 'owner=helm,status in (pending-install,pending-upgrade,pending-rollback)' >/dev/null
}

install_callplane() {
  HYPER=$(hyper_folder)/hyper
  given_or_local
  ! local_cluster || forget_interrupted_installs
  say "installing the custom resources"
  helm_ upgrade --install callplane-crds "$REPO_DIR/charts/callplane-crds" --namespace $NAMESPACE --create-namespace >"$CACHE/helm-install.log" 2>&1 ||
    { tail -n 5 "$CACHE/helm-install.log" >&2; die "the chart callplane-crds could not be installed: the reason is above."; }
  printf %s "$DATABASE_URL" |
    kubectl_of_user create secret generic callplane-operator-database --namespace $NAMESPACE --from-file=url=/dev/stdin \
      --from-file=ca.crt="$DATABASE_CA" --dry-run=client -o yaml | kubectl_of_user apply -f - >/dev/null
  say "installing the operator"
  helm_ upgrade --install callplane "$REPO_DIR/charts/callplane" --namespace $NAMESPACE --wait --timeout 120s \
    --set operator.image="$OPERATOR_IMAGE" --set mediaNode.image="$MEDIA_NODE_IMAGE" \
    --set database.secretName=callplane-operator-database "${HELM_VALUES[@]}" >"$CACHE/helm-install.log" 2>&1 || {
    kubectl_of_user get pods,events --namespace $NAMESPACE >&2 || true
    kubectl_of_user logs --namespace $NAMESPACE --selector app.kubernetes.io/name=callplane --tail=20 >&2 || true
    tail -n 5 "$CACHE/helm-install.log" >&2
    die "the operator does not become ready: its pods, events and log are above."
  }
}

# Takes away what `install` and the demo brought to a cluster that the user gave. The kinds stay, and what the
# Tenant's deletionPolicy keeps stays in the database.
uninstall_callplane() {
  HYPER=$(hyper_folder)/hyper
  say "deleting the example tenant"
  kubectl_of_user delete --ignore-not-found --timeout=120s -f "$REPO_DIR/crds/examples/acme" >/dev/null ||
    die "the example tenant could not be deleted: the reason is above."
  say "removing the operator"
  helm_ uninstall callplane callplane-crds --ignore-not-found --namespace $NAMESPACE >/dev/null
  kubectl_of_user delete namespace $NAMESPACE --ignore-not-found >/dev/null
}
