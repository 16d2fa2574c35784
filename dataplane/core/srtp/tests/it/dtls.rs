//! Keys of a DTLS handshake.

use callplane_srtp::{DtlsKeys, KeyingLengthError, KeyingMaterial, Profile};

#[test]
fn exported_octets_are_both_keys_and_then_both_salts() {
    for profile in Profile::ALL {
        let (key, salt) = (profile.key_length(), profile.salt_length());
        let part = |octet: u8, length| vec![octet; length];
        let exported = [part(1, key), part(2, key), part(3, salt), part(4, salt)].concat();
        let split = DtlsKeys::split(profile, &exported).unwrap();
        let keys = |key: Vec<u8>, salt: Vec<u8>| {
            KeyingMaterial::new(profile, &[key, salt].concat()).unwrap()
        };
        let expected = DtlsKeys {
            client: keys(part(1, key), part(3, salt)),
            server: keys(part(2, key), part(4, salt)),
        };
        assert_eq!(split, expected);
        assert_ne!(split.client, split.server);
    }
}

#[test]
fn other_lengths_are_refused() {
    let profile = Profile::AesCm128HmacSha1Tag80;
    for found in [0, 59, 61] {
        let error = DtlsKeys::split(profile, &vec![0; found]).unwrap_err();
        assert_eq!(
            error,
            KeyingLengthError {
                expected: 60,
                found
            }
        );
    }
}
