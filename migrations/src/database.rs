//! The doors into the database and their connection pools.

use std::sync::Arc;
use std::time::Duration;

use callplane_types::{SchemaName, TenantId};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Postgres, Row as _, Transaction};

use crate::pools::Hold;
use crate::roles::RoleNames;
use crate::{Credentials, Error, Fence, Result};

/// How long a caller waits for a free connection, and a connection for the server.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The operator's access: owner of schemas and roles, bound by [`Fence`].
///
/// Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct OperatorDatabase {
    pool: PgPool,
}

/// How the connections of a pool are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Work.
    pub busy: u32,
    /// Are open and wait for work.
    pub idle: u32,
    /// Most that there may be.
    pub limit: u32,
}

impl Connections {
    pub(crate) fn of(pool: &PgPool) -> Self {
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        Self {
            busy: pool.size().saturating_sub(idle),
            idle,
            limit: pool.options().get_max_connections(),
        }
    }
}

impl OperatorDatabase {
    /// Connects as `callplane_operator`. `url` is a `postgres://` URL that leads to the server
    /// itself, not through a transaction pooler: migrations hold locks and sessions.
    ///
    /// The pool opens lazily; this fails only on a URL that is none.
    pub fn connect_lazy(url: &str, max_connections: u32) -> Result<Self> {
        let options: PgConnectOptions = url
            .parse()
            // The text of the error repeats the URL, and with it the password.
            .map_err(|_| Error::invalid("database URL", "write postgres://user:password@host:port/database"))?;
        let options = options.application_name("callplane-operator").options([
            ("lock_timeout", "5s"),
            ("statement_timeout", "60s"),
            ("idle_in_transaction_session_timeout", "60s"),
        ]);
        Ok(Self {
            pool: pool_options(max_connections).connect_lazy_with(options),
        })
    }

    /// How its connections are used now.
    #[must_use]
    pub fn connections(&self) -> Connections {
        Connections::of(&self.pool)
    }

    /// Whether the server answers.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Closes all connections and waits for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A transaction that commits only under the newest epoch.
    pub(crate) async fn begin(&self, fence: &Fence) -> Result<Transaction<'static, Postgres>> {
        let mut transaction = self.pool.begin().await?;
        fence.check(&mut transaction).await?;
        Ok(transaction)
    }

    /// [`Self::begin`] with the schema of `tenant` as search path.
    pub(crate) async fn begin_in(
        &self,
        fence: &Fence,
        tenant: TenantId,
    ) -> Result<Transaction<'static, Postgres>> {
        let mut transaction = self.begin(fence).await?;
        enter(&mut transaction, tenant).await?;
        Ok(transaction)
    }
}

/// Makes unqualified names mean the tables of `tenant` until the transaction ends, with the rights of their
/// owner.
async fn enter(transaction: &mut Transaction<'static, Postgres>, tenant: TenantId) -> Result<()> {
    let row = sqlx::query(
        "SELECT set_config('search_path', quote_ident(t.schema_name) || ', public', true),
                t.schema_name, pg_has_role(o.oid, 'USAGE') IS NOT FALSE AS known
           FROM platform.tenants t LEFT JOIN pg_roles o ON o.rolname = t.schema_name || '_owner'
          WHERE t.id = $1",
    )
    .bind(tenant.uuid())
    .fetch_optional(&mut **transaction)
    .await?
    .ok_or_else(|| Error::NotFound {
        kind: "tenant",
        name: tenant.to_string(),
    })?;
    if !row.try_get::<bool, _>("known")? {
        let schema: SchemaName = row
            .try_get::<&str, _>("schema_name")?
            .parse()
            .map_err(|_| Error::invalid("schema name", "the row of the tenant has another form"))?;
        let know = RoleNames::of(&schema).know_owner();
        sqlx::raw_sql(AssertSqlSafe(know))
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

/// The access of the API before it knows the tenant: people, sessions and keys, and no tenant's schema.
///
/// Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct ApiDatabase {
    pool: PgPool,
}

impl ApiDatabase {
    /// Connects as a login that is a member of `callplane_api`. The pool opens lazily; this fails only
    /// on a URL that is none.
    pub fn connect_lazy(url: &str, max_connections: u32) -> Result<Self> {
        let options: PgConnectOptions = url
            .parse()
            // The text of the error repeats the URL, and with it the password.
            .map_err(|_| Error::invalid("database URL", "write postgres://user:password@host:port/database"))?;
        let options = options.application_name("callplane-api").options([
            ("lock_timeout", "5s"),
            ("statement_timeout", "15s"),
            ("idle_in_transaction_session_timeout", "15s"),
        ]);
        Ok(Self {
            pool: pool_options(max_connections).connect_lazy_with(options),
        })
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

/// A tenant's access: a login that sees and writes that tenant's rows only.
///
/// Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct TenantDatabase {
    pool: PgPool,
    tenant: TenantId,
    schema: SchemaName,
    /// Keeps its pool open, where it is one of [`crate::TenantPools`].
    _held: Option<Arc<Hold>>,
}

impl TenantDatabase {
    /// Connects with a tenant's login. The pool opens lazily; this fails only on an unknown
    /// `sslmode`.
    pub fn connect_lazy(credentials: &Credentials, max_connections: u32) -> Result<Self> {
        let options = credentials.connect_options()?;
        Ok(Self {
            pool: pool_options(max_connections).connect_lazy_with(options),
            tenant: credentials.tenant_id,
            schema: credentials.schema.clone(),
            _held: None,
        })
    }

    /// A door of a pool that lasts as long as `held`.
    pub(crate) fn of_pool(
        pool: PgPool,
        tenant: TenantId,
        schema: SchemaName,
        held: Arc<Hold>,
    ) -> Self {
        Self {
            pool,
            tenant,
            schema,
            _held: Some(held),
        }
    }

    /// Uses other credentials of the same tenant for connections opened from now on; those that
    /// are open stay. Call it when the mounted Secret changed.
    pub fn rotate(&self, credentials: &Credentials) -> Result<()> {
        if credentials.tenant_id != self.tenant {
            return Err(Error::invalid(
                "credentials",
                "they belong to another tenant",
            ));
        }
        self.pool
            .set_connect_options(credentials.connect_options()?);
        Ok(())
    }

    /// Whose rows these are.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The schema they are in.
    #[must_use]
    pub fn schema(&self) -> &SchemaName {
        &self.schema
    }

    /// Whether the server answers and knows this login as the tenant's.
    pub async fn ping(&self) -> Result<()> {
        let known: bool = sqlx::query("SELECT platform.current_tenant_id() = $1 IS TRUE")
            .bind(self.tenant.uuid())
            .fetch_one(&self.pool)
            .await?
            .try_get(0)?;
        if known {
            Ok(())
        } else {
            Err(Error::invalid(
                "credentials",
                "the server does not know this login as one of the tenant",
            ))
        }
    }

    /// Closes all connections and waits for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

pub(crate) fn pool_options(max_connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(Duration::from_secs(600))
        .max_lifetime(Duration::from_secs(1800))
        .test_before_acquire(true)
}
