//! The queries that the platforms document, in their own words, through the views.

use std::collections::BTreeSet;

use callplane_store::compatibility::{self, Platform};
use callplane_store::roles::{self, Purpose};
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_store::{Credentials, Slot};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::Mutex;

use crate::Failure;
use crate::bench::execute;
use crate::figure::Figure;
use crate::queries::p99;

/// Platform, what is asked, and how. `{day}` is another day of the year each time; `$n` is not used: the
/// platforms' libraries send values as parameters, whose plans are made with the values too.
const QUERIES: [(Platform, &str, &str); 12] = [
    (
        Platform::Organization,
        "a user with organizations",
        r#"SELECT * FROM "User" u LEFT JOIN "UserOrganization" m ON m."userId" = u.id
             LEFT JOIN "Organization" o ON o.id = m."organizationId" WHERE u.email = 'a@example.com'"#,
    ),
    (
        Platform::Organization,
        "an agent with all its resources",
        r#"SELECT * FROM "Agent" a LEFT JOIN "PhoneNumber" p ON p.id = a."phoneNumberId"
             LEFT JOIN "Voice" v ON v.id = a."voiceId"
             LEFT JOIN "AgentKnowledgeBase" k ON k."agentId" = a.id
             LEFT JOIN "KnowledgeBaseDocument" d ON d."knowledgeBaseId" = k."knowledgeBaseId"
             LEFT JOIN "AgentTool" t ON t."agentId" = a.id
             LEFT JOIN "AgentConversationPath" c ON c."agentId" = a.id
            WHERE a.name = 'agent 3'"#,
    ),
    (
        Platform::Organization,
        "a campaign's recipients that are READY",
        r#"SELECT r.* FROM "CampaignRecipient" r WHERE r.status = 'READY' AND r."campaignId" =
             (SELECT id FROM "Campaign" WHERE "batchName" = 'campaign 3')"#,
    ),
    (
        Platform::Organization,
        "the last 10 calls of a campaign",
        r#"SELECT * FROM "CallLog" WHERE "campaignId" =
             (SELECT id FROM "Campaign" WHERE "batchName" = 'campaign 3')
            ORDER BY "timestamp" DESC LIMIT 10"#,
    ),
    (
        Platform::Organization,
        "50 outbound completed calls of a month",
        r#"SELECT l.*, a.name, a.type, c."batchName" FROM "CallLog" l
             LEFT JOIN "Agent" a ON a.id = l."agentId" LEFT JOIN "Campaign" c ON c.id = l."campaignId"
            WHERE l."callType" = 'OUTBOUND' AND l.status = 'COMPLETED'
              AND l."timestamp" BETWEEN now() - interval '30 days' - {day} AND now() - {day}
            ORDER BY l."timestamp" DESC LIMIT 50"#,
    ),
    (
        Platform::Organization,
        "calls of 30 days counted by status",
        r#"SELECT status, count(*) FROM "CallLog"
            WHERE "timestamp" BETWEEN now() - interval '30 days' - {day} AND now() - {day}
            GROUP BY status"#,
    ),
    (
        Platform::Dukat,
        "a page of calls",
        "SELECT * FROM calls WHERE initiated_at < now() - {day} ORDER BY initiated_at DESC LIMIT 50",
    ),
    (
        Platform::Dukat,
        "a call by its sid",
        "SELECT * FROM calls WHERE call_sid = (SELECT call_sid FROM calls
           WHERE initiated_at < now() - {day} ORDER BY initiated_at DESC LIMIT 1)",
    ),
    (
        Platform::CallFabric,
        "a page of calls of a status",
        r#"SELECT * FROM "Call" WHERE status = 'NO_ANSWER' AND "initiatedAt" < now() - {day}
            ORDER BY "initiatedAt" DESC LIMIT 50"#,
    ),
    (
        Platform::Irisx,
        "a page of calls",
        "SELECT * FROM calls WHERE initiated_at < now() - {day} ORDER BY initiated_at DESC LIMIT 50",
    ),
    (
        Platform::Irisx,
        "calls from a number",
        "SELECT * FROM calls WHERE from_number = '+15550012345' ORDER BY initiated_at DESC LIMIT 50",
    ),
    (
        Platform::VoiceCore,
        "a page of calls",
        "SELECT * FROM call_logs ORDER BY call_log_id DESC LIMIT 50",
    ),
];

pub(crate) async fn run(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
) -> Result<Vec<Figure>, Failure> {
    let TestDatabase {
        operator, fence, ..
    } = database;
    let all = BTreeSet::from(Platform::ALL);
    compatibility::ensure(operator, fence, tenant.id, &all).await?;
    let credentials = roles::issue(operator, fence, tenant.id, Purpose::Ro, Slot::A).await?;
    let connection = Mutex::new(login(&credentials).await?);
    let mut figures = Vec::new();
    for (platform, what, query) in QUERIES {
        let enter = format!(
            "SET search_path = {}, public",
            platform.schema_beside(tenant.schema())
        );
        execute(&mut *connection.lock().await, &enter).await?;
        let ask = async |n: usize| {
            let day = format!("interval '{} days'", n % 300);
            let query = AssertSqlSafe(query.replace("{day}", &day));
            sqlx::raw_sql(query)
                .fetch_all(&mut *connection.lock().await)
                .await
        };
        let took = p99(ask).await?;
        let what = format!("views of {}, p99: {what}", platform.as_str());
        figures.push(Figure::at_most(what, took, "ms", 200.0));
    }
    Ok(figures)
}

async fn login(credentials: &Credentials) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect_with(
        &PgConnectOptions::new_without_pgpass()
            .host(&credentials.host)
            .port(credentials.port)
            .username(&credentials.username)
            .password(&credentials.password)
            .database(&credentials.database),
    )
    .await
}
