# shellcheck shell=bash
# What every script here shares: names, folders, progress lines, errors of one sentence, processes that we may end.

CLUSTER_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
REPO_DIR=$(cd "$CLUSTER_DIR/../.." && pwd)

# The cluster's name: its network namespace, its cgroups and its state folder carry it, so that clusters run side by side.
NAME=${CALLPLANE_CLUSTER:-callplane}
STATE_ROOT=${CALLPLANE_STATE:-/var/lib/callplane}
STATE=$STATE_ROOT/$NAME
RUN=$STATE/run LOG=$STATE/log PKI=$STATE/pki

# Addresses inside the namespace: the same in every cluster, because no namespace sees another.
POD_NET=10.88
API_ADDRESS=$POD_NET.0.1
API_PORT=6443
# Telephones live here: every address of the network is local to the namespace.
PHONE_NET=$POD_NET.100
SERVICE_CIDR=10.96.0.0/16
KUBECONFIG_FILE=$STATE/kubeconfig

cache_folder() {
  if [ -n "${CALLPLANE_CACHE:-}" ]; then
    echo "$CALLPLANE_CACHE"
  elif mkdir -p /var/cache/callplane 2>/dev/null && [ -w /var/cache/callplane ]; then
    echo /var/cache/callplane
  else
    echo "${XDG_CACHE_HOME:-$HOME/.cache}/callplane"
  fi
}
CACHE=$(cache_folder)
mkdir -p "$CACHE"

# ---- words to the person at the terminal

STARTED=${STARTED:-$(date +%s%N)}
elapsed() { local ms=$((($(date +%s%N) - STARTED) / 1000000)); printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100)); }
say() { printf '[%6ss] %s\n' "$(elapsed)" "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

need_root() { [ "$(id -u)" = 0 ] || die "the local cluster needs root: run the same command with sudo -E."; }

# ---- waiting

# wait_until SECONDS WHAT COMMAND...: polls the command until it succeeds. In a subshell, as in `await`: a Ctrl-C would
# be answered inside the command, where nobody sees what is said.
wait_until() {
  local seconds=$1 what=$2 deadline=$((SECONDS + $1 + 1))
  shift 2
  until ("$@") >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { printf 'error: %s is not there after %s s.\n' "$what" "$seconds" >&2; return 1; }
    sleep 0.05
  done
}

# ---- the network namespace

in_namespace() { nsenter --net=/run/netns/"$NAME" -- "$@"; }
namespace_exists() { [ -e /run/netns/"$NAME" ]; }

# ---- processes: a pid file holds pid and start time, so that a reused pid is never taken for ours

# Nothing for a process that has ended, even where nobody has asked for its exit status yet.
process_start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'; }

# start NAME COMMAND...: a daemon in the cluster's namespace, with a log and a pid file.
start() {
  local daemon=$1
  shift
  setsid nsenter --net=/run/netns/"$NAME" -- "$@" >>"$LOG/$daemon.log" 2>&1 </dev/null 8>&- 9>&- &
  local pid=$!
  echo "$pid $(process_start_time $pid)" >"$RUN/$daemon.pid"
}

is_running() {
  local pid started
  read -r pid started 2>/dev/null <"$RUN/$1.pid" || return 1
  [ -n "$started" ] && [ "$(process_start_time "$pid")" = "$started" ]
}

# await DAEMON SECONDS COMMAND...: until the command succeeds; says how the daemon died if it did.
await() {
  local daemon=$1 deadline=$((SECONDS + $2))
  shift 2
  until ("$@") >/dev/null 2>&1; do
    if ! is_running "$daemon"; then
      tail -n 5 "$LOG/$daemon.log" >&2
      die "$daemon ended while starting: its last lines are above, all of them in $LOG/$daemon.log."
    fi
    [ $SECONDS -lt $deadline ] || die "$daemon does not answer: read $LOG/$daemon.log."
    sleep 0.05
  done
}

# stop DAEMON [SIGNAL]: ends it if it is still the process we started, and waits for it.
stop() {
  local daemon=$1 signal=${2:-KILL} pid tries=0
  if is_running "$daemon"; then
    read -r pid _ <"$RUN/$daemon.pid"
    kill -s "$signal" "$pid" 2>/dev/null || true
    while is_running "$daemon" && [ $((tries += 1)) -lt 100 ]; do sleep 0.05; done
    is_running "$daemon" && kill -s KILL "$pid" 2>/dev/null
  fi
  rm -f "$RUN/$daemon.pid"
}

# ---- storage

# Overlay does not nest: on an overlay root (as in a container) plain copies are the driver that works.
on_overlay() { [ "$(stat -f -c %T "$1")" = overlayfs ]; }
