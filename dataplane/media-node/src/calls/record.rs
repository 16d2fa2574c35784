//! Facts into the record that the database keeps.

use std::time::Duration;

use callplane_agent::Speaker;
use callplane_call::{CallEvent, EventKind, Facts, HangupCause, Message, RefusedPackets};
use callplane_campaign::{AttemptEnd, Outcome};
use callplane_flow::EndReason;
use callplane_store::campaigns::RecipientOutcome;
use callplane_store::media_nodes::NodeEpoch;
use callplane_store::records::{
    self, CallRecord, CampaignAttempt, Conversation, EndpointKind, Leg, LegKind, MessageRole,
    QualitySample, Recording, Transcription,
};
use callplane_types::{CallStatus, Direction, HangupParty, LegId, Pii, WallTime};
use serde_json::json;
use uuid::Uuid;

use super::costs::{RECOGNIZER, costs};
use super::meta::{Attempt, Meta};
use super::segments::segments;
use crate::routing::Prices;

/// The row of `calls` as far as it is known when the call begins.
pub(crate) fn begun(meta: &Meta, node: Option<&NodeEpoch>) -> records::Call {
    let mut call = records::Call::begin(meta.id, meta.tenant_id, meta.direction, meta.initiated_at);
    call.external_call_id = Some(meta.sip_call_id.clone());
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
    call.sip_code = facts.sip_status;
    if let Some(quality) = &facts.quality {
        call.mos_score = Some(quality.mos as f32);
        call.jitter_ms = u32::try_from(quality.received.jitter.as_millis()).ok();
        call.packet_loss_percent = Some((quality.received.loss() * 100.0) as f32);
    }
    call.outcome = facts.ending.as_ref().and_then(|e| e.outcome.clone());
    call.variables = facts.variables.clone();
    let costs = costs(&mut call, facts.speech, recording.as_ref(), prices);
    CallRecord {
        legs: vec![leg(meta, &call, facts)],
        segments: segments(facts, call.agent_id),
        events: events(facts, recording.is_some()),
        conversation: conversation(meta, facts),
        transcription: transcription(meta, facts),
        campaign: meta
            .campaign
            .as_ref()
            .map(|attempt| attempt_outcome(attempt, attempt_end(facts), facts.ended_at)),
        quality: quality(facts).into_iter().collect(),
        stir: meta.stir.clone(),
        recording,
        costs,
        ..CallRecord::new(call)
    }
}

/// The leg to the person. The agent has no leg of its own: it sits on the node.
fn leg(meta: &Meta, call: &records::Call, facts: &Facts) -> Leg {
    Leg {
        id: LegId::new(Uuid::now_v7()),
        kind: LegKind::Caller,
        endpoint_kind: match call.customer_number() {
            Some(_) => EndpointKind::Pstn,
            None => EndpointKind::Sip,
        },
        direction: meta.direction,
        from_uri: meta.from_uri.clone(),
        to_uri: meta.to_uri.clone(),
        trunk_id: meta.trunk_id,
        agent_id: None,
        carrier_leg_id: Some(meta.sip_call_id.clone()),
        status: facts.status,
        initiated_at: facts.initiated_at,
        answered_at: facts.answered_at,
        ended_at: Some(facts.ended_at),
        hangup_cause: call.hangup_cause.clone(),
        sip_code: facts.sip_status,
        codec: facts.codec.map(|codec| codec.name().to_owned()),
        media: media(facts),
    }
}

