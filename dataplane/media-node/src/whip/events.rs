//! `GET Location/events`: what happens in a running call, for its page, as server-sent events.
//!
//! The 201 names it in a `Link`, as RFC 9725 section 4.9 wants of extensions; the relation is the one that drafts of
//! WHIP and WHEP gave to server-sent events. Whoever has the Location may read.
//!
//! | event | data |
//! |---|---|
//! | `transcript` | `speaker` (`agent`, `caller` or `keys`), `text` that was heard, `at`, `latencyMs`, `confidence` |
//! | `latency` | `latencyMs`, from the caller's last word or key to the agent's first sound |
//! | `ended` | `hangupCause` and `hangupParty`, as in the record; nothing follows |

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use callplane_call::{Hangup, Input, Message, Speaker};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::Whip;
use super::problem::Problem;
use super::session::gone;
use crate::calls::{LiveEvent, Watcher};

/// What the link is.
const RELATION: &str = "urn:ietf:params:whip:ext:core:server-sent-events";
/// A comment goes out so often when nothing happens: proxies close what is silent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The `Link` to the events of the call at `location`.
pub(super) fn link(location: &str) -> Option<HeaderValue> {
    let text =
        format!(r#"<{location}/events>; rel="{RELATION}"; events="transcript,latency,ended""#);
    HeaderValue::from_str(&text).ok()
}

/// `GET Location/events`.
pub(super) async fn events(
    State(whip): State<Arc<Whip>>,
    Path((_, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (live, input) = whip.sessions.live(&name).ok_or_else(gone)?;
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let (watcher, is_first) = live.watch(last).ok_or_else(|| {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "as many read the events of this call as may: close one",
        )
    })?;
    // The conductor alone keeps it from here on, so that the stream ends if the call is lost.
    drop(live);
    if is_first {
        input.handle(Input::Watch).await;
    }
    // The header goes out with the first octets of the body: whoever reads knows at once that it is heard.
    let begun = stream::iter([Ok(Event::default().comment("begun"))]);
    let events = begun.chain(stream::unfold(watcher, next));
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // Of nginx and others: an event is of no use later.
    Ok(([("x-accel-buffering", "no")], events).into_response())
}

async fn next(mut watcher: Watcher) -> Option<(Result<Event, Infallible>, Watcher)> {
    let (number, event) = watcher.next().await?;
    let (name, data) = match event {
        LiveEvent::Said(message) => ("transcript", transcript(&message)),
        LiveEvent::Answering(wait) => ("latency", json!({"latencyMs": millis(wait)})),
        LiveEvent::Ended(Hangup { cause, party }) => (
            "ended",
            json!({"hangupCause": cause.as_str(), "hangupParty": party.as_str()}),
        ),
    };
    let event = Event::default()
        .event(name)
        .id(number.to_string())
        .data(data.to_string());
    Some((Ok(event), watcher))
}

fn transcript(message: &Message) -> Value {
    let Message {
        speaker,
        text,
        // What was not heard is not shown.
        intended: _,
        at,
        latency,
        confidence,
        // Documents are the tenant's; whoever calls hears of them what the agent says.
        citations: _,
    } = message;
    let speaker = match speaker {
        Speaker::Agent => "agent",
        Speaker::Caller => "caller",
        Speaker::Keys => "keys",
    };
    let at = jiff::Timestamp::from_microsecond(at.unix_micros()).ok();
    json!({
        "speaker": speaker, "text": text.expose(), "at": at.map(|at| at.to_string()),
        "latencyMs": latency.map(millis), "confidence": confidence,
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::link;

    #[test]
    fn the_link_names_the_events_below_the_location() {
        assert_eq!(
            link("/whip/reception/1a").unwrap(),
            "</whip/reception/1a/events>; rel=\"urn:ietf:params:whip:ext:core:server-sent-events\"; \
             events=\"transcript,latency,ended\""
        );
    }
}
