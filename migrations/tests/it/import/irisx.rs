use callplane_store::compatibility::Platform;
use callplane_store::import::{self, Control, Options, Source};
use callplane_store::test_util::TestDatabase;

use super::{Move, Table, again, same_values};
use crate::support::{ask, database};

pub(super) const LAYOUT: &str = include_str!("irisx.sql");
pub(super) const ROWS: &str = include_str!("irisx_rows.sql");

const fn table(
    name: &'static str,
    key: &'static str,
    bad: &'static str,
    other: &'static str,
) -> Table {
    Table {
        name,
        key,
        row: "s.id",
        of: "tenant_id = 1",
        bad,
        other,
    }
}

/// The views have numbers of their own where IRISX has its numbers.
const TABLES: [Table; 9] = [
    table(
        "users",
        "uuid",
        "metadata ? 'bad'",
        // Nobody is verified by the word of a source.
        "{id,tenant_id,password_hash,email_verified,email_verified_at}",
    ),
    table(
        "api_keys",
        "uuid",
        "metadata ? 'bad'",
        "{id,tenant_id,created_by_user_id}",
    ),
    table(
        "phone_numbers",
        "phone_number",
        "metadata ? 'bad'",
        "{id,tenant_id}",
    ),
    table(
        "contacts",
        "uuid",
        "metadata ? 'bad'",
        "{id,tenant_id,created_by_user_id,lists}",
    ),
    table(
        "webhooks",
        "uuid",
        "metadata ? 'bad'",
        "{id,tenant_id,created_by_user_id,secret_key}",
    ),
    table(
        "calls",
        "call_sid",
        "metadata ? 'bad'",
        "{id,uuid,tenant_id,user_id,from_phone_number_id,to_phone_number_id,tags}",
    ),
    table(
        "call_logs",
        "coalesce(raw_event ->> 'n', event_type)",
        "metadata ? 'bad'",
        "{id,call_id,tenant_id,user_id}",
    ),
    table(
        "sessions",
        "host(ip_address)",
        "user_agent = 'bad'",
        "{id,user_id,tenant_id,session_token,refresh_token}",
    ),
    table(
        "webhook_deliveries",
        "request_url",
        "error_message = 'bad'",
        "{id,webhook_id,tenant_id,event_id}",
    ),
];

async fn irisx<'a>(database: &'a TestDatabase<'static>, calls: u32) -> Move<'a> {
    Move::of(database, Platform::Irisx, LAYOUT, ROWS, calls).await
}

#[tokio::test]
async fn every_row_of_irisx_arrives_as_its_view_shows_it_or_is_refused() {
    let database = database().await;
    let irisx = irisx(&database, 400).await;
    let report = irisx.import().await;
    assert_eq!(report.differences, [], "{report}");
    for table in TABLES {
        irisx.arrived(&report, &table).await;
    }
}

#[tokio::test]
async fn what_rows_of_irisx_refer_to_is_referred_to_here() {
    let database = database().await;
    let irisx = irisx(&database, 200).await;
    irisx.import().await;
    // Person 70 was merged into person 2, whose e-mail it has.
    let people = "SELECT call_sid, to_jsonb(lower(CASE u.id WHEN 70 THEN 'person.2@example.com' ELSE u.email END))
                    FROM calls c LEFT JOIN users u ON u.id = c.user_id AND NOT coalesce(u.metadata ->> 'bad' IN ('role', 'empty'), false)
                   WHERE c.tenant_id = 1 AND c.call_sid LIKE 'CS%' AND u.tenant_id IS DISTINCT FROM 2";
    let there = irisx.there(people).await;
    let here = irisx
        .here("SELECT c.call_sid, to_jsonb(lower(m.email::text)) FROM calls c LEFT JOIN members m ON m.id = c.member_id WHERE c.call_sid LIKE 'CS%'")
        .await;
    for (call, email) in &there {
        assert_eq!(&here[call], email, "{call}");
    }
    let numbers = "SELECT c.call_sid, jsonb_build_array(f.NUMBER, t.NUMBER, p.call_sid) FROM calls c
                     LEFT JOIN phone_numbers f ON f.id = c.from_phone_number_id AND f.NUMBER ~ '^\\+1666000....$' AND f.NUMBER <> '+16660009999' AND f.NUMBER <> '+16660008888'
                     LEFT JOIN phone_numbers t ON t.id = c.to_phone_number_id
                     LEFT JOIN calls p ON PARENT WHERE c.call_sid LIKE 'CS%'";
    let there = numbers
        .replace("NUMBER", "phone_number")
        .replace("PARENT", "p.call_sid = c.parent_call_sid");
    let here = numbers
        .replace("NUMBER", "e164")
        .replace("PARENT", "p.id = c.parent_call_id");
    same_values(&irisx.there(&there).await, &irisx.here(&here).await);
    let tags = "SELECT call_sid, to_jsonb(ARRAY(SELECT DISTINCT t FROM unnest(tags) AS t ORDER BY t)) FROM calls WHERE call_sid LIKE 'CS%'";
    let by_table = "SELECT c.call_sid, to_jsonb(ARRAY(SELECT t.name FROM call_tags x JOIN tags t ON t.id = x.tag_id WHERE x.call_id = c.id ORDER BY 1)) FROM calls c WHERE c.call_sid LIKE 'CS%'";
    let there = irisx.there(tags).await;
    same_values(&there, &irisx.here(tags).await);
    same_values(&there, &irisx.here(by_table).await);
    let lists = irisx.here("SELECT c.metadata #>> '{import,id}', jsonb_agg(l.name ORDER BY l.name) FROM contact_list_members m JOIN contacts c ON c.id = m.contact_id JOIN contact_lists l ON l.id = m.contact_list_id GROUP BY 1").await;
    let there = irisx.there("SELECT id::text, jsonb_agg('IRISX list ' || l ORDER BY 'IRISX list ' || l) FROM contacts, unnest(lists) AS l WHERE tenant_id = 1 GROUP BY id").await;
    same_values(&there, &lists);
}

