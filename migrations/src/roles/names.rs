//! The names of a tenant's roles, and what each kind of them is allowed in general.

use callplane_types::SchemaName;

use crate::Slot;
use crate::words::words;

words! {
    /// What a login of a tenant is for. Each purpose has a group role, which holds its privileges, and
    /// two logins in it.
    Purpose {
        /// The tenant's media nodes: configuration is read, calls are written.
        Media = "media",
        /// What people work through, the API and the workers: everything but what custom resources own.
        App = "app",
        /// Reports and exports: everything is read, nothing is written.
        Ro = "ro",
    }
}

impl Purpose {
    /// Groups beside `callplane_tenant` that its roles are members of.
    pub(super) const fn groups(self) -> &'static str {
        match self {
            Self::Media => "callplane_tenant, callplane_tenant_media",
            Self::App | Self::Ro => "callplane_tenant, callplane_tenant_people",
        }
    }

    /// How many sessions a login may have: the budget of a database is shared by its tenants.
    pub(super) const fn connection_limit(self) -> u32 {
        match self {
            Self::Media | Self::App => 100,
            Self::Ro => 20,
        }
    }

    /// Settings that every session of a login begins with. A report may run for long, so it runs where
    /// nothing waits for it.
    pub(super) const fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Media | Self::App => &[
                ("lock_timeout", "5s"),
                ("statement_timeout", "15s"),
                ("idle_in_transaction_session_timeout", "15s"),
            ],
            Self::Ro => &[
                ("default_transaction_read_only", "on"),
                ("lock_timeout", "5s"),
                ("statement_timeout", "5min"),
                ("idle_in_transaction_session_timeout", "15s"),
            ],
        }
    }
}

/// The roles of one schema. Suffixes fit: a schema name has at most 48 of 63 bytes.
pub(crate) struct RoleNames {
    schema: SchemaName,
}

impl RoleNames {
    pub(crate) fn of(schema: &SchemaName) -> Self {
        Self {
            schema: schema.clone(),
        }
    }

    /// Owns the schema; nobody logs in as it.
    pub(crate) fn owner(&self) -> String {
        format!("{}_owner", self.schema)
    }

    /// Holds the privileges of a purpose.
    pub(crate) fn group(&self, purpose: Purpose) -> String {
        format!("{}_{purpose}", self.schema)
    }

    pub(super) fn login(&self, purpose: Purpose, slot: Slot) -> String {
        format!("{}_{purpose}_{}", self.schema, slot.as_str())
    }

    /// Every login.
    pub(super) fn logins(&self) -> Vec<String> {
        Purpose::ALL
            .iter()
            .flat_map(|purpose| [Slot::A, Slot::B].map(|slot| self.login(*purpose, slot)))
            .collect()
    }

    /// Every role with its kind in `platform.tenant_roles`, members after what they are members of.
    pub(super) fn all(&self) -> Vec<(String, &'static str)> {
        let mut all = vec![(self.owner(), "owner")];
        for purpose in Purpose::ALL {
            all.push((self.group(*purpose), purpose.as_str()));
            for slot in [Slot::A, Slot::B] {
                all.push((self.login(*purpose, slot), purpose.as_str()));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_schema_leaves_room_for_every_role() {
        let names = RoleNames::of(&"s".repeat(48).parse().unwrap());
        let all = names.all();
        assert_eq!(all.len(), 10);
        for (role, _) in all {
            assert!(role.len() <= 63, "{role}");
        }
    }
}
