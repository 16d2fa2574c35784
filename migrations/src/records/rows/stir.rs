//! `stir_shaken_statuses`: what the caller's side vouches for about the calling number (RFC 8224, ATIS-1000074).

use callplane_types::{Pii, WallTime};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;
use crate::records::CallRecord;
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

/// The columns, each as one array.
#[derive(Default)]
struct Columns<'a> {
    calls: Vec<Uuid>,
    attestations: Vec<Option<&'static str>>,
    verifications: Vec<&'static str>,
    orig_tns: Vec<Option<&'a str>>,
    dest_tns: Vec<Option<&'a str>>,
    origids: Vec<Option<Uuid>>,
    certificate_urls: Vec<Option<&'a str>>,
    identity_headers: Vec<Option<&'a str>>,
    reasons: Vec<Option<&'a str>>,
    checked: Vec<Option<DateTime<Utc>>>,
}

pub(super) async fn insert(connection: &mut PgConnection, records: &[&CallRecord]) -> Result<()> {
    let mut rows = Columns::default();
    for record in records {
        let Some(status) = &record.stir else {
            continue;
        };
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
        rows.calls.push(record.call.id.uuid());
        rows.attestations
            .push(attestation.map(StirAttestation::as_str));
        rows.verifications.push(verification.as_str());
        rows.orig_tns.push(text(orig_tn.as_ref()));
        rows.dest_tns.push(text(dest_tn.as_ref()));
        rows.origids.push(*origid);
        rows.certificate_urls.push(certificate_url.as_deref());
        rows.identity_headers.push(text(identity_header.as_ref()));
        rows.reasons.push(reason.as_deref());
        rows.checked.push(sql_opt(*checked_at));
    }
    if rows.calls.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO stir_shaken_statuses (call_id, attestation, verification, orig_tn, dest_tn,
                origid, certificate_url, identity_header, reason, checked_at)
         SELECT r.call, r.attestation::platform.stir_attestation,
                r.verification::platform.stir_verification, r.orig_tn, r.dest_tn, r.origid,
                r.certificate_url, r.identity_header, r.reason, r.checked_at
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[],
                       $7::text[], $8::text[], $9::text[], $10::timestamptz[])
                AS r(call, attestation, verification, orig_tn, dest_tn, origid, certificate_url,
                     identity_header, reason, checked_at)",
    )
    .bind(rows.calls)
    .bind(rows.attestations)
    .bind(rows.verifications)
    .bind(rows.orig_tns)
    .bind(rows.dest_tns)
    .bind(rows.origids)
    .bind(rows.certificate_urls)
    .bind(rows.identity_headers)
    .bind(rows.reasons)
    .bind(rows.checked)
    .execute(connection)
    .await?;
    Ok(())
}

fn text(value: Option<&Pii<String>>) -> Option<&str> {
    value.map(|value| value.expose().as_str())
}
