//! A cluster without a kubelet: the API server is in memory, PostgreSQL is real, pods become ready
//! when a test says so.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use callplane_crds::{MediaPool, Tenant};
use callplane_kit::fake::{ApiServer, Fault, Outcome};
use callplane_kit::{Leadership, Manager, Metrics};
use callplane_operator::context::{Caches, Context, SecretScope};
use callplane_operator::controllers::{media_pool, tenant};
use callplane_operator::keys::{Keys, Source};
use callplane_operator::names::SECRET_DATABASE;
use callplane_providers::{Egress, HttpClient};
use callplane_store::media_nodes::{self, Load, NodeEpoch, Registration};
use callplane_store::migrate::Throttle;
use callplane_store::test_util::{PostgresServer, TestDatabase};
use callplane_store::{Credentials, TenantDatabase, roles};
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStatus, Namespace, Pod, PodCondition,
    PodStatus, Secret,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) struct World {
    pub(crate) api: ApiServer,
    pub(crate) database: TestDatabase<'static>,
}

/// Each process of an operator leads under an epoch above those before it.
fn next_epoch() -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(100);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// An operator that runs; it ends when it is dropped.
pub(crate) struct Operator {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Operator {
    /// Ends it as SIGKILL does: in the middle of whatever it does.
    pub(crate) fn kill(self) {
        self.task.abort();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let server = PostgresServer::shared().unwrap();
        let api = ApiServer::new();
        // The rights that the chart gives unless it is told otherwise.
        for verb in ["list", "watch"] {
            let refused = Fault::new(verb, "secrets", Outcome::Status(403));
            api.inject(refused.sparing("metadata.name=callplane-database"));
        }
        Self {
            api,
            database: TestDatabase::create(server).await.unwrap(),
        }
    }

    /// A new process of the operator, which is the leader.
    pub(crate) fn start(&self) -> Operator {
        let metrics = Metrics::default();
        let mut manager = Manager::new(
            &self.api.client(),
            Leadership::always(next_epoch()),
            metrics,
            "operator-0",
        );
        let keys = Keys::new(Source::Secret {
            client: self.api.client(),
            namespace: "callplane-system".to_owned(),
        });
        let context = Context::new(
            manager.kit(),
            self.database.operator.clone(),
            keys,
            HttpClient::new(Egress::default()).unwrap(),
            "operator-0",
        );
        let caches = Caches::new(&mut manager, SecretScope::Own);
        let server = tenant::Server {
            fingerprint: "db-1".to_owned(),
            ..tenant::Server::default()
        };
        let installed = media_pool::Installed {
            image: "callplane-media-node:1".to_owned(),
            speech: "none".to_owned(),
            dns_policy: "Default".to_owned(),
            image_pull_policy: "Never".to_owned(),
            provider_networks: String::new(),
        };
        let throttle = Throttle {
            at_once: NonZeroUsize::MIN,
            pause: Duration::ZERO,
        };
        tenant::wire(&mut manager, &context, &caches, server, throttle, None);
        media_pool::wire(&mut manager, &context, &caches, installed);
        let stop = CancellationToken::new();
        let run = manager.run(stop.clone());
        Operator {
            stop,
            task: tokio::spawn(async move { run.await.unwrap() }),
        }
    }

    pub(crate) fn put_namespace(&self, name: &str) {
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.to_owned());
        self.api.put(&namespace);
    }

    /// Puts a Tenant of that spec, with its namespaces.
    pub(crate) fn put_tenant(&self, name: &str, spec: Value) -> Tenant {
        let tenant = Tenant::new(name, serde_json::from_value(spec).unwrap());
        for namespace in &tenant.spec.namespaces {
            if self.api.get::<Namespace>(None, namespace).is_none() {
                self.put_namespace(namespace);
            }
        }
        self.api.put(&tenant)
    }

    pub(crate) fn edit_tenant(&self, name: &str, edit: impl FnOnce(&mut Tenant)) {
        let mut tenant = self.tenant(name);
        edit(&mut tenant);
        self.api.put(&tenant);
    }

