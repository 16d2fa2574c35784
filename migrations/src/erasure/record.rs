//! Taking a person out of a call record that has not reached the database yet.

use callplane_types::{Pii, TenantId};
use serde_json::{Value, json};

use super::Erasure;
use super::pseudonym::{blank, blank_document, blank_fields, names, pseudonym};
use crate::records::{Call, CallRecord, Spoken};

/// What a record has of people who were erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trace {
    /// Nothing.
    None,
    /// A number or address of theirs in what others said; it is taken out.
    Mention,
    /// It is the record of a call of theirs, and says no more than that there was one. Its audio is to be
    /// deleted.
    Person,
}

/// Takes out of a record what `erasures` ask for, as the erasure of rows does (`super::rows`). Calls that
/// began later than an erasure, and those under legal hold, are none of its concern.
pub fn scrub(erasures: &[Erasure], record: &mut CallRecord) -> Trace {
    let call = &record.call;
    let concerned: Vec<&Erasure> = erasures
        .iter()
        .filter(|erasure| {
            call.initiated_at < erasure.called_before && !erasure.held.contains(&call.id)
        })
        .collect();
    if concerned.is_empty() {
        return Trace::None;
    }
    let tenant = call.tenant_id;
    let is_theirs = |word: &str| {
        let pseudonym = pseudonym(tenant, word);
        concerned
            .iter()
            .any(|erasure| erasure.subjects.contains(&pseudonym))
    };
    let listed = concerned
        .iter()
        .any(|erasure| erasure.calls.contains(&call.id));
    let mut trace = Trace::None;
    if listed || is_of(call, &is_theirs) {
        forget(record);
        trace = Trace::Person;
    }
    // Also of the person's own: somebody else's number may be in a tag.
    if take_out(record, &is_theirs) {
        trace = trace.max(Trace::Mention);
    }
    trace
}

/// Takes numbers and addresses of erased people out of a text that is nothing else; whether there was one.
pub fn scrub_text(erasures: &[Erasure], tenant: TenantId, text: &mut String) -> bool {
    blank(text, &|word| {
        let pseudonym = pseudonym(tenant, word);
        erasures
            .iter()
            .any(|erasure| erasure.subjects.contains(&pseudonym))
    })
}

/// Whether one end of the call is the person.
fn is_of(call: &Call, is_theirs: &dyn Fn(&str) -> bool) -> bool {
    let numbers = [&call.from_number, &call.to_number];
    let addresses = [&call.from_uri, &call.to_uri];
    numbers
        .into_iter()
        .flatten()
        .any(|number| is_theirs(number.as_str()))
        || addresses
            .into_iter()
            .flatten()
            .any(|address| names(address.expose(), is_theirs))
}

/// Leaves what says nothing of the person: when, how long, by which agent, at what cost.
fn forget(record: &mut CallRecord) {
    let CallRecord {
        call,
        legs,
        segments,
        events,
        recording,
        conversation,
        transcription,
        costs: _,
        quality: _,
        stir,
        campaign,
    } = record;
    call.external_call_id = None;
    call.status_reason = None;
    (call.from_number, call.to_number) = (None, None);
    (call.from_uri, call.to_uri) = (None, None);
    call.customer_name = None;
    call.outcome = None;
    call.variables = Spoken::default();
    for leg in legs {
        (leg.from_uri, leg.to_uri, leg.carrier_leg_id) = (None, None, None);
        leg.media = json!({});
    }
    for segment in segments {
        segment.node = None;
        segment.metadata = json!({});
    }
    for event in events {
        event.metadata = json!({});
    }
    (*recording, *conversation, *transcription) = (None, None, None);
    if let Some(stir) = stir {
        (stir.orig_tn, stir.dest_tn, stir.origid) = (None, None, None);
        (stir.identity_header, stir.reason) = (None, None);
    }
    if let Some(attempt) = campaign {
        // Nobody is called again who was erased.
        attempt.retry_at = None;
    }
}

/// Takes the words out of every text and document; whether there was one.
fn take_out(record: &mut CallRecord, is_theirs: &dyn Fn(&str) -> bool) -> bool {
    let mut texts: Vec<&mut String> = Vec::new();
    let mut documents: Vec<&mut Value> = Vec::new();
    let mut personal: Vec<&mut Pii<String>> = Vec::new();
    let mut changed = spoken(&mut record.call.variables, |fields| {
        blank_fields(fields, is_theirs)
    });
    let call = &mut record.call;
    texts.extend(&mut call.status_reason);
    texts.extend(&mut call.outcome);
    texts.extend(&mut call.tags);
    personal.extend(&mut call.from_uri);
    personal.extend(&mut call.to_uri);
    personal.extend(&mut call.customer_name);
    for leg in &mut record.legs {
        personal.extend(&mut leg.from_uri);
        personal.extend(&mut leg.to_uri);
        documents.push(&mut leg.media);
    }
    for segment in &mut record.segments {
        texts.extend(&mut segment.node);
        documents.push(&mut segment.metadata);
    }
    for event in &mut record.events {
        texts.push(&mut event.event_type);
        documents.push(&mut event.metadata);
    }
    if let Some(conversation) = &mut record.conversation {
        changed |= spoken(&mut conversation.context, |said| {
            blank_document(said, is_theirs)
        });
        for message in &mut conversation.messages {
            let said = std::iter::once(&mut message.content).chain(&mut message.intended);
            for words in said {
                changed |= spoken(words, |text| blank(text, is_theirs));
            }
            texts.extend(&mut message.intent);
        }
    }
    if let Some(transcription) = &mut record.transcription {
        changed |= spoken(&mut transcription.text, |text| blank(text, is_theirs));
        changed |= spoken(&mut transcription.segments, |said| {
            blank_document(said, is_theirs)
        });
    }
    if let Some(stir) = &mut record.stir {
        personal.extend(&mut stir.orig_tn);
        personal.extend(&mut stir.dest_tn);
        personal.extend(&mut stir.identity_header);
        texts.extend(&mut stir.reason);
    }
    for text in texts {
        changed |= blank(text, is_theirs);
    }
    for document in documents {
        changed |= blank_document(document, is_theirs);
    }
    for text in personal {
        let mut said = text.expose().clone();
        if blank(&mut said, is_theirs) {
            *text = Pii::new(said);
            changed = true;
        }
    }
    changed
}

/// Changes what was said, where it is not sealed: in what is, nobody can look for a number.
fn spoken<T: Clone>(said: &mut Spoken<T>, change: impl FnOnce(&mut T) -> bool) -> bool {
    let Some(mut words) = said.as_clear().cloned() else {
        return false;
    };
    let changed = change(&mut words);
    if changed {
        *said = Spoken::clear(words);
    }
    changed
}
