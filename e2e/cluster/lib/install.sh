# shellcheck shell=bash
# Installs Callplane: the custom resources, the operator, the Secret with its way to the database.

NAMESPACE=callplane-system

# The images and the database of a cluster that the user gave; the local cluster has its own.
given_or_local() {
  if local_cluster; then
    OPERATOR_IMAGE=$(image_name operator)
    MEDIA_NODE_IMAGE=$(image_name media-node)
    DATABASE_CA=$PKI/ca.crt
    # The local cluster has no DNS, and tests have providers where their phones are.
    HELM_VALUES=(--set dnsPolicy=Default --set "providers.privateNetworks={$POD_NET.100.0/24}")
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

# In a cluster that the user gave, this label on an object says that the demo made it. The helm releases have the owner
# of their namespace.
DEMO_LABEL=callplane.dev/demo=true

# refuse_unless_demos_own KIND NAME ADVICE: ends with a sentence if there is such an object that the demo did not make.
refuse_unless_demos_own() {
  local found
  found=$(kubectl_of_user get "$1" "$2" --ignore-not-found \
    -o 'jsonpath={.metadata.name}:{.metadata.labels.callplane\.dev/demo}') ||
    die "the cluster of KUBECONFIG does not say whether there is a $1 $2: the reason is above."
  [ -z "$found" ] || [ "$found" = "$2:true" ] ||
    die "the $1 $2 was not made by make demo, for it lacks the label $DEMO_LABEL: $3."
}

# refuse_what_others_made ADVICE
refuse_what_others_made() {
  refuse_unless_demos_own namespace $NAMESPACE "$1"
  refuse_unless_demos_own namespace acme "$1"
  ! kind_of_tenants_exists || refuse_unless_demos_own tenants.callplane.dev acme "$1"
}

kind_of_tenants_exists() {
  local found
  found=$(kubectl_of_user get customresourcedefinition tenants.callplane.dev --ignore-not-found -o name) ||
    die "the cluster of KUBECONFIG does not say whether it knows Tenants: the reason is above."
  [ -n "$found" ]
}

# The namespace has the label from its first moment, so that a demo that is stopped can be taken away.
make_namespace_of_demo() {
  local found
  found=$(kubectl_of_user get namespace $NAMESPACE --ignore-not-found -o name)
  [ -n "$found" ] || kubectl_of_user create -f - >/dev/null <<YAML
apiVersion: v1
kind: Namespace
metadata:
  name: $NAMESPACE
  labels: {${DEMO_LABEL/=*/}: "true"}
YAML
}

# helm refuses to go on with a release that it was killed in the middle of. In the local cluster, whose lock is ours,
# nobody else can be at work: the record of that attempt is forgotten.
forget_interrupted_installs() {
  kubectl_of_user delete secret --namespace $NAMESPACE --ignore-not-found \
    --selector 'owner=helm,status in (pending-install,pending-upgrade,pending-rollback)' >/dev/null
}

install_callplane() {
  HYPER=$(hyper_folder)/hyper
  given_or_local
  if local_cluster; then
    forget_interrupted_installs
  else
    refuse_what_others_made "set KUBECONFIG to another cluster, or remove it if nobody needs it"
    make_namespace_of_demo
  fi
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
# Tenant's deletionPolicy keeps stays in the database. What others made is refused before anything is deleted.
uninstall_callplane() {
  HYPER=$(hyper_folder)/hyper
  local example=(namespace/acme)
  local_cluster || refuse_what_others_made "remove Callplane and its tenants yourself, or label it if it may go"
  ! kind_of_tenants_exists || example+=(tenants.callplane.dev/acme)
  say "deleting the example tenant"
  kubectl_of_user delete --ignore-not-found --timeout=120s "${example[@]}" >/dev/null ||
    die "the example tenant could not be deleted: the reason is above."
  say "removing the operator"
  helm_ uninstall callplane callplane-crds --ignore-not-found --namespace $NAMESPACE >/dev/null
  kubectl_of_user delete namespace $NAMESPACE --ignore-not-found >/dev/null
}
