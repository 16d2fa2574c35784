//! Calls: the newest, and all about one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use callplane_store::calls::{self, CallSummary, Opened};
use callplane_types::{CallId, Pii, WallTime};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use crate::node::Node;

/// Calls shown unless asked for otherwise, and at most.
const USUAL: u32 = 20;
const MOST: u32 = 1_000;

#[derive(Debug, Deserialize)]
pub(super) struct Page {
    limit: Option<u32>,
}

/// `GET /v1/calls?limit=N`.
pub(super) async fn list(
    State(node): State<Arc<Node>>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    let limit = page.limit.unwrap_or(USUAL).clamp(1, MOST);
    let calls = calls::list(&node.database, None, limit).await?;
    let calls: Vec<Value> = calls.iter().map(summary).collect();
    Ok(Json(json!({"calls": calls})))
}

fn summary(call: &CallSummary) -> Value {
    let duration = call.ended_at.map(|ended| {
        ended
            .saturating_since(call.initiated_at)
            .as_secs_f64()
            .ceil() as u64
    });
    json!({
        "id": call.id,
        "direction": call.direction.as_str(),
        "status": call.status.as_str(),
        "from": call.from_number.as_ref().map(Pii::expose),
        "to": call.to_number.as_ref().map(Pii::expose),
        "agent": call.agent,
        "campaign": call.campaign,
        "initiatedAt": time(call.initiated_at),
        "answeredAt": call.answered_at.map(time),
        "endedAt": call.ended_at.map(time),
        "durationSeconds": duration,
        "billableSeconds": call.billable_seconds,
        "costMicros": call.cost_micros,
        "currency": call.currency,
        "hangupCause": call.hangup_cause,
    })
}

/// RFC 3339.
pub(super) fn time(at: WallTime) -> Option<String> {
    let time = jiff::Timestamp::from_microsecond(at.unix_micros()).ok()?;
    Some(time.to_string())
}

/// `GET /v1/calls/{id}`.
pub(super) async fn show(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let call: CallId = id.parse().map_err(|_| {
        ApiError::bad_request("write the id of a call, as GET /v1/calls lists them")
    })?;
    let mut row = calls::show(&node.database, call).await?;
    let sealed = match calls::open(&mut row, node.tenant_id, node.keys.ring().as_ref()) {
        Opened::Clear | Opened::All => None,
        Opened::Not(why) => Some(why.to_string()),
    };
    let agent_version = row["agent_version_id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .and_then(|id| node.directory().program(id))
        .map(|program| program.version);
    let mut document = document(&row, agent_version);
    document["sealed"] = json!(sealed);
    Ok(Json(document))
}

/// Rows of the tables as the document that people and the plugin read.
fn document(row: &Value, agent_version: Option<i32>) -> Value {
    json!({
        "call": {
            "id": row["id"], "sid": row["call_sid"], "direction": row["direction"],
            "status": row["status"], "statusReason": row["status_reason"],
            "from": row["from_number"], "to": row["to_number"],
            "agent": row["agent"], "agentVersion": agent_version,
            "initiatedAt": row["initiated_at"], "ringingAt": row["ringing_at"],
            "answeredAt": row["answered_at"], "endedAt": row["ended_at"],
            "durationSeconds": row["duration_seconds"],
            "billableSeconds": row["billable_seconds"],
            "hangupCause": row["hangup_cause"], "hangupParty": row["hangup_by"],
            "sipCode": row["sip_code"], "sipCallId": row["external_call_id"],
            "recordingPath": row["recordings"][0]["object_url"],
            "campaign": row["campaign_name"], "outcome": row["outcome"],
            "mediaNode": row["media_node"],
        },
        "recording": recording(&row["recordings"][0]),
        "cost": {
            "totalMicros": row["cost_micros"], "currency": row["currency"],
            "components": each(&row["costs"], |cost| json!({
                "component": cost["component"], "micros": cost["amount_micros"],
            })),
        },
        "legs": each(&row["legs"], |leg| json!({
            "kind": leg["kind"], "number": row["from_number"],
            "answeredAt": leg["answered_at"], "endedAt": leg["ended_at"], "codec": leg["codec"],
            "srtpSuite": leg["srtp_suite"], "endpoint": leg["endpoint_kind"],
            "to": leg["to_uri"], "hangupCause": leg["hangup_cause"], "mode": leg["media"]["mode"],
            "quality": quality(&leg["media"]),
        })),
        "segments": each(&row["segments"], |segment| json!({
            "kind": segment["kind"], "node": segment["metadata"]["node"],
            "startedAt": segment["started_at"], "endedAt": segment["ended_at"],
        })),
        "events": each(&row["events"], |event| json!({
            "at": event["event_timestamp"], "type": event["event_type"],
            "detail": event["metadata"],
        })),
        "messages": each(&row["messages"], |message| json!({
            "role": message["role"], "text": spoken(message),
            "heardText": message["content"], "at": message["spoken_at"],
            "confidence": message["intent_confidence"],
            "latencyMs": message["latency_ms"],
        })),
        "variables": row["variables"],
        // Of the leg to the person.
        "quality": quality(&row["legs"][0]["media"]),
    })
}

/// How a leg sounded; nothing if nothing came.
pub(super) fn quality(media: &Value) -> Value {
    if media["packets_received"].is_null() {
        return Value::Null;
    }
    let far_end = &media["far_end"];
    json!({
        "packetsReceived": media["packets_received"], "packetsSent": media["packets_sent"],
        "packetsLost": media["packets_lost"], "packetsLate": media["packets_late"],
        "packetsDuplicate": media["packets_duplicate"],
        "packetsReordered": media["packets_reordered"],
        "packetLossPercent": media["packet_loss_percent"], "jitterMs": media["jitter_ms"],
        "maxJitterMs": media["max_jitter_ms"], "roundTripMs": media["round_trip_ms"],
        "concealedMs": media["concealed_ms"], "concealedPercent": media["concealed_percent"],
        "bufferMs": media["buffer_ms"], "maxBufferMs": media["max_buffer_ms"], "mos": media["mos"],
        "farEnd": far_end.is_object().then(|| json!({
            "packetLossPercent": far_end["packet_loss_percent"],
            "packetsLost": far_end["packets_lost"], "jitterMs": far_end["jitter_ms"],
            "mos": far_end["mos"], "ownMos": far_end["own_mos"],
        })),
    })
}

/// What was recorded; null where nothing was.
fn recording(row: &Value) -> Value {
    match row.is_object() {
        false => Value::Null,
        true => json!({
            "path": row["object_url"], "mimeType": row["mime_type"], "channels": row["channels"],
            "startedAt": row["started_at"], "durationSeconds": row["duration_seconds"],
            "sizeBytes": row["size_bytes"], "gaps": row["gaps"],
        }),
    }
}

/// What was to be said; the content is what was heard of it.
fn spoken(message: &Value) -> &Value {
    match message["intended"].is_string() {
        true => &message["intended"],
        false => &message["content"],
    }
}

fn each(rows: &Value, show: impl Fn(&Value) -> Value) -> Vec<Value> {
    rows.as_array().into_iter().flatten().map(show).collect()
}
