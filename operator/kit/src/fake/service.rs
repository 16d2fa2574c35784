//! The server as a service below a client.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Response};
use kube::client::Body;
use serde_json::Value;
use tokio::sync::mpsc;

use super::ApiServer;
use super::fault::Outcome;
use super::reply::{self, ReplyBody};
use super::request::Call;
use super::state::{Reply, Write};

#[derive(Clone)]
pub(super) struct Service(pub(super) ApiServer);

impl tower::Service<Request<Body>> for Service {
    type Response = Response<ReplyBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<ReplyBody>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let server = self.0.clone();
        Box::pin(async move { Ok(answer(&server, request).await) })
    }
}

async fn answer(server: &ApiServer, request: Request<Body>) -> Response<ReplyBody> {
    let (head, body) = request.into_parts();
    let Some(mut call) = Call::parse(&head.method, &head.uri) else {
        return reply::failure(404, "no such path");
    };
    call.metadata_only = head
        .headers
        .get(http::header::ACCEPT)
        .and_then(|accepted| accepted.to_str().ok())
        .is_some_and(|accepted| accepted.contains("as=PartialObjectMetadata"));
    let is_merge = head
        .headers
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/merge-patch+json");
    let body = match body.collect_bytes().await {
        Ok(bytes) if bytes.is_empty() => Value::Null,
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(body) => body,
            Err(error) => return reply::failure(400, &error.to_string()),
        },
        Err(error) => return reply::failure(400, &error.to_string()),
    };
    if call.verb == "create" {
        let name = body["metadata"]["name"].as_str().unwrap_or_default();
        name.clone_into(&mut call.key.name);
    }
    let fault = server.with(|state| {
        if call.is_write() {
            state.writes.push(Write::new(&call, &body));
        }
        state.fault(&call)
    });
    match fault {
        Some(Outcome::Stall) => std::future::pending().await,
        Some(Outcome::Status(code)) => reply::failure(code, "injected"),
        None if call.verb == "watch" => watch(server, &call),
        None => {
            let Reply(code, body) = server.with(|state| state.handle(&call, &body, is_merge));
            reply::json(code, &body)
        }
    }
}

fn watch(server: &ApiServer, call: &Call) -> Response<ReplyBody> {
    let (sender, lines) = mpsc::unbounded_channel();
    server.with(|state| state.watch(call, sender));
    let end = call
        .parameter("timeoutSeconds")
        .and_then(|seconds| seconds.parse().ok())
        .map(|seconds| Box::pin(tokio::time::sleep(Duration::from_secs(seconds))));
    Response::new(ReplyBody::Watch { lines, end })
}
