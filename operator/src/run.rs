//! `callplane-operator run`: joins client, database, election, controllers and probes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use callplane_kit::apply::hash_of;
use callplane_kit::lease::{Elector, Timing};
use callplane_kit::{Manager, Metrics};
use callplane_providers::{Egress, HttpClient};
use callplane_store::OperatorDatabase;
use callplane_telemetry::{AdminServer, Health, Verdict, shutdown_signal};
use clap::Args;
use kube::Client;
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::admin::ThrottleOptions;
use crate::backups::BackupMetrics;
use crate::connections::ConnectionCollector;
use crate::context::{Caches, Context, SecretScope};
use crate::controllers::{media_pool, tenant, wire_projections};
use crate::keys::{self, Keys};
use crate::names::OPERATOR;
use crate::process::block_on;
use crate::strays::StrayMetrics;

/// How often the database is asked whether it answers, for `/readyz`.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Settings of `run`; each has an environment variable.
#[derive(Debug, Args)]
pub struct Options {
    /// `postgres://callplane_operator:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full`; the server
    /// itself, not a transaction pooler.
    #[arg(long, env = "CALLPLANE_DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// PEM file with the certificates that vouch for the server; handed to media nodes. Those of the
    /// system when the file does not exist.
    #[arg(long, env = "CALLPLANE_DATABASE_CA")]
    database_ca: Option<PathBuf>,
    /// Connections to the database at most.
    #[arg(long, env = "CALLPLANE_DATABASE_CONNECTIONS", default_value_t = 16)]
    database_connections: u32,
    /// Image of media nodes whose MediaPool names none.
    #[arg(long, env = "CALLPLANE_MEDIA_NODE_IMAGE")]
    media_node_image: String,
    /// Path of the speech worker in that image; `none` for digits and tones only.
    #[arg(
        long,
        env = "CALLPLANE_MEDIA_NODE_SPEECH",
        default_value = "/usr/local/bin/callplane-speech"
    )]
    media_node_speech: String,
    /// `imagePullPolicy` of media nodes.
    #[arg(
        long,
        env = "CALLPLANE_MEDIA_NODE_PULL_POLICY",
        default_value = "IfNotPresent"
    )]
    media_node_pull_policy: String,
    /// `dnsPolicy` of media nodes: `Default` where the cluster has no DNS.
    #[arg(
        long,
        env = "CALLPLANE_MEDIA_NODE_DNS_POLICY",
        default_value = "ClusterFirst"
    )]
    media_node_dns_policy: String,
    /// Whether to watch the Secrets of the cluster, their metadata only, so that a changed password
    /// of a Trunk is taken over at once and not within 12 minutes. Needs the right to list Secrets,
    /// which is the right to read them all.
    #[arg(
        long,
        env = "CALLPLANE_WATCH_SECRETS",
        default_value_t = false,
        action = clap::ArgAction::Set
    )]
    watch_secrets: bool,
    /// Networks beside the public Internet that Providers may be in, as in `10.0.0.0/8,fd00::/8`: of models in the
    /// cluster, say. Tenants choose the URLs; what is named here is open to all of them, from the operator and from
    /// media nodes.
    #[arg(long, env = "CALLPLANE_PROVIDER_NETWORKS", default_value = "")]
    provider_networks: String,
    #[command(flatten)]
    throttle: ThrottleOptions,
    #[command(flatten)]
    keys: keys::Options,
    /// Name of this pod: holder of the Lease, reporter of Events.
    #[arg(long, env = "POD_NAME", default_value = "callplane-operator")]
    pod_name: String,
    /// Namespace of this pod, where the Lease is.
    #[arg(long, env = "POD_NAMESPACE", default_value = "callplane-system")]
    pod_namespace: String,
    /// Where `/metrics`, `/livez` and `/readyz` are served.
    #[arg(long, env = "CALLPLANE_METRICS", default_value = "0.0.0.0:8080")]
    metrics: SocketAddr,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When something is missing at the start, when the Lease is lost, or when a part ended by itself: the
/// process must not go on then, and Kubernetes starts it anew.
pub fn run(options: Options) -> anyhow::Result<()> {
    block_on(serve(options))
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let shutdown = shutdown_signal()?;
    let client = Client::try_default()
        .await
        .context("cannot find a cluster: set KUBECONFIG or run in a pod")?;
    let database =
        OperatorDatabase::connect_lazy(&options.database_url, options.database_connections)?;
    let metrics = Metrics::default();
    let mut registry = Registry::with_prefix("callplane_operator");
    metrics.register(&mut registry);
    let backups = BackupMetrics::default();
    backups.register(&mut registry);
    let strays = StrayMetrics::default();
    strays.register(&mut registry);
    registry.register_collector(Box::new(ConnectionCollector {
        database: database.clone(),
    }));

    let (elector, leadership) = Elector::new(
        client.clone(),
        &options.pod_namespace,
        OPERATOR,
        &options.pod_name,
        Timing::default(),
        metrics.clone(),
    );
    let mut manager = Manager::new(&client, leadership, metrics, &options.pod_name);
    let keys = options.keys.with(&client, &options.pod_namespace)?;
    wire(&mut manager, &database, keys, &options)?;

    let answers = Arc::new(AtomicBool::new(false));
    let health = health(&manager, &answers);
    let admin = AdminServer::bind(options.metrics, registry, health).await?;
    tokio::spawn(ping(database.clone(), answers));
    tokio::spawn(strays.follow(database.clone()));
    tokio::spawn(backups.follow(database));
    let admin = tokio::spawn(admin.serve(CancellationToken::new()));

    // The Lease is given back only when no reconcile runs any more.
    let release = CancellationToken::new();
    let mut election = tokio::spawn(elector.run(release.clone()));
    tokio::select! {
        lost = &mut election => {
            lost??;
            anyhow::bail!("the election ended by itself");
        }
        ended = manager.run(shutdown) => ended?,
        failed = admin => {
            failed??;
            anyhow::bail!("the server of metrics and probes ended by itself");
        }
    }
    release.cancel();
    election.await??;
    Ok(())
}

