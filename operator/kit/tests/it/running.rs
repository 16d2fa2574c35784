//! What the runner does with good objects, bad objects and a server in a bad mood.

use std::time::Duration;

use callplane_kit::Leadership;
use callplane_kit::fake::{ApiServer, Fault, Outcome};
use k8s_openapi::api::core::v1::ConfigMap;

use crate::widget::{Widget, made, settled, start, widget};

#[tokio::test]
async fn an_object_that_is_as_it_should_be_causes_no_write() {
    let server = ApiServer::new();
    server.put(&widget("a", 1));
    let first = start(&server, Leadership::always(1));
    settled(&server, "a", 1).await;
    drop(first);

    server.forget_writes();
    let second = start(&server, Leadership::always(2));
    // A second object tells when the first one was looked at: the queue keeps the order.
    server.put(&widget("b", 2));
    settled(&server, "b", 2).await;
    let names: Vec<String> = server
        .writes()
        .into_iter()
        .map(|write| write.name)
        .collect();
    assert!(!names.contains(&"a".to_owned()), "{names:?}");
    drop(second);
}

#[tokio::test]
async fn what_somebody_else_changes_or_deletes_is_put_right() {
    let server = ApiServer::new();
    server.put(&widget("a", 1));
    let _process = start(&server, Leadership::always(1));
    settled(&server, "a", 1).await;

    let mut map: ConfigMap = server.get(Some("n"), "a").unwrap();
    map.data = Some([("size".to_owned(), "9".to_owned())].into());
    server.put(&map);
    settled(&server, "a", 1).await;

    server.delete::<ConfigMap>(Some("n"), "a");
    settled(&server, "a", 1).await;
}

#[tokio::test]
async fn a_conflict_a_full_server_and_an_outage_are_tried_again() {
    for code in [409, 429, 500] {
        let server = ApiServer::new();
        server.inject(Fault::new("patch", "configmaps", Outcome::Status(code)).times(1));
        server.put(&widget("a", 1));
        let _process = start(&server, Leadership::always(1));
        settled(&server, "a", 1).await;
    }
}

#[tokio::test]
async fn a_bad_object_is_told_so_and_does_not_stop_the_others() {
    let server = ApiServer::new();
    server.put(&widget("big", 2000));
    server.put(&widget("panics", 13));
    server.put(&widget("good", 1));
    let _process = start(&server, Leadership::always(1));
    settled(&server, "good", 1).await;
    let event = server
        .until(|server| server.events_on("big").into_iter().next())
        .await;
    assert_eq!(
        event.as_deref(),
        Some("TooBig: a widget of size 2000 cannot be made")
    );
    let event = server
        .until(|server| server.events_on("panics").into_iter().next())
        .await;
    assert_eq!(event.as_deref(), Some("Panicked: the reconcile panicked"));
}

#[tokio::test]
async fn an_object_that_does_not_decode_is_passed_over() {
    let server = ApiServer::new();
    let mut odd: Widget = widget("odd", 1);
    odd.metadata.annotations = None;
    let stored = server.put(&odd);
    assert_eq!(stored.metadata.generation, Some(1));
    server.put_raw::<Widget>(
        Some("n"),
        "odd",
        serde_json::json!({"apiVersion": "test.callplane.dev/v1", "kind": "Widget",
            "metadata": {"name": "odd", "namespace": "n"}, "spec": {"size": "large"}}),
    );
    server.put(&widget("good", 1));
    let _process = start(&server, Leadership::always(1));
    settled(&server, "good", 1).await;
    assert_eq!(made(&server, "odd"), None);
}

#[tokio::test]
async fn an_object_that_stops_decoding_is_not_taken_for_deleted() {
    let server = ApiServer::new();
    let known = server.put(&widget("odd", 1));
    let _process = start(&server, Leadership::always(1));
    settled(&server, "odd", 1).await;
    server.put_raw::<Widget>(
        Some("n"),
        "odd",
        serde_json::json!({"apiVersion": "test.callplane.dev/v1", "kind": "Widget",
            "metadata": {"name": "odd", "namespace": "n", "uid": known.metadata.uid},
            "spec": {"size": "large"}}),
    );
    // A list after a gap, in which it does not decode either.
    server.expire_watches("widgets");
    server.put(&widget("next", 2));
    settled(&server, "next", 2).await;
    // It is still looked after in its last good form.
    server.delete::<ConfigMap>(Some("n"), "odd");
    let again = server.until(|server| made(server, "odd"));
    assert_eq!(again.await.as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn an_object_deleted_while_it_waits_for_another_try_is_forgotten_with_its_failures() {
    let server = ApiServer::new();
    server.inject(Fault::new("patch", "configmaps", Outcome::Status(403)));
    server.put(&widget("a", 1));
    let _process = start(&server, Leadership::always(1));
    let complaints = |server: &ApiServer| server.events_on("a").len();
    let first = server.until(|server| (complaints(server) == 1).then_some(()));
    first.await.expect("the first failure is told");
    // Somewhere between two tries of which the wait doubles up to five minutes.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(complaints(&server), 1, "the same failure is told once");

    server.delete::<Widget>(Some("n"), "a");
    server.put(&widget("b", 2000));
    let seen = server.until(|server| server.events_on("b").into_iter().next());
    seen.await.expect("the deletion is behind us");
    server.forget_writes();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let tried: Vec<_> = server.writes();
    assert!(tried.iter().all(|write| write.name != "a"), "{tried:?}");

    // What comes back under the name is another object: it is tried at once, and its failure is news.
    server.put(&widget("a", 1));
    let again = server.until(|server| (complaints(server) == 2).then_some(()));
    again.await.expect("the failure of the new one is told");
    server.heal();
    settled(&server, "a", 1).await;
}
