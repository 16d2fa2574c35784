//! The local cluster itself.

use std::path::Path;

use callplane_e2e::figure;

#[test]
#[ignore = "needs a cluster: make test"]
fn the_node_was_ready_within_ten_seconds() {
    let kubeconfig = std::env::var("KUBECONFIG").unwrap();
    let file = Path::new(&kubeconfig).with_file_name("node1.ready-milliseconds");
    let took: f64 = std::fs::read_to_string(file)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let seconds = took / 1000.0;
    figure(
        "cluster started to its node Ready",
        format_args!("{seconds:.1}"),
        "s",
        "<= 10",
    )
    .unwrap();
    assert!(seconds <= 10.0, "{seconds}");
}
