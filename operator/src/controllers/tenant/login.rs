//! Brings the login of the media nodes in line with the Secret that publishes it.

use std::time::Duration;

use callplane_crds::{CredentialsStatus, Tenant};
use callplane_kit::apply::{self as kit_apply, owner_reference};
use callplane_kit::{delete, owner_uid};
use callplane_store::roles::{self, Purpose};
use callplane_store::{Credentials, Fence, Slot};
use callplane_types::TenantId;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::Api;

use super::apply::Progress;
use super::credentials::{Plan, Wanted, decide};
use super::{Error, TenantController, secret};
use crate::names::SECRET_DATABASE;

const SECRET_MANAGER: &str = "callplane/tenant-secret";

/// How often a password changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotation {
    pub(super) every: Duration,
    pub(super) overlap: Duration,
}

/// Where the Secret belongs and which keys it holds beside the login.
#[derive(Clone, Copy)]
pub(super) struct Home<'a> {
    pub(super) namespace: &'a str,
    pub(super) keys: &'a secret::PublishedKeys,
}

/// A login to be published.
struct Issue<'a> {
    login: &'a Credentials,
    issued_at: Timestamp,
    retiring: Option<Slot>,
}

impl TenantController {
    /// Does what [`decide`] says.
    pub(super) async fn publish_login(
        &self,
        tenant: &Tenant,
        fence: &Fence,
        id: TenantId,
        home: Home<'_>,
        rotation: Rotation,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let live = self.secret(home.namespace).await?;
        if let Some(live) = &live
            && owner_uid(live) != tenant.metadata.uid.as_deref()
        {
            let path = format!("Secret {}/{SECRET_DATABASE}", home.namespace);
            return Err(Error::WriteSecret(kit_apply::Error::NotOurs(path)));
        }
        let log_in = self.log_in(tenant, live.as_ref()).await?;
        let published = live
            .as_ref()
            .and_then(|live| secret::published(live, log_in));
        let status = tenant.status.as_ref();
        let last = status.and_then(|status| status.credentials.as_ref());
        let wanted = Wanted {
            tenant: id,
            server: &self.server.fingerprint,
            every: rotation.every,
            overlap: rotation.overlap,
            last_slot: last.and_then(|last| last.active_slot.parse().ok()),
        };
        let now = Timestamp::now();
        let login = live.as_ref().and_then(secret::credentials);
        let database = &self.context.database;
        let (slot, issued_at, next) =
            match (decide(published.as_ref(), &wanted, now), published, login) {
                (Plan::Keep(time), Some(published), Some(login)) => {
                    if live.as_ref().and_then(secret::keys).as_ref() != Some(home.keys) {
                        let issue = Issue {
                            login: &login,
                            issued_at: published.issued_at,
                            retiring: published.retiring,
                        };
                        self.write_secret(tenant, home, live.as_ref(), issue)
                            .await?;
                    }
                    (published.slot, published.issued_at, time)
                }
                (Plan::Retire { slot }, Some(published), Some(login)) => {
                    let retired = roles::retire(database, fence, id, Purpose::Media, slot).await;
                    retired.map_err(Error::IssueCredentials)?;
                    let issue = Issue {
                        login: &login,
                        issued_at: published.issued_at,
                        retiring: None,
                    };
                    self.write_secret(tenant, home, live.as_ref(), issue)
                        .await?;
                    (published.slot, published.issued_at, rotation.every)
                }
                (Plan::Issue { slot, retiring }, ..) => {
                    let login = roles::issue(database, fence, id, Purpose::Media, slot).await;
                    let issue = Issue {
                        login: &login.map_err(Error::IssueCredentials)?,
                        issued_at: now,
                        retiring,
                    };
                    self.write_secret(tenant, home, live.as_ref(), issue)
                        .await?;
                    let next = if retiring.is_some() {
                        rotation.overlap
                    } else {
                        rotation.every
                    };
                    (slot, now, next)
                }
                // Keep and Retire come from what was published.
                (Plan::Keep(_) | Plan::Retire { .. }, ..) => return Ok(()),
            };
        progress.look_again_in(next);
        progress.credentials = Some(CredentialsStatus {
            secret_name: SECRET_DATABASE.to_owned(),
            active_slot: slot.as_str().to_owned(),
            rotated_at: Some(Time(issued_at)),
        });
        Ok(())
    }

    /// Whether the published login works; once it did, it is not tried again for that version of the
    /// Secret.
    async fn log_in(&self, tenant: &Tenant, live: Option<&Secret>) -> Result<roles::LogIn, Error> {
        let Some((live, login)) = live.and_then(|live| Some((live, secret::credentials(live)?)))
        else {
            return Ok(roles::LogIn::WrongPassword);
        };
        let uid = tenant.uid().unwrap_or_default();
        let version = live.resource_version().unwrap_or_default();
        if self.proved.logged_in(&uid, &version) {
            return Ok(roles::LogIn::Works);
        }
        let login = Credentials {
            ca_file: self.server.ca_file.clone(),
            ..login
        };
        let log_in = roles::log_in(&login)
            .await
            .map_err(Error::IssueCredentials)?;
        if log_in == roles::LogIn::Works {
            self.proved.set_logged_in(&uid, &version);
        }
        Ok(log_in)
    }

    async fn write_secret(
        &self,
        tenant: &Tenant,
        home: Home<'_>,
        live: Option<&Secret>,
        issue: Issue<'_>,
    ) -> Result<(), Error> {
        let Issue {
            login,
            issued_at,
            retiring,
        } = issue;
        let edition = secret::Edition {
            tenant: &tenant.name_any(),
            namespace: home.namespace,
            credentials: login,
            keys: home.keys,
            server: &self.server,
            issued_at,
            retiring,
        };
        let api = Api::namespaced(self.context.kit.client.clone(), home.namespace);
        let owner = owner_reference(tenant).map_err(Error::WriteSecret)?;
        kit_apply::owned(&api, SECRET_MANAGER, &owner, live, edition.build())
            .await
            .map(|_| ())
            .map_err(Error::WriteSecret)
    }

    /// Deletes the Secret of this Tenant from a namespace that is not its first any more.
    pub(super) async fn delete_secret(
        &self,
        tenant: &Tenant,
        namespace: &str,
    ) -> Result<(), Error> {
        let uid = tenant.uid().unwrap_or_default();
        let Some(live) = self.secret(namespace).await? else {
            return Ok(());
        };
        if owner_uid(&live) != Some(uid.as_str()) {
            return Ok(());
        }
        let api: Api<Secret> = Api::namespaced(self.context.kit.client.clone(), namespace);
        delete::owned(&api, &live, &uid)
            .await
            .map(|_| ())
            .map_err(Error::DeleteSurplus)
    }

    pub(super) async fn secret(&self, namespace: &str) -> Result<Option<Secret>, Error> {
        let api: Api<Secret> = Api::namespaced(self.context.kit.client.clone(), namespace);
        api.get_opt(SECRET_DATABASE)
            .await
            .map_err(Error::ReadSecret)
    }
}
