//! Logging in, sessions, links that work once, keys: through the login of the API.

use aws_lc_rs::digest;
use callplane_store::ApiDatabase;
use callplane_store::Page;
use callplane_store::members::MemberRole;
use callplane_store::people::api_keys::{self, KeyEnvironment, NewKey};
use callplane_store::people::tokens::{self, TokenPurpose};
use callplane_store::people::users::{self, Credential, UserStatus};
use callplane_store::people::{memberships, sessions};
use callplane_store::test_util::TestDatabase;
use callplane_types::Pii;
use serde_json::json;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{hours, now};
use crate::support::{ask, database, superuser};

/// The door of the API; its login is made by an administrator.
pub(crate) async fn api(database: &TestDatabase<'_>) -> ApiDatabase {
    let login = format!("{}_api", database.name);
    let make = format!("CREATE ROLE {login} LOGIN PASSWORD 'api' IN ROLE callplane_api");
    sqlx::raw_sql(AssertSqlSafe(make))
        .execute(&mut superuser(database).await)
        .await
        .unwrap();
    let (port, name) = (database.server.port(), &database.name);
    let url = format!("postgres://{login}:api@127.0.0.1:{port}/{name}?sslmode=disable");
    ApiDatabase::connect_lazy(&url, 4).unwrap()
}

/// As a token is stored without a pepper.
pub(crate) fn hash_of(token: &str) -> [u8; 32] {
    let hash = digest::digest(&digest::SHA256, token.as_bytes());
    hash.as_ref().try_into().unwrap()
}

async fn user(api: &ApiDatabase, email: &str) -> Uuid {
    let email = Pii::new(email.to_owned());
    users::add(api, &email, Some("$argon2id$1"), UserStatus::Active)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_person_logs_in_by_any_case_of_the_address_and_waits_after_wrong_passwords() {
    let database = database().await;
    let api = api(&database).await;
    let id = user(&api, "Ada@Example.com").await;
    let find = async |email: &str| {
        users::login(&api, &Pii::new(email.to_owned()))
            .await
            .unwrap()
    };
    let login = find("ada@example.COM").await.unwrap();
    assert_eq!((login.id, login.locked_until), (id, None));
    assert!(!format!("{login:?}").contains("argon2"));
    assert_eq!(find("' OR true --").await, None);
    for _ in 0..5 {
        users::logged_in(&api, id, false).await.unwrap();
    }
    assert!(find("ada@example.com").await.unwrap().locked_until.unwrap() > now());
    users::logged_in(&api, id, true).await.unwrap();
    assert_eq!(find("ada@example.com").await.unwrap().locked_until, None);
    users::set_password(&api, id, "$argon2id$2").await.unwrap();
    let hash = find("ada@example.com").await.unwrap().password_hash;
    assert_eq!(hash.as_deref(), Some("$argon2id$2"));
    let other_case = Pii::new("ADA@example.com".to_owned());
    let again = users::add(&api, &other_case, None, UserStatus::Pending);
    let said = again.await.unwrap_err().to_string();
    assert!(said.contains("users (users_email)"), "{said}");
}

#[tokio::test]
async fn a_session_holds_until_it_ends_and_enters_only_the_tenants_of_its_person() {
    let database = database().await;
    let (acme, beta) = (
        database.tenant("acme").await.unwrap(),
        database.tenant("beta").await.unwrap(),
    );
    let api = api(&database).await;
    let id = user(&api, "ada@example.com").await;
    memberships::put(&api, id, acme.id, MemberRole::Admin)
        .await
        .unwrap();
    assert!(
        memberships::grant(&api, id, acme.id, "manager")
            .await
            .unwrap()
    );
    assert!(
        !memberships::grant(&api, id, acme.id, "no such role")
            .await
            .unwrap()
    );
    assert_eq!(
        memberships::roles(&api, id, acme.id).await.unwrap(),
        ["manager"]
    );
    let works_in = memberships::of_user(&api, id).await.unwrap();
    assert_eq!((works_in.len(), works_in[0].role), (1, MemberRole::Admin));

    let session = sessions::begin(&api, id, &[1; 32], Some(&[2; 32]), hours(1))
        .await
        .unwrap();
    // The hash of another pepper is tried beside.
    let found = sessions::find(&api, &[[9; 32], [1; 32]])
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.id, found.user), (session, id));
    assert!(sessions::enter(&api, session, acme.id).await.unwrap());
    assert!(!sessions::enter(&api, session, beta.id).await.unwrap());
    // Of a refresh token too, and it works once.
    let candidates = [[9; 32], [2; 32]];
    assert!(
        sessions::refresh(&api, &candidates, (&[3; 32], &[4; 32]), hours(2))
            .await
            .unwrap()
    );
    assert!(
        !sessions::refresh(&api, &candidates, (&[5; 32], &[6; 32]), hours(2))
            .await
            .unwrap()
    );
    assert_eq!(sessions::find(&api, &[[1; 32]]).await.unwrap(), None);
    users::set_status(&api, id, UserStatus::Suspended)
        .await
        .unwrap();
    assert_eq!(sessions::find(&api, &[[3; 32]]).await.unwrap(), None);
    users::set_status(&api, id, UserStatus::Active)
        .await
        .unwrap();
    assert_eq!(sessions::revoke_all(&api, id).await.unwrap(), 1);
    assert_eq!(sessions::find(&api, &[[3; 32]]).await.unwrap(), None);
    memberships::end(&api, id, acme.id).await.unwrap();
    assert_eq!(memberships::of_user(&api, id).await.unwrap(), []);
    let over = sessions::begin(&api, id, &[7; 32], None, hours(-1)).await;
    over.unwrap();
    assert_eq!(sessions::find(&api, &[[7; 32]]).await.unwrap(), None);
}

