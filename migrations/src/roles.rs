//! Roles of a tenant: one that owns its schema, one that holds the privileges of its media nodes,
//! and two logins of which one is in use.
//!
//! PostgreSQL's roles belong to the whole server while the registry belongs to one database, so a
//! role of the right name may be somebody else's. **A role is touched only when
//! `platform.tenant_roles` says it is this tenant's.**

use callplane_types::{SchemaName, TenantId};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::{Credentials, Error, Fence, OperatorDatabase, Result, Slot};

mod password;

use password::Password;

/// The roles of one schema. Suffixes fit: a schema name has at most 48 of 63 bytes.
pub(crate) struct RoleNames {
    pub(crate) owner: String,
    pub(crate) media: String,
}

impl RoleNames {
    pub(crate) fn of(schema: &SchemaName) -> Self {
        Self {
            owner: format!("{schema}_owner"),
            media: format!("{schema}_media"),
        }
    }

    fn login(&self, slot: Slot) -> String {
        format!("{}_{}", self.media, slot.as_str())
    }

    fn all(&self) -> [String; 4] {
        [
            self.owner.clone(),
            self.media.clone(),
            self.login(Slot::A),
            self.login(Slot::B),
        ]
    }
}

/// Gives the login of `slot` a new password and opens it. The login of the other slot stays as it
/// is, so a rotation is: [`issue`] the other slot, publish it, wait until every node has read it,
/// [`retire`] the former one.
///
/// Only a SCRAM verifier goes to the server: the password is in no server log.
pub async fn issue(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    slot: Slot,
) -> Result<Credentials> {
    let mut transaction = database.begin(fence).await?;
    let schema = schema_of(&mut transaction, tenant).await?;
    let names = RoleNames::of(&schema);
    let login = names.login(slot);
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

/// Closes the login of `slot` and ends its sessions.
pub async fn retire(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    slot: Slot,
) -> Result<()> {
    let mut transaction = database.begin(fence).await?;
    let schema = schema_of(&mut transaction, tenant).await?;
    let login = RoleNames::of(&schema).login(slot);
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

/// Makes the schema and its roles, or finds them as this tenant's.
pub(crate) async fn ensure_schema(
    connection: &mut PgConnection,
    tenant: TenantId,
    schema: &SchemaName,
) -> Result<()> {
    let names = RoleNames::of(schema);
    let existing = sqlx::query(
        "SELECT count(*) FILTER (WHERE t.tenant_id = $2) AS ours, count(*) AS existing
           FROM pg_roles r LEFT JOIN platform.tenant_roles t ON t.role_name = r.rolname
          WHERE r.rolname = ANY ($1)",
    )
    .bind(names.all().as_slice())
    .bind(tenant.uuid())
    .fetch_one(&mut *connection)
    .await?;
    let (ours, existing): (i64, i64) = (existing.try_get("ours")?, existing.try_get("existing")?);
    let schema_exists = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = $1")
        .bind(schema.as_str())
        .fetch_optional(&mut *connection)
        .await?
        .is_some();
    match (ours, existing, schema_exists) {
        (4, 4, true) => Ok(()),
        (0, 0, false) => create_schema(connection, tenant, schema, &names).await,
        _ => Err(Error::SchemaTaken {
            schema: schema.clone(),
        }),
    }
}

async fn create_schema(
    connection: &mut PgConnection,
    tenant: TenantId,
    schema: &SchemaName,
    names: &RoleNames,
) -> Result<()> {
    let RoleNames { owner, media } = names;
    // A schema name is letters, digits and underscores (`SchemaName`), and may be a word of SQL.
    let mut statements = vec![
        format!("CREATE ROLE {owner} NOLOGIN"),
        format!("CREATE ROLE {media} NOLOGIN"),
        format!("GRANT {owner} TO CURRENT_USER"),
        format!("GRANT callplane_tenant TO {owner}, {media}"),
        format!("CREATE SCHEMA \"{schema}\" AUTHORIZATION {owner}"),
    ];
    for slot in [Slot::A, Slot::B] {
        let login = names.login(slot);
        statements.extend([
            format!("CREATE ROLE {login} NOLOGIN CONNECTION LIMIT 100 IN ROLE {media}"),
            format!("ALTER ROLE {login} SET app.tenant_id = '{tenant}'"),
            format!("ALTER ROLE {login} SET search_path = \"{schema}\", public"),
            format!("ALTER ROLE {login} SET lock_timeout = '5s'"),
            format!("ALTER ROLE {login} SET statement_timeout = '15s'"),
            format!("ALTER ROLE {login} SET idle_in_transaction_session_timeout = '15s'"),
        ]);
    }
    for statement in statements {
        ddl(connection, statement).await?;
    }
    sqlx::query(
        "INSERT INTO platform.tenant_roles (role_name, tenant_id, kind)
         VALUES ($1, $5, 'owner'), ($2, $5, 'media'), ($3, $5, 'media'), ($4, $5, 'media')",
    )
    .bind(owner)
    .bind(media)
    .bind(names.login(Slot::A))
    .bind(names.login(Slot::B))
    .bind(tenant.uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// Closes both logins of a tenant. Their sessions end with [`end_sessions`], after the commit.
pub(crate) async fn close_logins(
    connection: &mut PgConnection,
    tenant: TenantId,
    schema: &SchemaName,
) -> Result<()> {
    let names = RoleNames::of(schema);
    for slot in [Slot::A, Slot::B] {
        let login = names.login(slot);
        registered(connection, tenant, &login).await?;
        close(connection, &login).await?;
    }
    Ok(())
}

/// Ends the sessions of both logins.
pub(crate) async fn end_sessions(database: &OperatorDatabase, schema: &SchemaName) -> Result<()> {
    let names = RoleNames::of(schema);
    terminate(database, &[names.login(Slot::A), names.login(Slot::B)]).await
}

/// Drops the schema and its roles, whose logins are closed, after proving that they are this tenant's.
pub(crate) async fn drop_schema(
    connection: &mut PgConnection,
    tenant: TenantId,
    schema: &SchemaName,
) -> Result<()> {
    let names = RoleNames::of(schema);
    for role in names.all() {
        registered(connection, tenant, &role).await?;
    }
    ddl(connection, format!("DROP SCHEMA \"{schema}\" CASCADE")).await?;
    // Members before what they are members of. Fails, and with it all of this, when a role still
    // owns something outside its schema: that was not made by us.
    for role in names.all().iter().rev() {
        ddl(connection, format!("DROP ROLE {role}")).await?;
    }
    Ok(())
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

async fn schema_of(connection: &mut PgConnection, tenant: TenantId) -> Result<SchemaName> {
    sqlx::query("SELECT schema_name FROM platform.tenants WHERE id = $1 AND deleted_at IS NULL")
        .bind(tenant.uuid())
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
