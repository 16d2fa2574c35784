//! What holds for every table, whoever adds it: the structural checks of the data model (section 14),
//! over the catalogue of `platform` and of one tenant.

use callplane_store::test_util::TestDatabase;
use callplane_types::SchemaName;

use crate::support::{ask, database};

/// A rule, and a query that names what breaks it. `{tables}` are the tables of both schemas without
/// partitions, as `c` with its name as `at`; `{tenant}` is the tenant's schema.
struct Check {
    rule: &'static str,
    breaches: &'static str,
}

const CHECKS: &[Check] = &[
    Check {
        rule: "M2: the column of every foreign key leads an index",
        breaches: "SELECT format('%s.%s', at, a.attname) AS breach
                     FROM {tables} JOIN pg_constraint f ON f.conrelid = c.oid AND f.contype = 'f'
                     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.conkey[1]
                    WHERE NOT EXISTS (SELECT FROM pg_index i
                                       WHERE i.indrelid = c.oid AND i.indkey[0] = f.conkey[1])",
    },
    Check {
        rule: "M3: every table of a tenant has an index led by tenant_id",
        breaches: "SELECT at AS breach FROM {tables}
                    WHERE c.relnamespace = {tenant} AND c.relname <> 'tenant'
                      AND NOT EXISTS (
                        SELECT FROM pg_index i JOIN pg_attribute a
                            ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                         WHERE i.indrelid = c.oid AND a.attname = 'tenant_id' AND i.indpred IS NULL)",
    },
    Check {
        rule: "M4: every table with updated_at keeps it by a trigger",
        breaches: "SELECT at AS breach FROM {tables}
                     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'updated_at'
                    WHERE NOT EXISTS (
                        SELECT FROM pg_trigger t
                         WHERE t.tgrelid = c.oid AND t.tgname = 'update_' || c.relname || '_updated_at'
                           AND t.tgenabled = 'O'
                           AND t.tgfoid = 'platform.update_updated_at_column'::regproc)",
    },
    Check {
        rule: "M5: every table of a tenant has row-level security, enabled and forced, and its two walls",
        breaches: TENANT_WALLS,
    },
    Check {
        rule: "M5: every table of platform has row-level security",
        breaches: "SELECT at AS breach FROM {tables}
                    WHERE c.relnamespace = 'platform'::regnamespace AND NOT c.relrowsecurity",
    },
    Check {
        rule: "M5b: partitions have no grants: their rows are reached through the parent, where the wall is",
        breaches: "SELECT c.oid::regclass::text AS breach FROM pg_class c
                    WHERE c.relnamespace IN ('platform'::regnamespace, {tenant})
                      AND c.relispartition AND c.relkind IN ('r', 'p')
                      AND (c.relacl IS NOT NULL OR EXISTS (
                            SELECT FROM pg_attribute a
                             WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL))",
    },
    Check {
        // Natural keys: a role, a name of a leader, a call with its resource, a kind of identifier.
        rule: "M6: every table has a uuid `id`",
        breaches: "SELECT at AS breach FROM {tables}
                    WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
                                         AND a.attname = 'id' AND a.atttypid = 'uuid'::regtype)
                      AND c.relname NOT IN ('tenant_roles', 'operator_epochs', 'quota_holds', 'call_keys')",
    },
    Check {
        rule: "M7: no foreign key leaves the schema of a tenant",
        breaches: "SELECT format('%s.%s', at, f.conname) AS breach
                     FROM {tables} JOIN pg_constraint f ON f.conrelid = c.oid AND f.contype = 'f'
                     JOIN pg_class target ON target.oid = f.confrelid
                    WHERE c.relnamespace = {tenant} AND target.relnamespace <> {tenant}",
    },
    Check {
        rule: "M8: every moment carries its zone",
        breaches: "SELECT format('%s.%s', at, a.attname) AS breach
                     FROM {tables} JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
                    WHERE a.atttypid IN ('timestamp'::regtype, 'timestamp[]'::regtype)",
    },
    Check {
        rule: "M9: every table has created_at",
        breaches: "SELECT at AS breach FROM {tables}
                    WHERE NOT EXISTS (SELECT FROM pg_attribute a
                                       WHERE a.attrelid = c.oid AND a.attname = 'created_at'
                                         AND a.attnotnull AND a.atttypid = 'timestamptz'::regtype)",
    },
    Check {
        // The one average is a Float in the platform that it comes from.
        rule: "M10: no amount is a floating-point number",
        breaches: "SELECT format('%s.%s', at, a.attname) AS breach
                     FROM {tables} JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
                    WHERE a.atttypid IN ('float4'::regtype, 'float8'::regtype, 'money'::regtype)
                      AND (c.relname, a.attname) <> ('agent_metrics', 'avg_duration')",
    },
    Check {
        rule: "every table says its retention and encryption class",
        breaches: "SELECT format('%s: %s', at, coalesce(obj_description(c.oid, 'pg_class'), 'no comment')) AS breach
                     FROM {tables}
                    WHERE obj_description(c.oid, 'pg_class') IS NULL
                       OR obj_description(c.oid, 'pg_class') !~ (
                            '^retention=('
                            || array_to_string(enum_range(NULL::platform.retention_class), '|')
                            || ') encryption=E[0-4]( \\| .+)?$')",
    },
    Check {
        rule: "a column of a secret says that it is enciphered (E2) or hashed (E3)",
        breaches: "SELECT format('%s.%s', at, a.attname) AS breach
                     FROM {tables} JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
                    WHERE coalesce(col_description(c.oid, a.attnum), '') !~ CASE
                        WHEN a.attname LIKE '%\\_enc' THEN '^encryption=E2( \\| .+)?$'
                        WHEN a.attname ~ '(password|token|key)_hash$' THEN '^encryption=E3( \\| .+)?$'
                        ELSE '^' END",
    },
    Check {
        rule: "a function that runs as its owner has a fixed search path and is not for PUBLIC",
        breaches: "SELECT p.oid::regprocedure::text AS breach FROM pg_proc p
                    WHERE p.pronamespace IN ('platform'::regnamespace, {tenant}) AND p.prosecdef
                      AND (has_function_privilege('public', p.oid, 'EXECUTE')
                           OR NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false))",
    },
];