#[tokio::test]
async fn who_confirms_an_address_does_not_take_over_what_others_prepared_for_it() {
    let database = database().await;
    let api = api(&database).await;
    let email = Pii::new("ada@example.com".to_owned());
    let prepared = Some("$argon2id$of somebody else");
    let id = users::add(&api, &email, prepared, UserStatus::Pending)
        .await
        .unwrap();
    sessions::begin(&api, id, &[1; 32], None, hours(1))
        .await
        .unwrap();
    // No way round the link.
    users::set_status(&api, id, UserStatus::Active)
        .await
        .unwrap();
    assert_eq!(sessions::find(&api, &[[1; 32]]).await.unwrap(), None);
    let own = Credential::Chosen("$argon2id$own");
    assert!(users::confirm(&api, id, own).await.unwrap());
    assert_eq!(sessions::find(&api, &[[1; 32]]).await.unwrap(), None);
    let login = users::login(&api, &email).await.unwrap().unwrap();
    assert_eq!(login.status, UserStatus::Active);
    assert_eq!(login.password_hash.as_deref(), Some("$argon2id$own"));
    // Once, and never for somebody who was locked out.
    assert!(!users::confirm(&api, id, Credential::Kept).await.unwrap());
    let other = Pii::new("eve@example.com".to_owned());
    let other = users::add(&api, &other, prepared, UserStatus::Suspended)
        .await
        .unwrap();
    assert!(!users::confirm(&api, other, Credential::Kept).await.unwrap());
}

#[tokio::test]
async fn a_tenant_that_asked_is_entered_when_the_person_has_accepted() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let api = api(&database).await;
    let email = Pii::new("ada@example.com".to_owned());
    let id = users::add(&api, &email, Some("$argon2id$1"), UserStatus::Pending)
        .await
        .unwrap();
    // As an import asks.
    let ask = format!(
        "INSERT INTO platform.memberships (user_id, tenant_id, role, status)
         VALUES ('{id}', '{}', 'manager', 'pending')",
        acme.id
    );
    database.superuser(&ask).await.unwrap();
    // As another's import says of somebody whom nobody knew.
    let beta = database.tenant("beta").await.unwrap();
    let claim = format!(
        "INSERT INTO platform.memberships (user_id, tenant_id, role, status, metadata)
         VALUES ('{id}', '{}', 'manager', 'active', '{{\"import\": {{}}}}')",
        beta.id
    );
    database.superuser(&claim).await.unwrap();
    assert!(!memberships::accept(&api, id, acme.id).await.unwrap());
    assert!(users::confirm(&api, id, Credential::Kept).await.unwrap());
    let session = sessions::begin(&api, id, &[1; 32], None, hours(1))
        .await
        .unwrap();
    assert!(!sessions::enter(&api, session, acme.id).await.unwrap());
    assert!(!sessions::enter(&api, session, beta.id).await.unwrap());
    assert!(memberships::accept(&api, id, acme.id).await.unwrap());
    assert!(sessions::enter(&api, session, acme.id).await.unwrap());
    assert!(!sessions::enter(&api, session, beta.id).await.unwrap());
    let works_in = memberships::of_user(&api, id).await.unwrap();
    assert_eq!(works_in[0].role, MemberRole::Manager);
    // Whoever was taken out is not in again by accepting.
    memberships::end(&api, id, acme.id).await.unwrap();
    assert!(!memberships::accept(&api, id, acme.id).await.unwrap());
}

