//! Views for users who come from another platform.

use std::collections::BTreeSet;

use callplane_crds::{Compatibility, ConditionType, Reason, Tenant};
use callplane_kit::conditions::Conditions;
use callplane_kit::sentence;
use callplane_store::compatibility::{self, Platform};
use callplane_store::{Error as StoreError, Fence};
use callplane_types::TenantId;
use kube::ResourceExt as _;

use super::apply::Progress;
use super::status::{Unmet, set, waiting, waiting_reason};
use super::{Error, TenantController};

/// What the store calls it.
pub(super) fn platform(platform: Compatibility) -> Platform {
    match platform {
        Compatibility::Dukat => Platform::Dukat,
        Compatibility::Organization => Platform::Organization,
        Compatibility::CallFabric => Platform::CallFabric,
        Compatibility::Irisx => Platform::Irisx,
        Compatibility::VoiceCore => Platform::VoiceCore,
    }
}

/// For the status.
pub(super) fn told(platforms: &BTreeSet<Platform>) -> Vec<Compatibility> {
    platforms
        .iter()
        .map(|platform| match platform {
            Platform::Dukat => Compatibility::Dukat,
            Platform::Organization => Compatibility::Organization,
            Platform::CallFabric => Compatibility::CallFabric,
            Platform::Irisx => Compatibility::Irisx,
            Platform::VoiceCore => Compatibility::VoiceCore,
        })
        .collect()
}

impl TenantController {
    /// Makes the views that are wanted and removes the others.
    pub(super) async fn ensure_views(
        &self,
        tenant: &Tenant,
        fence: &Fence,
        id: TenantId,
        wanted: &BTreeSet<Platform>,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let changes = compatibility::ensure(&self.context.database, fence, id, wanted)
            .await
            .map_err(Error::EnsureViews)?;
        for (done, platforms) in [("Made", changes.made), ("Removed", changes.removed)] {
            for platform in platforms {
                tracing::info!(
                    tenant = %tenant.name_any(),
                    platform = platform.as_str(),
                    "{done} compatibility views"
                );
            }
        }
        progress.compatibility = Some(wanted.clone());
        Ok(())
    }
}

/// Whether the views are as the spec says.
pub(super) fn condition(conditions: &mut Conditions, progress: &Progress, error: Option<&Error>) {
    let type_ = ConditionType::CompatibilityReady;
    if let Some(platforms) = &progress.compatibility {
        let words: Vec<&str> = platforms.iter().map(|platform| platform.as_str()).collect();
        let (reason, met) = if words.is_empty() {
            let met = "No other platform is asked for.".to_owned();
            (Reason::NoViews, met)
        } else {
            let met = format!("The data can be read as {}.", words.join(", "));
            (Reason::ViewsCreated, met)
        };
        set(conditions, type_, None, reason, &met);
        return;
    }
    match unmet(error) {
        Some(unmet) => set(conditions, type_, Some(unmet), Reason::ViewsCreated, ""),
        None => conditions.keep(
            type_.as_str(),
            waiting_reason(error).as_str(),
            &waiting(error),
        ),
    }
}

fn unmet(error: Option<&Error>) -> Option<Unmet> {
    match error {
        Some(Error::EnsureViews(cause)) if !cause.is_transient() => {
            let message = match cause {
                StoreError::NotOwner { name, .. } => format!(
                    "the schema {name}, where views would go, is not this tenant's; drop or rename it"
                ),
                cause => sentence(cause),
            };
            Some((Reason::ViewsFailed, message))
        }
        _ => None,
    }
}
