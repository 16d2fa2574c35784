//! Webhooks and the deliveries to them.

use callplane_store::deliveries::{self, Response};
use callplane_store::webhooks::{self, WebhookStatus};
use callplane_store::{Page, events, records};

use crate::records::record;
use crate::support::{ask, database, equipped, people};

#[tokio::test]
async fn a_delivery_is_claimed_once_and_tried_again_until_its_webhook_gives_up() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    // The operator makes webhooks; its part waits for the resource.
    database
        .superuser(&format!(
            "INSERT INTO {0}.webhooks (url, events, secret_enc, max_retries, retry_backoff_seconds)
             VALUES ('https://example.com/a', '{{call.completed}}', 'x', 1, 60),
                    ('https://example.com/b', '{{call.ended}}', 'x', 1, 60)",
            acme.schema()
        ))
        .await
        .unwrap();
    let record = record(&acme).await;
    records::finish(&acme.database, &record).await.unwrap();
    let people = people(&database, &acme).await;
    let event = events::unpublished(&people, 1).await.unwrap().remove(0);
    let wanting = webhooks::wanting(&people, &event.event_type, event.agent)
        .await
        .unwrap();
    assert_eq!(wanting.len(), 1);
    let webhook = wanting[0].id;
    deliveries::add(&people, webhook, &event).await.unwrap();
    // Two workers at once.
    let (one, two) = tokio::join!(
        deliveries::claim(&people, 10, 30),
        deliveries::claim(&people, 10, 30)
    );
    let mut due = [one.unwrap(), two.unwrap()].concat();
    assert_eq!(due.len(), 1);
    let first = due.remove(0);
    assert_eq!(
        (first.attempt, first.url.as_str()),
        (1, "https://example.com/a")
    );
    assert_eq!(first.body.as_ref().unwrap()["type"], "call.completed");
    let failed = Response {
        status_code: Some(500),
        took_ms: 12,
        error: Some("HTTP 500".to_owned()),
    };
    for _ in 0..2 {
        deliveries::settle(&people, &first, &failed).await.unwrap();
    }
    let wait = format!(
        "SELECT round(extract(epoch FROM next_attempt_at - created_at)) FROM {}.webhook_deliveries
          WHERE attempt_number = 2",
        acme.schema()
    );
    assert_eq!(ask(&database, &wait).await, "60");
    let now = format!(
        "UPDATE {}.webhook_deliveries SET next_attempt_at = now() WHERE status = 'pending'",
        acme.schema()
    );
    database.superuser(&now).await.unwrap();
    let second = deliveries::claim(&people, 10, 30).await.unwrap().remove(0);
    assert_eq!(second.attempt, 2);
    deliveries::settle(&people, &second, &failed).await.unwrap();
    database.superuser(&now).await.unwrap();
    assert_eq!(deliveries::claim(&people, 10, 30).await.unwrap(), []);
    let history = deliveries::history(&people, webhook, Page::first(10))
        .await
        .unwrap();
    let attempts: Vec<(i32, &str)> = history
        .iter()
        .map(|d| (d.attempt, d.status.as_str()))
        .collect();
    assert_eq!(attempts, [(2, "failed"), (1, "failed")]);
    let counted = format!(
        "SELECT concat_ws(' ', total_deliveries, failed_deliveries, trigger_count) FROM {}.webhooks
          WHERE id = '{webhook}'",
        acme.schema()
    );
    assert_eq!(ask(&database, &counted).await, "2 2 1");
    webhooks::set_status(&people, webhook, WebhookStatus::Failed)
        .await
        .unwrap();
    let wanting = webhooks::wanting(&people, &event.event_type, None)
        .await
        .unwrap();
    assert_eq!(wanting, []);
}
