//! From a spec to types that cannot be wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use callplane_crds::{
    ANNOTATION_ADOPT_DATA, DeletionPolicy, Quotas, Security, Tenant, TenantState,
};
use callplane_store::compatibility::Platform;
use callplane_store::months::Partitioning;
use callplane_store::quotas::{CONCURRENT_CALLS, PHONE_NUMBERS};
use callplane_store::tenants::Transcripts;
use callplane_types::{SchemaName, TenantId, TenantName};
use kube::ResourceExt as _;
use uuid::Uuid;

use super::claims::Claim;
use super::dereference::References;
use super::{compatibility, months};

/// What is wrong with a Tenant, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    /// Path of the field.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// A Tenant that can be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validated {
    /// `metadata.name`.
    pub name: TenantName,
    /// `metadata.uid`.
    pub uid: Uuid,
    /// `metadata.generation`.
    pub generation: i64,
    /// The schema, named or by default.
    pub schema: SchemaName,
    /// Name for people.
    pub display_name: String,
    /// Limits by resource, without those of the plan.
    pub quotas: BTreeMap<String, Option<i64>>,
    /// Calls are taken and placed.
    pub is_active: bool,
    /// Data outlives the Tenant.
    pub retain: bool,
    /// The former Tenant whose data this one takes over.
    pub adopt: Option<TenantId>,
    /// Namespaces that are this Tenant's and exist.
    pub namespaces: Vec<String>,
    /// The first namespace of the spec, where Secret and pool live, if it is among them.
    pub home: Option<String>,
    /// Age at which a password is replaced.
    pub rotate_every: Duration,
    /// How long the former password works on.
    pub rotation_overlap: Duration,
    /// Platforms whose views are wanted.
    pub compatibility: BTreeSet<Platform>,
    /// Which tables are by month.
    pub partitioning: Partitioning,
    /// How what is said in calls is kept.
    pub transcripts: Transcripts,
}

/// After this step nothing reads the spec for these values again.
///
/// # Errors
/// [`Invalid`], for what the rules of the custom resource could not refuse: objects from before a
/// rule existed, and annotations.
pub fn validate(tenant: &Tenant, references: &References) -> Result<Validated, Invalid> {
    let name: TenantName = parse("metadata.name", &tenant.name_any())?;
    let schema = match &tenant.spec.database {
        Some(database) => parse("spec.database.schema", &database.schema)?,
        None => name.default_schema(),
    };
    let adopt = tenant
        .annotations()
        .get(ANNOTATION_ADOPT_DATA)
        .map(|id| parse("metadata.annotations[callplane.dev/adopt-data]", id))
        .transpose()?;
    let Some((home, claim)) = references.claims.first() else {
        return Err(invalid("spec.namespaces", "name at least one namespace"));
    };
    let ours = references
        .claims
        .iter()
        .filter(|(_, claim)| *claim == Claim::Ours);
    let rotation = &tenant.spec.credential_rotation;
    Ok(Validated {
        uid: parse("metadata.uid", &tenant.uid().unwrap_or_default())?,
        generation: tenant.metadata.generation.unwrap_or_default(),
        display_name: tenant
            .spec
            .display_name
            .clone()
            .unwrap_or_else(|| name.to_string()),
        name,
        schema,
        quotas: quotas(&tenant.spec.quotas)?,
        is_active: tenant.spec.state == TenantState::Active,
        retain: tenant.spec.deletion_policy == DeletionPolicy::Retain,
        adopt,
        home: (*claim == Claim::Ours).then(|| home.clone()),
        namespaces: ours.map(|(name, _)| name.clone()).collect(),
        rotate_every: rotation.every.into(),
        rotation_overlap: rotation.overlap.into(),
        compatibility: tenant
            .spec
            .compatibility
            .iter()
            .copied()
            .map(compatibility::platform)
            .collect(),
        partitioning: months::partitioning(tenant.spec.placement.partitioning),
        transcripts: transcripts(tenant.spec.security),
    })
}

fn transcripts(security: Security) -> Transcripts {
    // Without `..`, so that a new protection cannot be forgotten.
    let Security {
        encrypt_transcripts,
    } = security;
    encrypt_transcripts.into()
}

fn quotas(quotas: &Quotas) -> Result<BTreeMap<String, Option<i64>>, Invalid> {
    // Without `..`, so that a new quota cannot be forgotten.
    let Quotas {
        concurrent_calls,
        phone_numbers,
    } = quotas;
    let mut limits = BTreeMap::new();
    for (resource, field, limit) in [
        (
            CONCURRENT_CALLS,
            "spec.quotas.concurrentCalls",
            concurrent_calls,
        ),
        (PHONE_NUMBERS, "spec.quotas.phoneNumbers", phone_numbers),
    ] {
        match limit {
            Some(limit) if *limit < 0 => return Err(invalid(field, "write 0 or more")),
            Some(limit) => {
                limits.insert(resource.to_owned(), Some(*limit));
            }
            None => {}
        }
    }
    Ok(limits)
}

fn parse<T>(field: &'static str, text: &str) -> Result<T, Invalid>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| invalid(field, &error.to_string()))
}

fn invalid(field: &'static str, problem: &str) -> Invalid {
    Invalid {
        field,
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tenant(name: &str, spec: Value) -> Tenant {
        let mut tenant = Tenant::new(name, serde_json::from_value(spec).unwrap());
        tenant.metadata.uid = Some(Uuid::from_u128(1).to_string());
        tenant
    }

    fn ours(names: &[&str]) -> References {
        References {
            claims: names
                .iter()
                .map(|name| ((*name).to_owned(), Claim::Ours))
                .collect(),
            ..References::default()
        }
    }

    #[test]
    fn what_the_api_server_could_not_refuse_is_told_with_its_field() {
        let with_annotation = |value: &str| {
            let mut tenant = tenant("acme", json!({"namespaces": ["n"]}));
            tenant
                .annotations_mut()
                .insert(ANNOTATION_ADOPT_DATA.to_owned(), value.to_owned());
            tenant
        };
        for (tenant, field) in [
            (
                tenant("Acme", json!({"namespaces": ["n"]})),
                "metadata.name",
            ),
            (
                tenant(
                    "acme",
                    json!({"namespaces": ["n"], "database": {"schema": "pg_x"}}),
                ),
                "spec.database.schema",
            ),
            (
                tenant(
                    "acme",
                    json!({"namespaces": ["n"], "quotas": {"concurrentCalls": -1}}),
                ),
                "spec.quotas.concurrentCalls",
            ),
            (
                with_annotation("yes"),
                "metadata.annotations[callplane.dev/adopt-data]",
            ),
        ] {
            assert_eq!(validate(&tenant, &ours(&["n"])).unwrap_err().field, field);
        }
    }

    #[test]
    fn a_taken_first_namespace_leaves_the_tenant_without_a_home() {
        let tenant = tenant("acme", json!({"namespaces": ["a", "b"]}));
        let mut references = ours(&["a", "b"]);
        references.claims[0].1 = Claim::TakenBy("older".to_owned());
        let validated = validate(&tenant, &references).unwrap();
        assert_eq!(validated.home, None);
        assert_eq!(validated.namespaces, ["b"]);
        assert_eq!(validated.schema.as_str(), "callplane_acme");
        assert_eq!(validated.rotate_every, Duration::from_secs(720 * 3600));
    }
}
