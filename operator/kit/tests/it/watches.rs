//! Each watch by itself.

use std::time::Duration;

use callplane_kit::fake::{ApiServer, Fault, Outcome};
use callplane_kit::{Leadership, Manager, Metrics};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::ObjectRef;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::widget::{Widget, made, settled, start, start_with, widget};

#[tokio::test]
async fn a_kind_that_cannot_be_listed_delays_no_other_kind() {
    let server = ApiServer::new();
    server.inject(Fault::new("list", "secrets", Outcome::Status(403)));
    server.inject(Fault::new("list", "services", Outcome::Stall));
    server.put(&widget("a", 1));

    let metrics = callplane_kit::Metrics::default();
    let mut manager =
        callplane_kit::Manager::new(&server.client(), Leadership::always(1), metrics, "pod-0");
    let _secrets = manager.cache::<Secret>(Default::default());
    let _services = manager.cache::<k8s_openapi::api::core::v1::Service>(Default::default());
    let health = manager.health();
    let widgets = manager.cache::<Widget>(Default::default());
    let config_maps = manager.cache::<ConfigMap>(Default::default());
    let controller = crate::widget::WidgetController::new(manager.kit(), config_maps.clone());
    manager.controller(&widgets, controller).owns(&config_maps);
    let stop = tokio_util::sync::CancellationToken::new();
    tokio::spawn(manager.run(stop.clone()));

    settled(&server, "a", 1).await;
    let before = std::time::Instant::now();
    for size in 20..40 {
        server.put(&widget("a", size));
        settled(&server, "a", size).await;
    }
    // The joint backoff of kube's own runner would have cost up to a second for each change.
    assert!(
        before.elapsed() < Duration::from_secs(5),
        "{:?}",
        before.elapsed()
    );
    assert!(health.ready().is_err(), "two caches were never filled");
    stop.cancel();
}

#[tokio::test]
async fn after_a_gap_the_deleted_are_noticed_and_the_changed_are_seen() {
    let server = ApiServer::new();
    server.put(&widget("a", 1));
    let _process = start(&server, Leadership::always(1));
    settled(&server, "a", 1).await;

    // Both watches end, both lists fail once, and in between the world changes.
    for plural in ["widgets", "configmaps"] {
        server.inject(Fault::new("list", plural, Outcome::Status(500)).times(1));
        server.expire_watches(plural);
    }
    server.delete::<ConfigMap>(Some("n"), "a");
    server.put(&widget("b", 7));
    settled(&server, "b", 7).await;
    settled(&server, "a", 1).await;
    assert_eq!(made(&server, "a").as_deref(), Some("1"));
}

#[tokio::test]
async fn a_watch_that_hangs_is_started_again_after_its_idle_timeout_and_fails_the_probe_before() {
    let server = ApiServer::new();
    server.put(&widget("a", 1));
    // kube waits five seconds longer than the watch's own timeout of one second.
    let process = start_with(
        &server,
        Leadership::always(1),
        Duration::from_secs(1),
        Duration::from_secs(3),
    );
    settled(&server, "a", 1).await;
    assert_eq!(process.health.ready(), Ok(()));
    assert_eq!(process.health.live(), Ok(()));

    server.inject(Fault::new("watch", "widgets", Outcome::Stall));
    // Silence is a matter of time: nothing happens that could wake us.
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    let complaint = loop {
        tick.tick().await;
        if let Err(complaint) = process.health.live() {
            break complaint;
        }
    };
    assert!(
        complaint.starts_with("silent watches: Widget for"),
        "{complaint}"
    );
    // A watch that is quiet and healthy is not silent.
    assert!(!complaint.contains("ConfigMap"), "{complaint}");
}

#[tokio::test(start_paused = true)]
async fn a_metadata_watch_that_is_refused_does_not_end_the_process_and_its_age_tells() {
    let server = ApiServer::new();
    server.inject(Fault::new("list", "secrets", Outcome::Status(403)));
    let metrics = Metrics::default();
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let leadership = Leadership::always(1);
    let mut manager = Manager::new(&server.client(), leadership, metrics, "pod-0");
    let _widgets = manager.cache::<Widget>(Default::default());
    let _secrets = manager.metadata::<Secret>("Secret", Default::default());
    let health = manager.health();
    let stop = CancellationToken::new();
    tokio::spawn(manager.run(stop.clone()));

    // The clock is virtual; a watch is silent after 250 s.
    tokio::time::sleep(Duration::from_secs(1000)).await;
    assert_eq!(health.live(), Ok(()));
    assert_eq!(health.ready(), Ok(()));
    assert!(age(&registry, "Secret") >= 1000.0);
    assert!(age(&registry, "Widget") < 250.0);
    stop.cancel();
}

/// Seconds since a watch last heard of the API server, as the metric says.
fn age(registry: &Registry, watch: &str) -> f64 {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    let name = format!("watch_age_seconds{{watch=\"{watch}\"}} ");
    let age = text.lines().find_map(|line| line.strip_prefix(&name));
    age.unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_change_that_only_its_metadata_tells_wakes_who_asked_before_and_after_a_gap() {
    let server = ApiServer::new();
    server.put(&widget("a", 1));
    let metrics = callplane_kit::Metrics::default();
    let mut manager =
        callplane_kit::Manager::new(&server.client(), Leadership::always(1), metrics, "pod-0");
    let widgets = manager.cache::<Widget>(Default::default());
    let config_maps = manager.cache::<ConfigMap>(Default::default());
    let only_a = kube::runtime::watcher::Config::default().fields("metadata.name=a");
    let secrets = manager.metadata::<Secret>("Secret", only_a);
    let controller = crate::widget::WidgetController::new(manager.kit(), config_maps.clone());
    let name =
        |secret: &PartialObjectMeta<Secret>| vec![ObjectRef::new(&secret.name_any()).within("n")];
    manager
        .controller(&widgets, controller)
        .reads(&config_maps)
        .notices(&secrets, name);
    let stop = tokio_util::sync::CancellationToken::new();
    tokio::spawn(manager.run(stop.clone()));
    settled(&server, "a", 1).await;

    for gap in [false, true] {
        // Nobody watches this for the controller.
        server.delete::<ConfigMap>(Some("n"), "a");
        while config_maps.get("n", "a").is_some() {
            tokio::task::yield_now().await;
        }
        if gap {
            server.expire_watches("secrets");
        }
        let mut secret = Secret::default();
        secret.metadata.name = Some("a".to_owned());
        secret.metadata.namespace = Some("n".to_owned());
        server.put(&secret);
        settled(&server, "a", 1).await;
    }
    stop.cancel();
}
