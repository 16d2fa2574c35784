//! The partitions of a tenant's months, which stand ready before they begin.

use callplane_crds::{Partitioning as Wanted, Tenant};
use callplane_store::Fence;
use callplane_store::months::{self, Ensured, Partitioning};
use callplane_types::{TenantId, WallTime};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;

use super::{Error, TenantController};

/// What the store calls it.
pub(super) fn partitioning(wanted: Wanted) -> Partitioning {
    match wanted {
        Wanted::Small => Partitioning::Small,
        Wanted::Month => Partitioning::Month,
    }
}

impl TenantController {
    /// Makes what is missing of the next months, and a small tenant a large one. Reads the catalogue of
    /// the database and nothing else while nothing is missing.
    pub(super) async fn ensure_months(
        &self,
        tenant: &Tenant,
        fence: &Fence,
        id: TenantId,
        partitioning: Partitioning,
    ) -> Result<(), Error> {
        let now = WallTime::from_unix_micros(Timestamp::now().as_microsecond());
        let Ensured { made, in_default } =
            months::ensure(&self.context.database, fence, id, partitioning, now)
                .await
                .map_err(Error::EnsureMonths)?;
        let name = tenant.name_any();
        if made > 0 {
            tracing::info!(tenant = %name, partitions = made, "Made partitions of the months to come");
        }
        if in_default > 0 {
            tracing::warn!(
                tenant = %name,
                partitions = in_default,
                "Months of calls began before they had a partition and stay in DEFAULT"
            );
        }
        Ok(())
    }
}
