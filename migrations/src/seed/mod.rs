//! Data to begin with (data model, D28): the catalogue of the installation, a tenant to look around in,
//! and calls by the thousand.
//!
//! Each is a file of SQL whose rows have identifiers of their own: **a second run writes nothing, and
//! nothing that people changed is changed back**. Demo and load go only into a tenant that is marked for
//! it, and only a tenant without people, contacts and calls can be marked.

use callplane_types::{TenantId, TenantName};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::import::Seal;
use crate::{Error, Fence, OperatorDatabase, Result, tenants};

/// Calls that [`load`] writes in one transaction.
const PART: i32 = 10_000;

/// Writes the catalogue and copies it into every tenant that is migrated. Says how many rows were new.
pub async fn catalogue(database: &OperatorDatabase) -> Result<u64> {
    let mut rows = sqlx::raw_sql(include_str!("catalogue.sql"))
        .execute(database.pool())
        .await?
        .rows_affected();
    let fence = Fence::command("database seed");
    for tenant in tenants::list(database).await? {
        let mut transaction = database.begin_in(&fence, tenant.id).await?;
        // A tenant that is being made has no tables yet; it gets its copies by the next run.
        let there: bool = sqlx::query("SELECT to_regclass('voices') IS NOT NULL")
            .fetch_one(&mut *transaction)
            .await?
            .try_get(0)?;
        if there {
            rows += sqlx::raw_sql(include_str!("copies.sql"))
                .execute(&mut *transaction)
                .await?
                .rows_affected();
        }
        transaction.commit().await?;
    }
    Ok(rows)
}

/// Marks a tenant for demo and load. [`Error::Invalid`] when it has people, contacts or calls.
pub async fn mark(database: &OperatorDatabase, name: &TenantName) -> Result<()> {
    let tenant = find(database, name).await?;
    let mut transaction = database
        .begin_in(&Fence::command("database seed"), tenant)
        .await?;
    let marked = sqlx::query(
        "UPDATE platform.tenants SET settings = settings || '{\"demo\": true}'
          WHERE id = $1 AND (settings @> '{\"demo\": true}'
             OR NOT EXISTS (SELECT FROM members) AND NOT EXISTS (SELECT FROM contacts)
                AND NOT EXISTS (SELECT FROM calls))",
    )
    .bind(tenant.uuid())
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if marked == 0 {
        return Err(Error::invalid(
            "tenant",
            "it has people, contacts or calls, and demo data would be mixed with them; use another tenant",
        ));
    }
    transaction.commit().await?;
    Ok(())
}

/// Fills a marked tenant with one of everything that call tracking needs. Without `seal` it has no
/// webhook, whose secret must be sealed. Says how many rows were new.
pub async fn demo(
    database: &OperatorDatabase,
    name: &TenantName,
    seal: Option<&dyn Seal>,
) -> Result<u64> {
    let tenant = marked(database, name).await?;
    let mut transaction = database
        .begin_in(&Fence::command("database seed"), tenant)
        .await?;
    functions(&mut transaction, tenant).await?;
    let mut rows = sqlx::raw_sql(include_str!("demo.sql"))
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    if let Some(seal) = seal {
        rows += webhook(&mut transaction, seal).await?;
    }
    transaction.commit().await?;
    Ok(rows)
}

/// Writes `calls` generated calls into a marked tenant, the same for the same `seed`. Says how many were
/// new.
pub async fn load(
    database: &OperatorDatabase,
    name: &TenantName,
    calls: u32,
    seed: u32,
) -> Result<u64> {
    let tenant = marked(database, name).await?;
    let calls = i32::try_from(calls).unwrap_or(i32::MAX);
    let mut rows = 0;
    let mut upto = 0;
    while upto < calls {
        upto = upto.saturating_add(PART).min(calls);
        let mut transaction = database
            .begin_in(&Fence::command("database seed"), tenant)
            .await?;
        functions(&mut transaction, tenant).await?;
        rows += sqlx::query(include_str!("load.sql"))
            .persistent(false)
            .bind(upto)
            .bind(seed.to_string())
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        transaction.commit().await?;
    }
    Ok(rows)
}

async fn webhook(connection: &mut PgConnection, seal: &dyn Seal) -> Result<u64> {
    let id = sqlx::query("SELECT pg_temp.uid('webhooks', 'demo')")
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    let secret = seal.seal("webhooks", "secret_enc", id, b"whsec_demo")?;
    let done = sqlx::query(
        "INSERT INTO webhooks (id, name, url, events, secret_enc, status)
         VALUES ($1, 'Demo webhook', 'https://hooks.example/demo', '{call.completed}', $2, 'paused')
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(id)
    .bind(secret)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

async fn find(database: &OperatorDatabase, name: &TenantName) -> Result<TenantId> {
    tenants::find(database, name)
        .await?
        .map(|tenant| tenant.id)
        .ok_or_else(|| Error::NotFound {
            kind: "tenant",
            name: name.to_string(),
        })
}

async fn marked(database: &OperatorDatabase, name: &TenantName) -> Result<TenantId> {
    let tenant = find(database, name).await?;
    let marked: bool =
        sqlx::query("SELECT settings @> '{\"demo\": true}' FROM platform.tenants WHERE id = $1")
            .bind(tenant.uuid())
            .fetch_one(database.pool())
            .await?
            .try_get(0)?;
    if marked {
        Ok(tenant)
    } else {
        Err(Error::invalid(
            "tenant",
            format!(
                "`{name}` is not marked for demo data; mark one without people, contacts and calls by --mark"
            ),
        ))
    }
}

/// What identifiers are made by, in this session.
async fn functions(connection: &mut PgConnection, tenant: TenantId) -> Result<()> {
    // A UUID and a word.
    let functions = include_str!("../import/functions.sql")
        .replace("{{tenant}}", &tenant.to_string())
        .replace("{{platform}}", "seed");
    sqlx::raw_sql(AssertSqlSafe(functions))
        .execute(connection)
        .await?;
    Ok(())
}
