//! Objects that cannot work: refused by the API server, or told so in a condition; other tenants go on.

use std::time::Duration;

use callplane_e2e::Cluster;
use callplane_e2e::phones::Caller;

use crate::tenant::{CALL, Options, Tenant};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn the_api_server_refuses_each_invalid_example_with_its_sentence() {
    let cluster = Cluster::from_environment().unwrap();
    let folder = Cluster::repository().join("crds/examples/invalid");
    let mut examples = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let yaml = std::fs::read_to_string(&path).unwrap();
        let sentence = yaml
            .lines()
            .next()
            .unwrap()
            .trim_start_matches("# Refused: ");
        // Namespaces of examples need not exist: validation comes first when nothing is stored.
        let yaml = yaml.replace("namespace: acme", "namespace: default");
        let error = cluster
            .apply(&yaml)
            .await
            .expect_err(&path.to_string_lossy());
        assert!(
            format!("{error:#}").contains(sentence),
            "{}: {error:#}",
            path.display()
        );
        examples += 1;
    }
    assert!(examples > 10, "{examples}");
}

#[tokio::test]
#[ignore = "needs a cluster: make test"]
async fn what_cannot_be_programmed_says_why_and_others_go_on() {
    let first = Tenant::ready("first", &Options::default()).await;
    let second = Tenant::ready("second", &Options::default()).await;
    let (cluster, space) = (&second.cluster, second.name.as_str());

    let stolen = first.number();
    let yaml = format!(
        r#"
apiVersion: callplane.dev/v1alpha1
kind: PhoneNumber
metadata: {{name: stolen, namespace: {space}}}
spec: {{number: "{stolen}", trunkRef: {{name: carrier}}, inbound: {{agentRef: {{name: agent}}}}}}
---
apiVersion: callplane.dev/v1alpha1
kind: PhoneNumber
metadata: {{name: nobody, namespace: {space}}}
spec: {{number: "+15552009999", trunkRef: {{name: carrier}}, inbound: {{agentRef: {{name: missing}}}}}}
---
apiVersion: callplane.dev/v1alpha1
kind: Flow
metadata: {{name: island, namespace: {space}}}
spec:
  graph:
    start: hello
    nodes:
      hello: {{hangup: {{text: Goodbye.}}}}
      lonely: {{hangup: {{text: Nobody comes here.}}}}
"#
    );
    cluster.apply(&yaml).await.unwrap();

    for (kind, name, word) in [
        ("phonenumber", "stolen", "another tenant"),
        ("phonenumber", "nobody", "missing"),
        ("flow", "island", "lonely"),
    ] {
        let (reason, message) = cluster
            .condition(space, kind, name, ("Ready", "False"), SOON)
            .await
            .unwrap();
        assert!(message.contains(word), "{kind} {name}: {reason}: {message}");
    }

    // The rest of the tenant, and the tenant whose number was claimed, are as they were.
    for tenant in [&first, &second] {
        cluster
            .wait_for(&tenant.name, "phonenumber", "line", "Ready", SOON)
            .await
            .unwrap();
        let caller = Caller {
            hang_up_after: Some(0.1),
            ..Caller::listening("+15550109999")
        };
        let phone = tenant.call(5070, &caller).await;
        phone.finish(CALL).await.unwrap();
    }
    cluster
        .kubectl(&["delete", "phonenumber", "stolen", "-n", space])
        .await
        .unwrap();
    cluster
        .wait_for(&first.name, "phonenumber", "line", "Ready", SOON)
        .await
        .unwrap();
}
