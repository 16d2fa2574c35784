//! What belongs to a person: their traces, contacts, calls and conversations, in temporary tables.

use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::{Subject, run};
use crate::roles::RoleNames;
use crate::{Error, Result};

/// Becomes the owner of the schema and fills `erased_traces`, `erased_contacts`, `erased_calls` without
/// those that are held, `erased_held` and `erased_conversations`.
pub(super) async fn find(
    connection: &mut PgConnection,
    roles: &RoleNames,
    subject: &Subject,
) -> Result<()> {
    let (owner, act) = (roles.owner(), roles.act_as_owner("LOCAL"));
    // Temporary tables are made as the login, which may. A number is found with and without its plus sign,
    // as carriers and URIs write it, and not in a longer one; so an address, which in a document may follow
    // the `n` of an escaped line end.
    run(
        connection,
        format!(
            "CREATE TEMP TABLE erased_traces (
                trace text PRIMARY KEY,
                is_number boolean GENERATED ALWAYS AS (trace ~ '^\\+?[0-9]+$') STORED,
                pattern text GENERATED ALWAYS AS (CASE WHEN trace ~ '^\\+?[0-9]+$'
                    THEN '(?<![0-9])\\+?' || ltrim(trace, '+') || '(?![0-9])'
                    ELSE '(?:(?<![[:alnum:]._%+-])|(?<=\\\\[bfnrt]))'
                      || regexp_replace(trace, '([^[:alnum:]@])', '\\\\\\1', 'g')
                      || '(?![[:alnum:]-]|\\.[[:alnum:]])' END) STORED
             ) ON COMMIT DROP;
             CREATE TEMP TABLE erased_contacts (id uuid PRIMARY KEY, do_not_call boolean) ON COMMIT DROP;
             CREATE TEMP TABLE erased_calls (id uuid PRIMARY KEY) ON COMMIT DROP;
             CREATE TEMP TABLE erased_held (id uuid PRIMARY KEY, retain_until timestamptz) ON COMMIT DROP;
             CREATE TEMP TABLE erased_conversations (id uuid PRIMARY KEY) ON COMMIT DROP;
             GRANT ALL ON erased_traces, erased_contacts, erased_calls, erased_held, erased_conversations TO {owner};
             {act}"
        ),
    )
    .await?;
    match subject {
        Subject::Number(number) => {
            sqlx::query("INSERT INTO erased_traces VALUES ($1)")
                .bind(number.as_str())
                .execute(&mut *connection)
                .await?;
        }
        Subject::Contact(id) => {
            sqlx::query(
                "INSERT INTO erased_contacts SELECT id, do_not_call FROM contacts WHERE id = $1",
            )
            .bind(id)
            .execute(&mut *connection)
            .await?
            .rows_affected()
            .checked_sub(1)
            .ok_or_else(|| Error::NotFound {
                kind: "contact",
                name: id.to_string(),
            })?;
        }
    }
    run(connection, PEOPLE.to_owned()).await?;
    let own = sqlx::query(
        "SELECT 1 FROM phone_numbers p JOIN erased_traces t ON t.trace = p.e164 LIMIT 1",
    )
    .fetch_optional(&mut *connection)
    .await?;
    if own.is_some() {
        return Err(Error::invalid(
            "person to erase",
            "the number is one of the tenant's own; delete its PhoneNumber instead",
        ));
    }
    let routed = sqlx::query(
        "SELECT 1 FROM buyer_endpoints b JOIN erased_traces t ON b.destination ~* t.pattern LIMIT 1",
    )
    .fetch_optional(&mut *connection)
    .await?;
    if routed.is_some() {
        return Err(Error::invalid(
            "person to erase",
            "a buyer takes calls at a number or address of the person; change the destination of the endpoint first",
        ));
    }
    run(connection, CALLS.to_owned()).await
}

/// The numbers and addresses of the person.
pub(super) async fn traces(connection: &mut PgConnection) -> Result<Vec<String>> {
    let rows = sqlx::query("SELECT trace FROM erased_traces ORDER BY length(trace) DESC")
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The contacts of the person.
pub(super) async fn contacts(connection: &mut PgConnection) -> Result<Vec<Uuid>> {
    let rows = sqlx::query("SELECT id FROM erased_contacts ORDER BY id")
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Who has the number is the person; the person's other numbers and addresses are traces too. Not what
/// somebody typed instead, such as `unknown`, which others have as well.
const PEOPLE: &str = "
    INSERT INTO erased_contacts
    SELECT c.id, c.do_not_call FROM contacts c
     WHERE c.phone IN (SELECT trace FROM erased_traces) OR c.phone_2 IN (SELECT trace FROM erased_traces)
    ON CONFLICT DO NOTHING;
    INSERT INTO erased_traces
    SELECT DISTINCT value FROM contacts c JOIN erased_contacts e ON e.id = c.id,
           LATERAL (VALUES (c.phone), (c.phone_2), (c.email::text)) AS v(value)
     WHERE value ~ '^\\+?[0-9]{7,15}$' OR value ~ '^[^[:space:]@]+@[^[:space:]@]+$'
    ON CONFLICT DO NOTHING;";

const CALLS: &str = "
    INSERT INTO erased_calls
    SELECT c.id FROM calls c
     WHERE c.contact_id IN (SELECT id FROM erased_contacts)
        OR c.from_number IN (SELECT trace FROM erased_traces)
        OR c.to_number IN (SELECT trace FROM erased_traces)
        OR c.customer_number IN (SELECT trace FROM erased_traces)
        OR EXISTS (SELECT FROM erased_traces t
                    WHERE concat_ws(' ', c.from_uri, c.to_uri) ~* t.pattern);
    INSERT INTO erased_held
    SELECT r.call_id, max(r.retain_until) FROM call_recordings r JOIN erased_calls c ON c.id = r.call_id
     WHERE r.legal_hold GROUP BY r.call_id;
    DELETE FROM erased_calls c USING erased_held h WHERE h.id = c.id;
    INSERT INTO erased_conversations
    SELECT v.id FROM conversations v
     WHERE v.call_id IN (SELECT id FROM erased_calls)
        OR (v.call_id IS NULL AND v.contact_id IN (SELECT id FROM erased_contacts));";
