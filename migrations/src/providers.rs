//! Providers: the models and voices that agents ask, the endpoints of their tools, and the keys for both.

use std::time::Duration;

use callplane_types::{ProviderId, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use uuid::Uuid;

use crate::notify::{self, notify};
use crate::object::owned;
use crate::words::{known, words};
use crate::{Error, Fence, ObjectRef, OperatorDatabase, Result, TenantDatabase};

words! {
    /// What a provider speaks, as `providers.protocol` has it.
    ProtocolName {
        /// OpenAI's chat protocol.
        OpenaiChat = "openaiChat",
        /// OpenAI's `audio/transcriptions`.
        OpenaiTranscription = "openaiTranscription",
        /// OpenAI's `audio/speech`.
        OpenaiSpeech = "openaiSpeech",
        /// OpenAI's `embeddings`.
        OpenaiEmbeddings = "openaiEmbeddings",
        /// Requests of tools.
        Http = "http",
    }
}

/// What a provider speaks, and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderProtocol {
    /// A language model by OpenAI's chat protocol.
    OpenaiChat {
        /// Name of the model there.
        model: String,
        /// When an answer is given up.
        timeouts: ChatTimeouts,
    },
    /// A recogniser of speech by OpenAI's `audio/transcriptions`.
    OpenaiTranscription {
        /// Name of the model there.
        model: String,
        /// When words are given up.
        timeouts: TotalTimeout,
    },
    /// A model of embeddings by OpenAI's `embeddings`.
    OpenaiEmbeddings {
        /// Name of the model there.
        model: String,
        /// When embeddings are given up.
        timeouts: TotalTimeout,
    },
    /// Voices by OpenAI's `audio/speech`.
    OpenaiSpeech {
        /// Name of the model there.
        model: String,
        /// When a sentence is given up.
        timeouts: TotalTimeout,
    },
    /// Requests of tools, each with its own time.
    Http {
        /// The header that shows the key; `Authorization: Bearer` where there is none.
        key_header: Option<String>,
    },
}

/// When an answer of a language model is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatTimeouts {
    /// From the question until its first part.
    #[serde(rename = "firstPartMs", with = "millis")]
    pub first_part: Duration,
    /// Between two parts.
    #[serde(rename = "stallMs", with = "millis")]
    pub stall: Duration,
    /// Until it is complete.
    #[serde(rename = "totalMs", with = "millis")]
    pub total: Duration,
}

/// When an answer is given up that comes as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TotalTimeout {
    /// Until it is there.
    #[serde(rename = "totalMs", with = "millis")]
    pub total: Duration,
}

/// A resolved Provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSpec {
    /// Its row, from [`identify`]: the key is sealed for it.
    pub id: ProviderId,
    /// The custom resource.
    pub object: ObjectRef,
    /// Hash of everything below, of the version of the Secret too.
    pub spec_hash: String,
    /// What it speaks.
    pub protocol: ProviderProtocol,
    /// Where it is, up to the version of the protocol.
    pub base_url: String,
    /// The API key, sealed for `providers.key_enc` of the row.
    pub sealed_key: Option<Vec<u8>>,
}

/// A row of `providers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Which.
    pub id: ProviderId,
    /// `namespace/name` of the Provider, by which Programs name it.
    pub name: String,
    /// As in [`ProviderSpec`].
    pub spec_hash: String,
    /// As in [`ProviderSpec`].
    pub protocol: ProviderProtocol,
    /// As in [`ProviderSpec`].
    pub base_url: String,
    /// As in [`ProviderSpec`].
    pub sealed_key: Option<Vec<u8>>,
}

/// The row that the Provider `object` has, or is to have.
pub async fn identify(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    object: &ObjectRef,
) -> Result<ProviderId> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let row = sqlx::query("SELECT id FROM providers WHERE k8s_uid = $1")
        .bind(object.uid)
        .fetch_optional(&mut *transaction)
        .await?;
    let id = row.map(|row| row.try_get(0)).transpose()?;
    Ok(ProviderId::new(id.unwrap_or_else(Uuid::now_v7)))
}

/// Writes a Provider and tells the nodes.
pub async fn project(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    spec: &ProviderSpec,
) -> Result<ProviderId> {
    let ProviderSpec {
        id,
        object,
        spec_hash,
        protocol,
        base_url,
        sealed_key,
    } = spec;
    let timeouts = protocol.timeouts();
    let mut transaction = database.begin_in(fence, tenant).await?;
    let written = sqlx::query(
        "INSERT INTO providers AS p (id, k8s_namespace, k8s_name, k8s_uid, k8s_generation, spec_hash,
                synced_at, name, protocol, base_url, model, timeouts, key_header, key_enc)
         VALUES ($1, $2, $3, $4, $5, $6, now(), $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (k8s_uid) DO UPDATE
            SET k8s_generation = excluded.k8s_generation, spec_hash = excluded.spec_hash,
                synced_at = excluded.synced_at, protocol = excluded.protocol,
                base_url = excluded.base_url, model = excluded.model,
                timeouts = excluded.timeouts, key_header = excluded.key_header,
                key_enc = excluded.key_enc
          WHERE p.spec_hash IS DISTINCT FROM excluded.spec_hash AND p.id = excluded.id
         RETURNING id",
    )
    .bind(id.uuid())
    .bind(&object.namespace)
    .bind(&object.name)
    .bind(object.uid)
    .bind(object.generation)
    .bind(spec_hash)
    .bind(object.path())
    .bind(protocol.name().as_str())
    .bind(base_url)
    .bind(protocol.model())
    .bind(Json(timeouts))
    .bind(protocol.key_header())
    .bind(sealed_key)
    .fetch_optional(&mut *transaction)
    .await;
    if owned("provider", object, written)?.is_some() {
        notify(&mut transaction, notify::ROUTES, tenant).await?;
    } else {
        let row = sqlx::query("SELECT id FROM providers WHERE k8s_uid = $1")
            .bind(object.uid)
            .fetch_one(&mut *transaction)
            .await?;
        if row.try_get::<Uuid, _>(0)? != id.uuid() {
            return Err(Error::invalid(
                "row of the provider",
                "it has another one since; look again",
            ));
        }
    }
    transaction.commit().await?;
    Ok(*id)
}

