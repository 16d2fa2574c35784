//! Each purpose of a tenant has logins of its own.

use callplane_store::roles::{self, LogIn, Purpose};
use callplane_store::test_util::{TestDatabase, TestTenant};
use callplane_store::{Credentials, Slot, tenants};

use crate::support::{ask, count, database, equipped, login, refused};

pub(crate) async fn issue(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
    purpose: Purpose,
) -> Credentials {
    let TestDatabase {
        operator, fence, ..
    } = database;
    roles::issue(operator, fence, tenant.id, purpose, Slot::A)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_login_of_one_purpose_is_retired_without_the_others() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let app = issue(&database, &acme, Purpose::App).await;
    let ro = issue(&database, &acme, Purpose::Ro).await;
    assert_eq!(app.username, format!("{}_app_a", acme.schema()));
    assert_eq!(ro.username, format!("{}_ro_a", acme.schema()));
    for credentials in [&app, &ro, &acme.credentials] {
        assert!(roles::verify(credentials).await.unwrap());
    }
    let TestDatabase {
        operator, fence, ..
    } = &database;
    roles::retire(operator, fence, acme.id, Purpose::App, Slot::A)
        .await
        .unwrap();
    assert_ne!(roles::log_in(&app).await.unwrap(), LogIn::Works);
    assert!(roles::verify(&ro).await.unwrap());
    assert!(roles::verify(&acme.credentials).await.unwrap());
}

#[tokio::test]
async fn a_password_of_one_purpose_opens_no_other() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let app = issue(&database, &acme, Purpose::App).await;
    issue(&database, &acme, Purpose::Ro).await;
    let mixed = Credentials {
        username: format!("{}_ro_a", acme.schema()),
        ..app
    };
    assert_eq!(roles::log_in(&mixed).await.unwrap(), LogIn::WrongPassword);
}

#[tokio::test]
async fn every_login_begins_as_its_tenant() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    for purpose in Purpose::ALL {
        let credentials = issue(&database, &acme, *purpose).await;
        let mut connection = login(&credentials).await.unwrap();
        let own = "SELECT count(*) FROM platform.tenants WHERE id = platform.current_tenant_id()";
        assert_eq!(count(&mut connection, own).await, 1, "{purpose}");
        // No role of another purpose can be put on: no shared login, no SET ROLE.
        for other in Purpose::ALL.iter().filter(|other| *other != purpose) {
            let role = format!("SET ROLE {}_{other}", acme.schema());
            assert_eq!(refused(&mut connection, &role).await, "42501", "{purpose}");
        }
    }
}

#[tokio::test]
async fn a_report_reads_in_read_only_transactions() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let credentials = issue(&database, &acme, Purpose::Ro).await;
    let mut connection = login(&credentials).await.unwrap();
    let write = "INSERT INTO platform.system_errors (tenant_id, error_type, error_message)
                 VALUES (platform.current_tenant_id(), 'x', 'x')";
    assert_eq!(refused(&mut connection, write).await, "25006");
}

#[tokio::test]
async fn nobody_but_the_api_sees_a_password_or_a_seed() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    for purpose in Purpose::ALL {
        let credentials = issue(&database, &acme, *purpose).await;
        let mut connection = login(&credentials).await.unwrap();
        for hidden in [
            "SELECT password_hash FROM platform.users",
            "SELECT two_factor_secret_enc FROM platform.users",
            "SELECT auth_subject FROM platform.users",
            "SELECT * FROM platform.users",
            "SELECT token_hash FROM platform.user_tokens",
            "SELECT wrapped_key FROM platform.encryption_keys",
            "SELECT targeting FROM platform.feature_flags",
            "SELECT platform.api_key_lookup('\\x00')",
        ] {
            let code = refused(&mut connection, hidden).await;
            assert_eq!(code, "42501", "{purpose}: {hidden}");
        }
    }
}

#[tokio::test]
async fn the_end_of_a_tenant_is_the_end_of_its_roles() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let roles = format!(
        "SELECT count(*) FROM pg_roles WHERE rolname LIKE '{}\\_%'",
        acme.schema()
    );
    assert_eq!(ask(&database, &roles).await, "10");
    let TestDatabase {
        operator, fence, ..
    } = &database;
    tenants::delete(operator, fence, acme.spec.object.uid)
        .await
        .unwrap();
    assert_eq!(ask(&database, &roles).await, "0");
}
