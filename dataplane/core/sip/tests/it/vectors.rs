//! Digest vectors of RFC 2617 and RFC 7616.

use callplane_sip::{Algorithm, Digest};
use serde_json::Value;

use crate::torture::conformance_data;

#[test]
fn digest_responses_agree_with_the_published_ones() {
    let Some(folder) = conformance_data("crypto-vectors") else {
        return;
    };
    let text = std::fs::read_to_string(folder.join("digest.json")).unwrap();
    let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut checked = 0;
    for vector in &vectors {
        let field = |name: &str| vector[name].as_str().map(str::as_bytes);
        let algorithm = match vector["algorithm"].as_str().unwrap() {
            "MD5" => Algorithm::Md5,
            "SHA-256" => Algorithm::Sha256,
            _ => continue,
        };
        let qop = match vector["qop"].as_str() {
            None => None,
            Some("auth") => Some((field("nc").unwrap(), field("cnonce").unwrap())),
            Some(_) => continue,
        };
        let digest = Digest {
            algorithm,
            username: field("username").unwrap(),
            realm: field("realm").unwrap(),
            method: field("method").unwrap(),
            uri: field("uri").unwrap(),
            nonce: field("nonce").unwrap(),
            qop,
        };
        let response = digest.response(field("password").unwrap());
        assert_eq!(response, vector["response"].as_str().unwrap(), "{vector}");
        checked += 1;
    }
    assert_eq!(checked, 5);
}

/// RFC 2617 section 3.5, so that the computation is checked without the data too.
#[test]
fn the_example_of_rfc_2617_is_met() {
    let digest = Digest {
        algorithm: Algorithm::Md5,
        username: b"Mufasa",
        realm: b"testrealm@host.com",
        method: b"GET",
        uri: b"/dir/index.html",
        nonce: b"dcd98b7102dd2f0e8b11d0f600bfb0c093",
        qop: Some((b"00000001", b"0a4f113b")),
    };
    assert_eq!(
        digest.response(b"Circle Of Life"),
        "6629fae49393a05397450978507c4ef1"
    );
}
