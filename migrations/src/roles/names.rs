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

    /// Statements after which a session of the operator acts as the owner, for `LOCAL` the transaction or
    /// `SESSION`; the last is not ended.
    ///
    /// **A session may not know that the operator is a member of a role that another session has just
    /// made**: a list of memberships that PostgreSQL puts together while the other commits is kept without
    /// the new one until the next change of any role (seen on 15.18: one in six where both were busy). So
    /// where the session does not know it, a role is changed, to what it is.
    pub(crate) fn act_as_owner(&self, scope: &str) -> String {
        let owner = self.owner();
        format!("{}; SET {scope} ROLE {owner}", self.know_owner())
    }

    /// The first of the statements of [`Self::act_as_owner`]: the session then has the rights of the owner.
    pub(crate) fn know_owner(&self) -> String {
        let owner = self.owner();
        format!(
            "DO $$ BEGIN
               IF NOT (pg_has_role(session_user, '{owner}', 'MEMBER')
                       AND pg_has_role(session_user, '{owner}', 'USAGE')) THEN
                 -- Who waits for another that does the same has heard of it then.
                 PERFORM pg_advisory_xact_lock(hashtextextended('callplane:role:{owner}', 0));
                 IF NOT (pg_has_role(session_user, '{owner}', 'MEMBER')
                         AND pg_has_role(session_user, '{owner}', 'USAGE')) THEN
                   ALTER ROLE {owner} NOLOGIN;
                 END IF;
               END IF;
             END $$"
        )
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
    use std::time::{Duration, Instant};

    use callplane_types::SchemaName;
    use sqlx::{AssertSqlSafe, PgConnection};

    use super::*;
    use crate::test_util::{PostgresServer, TestDatabase};

    /// Whether the session may act as the owner of a schema, when it begins with `statements`.
    async fn acts(session: &mut PgConnection, statements: String) -> bool {
        let all = format!("BEGIN; {statements}; RESET ROLE; COMMIT");
        let acted = sqlx::raw_sql(AssertSqlSafe(all))
            .execute(&mut *session)
            .await;
        if acted.is_err() {
            sqlx::raw_sql("ROLLBACK").execute(session).await.unwrap();
        }
        acted.is_ok()
    }

    #[tokio::test]
    async fn a_session_acts_as_an_owner_that_another_has_just_made() {
        const PATIENCE: Duration = Duration::from_secs(20);
        let database = TestDatabase::create(PostgresServer::shared().unwrap())
            .await
            .unwrap();
        let pool = database.operator.pool();
        let (mut maker, mut other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
        let known = database.tenant("known").await.unwrap();
        let known = format!("SET LOCAL ROLE {}", RoleNames::of(known.schema()).owner());
        let began = Instant::now();
        // Until a session that goes on working does not hear of a role: then it is to act as that role
        // all the same. A server whose sessions hear of every role has nothing to show here.
        for n in 0.. {
            if began.elapsed() > PATIENCE {
                eprintln!("{n} roles were known at once");
                break;
            }
            let schema: SchemaName = format!("heard_{}_{n}", std::process::id()).parse().unwrap();
            let roles = RoleNames::of(&schema);
            let owner = roles.owner();
            let make = format!(
                "BEGIN; CREATE ROLE {owner} NOLOGIN; GRANT {owner} TO CURRENT_USER; COMMIT"
            );
            let make = sqlx::raw_sql(AssertSqlSafe(make));
            let (made, ()) = tokio::join!(make.execute(&mut *maker), async {
                for _ in 0..6 {
                    assert!(acts(&mut other, known.clone()).await);
                }
            });
            made.unwrap();
            let heard = acts(&mut other, format!("SET LOCAL ROLE {owner}")).await;
            assert!(
                acts(&mut other, roles.act_as_owner("LOCAL")).await,
                "{owner}"
            );
            let drop = format!("DROP ROLE {owner}");
            sqlx::raw_sql(AssertSqlSafe(drop))
                .execute(&mut *maker)
                .await
                .unwrap();
            if !heard {
                break;
            }
        }
    }

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
