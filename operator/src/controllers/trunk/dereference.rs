//! Reads the Secret with the credentials of a Trunk, and the key that seals them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use callplane_crds::{Reason, Trunk, TrunkAuth};
use callplane_store::seal::Key;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt as _};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::controllers::projection::{Error, Problem, TenantRef, fingerprint};
use crate::names::{SECRET_DATA_KEY, SECRET_DATABASE};

/// What a Trunk refers to.
#[derive(Debug)]
pub(super) struct References {
    /// The credentials, if the Trunk names a Secret.
    pub(super) credentials: Option<Result<Credentials, Problem>>,
}

/// Digest credentials, and the key that they are sealed with.
#[derive(Debug)]
pub(super) struct Credentials {
    /// User name.
    pub(super) username: String,
    /// Password.
    pub(super) password: Password,
    /// Whether calls that come in are challenged for them, too.
    pub(super) challenge_inbound: bool,
    /// Changes whenever the Secret or the data key does.
    pub(super) version: String,
    /// The tenant's data key.
    pub(super) key: Key,
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
    let (Some(auth), Ok(tenant)) = (&trunk.spec.auth, tenant) else {
        return Ok(References { credentials: None });
    };
    let namespace = trunk.namespace().unwrap_or_default();
    let name = &auth.secret_ref.name;
    let secret = get(context, &namespace, name).await?;
    let database = get(context, &tenant.home, SECRET_DATABASE).await?;
    Ok(References {
        credentials: Some(credentials(auth, secret.as_ref(), database.as_ref())),
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
    database: Option<&Secret>,
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
    let (key, key_version) = database
        .and_then(|secret| value(secret, SECRET_DATA_KEY))
        .and_then(data_key)
        .ok_or_else(|| Problem::waits_for("Secret", SECRET_DATABASE))?;
    Ok(Credentials {
        username,
        password: Password(Zeroizing::new(password.to_vec())),
        challenge_inbound: auth.challenge_inbound,
        version: format!(
            "{}/{}/{key_version}",
            secret.uid().unwrap_or_default(),
            secret.resource_version().unwrap_or_default()
        ),
        key,
    })
}

fn value<'a>(secret: &'a Secret, key: &str) -> Option<&'a [u8]> {
    let bytes = &secret.data.as_ref()?.get(key)?.0;
    (!bytes.is_empty()).then_some(bytes.as_slice())
}

/// The key and its fingerprint. The fingerprint may be stored: it is of 32 random bytes, which
/// nobody finds by trying.
fn data_key(text: &[u8]) -> Option<(Key, String)> {
    let bytes = Zeroizing::new(STANDARD.decode(text.trim_ascii()).ok()?);
    let bytes: &[u8; Key::LEN] = bytes.as_slice().try_into().ok()?;
    Some((Key::new(bytes).ok()?, fingerprint(bytes)))
}

#[cfg(test)]
mod tests {
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

    fn database(byte: u8) -> Secret {
        let key = STANDARD.encode(STANDARD.encode([byte; Key::LEN]));
        secret(&json!({ "dataKey": key }))
    }

    #[test]
    fn a_secret_with_both_keys_gives_credentials() {
        let login =
            secret(&json!({ "username": STANDARD.encode("u"), "password": STANDARD.encode("p") }));
        let found = credentials(&auth(), Some(&login), Some(&database(7))).unwrap();
        assert_eq!(found.username, "u");
        assert!(found.version.starts_with("u/7/"));
        assert_eq!(format!("{:?}", found.password), "Password(<secret>)");
    }

    #[test]
    fn a_new_data_key_seals_the_password_again() {
        let login =
            secret(&json!({ "username": STANDARD.encode("u"), "password": STANDARD.encode("p") }));
        let version = |byte| {
            let found = credentials(&auth(), Some(&login), Some(&database(byte)));
            found.unwrap().version
        };
        assert_eq!(version(7), version(7));
        assert_ne!(version(7), version(8));
    }

    #[test]
    fn what_is_missing_is_named() {
        let empty = secret(&json!({ "username": STANDARD.encode("u") }));
        let missing = credentials(&auth(), None, Some(&database(7))).unwrap_err();
        assert_eq!(missing.reason, Reason::SecretNotFound);
        let incomplete = credentials(&auth(), Some(&empty), Some(&database(7))).unwrap_err();
        assert!(incomplete.message.contains("`password`"), "{incomplete}");
    }
}
