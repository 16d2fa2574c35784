//! The Identity header of an inbound call (RFC 8224): what the caller's side claims about the calling
//! number. Nothing is verified here, so the claim is kept as `not_checked`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use callplane_store::records::{StirStatus, StirVerification};
use callplane_types::Pii;
use serde_json::Value;
use uuid::Uuid;

use super::meta::foreign_text_of;

/// Longest header that is kept, in octets; those of carriers have some 900.
const LONGEST: usize = 4_000;
/// Longest text within it.
const LONGEST_TEXT: usize = 500;

/// Reads the header, if there is one. A header that is no PASSporT (RFC 8225) is kept with the
/// reason.
pub(super) fn read(header: Option<&[u8]>) -> StirStatus {
    let mut status = StirStatus {
        attestation: None,
        verification: StirVerification::NoSignature,
        orig_tn: None,
        dest_tn: None,
        origid: None,
        certificate_url: None,
        identity_header: None,
        reason: None,
        checked_at: None,
    };
    let Some(header) = header else { return status };
    let header = foreign_text_of(header, LONGEST);
    status.verification = StirVerification::NotChecked;
    status.certificate_url = certificate(&header);
    match claims(&header) {
        Some(claims) => {
            status.attestation = text(&claims["attest"]).and_then(|word| word.parse().ok());
            status.orig_tn = text(&claims["orig"]["tn"]).map(Pii::new);
            // Several when the call was placed to several.
            let dest = &claims["dest"]["tn"];
            status.dest_tn = text(dest.get(0).unwrap_or(dest)).map(Pii::new);
            status.origid = text(&claims["origid"]).and_then(|id| Uuid::parse_str(&id).ok());
        }
        None => status.reason = Some("the Identity header holds no PASSporT".to_owned()),
    }
    status.identity_header = Some(Pii::new(header));
    status
}

/// The payload of the token: the second of its three parts. The compact form leaves it out.
fn claims(header: &str) -> Option<Value> {
    let token = header.split(';').next()?.trim();
    let mut parts = token.split('.');
    let payload = parts.nth(1).filter(|payload| !payload.is_empty())?;
    parts.next()?;
    let json = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: Value = serde_json::from_slice(&json).ok()?;
    claims.is_object().then_some(claims)
}

/// `info=<https://...>`.
fn certificate(header: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let url = value.trim().strip_prefix('<')?.strip_suffix('>')?;
        (name.trim().eq_ignore_ascii_case("info") && url.len() <= LONGEST_TEXT)
            .then(|| url.to_owned())
    })
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    (text.len() <= LONGEST_TEXT && !text.contains('\0')).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use callplane_store::records::StirAttestation;

    use super::*;

    fn header(payload: &str) -> String {
        format!(
            "eyJhbGciOiJFUzI1NiJ9.{}.c2ln;info=<https://cert.example.com/a.pem>;alg=ES256;ppt=\"shaken\"",
            URL_SAFE_NO_PAD.encode(payload)
        )
    }

    #[test]
    fn the_claims_of_the_caller_are_read() {
        let status = read(Some(
            header(
                r#"{"attest":"A","dest":{"tn":["15551230001"]},"iat":1471375418,"orig":{"tn":"15557000001"},
                    "origid":"123e4567-e89b-12d3-a456-426655440000"}"#,
            )
            .as_bytes(),
        ));
        assert_eq!(status.attestation, Some(StirAttestation::A));
        assert_eq!(status.verification, StirVerification::NotChecked);
        assert_eq!(status.orig_tn.unwrap().expose(), "15557000001");
        assert_eq!(status.dest_tn.unwrap().expose(), "15551230001");
        assert!(status.origid.is_some());
        let url = status.certificate_url.unwrap();
        assert_eq!(url, "https://cert.example.com/a.pem");
        assert_eq!(status.reason, None);
    }

    #[test]
    fn a_call_without_the_header_has_no_signature() {
        let status = read(None);
        assert_eq!(status.verification, StirVerification::NoSignature);
        assert_eq!(status.identity_header, None);
    }

    #[test]
    fn what_is_no_passport_is_kept_with_the_reason() {
        let deep = header(&"[".repeat(900));
        let long = "a".repeat(100_000);
        for wrong in [
            "",
            ";;;",
            "..",
            "a..b;info=<https://cert.example.com>",
            "a.b",
            "a.!!.c",
            "a.bnVsbA.c",
            "\u{0}.\u{1}.\u{fffd}",
            &deep,
            &long,
        ] {
            let status = read(Some(wrong.as_bytes()));
            assert_eq!(status.verification, StirVerification::NotChecked);
            assert_eq!(status.attestation, None);
            assert!(status.reason.is_some(), "{wrong}");
            assert!(status.identity_header.unwrap().expose().chars().count() <= LONGEST);
        }
        // Claims of the wrong kind are left out one by one.
        let odd = read(Some(
            header(r#"{"attest":"Z","orig":{"tn":[1]},"dest":7,"origid":"x"}"#).as_bytes(),
        ));
        assert_eq!((odd.attestation, odd.origid), (None, None));
        assert_eq!((odd.orig_tn, odd.dest_tn, odd.reason), (None, None, None));
    }
}
