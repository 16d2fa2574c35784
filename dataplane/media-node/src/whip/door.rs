//! The way in for connections: how many there may be, and how long each may take.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Extension, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::connections::{Connections, Place, Serving};
use super::problem::Problem;

/// How long the other side may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For the whole header of a request, and between two requests: a connection is open that long
    /// without being of use.
    pub(super) head: Duration,
    /// For the body: an offer is a few packets.
    pub(super) body: Duration,
    /// For what is still to be answered when the node ends.
    pub(super) end: Duration,
}

impl Patience {
    pub(super) const USUAL: Self = Self {
        head: Duration::from_secs(15),
        body: Duration::from_secs(10),
        end: Duration::from_secs(5),
    };
}

/// Octets of a header: a token has some 500.
const MAX_HEAD: usize = 16 * 1024;

/// Serves connections, none of which keeps out another by doing nothing.
pub(super) struct Door {
    pub(super) router: Router,
    pub(super) connections: Arc<Connections>,
    pub(super) patience: Patience,
    /// Connections that were closed because there were too many.
    pub(super) refused: Counter,
}

impl Door {
    /// Until `stop`, and until those that are being served then have been, or took too long.
    pub(super) async fn serve(self, mut listener: TcpListener, stop: CancellationToken) {
        let door = Arc::new(self);
        let open = TaskTracker::new();
        loop {
            let (stream, from) = tokio::select! {
                accepted = axum::serve::Listener::accept(&mut listener) => accepted,
                () = stop.cancelled() => break,
            };
            // Answers are small, and whoever asked waits for them.
            let _ = stream.set_nodelay(true);
            match door.connections.enter(from.ip()) {
                Some(place) => {
                    let (door, stop) = (Arc::clone(&door), stop.clone());
                    open.spawn(async move { door.attend(stream, from, place, stop).await });
                }
                None => {
                    door.refused.inc();
                }
            }
        }
        open.close();
        open.wait().await;
    }

    /// Serves one connection to its end.
    async fn attend(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        from: SocketAddr,
        place: Arc<Place>,
        stop: CancellationToken,
    ) {
        let service = hyper::service::service_fn(|request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(from));
            request.extensions_mut().insert(Arc::clone(&place));
            self.router.clone().oneshot(request)
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.patience.head)
                .max_buf_size(MAX_HEAD)
                .serve_connection(TokioIo::new(stream), service)
        );
        // An error is the other side's: it broke off, took too long, or spoke no HTTP.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = place.given_way() => {
                self.refused.inc();
                return;
            }
            () = stop.cancelled() => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(self.patience.end, connection).await;
    }
}

/// Reads the body of a request, at most `limit` octets, before anybody looks at it, and has the connection
/// counted as served from there to the end of the answer.
pub(super) async fn read_whole(
    limit: usize,
    patience: Patience,
    Extension(place): Extension<Arc<Place>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = match tokio::time::timeout(patience.body, to_bytes(body, limit)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let detail = format!("the body has at most {} KiB", limit / 1024);
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).into_response();
        }
        Err(_) => return too_slow(),
    };
    let serving = place.serve();
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    response.map(|body| {
        Body::new(Answer {
            body,
            _serving: serving,
        })
    })
}

fn too_slow() -> Response {
    let detail = "the body took too long: send it with the header";
    let mut response = Problem::new(StatusCode::REQUEST_TIMEOUT, detail).into_response();
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// The body of an answer, which may take as long as its call.
struct Answer {
    body: Body,
    _serving: Serving,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::middleware::from_fn;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    const SHORT: Patience = Patience {
        head: Duration::from_millis(400),
        body: Duration::from_millis(400),
        end: Duration::from_millis(400),
    };
    const LONG: Patience = Patience {
        head: Duration::from_secs(60),
        body: Duration::from_secs(60),
        end: Duration::from_millis(400),
    };

    struct Served {
        address: SocketAddr,
        refused: Counter,
        stop: CancellationToken,
        task: tokio::task::JoinHandle<()>,
    }

    async fn serve(most: usize, patience: Patience) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/", post(|body: String| async move { body }))
            .layer(from_fn(move |place, request, next| {
                read_whole(1_024, patience, place, request, next)
            }));
        let (refused, stop) = (Counter::default(), CancellationToken::new());
        let door = Door {
            router,
            connections: Connections::new(most),
            patience,
            refused: refused.clone(),
        };
        let task = tokio::spawn(door.serve(listener, stop.clone()));
        Served {
            address,
            refused,
            stop,
            task,
        }
    }

    async fn begin(address: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn rest(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        // Who is cut off with something unread sees a reset.
        let _ = stream.read_to_string(&mut text).await;
        text
    }

    const HALF: &str = "POST / HTTP/1.1\r\nHost: x\r\n";
    const WHOLE: &str =
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";

    #[tokio::test]
    async fn half_requests_keep_no_good_one_out_and_are_no_more_than_there_are_places() {
        // Nobody loses patience here: what keeps the way free is that they give way.
        let served = serve(4, LONG).await;
        let mut half = Vec::new();
        for _ in 0..40 {
            half.push(begin(served.address, HALF).await);
        }
        for _ in 0..3 {
            let mut good = begin(served.address, WHOLE).await;
            let answer = rest(&mut good).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            assert!(answer.ends_with("hi"), "{answer}");
        }
        assert!(served.refused.get() >= 36, "{}", served.refused.get());
        served.stop.cancel();
        served.task.await.unwrap();
    }

    #[tokio::test]
    async fn who_does_not_come_to_the_end_of_a_header_is_cut_off() {
        let served = serve(4, SHORT).await;
        let mut half = begin(served.address, HALF).await;
        assert_eq!(rest(&mut half).await, "");
        // So is who asks nothing any more.
        let again = WHOLE.replace("Connection: close\r\n", "");
        let mut idle = begin(served.address, &again).await;
        assert!(rest(&mut idle).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn who_does_not_come_to_the_end_of_a_body_is_told_and_cut_off() {
        let served = serve(4, SHORT).await;
        let mut slow = begin(served.address, &WHOLE.replace("Length: 2", "Length: 9")).await;
        assert!(rest(&mut slow).await.starts_with("HTTP/1.1 408"));
        let long = WHOLE.replace("Length: 2", "Length: 2000") + &"x".repeat(1_998);
        let mut long = begin(served.address, &long).await;
        assert!(rest(&mut long).await.starts_with("HTTP/1.1 413"));
    }

    #[tokio::test]
    async fn a_node_that_ends_does_not_wait_for_half_requests() {
        let served = serve(4, LONG).await;
        let mut half = begin(served.address, HALF).await;
        let mut good = begin(served.address, WHOLE).await;
        assert!(rest(&mut good).await.starts_with("HTTP/1.1 200"));
        served.stop.cancel();
        served.task.await.unwrap();
        assert_eq!(rest(&mut half).await, "");
    }
}
