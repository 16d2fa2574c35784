#!/usr/bin/env bash
# The demo: a cluster, Callplane on it, the tenant of crds/examples/acme, telephone calls. `demo.sh down` ends it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CALLPLANE_CLUSTER=${CALLPLANE_CLUSTER:-callplane}
cluster=e2e/cluster/cluster.sh
export CALLPLANE_DEMO_FOLDER=${CALLPLANE_DEMO_FOLDER:-/tmp/callplane-demo}

step() { printf '\n== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
stopped() {
  trap '' INT TERM
  echo "stopped; make demo goes on from here, make demo-down ends what is up" >&2
  exit 130
}
trap stopped INT TERM

# The kubeconfig of the local cluster, exported to look around in it, is not a cluster of the user's own.
[ "${KUBECONFIG:-}" != "${CALLPLANE_STATE:-/var/lib/callplane}/$CALLPLANE_CLUSTER/kubeconfig" ] || unset KUBECONFIG
given() { [ -n "${KUBECONFIG:-}" ]; }

if [ "${1:-}" = down ]; then
  if given; then $cluster uninstall; else $cluster down; fi
  exit
fi

given || [ "$(id -u)" = 0 ] || die "the demo starts a cluster, which needs root: run the same command with sudo -E, or set KUBECONFIG to a cluster of yours."

step "what the demo needs"
$cluster setup

step "building Callplane"
cargo build --workspace --bins --locked

if ! given; then
  step "a Kubernetes cluster on this machine"
  $cluster up
  $cluster images
fi

step "Callplane on the cluster"
$cluster install

# What an earlier demo left in the user's database is asked for by name, as the Tenant's condition says.
adopt_retained_data() {
  local id
  $cluster exec kubectl wait --for=jsonpath='{.status.observedGeneration}' tenant/acme --timeout=60s
  id=$($cluster exec kubectl get tenant acme -o json |
    jq -r '.status.conditions[]? | select(.reason == "DataRetained") | .message' | sed -n 's/.*adopt-data=//p' | head -n 1)
  [ -z "$id" ] || $cluster exec kubectl annotate tenant acme "callplane.dev/adopt-data=$id"
}

# In a cluster of the user's own each object says that the demo made it: demo-down deletes nobody else's.
apply_example() {
  if given; then
    $cluster exec kubectl label --local -f crds/examples/acme callplane.dev/demo=true -o json |
      $cluster exec kubectl apply -f -
  else
    $cluster exec kubectl apply -f crds/examples/acme
  fi
}

step "the tenant acme"
apply_example
! given || adopt_retained_data
$cluster exec kubectl wait --for=condition=Ready tenant/acme --timeout=60s
$cluster exec kubectl wait --for=condition=Ready trunk,flow,agent,phonenumber,campaign,mediapool --all -n acme --timeout=60s

if given; then
  if [ -z "${CALLPLANE_PHONES:-}" ]; then
    step "acme is Ready; set CALLPLANE_PHONES to an address of this machine that the pods reach to see calls"
    exit
  fi
  # The example's carrier is at an address of the local cluster: here it is this machine.
  $cluster exec kubectl patch trunk carrier -n acme --type merge \
    -p "{\"spec\":{\"addresses\":[\"$CALLPLANE_PHONES:5060\"],\"allowedCidrs\":[\"$CALLPLANE_PHONES/32\"]}}"
fi
$cluster exec callplane-demo