/// The counters of the leg; those of what was heard only where something was.
fn media(facts: &Facts) -> serde_json::Value {
    let RefusedPackets { rtp, rtcp } = facts.refused;
    let mut media = json!({"packets_refused": rtp, "rtcp_packets_refused": rtcp});
    if let (Some(quality), Some(media)) = (&facts.quality, media.as_object_mut()) {
        let received = &quality.received;
        media.extend([
            ("packets_received".to_owned(), json!(received.packets)),
            ("packets_lost".to_owned(), json!(received.lost)),
            ("packets_late".to_owned(), json!(received.late)),
            ("packets_reordered".to_owned(), json!(received.reordered)),
            ("packets_sent".to_owned(), json!(quality.sent_packets)),
            ("source_changes".to_owned(), json!(received.source_changes)),
            ("jitter_ms".to_owned(), json!(millis(received.jitter))),
            (
                "max_jitter_ms".to_owned(),
                json!(millis(received.max_jitter)),
            ),
            (
                "round_trip_ms".to_owned(),
                json!(quality.round_trip.map(millis)),
            ),
            ("mos".to_owned(), json!(quality.mos)),
        ]);
    }
    media
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// What happened, oldest first. A recording begins with the conversation.
fn events(facts: &Facts, recorded: bool) -> Vec<records::CallEvent> {
    let mut events = Vec::with_capacity(facts.events.len() + 1);
    for happened in &facts.events {
        events.push(event(happened));
        if recorded && happened.kind == EventKind::Connected {
            events.push(records::CallEvent {
                event_type: "recording_started".to_owned(),
                ..event(happened)
            });
        }
    }
    events
}

/// One sample, of the whole call.
fn quality(facts: &Facts) -> Option<QualitySample> {
    let quality = facts.quality.as_ref()?;
    Some(QualitySample {
        sampled_at: facts.ended_at,
        leg_no: 1,
        mos_score: quality.mos,
        r_factor: quality.rating,
        jitter_ms: millis(quality.received.jitter),
        packet_loss_percent: quality.received.loss() * 100.0,
        rtt_ms: quality.round_trip.map(millis),
        codec: facts.codec.map(|codec| codec.name().to_owned()),
    })
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
        agent_id: meta.program.as_ref().map(|program| program.agent.id),
        started_at,
        ended_at: Some(facts.ended_at),
        completed,
        context: json!({
            "variables": facts.variables,
            "ending": facts.ending,
            "speech": {
                "synthesized_characters": facts.speech.synthesized_characters,
                "recognized_seconds": facts.speech.recognized.as_secs_f64(),
            },
        }),
        messages: facts.messages.iter().map(message).collect(),
    })
}

fn message(message: &Message) -> records::Message {
    records::Message {
        role: match message.speaker {
            Speaker::Agent => MessageRole::Assistant,
            Speaker::Caller | Speaker::Keys => MessageRole::User,
        },
        content: message.text.clone(),
        intended: message.intended.clone(),
        spoken_at: message.at,
        latency_ms: message
            .latency
            .and_then(|latency| u32::try_from(latency.as_millis()).ok()),
        intent: (message.speaker == Speaker::Keys).then(|| "keys".to_owned()),
        confidence: message.confidence,
    }
}

fn transcription(meta: &Meta, facts: &Facts) -> Option<Transcription> {
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
            json!({
                "speaker": speaker(message),
                "start": message.at.saturating_since(origin).as_secs_f64(),
                "text": message.text.expose(),
            })
        })
        .collect();
    let confidences: Vec<f32> = facts.messages.iter().filter_map(|m| m.confidence).collect();
    let mean = confidences.iter().sum::<f32>() / confidences.len() as f32;
    Some(Transcription {
        id: Uuid::now_v7(),
        provider: Some(RECOGNIZER.to_owned()),
        model: None,
        language: meta
            .program
            .as_ref()
            .map(|program| program.program.agent.language.clone()),
        text: Pii::new(lines.join("\n")),
        segments: Pii::new(serde_json::Value::Array(segments)),
        confidence_percent: (!confidences.is_empty()).then_some(mean * 100.0),
    })
}

/// How signalling saw the end of an attempt.
fn attempt_end(facts: &Facts) -> AttemptEnd {
    match (facts.hangup.cause, facts.sip_status) {
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
