//! What most tests need: a database, objects with sensible fields, raw SQL.

use callplane_store::agents::AgentSpec;
use callplane_store::campaigns::{self, CampaignSpec, DesiredState, NewRecipient, WindowZone};
use callplane_store::erasure::{self, Mode, Subject};
use callplane_store::flows::{FlowKind, FlowNode, FlowSpec};
use callplane_store::media_nodes::{self, NodeEpoch, Registration};
use callplane_store::numbers::NumberSpec;
use callplane_store::roles::{self, Purpose};
use callplane_store::test_util::{PostgresServer, TestDatabase, TestTenant};
use callplane_store::trunks::{
    TrunkCodec, TrunkDirection, TrunkKeyExchange, TrunkSpec, TrunkSrtp, TrunkTransport,
};
use callplane_store::{
    Credentials, ObjectRef, Slot, TenantDatabase, agents, flows, numbers, trunks,
};
use callplane_types::{CampaignId, Pii, TenantId, TrunkId};
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use uuid::Uuid;

pub(crate) async fn database() -> TestDatabase<'static> {
    TestDatabase::create(PostgresServer::shared().unwrap())
        .await
        .unwrap()
}

pub(crate) fn object(name: &str) -> ObjectRef {
    ObjectRef {
        namespace: Some("acme".to_owned()),
        name: name.to_owned(),
        uid: Uuid::now_v7(),
        generation: 1,
    }
}

pub(crate) fn trunk(name: &str) -> TrunkSpec {
    TrunkSpec {
        id: TrunkId::new(Uuid::now_v7()),
        object: object(name),
        spec_hash: "1".to_owned(),
        addresses: vec!["192.0.2.10:5060".to_owned()],
        allowed_cidrs: vec!["192.0.2.0/24".to_owned()],
        transport: TrunkTransport::Udp,
        direction: TrunkDirection::Both,
        srtp: TrunkSrtp::Allowed,
        key_exchange: TrunkKeyExchange::Sdes,
        codecs: TrunkCodec::ALL.to_vec(),
        max_calls: Some(10),
        auth: None,
    }
}

pub(crate) fn flow(name: &str) -> FlowSpec {
    FlowSpec {
        object: object(name),
        spec_hash: "1".to_owned(),
        kind: FlowKind::Conversation,
        schema_version: "1".to_owned(),
        graph: json!({"nodes": [], "edges": []}),
        nodes: Vec::new(),
        edges: Vec::new(),
    }
}

pub(crate) fn agent(name: &str) -> AgentSpec {
    AgentSpec {
        object: object(name),
        spec_hash: "1".to_owned(),
        display_name: name.to_owned(),
        prompt: None,
        first_sentence: Some("Hello.".to_owned()),
        max_concurrent_calls: None,
        flows: Vec::new(),
        knowledge_bases: Vec::new(),
        spec: json!({}),
        program: json!({"version": 1}),
    }
}

pub(crate) fn number(name: &str, e164: &str) -> NumberSpec {
    NumberSpec {
        object: object(name),
        spec_hash: "1".to_owned(),
        number: e164.parse().unwrap(),
        label: None,
        trunk: None,
        agent: None,
        inbound: true,
        outbound: true,
    }
}

pub(crate) fn campaign(name: &str) -> CampaignSpec {
    CampaignSpec {
        object: object(name),
        spec_hash: "1".to_owned(),
        display_name: name.to_owned(),
        desired_state: DesiredState::Run,
        agent: "reception".to_owned(),
        caller_number: "main".to_owned(),
        dnc_lists: Vec::new(),
        window: None,
        zone: WindowZone::Fixed("UTC".to_owned()),
        max_concurrent_calls: 1000,
        calls_per_minute: None,
        ring_seconds: 20,
        max_attempts: 1,
        retry_backoff_seconds: 60,
    }
}

/// The flow `main` of one node, `greet`; another hash is another version.
pub(crate) fn greeting(spec_hash: &str) -> FlowSpec {
    FlowSpec {
        object: ObjectRef {
            // The same resource whatever its version.
            uid: Uuid::from_u128(1),
            ..object("main")
        },
        spec_hash: spec_hash.to_owned(),
        nodes: vec![FlowNode {
            key: "greet".to_owned(),
            kind: "say".to_owned(),
            label: None,
            config: json!({}),
        }],
        ..flow("main")
    }
}

/// A tenant with a trunk `carrier`, a flow `main`, an agent `reception` and a number `main`.
pub(crate) async fn equipped(database: &TestDatabase<'_>, base: &str, e164: &str) -> TestTenant {
    let tenant = database.tenant(base).await.unwrap();
    equip(database, &tenant, e164).await;
    tenant
}

