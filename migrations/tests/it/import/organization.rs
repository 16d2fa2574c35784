use callplane_store::compatibility::Platform;

use super::{Move, Table, again, same_values};
use crate::support::{ask, database};

pub(super) const LAYOUT: &str = include_str!("organization.sql");
pub(super) const ROWS: &str = include_str!("organization_rows.sql");

const fn table(
    name: &'static str,
    key: &'static str,
    bad: &'static str,
    other: &'static str,
) -> Table {
    Table {
        name,
        key,
        row: "id",
        of: "\"organizationId\" = 'acme'",
        bad,
        other,
    }
}

/// Identifiers are others here; what they refer to is compared by name below.
const TABLES: [Table; 11] = [
    table(
        "\"PhoneNumber\"",
        "\"phoneNumber\"",
        "label = 'BAD'",
        "{id,organizationId}",
    ),
    Table {
        of: "\"organizationId\" = 'acme' OR \"organizationId\" IS NULL",
        ..table("\"Voice\"", "name", "name = 'BAD'", "{id,organizationId}")
    },
    table(
        "\"Agent\"",
        "name",
        "name = 'BAD'",
        "{id,organizationId,phoneNumberId,voiceId}",
    ),
    table(
        "\"KnowledgeBase\"",
        "name",
        "name = 'BAD'",
        "{id,organizationId,updatedAt}",
    ),
    Table {
        of: "true",
        ..table(
            "\"KnowledgeBaseDocument\"",
            "name",
            "name = 'BAD'",
            "{id,knowledgeBaseId}",
        )
    },
    table(
        "\"ConversationPath\"",
        "name",
        "name = 'BAD'",
        "{id,organizationId}",
    ),
    table(
        "\"Tool\"",
        "name",
        "name = 'BAD'",
        "{id,organizationId,configuration}",
    ),
    table(
        "\"Event\"",
        "name",
        "name = 'BAD'",
        "{id,organizationId,agentId}",
    ),
    table(
        "\"Campaign\"",
        "\"batchName\"",
        "\"batchName\" = 'BAD'",
        "{id,organizationId,agentId,conversationPathId,progress}",
    ),
    Table {
        of: "true",
        ..table(
            "\"CampaignRecipient\"",
            "concat(\"phoneNumber\", notes)",
            "name = 'BAD'",
            "{id,campaignId}",
        )
    },
    table(
        "\"CallLog\"",
        "\"callId\"",
        "metadata ? 'bad'",
        "{id,organizationId,agentId,campaignId}",
    ),
];

#[tokio::test]
async fn every_row_of_the_organization_platform_arrives_as_its_view_shows_it_or_is_refused() {
    let database = database().await;
    let mut moved = Move::of(&database, Platform::Organization, LAYOUT, ROWS, 300).await;
    moved.source_tenant = "acme".to_owned();
    let report = moved.import().await;
    assert_eq!(report.differences, [], "{report}");
    for table in TABLES {
        moved.arrived(&report, &table).await;
    }
    let people = "SELECT u.email, jsonb_build_array(o.role, u.\"firstName\", u.\"timeZone\")
                    FROM SCHEMA\"UserOrganization\" o JOIN SCHEMA\"User\" u ON u.id = o.\"userId\" WHERE o.role <> 'GOD' AND ";
    let there = people.replace("SCHEMA", "") + "o.\"organizationId\" = 'acme'";
    let here = people.replace("SCHEMA", "VIEWS.") + "true";
    same_values(&moved.there(&there).await, &moved.here(&here).await);
    // What rows refer to.
    let calls = "SELECT l.\"callId\", jsonb_build_array(a.name, c.\"batchName\") FROM SCHEMA\"CallLog\" l
                   LEFT JOIN SCHEMA\"Agent\" a ON a.id = l.\"agentId\" AND a.name <> 'BAD'
                   LEFT JOIN SCHEMA\"Campaign\" c ON c.id = l.\"campaignId\" AND c.\"batchName\" <> 'BAD'
                  WHERE l.\"callId\" LIKE 'ext-%'";
    same_values(
        &moved.there(&calls.replace("SCHEMA", "")).await,
        &moved.here(&calls.replace("SCHEMA", "VIEWS.")).await,
    );
    let agents = "SELECT a.name, jsonb_build_array(n.\"phoneNumber\", v.name, k.name, t.name, p.name) FROM SCHEMA\"Agent\" a
                    LEFT JOIN SCHEMA\"PhoneNumber\" n ON n.id = a.\"phoneNumberId\" LEFT JOIN SCHEMA\"Voice\" v ON v.id = a.\"voiceId\" AND v.name <> 'BAD'
                    LEFT JOIN SCHEMA\"AgentKnowledgeBase\" ak ON ak.\"agentId\" = a.id LEFT JOIN SCHEMA\"KnowledgeBase\" k ON k.id = ak.\"knowledgeBaseId\"
                    LEFT JOIN SCHEMA\"AgentTool\" x ON x.\"agentId\" = a.id LEFT JOIN SCHEMA\"Tool\" t ON t.id = x.\"toolId\"
                    LEFT JOIN SCHEMA\"AgentConversationPath\" y ON y.\"agentId\" = a.id LEFT JOIN SCHEMA\"ConversationPath\" p ON p.id = y.\"conversationPathId\"
                   WHERE a.name LIKE 'Agent%'";
    same_values(
        &moved.there(&agents.replace("SCHEMA", "")).await,
        &moved.here(&agents.replace("SCHEMA", "VIEWS.")).await,
    );
    let credits = format!(
        "SELECT credits FROM {}__organization.\"Organization\"",
        moved.tenant.schema()
    );
    assert_eq!(ask(&database, &credits).await, "1234.567800");
    let keys = format!(
        "SELECT count(*) FROM platform.api_keys WHERE tenant_id = '{}'",
        moved.tenant.id
    );
    assert_eq!(ask(&database, &keys).await, "6");
    assert_eq!(moved.import().await, again(&report));
}
