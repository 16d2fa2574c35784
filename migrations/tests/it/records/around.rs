//! A call record finds what it belongs to: the person, the calls before, the flow, the tags.

use callplane_store::records::{self, CallRecord, Finished, Segment, SegmentKind};
use callplane_store::{calls, contacts, flows};
use callplane_types::{CallStatus, Pii, SegmentId};
use serde_json::json;
use uuid::Uuid;

use super::{own, record};
use crate::support::{database, equipped, greeting};

#[tokio::test]
async fn a_call_knows_its_contact_and_what_went_before() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let contact = contacts::Contact {
        first_name: Some(Pii::new("Ada".to_owned())),
        last_name: None,
        phone: "+15557000001".parse().unwrap(),
        time_zone: None,
        do_not_call: false,
    };
    let contact = contacts::add(&acme.database, &contact).await.unwrap();
    let first = record(&acme).await;
    let unanswered = {
        let mut record = record(&acme).await;
        record.call.status = CallStatus::NoAnswer;
        record.call.answered_at = None;
        record.call.connected_at = None;
        record.conversation = None;
        record
    };
    let again = record(&acme).await;
    let mut stranger = record(&acme).await;
    stranger.call.from_number = Some("+4930123456".parse().unwrap());
    for record in [&first, &unanswered, &again, &stranger] {
        records::finish(&acme.database, record).await.unwrap();
    }
    let shown = |record: &CallRecord| calls::show(&acme.database, record.call.id);

    let before = shown(&first).await.unwrap();
    assert_eq!(before["contact_id"], json!(contact));
    assert_eq!(before["previously_connected"], false);
    let after = shown(&again).await.unwrap();
    assert_eq!(after["previously_connected"], true);
    // The call in between was not answered.
    assert_eq!(after["previously_connected_at"], before["connected_at"]);
    let stranger = shown(&stranger).await.unwrap();
    assert_eq!(stranger["contact_id"], json!(null));
    assert_eq!(stranger["previously_connected"], false);
    assert_eq!(stranger["caller_id_area_code"], json!(null));

    let chain = format!(
        "SELECT concat_ws(' ', v.contact_id, p.call_id) FROM conversations v
           JOIN conversations p ON p.id = v.previous_conversation_id
          WHERE v.call_id = '{}'",
        again.call.id
    );
    assert_eq!(
        own(&database, &acme, &chain).await,
        format!("{contact} {}", first.call.id)
    );
}

#[tokio::test]
async fn a_segment_points_to_the_node_of_the_version_that_the_call_began_with() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut old = record(&acme).await;
    old.segments.push(Segment {
        id: SegmentId::new(Uuid::now_v7()),
        kind: SegmentKind::Hold,
        started_at: old.call.initiated_at,
        ended_at: old.call.ended_at,
        agent_id: None,
        node: Some("no such node".to_owned()),
        metadata: json!({}),
    });
    flows::project(&database.operator, &database.fence, acme.id, &greeting("2"))
        .await
        .unwrap();
    let new = record(&acme).await;
    for record in [&old, &new] {
        records::finish(&acme.database, record).await.unwrap();
    }
    let versions = |record: &CallRecord| {
        format!(
            "SELECT string_agg(concat_ws(' ', s.seq, s.kind, n.node_key, v.version), ', '
                               ORDER BY s.seq)
               FROM call_segments s
               LEFT JOIN flow_nodes n ON n.id = s.flow_node_id
               LEFT JOIN flow_versions v ON v.id = n.flow_version_id
              WHERE s.call_id = '{}'",
            record.call.id
        )
    };
    assert_eq!(
        own(&database, &acme, &versions(&old)).await,
        "1 agent greet 1, 2 hold"
    );
    assert_eq!(
        own(&database, &acme, &versions(&new)).await,
        "1 agent greet 2"
    );
    let flow = "SELECT count(*) FROM calls c JOIN flows f ON f.id = c.flow_id
                 WHERE f.k8s_name = 'main'";
    assert_eq!(own(&database, &acme, flow).await, "2");
}

#[tokio::test]
async fn calls_that_end_at_once_with_the_same_new_tags_all_have_them() {
    let database = database().await;
    let acme = equipped(&database, "acme", "+15550000001").await;
    let mut ended = Vec::new();
    for turn in 0..6 {
        let mut record = record(&acme).await;
        record.call.tags = ["vip", "new", "demo", "vip"].map(str::to_owned).to_vec();
        // In another order each, as if to lock each other out.
        record.call.tags.rotate_left(turn % 4);
        ended.push(record);
    }
    let finish = ended
        .iter()
        .map(|record| records::finish(&acme.database, record));
    for finished in futures::future::join_all(finish).await {
        assert_eq!(finished.unwrap(), Finished::Stored);
    }
    let tags = "SELECT string_agg(DISTINCT tags::text, ' ') FROM calls";
    assert_eq!(own(&database, &acme, tags).await, "{demo,new,vip}");
    let catalogue = "SELECT count(*) FROM tags";
    assert_eq!(own(&database, &acme, catalogue).await, "3");
}
