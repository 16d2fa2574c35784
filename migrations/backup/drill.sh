#!/usr/bin/env bash
# A restore that is tried: the newest backup and the log, or a point in time, into a scratch folder on this machine,
# started, checked, timed, and thrown away. The server that was backed up is neither asked nor touched, and the scratch
# server writes nothing into the repository.
#
# usage: drill.sh --scratch FOLDER [--stanza main] [--config FILE] [--database callplane]
#                 [--target-time '2026-11-21 15:04:05+00'] [--port 5499] [--keep]
#
# Run it as the user of PostgreSQL, where the repository can be read and FOLDER, which must not exist, has room for the
# whole server. It says what it does on standard error, and on standard output what it found, for the records:
#   drill.sh --scratch /srv/drill | callplane-operator database backup drill
# --keep leaves the restored server running, to copy from it what was lost; see README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

stanza=main config="" database=callplane scratch="" target="" port=5499 keep=""
say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=yes; shift ;;
    --stanza | --config | --database | --scratch | --target-time | --port)
      [ $# -ge 2 ] || die "$1 needs a value."
      case $1 in
        --stanza) stanza=$2 ;;
        --config) config=$2 ;;
        --database) database=$2 ;;
        --scratch) scratch=$2 ;;
        --target-time) target=$2 ;;
        --port) port=$2 ;;
      esac
      shift 2 ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
  esac
done
[ "$(id -u)" != 0 ] || die "PostgreSQL does not run as root: sudo -u postgres $0"
[ -n "$scratch" ] || die "name a folder that does not exist: --scratch /srv/drill"
[[ $scratch =~ ^/[A-Za-z0-9/_.-]+$ ]] || die "write $scratch as an absolute path without blanks."
[ ! -e "$scratch" ] || die "$scratch exists: name another folder, or remove it if nobody needs it."
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)

now_ms() { date +%s%3N; }
begun=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ) begun_ms=$(now_ms)
psql_() { psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$scratch" -p "$port" -U postgres -d "$database" "$@"; }
report() { # TOOK_MS RECOVERED_TO
  printf '{"location":"pgbackrest:%s","startedAt":"%s","tookMs":%s,"recoveredTo":%s}\n' "$stanza" "$begun" "$1" "$2"
}
stop() { [ ! -e "$scratch/data/postmaster.pid" ] || pg_ctl -D "$scratch/data" -m fast stop >/dev/null || true; }
# A drill that fails is a finding too.
failed() {
  trap - EXIT
  report $(($(now_ms) - begun_ms)) null
  stop
  say "the drill failed; what is there is left in $scratch"
}
mkdir -m 700 "$scratch" || die "$scratch cannot be made: see who may write to the folder above it."
trap failed EXIT

say "restoring stanza $stanza${target:+ to $target} into $scratch/data"
mkdir -m 700 "$scratch/data"
pgbackrest ${config:+--config="$config"} --stanza="$stanza" --pg1-path="$scratch/data" --archive-mode=off \
  ${target:+--type=time "--target=$target" --target-action=promote} restore >&2
# Where there is no log to replay, the moment of the backup.
backup=$(sed -n 's/^START TIME: //p' "$scratch/data/backup_label")

say "starting it: it replays the log"
printf 'local all all trust\n' >"$scratch/pg_hba.conf"
: >"$scratch/postgresql.conf"
# What the server had set by ALTER SYSTEM comes along: its memory, its addresses, its archive.
pg_ctl -D "$scratch/data" -w -t 86400 -l "$scratch/log" -o "-c config_file=$scratch/postgresql.conf \
  -c hba_file=$scratch/pg_hba.conf -c unix_socket_directories=$scratch -c listen_addresses= -c port=$port \
  -c archive_mode=off -c hot_standby=off -c ssl=off -c shared_preload_libraries= -c shared_buffers=128MB" \
  start >/dev/null || { tail -n 20 "$scratch/log" >&2; exit 1; }
until [ "$(psql_ -c 'select pg_is_in_recovery()' 2>/dev/null)" = f ]; do
  pg_ctl -D "$scratch/data" status >/dev/null || { tail -n 20 "$scratch/log" >&2; exit 1; }
  sleep 0.1
done
# Ready is who takes a write.
psql_ -c 'create table public.drill ()' -c 'drop table public.drill'
took=$(($(now_ms) - begun_ms))
recovered_to=$(psql_ -v backup="$backup" <<'SQL'
select to_json(coalesce(pg_last_xact_replay_timestamp(), :'backup'::timestamptz))
SQL
)

say "checking it"
psql_ -f "$here/check.sql" >&2
trap - EXIT
report "$took" "$recovered_to"
say "restored to $recovered_to in $((took / 1000)).$(printf %03d $((took % 1000))) s"
if [ -n "$keep" ]; then
  say "it runs: psql -h $scratch -p $port -U postgres $database; end it: pg_ctl -D $scratch/data stop, and remove $scratch"
else
  stop
  rm -rf "$scratch"
fi
