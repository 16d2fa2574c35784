//! Telling everybody of an erasure who may still bring something of the person.

use callplane_types::TenantId;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use super::late::LOCK;
use super::pseudonym::{canonical, pseudonym};
use super::{Erased, run};
use crate::months::{LOCK_TIMEOUT, patiently};
use crate::roles::{RoleNames, schema_of};
use crate::{Fence, OperatorDatabase, Result};

/// Notes that the person that a dry run of [`super::erase`] found is erased: records of calls that began
/// before now are stored without them from now on.
///
/// Waits for the deliveries that are going on, and lets others by in between.
pub async fn request(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    found: &Erased,
) -> Result<Uuid> {
    patiently(async || attempt(database, fence, tenant, found).await).await
}

/// Notes calls of the person that are in archives only, **before these are written anew**: a run that ends in
/// between, and one after it that does not find them there any more, know of them all the same.
pub async fn note_archived(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    erasure: Uuid,
    calls: &[Uuid],
) -> Result<()> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    sqlx::query(
        "UPDATE erasures SET calls = ARRAY(SELECT unnest(calls) UNION SELECT unnest($2::uuid[]))
          WHERE id = $1",
    )
    .bind(erasure)
    .bind(calls)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

async fn attempt(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    found: &Erased,
) -> Result<Uuid> {
    let mut subjects: Vec<String> = found
        .traces
        .iter()
        .map(|trace| pseudonym(tenant, &canonical(trace)))
        .collect();
    subjects.sort_unstable();
    subjects.dedup();
    let held: Vec<Uuid> = found.held.iter().map(|held| held.call).collect();
    let mut transaction = database.begin(fence).await?;
    let schema = schema_of(&mut transaction, tenant).await?;
    let act = RoleNames::of(&schema).act_as_owner("LOCAL");
    run(
        &mut transaction,
        format!(
            "SET LOCAL search_path = \"{schema}\", public; {act};
             SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"
        ),
    )
    .await?;
    sqlx::query(AssertSqlSafe(format!(
        "SELECT pg_advisory_xact_lock({LOCK})"
    )))
    .bind(tenant.uuid())
    .execute(&mut *transaction)
    .await?;
    let id = sqlx::query("INSERT INTO erasures (subjects, held) VALUES ($1, $2) RETURNING id")
        .bind(&subjects)
        .bind(&held)
        .fetch_one(&mut *transaction)
        .await?
        .try_get(0)?;
    run(&mut transaction, "RESET ROLE".to_owned()).await?;
    transaction.commit().await?;
    Ok(id)
}

/// The media nodes of a tenant that have not ended in order: those may have a record in their spool.
pub(super) async fn known_nodes(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "SELECT pod_name FROM platform.media_nodes WHERE tenant_id = $1 AND status <> 'gone'",
    )
    .bind(tenant.uuid())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Sets the media nodes to work when the transaction commits: those that are `known`, and those that
/// carried a call of the person. Before the rows are erased, by which they are found.
pub(super) async fn order(
    connection: &mut PgConnection,
    erasure: Uuid,
    known: &[String],
) -> Result<Vec<String>> {
    sqlx::query(
        "UPDATE erasures SET erased_at = now(),
                calls = ARRAY(SELECT c.id FROM erased_calls e JOIN calls c ON c.id = e.id
                               WHERE c.initiated_at < called_before
                              UNION SELECT unnest(o.calls) FROM erasures o
                                     WHERE o.id = $1 OR (o.erased_at IS NULL
                                        AND o.subjects <@ erasures.subjects)),
                held = ARRAY(SELECT id FROM erased_held)
          WHERE id = $1",
    )
    .bind(erasure)
    .execute(&mut *connection)
    .await?;
    // One that was interrupted before its rows went is done with this one.
    sqlx::query(
        "DELETE FROM erasures WHERE erased_at IS NULL
            AND subjects <@ (SELECT e.subjects FROM erasures e WHERE e.id = $1)",
    )
    .bind(erasure)
    .execute(&mut *connection)
    .await?;
    let rows = sqlx::query(
        "INSERT INTO erasure_nodes (erasure_id, media_node)
         SELECT $1, name FROM (
            SELECT unnest($2::text[])
             UNION SELECT c.media_node FROM calls c JOIN erased_calls e ON e.id = c.id
         ) AS nodes (name)
          WHERE name IS NOT NULL
            -- A row that was imported says anything: what names the person is no node.
            AND NOT EXISTS (SELECT FROM erased_traces t WHERE name ~* t.pattern)
         ON CONFLICT DO NOTHING RETURNING media_node",
    )
    .bind(erasure)
    .bind(known)
    .fetch_all(connection)
    .await?;
    let mut nodes = rows
        .iter()
        .map(|row| Ok(row.try_get(0)?))
        .collect::<Result<Vec<String>>>()?;
    nodes.sort_unstable();
    Ok(nodes)
}
