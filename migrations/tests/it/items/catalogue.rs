//! What a migrated database has, under the names that `items.tsv` uses.

use std::collections::BTreeSet;

use callplane_store::test_util::TestDatabase;
use sqlx::Row as _;

use super::map::Kind;
use crate::support::superuser;

/// Kind and name of everything in `platform`, in the schema of one tenant and in its compatibility
/// views. Partitions are left out: they are their table.
const NAMES: &str = r"
WITH space AS (
  SELECT oid, CASE nspname WHEN 'platform' THEN 'platform' WHEN $1 THEN 'tenant'
                           ELSE substr(nspname, length($1) + 3) END AS name
    FROM pg_namespace
   WHERE nspname IN ('platform', $1) OR starts_with(nspname, $1 || '__')
), relation AS (
  SELECT c.oid, c.relkind = 'v' AS is_view, s.name || '.' || c.relname AS name
    FROM pg_class c JOIN space s ON s.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
), indexed AS (
  SELECT i.indisunique AS is_unique,
         r.name || CASE m.amname WHEN 'btree' THEN '' ELSE ' ' || m.amname END || ' (' ||
         (SELECT string_agg(pg_get_indexdef(i.indexrelid, k, true) ||
                            CASE i.indoption[k - 1] & 1 WHEN 1 THEN ' DESC' ELSE '' END, ', ' ORDER BY k)
            FROM generate_series(1, i.indnkeyatts::integer) AS k) || ')' AS name
    FROM pg_index i JOIN relation r ON r.oid = i.indrelid
    JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
), referring AS (
  SELECT r.name || '.' || (SELECT string_agg(a.attname, ', ' ORDER BY k.place)
                             FROM unnest(f.conkey) WITH ORDINALITY AS k(number, place)
                             JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.number)
         || ' -> ' || t.name AS name,
         CASE f.confdeltype WHEN 'c' THEN ' cascade' WHEN 'n' THEN ' set null' END AS action
    FROM pg_constraint f
    JOIN relation r ON r.oid = f.conrelid JOIN relation t ON t.oid = f.confrelid
   WHERE f.contype = 'f'
)
SELECT CASE WHEN is_view THEN 'view' ELSE 'table' END, name FROM relation
UNION ALL
SELECT CASE WHEN r.is_view THEN 'view' ELSE 'column' END, r.name || '.' || a.attname
  FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
 WHERE a.attnum > 0 AND NOT a.attisdropped
UNION ALL SELECT 'index', name FROM indexed
UNION ALL SELECT 'unique', name FROM indexed WHERE is_unique
UNION ALL SELECT 'foreign-key', name FROM referring
UNION ALL SELECT 'foreign-key', name || action FROM referring WHERE action IS NOT NULL
UNION ALL
SELECT 'enum', s.name || '.' || t.typname || coalesce(': ' || e.enumlabel, '')
  FROM pg_type t JOIN space s ON s.oid = t.typnamespace
  CROSS JOIN LATERAL (SELECT NULL AS enumlabel UNION ALL
                      SELECT enumlabel FROM pg_enum WHERE enumtypid = t.oid) e
 WHERE t.typtype = 'e'
UNION ALL
SELECT 'function', s.name || '.' || p.proname FROM pg_proc p JOIN space s ON s.oid = p.pronamespace
UNION ALL
SELECT 'trigger', r.name || '.' || t.tgname
  FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal";

/// The names of one database, as the superuser sees them.
pub(super) struct Catalogue {
    names: BTreeSet<(String, String)>,
}

impl Catalogue {
    /// `schema` is that of the tenant that stands for all.
    pub(super) async fn read(database: &TestDatabase<'_>, schema: &str) -> Self {
        let rows = sqlx::query(NAMES)
            .bind(schema)
            .fetch_all(&mut superuser(database).await)
            .await
            .unwrap();
        Self {
            names: rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
        }
    }

    pub(super) fn has(&self, kind: Kind, object: &str) -> bool {
        let known = |name: String| self.names.contains(&(kind.as_str().to_owned(), name));
        // Values of an enum: `platform.call_type (voice, voicemail)`.
        match object
            .strip_suffix(')')
            .and_then(|text| text.split_once(" ("))
        {
            Some((name, values)) if kind == Kind::Enum => values
                .split(", ")
                .all(|value| known(format!("{name}: {value}"))),
            _ => known(object.to_owned()),
        }
    }
}
