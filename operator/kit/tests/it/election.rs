//! Two processes and one Lease.

use std::time::Duration;

use callplane_kit::fake::{ApiServer, Fault, Outcome};
use callplane_kit::lease::{Elector, Timing};
use callplane_kit::{Leadership, Metrics, NotLeader, fenced};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::PostParams;
use tokio_util::sync::CancellationToken;

use crate::widget::{settled, start, widget};

const FAST: Timing = Timing {
    duration: Duration::from_secs(1),
    renew_deadline: Duration::from_millis(600),
    retry: Duration::from_millis(50),
};

fn elector(server: &ApiServer, pod: &str) -> (Elector, Leadership) {
    Elector::new(
        server.client(),
        "n",
        "operator",
        pod,
        FAST,
        Metrics::default(),
    )
}

fn transitions(server: &ApiServer) -> Option<i32> {
    server
        .get::<Lease>(Some("n"), "operator")?
        .spec?
        .lease_transitions
}

fn holder(server: &ApiServer) -> Option<String> {
    server
        .get::<Lease>(Some("n"), "operator")?
        .spec?
        .holder_identity
}

#[tokio::test]
async fn a_standby_writes_nothing_and_takes_over_when_the_leader_stops() {
    let server = ApiServer::new();
    server.put(&widget("a", 1));
    let stop = CancellationToken::new();
    let (first, leads) = elector(&server, "first");
    let first = tokio::spawn(first.run(stop.clone()));
    let _leader = start(&server, leads.clone());
    settled(&server, "a", 1).await;
    let epoch = leads.epoch().unwrap();

    let (second, mut waits) = elector(&server, "second");
    tokio::spawn(second.run(CancellationToken::new()));
    let standby = start(&server, waits.clone());
    server
        .until(|_| standby.health.ready().is_ok().then_some(()))
        .await
        .unwrap();
    assert_eq!(waits.epoch(), None);

    stop.cancel();
    first.await.unwrap().unwrap();
    assert!(!leads.is_held());
    waits.acquired().await;
    assert_eq!(waits.epoch(), Some(epoch + 1));
    server.put(&widget("a", 2));
    settled(&server, "a", 2).await;
}

#[tokio::test]
async fn a_leader_that_cannot_renew_ends_and_writes_nothing_more() {
    let server = ApiServer::new();
    let (elector, mut leadership) = elector(&server, "only");
    let run = tokio::spawn(elector.run(CancellationToken::new()));
    leadership.acquired().await;
    let client = fenced(&server.client(), &leadership, &Metrics::default());
    let api: Api<ConfigMap> = Api::namespaced(client, "n");
    let map = |name: &str| {
        let mut map = ConfigMap::default();
        map.metadata.name = Some(name.to_owned());
        map
    };
    api.create(&PostParams::default(), &map("before"))
        .await
        .unwrap();

    for verb in ["get", "update"] {
        server.inject(Fault::new(verb, "leases", Outcome::Status(500)));
    }
    let lost = run.await.unwrap().unwrap_err();
    assert_eq!(
        lost.to_string(),
        "lost the lease: it could not be renewed for 600ms"
    );
    let refused = api
        .create(&PostParams::default(), &map("after"))
        .await
        .unwrap_err();
    let kube::Error::Service(cause) = refused else {
        panic!("{refused}");
    };
    assert!(cause.downcast_ref::<NotLeader>().is_some());
    assert!(
        api.get_opt("before").await.unwrap().is_some(),
        "reads still work"
    );
    assert_eq!(server.list::<ConfigMap>().len(), 1);
}

#[tokio::test]
async fn a_leader_that_hangs_is_replaced_and_ends_when_it_wakes() {
    let server = ApiServer::new();
    let (first, mut leads) = elector(&server, "first");
    let first = tokio::spawn(first.run(CancellationToken::new()));
    leads.acquired().await;
    // Another takes it by force, as after a partition in which only our side is cut off.
    let mut lease: Lease = server.get(Some("n"), "operator").unwrap();
    let spec = lease.spec.as_mut().unwrap();
    spec.holder_identity = Some("second".to_owned());
    server.put(&lease);
    let lost = first.await.unwrap().unwrap_err();
    assert_eq!(lost.to_string(), "lost the lease: `second` has it");
}

#[tokio::test]
async fn a_lease_that_nobody_renews_is_taken_with_the_next_epoch() {
    let server = ApiServer::new();
    let (first, mut leads) = elector(&server, "first");
    let first = tokio::spawn(first.run(CancellationToken::new()));
    leads.acquired().await;
    first.abort();
    let before = transitions(&server).unwrap();
    let (second, mut leads) = elector(&server, "second");
    tokio::spawn(second.run(CancellationToken::new()));
    leads.acquired().await;
    assert!(holder(&server).unwrap().starts_with("second_"));
    assert_eq!(transitions(&server), Some(before + 1));
}
