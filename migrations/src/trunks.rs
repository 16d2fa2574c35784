//! Trunks: who may call in, and where calls go out.

use callplane_types::{TenantId, TrunkId};
use sqlx::Row as _;
use sqlx::types::Json;
use uuid::Uuid;

use crate::notify::{self, notify};
use crate::object::{adopt, owned, take_over};
use crate::words::{known, words};
use crate::{Error, Fence, ObjectRef, OperatorDatabase, Result, TenantDatabase};

words! {
    /// `platform.direction_scope`.
    TrunkDirection {
        /// Calls come in.
        Inbound = "inbound",
        /// Calls go out.
        Outbound = "outbound",
        /// Both.
        Both = "both",
    }
}

words! {
    /// How SIP reaches the carrier.
    TrunkTransport {
        /// UDP.
        Udp = "udp",
        /// TCP.
        Tcp = "tcp",
    }
}

words! {
    /// Whether media is encrypted.
    TrunkSrtp {
        /// Never.
        Disabled = "disabled",
        /// As the other side offers.
        Allowed = "allowed",
        /// Always.
        Required = "required",
    }
}

words! {
    /// Where the keys of encrypted media are from in offers of ours.
    TrunkKeyExchange {
        /// The description (RFC 4568).
        Sdes = "sdes",
        /// A handshake (DTLS-SRTP, RFC 5763); only where media is always encrypted.
        Dtls = "dtls",
    }
}

words! {
    /// An audio codec, by its name in SDP.
    TrunkCodec {
        /// G.711 mu-law.
        Pcmu = "PCMU",
        /// G.711 A-law.
        Pcma = "PCMA",
        /// G.722.
        G722 = "G722",
        /// Opus.
        Opus = "opus",
    }
}

/// Digest credentials (RFC 8760) of a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkAuth {
    /// User name.
    pub username: String,
    /// The password, sealed for `trunks.password_enc` of the trunk's row.
    pub sealed_password: Vec<u8>,
    /// Whether calls that come in are challenged for them.
    pub challenge_inbound: bool,
}

/// A resolved Trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkSpec {
    /// Its row, from [`identify`]: the password is sealed for it.
    pub id: TrunkId,
    /// The custom resource.
    pub object: ObjectRef,
    /// Hash of everything below, of the Secret's content too.
    pub spec_hash: String,
    /// `host:port` of the carrier, tried in this order.
    pub addresses: Vec<String>,
    /// Networks that calls may come in from, in CIDR notation.
    pub allowed_cidrs: Vec<String>,
    /// Transport to the carrier.
    pub transport: TrunkTransport,
    /// Which calls it carries.
    pub direction: TrunkDirection,
    /// Whether their media is encrypted.
    pub srtp: TrunkSrtp,
    /// Where its keys are from when we offer.
    pub key_exchange: TrunkKeyExchange,
    /// What is spoken, best first.
    pub codecs: Vec<TrunkCodec>,
    /// Calls at once; `None` for no limit of its own.
    pub max_calls: Option<u32>,
    /// Digest credentials, when the carrier wants them or we want them of it.
    pub auth: Option<TrunkAuth>,
}

/// A row of `trunks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunk {
    /// Which.
    pub id: TrunkId,
    /// `metadata.name` of the Trunk.
    pub name: String,
    /// uid of the Trunk.
    pub uid: Option<Uuid>,
    /// As in [`TrunkSpec`].
    pub addresses: Vec<String>,
    /// As in [`TrunkSpec`].
    pub allowed_cidrs: Vec<String>,
    /// As in [`TrunkSpec`].
    pub transport: TrunkTransport,
    /// As in [`TrunkSpec`].
    pub direction: TrunkDirection,
    /// As in [`TrunkSpec`].
    pub srtp: TrunkSrtp,
    /// As in [`TrunkSpec`].
    pub key_exchange: TrunkKeyExchange,
    /// As in [`TrunkSpec`]; none that this version does not know.
    pub codecs: Vec<TrunkCodec>,
    /// As in [`TrunkSpec`].
    pub max_calls: Option<u32>,
    /// As in [`TrunkSpec`].
    pub auth: Option<TrunkAuth>,
}

/// The row that the Trunk `object` has, or is to have: its own, else the one that an import left for its
/// name and that [`project`] gives to it, else a new one.
pub async fn identify(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    object: &ObjectRef,
) -> Result<TrunkId> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let row = sqlx::query(
        "SELECT id FROM trunks
          WHERE k8s_uid = $2
             OR k8s_name = $1 AND k8s_namespace IS NULL AND k8s_uid IS NULL
                AND status <> 'archived' AND protocol = 'sip'
          ORDER BY k8s_uid IS NULL, id LIMIT 1",
    )
    .bind(&object.name)
    .bind(object.uid)
    .fetch_optional(&mut *transaction)
    .await?;
    let id = row.map(|row| row.try_get(0)).transpose()?;
    Ok(TrunkId::new(id.unwrap_or_else(Uuid::now_v7)))
}

