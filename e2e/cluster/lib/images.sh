# shellcheck shell=bash
# Container images without a registry and without a daemon: a base from Debian packages, the repository's
# Dockerfile built by buildah, and containerd's own import.

IMAGES=$CACHE/images
BASE_IMAGE=docker.io/library/debian:bookworm-slim

buildah_() {
  BUILDAH_ISOLATION=chroot CONTAINERS_STORAGE_CONF=$IMAGES/storage.conf buildah "$@"
}

prepare_storage() {
  mkdir -p "$IMAGES"
  local driver=overlay
  on_overlay "$IMAGES" && driver=vfs
  printf '[storage]\ndriver = "%s"\ngraphroot = "%s"\nrunroot = "%s"\n' "$driver" "$IMAGES/storage" "$IMAGES/run" >"$IMAGES/storage.conf"
}

# The package sources of Debian itself on this machine, mirrors included; those of other software stay out.
debian_sources() {
  local file
  for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    grep -qs '^\(deb\|Types\)' "$file" && { echo "$file"; return; }
  done
  die "no Debian package source found in /etc/apt: this setup knows Debian 12 only."
}

apt_proxy() { apt-config dump --format '%f "%v";%n' Acquire::http::Proxy Acquire::https::Proxy; }

# Kept until the name of the release changes or somebody removes the cache: what a base image is good for.
build_base() {
  prepare_storage
  buildah_ inspect --type image $BASE_IMAGE >/dev/null 2>&1 && return
  say "making the base image from Debian packages (about 20 s, once)"
  local tar=$IMAGES/base.tar container
  apt_proxy >"$IMAGES/apt-proxy.conf"
  mmdebstrap --quiet --variant=minbase --include=ca-certificates --aptopt="$IMAGES/apt-proxy.conf" \
    bookworm "$tar" "$(debian_sources)" 2>"$CACHE/base.log" ||
    { tail -n 5 "$CACHE/base.log" >&2; die "the base image could not be made: read $CACHE/base.log."; }
  container=$(buildah_ from scratch)
  buildah_ add -q "$container" "$tar" / >/dev/null
  buildah_ commit -q --rm "$container" $BASE_IMAGE >/dev/null
  rm -f "$tar"
}

build_pause() {
  local tar container
  tar=$(hyper_folder)/pause.tar
  [ -f "$tar" ] && return
  prepare_storage
  container=$(buildah_ from scratch)
  buildah_ copy -q "$container" "$(hyper_folder)/pause" /pause >/dev/null
  buildah_ config --entrypoint '["/pause"]' --user 65534:65534 "$container"
  buildah_ commit -q --rm "$container" localhost/pause:1 >/dev/null
  save_image localhost/pause:1 "$tar"
}

# save_image NAME TAR: an archive of Docker's kind, because it alone is written without compression: seconds less.
save_image() {
  rm -f "$2.new"
  buildah_ push -q "$1" "docker-archive:$2.new:$1" 2>"$CACHE/push.log" ||
    { tail -n 3 "$CACHE/push.log" >&2; die "the image $1 could not be written to $2."; }
  mv "$2.new" "$2"
}

# build_image TARGET BINARY...: the Dockerfile's stage TARGET around binaries that are already built. Prints the
# image's name; its tag follows from the content, so that a Deployment rolls when a binary has changed and only then.
build_image() {
  local target=$1 tag name previous context=$IMAGES/binaries-$1 binary
  shift
  rm -rf "$context" && mkdir -p "$context"
  for binary in "$@"; do strip -o "$context/$(basename "$binary")" "$binary"; done
  tag=$(cd "$context" && sha256sum -- * "$REPO_DIR/Dockerfile" | sha256sum | cut -c1-12)
  name=localhost/callplane-$target:$tag
  if [ ! -f "$IMAGES/$target-$tag.tar" ]; then
    say "building the image $name"
    build_base
    buildah_ build -q --pull=never --layers --target "$target" --build-context "binaries=$context" -t "$name" \
      -f "$REPO_DIR/Dockerfile" "$context" >"$CACHE/image-$target.log" 2>&1 ||
      { tail -n 5 "$CACHE/image-$target.log" >&2; die "the image of $target could not be built: read $CACHE/image-$target.log."; }
    rm -f "$IMAGES/$target"-*.tar
    previous=$(image_name "$target" 2>/dev/null || true)
    [ -z "$previous" ] || [ "$previous" = "$name" ] || buildah_ rmi "$previous" >/dev/null 2>&1 || true
    save_image "$name" "$IMAGES/$target-$tag.tar"
  fi
  rm -rf "$context"
  echo "$name" >"$IMAGES/$target.name"
}

image_name() { cat "$IMAGES/$1.name"; }
image_tar() { local name; name=$(image_name "$1") && echo "$IMAGES/$1-${name##*:}.tar"; }

# import_image TAR: into every node of the running cluster.
import_image() {
  local node
  for node in $(nodes_here); do
    ctr_of "$node" images import "$1" >/dev/null || die "containerd of node$node did not take the image $1."
  done
}
