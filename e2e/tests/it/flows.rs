//! Flows in the formats of other platforms, from the apply to a call.

use callplane_e2e::phones::Caller;
use serde_json::Value;

use crate::tenant::{CALL, Options, READY, Tenant};

const OBJECTIVES: &str = "+15552019001";
const PATH: &str = "+15552019002";

/// Presses digits when a question has been said: seconds of its words, then its answer.
fn answers(steps: &[(f64, &str)]) -> Caller {
    Caller {
        steps: steps
            .iter()
            .map(|(wait, digits)| (*wait, (*digits).to_owned()))
            .collect(),
        ..Caller::listening("+15550109999")
    }
}

/// What the agent said and the caller heard.
fn said(record: &Value) -> Vec<&str> {
    let messages = record["messages"].as_array().unwrap();
    messages
        .iter()
        .filter(|message| message["role"] == "assistant")
        .map(|message| message["heardText"].as_str().unwrap())
        .collect()
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn an_objective_graph_and_a_path_of_nodes_and_edges_are_talked_through() {
    let tenant = Tenant::ready("formats", &Options::default()).await;
    let yaml = include_str!("flows.yaml")
        .replace("$NAME", &tenant.name)
        .replace("$OBJECTIVES", OBJECTIVES)
        .replace("$PATH", PATH);
    tenant.cluster.apply(&yaml).await.unwrap();
    for name in ["objectives", "path"] {
        for kind in ["flow", "agent", "phonenumber"] {
            tenant
                .cluster
                .wait_for(&tenant.name, kind, name, "Ready", READY)
                .await
                .unwrap();
        }
        let flow = tenant
            .cluster
            .object(&tenant.name, "flow", name)
            .await
            .unwrap();
        assert!(flow["status"]["notes"].is_null(), "{}", flow["status"]);
    }

    let caller = answers(&[(5.0, "2"), (4.0, "1")]);
    let phone = tenant.dial(OBJECTIVES, 5070, &caller).await;
    phone.finish(CALL).await.unwrap();
    let record = tenant.records(1).await.remove(0);
    assert_eq!(record["variables"]["service"], "drain");
    assert_eq!(record["variables"]["today"], true);
    assert_eq!(record["call"]["outcome"], "completed");
    assert_eq!(
        said(&record),
        [
            "Thanks for calling Acme Plumbing.",
            "What do you need?",
            "Shall a person come today?",
            "Goodbye."
        ]
    );

    let caller = answers(&[(5.0, "1"), (4.0, "12")]);
    let phone = tenant.dial(PATH, 5071, &caller).await;
    phone.finish(CALL).await.unwrap();
    let record = tenant.records(2).await.remove(0);
    assert_eq!(record["variables"]["seats"], 12);
    assert_eq!(
        said(&record),
        [
            "Hello from Acme.",
            "Are you interested?",
            "How many seats?",
            "That is a large order.",
            "Thank you."
        ]
    );
}
