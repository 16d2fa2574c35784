//! Answers, and bodies that go on.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Sleep;

/// The body of an answer.
pub(super) enum ReplyBody {
    Once(Option<Bytes>),
    Watch {
        lines: UnboundedReceiver<Bytes>,
        end: Option<Pin<Box<Sleep>>>,
    },
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Once(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Watch { lines, end } => match lines.poll_recv(cx) {
                Poll::Ready(line) => Poll::Ready(line.map(|line| Ok(Frame::data(line)))),
                Poll::Pending => match end {
                    Some(end) => end.as_mut().poll(cx).map(|()| None),
                    None => Poll::Pending,
                },
            },
        }
    }
}

/// An answer with a JSON body.
pub(super) fn json(code: u16, body: &Value) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::Once(Some(Bytes::from(body.to_string()))));
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    response
}

/// A `Status` that tells of a failure.
pub(super) fn failure(code: u16, message: &str) -> Response<ReplyBody> {
    json(code, &status(code, message))
}

pub(super) fn status(code: u16, message: &str) -> Value {
    let reason = match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 if message.contains("already exists") => "AlreadyExists",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    let mut status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message,
    });
    if code == 429 {
        status["details"] = json!({ "retryAfterSeconds": 1 });
    }
    status
}
