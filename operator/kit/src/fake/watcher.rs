//! An open watch.

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::request::{Call, Key};
use super::view::View;

/// Somebody who is told what happens to a kind.
pub(super) struct Watcher {
    group: String,
    pub(super) plural: String,
    namespace: String,
    view: View,
    /// It is told nothing any more, and does not know.
    pub(super) frozen: bool,
    sender: UnboundedSender<Bytes>,
}

impl Watcher {
    pub(super) fn new(call: &Call, sender: UnboundedSender<Bytes>) -> Self {
        Self {
            group: call.key.group.clone(),
            plural: call.key.plural.clone(),
            namespace: call.key.namespace.clone(),
            view: View::of(call),
            frozen: false,
            sender,
        }
    }

    pub(super) fn wants(&self, key: &Key) -> bool {
        self.group == key.group
            && self.plural == key.plural
            && (self.namespace.is_empty() || self.namespace == key.namespace)
    }

    /// An object whose labels no longer fit the selector is deleted for this watcher. False when
    /// nobody listens any more.
    pub(super) fn send(&self, kind: &str, object: &Value) -> bool {
        let kind = if self.view.selects(object) {
            kind
        } else if self.view.names(object) {
            "DELETED"
        } else {
            return true;
        };
        self.send_line(kind, &self.view.show(object))
    }

    pub(super) fn send_line(&self, kind: &str, object: &Value) -> bool {
        let line = format!("{}\n", json!({ "type": kind, "object": object }));
        self.sender.send(Bytes::from(line)).is_ok()
    }
}
