//! A tenant's data as the databases of the platforms that its users come from.

mod calls;
mod lifecycle;
mod shape;
mod walls;

use std::collections::BTreeSet;

use callplane_store::compatibility::{self, Changes, Platform};
use callplane_store::roles::{self, Purpose};
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_store::{Credentials, Error, Slot};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::support::login;

/// Every platform.
fn all() -> BTreeSet<Platform> {
    Platform::ALL.into_iter().collect()
}

async fn ensure(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
    wanted: &BTreeSet<Platform>,
) -> Result<Changes, Error> {
    compatibility::ensure(&database.operator, &database.fence, tenant.id, wanted).await
}

/// A tenant with the views of every platform.
async fn tenant_with_views(database: &TestDatabase<'_>, base: &str) -> TestTenant {
    let tenant = database.tenant(base).await.unwrap();
    ensure(database, &tenant, &all()).await.unwrap();
    tenant
}

async fn credentials(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
    purpose: Purpose,
) -> Credentials {
    let TestDatabase {
        operator, fence, ..
    } = database;
    roles::issue(operator, fence, tenant.id, purpose, Slot::B)
        .await
        .unwrap()
}

/// A connection as a login of that purpose.
async fn connect(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
    purpose: Purpose,
) -> PgConnection {
    login(&credentials(database, tenant, purpose).await)
        .await
        .unwrap()
}

/// The only row of a view.
async fn row(connection: &mut PgConnection, view: &str) -> Value {
    let mut rows = rows(connection, view).await;
    assert_eq!(rows.len(), 1, "{view}");
    rows.remove(0)
}

async fn rows(connection: &mut PgConnection, view: &str) -> Vec<Value> {
    sqlx::query(AssertSqlSafe(format!("SELECT to_jsonb(v) FROM {view} v")))
        .fetch_all(connection)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect()
}

/// Every view of a tenant, quoted, as `schema.view`.
async fn views(connection: &mut PgConnection, tenant: &TestTenant) -> Vec<String> {
    sqlx::query(
        "SELECT format('%I.%I', n.nspname, c.relname)
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE starts_with(n.nspname, $1 || '__') AND c.relkind = 'v' ORDER BY 1",
    )
    .bind(tenant.schema().as_str())
    .fetch_all(connection)
    .await
    .unwrap()
    .iter()
    .map(|row| row.get(0))
    .collect()
}

/// Puts a row into every table that a view reads.
pub(crate) async fn fill(database: &TestDatabase<'_>, tenant: &TestTenant) {
    let schema = tenant.schema().as_str();
    let rows = include_str!("fixture.sql")
        .replace("{{schema}}", schema)
        .replace("{{tenant_id}}", &tenant.id.to_string());
    let path = format!("SET search_path = \"{schema}\", public;");
    database.superuser(&(path + &rows)).await.unwrap();
}
