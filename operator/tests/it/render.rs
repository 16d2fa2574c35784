//! What the example becomes, for a reviewer to read.

use callplane_operator::controllers::media_pool::Installed;
use callplane_operator::render::{Inputs, render};

#[test]
fn the_example_renders_as_reviewed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds/examples/acme");
    let mut inputs = Inputs::default();
    for file in ["00-namespace.yaml", "10-tenant.yaml"] {
        inputs
            .add(&std::fs::read_to_string(format!("{folder}/{file}")).unwrap())
            .unwrap();
    }
    let installed = Installed {
        image: "callplane-media-node:0.1.0".to_owned(),
        speech: "/usr/local/bin/callplane-speech".to_owned(),
        dns_policy: "ClusterFirst".to_owned(),
        image_pull_policy: "IfNotPresent".to_owned(),
    };
    insta::assert_snapshot!(render(&inputs, &installed).unwrap());
}