    pub(crate) fn tenant(&self, name: &str) -> Tenant {
        self.api.get(None, name).unwrap()
    }

    /// Waits until a condition of a Tenant has that status and reason; gives back its message.
    pub(crate) async fn condition(
        &self,
        name: &str,
        type_: &str,
        status: &str,
        reason: &str,
    ) -> String {
        let found = self.api.until(|api| {
            let tenant: Tenant = api.get(None, name)?;
            let generation = tenant.metadata.generation;
            let status_of = tenant.status?;
            (status_of.observed_generation == generation).then_some(())?;
            let condition = find(&status_of.conditions, type_)?;
            (condition.status == status && condition.reason == reason)
                .then(|| condition.message.clone())
        });
        found.await.unwrap_or_else(|| {
            let now = self.api.get::<Tenant>(None, name).and_then(|t| t.status);
            panic!("{name} never got {type_}={status} {reason}: {now:#?}")
        })
    }

    /// Waits until SchemaReady of a Tenant has that reason and says that.
    pub(crate) async fn until_schema_says(&self, name: &str, reason: &str, told: &str) {
        let found = self.api.until(|api| {
            let status = api.get::<Tenant>(None, name)?.status?;
            let condition = find(&status.conditions, "SchemaReady")?;
            (condition.reason == reason && condition.message.contains(told)).then_some(())
        });
        if found.await.is_none() {
            panic!("{name}: {:#?}", self.tenant(name).status);
        }
    }

    pub(crate) async fn ready(&self, name: &str) -> Tenant {
        self.condition(name, "Ready", "True", "Ready").await;
        self.tenant(name)
    }

    pub(crate) fn secret(&self, namespace: &str) -> Option<Secret> {
        self.api.get(Some(namespace), SECRET_DATABASE)
    }

