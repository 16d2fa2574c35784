//! The `crypto` attribute of SDP.

use callplane_srtp::{
    CryptoAttribute, CryptoError, CryptoTag, KeyingLengthError, KeyingMaterial, Profile, SdesKey,
    UnsupportedSuite,
};
use proptest::prelude::*;

/// The octets 0 to 29.
const KEY: &str = "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd";

fn parse(value: &str) -> Result<CryptoAttribute, CryptoError> {
    value.parse()
}

fn with_key(rest: &str) -> Result<CryptoAttribute, CryptoError> {
    parse(&format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}{rest}"))
}

#[test]
fn an_attribute_is_its_tag_suite_and_key() {
    let attribute = with_key("|2^20").unwrap();
    assert_eq!(attribute.tag().to_string(), "1");
    assert_eq!(attribute.profile(), Profile::AesCm128HmacSha1Tag80);
    let lifetime = attribute.key().lifetime().unwrap();
    assert_eq!(lifetime.packets().get(), 1 << 20);
    let octets: Vec<u8> = (0..30).collect();
    let keys = KeyingMaterial::new(attribute.profile(), &octets).unwrap();
    assert_eq!(attribute.key().material(), &keys);
}

#[test]
fn what_is_written_is_what_was_read() {
    for value in [
        &*format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}"),
        &*format!("999999999 AES_CM_128_HMAC_SHA1_32 {KEY}|2^48"),
        &*format!("0 AES_CM_128_HMAC_SHA1_80 {KEY}|1000"),
        "2 AEAD_AES_128_GCM inline:bQJXGzEPXJPClrd78xwALdaZDs/dLttBLfLE5Q==",
        "3 AEAD_AES_256_GCM inline:HGAPy4Cedy/qumbZvpuCZSVT7rNDk8vG4TdUXp5hkyWqJCqiLRGab0KJy1g=",
    ] {
        assert_eq!(parse(value).unwrap().to_string(), value);
    }
}

#[test]
fn other_ways_to_write_the_same_are_understood() {
    let plain = with_key("").unwrap().to_string();
    let (_, key) = KEY.split_once(':').unwrap();
    for value in [
        format!(" 1\taes_cm_128_hmac_sha1_80  INLINE:{key} "),
        format!("1 AES_CM_128_HMAC_SHA1_80 {KEY} KDR=0 WSH=128 -VENDOR=1 -UNENCRYPTED_SRTP"),
        format!("001 AES_CM_128_HMAC_SHA1_80 {KEY}"),
    ] {
        assert_eq!(parse(&value).unwrap().to_string(), plain, "{value}");
    }
    let unpadded = "2 AEAD_AES_128_GCM inline:bQJXGzEPXJPClrd78xwALdaZDs/dLttBLfLE5Q";
    assert_eq!(
        parse(unpadded).unwrap().to_string(),
        format!("{unpadded}==")
    );
}

#[test]
fn tags_are_up_to_nine_digits() {
    for tag in ["", "-1", "+1", "x", "1234567890", "1.0"] {
        let value = format!("{tag} AES_CM_128_HMAC_SHA1_80 {KEY}");
        assert!(parse(&value).is_err(), "{tag}");
    }
    assert!(CryptoTag::try_from(999_999_999).is_ok());
    assert_eq!(CryptoTag::try_from(1_000_000_000), Err(CryptoError::Tag));
}

#[test]
fn keys_that_cannot_be_used_are_refused() {
    let suite = "1 AES_CM_128_HMAC_SHA1_80";
    let key = &KEY[..KEY.len() - 4];
    let length = |found| {
        CryptoError::Length(KeyingLengthError {
            expected: 30,
            found,
        })
    };
    for (value, error) in [
        ("1".to_owned(), CryptoError::Malformed),
        (suite.to_owned(), CryptoError::Malformed),
        (format!("{suite} inline"), CryptoError::Malformed),
        (format!("{suite} outline:AAAA"), CryptoError::Method),
        (format!("{suite} inline:"), length(0)),
        (format!("{suite} {key}"), length(27)),
        (format!("{suite} {KEY}AAAA"), length(33)),
        (format!("{suite} {key}!!!!"), CryptoError::Base64),
        (
            format!("{suite} {KEY}{}", "A".repeat(4000)),
            CryptoError::Base64,
        ),
        (format!("{suite} {KEY};{KEY}"), CryptoError::SeveralKeys),
        (format!("{suite} {KEY}|1:4"), CryptoError::Identifier),
        (format!("{suite} {KEY}|2^20|1:4"), CryptoError::Identifier),
        (format!("{suite} {KEY}|2^20|2^20"), CryptoError::Malformed),
        (format!("{suite} {KEY}|2^20|1:4|1"), CryptoError::Identifier),
        (
            format!("1 NULL_HMAC_SHA1_80 {KEY}"),
            CryptoError::Suite(UnsupportedSuite),
        ),
    ] {
        assert_eq!(parse(&value).unwrap_err(), error, "{value}");
    }
}

#[test]
fn a_lifetime_is_1_to_2_48_packets() {
    for (text, packets) in [
        ("1", Some(1)),
        ("2^0", Some(1)),
        ("2^31", Some(1 << 31)),
        ("2^48", Some(1 << 48)),
        ("281474976710656", Some(1 << 48)),
        ("281474976710657", None),
        ("2^49", None),
        ("2^64", None),
        ("2^", None),
        ("2^+1", None),
        ("0", None),
        ("-1", None),
        ("", None),
        ("3^2", None),
    ] {
        match (with_key(&format!("|{text}")), packets) {
            (Ok(attribute), Some(packets)) => {
                let lifetime = attribute.key().lifetime().unwrap();
                assert_eq!(lifetime.packets().get(), packets);
            }
            (found, expected) => {
                assert_eq!(found.unwrap_err(), CryptoError::Lifetime, "{text}");
                assert_eq!(expected, None, "{text}");
            }
        }
    }
}

#[test]
fn session_parameters_that_ask_for_what_we_lack_are_refused() {
    for (parameter, error) in [
        ("UNENCRYPTED_SRTP", CryptoError::Unprotected),
        ("UNENCRYPTED_SRTCP", CryptoError::Unprotected),
        ("UNAUTHENTICATED_SRTP", CryptoError::Unprotected),
        ("KDR=1", CryptoError::DerivationRate),
        ("KDR=", CryptoError::Malformed),
        ("KDR", CryptoError::Malformed),
        ("WSH=x", CryptoError::Malformed),
        ("FEC_ORDER=SRTP_FEC", CryptoError::Parameter),
        ("FEC_KEY=inline:AAAA", CryptoError::Parameter),
        ("VENDOR=1", CryptoError::Parameter),
    ] {
        let refused = with_key(&format!(" WSH=64 {parameter}")).unwrap_err();
        assert_eq!(refused, error, "{parameter}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = parse(&text);
        let _ = with_key(&text);
    }

    #[test]
    fn a_fresh_key_is_read_as_it_was_written(
        which in 0..Profile::ALL.len(),
        tag in 0..=999_999_999u32,
        random in proptest::array::uniform32(any::<u8>()),
    ) {
        let profile = Profile::ALL[which];
        let octets = [random, random].concat();
        let keys = KeyingMaterial::new(profile, &octets[..profile.keying_length()]).unwrap();
        let ours = CryptoAttribute::new(tag.try_into().unwrap(), SdesKey::new(keys));
        let theirs: CryptoAttribute = ours.to_string().parse().unwrap();
        prop_assert_eq!(theirs, ours);
    }
}
