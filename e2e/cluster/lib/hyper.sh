# shellcheck shell=bash
# Builds Kubernetes and etcd into one binary, once per version: the key is what decides the result.

HYPER_SOURCES=(go.mod go.sum main.go etcd.go pause/main.go)

hyper_key() { (cd "$CLUSTER_DIR" && { cat "${HYPER_SOURCES[@]}"; go env GOVERSION GOARCH; } | sha256sum | cut -c1-16); }
hyper_folder() { echo "$CACHE/hyper/$(hyper_key)"; }

build_hyper() {
  local folder
  folder=$(hyper_folder)
  if [ ! -x "$folder/hyper" ]; then
    local version
    version=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' "$CLUSTER_DIR/go.mod")
    say "building Kubernetes $version from Go modules (4 to 6 minutes on two cores, once)"
    compile_hyper "$version" "$folder.new" 2>"$CACHE/hyper.log" ||
      { tail -n 5 "$CACHE/hyper.log" >&2; die "Kubernetes could not be built: read $CACHE/hyper.log."; }
    rm -rf "$folder" && mv "$folder.new" "$folder"
  fi
  mkdir -p "$CACHE/bin"
  ln -sf "$folder/hyper" "$CACHE/bin/kubectl"
}

compile_hyper() {
  local version=$1 out=$2 minor flags
  minor=$(cut -d. -f2 <<<"$version")
  flags="-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/client-go/pkg/version.gitVersion=$version"
  flags+=" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$minor"
  mkdir -p "$out" && cd "$CLUSTER_DIR" &&
    CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -ldflags "$flags" -o "$out/hyper" . &&
    CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath -ldflags '-s -w' -o "$out/pause" ./pause
}
