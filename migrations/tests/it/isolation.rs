//! Every login of a tenant tries everything on every relation of a neighbour and of `platform`.
//!
//! Two walls are in the way: privileges, and row-level security behind them. A try that gets past both
//! is a leak; one that gets past the first is a grant, and every grant is in the list below.

use std::collections::BTreeSet;

use callplane_store::roles::Purpose;
use callplane_store::test_util::{TestDatabase, TestTenant};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::roles::issue;
use crate::structure::without_walls;
use crate::support::{database, equipped, login, node, superuser};

/// What every login of a tenant may do in `platform`; rows are its own tenant's, or the catalogue's.
const EVERYBODY: &[&str] = &[
    "SELECT platform.feature_flag_overrides",
    "SELECT platform.feature_flags",
    "SELECT platform.media_nodes",
    "SELECT platform.plans",
    "SELECT platform.rate_cards",
    "SELECT platform.tenant_configs",
    "SELECT platform.tenants",
    "SELECT platform.usage_quotas",
    "INSERT platform.system_errors",
];

/// And besides, what media nodes tell of themselves.
const MEDIA: &[&str] = &["INSERT platform.media_nodes", "UPDATE platform.media_nodes"];

/// And besides, those through which people work.
const PEOPLE: &[&str] = &[
    "SELECT platform.api_keys",
    "SELECT platform.memberships",
    "SELECT platform.roles",
    "SELECT platform.sessions",
    "SELECT platform.system_errors",
    "SELECT platform.user_roles",
    "SELECT platform.users",
];

/// Rows of `platform` that tenant `{id}` may see, where that is not `tenant_id = {id}`.
const VISIBLE: &[(&str, &str)] = &[
    ("platform.plans", "true"),
    ("platform.rate_cards", "true"),
    ("platform.feature_flags", "true"),
    ("platform.tenants", "id = '{id}'"),
    ("platform.roles", "tenant_id IS NULL OR tenant_id = '{id}'"),
    (
        "platform.users",
        "id IN (SELECT user_id FROM platform.memberships WHERE tenant_id = '{id}')",
    ),
];

const VERBS: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE"];

struct Relation {
    name: String,
    kind: i8,
    has_tenant: bool,
    /// Which of its rows are the tenant's own, or everybody's.
    own: String,
    /// The column that the login may update, if there is one; else any.
    column: Option<String>,
}

/// What became of a try.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The first wall: permission denied.
    Refused,
    /// The second wall: of the rows that are not the tenant's own, it showed and took none.
    Granted,
    /// Somebody else's rows, or an answer that no wall gives.
    Leak(String),
}

/// What the tries of all purposes found.
#[derive(Debug, Default)]
struct Matrix {
    tries: usize,
    /// `purpose verb relation` of tries that the first wall let through.
    granted: BTreeSet<String>,
    /// Those that the second let through as well, and walls that are not there.
    leaks: Vec<String>,
}

async fn matrix(database: &TestDatabase<'_>, acme: &TestTenant, beta: &TestTenant) -> Matrix {
    let mut matrix = Matrix::default();
    for purpose in Purpose::ALL {
        let credentials = issue(database, acme, *purpose).await;
        let mut connection = login(&credentials).await.unwrap();
        // Reports are read-only until they say otherwise; privileges are what counts.
        run(&mut connection, "SET default_transaction_read_only = off")
            .await
            .unwrap();
        let schemas = ["platform", beta.schema().as_str()];
        for relation in relations(database, &credentials.username, acme, &schemas).await {
            for verb in VERBS {
                let outcome = attempt(&mut connection, verb, &relation, beta).await;
                let what = format!("{purpose} {verb} {}", relation.name);
                matrix.tries += 1;
                match outcome {
                    Outcome::Refused => {}
                    Outcome::Leak(how) => matrix.leaks.push(format!("{what}: {how}")),
                    Outcome::Granted => {
                        matrix.granted.insert(what);
                    }
                }
            }
        }
    }
    for tenant in [acme, beta] {
        let missing = without_walls(database, tenant.schema()).await;
        let missing = missing.lines().map(|table| format!("no wall: {table}"));
        matrix.leaks.extend(missing);
    }
    matrix
}

