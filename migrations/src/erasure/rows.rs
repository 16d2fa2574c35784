//! Rows that are about the person.

use std::collections::BTreeMap;

use callplane_types::TenantId;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::Result;

/// Rows of a table, and what stays of them.
struct Target {
    table: &'static str,
    /// Which rows.
    whose: &'static str,
    /// Columns that say nothing of the person.
    stay: &'static [&'static str],
    /// What is written beside the blanks.
    set: &'static str,
}

/// What says whose a row is by the number is written before the number goes.
const TARGETS: &[Target] = &[
    Target {
        table: "messages",
        whose: "conversation_id IN (SELECT id FROM erased_conversations)",
        stay: &[],
        set: "",
    },
    Target {
        table: "conversations",
        whose: "id IN (SELECT id FROM erased_conversations)",
        stay: &["channel"],
        set: "contact_id = NULL",
    },
    Target {
        table: "call_legs",
        whose: OF_CALL,
        stay: &["hangup_cause", "codec", "srtp_suite"],
        set: "",
    },
    Target {
        table: "call_segments",
        whose: OF_CALL,
        stay: &[],
        set: "",
    },
    Target {
        table: "call_events",
        whose: OF_CALL,
        stay: &["event_type"],
        set: "",
    },
    Target {
        table: "cdrs",
        whose: OF_CALL,
        stay: &["currency", "hangup_cause"],
        set: "",
    },
    Target {
        table: "call_recordings",
        whose: OF_CALL,
        // The audio is found by its address until it is deleted.
        stay: &["object_url", "region", "mime_type", "encryption"],
        set: "status = 'deleted', deleted_at = now()",
    },
    Target {
        table: "transcriptions",
        whose: OF_CALL,
        stay: &["provider", "model", "language"],
        set: "",
    },
    Target {
        table: "call_analyses",
        whose: OF_CALL,
        stay: &["model"],
        set: "",
    },
    Target {
        table: "stir_shaken_statuses",
        whose: OF_CALL,
        stay: &["certificate_url"],
        set: "",
    },
    Target {
        table: "events",
        whose: "subject_id IN (SELECT id FROM erased_calls UNION ALL SELECT id FROM erased_contacts)",
        stay: &["event_type", "subject_kind"],
        set: "",
    },
    Target {
        table: "webhook_deliveries",
        whose: "event_id IN (SELECT id FROM erased_calls UNION ALL SELECT id FROM erased_contacts)",
        stay: &["event_type", "request_url", "request_method"],
        set: "",
    },
    Target {
        table: "sms_messages",
        whose: "contact_id IN (SELECT id FROM erased_contacts)
                OR from_number IN (SELECT trace FROM erased_traces)
                OR to_number IN (SELECT trace FROM erased_traces)",
        stay: &["error_code", "carrier_message_sid"],
        set: "contact_id = NULL",
    },
    Target {
        table: "emails",
        whose: "contact_id IN (SELECT id FROM erased_contacts)
                OR from_address IN (SELECT trace::citext FROM erased_traces)
                OR to_addresses && ARRAY(SELECT trace::citext FROM erased_traces)",
        stay: &[],
        set: "contact_id = NULL",
    },
    Target {
        table: "campaign_recipients",
        whose: "contact_id IN (SELECT id FROM erased_contacts)
                OR phone_number IN (SELECT trace FROM erased_traces)",
        stay: &["dialing_node"],
        set: "contact_id = NULL,
              phone_number = platform.erased_number(tenant_id, phone_number),
              status = CASE WHEN status IN ('ready', 'error', 'queued', 'retry_wait')
                            THEN 'suppressed' ELSE status END,
              outcome = CASE WHEN status IN ('ready', 'error', 'queued', 'retry_wait')
                             THEN 'suppressed' ELSE outcome END",
    },
    Target {
        table: "consent_tokens",
        whose: "contact_id IN (SELECT id FROM erased_contacts)
                OR phone_number IN (SELECT trace FROM erased_traces)
                OR call_id IN (SELECT id FROM erased_calls)",
        // The certificate proves, for as long as somebody may ask, that the person had agreed.
        stay: &["token", "certificate_url"],
        set: "contact_id = NULL, phone_number = platform.erased_number(tenant_id, phone_number)",
    },
    Target {
        table: "dnc_list_entries",
        whose: "phone_number IN (SELECT trace FROM erased_traces)",
        stay: &[],
        set: "phone_number = platform.erased_number(tenant_id, phone_number)",
    },
    Target {
        table: "contacts",
        whose: "id IN (SELECT id FROM erased_contacts)",
        stay: &[],
        set: "deleted_at = coalesce(deleted_at, now())",
    },
    Target {
        table: "calls",
        whose: "id IN (SELECT id FROM erased_calls)",
        stay: &[
            "call_sid",
            "currency",
            "campaign_name",
            "publisher_name",
            "buyer_name",
            "target_name",
            "target_group_name",
            // The tenant's own words, of which call_tags has the original.
            "tags",
            "hangup_cause",
            "media_node",
        ],
        set: "contact_id = NULL",
    },
];

const OF_CALL: &str = "call_id IN (SELECT id FROM erased_calls)";

