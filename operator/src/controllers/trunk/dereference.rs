//! Reads the Secret with the credentials of a Trunk, the keys that seal them, and the row that they are
//! sealed for.

use callplane_crds::{Reason, Trunk, TrunkAuth};
use callplane_keys::KeyRing;
use callplane_store::trunks;
use callplane_types::{TenantId, TrunkId};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt as _};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::controllers::projection::{Error, Problem, TenantRef, object_ref};

/// What a Trunk refers to.
#[derive(Debug)]
pub(super) struct References {
    /// Its row.
    pub(super) row: TrunkId,
    /// The credentials, if the Trunk names a Secret.
    pub(super) credentials: Option<Result<Credentials, Problem>>,
}

/// Digest credentials, and what they are sealed with and for.
#[derive(Debug)]
pub(super) struct Credentials {
    /// User name.
    pub(super) username: String,
    /// Password.
    pub(super) password: Password,
    /// Whether calls that come in are challenged for them, too.
    pub(super) challenge_inbound: bool,
    /// Changes whenever the Secret or the key that seals does.
    pub(super) version: String,
    /// Whose trunk it is.
    pub(super) tenant: TenantId,
    /// The tenant's data keys.
    pub(super) keys: KeyRing,
}

/// A password that is wiped and never printed.
pub(super) struct Password(pub(super) Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(<secret>)")
    }
}

/// Reads what `trunk` refers to.
pub(super) async fn dereference(
    context: &Context,
    trunk: &Trunk,
    tenant: &Result<TenantRef, Problem>,
) -> Result<References, Error> {
    let Ok(tenant) = tenant else {
        // Nothing is written without a tenant.
        let row = TrunkId::new(uuid::Uuid::nil());
        return Ok(References {
            row,
            credentials: None,
        });
    };
    let fence = context.fence().await?;
    let object = object_ref(trunk)?;
    let row = trunks::identify(&context.database, fence, tenant.id, &object).await?;
    let Some(auth) = &trunk.spec.auth else {
        return Ok(References {
            row,
            credentials: None,
        });
    };
    let namespace = trunk.namespace().unwrap_or_default();
    let name = &auth.secret_ref.name;
    let secret = get(context, &namespace, name).await?;
    let keys = context
        .keys
        .of_tenant(&context.database, fence, tenant.id)
        .await
        .map_err(Error::Keys)?;
    let credentials = credentials(auth, secret.as_ref(), tenant.id, keys.ring);
    Ok(References {
        row,
        credentials: Some(credentials),
    })
}

async fn get(context: &Context, namespace: &str, name: &str) -> Result<Option<Secret>, Error> {
    Api::namespaced(context.kit.client.clone(), namespace)
        .get_opt(name)
        .await
        .map_err(Error::ReadSecret)
}

fn credentials(
    auth: &TrunkAuth,
    secret: Option<&Secret>,
    tenant: TenantId,
    keys: KeyRing,
) -> Result<Credentials, Problem> {
    let name = auth.secret_ref.name.as_str();
    let secret = secret.ok_or_else(|| Problem::missing(Reason::SecretNotFound, "Secret", name))?;
    let username =
        value(secret, "username").and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    let (Some(username), Some(password)) = (username, value(secret, "password")) else {
        return Err(Problem::unresolved(
            Reason::SecretNotFound,
            format!("Secret `{name}` needs the keys `username` and `password`, both with text"),
        ));
    };
    Ok(Credentials {
        username,
        password: Password(Zeroizing::new(password.to_vec())),
        challenge_inbound: auth.challenge_inbound,
        version: format!(
            "{}/{}/{}",
            secret.uid().unwrap_or_default(),
            secret.resource_version().unwrap_or_default(),
            keys.sealing(),
        ),
        tenant,
        keys,
    })
}

fn value<'a>(secret: &'a Secret, key: &str) -> Option<&'a [u8]> {
    let bytes = &secret.data.as_ref()?.get(key)?.0;
    (!bytes.is_empty()).then_some(bytes.as_slice())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use callplane_keys::DataKey;
    use serde_json::json;

    use super::*;

    fn secret(data: &serde_json::Value) -> Secret {
        serde_json::from_value(json!({ "metadata": { "uid": "u", "resourceVersion": "7" }, "stringData": {}, "data": data }))
            .unwrap()
    }

    fn auth() -> TrunkAuth {
        TrunkAuth {
            secret_ref: "login".into(),
            challenge_inbound: true,
        }
    }

    fn found(secret: Option<&Secret>) -> Result<Credentials, Problem> {
        let tenant = TenantId::new(uuid::Uuid::nil());
        let keys = KeyRing::new(DataKey::generate().unwrap());
        credentials(&auth(), secret, tenant, keys)
    }

    #[test]
    fn a_secret_with_both_keys_gives_credentials() {
        let login =
            secret(&json!({ "username": STANDARD.encode("u"), "password": STANDARD.encode("p") }));
        let found = found(Some(&login)).unwrap();
        assert_eq!(found.username, "u");
        assert!(found.version.starts_with("u/7/"));
        assert_eq!(format!("{:?}", found.password), "Password(<secret>)");
    }

    #[test]
    fn a_new_data_key_seals_the_password_again() {
        let login =
            secret(&json!({ "username": STANDARD.encode("u"), "password": STANDARD.encode("p") }));
        let version = || found(Some(&login)).unwrap().version;
        // Each with a key of its own.
        assert_ne!(version(), version());
    }

    #[test]
    fn what_is_missing_is_named() {
        let empty = secret(&json!({ "username": STANDARD.encode("u") }));
        let missing = found(None).unwrap_err();
        assert_eq!(missing.reason, Reason::SecretNotFound);
        let incomplete = found(Some(&empty)).unwrap_err();
        assert!(incomplete.message.contains("`password`"), "{incomplete}");
    }
}
