//! Waking up on changes instead of polling.
//!
//! A notification says only whose configuration changed, never what: whoever hears it reads again.
//! It may be lost while a connection is down, so a listener also reads again after
//! [`Changes::next`] reported a reconnect, and from time to time.

use callplane_types::TenantId;
use sqlx::postgres::PgListener;

use crate::{Result, TenantDatabase};

/// Numbers, trunks, providers or agents of a tenant changed, or the tenant itself.
pub const ROUTES: &str = "callplane_routes";

/// A campaign of a tenant changed, or recipients were added.
pub const CAMPAIGNS: &str = "callplane_campaigns";

/// A person of a tenant was erased: media nodes look through their disks.
pub const ERASURES: &str = "callplane_erasures";

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// See [`ROUTES`].
    Routes,
    /// See [`CAMPAIGNS`].
    Campaigns,
    /// See [`ERASURES`].
    Erasures,
    /// The connection was lost and is back: anything may have changed.
    Reconnected,
}

/// Changes of one tenant, over a connection of its own.
#[derive(Debug)]
pub struct Changes {
    listener: PgListener,
    /// Holds the pool that the connection is of.
    database: TenantDatabase,
}

impl Changes {
    /// Listens. Changes made after this returns are reported; read the state after it.
    pub async fn listen(database: &TenantDatabase) -> Result<Self> {
        let mut listener = PgListener::connect_with(database.pool()).await?;
        listener.listen_all([ROUTES, CAMPAIGNS, ERASURES]).await?;
        Ok(Self {
            listener,
            database: database.clone(),
        })
    }

    /// Waits for the next change of this tenant. Fails when the server does not answer; call it
    /// again after a pause.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Result<Change> {
        loop {
            let Some(notification) = self.listener.try_recv().await? else {
                return Ok(Change::Reconnected);
            };
            if notification.payload() != self.database.tenant().to_string() {
                continue;
            }
            match notification.channel() {
                ROUTES => return Ok(Change::Routes),
                CAMPAIGNS => return Ok(Change::Campaigns),
                ERASURES => return Ok(Change::Erasures),
                _ => {}
            }
        }
    }
}

/// Tells the listeners of `channel` when the transaction commits.
pub(crate) async fn notify(
    connection: &mut sqlx::PgConnection,
    channel: &str,
    tenant: TenantId,
) -> Result<()> {
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(channel)
        .bind(tenant.to_string())
        .execute(connection)
        .await?;
    Ok(())
}