#[tokio::test]
async fn a_second_import_of_irisx_writes_nothing() {
    let database = database().await;
    let irisx = irisx(&database, 150).await;
    let first = irisx.import().await;
    assert!(first.written() > 500, "{first}");
    // What people changed since stays.
    let schema = irisx.tenant.schema();
    database
        .superuser(&format!(
            "UPDATE {schema}.contacts SET first_name = 'changed'; DELETE FROM {schema}.call_tags"
        ))
        .await
        .unwrap();
    let second = irisx.import().await;
    assert_eq!(second, again(&first));
    assert_eq!(
        ask(
            &database,
            &format!("SELECT count(*) FROM {schema}.call_tags")
        )
        .await,
        "0"
    );
    assert_eq!(
        ask(
            &database,
            &format!("SELECT count(DISTINCT first_name) FROM {schema}.contacts")
        )
        .await,
        "1"
    );
}

#[tokio::test]
async fn a_dry_run_reports_the_same_and_writes_nothing() {
    let database = database().await;
    let irisx = irisx(&database, 120).await;
    let options = Options {
        dry_run: true,
        ..Options::default()
    };
    let dry = irisx
        .import_with(&options, &mut |_| Control::Continue)
        .await
        .unwrap();
    let rows = format!("SELECT count(*) FROM {}.calls", irisx.tenant.schema());
    assert_eq!(ask(&database, &rows).await, "0");
    assert_eq!(dry, irisx.import().await);
}

#[tokio::test]
async fn the_same_e_mail_in_two_tenants_is_one_person() {
    let database = database().await;
    let acme = irisx(&database, 10).await;
    acme.import().await;
    let beta = Move {
        tenant: database.tenant("beta").await.unwrap(),
        source_tenant: "2".to_owned(),
        ..acme
    };
    let report = beta.import().await;
    assert_eq!(report.differences, [], "{report}");
    let memberships = "SELECT count(*) FROM platform.memberships m JOIN platform.users u ON u.id = m.user_id WHERE u.email = 'person.1@example.com'";
    assert_eq!(ask(&database, memberships).await, "2");
    // A session of that person would open the other tenant to whoever wrote the source.
    assert_eq!(report.table("sessions").unwrap().written, 0, "{report}");
    assert!(report.to_string().contains("logs in again"), "{report}");
}

#[tokio::test]
async fn a_source_of_several_tenants_asks_which() {
    let database = database().await;
    let irisx = irisx(&database, 1).await;
    let mut source = Source::connect(&irisx.url()).await.unwrap();
    let error = import::run(
        &database.operator,
        &irisx.tenant.spec.name,
        Platform::Irisx,
        &mut source,
        &Options::default(),
        &mut |_| Control::Continue,
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("2 tenants"), "{error}");
}

#[tokio::test]
async fn secrets_arrive_sealed_or_hashed_and_without_a_key_not_at_all() {
    let database = database().await;
    let irisx = irisx(&database, 1).await;
    irisx.import().await;
    let sealed = irisx
        .here("SELECT id::text, to_jsonb(convert_from(secret_enc, 'UTF8')) FROM webhooks")
        .await;
    assert!(sealed.len() > 5);
    for (id, text) in &sealed {
        let text = text.as_str().unwrap();
        assert!(
            text.starts_with(&format!("webhooks.secret_enc.{id}:")),
            "{text}"
        );
    }
    let hashes = format!(
        "SELECT count(*) FROM platform.sessions s WHERE EXISTS (SELECT FROM generate_series(1, 30) n WHERE s.token_hash = sha256(('token' || n)::bytea)) AND tenant_id = '{}'",
        irisx.tenant.id
    );
    let sessions = format!(
        "SELECT count(*) FROM platform.sessions WHERE tenant_id = '{}'",
        irisx.tenant.id
    );
    assert_eq!(
        ask(&database, &hashes).await,
        ask(&database, &sessions).await
    );
    // Without a key.
    let other = Move {
        tenant: database.tenant("beta").await.unwrap(),
        ..irisx
    };
    let report = other.import_without_keys().await;
    assert_eq!(report.table("webhooks").unwrap().written, 0);
    assert!(report.to_string().contains("no data key"), "{report}");
}