/// What ends the work of a person in a tenant, and what takes it back.
const CLOSED: [(&str, &str); 9] = [
    ("memberships", "status = 'suspended'"),
    ("memberships", "status = 'inactive'"),
    ("memberships", "status = 'pending'"),
    ("memberships", "deleted_at = now()"),
    ("tenants", "status = 'suspended'"),
    ("tenants", "deleted_at = now()"),
    ("users", "status = 'suspended'"),
    ("users", "status = 'pending'"),
    ("users", "deleted_at = now()"),
];

#[tokio::test]
async fn a_session_holds_only_while_person_membership_and_tenant_are_in_service() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let api = api(&database).await;
    let id = user(&api, "ada@example.com").await;
    memberships::put(&api, id, acme.id, MemberRole::Agent)
        .await
        .unwrap();
    let session = sessions::begin(&api, id, &[1; 32], Some(&[2; 32]), hours(1))
        .await
        .unwrap();
    let works = async || {
        let entered = sessions::enter(&api, session, acme.id).await.unwrap();
        let found = sessions::find(&api, &[[1; 32]]).await.unwrap().is_some();
        let refreshed = sessions::refresh(&api, &[[2; 32]], (&[1; 32], &[2; 32]), hours(1));
        let listed = memberships::of_user(&api, id).await.unwrap().len() == 1;
        [entered, found, refreshed.await.unwrap(), listed]
    };
    assert_eq!(works().await, [true; 4]);
    for (table, closed) in CLOSED {
        let close = format!("UPDATE platform.{table} SET {closed}");
        database.superuser(&close).await.unwrap();
        assert_eq!(works().await, [false; 4], "{table}: {closed}");
        let open = format!("UPDATE platform.{table} SET status = 'active', deleted_at = NULL");
        database.superuser(&open).await.unwrap();
        assert_eq!(works().await, [true; 4], "{table}: {closed} and back");
    }
    // A session that is over enters nothing.
    database
        .superuser("UPDATE platform.sessions SET expires_at = now()")
        .await
        .unwrap();
    assert!(!sessions::enter(&api, session, acme.id).await.unwrap());
}

#[tokio::test]
async fn a_link_works_once_for_what_it_is_for() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let api = api(&database).await;
    let id = user(&api, "ada@example.com").await;
    let add = |hash: [u8; 32], until| {
        let api = api.clone();
        let tenant = Some(acme.id);
        async move { tokens::add(&api, id, tenant, TokenPurpose::Invite, &hash, until).await }
    };
    add([1; 32], hours(1)).await.unwrap();
    add([2; 32], hours(-1)).await.unwrap();
    let take = async |purpose, hash: [u8; 32]| tokens::take(&api, purpose, &[hash]).await.unwrap();
    assert_eq!(take(TokenPurpose::PasswordReset, [1; 32]).await, None);
    let (one, two) = tokio::join!(
        take(TokenPurpose::Invite, [1; 32]),
        take(TokenPurpose::Invite, [1; 32])
    );
    assert_eq!(
        [one, two].into_iter().flatten().collect::<Vec<_>>(),
        [(id, Some(acme.id))]
    );
    assert_eq!(take(TokenPurpose::Invite, [2; 32]).await, None);
}

#[tokio::test]
async fn a_key_opens_its_tenant_until_it_is_revoked() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let api = api(&database).await;
    let new = NewKey {
        name: "CRM".to_owned(),
        environment: KeyEnvironment::Live,
        hint: "abcd".to_owned(),
        scopes: json!(["calls:read"]),
        rotated_from: None,
    };
    let key = api_keys::add(&api, acme.id, &new, &[1; 32]).await.unwrap();
    let holder = api_keys::find(&api, &[[2; 32], [1; 32]])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (holder.key, holder.tenant, &holder.scopes),
        (key, acme.id, &new.scopes)
    );
    assert_eq!(&holder.schema, acme.schema());
    for _ in 0..2 {
        api_keys::used(&api, key).await.unwrap();
    }
    let listed = api_keys::list(&api, acme.id, Page::first(10))
        .await
        .unwrap();
    assert_eq!(
        listed,
        [(key, "CRM".to_owned(), "sk_live_...abcd".to_owned())]
    );
    assert!(api_keys::revoke(&api, acme.id, key).await.unwrap());
    assert!(!api_keys::revoke(&api, acme.id, key).await.unwrap());
    assert_eq!(api_keys::find(&api, &[[1; 32]]).await.unwrap(), None);
    assert_eq!(
        ask(
            &database,
            "SELECT count(last_used_at) FROM platform.api_keys"
        )
        .await,
        "1"
    );
}
