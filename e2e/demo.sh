#!/usr/bin/env bash
# The demo: a cluster, Callplane on it, the tenant of crds/examples/acme, telephone calls. `demo.sh down` ends it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CALLPLANE_CLUSTER=${CALLPLANE_CLUSTER:-callplane}
cluster=e2e/cluster/cluster.sh
export CALLPLANE_DEMO_FOLDER=${CALLPLANE_DEMO_FOLDER:-/tmp/callplane-demo}

step() { printf '\n== %s\n' "$*" >&2; }
trap 'exit 130' INT TERM

if [ "${1:-}" = down ]; then
  $cluster down
  exit
fi

step "what the demo needs"
$cluster setup

step "building Callplane"
cargo build --workspace --bins --locked

if [ -z "${KUBECONFIG:-}" ]; then
  step "a Kubernetes cluster on this machine"
  $cluster up
  $cluster images
fi

step "Callplane on the cluster"
$cluster install

step "the tenant acme"
$cluster exec kubectl apply -f crds/examples/acme
$cluster exec kubectl wait --for=condition=Ready tenant/acme --timeout=60s
$cluster exec kubectl wait --for=condition=Ready trunk,flow,agent,phonenumber,campaign,mediapool --all -n acme --timeout=60s

if [ -n "${KUBECONFIG:-}" ]; then
  if [ -z "${CALLPLANE_PHONES:-}" ]; then
    step "acme is Ready; set CALLPLANE_PHONES to an address of this machine that the pods reach to see calls"
    exit
  fi
  # The example's carrier is at an address of the local cluster: here it is this machine.
  $cluster exec kubectl patch trunk carrier -n acme --type merge \
    -p "{\"spec\":{\"addresses\":[\"$CALLPLANE_PHONES:5060\"],\"allowedCidrs\":[\"$CALLPLANE_PHONES/32\"]}}"
fi
$cluster exec callplane-demo
