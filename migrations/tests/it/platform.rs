//! What the schema `platform` keeps right by itself.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::{ask, count, database, equipped, refused, superuser};

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_key_is_found_while_it_is_valid_and_its_tenant_in_service() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let mut connection = superuser(&database).await;
    let insert = format!(
        "INSERT INTO platform.api_keys (tenant_id, name, environment, key_prefix, key_hash, key_hint, scopes)
         VALUES ('{}', 'key', 'live', 'sk_live_', sha256('secret'), 'cret', '[\"calls:read\"]')",
        acme.id
    );
    run(&mut connection, &insert).await;
    let found = format!(
        "SELECT count(*) FROM platform.api_key_lookup(sha256('secret'))
          WHERE tenant_id = '{}' AND schema_name = '{}' AND scopes ? 'calls:read' AND rate_limit_rpm = 100",
        acme.id,
        acme.schema()
    );
    run(&mut connection, "SET ROLE callplane_api").await;
    assert_eq!(count(&mut connection, &found).await, 1);
    for change in [
        "UPDATE platform.api_keys SET expires_at = now()",
        "UPDATE platform.api_keys SET status = 'revoked', revoked_at = now()",
        "UPDATE platform.tenants SET status = 'suspended'",
        "UPDATE platform.tenants SET deleted_at = now()",
    ] {
        run(
            &mut connection,
            &format!("RESET ROLE; BEGIN; {change}; SET LOCAL ROLE callplane_api"),
        )
        .await;
        assert_eq!(count(&mut connection, &found).await, 0, "{change}");
        run(&mut connection, "ROLLBACK; SET ROLE callplane_api").await;
        assert_eq!(count(&mut connection, &found).await, 1, "before the next");
    }
}

#[tokio::test]
async fn the_api_before_login_reaches_people_and_no_tenant() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut connection = superuser(&database).await;
    run(&mut connection, "SET ROLE callplane_api").await;
    run(
        &mut connection,
        "INSERT INTO platform.users (email, password_hash) VALUES ('a@example.com', 'x')",
    )
    .await;
    let people = "SELECT count(password_hash) FROM platform.users";
    assert_eq!(count(&mut connection, people).await, 1);
    for refusal in [
        &format!("SELECT FROM {}.agents", acme.schema()),
        "SELECT billing_email FROM platform.tenants",
        "SELECT FROM platform.phone_numbers",
        "SELECT FROM platform.encryption_keys",
        "SELECT FROM platform.audit_logs",
        "UPDATE platform.tenants SET status = 'active'",
        "SELECT platform.quota_release(gen_random_uuid())",
    ] {
        assert_eq!(
            refused(&mut connection, refusal).await,
            "42501",
            "{refusal}"
        );
    }
}

#[tokio::test]
async fn one_person_has_one_address_and_leaves_it_when_erased() {
    let database = database().await;
    let mut connection = superuser(&database).await;
    let insert = "INSERT INTO platform.users (email) VALUES ('a@example.com')";
    run(&mut connection, insert).await;
    let again = "INSERT INTO platform.users (email) VALUES ('A@Example.com')";
    assert_eq!(refused(&mut connection, again).await, "23505");
    run(
        &mut connection,
        "UPDATE platform.users SET deleted_at = now()",
    )
    .await;
    run(&mut connection, again).await;
    // A second factor without a seed would lock its owner out.
    let factor = "UPDATE platform.users SET two_factor_enabled = true";
    assert_eq!(refused(&mut connection, factor).await, "23514");
}

#[tokio::test]
async fn of_the_versions_of_a_configuration_one_is_current() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let mut connection = superuser(&database).await;
    let version = |scope: &str, tenant: &str, version: u8| {
        format!(
            "INSERT INTO platform.tenant_configs (scope, tenant_id, version, is_current)
             VALUES ('{scope}', {tenant}, {version}, true)"
        )
    };
    let own = format!("'{}'", acme.id);
    run(&mut connection, &version("tenant", &own, 1)).await;
    run(&mut connection, &version("platform", "NULL", 1)).await;
    for second in [version("tenant", &own, 2), version("platform", "NULL", 2)] {
        assert_eq!(refused(&mut connection, &second).await, "23505", "{second}");
    }
    for astray in [version("platform", &own, 3), version("tenant", "NULL", 3)] {
        assert_eq!(refused(&mut connection, &astray).await, "23514", "{astray}");
    }
}

