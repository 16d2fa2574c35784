//! Vectors that other people made, in the folder that `CONFORMANCE_DATA` names.

use std::path::PathBuf;

use callplane_srtp::{KeyingMaterial, Profile, Protector, Unprotector};
use serde_json::Value;

use crate::octets;

/// Profiles that are not spoken here.
const OTHERS: [&str; 3] = [
    "NULL_HMAC_SHA1_80",
    "AES_192_CM_HMAC_SHA1_80",
    "AES_256_CM_HMAC_SHA1_80",
];

const SHORT_REPORT_TAG: &str = "AES_CM_128_HMAC_SHA1_32(SRTCP)";

fn vectors() -> Option<Vec<Value>> {
    let Some(folder) = std::env::var_os("CONFORMANCE_DATA") else {
        println!("SKIPPED: CONFORMANCE_DATA is not set");
        return None;
    };
    let file = PathBuf::from(folder).join("crypto-vectors/srtp.json");
    Some(serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
}

fn field(vector: &Value, name: &str) -> Option<Vec<u8>> {
    vector[name].as_str().map(octets)
}

#[test]
fn packets_of_other_implementations_are_protected_and_opened_the_same() {
    let Some(vectors) = vectors() else { return };
    let (mut rtp, mut rtcp) = (0, 0);
    for vector in &vectors {
        let Some(name) = vector["profile"].as_str() else {
            continue;
        };
        let Ok(profile) = name.parse::<Profile>() else {
            assert!(OTHERS.contains(&name) || name == SHORT_REPORT_TAG);
            continue;
        };
        let key = field(vector, "master_key_and_salt").unwrap();
        let keys = KeyingMaterial::new(profile, &key).unwrap();
        if let (Some(plain), Some(protected)) =
            (field(vector, "plaintext_rtp"), field(vector, "srtp"))
        {
            let mut packet = plain.clone();
            Protector::new(&keys).protect_rtp(&mut packet).unwrap();
            assert_eq!(packet, protected, "{vector}");
            let opened = Unprotector::new(&keys)
                .unprotect_rtp(&mut packet)
                .map(|p| p.to_vec());
            assert_eq!(opened, Ok(plain), "{vector}");
            rtp += 1;
        }
        if let (Some(plain), Some(protected)) =
            (field(vector, "plaintext_rtcp"), field(vector, "srtcp"))
        {
            let mut packet = plain.clone();
            Protector::new(&keys).protect_rtcp(&mut packet).unwrap();
            assert_eq!(packet, protected, "{vector}");
            let opened = Unprotector::new(&keys)
                .unprotect_rtcp(&mut packet)
                .map(|p| p.to_vec());
            assert_eq!(opened, Ok(plain), "{vector}");
            rtcp += 1;
        }
    }
    assert_eq!((rtp, rtcp), (3, 2));
}

/// Its tag has 32 bits, which RFC 4568 does not allow for SRTCP: the beginning of ours.
#[test]
fn the_tag_of_a_report_of_libsrtp_is_the_beginning_of_ours() {
    let Some(vectors) = vectors() else { return };
    let vector = vectors
        .iter()
        .find(|vector| vector["profile"] == SHORT_REPORT_TAG)
        .unwrap();
    let (plain, expected) = (field(vector, "plaintext_rtcp"), field(vector, "srtcp"));
    let (mut plain, expected) = (plain.unwrap(), expected.unwrap());
    // The vector says that its key is that of the one before it.
    let key = [[0x22; 16].as_slice(), &[0x44; 14]].concat();
    let keys = KeyingMaterial::new(Profile::AesCm128HmacSha1Tag32, &key).unwrap();
    let protect = |plain: &[u8]| {
        let mut packet = plain.to_vec();
        Protector::new(&keys).protect_rtcp(&mut packet).unwrap();
        packet
    };
    // It leaves out the last word of what was protected: found with the keystream.
    plain.extend([0; 4]);
    let keystream = &protect(&plain)[8..12];
    for at in 0..4 {
        plain[8 + at] = keystream[at] ^ expected[8 + at];
    }
    assert_eq!(protect(&plain)[..expected.len()], expected);
}
