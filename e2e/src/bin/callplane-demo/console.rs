//! Words to the person at the terminal.

use crate::stage::Stage;

/// What comes next.
pub(crate) fn heading(text: &str) {
    println!("\n== {text}");
}

/// One fact.
pub(crate) fn fact(text: &str) {
    println!("   {text}");
}

/// Output of a command, indented below the command itself.
pub(crate) fn command(line: &str, output: &str) {
    println!("   $ {line}");
    for line in output.lines() {
        println!("     {line}");
    }
}

/// How to look further.
pub(crate) fn farewell(stage: &Stage) {
    let inside = "e2e/cluster/cluster.sh exec";
    heading("everything stays up; look further");
    for (command, why) in [
        (
            "kubectl callplane -n acme status",
            "every resource, and what to do if one is not ready",
        ),
        (
            "kubectl callplane -n acme call list",
            "the calls of this demo",
        ),
        (
            "kubectl -n acme get callplane",
            "the resources as Kubernetes sees them",
        ),
        (
            "kubectl explain campaign.spec",
            "what can be written in one",
        ),
        (
            "kubectl -n acme logs -l callplane.dev/tenant=acme",
            "the media node",
        ),
        (
            "kubectl -n callplane-system logs -l app.kubernetes.io/name=callplane",
            "the operator",
        ),
    ] {
        println!("   {inside} {command:<70} # {why}");
    }
    if stage.cluster.is_local() {
        println!(
            "   e2e/cluster/cluster.sh postgres psql -c 'select * from callplane_acme.calls' -x"
        );
    }
    println!(
        "   {:<98} # what the telephones heard",
        stage.folder().display()
    );
    println!("   make demo-down");
}
