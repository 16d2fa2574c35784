//! Whoever controls one source must not become somebody whom another tenant trusts.

use callplane_store::Slot;
use callplane_store::compatibility::Platform;
use callplane_store::import::{Control, Options, Progress};
use callplane_store::members::MemberRole;
use callplane_store::people::users::{self, Credential, UserStatus};
use callplane_store::people::{memberships, sessions};
use callplane_store::roles::{self, Purpose};
use callplane_store::test_util::TestDatabase;
use callplane_types::Pii;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::exported::export;
use super::{Move, again, irisx, refused};
use crate::queries::people::{api, hash_of};
use crate::support::{ask, count, database, login, superuser};

/// Two people as somebody would write them who may write the source: with a password of their choice,
/// an address that counts as verified, and a session that holds for a year.
const PLANTED: &str = "
INSERT INTO users (id, uuid, tenant_id, email, password_hash, first_name, phone, role, status,
                   email_verified, email_verified_at)
SELECT n, uuid_of(n, 'u'), 1, mail, '$2b$12$' || repeat('e', 53), 'From the source', '+15550001111',
       'owner', 'active', true, now()
  FROM (VALUES (8001, 'Known@Example.com'), (8002, 'nobody@example.com'),
               (8003, 'installer@example.com')) AS p (n, mail);
INSERT INTO users (id, uuid, tenant_id, email, password_hash, first_name, role, status)
VALUES (8004, uuid_of(8004, 'u'), 1, 'former@example.com', 'x', 'From the source', 'agent', 'suspended');
INSERT INTO sessions (id, user_id, tenant_id, session_token, refresh_token, status, created_at,
                      last_activity_at, expires_at)
SELECT n, n, 1, 'planted-' || n, 'again-' || n, 'active', now(), now(), now() + interval '1 year'
  FROM generate_series(8001, 8003) AS n;";

#[tokio::test]
async fn a_person_of_an_import_counts_as_nobody_until_the_address_is_confirmed() {
    let database = database().await;
    let rows = format!("{}{PLANTED}", irisx::ROWS);
    let moved = Move::of(&database, Platform::Irisx, irisx::LAYOUT, &rows, 1).await;
    let report = moved.import().await;
    assert_eq!(report.differences, [], "{report}");
    let trusted = "SELECT count(*) FROM platform.users
                    WHERE status <> 'pending' OR email_verified OR email_verified_at IS NOT NULL";
    assert_eq!(ask(&database, trusted).await, "0");
    let api = api(&database).await;
    let planted = hash_of("planted-8002");
    assert_eq!(sessions::find(&api, &[planted]).await.unwrap(), None);
    assert!(
        report.to_string().contains("until the person confirms"),
        "{report}"
    );
    assert_eq!(moved.import().await, again(&report));
}

#[tokio::test]
async fn an_import_takes_nothing_over_of_people_who_are_known_here() {
    let database = database().await;
    let rows = format!("{}{PLANTED}", irisx::ROWS);
    let moved = Move::of(&database, Platform::Irisx, irisx::LAYOUT, &rows, 1).await;
    let beta = database.tenant("beta").await.unwrap();
    let api = api(&database).await;
    // One works for another tenant, one for the installation, one has left the former platform.
    let mut known = Vec::new();
    for mail in [
        "known@example.com",
        "installer@example.com",
        "former@example.com",
    ] {
        let mail = Pii::new(mail.to_owned());
        let hash = Some("$argon2id$own");
        known.push(
            users::add(&api, &mail, hash, UserStatus::Active)
                .await
                .unwrap(),
        );
    }
    memberships::put(&api, known[0], beta.id, MemberRole::Admin)
        .await
        .unwrap();
    database
        .superuser("UPDATE platform.users SET first_name = 'Own', phone = '+15559999999'")
        .await
        .unwrap();
    let profiles =
        "SELECT jsonb_agg(to_jsonb(u) ORDER BY id) FROM platform.users u WHERE first_name = 'Own'";
    let before = ask(&database, profiles).await;

    let report = moved.import().await;
    assert_eq!(report.differences, [], "{report}");
    assert_eq!(ask(&database, profiles).await, before);
    // They are asked first, and until then the tenant knows of them what its source says.
    let schema = moved.tenant.schema();
    let here = format!(
        "SELECT string_agg(concat_ws(' ', email, first_name, phone, status,
                  (SELECT m.status FROM platform.memberships m
                    WHERE m.user_id = x.id AND m.tenant_id = x.tenant_id)), ', ' ORDER BY email)
           FROM {schema}.members x WHERE email IN ('known@example.com', 'former@example.com')"
    );
    assert_eq!(
        ask(&database, &here).await,
        "former@example.com From the source suspended, \
         Known@Example.com From the source +15550001111 pending pending"
    );
    let (operator, fence) = (&database.operator, &database.fence);
    let app = roles::issue(operator, fence, moved.tenant.id, Purpose::App, Slot::A);
    let mut app = login(&app.await.unwrap()).await.unwrap();
    let seen = "SELECT count(*) FROM platform.users WHERE first_name = 'Own'";
    assert_eq!(count(&mut app, seen).await, 0);
    for token in ["planted-8001", "planted-8003"] {
        assert_eq!(sessions::find(&api, &[hash_of(token)]).await.unwrap(), None);
    }
    let planted =
        "SELECT count(*) FROM platform.sessions s JOIN platform.users u ON u.id = s.user_id
                    WHERE u.first_name = 'Own'";
    assert_eq!(ask(&database, planted).await, "0");
    assert!(
        report.to_string().contains("before they accept"),
        "{report}"
    );
    assert_eq!(moved.import().await, again(&report));
}