pub(crate) async fn equip(database: &TestDatabase<'_>, tenant: &TestTenant, e164: &str) {
    let TestDatabase {
        operator, fence, ..
    } = database;
    trunks::project(operator, fence, tenant.id, &trunk("carrier"))
        .await
        .unwrap();
    flows::project(operator, fence, tenant.id, &greeting("1"))
        .await
        .unwrap();
    let spec = AgentSpec {
        flows: vec!["main".to_owned()],
        ..agent("reception")
    };
    agents::project(operator, fence, tenant.id, &spec)
        .await
        .unwrap();
    let spec = NumberSpec {
        trunk: Some("carrier".to_owned()),
        agent: Some("reception".to_owned()),
        ..number("main", e164)
    };
    numbers::project(operator, fence, tenant.id, &spec)
        .await
        .unwrap();
}

pub(crate) async fn node(tenant: &TestTenant, name: &str) -> NodeEpoch {
    media_nodes::register(
        &tenant.database,
        &Registration {
            name: name.to_owned(),
            namespace: "acme".to_owned(),
            pool: "acme-media".to_owned(),
            pod_uid: Some(Uuid::now_v7()),
            address: "10.0.0.1".to_owned(),
            slots: 20,
        },
    )
    .await
    .unwrap()
}

/// A running campaign over `numbers`.
pub(crate) async fn campaign_over(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
    spec: &CampaignSpec,
    numbers: &[&str],
) -> CampaignId {
    let id = campaigns::project(&database.operator, &database.fence, tenant.id, spec)
        .await
        .unwrap();
    let recipients: Vec<NewRecipient> = (2..).zip(numbers).map(recipient).collect();
    let imported = campaigns::import(&tenant.database, id, &recipients)
        .await
        .unwrap();
    assert_eq!(imported.inserted, numbers.len() as u64);
    id
}

pub(crate) fn recipient((line, number): (u64, &&str)) -> NewRecipient {
    NewRecipient {
        line,
        number: Pii::new((*number).to_owned()),
        name: None,
        time_zone: None,
        variables: serde_json::Map::new(),
    }
}

/// A connection with a tenant's login, for statements that the store would never send.
pub(crate) async fn login(credentials: &Credentials) -> Result<PgConnection, sqlx::Error> {
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

/// Runs statements and returns the SQLSTATE of a refusal.
pub(crate) async fn refused(connection: &mut PgConnection, sql: &str) -> String {
    match sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await {
        Ok(_) => panic!("allowed: {sql}"),
        Err(error) => error
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned(),
    }
}

/// The number a query counts.
pub(crate) async fn count(connection: &mut PgConnection, sql: &str) -> i64 {
    sqlx::query(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
        .unwrap()
        .get(0)
}

/// The text a query returns, as superuser.
pub(crate) async fn ask(database: &TestDatabase<'_>, sql: &str) -> String {
    let mut connection = PgConnection::connect(&database.server.superuser_url(&database.name))
        .await
        .unwrap();
    let row = sqlx::query(AssertSqlSafe(format!("SELECT ({sql})::text")))
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let text: Option<String> = row.get(0);
    connection.close().await.unwrap();
    text.unwrap_or_default()
}

/// A connection behind the store's back.
pub(crate) async fn superuser(database: &TestDatabase<'_>) -> PgConnection {
    PgConnection::connect(&database.server.superuser_url(&database.name))
        .await
        .unwrap()
}

/// Returns once a session of this database waits for a lock.
pub(crate) async fn wait_until_somebody_waits(connection: &mut PgConnection) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while count(connection, waiting).await == 0 {
        tokio::task::yield_now().await;
    }
}

/// The tenant's door for people: the login that api and worker use.
pub(crate) async fn people(database: &TestDatabase<'_>, tenant: &TestTenant) -> TenantDatabase {
    door(database, tenant, Purpose::App).await
}

/// The tenant's door of a purpose.
pub(crate) async fn door(
    database: &TestDatabase<'_>,
    tenant: &TestTenant,
    purpose: Purpose,
) -> TenantDatabase {
    let TestDatabase {
        operator, fence, ..
    } = database;
    let credentials = roles::issue(operator, fence, tenant.id, purpose, Slot::A)
        .await
        .unwrap();
    TenantDatabase::connect_lazy(&credentials, 4).unwrap()
}

/// Erases a person as `database erase` does.
pub(crate) async fn erase(database: &TestDatabase<'_>, tenant: TenantId, person: &Subject) {
    let (operator, fence) = (&database.operator, &database.fence);
    let none = |_: &erasure::Erased| json!({});
    let found = erasure::erase(operator, fence, tenant, person, Mode::Dry, none)
        .await
        .unwrap();
    let mode = Mode::For {
        erasure: erasure::request(operator, fence, tenant, &found)
            .await
            .unwrap(),
    };
    erasure::erase(operator, fence, tenant, person, mode, none)
        .await
        .unwrap();
}
