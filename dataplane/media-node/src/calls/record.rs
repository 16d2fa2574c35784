//! Facts into the record that the database keeps.

use callplane_agent::Speaker;
use callplane_call::{CallEvent, EventKind, Facts, Gap, HangupCause, Message, Score};
use callplane_campaign::{AttemptEnd, Outcome};
use callplane_flow::EndReason;
use callplane_store::campaigns::RecipientOutcome;
use callplane_store::media_nodes::NodeEpoch;
use callplane_store::records::{
    self, CallRecord, CampaignAttempt, Conversation, MessageRole, Recording, RecordingGap, Spoken,
    Transcription,
};
use callplane_types::{CallStatus, Direction, HangupParty, WallTime};
use serde_json::json;

use super::costs::{RECOGNIZER, costs};
use super::legs::legs;
use super::meta::{Attempt, Meta};
use super::party::Way;
use super::quality;
use super::segments::segments;
use super::used::Used;
use crate::routing::Prices;

/// The row of `calls` as far as it is known when the call begins.
pub(crate) fn begun(meta: &Meta, node: Option<&NodeEpoch>) -> records::Call {
    let mut call = records::Call::begin(meta.id, meta.tenant_id, meta.direction, meta.initiated_at);
    call.external_call_id = Some(meta.external_id.clone());
    call.from_number = meta.from_number.clone();
    call.to_number = meta.to_number.clone();
    call.from_uri = meta.from_uri.clone();
    call.to_uri = meta.to_uri.clone();
    match meta.direction {
        Direction::Inbound => call.to_phone_number_id = meta.own_number_id,
        Direction::Outbound => call.from_phone_number_id = meta.own_number_id,
    }
    call.customer_name = meta.customer_name.clone();
    if let Some(program) = &meta.program {
        call.agent_id = Some(program.agent.id);
        call.agent_version_id = Some(program.agent.version_id);
    }
    call.campaign_id = meta.campaign.as_ref().map(|attempt| attempt.campaign_id);
    if let Some(node) = node {
        call.media_node = Some(node.name.clone());
        call.media_node_epoch = Some(node.epoch);
    }
    call
}

/// The record of a call that never got as far as a conversation: refused, or not placed.
pub(crate) fn stillborn(
    meta: &Meta,
    node: Option<&NodeEpoch>,
    at: WallTime,
    status: CallStatus,
    why: Why,
) -> CallRecord {
    let mut call = begun(meta, node);
    call.status = status;
    call.status_reason = Some(why.sentence.to_owned());
    call.hangup_cause = Some(why.cause.to_owned());
    call.hangup_by = Some(HangupParty::System);
    call.sip_code = why.sip_status;
    call.ended_at = Some(at);
    let event = |event_type: &str, from_status, to_status| records::CallEvent {
        event_type: event_type.to_owned(),
        at,
        from_status,
        to_status,
        metadata: json!({}),
    };
    CallRecord {
        events: vec![
            event("initiated", None, Some(CallStatus::Initiated)),
            event(why.cause, Some(CallStatus::Initiated), Some(status)),
        ],
        campaign: meta
            .campaign
            .as_ref()
            .map(|attempt| attempt_outcome(attempt, AttemptEnd::NotSent, at)),
        stir: meta.stir.clone(),
        ..CallRecord::new(call)
    }
}

/// Why a call was refused or not placed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Why {
    /// The word in `hangup_cause` and in the events.
    pub(crate) cause: &'static str,
    /// For people.
    pub(crate) sentence: &'static str,
    /// What the caller was told.
    pub(crate) sip_status: Option<u16>,
}

