//! The doors into the database and their connection pools.

use std::time::Duration;

use callplane_types::{SchemaName, TenantId};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Postgres, Row as _, Transaction};

use crate::{Credentials, Error, Fence, Result};

/// How long a caller waits for a free connection, and a connection for the server.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The operator's access: owner of schemas and roles, bound by [`Fence`].
///
/// Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct OperatorDatabase {
    pool: PgPool,
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

/// Makes unqualified names mean the tables of `tenant` until the transaction ends.
async fn enter(transaction: &mut Transaction<'static, Postgres>, tenant: TenantId) -> Result<()> {
    sqlx::query(
        "SELECT set_config('search_path', quote_ident(schema_name) || ', public', true)
           FROM platform.tenants WHERE id = $1",
    )
    .bind(tenant.uuid())
    .fetch_optional(&mut **transaction)
    .await?
    .map(|_| ())
    .ok_or_else(|| Error::NotFound {
        kind: "tenant",
        name: tenant.to_string(),
    })
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
        })
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

fn pool_options(max_connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(Duration::from_secs(600))
        .max_lifetime(Duration::from_secs(1800))
        .test_before_acquire(true)
}