/// Both policies and no other, as `platform.finish_table` makes them.
const TENANT_WALLS: &str = "
    SELECT at AS breach FROM {tables}
     WHERE c.relnamespace = {tenant}
       AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND ARRAY(
             SELECT concat_ws(' ', p.polname, p.polcmd, p.polpermissive,
                        (SELECT string_agg(substr(r.rolname, length(n.nspname) + 2), ',' ORDER BY r.rolname)
                           FROM pg_roles r WHERE r.oid = ANY (p.polroles)),
                        replace(pg_get_expr(p.polqual, c.oid), t.id::text, 'ID'),
                        replace(pg_get_expr(p.polwithcheck, c.oid), t.id::text, 'ID'))
               FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY p.polname
           ) = (SELECT ARRAY[concat_ws(' ', 'owner_wall', '*', true, 'owner', o.own, o.own),
                             concat_ws(' ', 'tenant_wall', '*', true, 'app,media,ro', o.role, o.role)]
                  FROM (SELECT format('(%s = ''ID''::uuid)', k.key) AS own,
                               format('(%s = ( SELECT platform.current_tenant_id() AS current_tenant_id))', k.key) AS role
                          FROM (SELECT CASE c.relname WHEN 'tenant' THEN 'id' ELSE 'tenant_id' END AS key) k) o))";

/// The tables of both schemas, for [`Check::breaches`].
const TABLES: &str = "(SELECT pg_class.*, oid::regclass::text AS at
                         FROM pg_class
                        WHERE relnamespace IN ('platform'::regnamespace, {tenant})
                          AND relkind IN ('r', 'p') AND NOT relispartition) AS c
                      JOIN pg_namespace n ON n.oid = c.relnamespace
                      LEFT JOIN platform.tenants t ON t.schema_name = n.nspname";

async fn breaches(database: &TestDatabase<'_>, tenant: &SchemaName, check: &str) -> String {
    let check = check
        .replace("{tables}", TABLES)
        .replace("{tenant}", &format!("'{tenant}'::regnamespace"));
    let all = format!("SELECT string_agg(breach, E'\\n' ORDER BY breach) FROM ({check}) AS found");
    ask(database, &all).await
}

/// The tables of a tenant without their walls.
pub(crate) async fn without_walls(database: &TestDatabase<'_>, tenant: &SchemaName) -> String {
    breaches(database, tenant, TENANT_WALLS).await
}

