//! What the database would refuse without saying which field it means.

use std::time::Duration;

use callplane_keys::Envelope;
use callplane_types::{Pii, TenantId};

use super::{Call, CallRecord, Spoken};
use crate::input::{self, json, text};
use crate::{Error, Result};

/// How far the time in the id of a call may be from its beginning (`calls_id_time`).
const DAY: Duration = Duration::from_secs(86_400);

/// Refuses a record that would land in another tenant's schema.
pub(super) fn own(tenant: TenantId, call: &Call) -> Result<()> {
    if call.tenant_id == tenant {
        Ok(())
    } else {
        Err(Error::invalid(
            "call record",
            "it belongs to another tenant",
        ))
    }
}

/// Refuses what can be known to be wrong before the database is asked, naming the field.
pub(super) fn check(tenant: TenantId, record: &CallRecord) -> Result<()> {
    own(tenant, &record.call)?;
    check_times(&record.call)?;
    check_call(&record.call)?;
    for leg in &record.legs {
        input::opt_text("legs.from_uri", exposed(leg.from_uri.as_ref()))?;
        input::opt_text("legs.to_uri", exposed(leg.to_uri.as_ref()))?;
        input::opt_text("legs.carrier_leg_id", leg.carrier_leg_id.as_deref())?;
        input::opt_text("legs.hangup_cause", leg.hangup_cause.as_deref())?;
        json("legs.media", &leg.media)?;
    }
    for segment in &record.segments {
        input::opt_text("segments.node", segment.node.as_deref())?;
        json("segments.metadata", &segment.metadata)?;
    }
    for event in &record.events {
        text("events.event_type", &event.event_type)?;
        json("events.metadata", &event.metadata)?;
    }
    if let Some(conversation) = &record.conversation {
        spoken("conversation.context", &conversation.context, json)?;
        for message in &conversation.messages {
            spoken(
                "conversation.messages.content",
                &message.content,
                |field, said| text(field, said),
            )?;
            if let Some(intended) = &message.intended {
                spoken("conversation.messages.intended", intended, |field, said| {
                    text(field, said)
                })?;
            }
            input::opt_text("conversation.messages.intent", message.intent.as_deref())?;
        }
    }
    if let Some(transcription) = &record.transcription {
        spoken("transcription.text", &transcription.text, |field, said| {
            text(field, said)
        })?;
        spoken("transcription.segments", &transcription.segments, json)?;
    }
    if let Some(stir) = &record.stir {
        let header = exposed(stir.identity_header.as_ref());
        input::opt_text("stir.identity_header", header)?;
        input::opt_text("stir.certificate_url", stir.certificate_url.as_deref())?;
    }
    Ok(())
}

fn check_times(call: &Call) -> Result<()> {
    if !call.status.is_final() || call.ended_at.is_none() {
        return Err(Error::invalid("call record", "the call has not ended"));
    }
    // The first 48 bits of a UUIDv7 are milliseconds since 1970 (RFC 9562).
    let minted = (call.id.uuid().as_u128() >> 80).saturating_mul(1_000);
    let begun = u128::try_from(call.initiated_at.unix_micros()).unwrap_or(0);
    if minted.abs_diff(begun) < DAY.as_micros() {
        Ok(())
    } else {
        Err(Error::invalid(
            "call.initiated_at",
            "it is more than a day from the time in call.id: the clock of the node was set; set it right and make the id when the call begins",
        ))
    }
}

fn check_call(call: &Call) -> Result<()> {
    for (field, value) in [
        ("call.external_call_id", call.external_call_id.as_deref()),
        ("call.status_reason", call.status_reason.as_deref()),
        ("call.from_uri", exposed(call.from_uri.as_ref())),
        ("call.to_uri", exposed(call.to_uri.as_ref())),
        ("call.customer_name", exposed(call.customer_name.as_ref())),
        ("call.outcome", call.outcome.as_deref()),
        ("call.hangup_cause", call.hangup_cause.as_deref()),
    ] {
        input::opt_text(field, value)?;
    }
    for tag in &call.tags {
        text("call.tags", tag)?;
    }
    spoken("call.variables", &call.variables, input::object)
}

/// What is sealed cannot be looked into; that it opens for nobody can be seen.
fn spoken<T>(
    field: &'static str,
    value: &Spoken<T>,
    clear: impl FnOnce(&'static str, &T) -> Result<()>,
) -> Result<()> {
    match (value.as_clear(), value.as_sealed()) {
        (Some(value), _) => clear(field, value),
        (None, Some(sealed)) => {
            Envelope::parse(sealed).map_err(|error| Error::invalid(field, error))?;
            // As a document of JSON: with its escapes, what is short enough in clear may be twice as long.
            if sealed.len() > 2 * input::MAX_TEXT + Envelope::OVERHEAD {
                return Err(Error::invalid(
                    field,
                    format!(
                        "it has {} bytes; seal at most {}",
                        sealed.len(),
                        2 * input::MAX_TEXT
                    ),
                ));
            }
            Ok(())
        }
        (None, None) => Ok(()),
    }
}

fn exposed(text: Option<&Pii<String>>) -> Option<&str> {
    text.map(|text| text.expose().as_str())
}

#[cfg(test)]
mod tests {
    use callplane_types::{CallId, CallStatus, Direction, WallTime};
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;

    fn finished() -> CallRecord {
        let now = WallTime::from_unix_micros(1_700_000_000_000_000);
        let id = Uuid::from_u128(1_700_000_000_000 << 80);
        let tenant = TenantId::new(Uuid::nil());
        let mut call = Call::begin(CallId::new(id), tenant, Direction::Inbound, now);
        call.status = CallStatus::Completed;
        call.ended_at = Some(now);
        CallRecord::new(call)
    }

    fn refused(change: impl FnOnce(&mut CallRecord)) -> String {
        let mut record = finished();
        change(&mut record);
        check(TenantId::new(Uuid::nil()), &record)
            .unwrap_err()
            .to_string()
    }

    fn variables(answer: Value) -> Spoken<serde_json::Map<String, Value>> {
        Spoken::clear([("answer".to_owned(), answer)].into_iter().collect())
    }

    #[test]
    fn what_is_wrong_is_told_by_field_and_without_the_value() {
        check(TenantId::new(Uuid::nil()), &finished()).unwrap();
        let said = refused(|record| record.call.outcome = Some("sold\0+15551234567".to_owned()));
        assert!(said.starts_with("invalid call.outcome: "), "{said}");
        assert!(said.contains("NUL") && !said.contains("1555"), "{said}");
        let said = refused(|record| {
            let deep = serde_json::json!({"list": [{"a\0b": 1}]});
            record.call.variables = variables(deep);
        });
        assert!(said.starts_with("invalid call.variables: "), "{said}");
        let said = refused(|record| {
            let long = Value::from("x".repeat(10 << 20));
            record.call.variables = variables(long);
        });
        assert!(said.contains("at most"), "{said}");
    }

    #[test]
    fn a_clock_that_was_set_is_told_by_what_it_did() {
        let said = refused(|record| record.call.initiated_at = WallTime::from_unix_micros(0));
        assert!(said.starts_with("invalid call.initiated_at: "), "{said}");
    }
}