/// Tables with their partitions, views and sequences.
async fn relations(
    database: &TestDatabase<'_>,
    login: &str,
    acme: &TestTenant,
    schemas: &[&str],
) -> Vec<Relation> {
    let mut connection = superuser(database).await;
    let rows = sqlx::query(
        "SELECT c.oid::regclass::text, c.relkind,
                EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'),
                (SELECT quote_ident(a.attname) FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                  ORDER BY has_column_privilege($1, c.oid, a.attnum, 'UPDATE') DESC, a.attnum LIMIT 1)
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = ANY ($2) AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
          ORDER BY 1",
    )
    .bind(login)
    .bind(schemas)
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let relation = |row: &PgRow| {
        let (name, has_tenant): (String, bool) = (row.get(0), row.get(2));
        let listed = VISIBLE.iter().find(|(relation, _)| *relation == name);
        let own = match listed {
            Some((_, own)) => own,
            None if has_tenant => "tenant_id = '{id}'",
            None => "false",
        };
        Relation {
            kind: row.get(1),
            column: row.get(3),
            own: own.replace("{id}", &acme.id.to_string()),
            name,
            has_tenant,
        }
    };
    rows.iter().map(relation).collect()
}

/// Tries a verb, and if the first wall lets it through, whether it reaches anything that is not the
/// tenant's own.
async fn attempt(
    connection: &mut PgConnection,
    verb: &str,
    relation: &Relation,
    beta: &TestTenant,
) -> Outcome {
    let Relation {
        name,
        kind,
        has_tenant,
        own,
        column,
    } = relation;
    let sequence = u8::try_from(*kind).unwrap() == b'S';
    let statement = match (verb, sequence, column) {
        ("SELECT", true, _) => format!("SELECT last_value FROM {name}"),
        (_, true, _) => format!("SELECT nextval('{name}')"),
        ("SELECT", ..) => format!("SELECT 1 FROM {name}"),
        ("INSERT", ..) if *has_tenant => {
            format!("INSERT INTO {name} (tenant_id) VALUES ('{}')", beta.id)
        }
        ("INSERT", ..) => format!("INSERT INTO {name} DEFAULT VALUES"),
        ("UPDATE", _, Some(column)) => format!("UPDATE {name} SET {column} = DEFAULT"),
        ("DELETE", ..) => format!("DELETE FROM {name}"),
        _ => panic!("{verb} {name}"),
    };
    match undone(connection, &statement).await {
        Err(message) if message.starts_with("permission denied") => return Outcome::Refused,
        Err(message) if message.contains("violates row-level security policy") => {
            return Outcome::Granted;
        }
        Err(message) => return Outcome::Leak(message),
        Ok(rows) if sequence || verb == "INSERT" => return Outcome::Leak(format!("{rows} rows")),
        Ok(_) => {}
    }
    let others = format!("{statement} WHERE ({own}) IS NOT TRUE");
    match undone(connection, &others).await {
        Ok(0) => Outcome::Granted,
        Ok(rows) => Outcome::Leak(format!("{rows} rows")),
        Err(message) => Outcome::Leak(message),
    }
}

/// Runs a statement and takes it back.
async fn undone(connection: &mut PgConnection, statement: &str) -> Result<u64, String> {
    let mut transaction = connection.begin().await.unwrap();
    let outcome = run(&mut transaction, statement).await;
    transaction.rollback().await.unwrap();
    outcome
}

/// Runs a statement: rows that it read or wrote, or the message of its refusal.
async fn run(connection: &mut PgConnection, statement: &str) -> Result<u64, String> {
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(connection)
        .await
        .map(|done| done.rows_affected())
        .map_err(|error| error.as_database_error().unwrap().message().to_owned())
}

fn expected() -> BTreeSet<String> {
    let mut expected = BTreeSet::new();
    for purpose in Purpose::ALL {
        let besides: &[&str] = match purpose {
            Purpose::Media => MEDIA,
            Purpose::App | Purpose::Ro => PEOPLE,
        };
        for granted in EVERYBODY.iter().chain(besides) {
            expected.insert(format!("{purpose} {granted}"));
        }
    }
    expected
}

