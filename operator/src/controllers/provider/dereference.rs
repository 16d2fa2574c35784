//! Reads the Secret with the key of a Provider, the keys that seal it and the row that it is sealed for, and asks the
//! endpoint when it is time.

use callplane_crds::{Provider, Reason, SecretKeyReference};
use callplane_keys::KeyRing;
use callplane_providers::{Endpoint, KeyHeader};
use callplane_store::providers;
use callplane_types::{ProviderId, TenantId};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::{Api, ResourceExt as _};
use zeroize::Zeroizing;

use super::check::{self, Checked};
use crate::context::Context;
use crate::controllers::projection::{Error, Problem, TenantRef, object_ref};

/// What a Provider refers to.
#[derive(Debug)]
pub(super) struct References {
    /// Its row.
    pub(super) row: ProviderId,
    /// The API key, if the Provider names a Secret.
    pub(super) key: Option<Result<Key, Problem>>,
    /// What is known of the endpoint; nothing where it could not be asked.
    pub(super) checked: Option<Checked>,
}

/// An API key, and what it is sealed with and for. `Debug` shows no key.
pub(super) struct Key {
    /// The key.
    pub(super) text: Zeroizing<String>,
    /// `metadata.resourceVersion` of its Secret.
    pub(super) secret_version: String,
    /// Changes whenever the Secret or the data key that seals does.
    pub(super) version: String,
    /// Whose it is.
    pub(super) tenant: TenantId,
    /// The tenant's data keys.
    pub(super) keys: KeyRing,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(<secret>)")
    }
}

/// Reads what `provider` refers to.
pub(super) async fn dereference(
    context: &Context,
    provider: &Provider,
    tenant: &Result<TenantRef, Problem>,
) -> Result<References, Error> {
    let Ok(tenant) = tenant else {
        // Nothing is written without a tenant.
        return Ok(References {
            row: ProviderId::new(uuid::Uuid::nil()),
            key: None,
            checked: None,
        });
    };
    let fence = context.fence().await?;
    let object = object_ref(provider)?;
    let row = providers::identify(&context.database, fence, tenant.id, &object).await?;
    let key = match &provider.spec.secret_ref {
        None => None,
        Some(reference) => {
            let namespace = provider.namespace().unwrap_or_default();
            let secret = Api::namespaced(context.kit.client.clone(), &namespace)
                .get_opt(&reference.name)
                .await
                .map_err(Error::ReadSecret)?;
            let keys = context
                .keys
                .of_tenant(&context.database, fence, tenant.id)
                .await
                .map_err(Error::Keys)?;
            Some(key(reference, secret.as_ref(), tenant.id, keys.ring))
        }
    };
    let checked = checked(context, provider, key.as_ref()).await;
    Ok(References { row, key, checked })
}

fn key(
    reference: &SecretKeyReference,
    secret: Option<&Secret>,
    tenant: TenantId,
    keys: KeyRing,
) -> Result<Key, Problem> {
    let SecretKeyReference { name, key } = reference;
    let secret = secret.ok_or_else(|| Problem::missing(Reason::SecretNotFound, "Secret", name))?;
    let octets = secret.data.as_ref().and_then(|data| data.get(key));
    let text = octets.and_then(|octets| std::str::from_utf8(&octets.0).ok());
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| {
        Problem::unresolved(
            Reason::SecretNotFound,
            format!("Secret `{name}` needs the key `{key}` with the API key in it"),
        )
    })?;
    let secret_version = secret.resource_version().unwrap_or_default();
    Ok(Key {
        text: Zeroizing::new(text.to_owned()),
        version: format!(
            "{}/{secret_version}/{}",
            secret.uid().unwrap_or_default(),
            keys.sealing(),
        ),
        secret_version,
        tenant,
        keys,
    })
}

/// Asks the endpoint, unless what it said lately is still good. What is wrong with the spec is for the next step.
async fn checked(
    context: &Context,
    provider: &Provider,
    key: Option<&Result<Key, Problem>>,
) -> Option<Checked> {
    let key = key.map(Result::as_ref).transpose().ok()?;
    let protocol = provider.spec.protocol()?;
    let text = key.map(|key| key.text.as_str());
    let shown = protocol
        .key_header()
        .map_or(KeyHeader::Bearer, KeyHeader::Named);
    let endpoint = Endpoint::with_key(protocol.base_url(), shown, text).ok()?;
    let secret_version = key.map(|key| key.secret_version.as_str());
    let now = Timestamp::now();
    let last = provider
        .status
        .as_ref()
        .and_then(|status| status.check.as_ref());
    let generation = provider.metadata.generation;
    if let Some(checked) = check::still_good(last, generation, secret_version, now) {
        return Some(checked);
    }
    let http = &context.providers;
    Some(check::ask(http, provider, protocol, &endpoint, secret_version, now).await)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use callplane_keys::DataKey;
    use serde_json::json;

    use super::*;

    fn found(data: Option<serde_json::Value>) -> Result<Key, Problem> {
        let secret: Option<Secret> = data.map(|data| {
            let metadata = json!({ "uid": "u", "resourceVersion": "7" });
            serde_json::from_value(json!({ "metadata": metadata, "data": data })).unwrap()
        });
        let reference = SecretKeyReference {
            name: "openai".to_owned(),
            key: "api-key".to_owned(),
        };
        let tenant = TenantId::new(uuid::Uuid::nil());
        let keys = KeyRing::new(DataKey::generate().unwrap());
        key(&reference, secret.as_ref(), tenant, keys)
    }

    #[test]
    fn a_key_is_read_without_the_end_of_its_line_and_never_shown() {
        let found = found(Some(json!({ "api-key": STANDARD.encode("sk-1\n") }))).unwrap();
        assert_eq!(found.text.as_str(), "sk-1");
        assert!(found.version.starts_with("u/7/"));
        assert_eq!(format!("{found:?}"), "Key(<secret>)");
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = found(None).unwrap_err();
        assert_eq!(missing.reason, Reason::SecretNotFound);
        for data in [json!({}), json!({ "api-key": STANDARD.encode(" \n") })] {
            let problem = found(Some(data)).unwrap_err();
            assert!(problem.message.contains("`api-key`"), "{problem}");
        }
    }
}
