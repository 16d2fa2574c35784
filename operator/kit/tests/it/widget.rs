//! A kind and its controller: a Widget becomes a ConfigMap of its size.

use std::sync::Arc;
use std::time::Duration;

use callplane_kit::fake::ApiServer;
use callplane_kit::{
    Cache, Class, Controller, Kit, Leadership, Manager, Metrics, Next, ReconcileError, apply,
    class_of, status,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, CustomResource, ResourceExt};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "test.callplane.dev",
    version = "v1",
    kind = "Widget",
    namespaced,
    status = "WidgetStatus",
    derive = "PartialEq",
    schema = "disabled"
)]
pub struct WidgetSpec {
    pub size: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WidgetStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a widget of size {0} cannot be made")]
    TooBig(u32),
    #[error("failed to apply the config map")]
    Apply(#[from] apply::Error),
    #[error("failed to write the status")]
    Status(#[from] kube::Error),
}

impl ReconcileError for Error {
    fn reason(&self) -> &'static str {
        match self {
            Self::TooBig(_) => "TooBig",
            Self::Apply(_) => "Apply",
            Self::Status(_) => "Status",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::TooBig(_) => Class::Terminal,
            Self::Apply(error) => error.class(),
            Self::Status(error) => class_of(error),
        }
    }
}

pub struct WidgetController {
    kit: Kit,
    config_maps: Cache<ConfigMap>,
}

impl WidgetController {
    pub fn new(kit: Kit, config_maps: Cache<ConfigMap>) -> Self {
        Self { kit, config_maps }
    }
}

impl Controller for WidgetController {
    type Object = Widget;
    type Error = Error;
    const NAME: &'static str = "widget";

    async fn reconcile(&self, widget: Arc<Widget>) -> Result<Next, Error> {
        let size = widget.spec.size;
        assert!(size != 13, "this test panics at 13");
        if size > 1000 {
            return Err(Error::TooBig(size));
        }
        let namespace = widget.namespace().unwrap_or_default();
        let desired = ConfigMap {
            metadata: kube::api::ObjectMeta {
                name: Some(widget.name_any()),
                namespace: Some(namespace.clone()),
                ..Default::default()
            },
            data: Some([("size".to_owned(), size.to_string())].into()),
            ..ConfigMap::default()
        };
        let live = self.config_maps.get(&namespace, &widget.name_any());
        let api = Api::namespaced(self.kit.client.clone(), &namespace);
        let owner = apply::owner_reference(&*widget)?;
        apply::owned(&api, "callplane/widget", &owner, live.as_deref(), desired).await?;
        let api = Api::namespaced(self.kit.client.clone(), &namespace);
        let status = WidgetStatus { size: Some(size) };
        status::write_if_changed(&self.kit, Self::NAME, &api, &*widget, &status).await?;
        Ok(Next::Resync)
    }
}

/// A process with the controller, running.
pub struct Process {
    pub health: callplane_kit::Health,
    pub stop: CancellationToken,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub fn start(server: &ApiServer, leadership: Leadership) -> Process {
    start_with(
        server,
        leadership,
        Duration::from_secs(120),
        Duration::from_secs(250),
    )
}

pub fn start_with(
    server: &ApiServer,
    leadership: Leadership,
    watch_timeout: Duration,
    silent_after: Duration,
) -> Process {
    let mut manager = Manager::new(&server.client(), leadership, Metrics::default(), "pod-0")
        .with_watch_times(watch_timeout, silent_after);
    let widgets = manager.cache::<Widget>(kube::runtime::watcher::Config::default());
    let config_maps = manager.cache::<ConfigMap>(kube::runtime::watcher::Config::default());
    let controller = WidgetController::new(manager.kit(), config_maps.clone());
    manager.controller(&widgets, controller).owns(&config_maps);
    let health = manager.health();
    let stop = CancellationToken::new();
    tokio::spawn(manager.run(stop.clone()));
    Process { health, stop }
}

pub fn widget(name: &str, size: u32) -> Widget {
    let mut widget = Widget::new(name, WidgetSpec { size });
    widget.metadata.namespace = Some("n".to_owned());
    widget
}

/// The size that the ConfigMap of a widget says.
pub fn made(server: &ApiServer, name: &str) -> Option<String> {
    let map: ConfigMap = server.get(Some("n"), name)?;
    map.data?.get("size").cloned()
}

/// Waits until the widget's ConfigMap and status are of that size.
pub async fn settled(server: &ApiServer, name: &str, size: u32) {
    server
        .until(|server| {
            let widget: Widget = server.get(Some("n"), name)?;
            let status = widget.status?.size?;
            (status == size && made(server, name)? == size.to_string()).then_some(())
        })
        .await
        .unwrap_or_else(|| panic!("{name} never got size {size}"));
}
