//! The cluster, as kubectl would reach it.

use anyhow::Context;
use kube::config::KubeConfigOptions;
use kube::{Client, Config};

use crate::arguments::Cluster;

/// A client and the namespace to look at.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

impl Connection {
    pub(crate) async fn open(cluster: &Cluster) -> anyhow::Result<Self> {
        // An error means that a provider is installed already, which serves as well.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let options = KubeConfigOptions {
            context: cluster.context.clone(),
            ..KubeConfigOptions::default()
        };
        let config = match Config::from_kubeconfig(&options).await {
            Ok(config) => config,
            Err(error) if cluster.context.is_some() => return Err(error.into()),
            Err(_) => Config::infer()
                .await
                .context("no cluster: set KUBECONFIG or write ~/.kube/config")?,
        };
        let namespace = cluster
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).context("the kubeconfig is of no use")?;
        Ok(Self { client, namespace })
    }
}
