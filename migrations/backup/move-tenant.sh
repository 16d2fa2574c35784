#!/usr/bin/env bash
# Moves a tenant whose Tenant was deleted with Retain to another PostgreSQL server that Callplane is installed on: its
# roles with their settings, its rows of schema platform, its schema and its compatibility views. All or nothing: one
# transaction at the target. Afterwards both sides are compared, object by object and table by table. Nothing changes at
# the source, which keeps everything until somebody removes it. The whole procedure: README.md.
#
# usage: move-tenant.sh --tenant acme --from URL --to URL             move, then compare
#        move-tenant.sh --tenant acme --from URL --to URL --compare   compare only
#
# The URLs (postgres://...) are those of superusers; keep their passwords in ~/.pgpass, because arguments are seen by
# everybody on the machine. pg_dump must not be older than the server at the source.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Every table of schema platform with rows of tenants is in one of these lists; the order is that of foreign keys.
COPIED="tenants tenant_roles schema_migrations tenant_configs feature_flag_overrides roles api_keys usage_quotas
  encryption_keys archive_manifests import_progress system_errors audit_logs"
# Of the place where the tenant was.
LEFT="media_nodes quota_holds sessions user_tokens"
# People are of the installation, and are not moved. Numbers are released with their PhoneNumber; see export_numbers.
MUST_BE_EMPTY="memberships user_roles phone_numbers"

tenant="" from="" to="" compare_only=""
say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
while [ $# -gt 0 ]; do
  case $1 in
    --compare) compare_only=yes; shift ;;
    --tenant | --from | --to)
      [ $# -ge 2 ] || die "$1 needs a value."
      case $1 in --tenant) tenant=$2 ;; --from) from=$2 ;; --to) to=$2 ;; esac
      shift 2 ;;
    *) sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
  esac
done
[[ $tenant =~ ^[a-z0-9]([a-z0-9-]*[a-z0-9])?$ ]] || die "name the tenant: --tenant acme"
[ -n "$from" ] && [ -n "$to" ] || die "name both servers: --from postgres://... --to postgres://..."
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
work=$(mktemp -d)
chmod 700 "$work"
trap 'rm -rf "$work"' EXIT

# The session is the same on both sides, for what is compared.
export PGOPTIONS="-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=1 -c search_path="
psql_at() { # URL ARGUMENT... with the statements on standard input
  local url=$1
  shift
  psql "$url" -X -q -A -t -v ON_ERROR_STOP=1 -v tenant="$tenant" "$@" -f -
}
ask() { psql_at "$1" <<<"$2"; }

