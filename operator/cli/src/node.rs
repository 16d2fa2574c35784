//! A media node's control API, through the API server's port forwarding.

use anyhow::{Context, anyhow, bail};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::connection::Connection;

/// Name of the port of the control API, which listens on the loopback of the pod.
const CONTROL: &str = "control";
const MEDIA_NODES: &str = "app.kubernetes.io/component=media-node";

/// One media node of the namespace.
pub(crate) struct Node {
    pods: Api<Pod>,
    name: String,
    control: u16,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Node {
    /// The first ready media node. Any of them serves: what is asked for lives in the database.
    pub(crate) async fn of(connection: &Connection) -> anyhow::Result<Self> {
        let mut nodes = Self::all(connection).await?;
        Ok(nodes.swap_remove(0))
    }

    /// The ready media nodes, at least one.
    pub(crate) async fn all(connection: &Connection) -> anyhow::Result<Vec<Self>> {
        let Connection { client, namespace } = connection;
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let found = pods
            .list(&ListParams::default().labels(MEDIA_NODES))
            .await
            .with_context(|| format!("failed to list pods of namespace {namespace}"))?;
        let count = found.items.len();
        let ready: Vec<Pod> = found.items.into_iter().filter(is_ready).collect();
        if count == 0 {
            bail!(
                "namespace {namespace} has no media node: choose the tenant's namespace with -n, or \
                 see `kubectl get tenants,mediapools -A`"
            );
        }
        if ready.is_empty() {
            bail!(
                "none of the {count} media nodes of namespace {namespace} is ready: see \
                 `kubectl -n {namespace} get pods -l {MEDIA_NODES}`"
            );
        }
        let node = |pod: Pod| {
            let name = pod.name_any();
            let control = control_port(&pod).with_context(|| {
                format!("pod {name} declares no port `{CONTROL}`: install the same version")
            })?;
            let pods = pods.clone();
            Ok(Self {
                pods,
                name,
                control,
            })
        };
        ready.into_iter().map(node).collect()
    }

    /// `GET path`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.request(Method::GET, path, "", String::new()).await
    }

    /// `POST path` with a CSV body.
    pub(crate) async fn post_csv<T: DeserializeOwned>(
        &self,
        path: &str,
        body: String,
    ) -> anyhow::Result<T> {
        self.request(Method::POST, path, "text/csv", body).await
    }

    /// `POST path` with a JSON body.
    pub(crate) async fn post_json<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> anyhow::Result<T> {
        self.request(Method::POST, path, "application/json", body.to_string())
            .await
    }

    /// `POST path` with a JSON body; `None` where the node does not have what it is about.
    pub(crate) async fn post_if_there<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> anyhow::Result<Option<T>> {
        let body = body.to_string();
        let answer = self
            .send(Method::POST, path, "application/json", body)
            .await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            _ => self.read(answer).await.map(Some),
        }
    }

    async fn request<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: String,
    ) -> anyhow::Result<T> {
        let answer = self.send(method, path, media_type, body).await?;
        self.read(answer).await
    }

    async fn read<T: DeserializeOwned>(&self, answer: Response<Incoming>) -> anyhow::Result<T> {
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            return Err(self.refusal(status, &body));
        }
        serde_json::from_slice(&body).context(
            "the media node answers in a form this plugin does not know: install the same version",
        )
    }

    /// `GET path` of something long, to be read piece by piece; `None` where the node does not have it.
    pub(crate) async fn download(&self, path: &str) -> anyhow::Result<Option<Response<Incoming>>> {
        self.stream(Method::GET, path).await
    }

    /// As [`Node::download`], of something that begins with being asked for.
    pub(crate) async fn stream(
        &self,
        method: Method,
        path: &str,
    ) -> anyhow::Result<Option<Response<Incoming>>> {
        let answer = self.send(method, path, "", String::new()).await?;
        let status = answer.status();
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !status.is_success() {
            let body = answer.into_body().collect().await?.to_bytes();
            return Err(self.refusal(status, &body));
        }
        Ok(Some(answer))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: String,
    ) -> anyhow::Result<Response<Incoming>> {
        let mut forwarder = self
            .pods
            .portforward(&self.name, &[self.control])
            .await
            .with_context(|| format!("failed to forward a port to pod {}", self.name))?;
        let stream = forwarder
            .take_stream(self.control)
            .context("the port was not forwarded")?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, media_type)
            .body(Full::<Bytes>::from(body))?;
        sender
            .send_request(request)
            .await
            .with_context(|| format!("media node {} does not answer", self.name))
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> anyhow::Error {
        match serde_json::from_slice::<Refusal>(body) {
            Ok(Refusal { error }) => anyhow!(error),
            Err(_) => anyhow!("media node {} answered {status}", self.name),
        }
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
}

/// The port differs where pods use the network of their node.
fn control_port(pod: &Pod) -> Option<u16> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    let port = ports.find(|port| port.name.as_deref() == Some(CONTROL))?;
    u16::try_from(port.container_port).ok()
}

/// Escapes a name for one segment of a path (RFC 3986, everything but unreserved characters).
pub(crate) fn segment(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    #[test]
    fn the_control_port_is_the_one_that_the_pod_declares() {
        let pod = |ports: serde_json::Value| -> Pod {
            let spec = json!({ "containers": [{ "name": "media-node", "ports": ports }] });
            serde_json::from_value(json!({ "spec": spec })).unwrap()
        };
        let metrics = json!({ "name": "metrics", "containerPort": 5062 });
        let control = json!({ "name": "control", "containerPort": 5063 });
        assert_eq!(
            super::control_port(&pod(json!([metrics, control]))),
            Some(5063)
        );
        assert_eq!(super::control_port(&pod(json!([metrics]))), None);
    }

    #[test]
    fn a_name_stays_within_its_segment() {
        assert_eq!(super::segment("a/../b ü"), "a%2F..%2Fb%20%C3%BC");
    }
}