#[tokio::test]
async fn sessions_and_roles_of_dukat_are_refused_for_a_person_who_has_another_identifier_here() {
    let (layout, tenant) = export(Platform::Dukat).await;
    let database = database().await;
    let rows = "UPDATE sessions SET status = 'active', expires_at = now() + interval '1 year'";
    let mut moved = Move::of(&database, Platform::Dukat, &layout, rows, 1).await;
    moved.source_tenant = tenant;
    let beta = database.tenant("beta").await.unwrap();
    let api = api(&database).await;
    // Everybody of the source is known here, under other identifiers.
    let people = moved.there("SELECT email, to_jsonb(id) FROM users").await;
    assert!(!people.is_empty());
    for mail in people.into_keys() {
        let user = users::add(&api, &Pii::new(mail), None, UserStatus::Active)
            .await
            .unwrap();
        memberships::put(&api, user, beta.id, MemberRole::Agent)
            .await
            .unwrap();
    }
    let report = moved.import().await;
    let sessions = report.table("sessions").unwrap();
    assert!(sessions.read > 0, "{report}");
    assert_eq!(
        (sessions.written, sessions.refused),
        (0, sessions.read),
        "{report}"
    );
    assert_eq!(
        ask(&database, "SELECT count(*) FROM platform.sessions").await,
        "0"
    );
    // Nor do they have here what the source lets them do.
    let roles = report.table("user_roles").unwrap();
    assert!(roles.read > 0, "{report}");
    assert_eq!((roles.written, roles.refused), (0, roles.read), "{report}");
}

/// Waits until somebody waits for a row that `connection` has locked.
async fn until_somebody_waits(database: &TestDatabase<'_>) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while ask(database, waiting).await == "0" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_session_is_refused_of_a_person_who_confirms_while_it_is_imported() {
    let database = database().await;
    let rows = format!("{}{PLANTED}", irisx::ROWS);
    let moved = Move::of(&database, Platform::Irisx, irisx::LAYOUT, &rows, 1).await;
    let api = api(&database).await;
    // The people first, by an import that is stopped before the sessions.
    let mut told = |progress: Progress<'_>| match progress.table {
        "users" => Control::Stop,
        _ => Control::Continue,
    };
    let _stopped = moved.import_with(&Options::default(), &mut told).await;
    let person = "SELECT id::text FROM platform.users WHERE email = 'nobody@example.com'";
    let person: Uuid = ask(&database, person).await.parse().unwrap();
    let mut confirming = superuser(&database).await;
    let confirm = format!(
        "BEGIN; UPDATE platform.users SET status = 'active', email_verified = true WHERE id = '{person}'"
    );
    sqlx::raw_sql(AssertSqlSafe(confirm))
        .execute(&mut confirming)
        .await
        .unwrap();
    let confirmed = async {
        until_somebody_waits(&database).await;
        sqlx::raw_sql("COMMIT")
            .execute(&mut confirming)
            .await
            .unwrap();
    };
    let (report, ()) = tokio::join!(moved.import(), confirmed);
    assert!(refused(&report, "sessions").contains("8002"), "{report}");
    let planted = hash_of("planted-8002");
    assert_eq!(sessions::find(&api, &[planted]).await.unwrap(), None);
}

#[tokio::test]
async fn who_confirms_ends_the_sessions_that_are_being_imported() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let api = api(&database).await;
    let email = Pii::new("nobody@example.com".to_owned());
    let person = users::add(&api, &email, None, UserStatus::Pending).await;
    let person = person.unwrap();
    let mut importing = superuser(&database).await;
    let import = format!(
        "BEGIN; SELECT FROM platform.users WHERE id = '{person}' FOR SHARE;
         INSERT INTO platform.memberships (user_id, tenant_id, role) VALUES ('{person}', '{tenant}', 'owner');
         INSERT INTO platform.sessions (user_id, tenant_id, token_hash, expires_at)
         VALUES ('{person}', '{tenant}', sha256('planted'), now() + interval '1 year')",
        tenant = acme.id
    );
    sqlx::raw_sql(AssertSqlSafe(import))
        .execute(&mut importing)
        .await
        .unwrap();
    let imported = async {
        until_somebody_waits(&database).await;
        sqlx::raw_sql("COMMIT")
            .execute(&mut importing)
            .await
            .unwrap();
    };
    let (confirmed, ()) = tokio::join!(users::confirm(&api, person, Credential::Kept), imported);
    assert!(confirmed.unwrap());
    let planted = hash_of("planted");
    assert_eq!(sessions::find(&api, &[planted]).await.unwrap(), None);
}

#[tokio::test]
async fn who_was_in_the_tenant_before_its_import_stays_as_they_were() {
    let database = database().await;
    let rows = format!("{}{PLANTED}", irisx::ROWS);
    let moved = Move::of(&database, Platform::Irisx, irisx::LAYOUT, &rows, 1).await;
    let api = api(&database).await;
    let mail = Pii::new("known@example.com".to_owned());
    let user = users::add(&api, &mail, None, UserStatus::Active)
        .await
        .unwrap();
    memberships::put(&api, user, moved.tenant.id, MemberRole::Viewer)
        .await
        .unwrap();
    moved.import().await;
    let works_in = memberships::of_user(&api, user).await.unwrap();
    assert_eq!(works_in.len(), 1);
    assert_eq!(works_in[0].role, MemberRole::Viewer);
    let role = format!(
        "SELECT role || ' ' || status FROM {}.members WHERE id = '{user}'",
        moved.tenant.schema()
    );
    assert_eq!(ask(&database, &role).await, "viewer active");
}
