# shellcheck shell=bash
# PostgreSQL inside the namespace: TLS, passwords by SCRAM, a data folder of its own, gone with the cluster.

POSTGRES_DATA=$STATE/postgres/data
POSTGRES_SOCKET=$STATE/postgres/socket
POSTGRES_PORT=5432
DATABASE=callplane

postgres_bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }
as_postgres() { in_namespace setpriv --reuid=postgres --regid=postgres --init-groups --inh-caps=-all -- "$@"; }
psql_() { as_postgres "$(postgres_bin)/psql" -X -q -v ON_ERROR_STOP=1 -h "$POSTGRES_SOCKET" -p $POSTGRES_PORT "$@"; }
operator_password() { cat "$STATE/postgres/operator-password"; }

create_postgres() {
  mkdir -p "$STATE/postgres" && chmod 755 "$STATE_ROOT" "$STATE" "$STATE/postgres"
  install -d -o postgres -g postgres -m 700 "$POSTGRES_DATA" "$POSTGRES_SOCKET"
  (umask 077 && openssl rand -hex 24 >"$STATE/postgres/operator-password")
  # In a session of its own: it would take a Ctrl-C that this script answers.
  as_postgres setsid --wait "$(postgres_bin)/initdb" -D "$POSTGRES_DATA" -E UTF8 --locale=C.UTF-8 -A peer --no-sync >"$LOG/initdb.log" 2>&1 ||
    die "PostgreSQL could not be set up: read $LOG/initdb.log."
  install -o postgres -g postgres -m 600 "$PKI/postgres.crt" "$PKI/postgres.key" "$POSTGRES_DATA"
  cat >>"$POSTGRES_DATA/postgresql.conf" <<CONF
listen_addresses = '$API_ADDRESS'
port = $POSTGRES_PORT
unix_socket_directories = '$POSTGRES_SOCKET'
max_connections = 200
ssl = on
ssl_cert_file = 'postgres.crt'
ssl_key_file = 'postgres.key'
fsync = off                     # survives the end of a process, not of the machine: enough for a throw-away cluster
log_line_prefix = '%m [%p] %u@%d '
CONF
  cat >"$POSTGRES_DATA/pg_hba.conf" <<CONF
local   all all                 peer
hostssl all all $POD_NET.0.0/16 scram-sha-256
CONF
}

postgres_ready() { psql_ -d postgres -c 'select 1'; }

start_postgres() {
  start postgres setpriv --reuid=postgres --regid=postgres --init-groups --inh-caps=-all -- "$(postgres_bin)/postgres" -D "$POSTGRES_DATA"
  await postgres 20 postgres_ready
}

# SIGINT is PostgreSQL's fast shutdown: sessions are cut, committed work is kept.
stop_postgres() { stop postgres INT; }

# The operator's login and database, by the store's own statements.
bootstrap_database() {
  psql_ -d postgres -v password="$(operator_password)" -v database=$DATABASE -f - <"$REPO_DIR/migrations/bootstrap.sql" >"$LOG/bootstrap.log" 2>&1 ||
    { tail -n 3 "$LOG/bootstrap.log" >&2; die "the database could not be prepared: read $LOG/bootstrap.log."; }
}
