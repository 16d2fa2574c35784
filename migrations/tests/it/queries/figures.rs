//! Roll-ups say what the calls say, however often they are made.

use callplane_store::{metrics, records};
use callplane_types::{CallStatus, Micros, Seconds};

use super::{hours, now};
use crate::records::record;
use crate::support::{ask, database, equipped, people};

#[tokio::test]
async fn a_day_is_rolled_up_again_without_counting_twice() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let people = people(&database, &acme).await;
    let mut agent = None;
    for n in 0..4 {
        let mut record = record(&acme).await;
        if n == 3 {
            record.call.status = CallStatus::NoAnswer;
            record.call.answered_at = None;
        }
        agent = record.call.agent_id;
        records::finish(&acme.database, &record).await.unwrap();
        for _ in 0..2 {
            metrics::roll_up_calls(&people, now()).await.unwrap();
            metrics::roll_up_agents(&people, now()).await.unwrap();
            metrics::roll_up_usage(&people, now()).await.unwrap();
        }
    }
    let days = metrics::call_days(&people, None, hours(-48), now())
        .await
        .unwrap();
    assert_eq!(days.len(), 1);
    let day = &days[0];
    assert_eq!(
        (day.total, day.completed, day.missed, day.failed),
        (4, 3, 1, 0)
    );
    assert_eq!(
        (day.duration, day.billable, day.cost),
        (Seconds(20), Seconds(18), Micros(4 * 1_002))
    );
    let rows = format!("SELECT count(*) FROM {}.call_metrics", acme.schema());
    // All, one direction, one number; no campaign.
    assert_eq!(ask(&database, &rows).await, "3");
    let days = metrics::agent_days(&people, agent, hours(-48), now())
        .await
        .unwrap();
    assert_eq!((days.len(), days[0].total, days[0].completed), (1, 4, 3));
    let totals = format!("SELECT total_calls FROM {}.agents", acme.schema());
    assert_eq!(ask(&database, &totals).await, "4");
    let usage = metrics::usage_days(&people, now()).await.unwrap();
    let telephony = usage
        .iter()
        .find(|day| day.resource == "telephony")
        .unwrap();
    assert_eq!(
        (telephony.quantity_micros, telephony.cost),
        (4 * 100_000, Micros(4_000))
    );
}
