//! From a spec to types that cannot be wrong.

use callplane_crds::{ConditionType, MediaPool, MediaPoolSpec};
use callplane_types::{TenantId, TenantName};
use kube::ResourceExt as _;

use super::dereference::References;
use super::ports::Ports;
use super::{Error, Installed};

/// What is wrong with a MediaPool, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    /// Path of the field.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub problem: &'static str,
}

/// Names of pods are the pool's name, a hyphen and a number below 2000, in 63 characters.
const LONGEST_NAME: usize = 58;

/// A MediaPool that can be built.
#[derive(Debug, Clone)]
pub struct Validated {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// Whose calls its pods carry.
    pub tenant: TenantName,
    /// Its id in the database.
    pub tenant_id: TenantId,
    /// Pods that should be.
    pub replicas: usize,
    /// Where a pod listens.
    pub(super) ports: Ports,
    /// The rest of the spec, which the API server has checked.
    pub spec: MediaPoolSpec,
    /// What the pods run.
    pub image: String,
    /// What the installation says.
    pub installed: Installed,
}

/// After this step nothing reads the spec for these values again.
///
/// # Errors
/// [`Error::Invalid`] for objects from before a rule existed, [`Error::WaitingForTenant`] while the
/// tenant has no login for the pods.
pub fn validate(
    pool: &MediaPool,
    references: &References,
    installed: &Installed,
) -> Result<Validated, Error> {
    let spec = &pool.spec;
    let name = pool.name_any();
    if name.len() > LONGEST_NAME {
        return Err(invalid(
            "metadata.name",
            "use at most 58 characters, because names of pods are made from it",
        ));
    }
    let replicas =
        usize::try_from(spec.replicas).map_err(|_| invalid("spec.replicas", "write 0 or more"))?;
    if spec.slots < 1 {
        return Err(invalid("spec.slots", "write 1 or more"));
    }
    if spec.max_drain_seconds < 0 {
        return Err(invalid("spec.maxDrainSeconds", "write 0 or more"));
    }
    let media_ports = i32::from(spec.rtp_ports.last) - i32::from(spec.rtp_ports.first) + 1;
    if media_ports < 2 * spec.slots {
        return Err(invalid(
            "spec.rtpPorts",
            "name two ports, RTP and RTCP, for each of the slots",
        ));
    }
    let ports = Ports::of(spec).ok_or_else(|| {
        invalid(
            "spec.sip.port",
            "choose another: it is that of metrics or control (9090, 9091), or with HostNetwork above 65532",
        )
    })?;
    let (tenant, tenant_id) = tenant(pool, references)?;
    Ok(Validated {
        name,
        namespace: pool.namespace().unwrap_or_default(),
        tenant,
        tenant_id,
        replicas,
        ports,
        image: spec
            .image
            .clone()
            .unwrap_or_else(|| installed.image.clone()),
        spec: spec.clone(),
        installed: installed.clone(),
    })
}

fn tenant(pool: &MediaPool, references: &References) -> Result<(TenantName, TenantId), Error> {
    let namespace = pool.namespace().unwrap_or_default();
    let Some(tenant) = &references.tenant else {
        return Err(Error::WaitingForTenant(format!(
            "namespace `{namespace}` belongs to no Tenant; name it in spec.namespaces of one"
        )));
    };
    let name = tenant.name_any();
    // The Secret with the login is in the first namespace, and pods mount only what is beside them.
    if tenant.spec.namespaces.first() != Some(&namespace) {
        return Err(Error::WaitingForTenant(format!(
            "media nodes run in the first namespace of Tenant `{name}`; create the MediaPool there"
        )));
    }
    let status = tenant.status.as_ref();
    let has_login = status.is_some_and(|status| {
        status.conditions.iter().any(|condition| {
            condition.type_ == ConditionType::CredentialsReady.as_str()
                && condition.status == "True"
        })
    });
    let waits =
        || Error::WaitingForTenant(format!("Tenant `{name}` has no login for media nodes yet"));
    let id = status
        .filter(|_| has_login)
        .and_then(|status| status.tenant_id.as_ref()?.parse().ok())
        .ok_or_else(waits)?;
    Ok((name.parse().map_err(|_| waits())?, id))
}

fn invalid(field: &'static str, problem: &'static str) -> Error {
    Error::Invalid(Invalid { field, problem })
}
