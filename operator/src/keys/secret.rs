//! The Secret with the key-encryption key.

use std::collections::BTreeMap;

use callplane_keys::LocalKek;
use callplane_store::{OperatorDatabase, keys};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use zeroize::Zeroizing;

use super::Error;
use crate::names::{
    LABEL_MANAGED_BY, LABEL_NAME, OPERATOR, SECRET_KEY_ENCRYPTION, SECRET_KEY_ENCRYPTION_KEYS,
};

/// The text of the Secret. Made when no data key needs one that is gone: it belongs to no release of
/// the chart, so that nothing takes it away.
pub(super) async fn ensure(
    client: &Client,
    namespace: &str,
    database: &OperatorDatabase,
) -> Result<Zeroizing<String>, Error> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    if let Some(text) = read(&api).await? {
        return Ok(text);
    }
    if keys::any_wrapped_by(database, LocalKek::SCHEME).await? {
        return Err(Error::KekLost(format!(
            "{namespace}/{SECRET_KEY_ENCRYPTION}"
        )));
    }
    match api.create(&PostParams::default(), &build()?).await {
        Ok(_) => tracing::warn!(
            secret.namespace = namespace,
            secret.name = SECRET_KEY_ENCRYPTION,
            "Made the key-encryption key: keep a copy of its Secret apart from the backups of the database, without it no tenant's secrets open"
        ),
        // The other replica made it.
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        Err(error) => return Err(Error::Secret(error)),
    }
    read(&api)
        .await?
        .ok_or_else(|| Error::KekLost(format!("{namespace}/{SECRET_KEY_ENCRYPTION}")))
}

async fn read(api: &Api<Secret>) -> Result<Option<Zeroizing<String>>, Error> {
    let secret = api
        .get_opt(SECRET_KEY_ENCRYPTION)
        .await
        .map_err(Error::Secret)?;
    let octets = secret
        .and_then(|secret| secret.data)
        .and_then(|mut data| data.remove(SECRET_KEY_ENCRYPTION_KEYS));
    Ok(octets
        .and_then(|octets| String::from_utf8(octets.0).ok())
        .map(Zeroizing::new))
}

fn build() -> Result<Secret, Error> {
    let line = LocalKek::generate()?;
    let data = BTreeMap::from([(
        SECRET_KEY_ENCRYPTION_KEYS.to_owned(),
        ByteString(line.as_bytes().to_vec()),
    )]);
    Ok(Secret {
        metadata: ObjectMeta {
            name: Some(SECRET_KEY_ENCRYPTION.to_owned()),
            labels: Some(BTreeMap::from([
                (LABEL_NAME.to_owned(), "callplane".to_owned()),
                (LABEL_MANAGED_BY.to_owned(), OPERATOR.to_owned()),
            ])),
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".to_owned()),
        data: Some(data),
        ..Secret::default()
    })
}
