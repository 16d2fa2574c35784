//! How soon a tenant is there.

use std::time::{Duration, Instant};

use callplane_e2e::{Cluster, figure};

/// Tenants that are made, one after the other.
const TENANTS: usize = 5;
const SOON: Duration = Duration::from_secs(30);
/// Half of them are Ready by then.
const LIMIT: f64 = 2.0;

fn yaml(name: &str, today: &str) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: {name}}}
---
apiVersion: callplane.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}, annotations: {{callplane.dev/confirm-delete: {name}/{today}}}}}
spec: {{namespaces: [{name}], deletionPolicy: Delete}}
"
    )
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn half_of_the_tenants_are_ready_within_two_seconds() {
    let cluster = Cluster::from_environment().unwrap();
    let today = callplane_e2e::run("date", &["-u", "+%F"], "")
        .await
        .unwrap();
    let mut took = Vec::new();
    for n in 0..TENANTS {
        let name = format!("created-{n}");
        cluster.apply(&yaml(&name, today.trim())).await.unwrap();
        let applied = Instant::now();
        cluster
            .wait_for("", "tenant", &name, "Ready", SOON)
            .await
            .unwrap();
        took.push(applied.elapsed().as_secs_f64());
    }
    for n in 0..TENANTS {
        for kind in ["tenant", "namespace"] {
            let name = format!("created-{n}");
            cluster
                .kubectl(&["delete", kind, &name, "--wait=false"])
                .await
                .unwrap();
        }
    }
    took.sort_by(f64::total_cmp);
    let half = took[TENANTS / 2];
    figure(
        "tenant applied to Ready, half of them",
        format_args!("{half:.2}"),
        "s",
        "<= 2",
    )
    .unwrap();
    assert!(half <= LIMIT, "{took:?}");
}
