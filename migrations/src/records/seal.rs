//! Sealing what was said in a call, before its record leaves the memory of the node.
//!
//! The path of words, and what becomes of each part for a tenant whose transcripts are encrypted:
//!
//! | part of the record | column | |
//! |---|---|---|
//! | `call.variables` | `calls.variables_enc` | sealed; in clear `metadata.variables` |
//! | `conversation.context` | `conversations.context_enc` | sealed |
//! | `conversation.messages.content`, `intended` | `messages.content_enc`, `intended_enc` | sealed |
//! | `transcription.text`, `segments` | `transcriptions.text_enc`, `segments_enc` | sealed |
//! | `call.outcome` | `calls.outcome`, `cdrs.record`, the outbox | clear: a word of the flow's author |
//! | `call.status_reason`, `hangup_cause`, `tags` | of the same name | clear: words of ours and of the flow |
//! | `segments.metadata` | `call_segments.metadata` | clear: names of nodes |
//! | `events` | `call_events` | clear: kinds and times; a key that was pressed is told without the key, an expression that failed without values |
//! | `conversation.messages.intent` | `messages.intent` | clear: that keys were pressed, not which |
//! | `campaign` | `campaign_recipients` | clear: outcome and time of the next attempt |
//!
//! Numbers, SIP addresses and the name a caller shows are no words of the conversation: they stay clear,
//! calls are found by them. So do the variables that a campaign's list brought along, in
//! `campaign_recipients.variables`; their copy in the call is sealed.

use callplane_keys::{KeyRing, Place};
use callplane_types::TenantId;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{CallRecord, Spoken};

/// Seals everything that was said or captured, each value for its row and column. What is sealed already
/// stays as it is.
///
/// # Errors
/// Of [`KeyRing::seal`]. Some of it is clear then: try again, or take the words out.
pub fn seal(record: &mut CallRecord, ring: &KeyRing) -> callplane_keys::Result<()> {
    let sealer = Sealer {
        ring,
        tenant: record.call.tenant_id,
    };
    let call = record.call.id.uuid();
    sealer.seal("calls", "variables_enc", call, &mut record.call.variables)?;
    if let Some(conversation) = &mut record.conversation {
        let (table, id) = ("conversations", conversation.id);
        sealer.seal(table, "context_enc", id, &mut conversation.context)?;
        for message in &mut conversation.messages {
            let (table, id) = ("messages", message.id);
            sealer.seal(table, "content_enc", id, &mut message.content)?;
            if let Some(intended) = &mut message.intended {
                sealer.seal(table, "intended_enc", id, intended)?;
            }
        }
    }
    if let Some(transcription) = &mut record.transcription {
        let (table, id) = ("transcriptions", transcription.id);
        sealer.seal(table, "text_enc", id, &mut transcription.text)?;
        sealer.seal(table, "segments_enc", id, &mut transcription.segments)?;
    }
    Ok(())
}

/// Takes everything out that was said or captured: what is left when nothing can seal it.
pub fn take_words_out(record: &mut CallRecord) {
    record.call.variables = Spoken::default();
    if let Some(conversation) = &mut record.conversation {
        conversation.context = Spoken::clear(Value::Object(Map::new()));
        conversation.messages.clear();
    }
    record.transcription = None;
}

/// Whether something that was said or captured is in clear.
#[must_use]
pub fn has_clear_words(record: &CallRecord) -> bool {
    is_clear(&record.call.variables)
        || record.conversation.as_ref().is_some_and(|conversation| {
            is_clear(&conversation.context)
                || conversation.messages.iter().any(|message| {
                    is_clear(&message.content) || message.intended.as_ref().is_some_and(is_clear)
                })
        })
        || record.transcription.as_ref().is_some_and(|transcription| {
            is_clear(&transcription.text) || is_clear(&transcription.segments)
        })
}

fn is_clear<T: Content>(spoken: &Spoken<T>) -> bool {
    spoken.as_clear().is_some_and(|value| !value.is_nothing())
}

struct Sealer<'a> {
    ring: &'a KeyRing,
    tenant: TenantId,
}

impl Sealer<'_> {
    fn seal<T: Content>(
        &self,
        table: &str,
        column: &str,
        row: Uuid,
        spoken: &mut Spoken<T>,
    ) -> callplane_keys::Result<()> {
        let Some(value) = spoken.as_clear() else {
            return Ok(());
        };
        // Nothing was said; the column has a default that says so.
        if value.is_nothing() {
            return Ok(());
        }
        let place = Place::cell(self.tenant, table, column, row);
        *spoken = Spoken::sealed(self.ring.seal(&place, &value.octets())?);
        Ok(())
    }
}

/// What is sealed: text as its octets, documents as JSON.
trait Content {
    fn octets(&self) -> Vec<u8>;

    /// Whether it is the default of its column.
    fn is_nothing(&self) -> bool;
}

impl Content for String {
    fn octets(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn is_nothing(&self) -> bool {
        false
    }
}

impl Content for Map<String, Value> {
    fn octets(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a map of JSON is JSON")
    }

    fn is_nothing(&self) -> bool {
        self.is_empty()
    }
}

impl Content for Value {
    fn octets(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    fn is_nothing(&self) -> bool {
        self.as_object().is_some_and(Map::is_empty) || self.as_array().is_some_and(Vec::is_empty)
    }
}
