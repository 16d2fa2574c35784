//! Campaigns: bringing recipients in, looking at them; numbers that must not be called.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use callplane_store::campaigns::{self, NewRecipient};
use callplane_store::dnc::{self, NewEntry};
use callplane_types::Pii;
use serde_json::{Map, Value, json};

use super::csv;
use super::error::ApiError;
use crate::node::Node;

/// Recipients shown at once.
const PAGE: u32 = 10_000;

/// `POST /v1/campaigns/{name}/recipients`.
pub(super) async fn import_recipients(
    State(node): State<Arc<Node>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let recipients: Vec<NewRecipient> = csv::read(&body)?.into_iter().map(recipient).collect();
    let campaign = campaigns::find(&node.database, &name).await?;
    let imported = campaigns::import(&node.database, campaign, &recipients).await?;
    Ok(Json(json!(imported)))
}

fn recipient(line: csv::Line) -> NewRecipient {
    let mut recipient = NewRecipient {
        line: line.line,
        number: line.number,
        name: None,
        time_zone: None,
        variables: Map::new(),
    };
    for (column, value) in line.columns {
        match column.as_str() {
            "name" => recipient.name = Some(Pii::new(value)),
            "timeZone" => recipient.time_zone = Some(value),
            _ => {
                recipient.variables.insert(column, Value::String(value));
            }
        }
    }
    recipient
}

/// `POST /v1/dnc/{list}`.
pub(super) async fn import_dnc(
    State(node): State<Arc<Node>>,
    Path(list): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let entries: Vec<NewEntry> = csv::read(&body)?
        .into_iter()
        .map(|line| NewEntry {
            line: line.line,
            number: line.number,
        })
        .collect();
    let imported = dnc::add(&node.database, &list, "control API", &entries).await?;
    Ok(Json(json!(imported)))
}

/// `GET /v1/campaigns/{name}`.
pub(super) async fn show(
    State(node): State<Arc<Node>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let campaign = campaigns::find(&node.database, &name).await?;
    let progress = campaigns::progress(&node.database, campaign).await?;
    let recipients = campaigns::recipients(&node.database, campaign, None, PAGE).await?;
    let recipients: Vec<Value> = recipients
        .iter()
        .map(|recipient| {
            json!({
                "number": recipient.number.expose(),
                "name": recipient.name.as_ref().map(Pii::expose),
                "status": recipient.status.as_str(),
                "outcome": recipient.outcome.map(|outcome| outcome.as_str()),
                "reason": recipient.reason,
                "attempts": recipient.attempts,
                "callId": recipient.last_call_id,
            })
        })
        .collect();
    Ok(Json(json!({
        "campaign": {
            "name": name,
            "status": progress.phase.as_str(),
            "total": progress.total,
            "waiting": progress.waiting,
            "dialing": progress.dialing,
            "answered": progress.answered,
            "busy": progress.busy,
            "noAnswer": progress.no_answer,
            "failed": progress.failed,
            "unknown": progress.unknown,
            "suppressed": progress.suppressed,
        },
        "recipients": recipients,
    })))
}