#[tokio::test]
async fn the_audit_trail_is_only_added_to() {
    let database = database().await;
    let mut connection = superuser(&database).await;
    run(
        &mut connection,
        "INSERT INTO platform.audit_logs (actor_kind, action, entity_type) VALUES ('system', 'create', 'x')",
    )
    .await;
    for change in [
        "UPDATE platform.audit_logs SET entity_type = 'y'",
        "DELETE FROM platform.audit_logs",
    ] {
        assert_eq!(refused(&mut connection, change).await, "42501", "{change}");
    }
}

#[tokio::test]
async fn a_month_is_made_once_and_takes_its_rows() {
    let database = database().await;
    let mut connection = superuser(&database).await;
    let month = "SELECT platform.ensure_month('platform.system_errors', '2031-12-24', 'time')";
    // A session of another zone means the same month.
    run(&mut connection, "SET timezone = 'Pacific/Auckland'").await;
    run(&mut connection, month).await;
    run(&mut connection, month).await;
    run(
        &mut connection,
        "INSERT INTO platform.system_errors (error_type, error_message, created_at) VALUES
            ('first', '', '2031-12-01 00:00+00'), ('last', '', '2031-12-31 23:59:59.999999+00'),
            ('before', '', '2031-11-30 23:59:59+00'), ('after', '', '2032-01-01 00:00+00')",
    )
    .await;
    let rows = "SELECT string_agg(error_type, ' ' ORDER BY error_type)";
    for (partition, expected) in [("203112", "first last"), ("default", "after before")] {
        let rows = format!("{rows} FROM platform.system_errors_{partition}");
        assert_eq!(ask(&database, &rows).await, expected);
    }
    let unknown = "SELECT platform.ensure_month('platform.audit_logs', '2031-12-24', 'week')";
    assert_eq!(refused(&mut connection, unknown).await, "22023");
}

#[tokio::test]
async fn an_id_is_in_the_month_of_its_time() {
    let database = database().await;
    let mut connection = superuser(&database).await;
    run(
        &mut connection,
        "CREATE TABLE platform.dated (id uuid, on_day date) PARTITION BY RANGE (id);
         SELECT platform.ensure_month('platform.dated', '2031-12-01', 'uuid');
         CREATE TABLE platform.daily (on_day date) PARTITION BY RANGE (on_day);
         SELECT platform.ensure_month('platform.daily', '2031-12-01', 'date');
         INSERT INTO platform.dated (id) SELECT platform.uuid_v7(moment::timestamptz)
           FROM unnest('{2031-12-01 00:00+00, 2031-12-31 23:59:59.999+00}'::text[]) AS moment;
         INSERT INTO platform.daily VALUES ('2031-12-01'), ('2031-12-31')",
    )
    .await;
    for outside in [
        "INSERT INTO platform.dated (id) VALUES (platform.uuid_v7('2032-01-01 00:00+00'))",
        "INSERT INTO platform.dated (id) VALUES (platform.uuid_v7('2031-11-30 23:59:59.999+00'))",
        "INSERT INTO platform.daily VALUES ('2032-01-01')",
        "INSERT INTO platform.daily VALUES ('2031-11-30')",
    ] {
        assert_eq!(
            refused(&mut connection, outside).await,
            "23514",
            "{outside}"
        );
    }
}

#[tokio::test]
async fn durations_read_as_hours_minutes_seconds() {
    let database = database().await;
    for (seconds, text) in [
        ("0", "00:00:00"),
        ("3599", "00:59:59"),
        ("360000", "100:00:00"),
        ("NULL", ""),
    ] {
        let format = format!("SELECT platform.format_duration({seconds})");
        assert_eq!(ask(&database, &format).await, text);
    }
}

#[tokio::test]
async fn every_class_has_a_policy_and_no_age_below_its_floor() {
    let database = database().await;
    let without = "SELECT string_agg(class::text, ' ') FROM unnest(enum_range(NULL::platform.retention_class)) AS class
                    WHERE class NOT IN (SELECT class FROM platform.retention_policies)";
    assert_eq!(ask(&database, without).await, "");
    let mut connection = superuser(&database).await;
    let shorter =
        "UPDATE platform.retention_policies SET delete_after_days = 2000 WHERE class = 'billing'";
    assert_eq!(refused(&mut connection, shorter).await, "23514");
}
