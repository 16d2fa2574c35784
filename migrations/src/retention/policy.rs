//! How long each class is kept.

use std::collections::BTreeMap;

use callplane_types::TenantId;
use sqlx::{PgConnection, Row as _};

use crate::Result;

/// Ages in days since a row was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Rows are in use, and samples and fine figures are kept, up to here.
    pub hot: i32,
    /// Rows leave the database; `None` never by age.
    pub leave: Option<i32>,
    /// The archive is deleted; `None` never by age.
    pub delete: Option<i32>,
}

/// The policies of a tenant, by class.
pub type Policies = BTreeMap<String, Policy>;

/// Reads the policies of a tenant, its own wishes applied: a class may be kept for longer than the
/// platform says, and for shorter down to the law's floor.
pub async fn policies(connection: &mut PgConnection, tenant: TenantId) -> Result<Policies> {
    let rows = sqlx::query(
        "SELECT p.class::text AS class, p.hot_days, p.warm_days, p.minimum_days, p.delete_after_days,
                (SELECT (t.retention_overrides ->> p.class::text)::integer
                   FROM platform.tenants t WHERE t.id = $1) AS wished
           FROM platform.retention_policies p",
    )
    .bind(tenant.uuid())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let wished: Option<i32> = row.try_get("wished")?;
            let delete: Option<i32> = row.try_get("delete_after_days")?;
            let policy = effective(
                row.try_get("hot_days")?,
                row.try_get("warm_days")?,
                row.try_get("minimum_days")?,
                delete,
                wished,
            );
            Ok((row.try_get("class")?, policy))
        })
        .collect()
}

fn effective(
    hot: i32,
    warm: Option<i32>,
    floor: i32,
    delete: Option<i32>,
    wished: Option<i32>,
) -> Policy {
    let delete = match (wished, delete) {
        (Some(wished), Some(_)) => Some(wished.max(floor).max(1)),
        (_, delete) => delete,
    };
    Policy {
        hot: delete.map_or(hot, |delete| hot.min(delete)),
        leave: match (warm, delete) {
            (Some(warm), Some(delete)) => Some(warm.min(delete)),
            (warm, _) => warm,
        },
        delete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_lengthens_any_class_and_shortens_down_to_the_floor() {
        let delete = |floor, wished| effective(90, Some(1095), floor, Some(2555), wished).delete;
        assert_eq!(delete(0, None), Some(2555));
        assert_eq!(delete(0, Some(30)), Some(30));
        assert_eq!(delete(2555, Some(30)), Some(2555));
        assert_eq!(delete(2555, Some(9999)), Some(9999));
        assert_eq!(delete(0, Some(-5)), Some(1));
        // What is kept for a month leaves after a month, and not after three years.
        let short = effective(90, Some(1095), 0, Some(2555), Some(30));
        assert_eq!((short.hot, short.leave), (30, Some(30)));
        // What never leaves by age has no age that could be wished for.
        assert_eq!(effective(90, None, 0, None, Some(30)).delete, None);
    }
}
