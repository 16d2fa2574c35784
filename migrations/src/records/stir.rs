//! What the caller's side vouches for about the calling number (RFC 8224, ATIS-1000074).

use callplane_types::{CallId, Pii, WallTime};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;
use crate::time::sql_opt;
use crate::words::words;

words! {
    /// `platform.stir_attestation`: how well the signer knows the caller.
    StirAttestation {
        /// Full: the caller, and that the number is theirs.
        A = "A",
        /// Partial: the caller, not the number.
        B = "B",
        /// Gateway: only where the call came in.
        C = "C",
    }
}

words! {
    /// `platform.stir_verification`.
    StirVerification {
        /// There is a signature that nobody has checked.
        NotChecked = "not_checked",
        /// The signature is right.
        Passed = "passed",
        /// It is not.
        Failed = "failed",
        /// There is none.
        NoSignature = "no_signature",
    }
}

/// A row of `stir_shaken_statuses`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StirStatus {
    /// What the signature claims.
    pub attestation: Option<StirAttestation>,
    /// Whether it holds.
    pub verification: StirVerification,
    /// The calling number that was signed.
    pub orig_tn: Option<Pii<String>>,
    /// The called number that was signed.
    pub dest_tn: Option<Pii<String>>,
    /// The signer's name for where the call came from.
    pub origid: Option<Uuid>,
    /// Where the certificate of the signer is.
    pub certificate_url: Option<String>,
    /// The header as it came.
    pub identity_header: Option<Pii<String>>,
    /// Why it was not checked, or failed.
    pub reason: Option<String>,
    /// When it was checked.
    pub checked_at: Option<WallTime>,
}

pub(super) async fn insert_stir(
    connection: &mut PgConnection,
    call: CallId,
    status: &StirStatus,
) -> Result<()> {
    let StirStatus {
        attestation,
        verification,
        orig_tn,
        dest_tn,
        origid,
        certificate_url,
        identity_header,
        reason,
        checked_at,
    } = status;
    sqlx::query(
        "INSERT INTO stir_shaken_statuses (call_id, attestation, verification, orig_tn, dest_tn,
                origid, certificate_url, identity_header, reason, checked_at)
         VALUES ($1, $2::text::platform.stir_attestation, $3::text::platform.stir_verification,
                $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(call.uuid())
    .bind(attestation.map(StirAttestation::as_str))
    .bind(verification.as_str())
    .bind(orig_tn.as_ref().map(Pii::expose))
    .bind(dest_tn.as_ref().map(Pii::expose))
    .bind(origid)
    .bind(certificate_url)
    .bind(identity_header.as_ref().map(Pii::expose))
    .bind(reason)
    .bind(sql_opt(*checked_at))
    .execute(connection)
    .await?;
    Ok(())
}