/// Writes a Trunk and tells the nodes.
pub async fn project(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    spec: &TrunkSpec,
) -> Result<TrunkId> {
    let TrunkSpec {
        id,
        object,
        spec_hash,
        addresses,
        allowed_cidrs,
        transport,
        direction,
        srtp,
        key_exchange,
        codecs,
        max_calls,
        auth,
    } = spec;
    let mut transaction = database.begin_in(fence, tenant).await?;
    // The one that `identify` finds: what is sealed for it names its row.
    let imported = adopt!("trunks", "status <> 'archived' AND protocol = 'sip'");
    take_over(&mut transaction, imported, object).await?;
    let written = sqlx::query(
        "INSERT INTO trunks AS t (k8s_namespace, k8s_name, k8s_uid, k8s_generation, spec_hash,
                synced_at, name, protocol, direction, transport, addresses, allowed_cidrs,
                max_channels, username, password_enc, challenge_inbound, id, srtp, codecs,
                key_exchange)
         VALUES ($1, $2, $3, $4, $5, now(), $6, 'sip', $7::text::platform.direction_scope, $8, $9,
                $10::text[]::cidr[], $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (k8s_uid) DO UPDATE
            SET k8s_generation = excluded.k8s_generation, spec_hash = excluded.spec_hash,
                synced_at = excluded.synced_at, direction = excluded.direction,
                transport = excluded.transport, addresses = excluded.addresses,
                allowed_cidrs = excluded.allowed_cidrs, max_channels = excluded.max_channels,
                username = excluded.username, password_enc = excluded.password_enc,
                challenge_inbound = excluded.challenge_inbound, srtp = excluded.srtp,
                codecs = excluded.codecs, key_exchange = excluded.key_exchange,
                status = 'active'
          WHERE t.spec_hash IS DISTINCT FROM excluded.spec_hash AND t.id = excluded.id
         RETURNING id",
    )
    .bind(&object.namespace)
    .bind(&object.name)
    .bind(object.uid)
    .bind(object.generation)
    .bind(spec_hash)
    .bind(object.path())
    .bind(direction.as_str())
    .bind(transport.as_str())
    .bind(addresses)
    .bind(allowed_cidrs)
    .bind(max_calls.map(|max| i32::try_from(max).unwrap_or(i32::MAX)))
    .bind(auth.as_ref().map(|auth| &auth.username))
    .bind(auth.as_ref().map(|auth| &auth.sealed_password))
    .bind(auth.as_ref().is_some_and(|auth| auth.challenge_inbound))
    .bind(id.uuid())
    .bind(srtp.as_str())
    .bind(
        codecs
            .iter()
            .map(|codec| codec.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(key_exchange.as_str())
    .fetch_optional(&mut *transaction)
    .await;
    let written = match owned("trunk", object, written) {
        // 22P02: a text that is no network.
        Err(error) if error.sqlstate().as_deref() == Some("22P02") => {
            return Err(Error::invalid(
                "allowed CIDR",
                "write networks as in 192.0.2.0/24 or 2001:db8::/32, without host bits",
            ));
        }
        written => written?,
    };
    if written.is_some() {
        notify(&mut transaction, notify::ROUTES, tenant).await?;
    } else {
        let row = sqlx::query("SELECT id FROM trunks WHERE k8s_uid = $1")
            .bind(object.uid)
            .fetch_one(&mut *transaction)
            .await?;
        if row.try_get::<Uuid, _>(0)? != id.uuid() {
            return Err(Error::invalid(
                "row of the trunk",
                "it has another one since; look again",
            ));
        }
    }
    transaction.commit().await?;
    Ok(*id)
}

/// Removes the trunk that `uid` projected; numbers that used it have none then. Says whether there
/// was one.
pub async fn remove(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    uid: Uuid,
) -> Result<bool> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    // The row stays for the legs that went through it.
    let rows = sqlx::query(
        "WITH gone AS (
            UPDATE trunks
               SET status = 'archived', k8s_uid = NULL, username = NULL, password_enc = NULL,
                   name = name || '#' || id
             WHERE k8s_uid = $1 RETURNING id
         ), freed AS (
            UPDATE phone_numbers SET trunk_id = NULL WHERE trunk_id IN (SELECT id FROM gone)
         )
         SELECT 1 FROM gone",
    )
    .bind(uid)
    .fetch_all(&mut *transaction)
    .await?;
    notify(&mut transaction, notify::ROUTES, tenant).await?;
    transaction.commit().await?;
    Ok(!rows.is_empty())
}

/// The trunks in use.
pub async fn list(database: &TenantDatabase) -> Result<Vec<Trunk>> {
    let rows = sqlx::query(
        "SELECT id, coalesce(k8s_name, name) AS name, k8s_uid, addresses,
                to_jsonb(allowed_cidrs) AS allowed_cidrs, coalesce(transport, 'udp') AS transport,
                direction::text AS direction, max_channels, username, password_enc,
                challenge_inbound, srtp, key_exchange, codecs
           FROM trunks WHERE status = 'active' AND protocol = 'sip' ORDER BY priority, name",
    )
    .fetch_all(database.pool())
    .await?;
    known(&rows, |row| {
        let username: Option<String> = row.try_get("username")?;
        let sealed_password: Option<Vec<u8>> = row.try_get("password_enc")?;
        let challenge_inbound = row.try_get("challenge_inbound")?;
        let auth = username
            .zip(sealed_password)
            .map(|(username, sealed_password)| TrunkAuth {
                username,
                sealed_password,
                challenge_inbound,
            });
        Ok(Trunk {
            id: TrunkId::new(row.try_get("id")?),
            name: row.try_get("name")?,
            uid: row.try_get("k8s_uid")?,
            addresses: row.try_get("addresses")?,
            allowed_cidrs: row.try_get::<Json<Vec<String>>, _>("allowed_cidrs")?.0,
            transport: row.try_get::<&str, _>("transport")?.parse()?,
            direction: row.try_get::<&str, _>("direction")?.parse()?,
            srtp: row.try_get::<&str, _>("srtp")?.parse()?,
            key_exchange: row.try_get::<&str, _>("key_exchange")?.parse()?,
            codecs: row
                .try_get::<Vec<String>, _>("codecs")?
                .iter()
                .filter_map(|codec| codec.parse().ok())
                .collect(),
            max_calls: row
                .try_get::<Option<i32>, _>("max_channels")?
                .and_then(|max| u32::try_from(max).ok()),
            auth,
        })
    })
}
