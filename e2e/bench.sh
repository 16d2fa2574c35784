#!/usr/bin/env bash
# What the database and the calls cost, each figure beside its bar, in one table. A figure that misses its bar makes the
# run fail; what others do on the machine at the same time is measured with it.
# usage: bench.sh [SECTION...]   only the sections named
#   CALLPLANE_BENCH_CALLS          calls of agent-leg and srtp, 300 unless given
#   CALLPLANE_BENCH_NODE           another callplane-media-node to measure, such as that of a former commit
#   CALLPLANE_BENCH_SESSIONS       browsers of webrtc-echo, 60 unless given
#   CALLPLANE_BENCH_SOAK_MINUTES   length of soak, 2 unless given; 30 is what a release is measured with
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
DATABASE=(records queries migrations import)
MEDIA=(agent-leg srtp memory pacing webrtc-echo relay transcode soak)
LISTENING=(listening)

die() { printf 'error: %s\n' "$*" >&2; exit 1; }
has() { local name=$1 one; shift; for one; do [ "$one" != "$name" ] || return 0; done; return 1; }

database=() media=() listening=()
for section in "${@:-all}"; do
  if [ "$section" = all ]; then database=("${DATABASE[@]}") media=("${MEDIA[@]}") listening=("${LISTENING[@]}")
  elif has "$section" "${DATABASE[@]}"; then database+=("$section")
  elif has "$section" "${MEDIA[@]}"; then media+=("$section")
  elif has "$section" "${LISTENING[@]}"; then listening+=("$section")
  else die "no section $section: name some of ${DATABASE[*]} ${MEDIA[*]} ${LISTENING[*]}."; fi
done

tables=${CARGO_TARGET_DIR:-target}/tmp
rm -f "$tables/bench.md" "$tables/bench-media.md" "$tables/bench-listening.md"
missed=0
if [ ${#database[@]} -gt 0 ]; then
  cargo bench --locked -p callplane-store --bench database -- "${database[@]}" >/dev/null || missed=1
fi
if [ ${#media[@]} -gt 0 ]; then
  e2e/cluster/cluster.sh bench-packages
  # The profile of the image: what is measured is what is shipped.
  cargo bench --locked --profile release -p callplane-media-node --bench media -- "${media[@]}" >/dev/null || missed=1
fi
if [ ${#listening[@]} -gt 0 ]; then
  mkdir -p "$tables"
  printf '| figure | measured | bar | ratio | |\n|---|---|---|---|---|\n' >"$tables/bench-listening.md"
  e2e/listening.sh >>"$tables/bench-listening.md" || missed=1
fi
{ cat "$tables/bench.md" "$tables/bench-media.md" "$tables/bench-listening.md" 2>/dev/null || true; } |
  awk 'NR <= 2 || !/^\| figure \|/ && !/^\|---/'
exit $missed
