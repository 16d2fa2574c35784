//! Two layers over a [`Client`]: one refuses writes without the Lease, one hears a watch's signs of
//! life. Both bound the time of a request, because kube itself does not.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response};
use http_body::{Body as HttpBody, Frame};
use kube::Client;
use kube::client::Body;
use tower::{BoxError, Service};

use crate::lease::Leadership;
use crate::metrics::{Metrics, WatchAge};

/// Longest time that a request which is not a watch may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// A write was refused because this process does not hold the Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this process does not hold the lease, so it writes nothing")]
pub struct NotLeader;

#[derive(Debug, thiserror::Error)]
#[error("the API server did not answer within {} s", REQUEST_TIMEOUT.as_secs())]
struct TimedOut;

/// A client that reads as `client` does and refuses every write while `leadership` is not held.
///
/// The check is made when the request leaves, not when the reconcile started: a process that was
/// suspended for longer than its Lease writes nothing when it wakes.
#[must_use]
pub fn fenced(client: &Client, leadership: &Leadership, metrics: &Metrics) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = Fenced {
        client: client.clone(),
        leadership: leadership.clone(),
        metrics: metrics.clone(),
    };
    Client::new(service, namespace)
}

#[derive(Clone)]
struct Fenced {
    client: Client,
    leadership: Leadership,
    metrics: Metrics,
}

impl Service<Request<Body>> for Fenced {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self {
            client,
            leadership,
            metrics,
        } = self.clone();
        Box::pin(async move {
            let verb = verb(&request);
            let answer = if request.method() == Method::GET {
                client.send(request).await.map_err(BoxError::from)
            } else if leadership.is_held() {
                match tokio::time::timeout(REQUEST_TIMEOUT, client.send(request)).await {
                    Ok(answer) => answer.map_err(BoxError::from),
                    Err(_) => Err(TimedOut.into()),
                }
            } else {
                return Err(NotLeader.into());
            };
            let code = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            metrics.requested(verb, code);
            answer
        })
    }
}

fn verb(request: &Request<Body>) -> &'static str {
    let is_watch = request
        .uri()
        .query()
        .is_some_and(|query| query.contains("watch=true"));
    match *request.method() {
        Method::GET if is_watch => "watch",
        Method::GET => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

/// A client for one watch: every good answer and every byte of it is a sign of life.
pub(crate) fn heard(client: &Client, age: &WatchAge) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = Heard {
        client: client.clone(),
        age: age.clone(),
    };
    Client::new(service, namespace)
}

#[derive(Clone)]
struct Heard {
    client: Client,
    age: WatchAge,
}

impl Service<Request<Body>> for Heard {
    type Response = Response<HeardBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<HeardBody>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { client, age } = self.clone();
        Box::pin(async move {
            // The head of a watch's answer comes at once, so the bound fits it as well.
            let answer = tokio::time::timeout(REQUEST_TIMEOUT, client.send(request))
                .await
                .map_err(|_| TimedOut)??;
            let is_good = answer.status().is_success();
            if is_good {
                age.seen();
            }
            Ok(answer.map(|body| HeardBody {
                body,
                age: is_good.then_some(age),
            }))
        })
    }
}

/// A body whose frames are signs of life.
struct HeardBody {
    body: Body,
    age: Option<WatchAge>,
}

impl HttpBody for HeardBody {
    type Data = Bytes;
    type Error = kube::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, kube::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let (Poll::Ready(Some(Ok(_))), Some(age)) = (&frame, &self.age) {
            age.seen();
        }
        frame
    }
}

/// Bounds the time of one request.
pub(crate) async fn bounded<T>(request: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
    tokio::time::timeout(REQUEST_TIMEOUT, request)
        .await
        .unwrap_or_else(|_| Err(kube::Error::Service(TimedOut.into())))
}
