#!/usr/bin/env bash
# Every test: those of the crates, then those that need a cluster, in one that this script starts and ends.
# usage: test.sh [FILTER...]   only the cluster tests whose names contain a filter
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CALLPLANE_CLUSTER=${CALLPLANE_CLUSTER:-callplane-test}
unset KUBECONFIG # the tests break nodes and databases: those of a cluster of their own
cluster=e2e/cluster/cluster.sh

step() { printf '\n== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "the tests start a cluster, which needs root: run the same command with sudo -E."

# Two runs would end each other's cluster. The kernel lets go of the lock with the process.
only_one() {
  local state=${CALLPLANE_STATE:-/var/lib/callplane}
  mkdir -p "$state"
  exec 8>"$state/$CALLPLANE_CLUSTER.test.lock"
  flock -n 8 || die "other tests run in the cluster $CALLPLANE_CLUSTER: wait for them, or give these another by CALLPLANE_CLUSTER."
}
only_one

# Whatever the end is, nothing is left behind; a second Ctrl-C does not cut the clearing short.
finish() {
  trap '' INT TERM
  $cluster down 2>/dev/null || true
  rm -f "$CALLPLANE_FIGURES"
}
stopped() {
  trap '' INT TERM
  echo "stopped; the cluster of the tests is ended, what was built is kept for the next run" >&2
  exit 130
}
CALLPLANE_FIGURES=$(mktemp)
export CALLPLANE_FIGURES
trap finish EXIT
trap stopped INT TERM

# What the tests have measured.
figures() {
  [ -s "$CALLPLANE_FIGURES" ] || return 0
  step "figures"
  awk -F '\t' '{ printf "%-66s %s %s%s\n", $1, $2, $3, $4 == "" ? "" : "   (limit: " $4 ")" }' "$CALLPLANE_FIGURES" >&2
}

# The closing line of the test runner stays the last one: the figures come before it.
figures_before_the_closing_line() {
  local line closing=""
  while IFS= read -r line; do
    case $line in "test result: "*) closing=$line ;; *) printf '%s\n' "$line" ;; esac
  done
  figures
  [ -z "$closing" ] || printf '%s\n' "$closing"
}

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
[ -x "$cluster_tests" ] || die "the cluster tests were not built: run cargo test --workspace --no-run."

if [ $# = 0 ]; then
  step "format, clippy, documentation"
  make --no-print-directory lint
  step "tests of the crates"
  cargo test --workspace --locked
fi

step "cluster tests"
# A run that was killed may have left a cluster with its tenants.
$cluster down 2>/dev/null || true
$cluster up
$cluster images
$cluster install
# One at a time, because some measure times and some take the database away; before other work of the machine,
# because the telephones keep time.
(cd e2e && "../$cluster" exec nice -n -10 "$cluster_tests" --include-ignored --test-threads=1 "$@") | figures_before_the_closing_line
