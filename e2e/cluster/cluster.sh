#!/usr/bin/env bash
# A real Kubernetes with a real PostgreSQL on this machine, in a network namespace of its own, without a registry.
set -euo pipefail
usage() {
  cat <<'TEXT'
usage: cluster.sh COMMAND
  packages           install the Debian packages that are missing
  bench-packages     install those that only make bench needs
  setup              the same, and build Kubernetes, helm and MinIO, once
  up [NODES]         start the cluster (1 node) and PostgreSQL; nothing to do where it runs
  down               end it and leave nothing behind
  status             say what runs
  images             build the images of the repository's binaries and give them to the nodes
  install            install Callplane, from the charts, with the images above
  uninstall          remove Callplane and the example tenant; the custom resource definitions stay
                     (both refuse, in a cluster of yours, what lacks the label callplane.dev/demo=true)
  exec COMMAND...    run a command inside: kubectl is on the PATH, KUBECONFIG is set, phones reach the pods
  env                print what `exec` sets
  postgres start|stop|psql [ARGUMENTS...]
environment: CALLPLANE_CLUSTER (name, default callplane), CALLPLANE_STATE (/var/lib/callplane),
  CALLPLANE_CACHE (/var/cache/callplane), CARGO_TARGET_DIR
  KUBECONFIG: a cluster of yours that install and exec use instead of the local one
TEXT
}

cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source-path=SCRIPTDIR
for part in common packages hyper pki controlplane node images postgres install lifecycle; do source "lib/$part.sh"; done

# Without it the shell would go on after a program that takes Ctrl-C in its own way, as apt-get does.
trap 'exit 130' INT TERM

verb=${1:-}
[ $# = 0 ] || shift
case $verb in
  packages)
    need_toolchains
    install_packages "${PACKAGES[@]}"
    ;;
  bench-packages) install_packages "${BENCH_PACKAGES[@]}" ;;
  setup) setup ;;
  up)
    need_root
    setup
    exclusively up "${1:-1}"
    ;;
  down)
    need_root
    exclusively down
    ;;
  status) status ;;
  images)
    need_root
    images
    ;;
  install)
    # A cluster of the user's own needs no root, and helm itself keeps two installations apart there.
    if local_cluster; then
      need_root
      exclusively install_callplane
    else
      install_callplane
    fi
    ;;
  uninstall) uninstall_callplane ;;
  exec)
    run_inside "$@"
    ;;
  env) cluster_environment ;;
  postgres)
    need_root
    postgres "$@"
    ;;
  *)
    usage >&2
    exit 2
    ;;
esac