fn wire(
    manager: &mut Manager,
    database: &OperatorDatabase,
    keys: Keys,
    options: &Options,
) -> anyhow::Result<()> {
    let egress: Egress = options
        .provider_networks
        .parse()
        .context("cannot read CALLPLANE_PROVIDER_NETWORKS")?;
    let context = Context::new(
        manager.kit(),
        database.clone(),
        keys,
        HttpClient::new(egress)?,
        &options.pod_name,
    );
    let secrets = if options.watch_secrets {
        SecretScope::All
    } else {
        SecretScope::Own
    };
    let caches = Caches::new(manager, secrets);
    let server = server(&options.database_url, options.database_ca.as_deref())?;
    let installed = media_pool::Installed {
        image: options.media_node_image.clone(),
        speech: options.media_node_speech.clone(),
        dns_policy: options.media_node_dns_policy.clone(),
        image_pull_policy: options.media_node_pull_policy.clone(),
        provider_networks: options.provider_networks.clone(),
    };
    let throttle = options.throttle.throttle();
    let rotate_keys_every = options.keys.rotate_every();
    tenant::wire(
        manager,
        &context,
        &caches,
        server,
        throttle,
        rotate_keys_every,
    );
    media_pool::wire(manager, &context, &caches, installed);
    wire_projections(manager, &context, &caches);
    Ok(())
}

/// What media nodes need to know of the server, and a fingerprint that changes with it.
fn server(url: &str, path: Option<&Path>) -> anyhow::Result<tenant::Server> {
    let path = path.filter(|path| path.exists());
    let ca = path
        .map(|path| {
            std::fs::read(path).with_context(|| {
                format!(
                    "cannot read {}, the certificates of the database",
                    path.display()
                )
            })
        })
        .transpose()?;
    // Without user and password: a rotation of the operator's own password concerns nobody else.
    let address = url.rsplit_once('@').map_or(url, |(_, address)| address);
    let certificates = ca.as_deref().map(String::from_utf8_lossy);
    let fingerprint = hash_of(&json!({ "address": address, "certificates": certificates }));
    Ok(tenant::Server {
        fingerprint,
        ca_file: path.map(Path::to_path_buf),
        ca,
    })
}

fn health(manager: &Manager, answers: &Arc<AtomicBool>) -> Health {
    let verdict = |outcome: Result<(), String>| match outcome {
        Ok(()) => Verdict::Pass,
        Err(why) => Verdict::Fail(why),
    };
    let (live, ready, answers) = (manager.health(), manager.health(), Arc::clone(answers));
    Health::new()
        .live("watches", move || verdict(live.live()))
        .ready("caches", move || verdict(ready.ready()))
        .ready("database", move || {
            if answers.load(Ordering::Relaxed) {
                Verdict::Pass
            } else {
                Verdict::Fail(
                    "the database does not answer; check CALLPLANE_DATABASE_URL".to_owned(),
                )
            }
        })
}

/// Asks the database again and again whether it answers.
async fn ping(database: OperatorDatabase, answers: Arc<AtomicBool>) {
    let mut tick = tokio::time::interval(PING_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let outcome = database.ping().await;
        let was = answers.swap(outcome.is_ok(), Ordering::Relaxed);
        match outcome {
            Ok(()) if !was => tracing::info!("The database answers"),
            Err(error) if was => tracing::warn!(
                error = %callplane_kit::sentence(&error),
                "The database does not answer any more"
            ),
            Err(error) => tracing::debug!(
                error = %callplane_kit::sentence(&error),
                "The database does not answer"
            ),
            Ok(()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn nobody_has_to_let_the_operator_list_the_secrets_of_the_cluster() {
        let arguments = ["run", "--database-url", "d", "--media-node-image", "i"];
        let options = |more: &[&str]| {
            let arguments = arguments.iter().chain(more);
            Arguments::try_parse_from(arguments).unwrap().options
        };
        assert!(!options(&[]).watch_secrets);
        assert!(options(&["--watch-secrets", "true"]).watch_secrets);
        let chart = include_str!("../../charts/callplane/values.yaml");
        assert!(chart.contains("\n  watchSecrets: false\n"), "{chart}");
    }

    #[test]
    fn the_fingerprint_of_a_server_does_not_depend_on_the_password() {
        let of = |url: &str| server(url, None).unwrap().fingerprint;
        assert_eq!(
            of("postgres://o:a@db:5432/c"),
            of("postgres://o:b@db:5432/c")
        );
        assert_ne!(
            of("postgres://o:a@db:5432/c"),
            of("postgres://o:a@db2:5432/c")
        );
    }
}
