#!/usr/bin/env bash
# Every test: those of the crates, then those that need a cluster, in one that this script starts and ends.
# usage: test.sh [FILTER...]   only the cluster tests whose names contain a filter
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CALLPLANE_CLUSTER=${CALLPLANE_CLUSTER:-callplane-test}
unset KUBECONFIG # the tests break nodes and databases: those of a cluster of their own
cluster=e2e/cluster/cluster.sh

step() { printf '\n== %s\n' "$*" >&2; }

step "what the tests need"
$cluster setup

step "building the workspace and its tests"
cargo build --workspace --bins --locked
cargo test --workspace --locked --no-run
# The cluster tests are run from the program that is built by now: cargo, asked for this crate alone, would choose other
# features for its dependencies and build them again.
cluster_tests=$(cargo test --workspace --locked --no-run --message-format json 2>/dev/null | jq -r '
  select(.reason == "compiler-artifact" and .profile.test and .executable != null)
  | select((.manifest_path | endswith("/e2e/Cargo.toml")) and .target.name == "it") | .executable')
[ -x "$cluster_tests" ] || { echo "the cluster tests were not built: run cargo test --workspace --no-run" >&2; exit 1; }

if [ $# = 0 ]; then
  step "format, clippy, documentation"
  make --no-print-directory lint
  step "tests of the crates"
  cargo test --workspace --locked
fi

step "cluster tests"
trap '$cluster down 2>/dev/null' EXIT
trap 'exit 130' INT TERM
$cluster up
$cluster images
$cluster install
# One at a time, because some measure times and some take the database away; before other work of the machine,
# because the telephones keep time. Inside the namespace there is no
# network but the cluster's, hence --offline; everything is built by now.
$cluster exec nice -n -10 cargo test -p callplane-e2e --locked --offline --test it -- --include-ignored --test-threads=1 "$@"
