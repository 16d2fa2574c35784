//! What a call was on the wire: its ladder, and a capture while it goes on.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use callplane_sip::Step;
use callplane_store::audit::{self, ActorKind, AuditAction, Entry};
use callplane_store::calls;
use callplane_types::{CallId, WallTime};
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::calls::{quality, time};
use super::error::ApiError;
use crate::calls::figures;
use crate::config::CapturePolicy;
use crate::node::Node;
use crate::trace::{Capture, CaptureError, Ladder, Masking, PcapWriter};

/// The longest capture, and the usual one.
const LONGEST: u64 = 300;
const USUAL: u64 = 30;
/// The largest.
const LARGEST: u64 = 64 << 20;

/// `GET /v1/calls/{id}/trace`: the SIP messages of a call, masked, and how its legs sounded, or sound
/// so far. `ladder` is null where
/// this node has none: of a call that another one carried, or of long ago.
pub(super) async fn show(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let call = call_of(&id)?;
    let ladder = node.traces.ladder(call);
    let row = match calls::show(&node.database, call).await {
        Ok(row) => row,
        // It has begun, or its record waits for the database.
        Err(_) if ladder.is_some() => Value::Null,
        Err(error) => return Err(error.into()),
    };
    let mut legs: Vec<Value> = row["legs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(leg)
        .collect();
    if let Some(so_far) = node.traces.quality(call).await {
        // Rows of legs are written when the call ends.
        let figures = Value::Object(figures(&so_far));
        legs = vec![json!({"kind": "caller", "quality": quality(&figures)})];
    }
    Ok(Json(json!({
        "id": call, "running": node.traces.is_running(call),
        "status": row["status"], "hangupCause": row["hangup_cause"],
        "hangupParty": row["hangup_by"], "sipCode": row["sip_code"],
        "mediaNode": row["media_node"], "startedAt": row["initiated_at"],
        "endedAt": row["ended_at"], "legs": legs,
        "ladder": ladder.as_ref().map(steps),
        "leftOut": ladder.map(|ladder| ladder.left_out()),
    })))
}

fn leg(row: &Value) -> Value {
    json!({
        "kind": row["kind"], "endpoint": row["endpoint_kind"], "codec": row["codec"],
        "srtpSuite": row["srtp_suite"], "sipCode": row["sip_code"],
        "hangupCause": row["hangup_cause"], "quality": quality(&row["media"]),
    })
}

fn steps(ladder: &Ladder) -> Vec<Value> {
    let steps = ladder.steps();
    let began = steps.first().map(|step| step.at);
    steps
        .iter()
        .map(|one| {
            let after = began.map(|began| one.at.saturating_since(began));
            step(one, after.unwrap_or_default())
        })
        .collect()
}

fn step(step: &Step<WallTime>, after: Duration) -> Value {
    let Step {
        at,
        heading,
        peer,
        transport,
        times,
        head,
    } = step;
    json!({
        "at": time(*at), "afterSeconds": after.as_secs_f64(), "direction": heading.as_str(), "peer": peer.to_string(),
        "transport": transport.as_str(), "times": times, "startLine": step.start_line(),
        "cseq": step.header("CSeq"), "head": head,
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    seconds: Option<u64>,
    #[serde(default)]
    unmasked: bool,
}

/// `POST /v1/calls/{id}/capture?seconds=N&unmasked=true`: what is on the wire of a call that goes on, as a pcap file
/// that grows until the time or the call is over.
///
/// **Each capture stands in `audit_logs` before its first packet leaves**, and how much it was after its last; who
/// asked the node cannot know, since whoever reaches its loopback was let in by Kubernetes.
pub(super) async fn capture(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, ApiError> {
    let call = call_of(&id)?;
    let masking = permitted(node.config.capture, wanted.unmasked)?;
    let seconds = wanted.seconds.unwrap_or(USUAL);
    if !(1..=LONGEST).contains(&seconds) {
        return Err(ApiError::bad_request(format!(
            "a capture takes 1 to {LONGEST} seconds"
        )));
    }
    let begun = json!({"seconds": seconds, "masked": masking == Masking::Masked});
    let time = Duration::from_secs(seconds);
    let now = (node.clock.now(), time);
    let capture = node.traces.capture(call, now, masking, node.sip_address());
    let capture = capture.await.map_err(refusal)?;
    audit::add(&node.database, &entry(call, begun)).await?;
    let file = Growing {
        node,
        call,
        began: Instant::now(),
        capture,
        writer: PcapWriter::new(LARGEST),
        packets: 0,
        full: false,
    };
    let usual = [
        (header::CONTENT_TYPE, "application/vnd.tcpdump.pcap"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((StatusCode::OK, usual, file.into_body()).into_response())
}

pub(super) fn call_of(id: &str) -> Result<CallId, ApiError> {
    id.parse()
        .map_err(|_| ApiError::bad_request("write the id of a call, as GET /v1/calls lists them"))
}

fn permitted(policy: CapturePolicy, unmasked: bool) -> Result<Masking, ApiError> {
    match (policy, unmasked) {
        (CapturePolicy::Disabled, _) => Err(ApiError::forbidden(
            "captures are disabled: spec.capture of the MediaPool permits them",
        )),
        (CapturePolicy::Masked, true) => Err(ApiError::forbidden(
            "captures are masked here: with spec.capture: Full of the MediaPool they may hold numbers, keys and sound",
        )),
        (CapturePolicy::Full, true) => Ok(Masking::Unmasked),
        (CapturePolicy::Masked | CapturePolicy::Full, false) => Ok(Masking::Masked),
    }
}

fn refusal(error: CaptureError) -> ApiError {
    match error {
        CaptureError::NotRunning => ApiError::not_found(
            "the call does not go on at this media node: a capture takes what is on the wire now",
        ),
        CaptureError::Browser => ApiError::conflict(
            "a browser's call is not captured: its media is encrypted, and it has no SIP; the browser's own tools show it",
        ),
        CaptureError::Running => ApiError::conflict(
            "the call is being captured already; wait for the end of it, or end it where it was begun",
        ),
    }
}

fn entry(call: CallId, after: Value) -> Entry {
    Entry {
        actor: ActorKind::MediaNode,
        member: None,
        action: AuditAction::Export,
        entity_type: "call_capture".to_owned(),
        entity_id: call.to_string(),
        before: None,
        after: Some(after),
        request_id: None,
    }
}

/// The file while it grows. When it is dropped, at its end or because nobody takes it, it says how much it was.
struct Growing {
    node: Arc<Node>,
    call: CallId,
    began: Instant,
    capture: Capture,
    writer: PcapWriter,
    packets: u64,
    full: bool,
}

impl Growing {
    fn into_body(mut self) -> Body {
        let begin = self.writer.begin();
        let file = Some((self, begin));
        Body::from_stream(stream::unfold(file, |file| async move {
            let (mut file, ready) = file?;
            if !ready.is_empty() {
                return Some((Ok(Bytes::from(ready)), Some((file, Vec::new()))));
            }
            let octets = file.next().await?;
            Some((
                Ok::<_, io::Error>(Bytes::from(octets)),
                Some((file, Vec::new())),
            ))
        }))
    }

    async fn next(&mut self) -> Option<Vec<u8>> {
        if self.full {
            return None;
        }
        let packet = self.capture.next().await?;
        let mut octets = Vec::new();
        self.full = !self.writer.write(&packet, &mut octets);
        self.packets += u64::from(!self.full);
        (!self.full).then_some(octets)
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        let after = json!({
            "packets": self.packets, "octets": self.writer.written(),
            "left_out": self.capture.left_out(), "full": self.full,
            "took_ms": u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        tracing::info!(call.id = %self.call, packets = self.packets, left_out = self.capture.left_out(), "A capture is over");
        let (node, entry) = (Arc::clone(&self.node), entry(self.call, after));
        self.node.tasks.spawn(async move {
            if let Err(error) = audit::add(&node.database, &entry).await {
                tracing::error!(%error, "failed to note the end of a capture");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_captured_the_pool_says() {
        let masking = |policy, unmasked| permitted(policy, unmasked).ok();
        assert_eq!(masking(CapturePolicy::Disabled, false), None);
        assert_eq!(masking(CapturePolicy::Masked, false), Some(Masking::Masked));
        assert_eq!(masking(CapturePolicy::Masked, true), None);
        assert_eq!(masking(CapturePolicy::Full, false), Some(Masking::Masked));
        assert_eq!(masking(CapturePolicy::Full, true), Some(Masking::Unmasked));
    }
}