/// The record of a call that ended.
pub(crate) fn finished(
    meta: &Meta,
    node: Option<&NodeEpoch>,
    facts: &Facts,
    ways: &[Way],
    used: &Used,
    recording: Option<Recording>,
    prices: Option<&Prices>,
) -> CallRecord {
    let mut call = begun(meta, node);
    call.status = facts.status;
    call.ringing_at = facts.ringing_at;
    call.answered_at = facts.answered_at;
    call.connected_at = facts.connected_at;
    call.ended_at = Some(facts.ended_at);
    call.hangup_cause = Some(facts.hangup.cause.as_str().to_owned());
    call.hangup_by = Some(facts.hangup.party);
    call.status_reason = facts.disagreement.map(|error| error.to_string());
    call.sip_code = facts.sip_status;
    if let Some(quality) = &facts.quality {
        let Score { mos, rating: _ } = quality.heard;
        call.mos_score = Some(mos as f32);
        call.jitter_ms = u32::try_from(quality.received.jitter.as_millis()).ok();
        call.packet_loss_percent = Some((quality.received.loss() * 100.0) as f32);
    }
    call.outcome = facts.ending.as_ref().and_then(|e| e.outcome.clone());
    call.variables = Spoken::clear(facts.variables.clone());
    let recording = recording.map(|recording| described(recording, facts));
    let costs = costs(
        &mut call,
        facts.speech,
        used,
        &facts.parties,
        recording.as_ref(),
        prices,
    );
    CallRecord {
        legs: legs(meta, &call, facts, ways),
        segments: segments(facts, call.agent_id),
        events: events(facts, recording.is_some()),
        conversation: conversation(meta, facts),
        transcription: transcription(meta, facts, used),
        campaign: meta
            .campaign
            .as_ref()
            .map(|attempt| attempt_outcome(attempt, attempt_end(facts), facts.ended_at)),
        quality: quality::samples(facts),
        stir: meta.stir.clone(),
        recording,
        costs,
        ..CallRecord::new(call)
    }
}

/// What the call knows of its recording and the file does not.
fn described(recording: Recording, facts: &Facts) -> Recording {
    let Some(recorded) = &facts.recording else {
        return recording;
    };
    let gap = |gap: &Gap| RecordingGap {
        from: gap.from.as_secs_f64(),
        to: gap.to.as_secs_f64(),
        reason: gap.reason.as_str().to_owned(),
    };
    Recording {
        started_at: Some(recorded.started_at),
        gaps: recorded.gaps.iter().map(gap).collect(),
        ..recording
    }
}

/// What happened, oldest first. A recording that was to be and is not, failed.
fn events(facts: &Facts, recorded: bool) -> Vec<records::CallEvent> {
    let told = |happened: &CallEvent| match happened.kind {
        EventKind::RecordingStarted if !recorded => Some(records::CallEvent {
            event_type: "recording_failed".to_owned(),
            ..event(happened)
        }),
        EventKind::RecordingPaused | EventKind::RecordingResumed | EventKind::RecordingStopped
            if !recorded =>
        {
            None
        }
        _ => Some(event(happened)),
    };
    facts.events.iter().filter_map(told).collect()
}

fn event(event: &CallEvent) -> records::CallEvent {
    let (from_status, to_status) = match event.kind {
        EventKind::Status { from, to } => (from, Some(to)),
        _ => (None, None),
    };
    let metadata = match &event.kind {
        EventKind::FlowExpressionFailed { node, message } => {
            json!({"node": node, "message": message})
        }
        EventKind::ToolCalled { tool }
        | EventKind::ToolAnswered { tool }
        | EventKind::ToolFailed { tool } => json!({"tool": tool}),
        EventKind::TransferFailed { cause } => json!({"cause": cause.as_str()}),
        EventKind::ObserverJoined { mode } | EventKind::ObserverLeft { mode } => {
            json!({"mode": mode.as_str()})
        }
        _ => json!({}),
    };
    records::CallEvent {
        event_type: event.kind.as_str().to_owned(),
        at: event.at,
        from_status,
        to_status,
        metadata,
    }
}

fn conversation(meta: &Meta, facts: &Facts) -> Option<Conversation> {
    let started_at = facts.connected_at?;
    let completed = facts
        .ending
        .as_ref()
        .is_some_and(|ending| ending.reason == EndReason::Completed);
    Some(Conversation {
        id: records::new_id(meta.id),
        agent_id: meta.program.as_ref().map(|program| program.agent.id),
        started_at,
        ended_at: Some(facts.ended_at),
        completed,
        context: Spoken::clear(json!({
            "variables": facts.variables,
            "ending": facts.ending,
            "speech": {
                "synthesized_characters": facts.speech.synthesized_characters,
                "recognized_seconds": facts.speech.recognized.as_secs_f64(),
            },
        })),
        messages: facts
            .messages
            .iter()
            .map(|said| message(meta, said))
            .collect(),
    })
}