check_lists() {
  local listed found
  listed=$(printf '%s\n' $COPIED $LEFT $MUST_BE_EMPTY | sort)
  found=$(ask "$from" "select c.relname from pg_class c where c.relnamespace = 'platform'::regnamespace
    and c.relkind in ('r', 'p') and not c.relispartition and (c.relname = 'tenants' or exists (
      select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'))" | sort)
  [ "$listed" = "$found" ] ||
    die "this script and schema platform know other tables of tenants: $(comm -3 <(echo "$listed") <(echo "$found") |
      xargs); name each in one of the lists at its top."
}

check_source() {
  local state table rows
  state=$(ask "$from" "select status || coalesce(' ' || status_reason, '') from platform.tenants where slug = :'tenant'")
  [ -n "$state" ] || die "there is no tenant $tenant at the source."
  [ "$state" = "deleted retained" ] ||
    die "the tenant $tenant is at work ($state): delete its Tenant with deletionPolicy Retain first."
  [ "$(ask "$from" "select count(*) from pg_roles r join platform.tenant_roles t on t.role_name = r.rolname
      join platform.tenants n on n.id = t.tenant_id where n.slug = :'tenant' and (r.rolcanlogin or exists (
        select from pg_stat_activity a where a.usename = r.rolname))")" = 0 ] ||
    die "logins of the tenant are open at the source: wait until the operator has closed them."
  rows=$(ask "$from" "select format('select %L where exists (select from %s where k8s_uid is not null);', c.relname, c.oid::regclass)
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'k8s_uid' join platform.tenants t
      on c.relnamespace = to_regnamespace(quote_ident(t.schema_name)) where t.slug = :'tenant' and c.relkind = 'r' \\gexec")
  [ -z "$rows" ] || die "custom resources of the tenant are still there ($(xargs <<<"$rows")): delete them first, their data stays."
  for table in $MUST_BE_EMPTY; do
    rows=$(ask "$from" "select count(*) from platform.$table r join platform.tenants t on t.id = r.tenant_id where t.slug = :'tenant'")
    [ "$rows" = 0 ] || die "platform.$table has $rows rows of the tenant, which are not moved: remove them (PhoneNumbers, people) first."
  done
}

check_target() {
  local versions="select string_agg(version || ' ' || encode(checksum, 'hex'), ',' order by version) from platform.schema_migrations where tenant_id is null"
  [ "$(ask "$from" "$versions")" = "$(ask "$to" "$versions")" ] ||
    die "schema platform is not the same at both: run the same release of the operator at both first."
  [ "$(ask "$to" "select count(*) from platform.tenants where slug = :'tenant'")" = 0 ] ||
    die "there is a tenant $tenant at the target."
  local numbers
  numbers=$(ask "$from" "select format('select string_agg(quote_literal(e164), '','') from %I.phone_numbers', schema_name)
    from platform.tenants where slug = :'tenant' \\gexec")
  [ -z "$numbers" ] ||
    [ "$(ask "$to" "select count(*) from platform.phone_numbers where tenant_id is not null and e164 in ($numbers)")" = 0 ] ||
    die "a number of the tenant belongs to another tenant at the target: delete its PhoneNumber there first."
}

columns_of() { # TABLE: what is copied of it; a number of its own is given by each server
  ask "$from" "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
    where attrelid = 'platform.$1'::regclass and attnum > 0 and not attisdropped and attgenerated = '' and attidentity = ''"
}

# A released number keeps its id, which calls refer to, so that it is the same when its PhoneNumber comes back.
export_numbers() {
  local columns
  columns=$(columns_of phone_numbers)
  ask "$from" "select format('copy (select $columns from platform.phone_numbers where tenant_id is null and id in (select id from %I.phone_numbers)) to stdout', schema_name)
    from platform.tenants where slug = :'tenant' \\gexec" >"$work/numbers.tsv"
  cat >>"$work/rows.sql" <<SQL
create temporary table moved (like platform.phone_numbers) on commit drop;
alter table pg_temp.moved alter row_no drop not null;
\copy pg_temp.moved ($columns) from $work/numbers.tsv
delete from platform.phone_numbers n using pg_temp.moved m where m.e164 = n.e164 and n.tenant_id is null;
insert into platform.phone_numbers ($columns) select $columns from pg_temp.moved;
SQL
}

# What the target is to run, in files of the folder: roles, rows, and the schemas as pg_dump writes them.
export_tenant() {
  local table columns schema names schemas=()
  psql_at "$from" <"$here/move-roles.sql" >"$work/roles.sql"
  for table in $COPIED; do
    columns=$(columns_of "$table")
    local key="tenant_id = (select id from platform.tenants where slug = '$tenant')"
    [ "$table" != tenants ] || key="slug = '$tenant'"
    ask "$from" "copy (select $columns from platform.$table where $key) to stdout" >"$work/$table.tsv"
    printf '\\copy platform.%s (%s) from %s\n' "$table" "$columns" "$work/$table.tsv" >>"$work/rows.sql"
  done
  export_numbers
  mapfile -t names < <(ask "$from" "select n.nspname from pg_namespace n join platform.tenants t
    on n.nspname = t.schema_name or starts_with(n.nspname, t.schema_name || '__') where t.slug = :'tenant' order by 1")
  for schema in "${names[@]}"; do schemas+=(--schema "\"$schema\""); done
  PGOPTIONS="" pg_dump --dbname "$from" "${schemas[@]}" --file "$work/schema.sql"
}

import_tenant() {
  # COMMIT comes last: whatever ends this before leaves nothing behind.
  psql_at "$to" >"$work/import.log" <<SQL
begin;
\i $work/roles.sql
\i $work/rows.sql
\i $work/schema.sql
select format('update %I.tenant a set row_no = t.row_no from platform.tenants t where t.id = a.id', schema_name)
  from platform.tenants where slug = :'tenant' \gexec
commit;
-- A dump brings no statistics, and until they are there a call is looked for among all of the tenant's.
select format('analyze %I.%I', t.schema_name, c.relname) from platform.tenants t
  join pg_class c on c.relnamespace = to_regnamespace(quote_ident(t.schema_name))
 where t.slug = :'tenant' and c.relkind in ('r', 'p') and not c.relispartition \gexec
SQL
}

compare() {
  psql_at "$from" -v copied="$COPIED" <"$here/move-compare.sql" >"$work/source"
  psql_at "$to" -v copied="$COPIED" <"$here/move-compare.sql" >"$work/target"
  [ -s "$work/source" ] || die "there is nothing to compare."
  if ! diff "$work/source" "$work/target" >&2; then
    die "the tenant is not the same at both, see above (< source, > target)."
  fi
  say "the same at both: $(grep -c '^object ' "$work/source") objects, $(grep -c '^rows ' "$work/source") tables with $(
    awk '$1 == "rows" { rows += $3 } END { print rows + 0 }' "$work/source") rows"
}

check_lists
if [ -z "$compare_only" ]; then
  check_source
  check_target
  say "reading the tenant $tenant"
  export_tenant
  say "writing it"
  import_tenant
fi
say "comparing"
compare
