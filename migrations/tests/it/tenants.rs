//! Tenants come, rotate their logins and go, each by its own object only.

use std::collections::BTreeMap;

use callplane_store::erasure::Subject;
use callplane_store::migrate::Resolution;
use callplane_store::months::{self, Partitioning};
use callplane_store::roles::{self, Purpose};
use callplane_store::tenants::{self, TenantSpec, TenantStatus};
use callplane_store::test_util::TestDatabase;
use callplane_store::{
    Error, ObjectRef, Slot, TenantDatabase, drift, migrate, notify, quotas, retention, routes,
};
use callplane_types::TenantId;
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use crate::support::{
    ask, database, equip, equipped, erase, login, superuser, wait_until_somebody_waits,
};

#[tokio::test]
async fn ensuring_a_tenant_again_changes_nothing() {
    let database = database().await;
    let spec = database.tenant_spec("acme");
    let first = tenants::ensure(&database.operator, &database.fence, &spec)
        .await
        .unwrap();
    let stamp = "SELECT string_agg(updated_at::text, ',') FROM platform.tenants";
    let before = ask(&database, stamp).await;
    let second = tenants::ensure(&database.operator, &database.fence, &spec)
        .await
        .unwrap();
    assert_eq!(first, second);
    assert_eq!(ask(&database, stamp).await, before);
}

#[tokio::test]
async fn an_unknown_plan_is_refused_by_name() {
    let database = database().await;
    let spec = TenantSpec {
        plan: "gold".to_owned(),
        ..database.tenant_spec("acme")
    };
    let error = tenants::ensure(&database.operator, &database.fence, &spec)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::NotFound { kind: "plan", name } if name == "gold"),
        "{error}"
    );
}

#[tokio::test]
async fn limits_are_the_tenants_own_and_else_its_plans() {
    let database = database().await;
    let spec = TenantSpec {
        quotas: BTreeMap::from([("concurrent_calls".to_owned(), Some(3))]),
        ..database.tenant_spec("acme")
    };
    let acme = database.tenant_of(spec).await.unwrap();
    let usage = quotas::own_usage(&acme.database).await.unwrap();
    let limit = |resource: &str| {
        usage
            .iter()
            .find(|quota| quota.resource == resource)
            .unwrap()
            .limit
    };
    assert_eq!(limit("concurrent_calls"), Some(3));
    assert_eq!(limit("phone_numbers"), Some(20));
    assert_eq!(
        usage,
        quotas::usage(&database.operator, acme.id).await.unwrap()
    );
}

#[tokio::test]
async fn an_object_of_the_same_name_never_gets_the_tenant_of_another() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let other = with_uid(&acme.spec, Uuid::now_v7());
    let error = tenants::ensure(&database.operator, &database.fence, &other)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotOwner { .. }), "{error}");
}

#[tokio::test]
async fn deleting_a_losing_duplicate_leaves_the_winner_alone() {
    let database = database().await;
    let winner = equipped(&database, "acme", "+15550000001").await;
    let loser = TenantSpec {
        schema: winner.schema().clone(),
        ..database.tenant_spec("copycat")
    };
    let error = tenants::ensure(&database.operator, &database.fence, &loser)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::SchemaTaken { .. }), "{error}");
    // The finalizer of the loser runs all the same.
    let deleted = tenants::delete(&database.operator, &database.fence, loser.object.uid).await;
    assert_eq!(deleted.unwrap(), None);
    let retained = tenants::retain(&database.operator, &database.fence, loser.object.uid).await;
    assert_eq!(retained.unwrap(), None);
    winner.database.ping().await.unwrap();
    let agents = format!("SELECT count(*) FROM {}.agents", winner.schema());
    assert_eq!(ask(&database, &agents).await, "1");
}

#[tokio::test]
async fn a_schema_or_a_role_that_is_not_ours_is_never_taken() {
    let database = database().await;
    for foreign in ["CREATE SCHEMA {}", "CREATE ROLE {}_media_b"] {
        let spec = database.tenant_spec("acme");
        let sql = foreign.replace("{}", spec.schema.as_str());
        database.superuser(&sql).await.unwrap();
        let error = tenants::ensure(&database.operator, &database.fence, &spec)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::SchemaTaken { .. }), "{sql}: {error}");
        assert_eq!(
            tenants::find(&database.operator, &spec.name).await.unwrap(),
            None
        );
    }
}

