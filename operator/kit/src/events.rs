//! Events on objects, through one recorder, so that repeats become a series and not new objects.

use std::fmt;

use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::object::Object;

/// The API server refuses longer notes.
const LONGEST_NOTE: usize = 1000;

/// Publishes Events on objects. Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct Events(Recorder);

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    /// `controller` is the reporting controller, `instance` the pod.
    #[must_use]
    pub fn new(client: Client, controller: &str, instance: &str) -> Self {
        Self(Recorder::new(
            client,
            Reporter {
                controller: controller.to_owned(),
                instance: Some(instance.to_owned()),
            },
        ))
    }

    /// Something took place. `action` and `reason` are `PascalCase`; `note` is a sentence without
    /// secrets, phone numbers or words of a call.
    pub async fn normal<K: Object>(&self, object: &K, action: &str, reason: &str, note: &str) {
        self.publish(EventType::Normal, object, action, reason, note)
            .await;
    }

    /// Something is wrong and somebody should look.
    pub async fn warning<K: Object>(&self, object: &K, action: &str, reason: &str, note: &str) {
        self.publish(EventType::Warning, object, action, reason, note)
            .await;
    }

    /// An Event that cannot be published is logged and never fails a reconcile.
    async fn publish<K: Object>(
        &self,
        type_: EventType,
        object: &K,
        action: &str,
        reason: &str,
        note: &str,
    ) {
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(shorten(note)),
            action: action.to_owned(),
            secondary: None,
        };
        if let Err(error) = self.0.publish(&event, &object.object_ref(&())).await {
            tracing::debug!(%error, reason, "Could not publish an event");
        }
    }
}

fn shorten(note: &str) -> String {
    let end = note
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= LONGEST_NOTE)
        .last()
        .unwrap_or(0);
    note[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::shorten;

    #[test]
    fn a_note_is_cut_between_characters() {
        assert_eq!(shorten("short"), "short");
        let cut = shorten(&"ü".repeat(800));
        assert_eq!(cut.chars().count(), 500);
    }
}