/// Two tenants with rows in their schemas and in `platform`, and a person in each.
async fn neighbours(database: &TestDatabase<'_>) -> (TestTenant, TestTenant) {
    let acme = equipped(database, "acme", "+15550000001").await;
    let beta = equipped(database, "beta", "+15550000002").await;
    for tenant in [&acme, &beta] {
        node(tenant, "media-0").await;
        let id = tenant.id;
        database
            .superuser(&format!(
                "WITH person AS (
                    INSERT INTO platform.users (email) VALUES ('{id}@example.com') RETURNING id),
                 member AS (
                    INSERT INTO platform.memberships (user_id, tenant_id) SELECT id, '{id}' FROM person),
                 session AS (
                    INSERT INTO platform.sessions (user_id, tenant_id, token_hash, expires_at)
                    SELECT id, '{id}', sha256('{id}'), now() FROM person),
                 key AS (
                    INSERT INTO platform.api_keys (tenant_id, name, environment, key_prefix, key_hash, key_hint)
                    VALUES ('{id}', 'key', 'test', 'sk_test_', sha256('{id}'), 'abcd')),
                 role AS (
                    INSERT INTO platform.roles (tenant_id, key, name) VALUES ('{id}', 'night', 'Night') RETURNING id),
                 granted AS (
                    INSERT INTO platform.user_roles (user_id, role_id, tenant_id)
                    SELECT person.id, role.id, '{id}' FROM person, role),
                 config AS (
                    INSERT INTO platform.tenant_configs (scope, tenant_id, version) VALUES ('tenant', '{id}', 1)),
                 flag AS (
                    INSERT INTO platform.feature_flags (key) VALUES ('flag-of-{id}') RETURNING id),
                 override AS (
                    INSERT INTO platform.feature_flag_overrides (tenant_id, feature_flag_id, enabled)
                    SELECT '{id}', id, true FROM flag),
                 audit AS (
                    INSERT INTO platform.audit_logs (tenant_id, actor_kind, action, entity_type)
                    VALUES ('{id}', 'operator', 'create', 'tenant'))
                 INSERT INTO platform.system_errors (tenant_id, error_type, error_message)
                 VALUES ('{id}', 'x', 'x')"
            ))
            .await
            .unwrap();
    }
    (acme, beta)
}

#[tokio::test]
async fn no_login_gets_anything_of_a_neighbour_or_more_of_platform_than_is_listed() {
    let database = database().await;
    let (acme, beta) = neighbours(&database).await;
    let matrix = matrix(&database, &acme, &beta).await;
    assert_eq!(matrix.leaks, Vec::<String>::new());
    assert_eq!(matrix.granted, expected());
    println!("{} tries, 0 successes", matrix.tries);
    assert!(matrix.tries > 1500, "{}", matrix.tries);
}

#[tokio::test]
async fn a_mistaken_grant_is_caught_by_the_second_wall() {
    let database = database().await;
    let (acme, beta) = neighbours(&database).await;
    let (a, b) = (acme.schema(), beta.schema());
    database
        .superuser(&format!(
            "GRANT USAGE ON SCHEMA {b} TO {a}_app; GRANT ALL ON {b}.agents TO {a}_app;"
        ))
        .await
        .unwrap();
    let matrix = matrix(&database, &acme, &beta).await;
    assert_eq!(matrix.leaks, Vec::<String>::new());
    let more: Vec<String> = matrix.granted.difference(&expected()).cloned().collect();
    let mut mistaken = VERBS
        .iter()
        .map(|verb| format!("app {verb} {b}.agents"))
        .collect::<Vec<_>>();
    mistaken.sort_unstable();
    assert_eq!(more, mistaken);
}

#[tokio::test]
async fn a_wall_that_is_gone_is_reported() {
    let database = database().await;
    let (acme, beta) = neighbours(&database).await;
    let (a, b) = (acme.schema(), beta.schema());
    // Without its policy a table shows nobody anything, so only the catalogue tells.
    database
        .superuser(&format!("DROP POLICY tenant_wall ON {b}.agents"))
        .await
        .unwrap();
    let bare = format!("no wall: {b}.agents");
    let report = matrix(&database, &acme, &beta).await;
    assert_eq!(report.leaks, std::slice::from_ref(&bare));
    // Without row-level security a grant is a leak.
    database
        .superuser(&format!(
            "ALTER TABLE {b}.agents DISABLE ROW LEVEL SECURITY;
             GRANT USAGE ON SCHEMA {b} TO {a}_ro; GRANT SELECT ON {b}.agents TO {a}_ro;
             ALTER TABLE platform.memberships DISABLE ROW LEVEL SECURITY"
        ))
        .await
        .unwrap();
    let report = matrix(&database, &acme, &beta).await;
    let mut expected = vec![
        "app SELECT platform.memberships: 1 rows".to_owned(),
        "ro SELECT platform.memberships: 1 rows".to_owned(),
        format!("ro SELECT {b}.agents: 1 rows"),
        bare,
    ];
    expected.sort_unstable();
    let mut leaks = report.leaks;
    leaks.sort_unstable();
    assert_eq!(leaks, expected);
}
