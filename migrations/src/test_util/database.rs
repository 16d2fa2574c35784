//! A database of one test, with tenants.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use callplane_types::{SchemaName, TenantId, TenantName};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use super::{HarnessError, PostgresServer};
use crate::migrate::{self, File, Migrated, RolledForward, Throttle};
use crate::roles::{self, Purpose};
use crate::tenants::{self, TenantSpec, TenantStatus, Transcripts};
use crate::{Credentials, Fence, ObjectRef, OperatorDatabase, Slot, TenantDatabase};

/// A bootstrapped and migrated database on a [`PostgresServer`].
#[derive(Debug)]
pub struct TestDatabase<'a> {
    /// Where it is.
    pub server: &'a PostgresServer,
    /// Its name.
    pub name: String,
    /// The operator's door.
    pub operator: OperatorDatabase,
    /// The newest epoch, unless the test takes another.
    pub fence: Fence,
}

/// A tenant with schema, logins and a door of its own.
#[derive(Debug)]
pub struct TestTenant {
    /// `platform.tenants.id`.
    pub id: TenantId,
    /// What it was made from.
    pub spec: TenantSpec,
    /// Login of slot A.
    pub credentials: Credentials,
    /// The tenant's door, through slot A.
    pub database: TenantDatabase,
}

impl<'a> TestDatabase<'a> {
    /// Makes a database with the schema `platform`.
    pub async fn create(server: &'a PostgresServer) -> Result<Self, HarnessError> {
        Self::with_files(server, migrate::PLATFORM).await
    }

    /// Makes a database as the last release left it.
    pub async fn of_release(server: &'a PostgresServer) -> Result<Self, HarnessError> {
        Self::with_files(server, &migrate::PLATFORM[..migrate::RELEASED.platform]).await
    }

    async fn with_files(server: &'a PostgresServer, files: &[File]) -> Result<Self, HarnessError> {
        let name = unique("callplane").replace('-', "_");
        server.bootstrap(&name)?;
        let operator = OperatorDatabase::connect_lazy(&server.operator_url(&name), 8)?;
        migrate::platform_with(&operator, files).await?;
        let fence = Fence::take(&operator, "test").await?;
        Ok(Self {
            server,
            name,
            operator,
            fence,
        })
    }

    /// A spec with a name that no other test of this process uses: `base-1`.
    #[must_use]
    pub fn tenant_spec(&self, base: &str) -> TenantSpec {
        tenant_spec(&unique(base))
    }

    /// Makes a tenant of [`TestDatabase::tenant_spec`].
    pub async fn tenant(&self, base: &str) -> Result<TestTenant, HarnessError> {
        self.tenant_of(self.tenant_spec(base)).await
    }

    /// Makes a tenant with schema, tables and logins.
    pub async fn tenant_of(&self, spec: TenantSpec) -> Result<TestTenant, HarnessError> {
        self.tenant_with(spec, migrate::TENANT).await
    }

    /// Makes a tenant as the last release left it.
    pub async fn tenant_of_release(&self, base: &str) -> Result<TestTenant, HarnessError> {
        let files = &migrate::TENANT[..migrate::RELEASED.tenant];
        self.tenant_with(self.tenant_spec(base), files).await
    }

    async fn tenant_with(
        &self,
        spec: TenantSpec,
        files: &[File],
    ) -> Result<TestTenant, HarnessError> {
        let tenant = tenants::ensure(&self.operator, &self.fence, &spec).await?;
        migrate::tenant_with(&self.operator, &self.fence, tenant.id, files).await?;
        let credentials = roles::issue(
            &self.operator,
            &self.fence,
            tenant.id,
            Purpose::Media,
            Slot::A,
        )
        .await?;
        Ok(TestTenant {
            id: tenant.id,
            spec,
            database: TenantDatabase::connect_lazy(&credentials, 8)?,
            credentials,
        })
    }

    /// Migrates a tenant to a version that does not exist yet: with `next` after the files of today.
    pub async fn migrate_on(
        &self,
        tenant: &TestTenant,
        next: &[File],
    ) -> Result<Migrated, crate::Error> {
        let files = [migrate::TENANT, next].concat();
        migrate::tenant_with(&self.operator, &self.fence, tenant.id, &files).await
    }

    /// Rolls every tenant forward to a version that does not exist yet: with `next` after the files of
    /// today.
    pub async fn roll_forward(
        &self,
        throttle: Throttle,
        next: &[File],
        tell: impl FnMut(RolledForward),
    ) -> Result<(), crate::Error> {
        let files = [migrate::TENANT, next].concat();
        let tenants = tenants::list(&self.operator).await?.into_iter();
        let tenants = tenants.map(|tenant| (tenant.name, tenant.id)).collect();
        let Self {
            operator, fence, ..
        } = self;
        migrate::these(operator, fence, throttle, &files, tenants, tell).await;
        Ok(())
    }

    /// Migrates `platform` to a version that does not exist yet: with `next` after the files of today.
    pub async fn migrate_platform_on(&self, next: &[File]) -> Result<Migrated, crate::Error> {
        let files = [migrate::PLATFORM, next].concat();
        migrate::platform_with(&self.operator, &files).await
    }

    /// The text that the last statement of some SQL returns, as superuser.
    pub async fn ask(&self, sql: &str) -> Result<String, HarnessError> {
        let mut connection = PgConnection::connect(&self.server.superuser_url(&self.name))
            .await
            .map_err(crate::Error::from)?;
        let rows = sqlx::raw_sql(AssertSqlSafe(sql))
            .fetch_all(&mut connection)
            .await
            .map_err(crate::Error::from)?;
        connection.close().await.map_err(crate::Error::from)?;
        let last = rows.last();
        let text = last.and_then(|row| row.try_get_unchecked::<String, _>(0).ok());
        text.ok_or_else(|| HarnessError::new("the statement returned no text"))
    }

    /// Runs SQL as superuser, behind the store's back.
    pub async fn superuser(&self, sql: &str) -> Result<(), HarnessError> {
        let mut connection = PgConnection::connect(&self.server.superuser_url(&self.name))
            .await
            .map_err(crate::Error::from)?;
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
            .map_err(crate::Error::from)?;
        connection.close().await.map_err(crate::Error::from)?;
        Ok(())
    }
}

impl TestTenant {
    /// Its schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaName {
        &self.spec.schema
    }
}

/// A tenant on the plan `pro` with its default schema and the plan's quotas.
fn tenant_spec(name: &str) -> TenantSpec {
    let name: TenantName = name.parse().expect("tests use well-formed names");
    TenantSpec {
        object: ObjectRef {
            namespace: None,
            name: name.to_string(),
            uid: Uuid::now_v7(),
            generation: 1,
        },
        spec_hash: "1".to_owned(),
        schema: name.default_schema(),
        display_name: name.to_string(),
        name,
        status: TenantStatus::Active,
        plan: "pro".to_owned(),
        time_zone: "UTC".to_owned(),
        locale: "en-US".to_owned(),
        retain: true,
        quotas: BTreeMap::new(),
        transcripts: Transcripts::default(),
        adopt: None,
    }
}

fn unique(base: &str) -> String {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    format!("{base}-{}", SERIAL.fetch_add(1, Ordering::Relaxed))
}
