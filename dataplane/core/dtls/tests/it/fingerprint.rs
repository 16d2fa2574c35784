//! Fingerprints of descriptions.

use callplane_dtls::{Fingerprint, FingerprintError, HashFunction, Vouched};

/// SHA-256 of `abc` (FIPS 180-2 appendix B.1).
const ABC: &str = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";

#[test]
fn what_is_written_is_read() {
    let text = format!("sha-256 {ABC}");
    let read: Fingerprint = text.parse().unwrap();
    assert_eq!(read, Fingerprint::of(HashFunction::Sha256, b"abc"));
    assert_eq!(read.to_string(), text);
    // As baresip and some gateways write it.
    assert_eq!(format!("SHA-256  {}", ABC.to_lowercase()).parse(), Ok(read));
}

#[test]
fn what_is_weak_or_malformed_is_none() {
    let short = &ABC[3..];
    for text in [
        String::new(),
        "sha-256".to_owned(),
        ABC.to_owned(),
        format!("sha-256 {short}"),
        format!("sha-384 {ABC}"),
        format!("sha-256 {ABC}:00"),
        format!("sha-256 {}", ABC.replace("BA", "+A")),
        format!("sha-256 {}", ABC.replace(':', "")),
        "sha-1 A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D".to_owned(),
        "md5 90:01:50:98:3C:D2:4F:B0:D6:96:3F:7D:28:E1:7F:72".to_owned(),
    ] {
        assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError), "{text}");
    }
}

#[test]
fn the_strongest_function_is_the_one_that_vouches() {
    let of = |function, octets: &[u8]| Fingerprint::of(function, octets);
    assert_eq!(Vouched::new([]), None);
    let two = Vouched::new([
        of(HashFunction::Sha256, b"one"),
        of(HashFunction::Sha256, b"two"),
    ])
    .unwrap();
    assert!(two.includes(b"one") && two.includes(b"two") && !two.includes(b"three"));
    let mixed = Vouched::new([
        of(HashFunction::Sha256, b"weak"),
        of(HashFunction::Sha512, b"strong"),
        of(HashFunction::Sha384, b"middling"),
    ])
    .unwrap();
    assert!(mixed.includes(b"strong"));
    assert!(!mixed.includes(b"weak") && !mixed.includes(b"middling"));
}
