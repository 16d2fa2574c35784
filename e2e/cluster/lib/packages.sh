# shellcheck shell=bash
# Installs what is missing, and only that: Debian packages by apt, helm and MinIO by `go install`.

PACKAGES=(
  # to build: a linker, the headers of the speech libraries
  gcc libc6-dev make pkg-config lld git ca-certificates
  flite1-dev libpocketsphinx-dev libsphinxbase-dev
  # to run the speech worker and to make what the phones say
  libflite1 libpocketsphinx3 pocketsphinx-en-us flite pocketsphinx sox
  # the local cluster
  containerd runc containernetworking-plugins iptables nftables iproute2 openssl curl jq
  postgresql postgresql-client pgbackrest
  # images without a registry
  buildah mmdebstrap
  # the independent phones and browsers (aiortc and what steers Chromium are from PyPI), the independent relay and end of
  # SRTP, the independent player of recordings, the independent readers of metrics and captures
  sip-tester baresip-core python3-venv chromium coturn libsrtp2-dev opus-tools prometheus tcpdump
)
# For make bench alone: peers, and where the time goes.
BENCH_PACKAGES=(rtpengine-daemon janus linux-perf)
HELM_VERSION=v3.22.0
MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c

# missing_packages NAME...: those that are not installed.
missing_packages() {
  # dpkg-query fails as soon as it does not know one of the names, and still tells of the others.
  local installed
  installed=$({ dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null || true; } |
    awk '$1 == "ii" { print $2 }')
  comm -23 <(printf '%s\n' "$@" | sort) <(sort <<<"$installed")
}

# Keeps the services of the new packages (PostgreSQL, containerd, Prometheus) from starting on this machine:
# the cluster runs its own in its namespace. A policy of the machine's own is left alone. In a subshell: its end,
# whatever the reason, takes the policy away.
without_services() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
  fi
  "$@"
)

# install_packages NAME...: those of them that are missing.
install_packages() {
  local names missing
  names=$(missing_packages "$@")
  [ -n "$names" ] || return 0
  mapfile -t missing <<<"$names"
  need_root
  command -v apt-get >/dev/null || die "the setup knows Debian 12 only: install these by hand: ${missing[*]}."
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  local log=$CACHE/apt.log
  apt-get update -qq >"$log" 2>&1 ||
    say "some package sources of this machine did not answer (see $log); going on with the others"
  # What an interrupted installation left half configured would stop every later one.
  without_services dpkg --configure -a >>"$log" 2>&1 || true
  DEBIAN_FRONTEND=noninteractive without_services \
    apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    die "apt-get could not install the packages: read $log, repair the package sources, and run again."
  }
}

need_toolchains() {
  command -v go >/dev/null || die "Go is missing: install Go 1.26 or newer, put it on the PATH, and run again."
  command -v cargo >/dev/null || die "Rust is missing: install it with rustup, put ~/.cargo/bin on the PATH, and run again."
}

# install_go NAME VERSION MODULE MINUTES: a program of a Go module, as $CACHE/bin/NAME.
install_go() {
  local name=$1 version=$2 module=$3 folder=$CACHE/$1/$2
  if [ ! -x "$folder/$name" ]; then
    say "building $name $version (about $4, once)"
    GOBIN=$folder.new GOFLAGS="" CGO_ENABLED=0 nice go install "$module@$version" >"$CACHE/$name.log" 2>&1 ||
      die "$name could not be built: read $CACHE/$name.log."
    rm -rf "$folder" && mv "$folder.new" "$folder"
  fi
  mkdir -p "$CACHE/bin"
  ln -sf "$folder/$name" "$CACHE/bin/$name"
}

setup() {
  need_toolchains
  install_packages "${PACKAGES[@]}"
  build_hyper
  install_go helm "$HELM_VERSION" helm.sh/helm/v3/cmd/helm "a minute"
  # For tests only: object storage that this project did not write.
  install_go minio "$MINIO_VERSION" github.com/minio/minio "two minutes"
}