/// Removes the provider that `uid` projected: agents that name it go without. Says whether there was one.
pub async fn remove(
    database: &OperatorDatabase,
    fence: &Fence,
    tenant: TenantId,
    uid: Uuid,
) -> Result<bool> {
    let mut transaction = database.begin_in(fence, tenant).await?;
    let gone = sqlx::query("DELETE FROM providers WHERE k8s_uid = $1")
        .bind(uid)
        .execute(&mut *transaction)
        .await?;
    notify(&mut transaction, notify::ROUTES, tenant).await?;
    transaction.commit().await?;
    Ok(gone.rows_affected() > 0)
}

/// Every provider of the tenant.
pub async fn list(database: &TenantDatabase) -> Result<Vec<Provider>> {
    let rows = sqlx::query(
        "SELECT id, name, spec_hash, protocol, base_url, model, timeouts, key_header, key_enc
           FROM providers ORDER BY name",
    )
    .fetch_all(database.pool())
    .await?;
    known(&rows, |row| {
        Ok(Provider {
            id: ProviderId::new(row.try_get("id")?),
            name: row.try_get("name")?,
            spec_hash: row.try_get("spec_hash")?,
            protocol: ProviderProtocol::from_row(row)?,
            base_url: row.try_get("base_url")?,
            sealed_key: row.try_get("key_enc")?,
        })
    })
}

impl ProviderProtocol {
    /// Name of the model at the endpoint, where there is one.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        match self {
            Self::OpenaiChat { model, .. }
            | Self::OpenaiTranscription { model, .. }
            | Self::OpenaiSpeech { model, .. }
            | Self::OpenaiEmbeddings { model, .. } => Some(model),
            Self::Http { .. } => None,
        }
    }

    const fn name(&self) -> ProtocolName {
        match self {
            Self::OpenaiChat { .. } => ProtocolName::OpenaiChat,
            Self::OpenaiTranscription { .. } => ProtocolName::OpenaiTranscription,
            Self::OpenaiSpeech { .. } => ProtocolName::OpenaiSpeech,
            Self::OpenaiEmbeddings { .. } => ProtocolName::OpenaiEmbeddings,
            Self::Http { .. } => ProtocolName::Http,
        }
    }

    fn key_header(&self) -> Option<&str> {
        match self {
            Self::Http { key_header } => key_header.as_deref(),
            Self::OpenaiChat { .. }
            | Self::OpenaiTranscription { .. }
            | Self::OpenaiSpeech { .. }
            | Self::OpenaiEmbeddings { .. } => None,
        }
    }

    fn timeouts(&self) -> serde_json::Value {
        let timeouts = match self {
            Self::OpenaiChat { timeouts, .. } => serde_json::to_value(timeouts),
            Self::OpenaiTranscription { timeouts, .. }
            | Self::OpenaiSpeech { timeouts, .. }
            | Self::OpenaiEmbeddings { timeouts, .. } => serde_json::to_value(timeouts),
            Self::Http { .. } => Ok(serde_json::json!({})),
        };
        timeouts.expect("numbers with names are JSON")
    }

    fn from_row(row: &PgRow) -> Result<Self> {
        let name: ProtocolName = row.try_get::<&str, _>("protocol")?.parse()?;
        Ok(match name {
            ProtocolName::OpenaiChat => Self::OpenaiChat {
                model: row.try_get("model")?,
                timeouts: timeouts_of(row)?,
            },
            ProtocolName::OpenaiTranscription => Self::OpenaiTranscription {
                model: row.try_get("model")?,
                timeouts: timeouts_of(row)?,
            },
            ProtocolName::OpenaiSpeech => Self::OpenaiSpeech {
                model: row.try_get("model")?,
                timeouts: timeouts_of(row)?,
            },
            ProtocolName::OpenaiEmbeddings => Self::OpenaiEmbeddings {
                model: row.try_get("model")?,
                timeouts: timeouts_of(row)?,
            },
            ProtocolName::Http => Self::Http {
                key_header: row.try_get("key_header")?,
            },
        })
    }
}

fn timeouts_of<T: serde::de::DeserializeOwned>(row: &PgRow) -> Result<T> {
    let Json(timeouts): Json<serde_json::Value> = row.try_get("timeouts")?;
    serde_json::from_value(timeouts)
        .map_err(|error| Error::invalid("timeouts of a provider", error))
}

/// A [`Duration`] as a whole number of milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
