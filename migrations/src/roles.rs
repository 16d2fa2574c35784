//! Roles of a tenant: one that owns its schema, and for each [`Purpose`] one that holds the
//! privileges and two logins of which one is in use.
//!
//! PostgreSQL's roles belong to the whole server while the registry belongs to one database, so a
//! role of the right name may be somebody else's. **A role is touched only when
//! `platform.tenant_roles` says it is this tenant's.**

use callplane_types::{SchemaName, TenantId};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::{Credentials, Error, Fence, OperatorDatabase, Result, Slot};

mod names;
mod password;
mod schema;

use password::Password;

pub use names::Purpose;
pub(crate) use names::RoleNames;
pub(crate) use schema::{close_logins, drop_schema, end_sessions, ensure_schema};

/// Gives the login of a purpose and slot a new password and opens it. The login of the other slot stays as it
/// is, so a rotation is: [`issue`] the other slot, publish it, wait until every process has read it,
/// [`retire`] the former one.
///
/// Only a SCRAM verifier goes to the server: the password is in no server log.
pub async fn issue(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    purpose: Purpose,
    slot: Slot,
) -> Result<Credentials> {
    let mut transaction = database.begin(fence).await?;
    let schema = living_schema_of(&mut transaction, tenant).await?;
    let login = RoleNames::of(&schema).login(purpose, slot);
    registered(&mut transaction, tenant, &login).await?;
    let password = Password::random()?;
    ddl(
        &mut transaction,
        format!(
            "ALTER ROLE {login} LOGIN PASSWORD '{}'",
            password.scram_verifier()?
        ),
    )
    .await?;
    sqlx::query(
        "UPDATE platform.tenant_roles SET password_issued_at = now(), retired_at = NULL
          WHERE role_name = $1",
    )
    .bind(&login)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let options = database.pool().connect_options();
    Ok(Credentials {
        username: login,
        password: password.into_text(),
        slot,
        host: host(&options),
        port: options.get_port(),
        database: options.get_database().unwrap_or("callplane").to_owned(),
        schema,
        tenant_id: tenant,
        sslmode: sslmode(&options).to_owned(),
        ca_file: None,
    })
}

/// Closes the login of a purpose and slot and ends its sessions.
pub async fn retire(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    purpose: Purpose,
    slot: Slot,
) -> Result<()> {
    let mut transaction = database.begin(fence).await?;
    let schema = living_schema_of(&mut transaction, tenant).await?;
    let login = RoleNames::of(&schema).login(purpose, slot);
    registered(&mut transaction, tenant, &login).await?;
    close(&mut transaction, &login).await?;
    sqlx::query("UPDATE platform.tenant_roles SET retired_at = now() WHERE role_name = $1")
        .bind(&login)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    terminate(database, &[login]).await
}

/// What the server says to a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogIn {
    /// It lets it in.
    Works,
    /// The password is wrong, or there is no such role.
    WrongPassword,
    /// It lets nobody in by that name: the role is closed, the database gone, or `pg_hba.conf` does
    /// not know the address from which we ask.
    Refused,
}

/// Whether the credentials of a published Secret still log in.
pub async fn verify(credentials: &Credentials) -> Result<bool> {
    Ok(log_in(credentials).await? == LogIn::Works)
}

/// What the server says to the credentials of a published Secret. For the operator, to tell a Secret
/// that somebody changed or that belongs to a former database.
pub async fn log_in(credentials: &Credentials) -> Result<LogIn> {
    match PgConnection::connect_with(&credentials.connect_options()?).await {
        Ok(connection) => {
            connection.close().await?;
            Ok(LogIn::Works)
        }
        Err(error) => {
            let error = Error::from(error);
            match error.sqlstate().as_deref() {
                Some("28P01") => Ok(LogIn::WrongPassword),
                // 28 invalid authorisation, 3D invalid database.
                Some(code) if code.starts_with("28") || code.starts_with("3D") => {
                    Ok(LogIn::Refused)
                }
                _ => Err(error),
            }
        }
    }
}

async fn registered(connection: &mut PgConnection, tenant: TenantId, role: &str) -> Result<()> {
    sqlx::query("SELECT 1 FROM platform.tenant_roles WHERE role_name = $1 AND tenant_id = $2")
        .bind(role)
        .bind(tenant.uuid())
        .fetch_optional(connection)
        .await?
        .map(|_| ())
        .ok_or_else(|| Error::NotOwner {
            kind: "role",
            name: role.to_owned(),
        })
}

async fn close(connection: &mut PgConnection, login: &str) -> Result<()> {
    ddl(
        connection,
        format!("ALTER ROLE {login} NOLOGIN PASSWORD NULL"),
    )
    .await
}

async fn terminate(database: &OperatorDatabase, logins: &[String]) -> Result<()> {
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY ($1)")
        .bind(logins)
        .execute(database.pool())
        .await?;
    Ok(())
}

/// The schema of a tenant, also of a deleted one whose data is retained: it is migrated, ages and is
/// erased like any other.
pub(crate) async fn schema_of(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<SchemaName> {
    find_schema(connection, tenant, true).await
}

/// The schema of a tenant that is not deleted: nobody logs in to retained data, or makes it anew.
pub(crate) async fn living_schema_of(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<SchemaName> {
    find_schema(connection, tenant, false).await
}

async fn find_schema(
    connection: &mut PgConnection,
    tenant: TenantId,
    retained_too: bool,
) -> Result<SchemaName> {
    sqlx::query(
        "SELECT schema_name FROM platform.tenants WHERE id = $1 AND (deleted_at IS NULL OR $2)",
    )
    .bind(tenant.uuid())
    .bind(retained_too)
    .fetch_optional(connection)
    .await?
    .ok_or_else(|| Error::NotFound {
        kind: "tenant",
        name: tenant.to_string(),
    })?
    .try_get::<String, _>(0)?
    .parse()
    .map_err(|error| Error::invalid("schema name", error))
}

/// Runs a statement that takes no parameters. Everything in it is a [`SchemaName`] with a fixed
/// suffix, a UUID or a base64 text.
async fn ddl(connection: &mut PgConnection, statement: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(connection)
        .await?;
    Ok(())
}

fn host(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => options.get_host().to_owned(),
    }
}

fn sslmode(options: &PgConnectOptions) -> &'static str {
    use sqlx::postgres::PgSslMode;
    match options.get_ssl_mode() {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}