fn message(meta: &Meta, message: &Message) -> records::Message {
    records::Message {
        id: records::new_id(meta.id),
        role: match message.speaker {
            Speaker::Agent => MessageRole::Assistant,
            Speaker::Caller | Speaker::Keys => MessageRole::User,
        },
        content: Spoken::Clear(message.text.clone()),
        intended: message.intended.clone().map(Spoken::Clear),
        spoken_at: message.at,
        latency_ms: message
            .latency
            .and_then(|latency| u32::try_from(latency.as_millis()).ok()),
        intent: (message.speaker == Speaker::Keys).then(|| "keys".to_owned()),
        confidence: message.confidence,
    }
}

fn transcription(meta: &Meta, facts: &Facts, used: &Used) -> Option<Transcription> {
    let origin = facts.connected_at?;
    if facts.messages.is_empty() {
        return None;
    }
    let speaker = |message: &Message| match message.speaker {
        Speaker::Agent => "agent",
        Speaker::Caller | Speaker::Keys => "caller",
    };
    let lines: Vec<String> = facts
        .messages
        .iter()
        .map(|message| format!("{}: {}", speaker(message), message.text.expose()))
        .collect();
    let segments = facts
        .messages
        .iter()
        .map(|message| {
            let mut segment = json!({
                "speaker": speaker(message),
                "start": message.at.saturating_since(origin).as_secs_f64(),
                "text": message.text.expose(),
            });
            if !message.citations.is_empty() {
                segment["citations"] = json!(message.citations.as_ref());
            }
            segment
        })
        .collect();
    let confidences: Vec<f32> = facts.messages.iter().filter_map(|m| m.confidence).collect();
    let mean = confidences.iter().sum::<f32>() / confidences.len() as f32;
    let (provider, model) = match used.transcriber() {
        Some((provider, model)) => (provider, Some(model)),
        None => (RECOGNIZER.to_owned(), None),
    };
    Some(Transcription {
        id: records::new_id(meta.id),
        provider: Some(provider),
        model,
        language: meta
            .program
            .as_ref()
            .map(|program| program.program.agent.language.clone()),
        text: Spoken::clear(lines.join("\n")),
        segments: Spoken::clear(serde_json::Value::Array(segments)),
        confidence_percent: (!confidences.is_empty()).then_some(mean * 100.0),
    })
}

/// How signalling saw the end of an attempt.
fn attempt_end(facts: &Facts) -> AttemptEnd {
    match (facts.hangup.cause, facts.sip_status) {
        (HangupCause::IncompatibleDestination | HangupCause::HandshakeFailed, _)
            if facts.answered_at.is_some() =>
        {
            AttemptEnd::Incompatible
        }
        _ if facts.answered_at.is_some() => AttemptEnd::Answered,
        (HangupCause::NoAnswer, _) if facts.hangup.party == HangupParty::System => {
            AttemptEnd::RingTimeout
        }
        (HangupCause::NodeDrain | HangupCause::OriginatorCancel, _) => AttemptEnd::GivenUp,
        (_, Some(status)) => AttemptEnd::Refused(status),
        (_, None) => AttemptEnd::NoResponse,
    }
}

/// What a campaign learns.
fn attempt_outcome(attempt: &Attempt, end: AttemptEnd, at: WallTime) -> CampaignAttempt {
    let outcome = Outcome::from(end);
    CampaignAttempt {
        recipient_id: attempt.recipient_id,
        outcome: match outcome {
            Outcome::Answered => RecipientOutcome::Answered,
            Outcome::Busy => RecipientOutcome::Busy,
            Outcome::NoAnswer => RecipientOutcome::NoAnswer,
            Outcome::Failed => RecipientOutcome::Failed,
            Outcome::Cancelled => RecipientOutcome::Cancelled,
            Outcome::Unknown => RecipientOutcome::Unknown,
        },
        retry_at: attempt.retry.after(outcome, attempt.number, at),
    }
}
