//! AES in Galois/counter mode (RFC 7714).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

use crate::derivation::{Derivation, Protocol, Purpose};
use crate::error::Error;
use crate::header::{RTCP_HEADER, RtpHeader};
use crate::keying::KeyingMaterial;
use crate::session_keys::ENCRYPTED;

const MAX_KEY: usize = 32;
const SALT: usize = 12;
const TAG: usize = 16;
const RTCP_WORD: usize = 4;

/// The session keys of both protocols.
pub(crate) struct Gcm {
    rtp: Keys,
    rtcp: Keys,
}

/// The session keys of one protocol.
struct Keys {
    key: LessSafeKey,
    salt: [u8; SALT],
}

impl Gcm {
    pub(crate) const RTCP_WORD_FROM_END: usize = RTCP_WORD;

    pub(crate) fn new(master: &KeyingMaterial) -> Result<Self, Unspecified> {
        let derivation = Derivation::new(master)?;
        let length = master.profile().key_length();
        Ok(Self {
            rtp: Keys::derive(&derivation, length, Protocol::Rtp)?,
            rtcp: Keys::derive(&derivation, length, Protocol::Rtcp)?,
        })
    }

    /// The header is authenticated as it is (RFC 7714 section 8.2).
    pub(crate) fn seal_rtp(
        &self,
        packet: &mut Vec<u8>,
        header: RtpHeader,
        index: u64,
    ) -> Result<(), Error> {
        let (header_octets, payload) = packet.split_at_mut(header.length);
        let tag = self.rtp.key.seal_in_place_separate_tag(
            self.rtp.nonce(header.ssrc, index),
            Aad::from(header_octets),
            payload,
        )?;
        packet.extend_from_slice(tag.as_ref());
        Ok(())
    }

    pub(crate) fn open_rtp(
        &self,
        packet: &mut [u8],
        header: RtpHeader,
        index: u64,
    ) -> Result<usize, Error> {
        let (header_octets, sealed) = packet.split_at_mut(header.length);
        let nonce = self.rtp.nonce(header.ssrc, index);
        self.rtp.open(nonce, Aad::from(&*header_octets), sealed)?;
        Ok(packet.len() - TAG)
    }

    /// The tag comes before the word with the index (RFC 7714 section 9.2).
    pub(crate) fn seal_rtcp(
        &self,
        packet: &mut Vec<u8>,
        ssrc: u32,
        index: u32,
    ) -> Result<(), Error> {
        let aad = rtcp_aad(packet, index);
        let tag = self.rtcp.key.seal_in_place_separate_tag(
            self.rtcp.nonce(ssrc, index.into()),
            Aad::from(aad),
            &mut packet[RTCP_HEADER..],
        )?;
        packet.extend_from_slice(tag.as_ref());
        packet.extend_from_slice(&(ENCRYPTED | index).to_be_bytes());
        Ok(())
    }

    pub(crate) fn open_rtcp(
        &self,
        packet: &mut [u8],
        ssrc: u32,
        index: u32,
    ) -> Result<usize, Error> {
        let end = packet
            .len()
            .checked_sub(RTCP_WORD)
            .ok_or(Error::Truncated)?;
        let aad = Aad::from(rtcp_aad(packet, index));
        let sealed = &mut packet[RTCP_HEADER..end];
        self.rtcp
            .open(self.rtcp.nonce(ssrc, index.into()), aad, sealed)?;
        Ok(end - TAG)
    }
}

impl Keys {
    fn derive(
        derivation: &Derivation,
        key_length: usize,
        protocol: Protocol,
    ) -> Result<Self, Unspecified> {
        let mut key = Zeroizing::new([0; MAX_KEY]);
        let key = &mut key[..key_length];
        derivation.derive(protocol, Purpose::Encryption, key)?;
        let mut salt = [0; SALT];
        derivation.derive(protocol, Purpose::Salt, &mut salt)?;
        let algorithm = match key_length {
            16 => &AES_128_GCM,
            _ => &AES_256_GCM,
        };
        Ok(Self {
            key: LessSafeKey::new(UnboundKey::new(algorithm, key)?),
            salt,
        })
    }

    /// Two zero octets, the SSRC and the index of 48 bits, XOR the salt (RFC 7714 sections 8.1 and
    /// 9.1). **It is new for each packet, because the windows of the sources let no index pass
    /// twice.**
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = self.salt;
        let unique = u128::from(ssrc) << 48 | u128::from(index);
        for (octet, unique) in nonce.iter_mut().zip(&unique.to_be_bytes()[16 - SALT..]) {
            *octet ^= unique;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    fn open<A: AsRef<[u8]>>(
        &self,
        nonce: Nonce,
        aad: Aad<A>,
        sealed: &mut [u8],
    ) -> Result<(), Error> {
        match self.key.open_in_place(nonce, aad, sealed) {
            Ok(_) => Ok(()),
            Err(Unspecified) => Err(Error::Unauthentic),
        }
    }
}

/// What is authenticated besides the ciphertext: the header and the word with the index (RFC 7714
/// section 9.2).
fn rtcp_aad(packet: &[u8], index: u32) -> [u8; RTCP_HEADER + RTCP_WORD] {
    let mut aad = [0; RTCP_HEADER + RTCP_WORD];
    aad[..RTCP_HEADER].copy_from_slice(&packet[..RTCP_HEADER]);
    aad[RTCP_HEADER..].copy_from_slice(&(ENCRYPTED | index).to_be_bytes());
    aad
}