    /// The login that is published in a namespace.
    pub(crate) fn login(&self, namespace: &str) -> Credentials {
        let secret = self.secret(namespace).unwrap();
        let data = secret.data.unwrap();
        let folder = std::env::temp_dir().join(format!(
            "callplane-login-{}-{namespace}",
            std::process::id()
        ));
        std::fs::create_dir_all(&folder).unwrap();
        for (file, bytes) in data {
            std::fs::write(folder.join(file), bytes.0).unwrap();
        }
        let login = Credentials::read(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        login
    }

    pub(crate) async fn logs_in(&self, login: &Credentials) -> bool {
        roles::verify(login).await.unwrap()
    }

    pub(crate) fn pods(&self, namespace: &str) -> Vec<Pod> {
        let mut pods = self.api.list::<Pod>();
        pods.retain(|pod| pod.namespace().as_deref() == Some(namespace));
        pods
    }

    pub(crate) fn pod_names(&self, namespace: &str) -> Vec<String> {
        self.pods(namespace)
            .iter()
            .map(|pod| pod.name_any())
            .collect()
    }

    /// Waits until exactly these pods are there.
    pub(crate) async fn pods_are(&self, namespace: &str, names: &[&str]) {
        let found = self
            .api
            .until(|_| (self.pod_names(namespace) == names).then_some(()));
        if found.await.is_none() {
            panic!("pods are {:?}, not {names:?}", self.pod_names(namespace));
        }
    }

    /// Does what a kubelet does.
    pub(crate) fn make_ready(&self, namespace: &str, name: &str) {
        let mut pod: Pod = self.api.get(Some(namespace), name).unwrap();
        pod.status = Some(PodStatus {
            phase: Some("Running".to_owned()),
            pod_ip: Some(format!("10.0.0.{}", name.len())),
            conditions: Some(vec![PodCondition {
                type_: "Ready".to_owned(),
                status: "True".to_owned(),
                ..PodCondition::default()
            }]),
            container_statuses: Some(vec![ContainerStatus {
                name: "media-node".to_owned(),
                ready: true,
                state: Some(ContainerState {
                    running: Some(ContainerStateRunning::default()),
                    ..ContainerState::default()
                }),
                ..ContainerStatus::default()
            }]),
            ..PodStatus::default()
        });
        self.api.put(&pod);
    }

    /// Does what a kubelet does whose pod has run since then and fails its readiness probe.
    pub(crate) fn make_run(&self, namespace: &str, name: &str, since: Timestamp) {
        let mut pod: Pod = self.api.get(Some(namespace), name).unwrap();
        let status = json!({
            "phase": "Running",
            "conditions": [{ "type": "Ready", "status": "False", "lastTransitionTime": since }],
            "containerStatuses": [{
                "name": "media-node", "ready": false, "restartCount": 0, "image": "", "imageID": "",
                "state": { "running": { "startedAt": since } },
            }],
        });
        pod.status = Some(serde_json::from_value(status).unwrap());
        self.api.put(&pod);
    }

    /// Waits until a MediaPool has a status that fits.
    pub(crate) async fn pool<T>(
        &self,
        namespace: &str,
        name: &str,
        mut look: impl FnMut(&MediaPool) -> Option<T>,
    ) -> T {
        let found = self
            .api
            .until(|api| look(&api.get::<MediaPool>(Some(namespace), name)?));
        match found.await {
            Some(found) => found,
            None => {
                let pool = self.api.get::<MediaPool>(Some(namespace), name);
                panic!(
                    "{name} never fitted: {:#?}",
                    pool.and_then(|pool| pool.status)
                )
            }
        }
    }
}

/// Whose a namespace is, by its label.
pub(crate) fn label(world: &World, namespace: &str) -> Option<String> {
    let namespace: Namespace = world.api.get(None, namespace)?;
    namespace.labels().get("callplane.dev/tenant").cloned()
}

/// Waits until a Tenant is gone.
pub(crate) async fn gone(world: &World, name: &str) {
    let gone = world
        .api
        .until(|api| api.get::<Tenant>(None, name).is_none().then_some(()));
    if gone.await.is_none() {
        panic!("{name} stays: {:#?}", world.tenant(name));
    }
}

pub(crate) fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// A media node as the database knows it: it says every second how many calls it carries.
pub(crate) struct Node {
    database: TenantDatabase,
    epoch: NodeEpoch,
    calls: watch::Sender<u32>,
    beats: tokio::task::JoinHandle<()>,
}

impl Node {
    pub(crate) async fn register(world: &World, namespace: &str, pool: &str, name: &str) -> Self {
        let login = world.login(namespace);
        let database = TenantDatabase::connect_lazy(&login, 2).unwrap();
        let registration = Registration {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            pool: pool.to_owned(),
            pod_uid: None,
            address: "10.0.0.1:5060".to_owned(),
            slots: 25,
        };
        let epoch = media_nodes::register(&database, &registration)
            .await
            .unwrap();
        let (calls, mut load) = watch::channel(0);
        let (door, node) = (database.clone(), epoch.clone());
        let beats = tokio::spawn(async move {
            loop {
                let active_calls = *load.borrow_and_update();
                beat(&door, &node, active_calls).await;
                let pause = tokio::time::sleep(Duration::from_secs(1));
                tokio::select! {
                    () = pause => {}
                    // Ends with the node.
                    changed = load.changed() => if changed.is_err() { return },
                }
            }
        });
        Self {
            database,
            epoch,
            calls,
            beats,
        }
    }

    /// Once this returns the database hears nothing of it any more.
    pub(crate) async fn dies(self) {
        drop(self.calls);
        self.beats.await.unwrap();
    }

    /// Once this returns the database knows it.
    pub(crate) async fn says(&self, active_calls: u32) {
        self.calls.send_replace(active_calls);
        beat(&self.database, &self.epoch, active_calls).await;
    }
}

async fn beat(database: &TenantDatabase, node: &NodeEpoch, active_calls: u32) {
    let load = Load {
        active_calls,
        draining: false,
    };
    // Fails when the test is over and the login closed.
    let _ = media_nodes::heartbeat(database, node, load).await;
}

/// A tenant's spec with one namespace and a pool of that many pods.
pub(crate) fn with_pool(namespace: &str, replicas: u32) -> Value {
    json!({
        "namespaces": [namespace],
        "plan": "trial",
        "media": { "dedicated": { "replicas": replicas, "slots": 25 } },
    })
}
