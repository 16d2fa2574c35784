//! Two tenants, their namespaces, and the seven controllers at work.

use std::fmt::Debug;

use callplane_crds::{Agent, Campaign, Flow, LABEL_TENANT, PhoneNumber, Tenant, Trunk};
use callplane_kit::fake::ApiServer;
use callplane_kit::{Leadership, Manager, Metrics, Object, Owned};
use callplane_operator::context::{Caches, Context, SecretScope};
use callplane_operator::controllers::wire_projections;
use callplane_operator::keys::{Keys, Source};
use callplane_providers::HttpClient;
use callplane_store::test_util::{PostgresServer, TestDatabase, TestTenant};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::core::object::HasStatus;
use serde::Deserialize as _;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The examples that README applies, one tenant in the namespace `acme`.
const EXAMPLES: &[&str] = &[
    include_str!("../../../../crds/examples/acme/60-campaign.yaml"),
    include_str!("../../../../crds/examples/acme/30-phone-numbers.yaml"),
    include_str!("../../../../crds/examples/acme/50-agents.yaml"),
    include_str!("../../../../crds/examples/acme/40-flows.yaml"),
    include_str!("../../../../crds/examples/acme/20-trunk.yaml"),
];

pub(crate) struct World<'a> {
    pub(crate) api: ApiServer,
    pub(crate) acme: TestTenant,
    pub(crate) globex: TestTenant,
    pub(crate) database: TestDatabase<'a>,
    /// The data keys, as the operator has them.
    pub(crate) keys: Keys,
    _stop: DropGuard,
}

impl World<'static> {
    /// On the server that all tests share.
    pub(crate) async fn start() -> Self {
        Self::on(PostgresServer::shared().unwrap()).await
    }
}

impl<'a> World<'a> {
    pub(crate) async fn on(server: &'a PostgresServer) -> Self {
        let database = TestDatabase::create(server).await.unwrap();
        let acme = database.tenant("acme").await.unwrap();
        let globex = database.tenant("globex").await.unwrap();
        let api = ApiServer::new();
        let stop = CancellationToken::new();
        let metrics = Metrics::default();
        let mut manager = Manager::new(&api.client(), Leadership::always(100), metrics, "test");
        let keys = Keys::new(Source::Secret {
            client: api.client(),
            namespace: "callplane-system".to_owned(),
        });
        let context = Context::new(
            manager.kit(),
            database.operator.clone(),
            keys.clone(),
            // Their servers are in this process.
            HttpClient::new("127.0.0.0/8".parse().unwrap()).unwrap(),
            "test",
        );
        let caches = Caches::new(&mut manager, SecretScope::All);
        wire_projections(&mut manager, &context, &caches);
        tokio::spawn(manager.run(stop.clone()));
        let world = Self {
            api,
            acme,
            globex,
            database,
            keys,
            _stop: stop.drop_guard(),
        };
        world.give("acme", &world.acme);
        world.give("globex", &world.globex);
        world
    }

    /// Gives a namespace to a tenant, as the Tenant controller does.
    pub(crate) fn give(&self, namespace: &str, tenant: &TestTenant) {
        let name = tenant.spec.name.as_str();
        self.put_tenant(tenant, &[namespace]);
        self.put_namespace(namespace, Some(name));
    }

    pub(crate) fn put_tenant(&self, tenant: &TestTenant, namespaces: &[&str]) {
        self.put::<Tenant>(&json!({
            "metadata": { "name": tenant.spec.name.as_str() },
            "spec": { "namespaces": namespaces },
            "status": {
                "tenantId": tenant.id.to_string(),
                "schema": { "name": tenant.schema().as_str(), "version": 1 },
            },
        }));
    }

    pub(crate) fn put_namespace(&self, name: &str, tenant: Option<&str>) {
        let labels = tenant.map(|tenant| json!({ LABEL_TENANT: tenant }));
        self.put::<Namespace>(&json!({ "metadata": { "name": name, "labels": labels } }));
    }

    /// Applies the examples into a namespace, what depends on others first.
    pub(crate) fn put_examples(&self, namespace: &str) {
        for document in EXAMPLES.iter().flat_map(|text| documents(text)) {
            let mut document = document;
            document["metadata"]["namespace"] = json!(namespace);
            match document["kind"].as_str().unwrap() {
                "Trunk" => self.put::<Trunk>(&document),
                "Flow" => self.put::<Flow>(&document),
                "Agent" => self.put::<Agent>(&document),
                "PhoneNumber" => self.put::<PhoneNumber>(&document),
                "Campaign" => self.put::<Campaign>(&document),
                other => panic!("no example of {other} is applied here"),
            }
        }
    }

