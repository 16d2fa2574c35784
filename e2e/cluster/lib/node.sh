# shellcheck shell=bash
# A node: a bridge, a containerd and a kubelet of its own. Several nodes share the machine and the namespace.

node_folder() { echo "$STATE/node$1"; }
node_cgroup() { echo "$NAME-node$1"; }
containerd_socket() { echo "$(node_folder "$1")/containerd.sock"; }

# ctr hangs for ever without a socket, hence the test and the limit.
ctr_of() {
  local node=$1
  shift
  [ -S "$(containerd_socket "$node")" ] && timeout 60 ctr --connect-timeout 2s -a "$(containerd_socket "$node")" -n k8s.io "$@"
}

nodes_here() { local folder; for folder in "$STATE"/node[0-9]*; do [ -d "$folder" ] && echo "${folder##*/node}"; done; return 0; }

# ---- cgroups: by hand, because nothing else creates the root that the kubelet is told

unified_cgroups() { [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; }

cgroup_hierarchies() {
  if unified_cgroups; then
    echo /sys/fs/cgroup
  else
    local controller
    for controller in cpu cpuacct cpuset memory devices freezer blkio pids systemd unified; do
      [ ! -d /sys/fs/cgroup/$controller ] || echo /sys/fs/cgroup/$controller
    done
  fi
}

make_cgroups() {
  local hierarchy cgroup
  unified_cgroups && echo '+cpu +cpuset +io +memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
  for hierarchy in $(cgroup_hierarchies); do
    cgroup=$hierarchy/$(node_cgroup "$1")
    mkdir -p "$cgroup"
    unified_cgroups && echo '+cpu +cpuset +io +memory +pids' >"$cgroup/cgroup.subtree_control"
    # A cpuset of version 1 is born empty and takes no process until it is filled.
    if [ -f "$hierarchy/cpuset.cpus" ] && ! unified_cgroups; then
      cat "$hierarchy/cpuset.cpus" >"$cgroup/cpuset.cpus"
      cat "$hierarchy/cpuset.mems" >"$cgroup/cpuset.mems"
    fi
    # Pods carry voice: they come before a build that runs beside them.
    [ ! -f "$cgroup/cpu.shares" ] || echo 10240 >"$cgroup/cpu.shares"
    [ ! -f "$cgroup/cpu.weight" ] || echo 1000 >"$cgroup/cpu.weight"
  done
}

remove_cgroups() {
  local hierarchy cgroup
  for hierarchy in $(cgroup_hierarchies); do
    cgroup=$hierarchy/$(node_cgroup "$1")
    [ -d "$cgroup" ] && find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
  done
  return 0
}

# ---- containerd

write_cni() {
  local folder=$1 node=$2
  mkdir -p "$folder/cni"
  cat >"$folder/cni/10-bridge.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "bridge$node", "plugins": [
  {"type": "bridge", "bridge": "node$node", "isGateway": true, "isDefaultGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$folder/addresses",
            "ranges": [[{"subnet": "$POD_NET.$node.0/24", "rangeStart": "$POD_NET.$node.10"}]]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
}

# restrict_oom_score_adj: without CAP_SYS_RESOURCE no sandbox would start, with an error that names a broken pipe.
write_containerd_config() {
  local folder=$1 snapshotter=overlayfs
  on_overlay "$folder" && snapshotter=native
  cat >"$folder/containerd.toml" <<TOML
version = 2
root = "$folder/containerd"
state = "$folder/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "$folder/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  netns_mounts_under_state_dir = true
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  disable_apparmor = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$folder/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$snapshotter"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
      Root = "$folder/runc"
TOML
}

start_containerd() {
  local node=$1 folder
  folder=$(node_folder "$node")
  mkdir -p "$folder"
  # An address of its own: a bridge without one takes the lowest of its ports and changes it as pods come and go, and
  # pods that know the former one lose their gateway.
  in_namespace ip link add "node$node" address "$(printf '02:00:0a:58:%02x:01' "$node")" type bridge
  in_namespace ip address add "$POD_NET.$node.1/24" dev "node$node"
  in_namespace ip link set "node$node" up
  make_cgroups "$node"
  write_cni "$folder" "$node"
  write_containerd_config "$folder"
  start "containerd$node" containerd -c "$folder/containerd.toml"
  await "containerd$node" 20 ctr_of "$node" version
}

# ---- kubelet

# failCgroupV1: machines with the first version of cgroups are served too.
write_kubelet_config() {
  local node=$1 folder=$2
  cat >"$folder/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $POD_NET.$node.1
port: 10250
readOnlyPort: 0
healthzBindAddress: $POD_NET.$node.1
healthzPort: 10248
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI/kubelet-server$node.crt
tlsPrivateKeyFile: $PKI/kubelet-server$node.key
containerRuntimeEndpoint: unix://$folder/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$(node_cgroup "$node")
failSwapOn: false
failCgroupV1: false
evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%", imagefs.inodesFree: "0%"}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
podLogsDir: $folder/pod-logs
volumePluginDir: $folder/volume-plugins
serializeImagePulls: false
syncFrequency: 5s
nodeStatusUpdateFrequency: 2s
nodeStatusReportFrequency: 10s
kubeAPIQPS: 500
kubeAPIBurst: 1000
eventRecordQPS: 0
maxPods: 100
makeIPTablesUtilChains: false
localStorageCapacityIsolation: false
shutdownGracePeriod: 0s
crashLoopBackOff: {maxContainerRestartPeriod: 2s}
YAML
}

start_kubelet() {
  local node=$1 folder
  folder=$(node_folder "$node")
  write_kubelet_config "$node" "$folder"
  start "kubelet$node" "$HYPER" kubelet --kubeconfig="$PKI/kubelet$node.kubeconfig" --config="$folder/kubelet.yaml" \
    --hostname-override="node$node" --node-ip="$POD_NET.$node.1" --root-dir="$folder/kubelet" --cert-dir="$folder/kubelet-pki" --v=2
}

# ---- the end of a node

stop_node() {
  local node=$1 task pids=() container
  stop "kubelet$node"
  for task in $(ctr_of "$node" tasks list -q 2>/dev/null); do
    ctr_of "$node" tasks delete --force "$task" >/dev/null 2>&1 & pids+=($!)
  done
  [ ${#pids[@]} -eq 0 ] || wait "${pids[@]}" || true
  for container in $(ctr_of "$node" containers list -q 2>/dev/null); do
    ctr_of "$node" containers delete "$container" >/dev/null 2>&1 || true
  done
  stop "containerd$node"
  kill_leftovers "$node"
  remove_cgroups "$node"
}

# Shims and containers that outlived their containerd: the first carry its socket on their command line, the
# second sit in this node's cgroup.
kill_leftovers() {
  local node=$1 pid hierarchy file
  for pid in $(pgrep -f "^/usr/bin/containerd-shim-runc-v2 .*-address $(containerd_socket "$node")( |\$)" || true); do
    kill -s KILL "$pid" 2>/dev/null || true
  done
  for hierarchy in $(cgroup_hierarchies); do
    [ -d "$hierarchy/$(node_cgroup "$node")" ] || continue
    while read -r file; do
      while read -r pid; do kill -s KILL "$pid" 2>/dev/null || true; done <"$file"
    done < <(find "$hierarchy/$(node_cgroup "$node")" -name cgroup.procs 2>/dev/null)
  done
}