#[tokio::test]
async fn deleting_removes_schema_roles_and_numbers_and_nothing_else() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let beta = equipped(&database, "beta", "+15550000002").await;
    let uid = acme.spec.object.uid;
    let gone = tenants::delete(&database.operator, &database.fence, uid)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(gone.id, acme.id);
    let left = format!(
        "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = '{0}')
              + (SELECT count(*) FROM pg_roles WHERE rolname LIKE '{0}\\_%')
              + (SELECT count(*) FROM platform.tenants WHERE k8s_uid = '{uid}')
              + (SELECT count(*) FROM platform.tenant_roles WHERE role_name LIKE '{0}\\_%')
              + (SELECT count(*) FROM platform.usage_quotas WHERE tenant_id = '{1}')",
        acme.schema(),
        acme.id
    );
    assert_eq!(ask(&database, &left).await, "0");
    let number = "SELECT status FROM platform.phone_numbers WHERE e164 = '+15550000001'";
    assert_eq!(ask(&database, number).await, "available");
    beta.database.ping().await.unwrap();
    // Again: nothing left to delete.
    let again = tenants::delete(&database.operator, &database.fence, uid).await;
    assert_eq!(again.unwrap(), None);
}

#[tokio::test]
async fn retained_data_is_given_back_only_to_who_names_it() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    tenants::retain(&database.operator, &database.fence, acme.spec.object.uid)
        .await
        .unwrap()
        .unwrap();
    assert!(login(&acme.credentials).await.is_err());
    assert!(!roles::verify(&acme.credentials).await.unwrap());

    let again = with_uid(&acme.spec, Uuid::now_v7());
    let error = tenants::ensure(&database.operator, &database.fence, &again)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Retained { tenant_id, .. } if *tenant_id == acme.id),
        "{error}"
    );
    let wrong = TenantSpec {
        adopt: Some(TenantId::new(Uuid::now_v7())),
        ..again.clone()
    };
    let error = tenants::ensure(&database.operator, &database.fence, &wrong).await;
    assert!(matches!(error, Err(Error::Retained { .. })));
    let confirmed = TenantSpec {
        adopt: Some(acme.id),
        ..again
    };
    let adopted = tenants::ensure(&database.operator, &database.fence, &confirmed)
        .await
        .unwrap();
    assert_eq!(adopted.id, acme.id);
    let credentials = roles::issue(
        &database.operator,
        &database.fence,
        acme.id,
        Purpose::Media,
        Slot::B,
    )
    .await
    .unwrap();
    let tenant = TenantDatabase::connect_lazy(&credentials, 1).unwrap();
    tenant.ping().await.unwrap();
    let agents = format!("SELECT count(*) FROM {}.agents", acme.schema());
    assert_eq!(ask(&database, &agents).await, "1");
}

#[tokio::test]
async fn a_password_rotates_without_a_failed_login() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let TestDatabase {
        operator, fence, ..
    } = &database;
    let b = roles::issue(operator, fence, acme.id, Purpose::Media, Slot::B)
        .await
        .unwrap();
    // Overlap: both log in.
    assert!(roles::verify(&acme.credentials).await.unwrap());
    assert!(roles::verify(&b).await.unwrap());
    acme.database.ping().await.unwrap();
    acme.database.rotate(&b).unwrap();
    roles::retire(operator, fence, acme.id, Purpose::Media, Slot::A)
        .await
        .unwrap();
    assert!(!roles::verify(&acme.credentials).await.unwrap());
    // The pool's session of slot A was ended; the next one opens as slot B.
    acme.database.ping().await.unwrap();
    let verifier = format!(
        "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = '{}'",
        b.username
    );
    assert_eq!(ask(&database, &verifier).await, "true");
}

#[tokio::test]
async fn a_changed_schema_name_is_refused() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let moved = TenantSpec {
        schema: database.tenant_spec("elsewhere").schema,
        spec_hash: "2".to_owned(),
        ..acme.spec.clone()
    };
    let error = tenants::ensure(&database.operator, &database.fence, &moved)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("cannot be changed"), "{error}");
}

#[tokio::test]
async fn tenants_migrate_side_by_side() {
    let database = database().await;
    let specs: Vec<TenantSpec> = (0..4).map(|_| database.tenant_spec("acme")).collect();
    let made = specs.iter().map(|spec| async {
        let tenant = tenants::ensure(&database.operator, &database.fence, spec).await?;
        migrate::tenant(&database.operator, &database.fence, tenant.id).await
    });
    for migrated in futures::future::join_all(made).await {
        assert_eq!(migrated.unwrap().applied.len(), migrate::TENANT.len());
    }
    assert_eq!(tenants::list(&database.operator).await.unwrap().len(), 4);
}

fn with_uid(spec: &TenantSpec, uid: Uuid) -> TenantSpec {
    TenantSpec {
        object: ObjectRef {
            uid,
            ..spec.object.clone()
        },
        ..spec.clone()
    }
}

#[tokio::test]
async fn every_plan_can_be_applied() {
    let database = database().await;
    let plans = ask(&database, "SELECT string_agg(key, ',') FROM platform.plans").await;
    for plan in plans.split(',') {
        let spec = TenantSpec {
            plan: plan.to_owned(),
            ..database.tenant_spec("acme")
        };
        let made = tenants::ensure(&database.operator, &database.fence, &spec).await;
        let usage = quotas::usage(&database.operator, made.unwrap().id)
            .await
            .unwrap();
        let numbers = usage.iter().find(|q| q.resource == "phone_numbers");
        assert_eq!(numbers.unwrap().limit.is_none(), plan == "enterprise");
    }
}

