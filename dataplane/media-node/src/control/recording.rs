//! The recording of a call: its audio in clear, and what is done to it while the call goes on.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use callplane_call::RecordingAction;
use callplane_store::retention;
use callplane_types::CallId;
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::error::ApiError;
use crate::node::Node;
use crate::recordings::{Audio, RemoteFile};

/// Octets read at once.
const PIECE: usize = 64 << 10;

/// `GET /v1/calls/{id}/recording`: a WAV or an Ogg Opus file, or the part of it that one `Range` asks for (RFC 9110 section
/// 14). Of a call that goes on, what there is so far. `Callplane-Recording` is `whole`, or `cut` where the end is
/// missing.
pub(super) async fn show(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let call = call_of(&id)?;
    let audio = match open(&node, call).await {
        Ok(Some(audio)) if !audio.is_empty() => audio,
        Ok(Some(_)) => {
            return Err(ApiError::not_found(
                "nothing of the call is recorded yet; try again in a second",
            ));
        }
        Ok(None) => {
            return Err(ApiError::not_found(
                "this media node has no recording of the call: it was not recorded, another node has it, or it was deleted",
            ));
        }
        Err(error) => {
            tracing::error!(call.id = %call, error = %format_args!("{error:#}"), "failed to open a recording");
            return Err(ApiError::unavailable(
                "the recording does not open; the log of the media node says why",
            ));
        }
    };
    let length = audio.length();
    let kind = audio.format().mime_type();
    let whole = if audio.is_whole() { "whole" } else { "cut" };
    let wanted = headers
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok());
    Ok(match wanted.map(|range| part(range, length)) {
        None | Some(Asked::All) => {
            let headers = [(header::CONTENT_LENGTH, length.to_string())];
            answer(StatusCode::OK, kind, whole, headers, body(audio, 0..length))
        }
        Some(Asked::Part(part)) => {
            let (first, last) = (part.start, part.end - 1);
            let headers = [
                (header::CONTENT_LENGTH, (part.end - part.start).to_string()),
                (
                    header::CONTENT_RANGE,
                    format!("bytes {first}-{last}/{length}"),
                ),
            ];
            answer(
                StatusCode::PARTIAL_CONTENT,
                kind,
                whole,
                headers,
                body(audio, part),
            )
        }
        Some(Asked::Nothing) => {
            let headers = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            answer(
                StatusCode::RANGE_NOT_SATISFIABLE,
                kind,
                whole,
                headers,
                Body::empty(),
            )
        }
    })
}

/// What is to be done to the recording of a call that goes on.
#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    action: RecordingAction,
}

/// `POST /v1/calls/{id}/recording` with `{"action": "start" | "stop" | "pause" | "resume"}`: the call must go
/// on here. Answers how the recording stands then, `running`, `paused` or `stopped`.
pub(super) async fn act(
    State(node): State<Arc<Node>>,
    Path(id): Path<String>,
    Json(wish): Json<Wish>,
) -> Result<Json<Value>, ApiError> {
    let call = call_of(&id)?;
    let over = || {
        ApiError::not_found(
            "the call does not go on at this media node: it is over, or another node has it",
        )
    };
    let live = node.live.get(call).ok_or_else(over)?;
    if wish.action == RecordingAction::Start && !node.recordings.can_seal() {
        return Err(ApiError::conflict(
            "the Secret of the tenant has no keys for recordings, which are never in clear; wait until the operator has put them there",
        ));
    }
    if live.recording_failed() {
        return Err(ApiError::conflict(
            "the recording of the call has failed and nothing more is kept of it; the log of the media node says why",
        ));
    }
    let state = live.input.record(wish.action).await.ok_or_else(over)?;
    let state = state.map_err(|error| ApiError::conflict(error.to_string()))?;
    tracing::info!(call.id = %call, action = ?wish.action, state = state.as_str(), "Recording steered");
    Ok(Json(json!({"state": state.as_str()})))
}

fn call_of(id: &str) -> Result<CallId, ApiError> {
    id.parse()
        .map_err(|_| ApiError::bad_request("write the id of a call, as GET /v1/calls lists them"))
}

/// From the disk of this node, or from the object storage that it was carried to.
async fn open(node: &Node, call: CallId) -> anyhow::Result<Option<Audio>> {
    let recordings = node.recordings.clone();
    if let Some(audio) = spawn_blocking(move || recordings.open(call)).await?? {
        return Ok(Some(audio));
    }
    let Some(storage) = &node.objects else {
        return Ok(None);
    };
    let urls = retention::kept_at(&node.database, &[call]).await?;
    let Some(name) = urls.get(&call).and_then(|url| storage.name_of(url)) else {
        return Ok(None);
    };
    let object = RemoteFile::open(storage.clone(), name.to_owned()).await?;
    let recordings = node.recordings.clone();
    let audio = spawn_blocking(move || recordings.open_object(call, object)).await??;
    Ok(Some(audio))
}

fn answer<const N: usize>(
    status: StatusCode,
    kind: &'static str,
    whole: &'static str,
    headers: [(HeaderName, String); N],
    body: Body,
) -> Response {
    let usual = [
        (header::CONTENT_TYPE, kind),
        (header::ACCEPT_RANGES, "bytes"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("callplane-recording"), whole),
    ];
    (status, usual, headers, body).into_response()
}

fn body(audio: Audio, part: Range<u64>) -> Body {
    Body::from_stream(stream::try_unfold(
        (audio, part),
        |(mut audio, part)| async move {
            if part.is_empty() {
                return Ok::<_, io::Error>(None);
            }
            let left = usize::try_from(part.end - part.start).unwrap_or(usize::MAX);
            let from = part.start;
            let read = spawn_blocking(move || {
                let octets = audio.read_at(from, left.min(PIECE))?;
                Ok::<_, io::Error>((audio, octets))
            });
            let (audio, octets) = read.await.map_err(io::Error::other)??;
            if octets.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let part = from + octets.len() as u64..part.end;
            Ok(Some((Bytes::from(octets), (audio, part))))
        },
    ))
}

/// What a `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Nothing that we serve in parts: several ranges, another unit. Everything is a right answer.
    All,
    /// Never empty.
    Part(Range<u64>),
    /// What is not there.
    Nothing,
}

fn part(range: &str, length: u64) -> Asked {
    let Some((first, last)) = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Asked::All;
    };
    let part = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Ok(first), Err(_)) if last.trim().is_empty() => first..length,
        (Err(_), Ok(last)) if first.trim().is_empty() => length.saturating_sub(last)..length,
        _ => return Asked::All,
    };
    match part.is_empty() {
        true => Asked::Nothing,
        false => Asked::Part(part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_served_and_what_is_none_is_the_whole() {
        for (range, asked) in [
            ("bytes=0-9", Asked::Part(0..10)),
            ("bytes=90-", Asked::Part(90..100)),
            ("bytes=-30", Asked::Part(70..100)),
            ("bytes=-300", Asked::Part(0..100)),
            ("bytes=50-18446744073709551615", Asked::Part(50..100)),
            ("bytes=100-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=9-3", Asked::All),
            ("bytes=0-1,3-4", Asked::All),
            ("seconds=1-2", Asked::All),
            ("bytes=", Asked::All),
            ("bytes=-", Asked::All),
        ] {
            assert_eq!(part(range, 100), asked, "{range}");
        }
    }
}
