//! What the example becomes, for a reviewer to read.

use callplane_operator::controllers::media_pool::Installed;
use callplane_operator::render::{Inputs, render};
use serde::Deserialize as _;
use serde_json::Value;

fn installed() -> Installed {
    Installed {
        image: "callplane-media-node:0.1.0".to_owned(),
        speech: "/usr/local/bin/callplane-speech".to_owned(),
        dns_policy: "ClusterFirst".to_owned(),
        image_pull_policy: "IfNotPresent".to_owned(),
    }
}

#[test]
fn the_example_renders_as_reviewed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/examples/acme");
    let mut inputs = Inputs::default();
    for file in ["00-namespace.yaml", "10-tenant.yaml"] {
        inputs
            .add(&std::fs::read_to_string(format!("{folder}/{file}")).unwrap())
            .unwrap();
    }
    insta::assert_snapshot!(render(&inputs, &installed()).unwrap());
}

/// The variable that says what may be captured, of a pod whose pool has this line.
fn capture_of(line: &str) -> Option<String> {
    let mut inputs = Inputs::default();
    inputs
        .add(&format!(
            "kind: Tenant
apiVersion: callplane.dev/v1alpha1
metadata: {{ name: acme }}
spec: {{ namespaces: [acme], plan: trial }}
---
kind: MediaPool
apiVersion: callplane.dev/v1alpha1
metadata: {{ name: edge, namespace: acme }}
spec: {{ {line} }}"
        ))
        .unwrap();
    let text = render(&inputs, &installed()).unwrap();
    let pod = serde_yaml_ng::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).unwrap())
        .find(|document| document["kind"] == "Pod")
        .unwrap();
    let variables = pod["spec"]["containers"][0]["env"].as_array().unwrap();
    let variable = variables
        .iter()
        .find(|variable| variable["name"] == "CALLPLANE_CAPTURE");
    variable.map(|variable| variable["value"].as_str().unwrap().to_owned())
}

#[test]
fn what_may_be_captured_reaches_the_pod_and_a_pool_that_says_nothing_keeps_its_pods() {
    assert_eq!(capture_of("replicas: 1"), None);
    assert_eq!(capture_of("capture: Masked"), None);
    assert_eq!(capture_of("capture: Full").as_deref(), Some("full"));
    assert_eq!(capture_of("capture: Disabled").as_deref(), Some("disabled"));
}

#[test]
fn on_the_network_of_the_node_whatever_names_a_port_follows_the_block_of_the_pool() {
    let mut inputs = Inputs::default();
    inputs
        .add(
            "kind: Tenant
apiVersion: callplane.dev/v1alpha1
metadata: { name: acme }
spec: { namespaces: [acme], plan: trial }
---
kind: MediaPool
apiVersion: callplane.dev/v1alpha1
metadata: { name: edge, namespace: acme }
spec:
  network: HostNetwork
  sip: { port: 5070 }
  rtpPorts: { first: 30000, last: 30399 }",
        )
        .unwrap();
    let text = render(&inputs, &installed()).unwrap();
    let pod = serde_yaml_ng::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).unwrap())
        .find(|document| document["kind"] == "Pod")
        .unwrap();
    let container = &pod["spec"]["containers"][0];
    let environment = |name: &str| {
        let variables = container["env"].as_array().unwrap();
        let variable = variables.iter().find(|variable| variable["name"] == name);
        variable.unwrap()["value"].clone()
    };
    assert_eq!(environment("CALLPLANE_SIP_PORT"), "5070");
    assert_eq!(environment("CALLPLANE_METRICS"), "0.0.0.0:5072");
    assert_eq!(environment("CALLPLANE_CONTROL"), "127.0.0.1:5073");
    let annotations = &pod["metadata"]["annotations"];
    assert_eq!(annotations["prometheus.io/port"], "5072");
    for probe in ["readinessProbe", "livenessProbe"] {
        assert_eq!(container[probe]["httpGet"]["port"], 5072, "{probe}");
    }
    let ports: Vec<(&str, u64)> = container["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| {
            (
                port["name"].as_str().unwrap(),
                port["hostPort"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("sip-udp", 5070),
        ("sip-tcp", 5070),
        ("metrics", 5072),
        ("control", 5073),
        ("rtp", 30_000),
    ];
    assert_eq!(ports, expected);
}