#[tokio::test]
async fn every_table_keeps_every_rule() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let mut broken = String::new();
    for Check { rule, breaches: of } in CHECKS {
        let found = breaches(&database, acme.schema(), of).await;
        if !found.is_empty() {
            broken += &format!("{rule}:\n{found}\n\n");
        }
    }
    assert!(broken.is_empty(), "{broken}");
}

#[tokio::test]
async fn a_table_that_breaks_every_rule_is_found_by_every_check() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let schema = acme.schema();
    database
        .superuser(&format!(
            "CREATE TABLE {schema}.broken (
                tenant_id uuid REFERENCES platform.tenants (id), spoken_at timestamp,
                price float8, updated_at timestamptz, password_enc bytea);
             CREATE TABLE platform.broken ();
             CREATE TABLE {schema}.broken_events PARTITION OF {schema}.events
                FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
             GRANT SELECT (event_type) ON {schema}.broken_events TO callplane_tenant;
             CREATE FUNCTION {schema}.broken() RETURNS integer LANGUAGE sql SECURITY DEFINER
                SET search_path = public AS 'SELECT 1';"
        ))
        .await
        .unwrap();
    for Check { rule, breaches: of } in CHECKS {
        let found = breaches(&database, schema, of).await;
        assert!(found.contains("broken"), "{rule}: {found}");
    }
}

#[tokio::test]
async fn a_wall_that_differs_in_anything_is_found() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let schema = acme.schema();
    for (table, change) in [
        ("calls", "DROP POLICY tenant_wall ON calls"),
        ("agents", "DROP POLICY owner_wall ON agents"),
        ("flows", "ALTER TABLE flows NO FORCE ROW LEVEL SECURITY"),
        ("trunks", "ALTER TABLE trunks DISABLE ROW LEVEL SECURITY"),
        ("cdrs", "CREATE POLICY open ON cdrs USING (true)"),
        ("events", "ALTER POLICY tenant_wall ON events USING (true)"),
        ("contacts", "ALTER POLICY tenant_wall ON contacts TO public"),
    ] {
        assert_eq!(
            without_walls(&database, schema).await,
            "",
            "before {change}"
        );
        database
            .superuser(&format!("SET search_path = {schema}; {change}"))
            .await
            .unwrap();
        let found = without_walls(&database, schema).await;
        assert_eq!(found, format!("{schema}.{table}"), "{change}");
        database
            .superuser(&format!(
                "SET search_path = {schema};
                 DROP POLICY IF EXISTS tenant_wall ON {table};
                 DROP POLICY IF EXISTS owner_wall ON {table};
                 DROP POLICY IF EXISTS open ON {table};
                 DROP TRIGGER IF EXISTS update_{table}_updated_at ON {table};
                 SELECT platform.finish_table('{table}', '{id}', '{schema}_owner',
                    '{schema}_media', '{schema}_app', '{schema}_ro');",
                id = acme.id
            ))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn the_words_are_those_of_the_data_model() {
    let database = database().await;
    let found = ask(
        &database,
        "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
            SELECT format('%s: %s', t.typname, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)) AS line
              FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid
             WHERE t.typnamespace = 'platform'::regnamespace GROUP BY t.typname) AS words",
    )
    .await;
    let mut expected: Vec<&str> = include_str!("words.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    expected.sort_unstable();
    assert_eq!(expected.len(), 69 + 1);
    let found: Vec<&str> = found.lines().collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn platform_has_the_tables_of_the_data_model_and_three_of_its_own() {
    let database = database().await;
    let found = ask(
        &database,
        "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
          WHERE relnamespace = 'platform'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition",
    )
    .await;
    let mut expected = vec![
        "api_keys",
        "archive_manifests",
        "audit_logs",
        "backup_runs",
        "carriers",
        "database_clusters",
        "encryption_keys",
        "feature_flag_overrides",
        "feature_flags",
        "media_nodes",
        "memberships",
        "phone_numbers",
        "plans",
        "rate_cards",
        "retention_policies",
        "roles",
        "schema_migrations",
        "sessions",
        "system_errors",
        "tenant_configs",
        "tenant_roles",
        "tenants",
        "usage_quotas",
        "user_roles",
        "user_tokens",
        "users",
        "voices",
    ];
    assert_eq!(expected.len(), 27);
    expected.extend(["operator_epochs", "quota_holds", "import_progress"]);
    expected.sort_unstable();
    assert_eq!(found, expected.join(" "));
}