/// Blanks them, and says how many rows of each table there were.
pub(super) async fn erase(
    connection: &mut PgConnection,
    tenant: TenantId,
    counts: &mut BTreeMap<String, u64>,
) -> Result<()> {
    bar(connection, tenant).await?;
    leave_once(connection).await?;
    for target in TARGETS {
        let Target {
            table,
            whose,
            stay,
            set,
        } = target;
        let mut sets = blanks(connection, table, stay, set).await?;
        if !set.is_empty() {
            sets.push((*set).to_owned());
        }
        let rows = sqlx::query(AssertSqlSafe(format!(
            "UPDATE {table} SET {} WHERE {whose}",
            sets.join(", ")
        )))
        .execute(&mut *connection)
        .await?
        .rows_affected();
        counts.insert((*table).to_owned(), rows);
    }
    let keys = sqlx::query("DELETE FROM call_keys WHERE call_id IN (SELECT id FROM erased_calls)")
        .execute(&mut *connection)
        .await?
        .rows_affected();
    counts.insert("call_keys".to_owned(), keys);
    let lists = sqlx::query(
        "DELETE FROM contact_list_members WHERE contact_id IN (SELECT id FROM erased_contacts)",
    )
    .execute(connection)
    .await?
    .rows_affected();
    counts.insert("contact_list_members".to_owned(), lists);
    Ok(())
}

/// Whoever was not to be called as a contact is barred by a list from now on. A number that an earlier
/// erasure has barred already is barred once.
async fn bar(connection: &mut PgConnection, tenant: TenantId) -> Result<()> {
    // For as long as the longer of the two.
    sqlx::query(
        "UPDATE dnc_list_entries barred
            SET expires_at = nullif(greatest(coalesce(barred.expires_at, 'infinity'),
                                             coalesce(e.expires_at, 'infinity')), 'infinity')
           FROM dnc_list_entries e, erased_traces t
          WHERE e.phone_number = t.trace AND barred.dnc_list_id = e.dnc_list_id
            AND barred.phone_number = platform.erased_number($1, t.trace)",
    )
    .bind(tenant.uuid())
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM dnc_list_entries e USING dnc_list_entries barred, erased_traces t
          WHERE e.phone_number = t.trace AND barred.dnc_list_id = e.dnc_list_id
            AND barred.phone_number = platform.erased_number($1, t.trace)",
    )
    .bind(tenant.uuid())
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "WITH list AS (
            INSERT INTO dnc_lists (name, kind)
            SELECT 'erased', 'internal' WHERE EXISTS (SELECT FROM erased_contacts WHERE do_not_call)
            ON CONFLICT (name) DO UPDATE SET kind = 'internal', status = 'active'
            RETURNING id)
         INSERT INTO dnc_list_entries (dnc_list_id, phone_number)
         SELECT list.id, platform.erased_number($1, t.trace)
           FROM list, erased_traces t WHERE t.trace ~ '^\\+[1-9][0-9]{1,14}$'
         ON CONFLICT (dnc_list_id, phone_number) DO UPDATE SET expires_at = NULL",
    )
    .bind(tenant.uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// A number that came back into a campaign from which it was erased: one recipient has the hash. A call
/// that is being made keeps its row.
async fn leave_once(connection: &mut PgConnection) -> Result<()> {
    sqlx::query(
        "DELETE FROM campaign_recipients r USING campaign_recipients back, campaign_recipients erased
          WHERE (back.contact_id IN (SELECT id FROM erased_contacts)
                 OR back.phone_number IN (SELECT trace FROM erased_traces))
            AND erased.campaign_id = back.campaign_id
            AND erased.phone_number = platform.erased_number(back.tenant_id, back.phone_number)
            AND r.id = CASE WHEN back.status = 'dialing' THEN erased.id ELSE back.id END",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// `column = blank` for every column that can hold words.
async fn blanks(
    connection: &mut PgConnection,
    table: &str,
    stay: &[&str],
    set: &str,
) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "SELECT a.attname::text AS name,
                format('%I = %s', a.attname, CASE
                    WHEN NOT a.attnotnull THEN 'NULL'
                    WHEN a.atttypid = 'jsonb'::regtype
                        THEN coalesce(pg_get_expr(d.adbin, d.adrelid), '''{}''::jsonb')
                    WHEN t.typcategory = 'A' THEN '''{}'''
                    ELSE '''erased''' END) AS blank
           FROM pg_attribute a
           JOIN pg_type t ON t.oid = a.atttypid
           LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
          WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
            AND a.attgenerated = ''
            AND a.atttypid IN ('text'::regtype, 'jsonb'::regtype, 'text[]'::regtype, 'bytea'::regtype,
                               'inet'::regtype, 'public.citext'::regtype, 'public.citext[]'::regtype)
            AND a.attname <> ALL ($2)
          ORDER BY a.attnum",
    )
    .bind(table)
    .bind(stay)
    .fetch_all(connection)
    .await?;
    let mut blanks = Vec::new();
    for row in &rows {
        let name: String = row.try_get("name")?;
        // What `set` writes is not blanked.
        if !set.contains(&format!("{name} = ")) {
            blanks.push(row.try_get("blank")?);
        }
    }
    Ok(blanks)
}
