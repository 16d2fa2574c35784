//! The Secret `callplane-database` in a tenant's first namespace: reading it and writing it.

use std::collections::BTreeMap;
use std::str::FromStr;

use callplane_crds::LABEL_TENANT;
use callplane_store::roles::LogIn;
use callplane_store::{Credentials, Slot};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::ObjectMeta;
use zeroize::Zeroizing;

use super::Server;
use super::credentials::Published;
use crate::names::{
    LABEL_MANAGED_BY, LABEL_NAME, OPERATOR, SECRET_DATA_KEYS, SECRET_DATABASE,
    SECRET_RECORDING_KEYS,
};

const ISSUED_AT: &str = "callplane.dev/issued-at";
const RETIRING_SLOT: &str = "callplane.dev/retiring-slot";
const SERVER: &str = "callplane.dev/server";
const CA: &str = "ca.crt";

/// The login that a Secret holds, as far as it can be read.
pub(super) fn credentials(secret: &Secret) -> Option<Credentials> {
    Some(Credentials {
        username: field(secret, "username")?,
        password: field(secret, "password")?,
        slot: parse(secret, "slot")?,
        host: field(secret, "host")?,
        port: parse(secret, "port")?,
        database: field(secret, "database")?,
        schema: parse(secret, "schema")?,
        tenant_id: parse(secret, "tenantId")?,
        sslmode: field(secret, "sslmode")?,
        ca_file: None,
    })
}

/// What a Secret says about the login in it; `None` when it is not one of ours in shape.
pub(super) fn published(secret: &Secret, log_in: LogIn) -> Option<Published> {
    let credentials = credentials(secret)?;
    let annotation = |name: &str| secret.annotations().get(name);
    Some(Published {
        slot: credentials.slot,
        tenant: Some(credentials.tenant_id),
        server: annotation(SERVER).cloned().unwrap_or_default(),
        issued_at: annotation(ISSUED_AT)
            .and_then(|time| time.parse().ok())
            .unwrap_or(Timestamp::UNIX_EPOCH),
        retiring: annotation(RETIRING_SLOT).and_then(|slot| slot.parse().ok()),
        log_in,
    })
}

/// The keys that a Secret holds, each ring as [`callplane_keys::KeyRing::to_text`] writes it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PublishedKeys {
    /// For columns.
    pub(super) data: ByteString,
    /// For the audio of calls.
    pub(super) recordings: ByteString,
}

/// A Secret to be written.
pub(super) struct Edition<'a> {
    pub(super) tenant: &'a str,
    pub(super) namespace: &'a str,
    pub(super) credentials: &'a Credentials,
    pub(super) keys: &'a PublishedKeys,
    pub(super) server: &'a Server,
    pub(super) issued_at: Timestamp,
    pub(super) retiring: Option<Slot>,
}

impl Edition<'_> {
    /// The object for server-side apply.
    pub(super) fn build(&self) -> Secret {
        let mut data: BTreeMap<String, ByteString> = self
            .credentials
            .to_files()
            .into_iter()
            .map(|(file, text)| (file.to_owned(), ByteString(text.into_bytes())))
            .collect();
        let PublishedKeys {
            data: columns,
            recordings,
        } = self.keys;
        data.insert(SECRET_DATA_KEYS.to_owned(), columns.clone());
        data.insert(SECRET_RECORDING_KEYS.to_owned(), recordings.clone());
        if let Some(ca) = &self.server.ca {
            data.insert(CA.to_owned(), ByteString(ca.clone()));
        }
        let mut annotations = BTreeMap::from([
            (ISSUED_AT.to_owned(), self.issued_at.to_string()),
            (SERVER.to_owned(), self.server.fingerprint.clone()),
        ]);
        if let Some(slot) = self.retiring {
            annotations.insert(RETIRING_SLOT.to_owned(), slot.as_str().to_owned());
        }
        Secret {
            metadata: ObjectMeta {
                name: Some(SECRET_DATABASE.to_owned()),
                namespace: Some(self.namespace.to_owned()),
                labels: Some(BTreeMap::from([
                    (LABEL_NAME.to_owned(), "callplane".to_owned()),
                    (LABEL_MANAGED_BY.to_owned(), OPERATOR.to_owned()),
                    (LABEL_TENANT.to_owned(), self.tenant.to_owned()),
                ])),
                annotations: Some(annotations),
                ..ObjectMeta::default()
            },
            type_: Some("Opaque".to_owned()),
            data: Some(data),
            ..Secret::default()
        }
    }
}

/// The keys that are published.
pub(super) fn keys(secret: &Secret) -> Option<PublishedKeys> {
    let data = secret.data.as_ref()?;
    Some(PublishedKeys {
        data: data.get(SECRET_DATA_KEYS)?.clone(),
        recordings: data.get(SECRET_RECORDING_KEYS)?.clone(),
    })
}

/// The keys of recordings that are published, as text.
pub(super) fn recording_keys(secret: &Secret) -> Option<Zeroizing<String>> {
    field(secret, SECRET_RECORDING_KEYS).map(Zeroizing::new)
}

fn field(secret: &Secret, name: &str) -> Option<String> {
    let bytes = &secret.data.as_ref()?.get(name)?.0;
    String::from_utf8(bytes.clone()).ok()
}

fn parse<T: FromStr>(secret: &Secret, name: &str) -> Option<T> {
    field(secret, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use callplane_types::TenantId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let login = Credentials {
            username: "callplane_acme_media_b".to_owned(),
            password: "secret".to_owned(),
            slot: Slot::B,
            host: "db".to_owned(),
            port: 5432,
            database: "callplane".to_owned(),
            schema: "callplane_acme".parse().unwrap(),
            tenant_id: TenantId::new(Uuid::from_u128(1)),
            sslmode: "verify-full".to_owned(),
            ca_file: None,
        };
        let keys = PublishedKeys {
            data: ByteString(b"keys".to_vec()),
            recordings: ByteString(b"others".to_vec()),
        };
        let server = Server {
            fingerprint: "f".to_owned(),
            ca: Some(b"PEM".to_vec()),
            ca_file: None,
        };
        let secret = Edition {
            tenant: "acme",
            namespace: "acme",
            credentials: &login,
            keys: &keys,
            server: &server,
            issued_at: Timestamp::UNIX_EPOCH,
            retiring: Some(Slot::A),
        }
        .build();
        assert_eq!(credentials(&secret), Some(login));
        assert!(super::keys(&secret) == Some(keys));
        let published = published(&secret, LogIn::Works).unwrap();
        assert_eq!(published.retiring, Some(Slot::A));
        assert_eq!(published.server, "f");
        assert_eq!(field(&secret, CA).as_deref(), Some("PEM"));
    }
}