    /// Deletes the examples and waits until they are gone.
    pub(crate) async fn delete_examples(&self, namespace: &str) {
        self.delete_all::<Campaign>(namespace).await;
        self.delete_all::<PhoneNumber>(namespace).await;
        self.delete_all::<Agent>(namespace).await;
        self.delete_all::<Flow>(namespace).await;
        self.delete_all::<Trunk>(namespace).await;
    }

    async fn delete_all<K: Object>(&self, namespace: &str) {
        let of_namespace = |object: &K| object.meta().namespace.as_deref() == Some(namespace);
        for object in self
            .api
            .list::<K>()
            .iter()
            .filter(|object| of_namespace(object))
        {
            self.api.delete::<K>(Some(namespace), &object.name_any());
        }
        let gone = self.api.until(|api| {
            let left = api.list::<K>().iter().any(of_namespace);
            (!left).then_some(())
        });
        assert!(gone.await.is_some(), "{} stays", K::kind(&()));
    }

    pub(crate) fn put<K: Owned>(&self, document: &Value) {
        let mut document = document.clone();
        document["apiVersion"] = json!(K::api_version(&()));
        document["kind"] = json!(K::kind(&()));
        self.api
            .put(&serde_json::from_value::<K>(document).unwrap());
    }

    /// Changes the spec of an object, as `kubectl edit` does.
    pub(crate) fn edit<K: Owned>(&self, namespace: &str, name: &str, change: impl FnOnce(&mut K)) {
        let mut object = self.api.get::<K>(Some(namespace), name).unwrap();
        change(&mut object);
        self.api.put(&object);
    }

    /// Waits until the object has a condition with this status and reason.
    pub(crate) async fn until<K>(
        &self,
        namespace: &str,
        name: &str,
        wanted: (&str, &str, &str),
    ) -> K
    where
        K: Object + HasStatus<Status: HasConditions>,
    {
        let found = self.api.until(|api| {
            let object = api.get::<K>(Some(namespace), name)?;
            let status = object.status()?;
            let current = status.observed() == object.meta().generation;
            let holds = conditions(&object).iter().any(|condition| {
                (
                    condition.type_.as_str(),
                    condition.status.as_str(),
                    condition.reason.as_str(),
                ) == wanted
            });
            (current && holds).then_some(object)
        });
        found.await.unwrap_or_else(|| {
            let object = self.api.get::<K>(Some(namespace), name);
            panic!("{name} is not {wanted:?}: {object:#?}")
        })
    }

    /// Waits until the object is Ready.
    pub(crate) async fn ready<K>(&self, namespace: &str, name: &str) -> K
    where
        K: Object + HasStatus<Status: HasConditions>,
    {
        self.until(namespace, name, ("Ready", "True", "Ready"))
            .await
    }
}

/// The parts of a status that every kind has.
pub(crate) trait HasConditions: Debug {
    fn conditions(&self) -> &[Condition];
    fn observed(&self) -> Option<i64>;
}

macro_rules! has_conditions {
    ($($status:ty),*) => {$(
        impl HasConditions for $status {
            fn conditions(&self) -> &[Condition] {
                &self.conditions
            }
            fn observed(&self) -> Option<i64> {
                self.observed_generation
            }
        }
    )*};
}

has_conditions!(
    callplane_crds::TrunkStatus,
    callplane_crds::ProviderStatus,
    callplane_crds::KnowledgeBaseStatus,
    callplane_crds::FlowStatus,
    callplane_crds::AgentStatus,
    callplane_crds::PhoneNumberStatus,
    callplane_crds::CampaignStatus
);

pub(crate) fn conditions<K: HasStatus<Status: HasConditions>>(object: &K) -> &[Condition] {
    object
        .status()
        .map(HasConditions::conditions)
        .unwrap_or_default()
}

/// The message of a condition.
pub(crate) fn message<'a, K>(object: &'a K, kind: &str) -> &'a str
where
    K: ResourceExt + HasStatus<Status: HasConditions>,
{
    conditions(object)
        .iter()
        .find(|condition| condition.type_ == kind)
        .map(|condition| condition.message.as_str())
        .unwrap_or_default()
}

fn documents(text: &str) -> Vec<Value> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}
