# shellcheck shell=bash
# The verbs: up, down, status, images, exec.

# One verb at a time for a cluster's name. Daemons must not inherit this lock (9), nor the one of the tests (8):
# `start` closes both.
exclusively() {
  mkdir -p "$STATE_ROOT"
  exec 9>"$STATE_ROOT/$NAME.lock"
  flock -w 300 9 || die "another command works on the cluster $NAME: wait for it, or end it."
  "$@"
}

# ---- kernel settings that kubelet and plugins change; the first cluster records them, the last one puts them back

SYSCTLS=(vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes)

record_sysctls() {
  local key
  [ -f "$STATE_ROOT/sysctls" ] && return
  for key in "${SYSCTLS[@]}"; do echo "$key $(cat /proc/sys/$key)"; done >"$STATE_ROOT/sysctls"
}

restore_sysctls() {
  local key value other
  for other in "$STATE_ROOT"/*/; do [ -d "$other" ] && return; done
  [ -f "$STATE_ROOT/sysctls" ] || return 0
  while read -r key value; do echo "$value" >"/proc/sys/$key"; done <"$STATE_ROOT/sysctls"
  rm -f "$STATE_ROOT/sysctls"
}

# ---- up

is_up() {
  namespace_exists && [ -f "$STATE/complete" ] && is_running apiserver && is_running etcd && is_running postgres &&
    api_ready >/dev/null 2>&1
}

up() {
  local nodes=$1
  HYPER=$(hyper_folder)/hyper
  case $nodes in [1-9]) ;; *) die "the number of nodes must be from 1 to 9, not $nodes." ;; esac
  if is_up; then
    say "the cluster $NAME runs already"
    return
  fi
  [ ! -d "$STATE" ] || { say "clearing what an unfinished cluster $NAME left"; down; }
  build_pause
  record_sysctls
  trap 'abandon; exit 130' INT TERM
  trap '[ $? = 0 ] || { say "the logs are kept in $STATE_ROOT/$NAME.failed"; keep_logs; abandon; }' EXIT
  STARTED=$(date +%s%N)
  mkdir -p "$RUN" "$LOG" "$PKI"
  start_all "$nodes"
  touch "$STATE/complete"
  trap - INT TERM EXIT
  say "the cluster $NAME is ready: $nodes node(s), PostgreSQL; look around with e2e/cluster/cluster.sh exec kubectl get pods -A"
}

# Parts that come up in the background.
STARTING=()

# Ends a cluster that is not complete. What starts in the background does not hear of a Ctrl-C and would go on
# starting while this ends: it is waited for.
abandon() {
  trap - EXIT
  trap '' INT TERM
  say "stopping the unfinished cluster"
  [ ${#STARTING[@]} -eq 0 ] || wait "${STARTING[@]}" || true
  down
}

start_all() {
  local nodes=$1 node
  ip netns add "$NAME"
  in_namespace ip link set lo up
  in_namespace ip link add callplane0 type bridge
  in_namespace ip address add "$API_ADDRESS/24" dev callplane0
  in_namespace ip address add "$PHONE_NET.1/24" dev callplane0
  in_namespace ip link set callplane0 up
  in_namespace ip route add local "$PHONE_NET.0/24" dev callplane0
  make_pki "$nodes"
  start_api_server
  (create_postgres; start_postgres; bootstrap_database) & STARTING+=($!)
  for node in $(seq 1 "$nodes"); do
    (start_containerd "$node"; ctr_of "$node" images import "$(hyper_folder)/pause.tar" >/dev/null) & STARTING+=($!)
  done
  await apiserver 60 api_ready
  start_controllers
  local pid
  for pid in "${STARTING[@]}"; do wait "$pid" || die "the cluster $NAME did not start: the reason is above."; done
  for node in $(seq 1 "$nodes"); do start_kubelet "$node"; done
  start_proxy
  for node in $(seq 1 "$nodes"); do
    await "kubelet$node" 60 node_ready "$node"
    echo $((($(date +%s%N) - STARTED) / 1000000)) >"$STATE/node$node.ready-milliseconds"
    say "node$node is Ready"
  done
  await controller-manager 60 kubectl_ get serviceaccount default
}

kubectl_() { in_namespace "$HYPER" kubectl --kubeconfig "$KUBECONFIG_FILE" "$@"; }

node_ready() {
  [ "$(kubectl_ get node "node$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]
}

keep_logs() { rm -rf "$STATE_ROOT/$NAME.failed" && cp -r "$LOG" "$STATE_ROOT/$NAME.failed"; }

# ---- down

# Every step is tried, whatever became of the one before.
down() {
  local node daemon mount
  set +e
  for daemon in kube-proxy controller-manager scheduler; do stop $daemon; done
  for node in $(nodes_here); do stop_node "$node"; done
  for daemon in apiserver etcd; do stop $daemon; done
  stop postgres QUIT
  # The kubelet mounts its folder onto itself; the newest mount goes first.
  tac /proc/mounts | cut -d' ' -f2 | grep "^$STATE/" | while read -r mount; do
    umount "$mount" 2>/dev/null || umount -l "$mount" 2>/dev/null || true
  done
  find /var/log/containers -lname "$STATE/*" -delete 2>/dev/null || true
  ! namespace_exists || ip netns delete "$NAME"
  # Deleting a gigabyte on a busy disk takes a while that nobody has to wait for.
  local trash=$STATE_ROOT/.deleted-$NAME-$$
  [ ! -d "$STATE" ] || mv "$STATE" "$trash"
  setsid rm -rf "$STATE_ROOT"/.deleted-* >/dev/null 2>&1 </dev/null 8>&- 9>&- &
  restore_sysctls
  set -e
  say "the cluster $NAME is gone"
}

# ---- status, images, exec

status() {
  local file daemon
  if [ ! -d "$STATE" ]; then
    echo "$NAME: not running"
    return 3
  fi
  for file in "$RUN"/*.pid; do
    daemon=$(basename "$file" .pid)
    if is_running "$daemon"; then echo "$daemon: running"; else echo "$daemon: ended, see $LOG/$daemon.log"; fi
  done
  HYPER=$(hyper_folder)/hyper
  is_up && kubectl_ get nodes
}

# The binaries of cargo's dev profile: the folder is the one `make` builds into.
images() {
  local built=${CARGO_TARGET_DIR:-$CACHE/target}/debug target
  build_image operator "$built/callplane-operator"
  build_image media-node "$built/callplane-media-node" "$built/callplane-speech"
  for target in operator media-node; do
    import_image "$(image_tar $target)"
    image_name $target
  done
}

cluster_environment() {
  echo "PATH=$CACHE/bin:${CARGO_TARGET_DIR:-$CACHE/target}/debug:$PATH"
  if local_cluster; then
    echo "CALLPLANE_CLUSTER=$NAME"
    echo "KUBECONFIG=$KUBECONFIG_FILE"
  else
    echo "KUBECONFIG=$KUBECONFIG"
  fi
}

postgres() {
  case ${1:-} in
    start) start_postgres ;;
    stop) stop_postgres ;;
    psql) psql_ -d $DATABASE "${@:2}" ;;
    *) die "postgres knows start, stop and psql." ;;
  esac
}

# In the caller's folder, not in ours.
run_inside() {
  local line
  while read -r line; do export "${line?}"; done < <(cluster_environment)
  cd "$OLDPWD"
  local_cluster || exec env -u CALLPLANE_CLUSTER "$@"
  need_root
  namespace_exists || die "the cluster $NAME does not run: start it with e2e/cluster/cluster.sh up."
  exec nsenter --net=/run/netns/"$NAME" -- "$@"
}
