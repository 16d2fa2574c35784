//! `callplane-operator render`: what objects would become, from the same pure steps as in a cluster.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use callplane_crds::{ConditionType, MediaPool, Tenant, TenantStatus};
use clap::Args;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::ObjectMeta;
use serde::{Deserialize as _, Serialize};

use crate::controllers::{media_pool, tenant};
use crate::names::SECRET_DATABASE;

/// Settings of `render`.
#[derive(Debug, Args)]
pub struct Options {
    /// YAML files with Tenants and MediaPools; `-` is standard input. Other kinds are passed over.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Image of media nodes whose MediaPool names none.
    #[arg(
        long,
        env = "CALLPLANE_MEDIA_NODE_IMAGE",
        default_value = "callplane-media-node"
    )]
    media_node_image: String,
}

/// Prints the objects as YAML, and what happens in the database as comments.
///
/// # Errors
/// When a file cannot be read or an object is not valid; the message names it.
pub fn print(options: &Options) -> anyhow::Result<()> {
    let mut inputs = Inputs::default();
    for path in &options.files {
        let text = read(path)?;
        inputs
            .add(&text)
            .with_context(|| format!("cannot read {}", path.display()))?;
    }
    let installed = media_pool::Installed {
        image: options.media_node_image.clone(),
        speech: "/usr/local/bin/callplane-speech".to_owned(),
        dns_policy: "ClusterFirst".to_owned(),
        image_pull_policy: "IfNotPresent".to_owned(),
        provider_networks: String::new(),
    };
    let text = render(&inputs, &installed)?;
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// The objects to render.
#[derive(Debug, Default)]
pub struct Inputs {
    tenants: Vec<Tenant>,
    pools: Vec<MediaPool>,
}

impl Inputs {
    /// Adds the objects of a YAML text; kinds that become no Kubernetes objects are passed over.
    ///
    /// # Errors
    /// When it is no YAML, or an object misses a field.
    pub fn add(&mut self, text: &str) -> anyhow::Result<()> {
        for document in serde_yaml_ng::Deserializer::from_str(text) {
            // By way of JSON, as the API server does: YAML alone wants tags for enums.
            let value = serde_json::Value::deserialize(document)?;
            match value["kind"].as_str() {
                Some("Tenant") => self.tenants.push(serde_json::from_value(value)?),
                Some("MediaPool") => self.pools.push(serde_json::from_value(value)?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Renders all of them.
///
/// # Errors
/// When an object is not valid.
pub fn render(inputs: &Inputs, installed: &media_pool::Installed) -> anyhow::Result<String> {
    let mut out = String::new();
    let mut pools = inputs.pools.clone();
    for tenant in &inputs.tenants {
        pools.extend(render_tenant(tenant, &mut out)?);
    }
    for pool in &pools {
        let owner = inputs
            .tenants
            .iter()
            .find(|tenant| tenant.spec.namespaces.first() == pool.namespace().as_ref());
        render_pool(pool, owner, installed, &mut out)?;
    }
    Ok(out)
}

/// Renders a Tenant and gives back its pool.
fn render_tenant(tenant: &Tenant, out: &mut String) -> anyhow::Result<Option<MediaPool>> {
    let mut tenant = tenant.clone();
    // What the API server gives.
    tenant.metadata.uid = Some(uuid::Uuid::nil().to_string());
    let references = tenant::References::as_if_all_were_there(&tenant);
    let validated = tenant::validate(&tenant, &references)
        .with_context(|| format!("Tenant {} is not valid", tenant.name_any()))?;
    let tenant::Prepared {
        row,
        bind,
        home,
        pool,
        ..
    } = tenant::build(&tenant, &validated, &references);
    comment(out, &format!("Tenant {}", row.name));
    comment(
        out,
        &format!(
            "schema {0} of role {0}_owner, with two logins each for {0}_media, {0}_app and {0}_ro",
            row.schema
        ),
    );
    comment(
        out,
        &format!("plan {}; state {}", row.plan, row.status.as_str()),
    );
    for (resource, limit) in &row.quotas {
        let limit = limit.map_or("unlimited".to_owned(), |limit| limit.to_string());
        comment(out, &format!("quota {resource}: {limit}"));
    }
    let kept = if row.retain { "kept" } else { "dropped" };
    comment(out, &format!("data is {kept} when the Tenant is deleted"));
    for (_, namespace) in &bind {
        document(out, "v1", "Namespace", namespace)?;
    }
    if let Some(home) = home {
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(SECRET_DATABASE.to_owned()),
                namespace: Some(home),
                ..ObjectMeta::default()
            },
            string_data: Some([("password".to_owned(), "made by the operator".to_owned())].into()),
            ..Secret::default()
        };
        document(out, "v1", "Secret", &secret)?;
    }
    let Some((_, pool)) = pool else {
        return Ok(None);
    };
    document(out, "callplane.dev/v1alpha1", "MediaPool", &pool)?;
    Ok(Some(pool))
}

fn render_pool(
    pool: &MediaPool,
    owner: Option<&Tenant>,
    installed: &media_pool::Installed,
    out: &mut String,
) -> anyhow::Result<()> {
    let name = pool.name_any();
    let owner = owner.with_context(|| {
        format!(
            "MediaPool {name} needs the Tenant whose first namespace it is in; name its file too"
        )
    })?;
    let references = media_pool::References {
        tenant: Some(Arc::new(with_login(owner))),
        ..media_pool::References::default()
    };
    let validated = media_pool::validate(pool, &references, installed)
        .with_context(|| format!("MediaPool {name} is not valid"))?;
    let media_pool::Prepared {
        template,
        disruption_budget,
    } = media_pool::build(&validated);
    comment(out, &format!("MediaPool {name}"));
    document(out, "policy/v1", "PodDisruptionBudget", &disruption_budget)?;
    for new in media_pool::plan(&[], validated.replicas, false).create {
        document(out, "v1", "Pod", &template.pod(&name, new))?;
    }
    Ok(())
}

/// The Tenant as it is once its login is there.
fn with_login(tenant: &Tenant) -> Tenant {
    let mut tenant = tenant.clone();
    tenant.status = Some(TenantStatus {
        tenant_id: Some(uuid::Uuid::nil().to_string()),
        conditions: vec![Condition {
            type_: ConditionType::CredentialsReady.as_str().to_owned(),
            status: "True".to_owned(),
            reason: "Rendered".to_owned(),
            message: String::new(),
            observed_generation: None,
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
        }],
        ..TenantStatus::default()
    });
    tenant
}

fn comment(out: &mut String, line: &str) {
    out.push_str("# ");
    out.push_str(line);
    out.push('\n');
}

fn document(
    out: &mut String,
    api_version: &str,
    kind: &str,
    object: &impl Serialize,
) -> anyhow::Result<()> {
    let mut value = serde_json::to_value(object)?;
    value["apiVersion"] = api_version.into();
    value["kind"] = kind.into();
    out.push_str("---\n");
    out.push_str(&serde_yaml_ng::to_string(&value)?);
    Ok(())
}

fn read(path: &std::path::Path) -> anyhow::Result<String> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(text)
}