#[tokio::test]
async fn a_schema_may_be_named_by_a_word_of_sql() {
    let database = database().await;
    let spec = TenantSpec {
        schema: "user".parse().unwrap(),
        ..database.tenant_spec("acme")
    };
    let acme = database.tenant_of(spec).await.unwrap();
    equip(&database, &acme, "+15550000001").await;
    assert_eq!(routes::snapshot(&acme.database).await.unwrap().len(), 1);
    tenants::delete(&database.operator, &database.fence, acme.spec.object.uid)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn finding_a_tenant_waits_for_nobody() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let mut other = superuser(&database).await;
    let mut held = other.begin().await.unwrap();
    sqlx::query("SELECT FROM platform.tenants FOR UPDATE")
        .execute(&mut *held)
        .await
        .unwrap();
    let found = tenants::find(&database.operator, &acme.spec.name).await;
    assert_eq!(found.unwrap().unwrap().id, acme.id);
}

#[tokio::test]
async fn a_session_that_opens_while_a_tenant_is_retained_is_ended() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    // The last login to be closed is held: the others are closed, and nothing is committed.
    let mut other = superuser(&database).await;
    let mut held = other.begin().await.unwrap();
    let last = format!("ALTER ROLE {}_ro_b NOLOGIN", acme.schema());
    sqlx::raw_sql(AssertSqlSafe(last))
        .execute(&mut *held)
        .await
        .unwrap();
    let uid = acme.spec.object.uid;
    let retain = tenants::retain(&database.operator, &database.fence, uid);
    let reconnect = async {
        wait_until_somebody_waits(&mut superuser(&database).await).await;
        let session = login(&acme.credentials).await.unwrap();
        held.rollback().await.unwrap();
        session
    };
    let (retained, mut session) = tokio::join!(retain, reconnect);
    retained.unwrap().unwrap();
    assert!(session.ping().await.is_err());
}

#[tokio::test]
async fn sessions_are_ended_before_a_tenant_is_let_go_and_a_repetition_does_the_rest() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    let mut session = login(&acme.credentials).await.unwrap();
    let fail = "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE 'the end of the process'; END $$;
                CREATE TRIGGER fail BEFORE UPDATE ON platform.tenants
                    FOR EACH ROW EXECUTE FUNCTION public.fail()";
    database.superuser(fail).await.unwrap();
    let uid = acme.spec.object.uid;
    let retain = || tenants::retain(&database.operator, &database.fence, uid);
    retain().await.unwrap_err();
    assert!(session.ping().await.is_err());
    let mend = "DROP TRIGGER fail ON platform.tenants";
    database.superuser(mend).await.unwrap();
    assert_eq!(retain().await.unwrap().unwrap().id, acme.id);
}

#[tokio::test]
async fn retained_data_is_kept_up_like_any_other_and_nobody_logs_in_to_it() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let TestDatabase {
        operator, fence, ..
    } = &database;
    tenants::retain(operator, fence, acme.spec.object.uid)
        .await
        .unwrap()
        .unwrap();
    let now = retention::clock(operator).await.unwrap();
    months::ensure(operator, fence, acme.id, Partitioning::Month, now)
        .await
        .unwrap();
    retention::plan(operator, acme.id, now).await.unwrap();
    retention::thin(operator, fence, acme.id, now, false)
        .await
        .unwrap();
    let person = Subject::Number("+15557000001".parse().unwrap());
    erase(&database, acme.id, &person).await;
    assert_eq!(drift::tenant(operator, acme.id).await.unwrap(), []);
    // There is nothing to decide, which is said of this tenant.
    let first = migrate::TENANT[0].name;
    let error = migrate::resolve(operator, Some(acme.id), first, Resolution::Applied).await;
    assert!(matches!(error, Err(Error::Invalid { .. })));

    let issued = roles::issue(operator, fence, acme.id, Purpose::Ro, Slot::A).await;
    assert!(matches!(issued, Err(Error::NotFound { .. })));
    let anew = migrate::reset(operator, fence, acme.id).await;
    assert!(matches!(anew, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn nodes_hear_when_their_tenant_leaves_service_and_comes_back() {
    let database = database().await;
    let acme = database.tenant("acme").await.unwrap();
    assert!(tenants::in_service(&acme.database).await.unwrap());
    let mut changes = notify::Changes::listen(&acme.database).await.unwrap();
    for (status, serves) in [
        (TenantStatus::Suspended, false),
        (TenantStatus::Active, true),
    ] {
        let spec = TenantSpec {
            status,
            spec_hash: status.as_str().to_owned(),
            ..acme.spec.clone()
        };
        tenants::ensure(&database.operator, &database.fence, &spec)
            .await
            .unwrap();
        assert_eq!(changes.next().await.unwrap(), notify::Change::Routes);
        assert_eq!(tenants::in_service(&acme.database).await.unwrap(), serves);
    }
}
