//! What `/livez` and `/readyz` ask.

use std::sync::Arc;

use callplane_telemetry::{Health, Verdict};

use crate::node::Node;

/// Live: the media threads run. Ready: numbers are known, the node has its epoch, and it does not
/// drain. **A database that is down makes no node unready that can answer from memory.**
pub(crate) fn health(node: &Arc<Node>) -> Health {
    let media = Arc::clone(node);
    let routes = Arc::clone(node);
    let epoch = Arc::clone(node);
    let draining = Arc::clone(node);
    Health::new()
        .live("media", move || {
            verdict(media.media.is_alive(), "a media thread has died")
        })
        .ready("routes", move || {
            verdict(
                routes.directory().is_loaded(),
                "numbers, trunks and agents were not read yet",
            )
        })
        .ready("registered", move || {
            verdict(
                epoch.epoch().is_some(),
                "the database does not know this node yet",
            )
        })
        .ready("draining", move || {
            verdict(!draining.draining.is_cancelled(), "the node drains")
        })
}

fn verdict(passes: bool, why: &str) -> Verdict {
    match passes {
        true => Verdict::Pass,
        false => Verdict::Fail(why.to_owned()),
    }
}
