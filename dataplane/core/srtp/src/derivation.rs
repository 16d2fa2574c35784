//! Session keys from master keys (RFC 3711 section 4.3; RFC 7714 section 11).
//!
//! The key derivation rate is zero: session keys last as long as their master key.

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;

use crate::keying::KeyingMaterial;
use crate::profile::Profile;

/// What a derived key is for: the labels of SRTP. Those of SRTCP are three higher.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Encryption = 0,
    Authentication = 1,
    Salt = 2,
}

/// Which of the two protocols a session key serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Rtp,
    Rtcp,
}

/// The pseudo-random function of a master key: AES in counter mode, as wide as the key.
pub(crate) struct Derivation {
    prf: EncryptingKey,
    /// The master salt times 2^16; a salt of 96 bits is a multiple of another 2^16.
    salt: [u8; 16],
}

impl Derivation {
    pub(crate) fn new(keys: &KeyingMaterial) -> Result<Self, Unspecified> {
        let mut salt = [0; 16];
        salt[..keys.salt().len()].copy_from_slice(keys.salt());
        let prf = counter_mode(keys.profile(), keys.key())?;
        Ok(Self { prf, salt })
    }

    /// Fills `out` with the session key for a purpose.
    pub(crate) fn derive(
        &self,
        protocol: Protocol,
        purpose: Purpose,
        out: &mut [u8],
    ) -> Result<(), Unspecified> {
        let label = match protocol {
            Protocol::Rtp => purpose as u8,
            Protocol::Rtcp => purpose as u8 + 3,
        };
        let mut iv = self.salt;
        // The key_id is label || index DIV 0, right-aligned in 112 bits; then 16 bits of counter.
        iv[7] ^= label;
        out.fill(0);
        keystream(&self.prf, iv, out)
    }
}

/// The key of AES in counter mode.
pub(crate) fn counter_mode(profile: Profile, key: &[u8]) -> Result<EncryptingKey, Unspecified> {
    let algorithm = match profile {
        Profile::AeadAes256Gcm => &AES_256,
        Profile::AesCm128HmacSha1Tag80
        | Profile::AesCm128HmacSha1Tag32
        | Profile::AeadAes128Gcm => &AES_128,
    };
    EncryptingKey::ctr(UnboundCipherKey::new(algorithm, key)?)
}

/// Adds the keystream that begins at `iv` to `octets`: encrypts and decrypts, in place.
pub(crate) fn keystream(
    cipher: &EncryptingKey,
    iv: [u8; 16],
    octets: &mut [u8],
) -> Result<(), Unspecified> {
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    cipher.less_safe_encrypt(octets, context).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3711 appendix B.3.
    #[test]
    fn session_keys_are_those_of_the_example() {
        let master = [
            0xE1, 0xF9, 0x7A, 0x0D, 0x3E, 0x01, 0x8B, 0xE0, 0xD6, 0x4F, 0xA3, 0x2C, 0x06, 0xDE,
            0x41, 0x39, // key
            0x0E, 0xC6, 0x75, 0xAD, 0x49, 0x8A, 0xFE, 0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6,
        ];
        let keys = KeyingMaterial::new(Profile::AesCm128HmacSha1Tag80, &master).unwrap();
        let derivation = Derivation::new(&keys).unwrap();
        let derive = |purpose| {
            let mut key = [0; 20];
            derivation.derive(Protocol::Rtp, purpose, &mut key).unwrap();
            key
        };
        let cipher = 0xC61E_7A93_744F_39EE_1073_4AFE_3FF7_A087_u128;
        assert_eq!(derive(Purpose::Encryption)[..16], cipher.to_be_bytes());
        let salt = 0x30CB_BC08_863D_8C85_D49D_B34A_9AE1_u128;
        assert_eq!(derive(Purpose::Salt)[..14], salt.to_be_bytes()[2..]);
        let authentication = [
            0xCE, 0xBE, 0x32, 0x1F, 0x6F, 0xF7, 0x71, 0x6B, 0x6F, 0xD4, 0xAB, 0x49, 0xAF, 0x25,
            0x6A, 0x15, 0x6D, 0x38, 0xBA, 0xA4,
        ];
        assert_eq!(derive(Purpose::Authentication), authentication);
    }

    /// RFC 3711 appendix B.2: the first octets, and those around block 0xFF00.
    #[test]
    fn the_keystream_is_that_of_the_example() {
        let key = 0x2B7E_1516_28AE_D2A6_ABF7_1588_09CF_4F3C_u128.to_be_bytes();
        let iv = 0xF0F1_F2F3_F4F5_F6F7_F8F9_FAFB_FCFD_0000_u128.to_be_bytes();
        let cipher = counter_mode(Profile::AesCm128HmacSha1Tag80, &key).unwrap();
        let mut octets = vec![0; 0xFF02 * 16];
        keystream(&cipher, iv, &mut octets).unwrap();
        for (block, expected) in [
            (0, 0xE03E_AD09_35C9_5E80_E166_B16D_D92B_4EB4_u128),
            (1, 0xD235_1316_2B02_D0F7_2A43_A2FE_4A5F_97AB),
            (2, 0x41E9_5B3B_B0A2_E8DD_4779_01E4_FCA8_94C0),
            (0xFEFF, 0xEC8C_DF73_9860_7CB0_F2D2_1675_EA9E_A1E4),
            (0xFF00, 0x362B_7C3C_6773_5163_18A0_77D7_FC50_73AE),
            (0xFF01, 0x6A2C_C378_7889_374F_BEB4_C81B_17BA_6C44),
        ] {
            assert_eq!(
                octets[block * 16..][..16],
                expected.to_be_bytes(),
                "{block:#x}"
            );
        }
    }
}
