//! What the example becomes, for a reviewer to read.

use callplane_operator::controllers::media_pool::Installed;
use callplane_operator::render::{Inputs, render};
use serde::Deserialize as _;
use serde_json::Value;

fn installed() -> Installed {
    Installed {
        provider_networks: String::new(),
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

/// The first pod of a pool with this spec.
fn pod_of(spec: &str) -> Value {
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
spec: {{ {spec} }}"
        ))
        .unwrap();
    let text = render(&inputs, &installed()).unwrap();
    serde_yaml_ng::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).unwrap())
        .find(|document| document["kind"] == "Pod")
        .unwrap()
}

/// What a variable of the media node says.
fn variable<'a>(pod: &'a Value, name: &str) -> Option<&'a str> {
    let variables = pod["spec"]["containers"][0]["env"].as_array().unwrap();
    let variable = variables.iter().find(|variable| variable["name"] == name)?;
    variable["value"].as_str()
}

#[test]
fn what_may_be_captured_reaches_the_pod_and_a_pool_that_says_nothing_keeps_its_pods() {
    for (spec, said) in [
        ("replicas: 1", None),
        ("capture: Masked", None),
        ("capture: Full", Some("full")),
        ("capture: Disabled", Some("disabled")),
    ] {
        assert_eq!(variable(&pod_of(spec), "CALLPLANE_CAPTURE"), said, "{spec}");
    }
}

#[test]
fn servers_for_browsers_reach_the_pod_and_their_secret_comes_as_a_file() {
    let bare = pod_of("whip: {}");
    assert_eq!(variable(&bare, "CALLPLANE_ICE_SERVERS"), None);
    assert_eq!(variable(&bare, "CALLPLANE_TURN_SECRET_FILE"), None);
    let pod = pod_of(
        "whip: { iceServers: ['stun:s.example.com', 'turn:t.example.com?transport=tcp'], \
         turnSecretRef: { name: coturn } }",
    );
    assert_eq!(
        variable(&pod, "CALLPLANE_ICE_SERVERS"),
        Some("stun:s.example.com,turn:t.example.com?transport=tcp")
    );
    let file = variable(&pod, "CALLPLANE_TURN_SECRET_FILE").unwrap();
    let folder = file.strip_suffix("/secret").unwrap();
    let list = |value: &Value| value.as_array().unwrap().clone();
    let mounts = list(&pod["spec"]["containers"][0]["volumeMounts"]);
    let mount = mounts.iter().find(|mount| mount["mountPath"] == folder);
    let name = &mount.unwrap()["name"];
    let volumes = list(&pod["spec"]["volumes"]);
    let volume = volumes.iter().find(|volume| volume["name"] == *name);
    assert_eq!(volume.unwrap()["secret"]["secretName"], "coturn");
    assert!(!pod.to_string().contains("secretKeyRef"));
}

#[test]
fn on_the_network_of_the_node_whatever_names_a_port_follows_the_block_of_the_pool() {
    let pod = pod_of(
        "network: HostNetwork, sip: { port: 5070 }, rtpPorts: { first: 30000, last: 30399 }",
    );
    let container = &pod["spec"]["containers"][0];
    let environment = |name: &str| variable(&pod, name).unwrap();
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
