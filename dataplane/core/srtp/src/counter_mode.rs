//! AES in counter mode with HMAC-SHA1 (RFC 3711 sections 4.1.1 and 4.2.1).

use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::derivation::{Derivation, Protocol, Purpose, counter_mode, keystream};
use crate::error::Error;
use crate::header::{RTCP_HEADER, RtpHeader};
use crate::keying::KeyingMaterial;
use crate::profile::Profile;
use crate::session_keys::{ENCRYPTED, roc};

const AUTHENTICATION_KEY: usize = 20;
const SALT: usize = 14;
const RTCP_TAG: usize = 10;
const RTCP_WORD: usize = 4;

/// The session keys of both protocols.
pub(crate) struct CounterMode {
    rtp: Keys,
    rtcp: Keys,
    rtp_tag: usize,
}

/// The session keys of one protocol.
struct Keys {
    cipher: EncryptingKey,
    /// The session salt times 2^16.
    salt: [u8; 16],
    /// Holds the state of the hash behind the key, so that a packet does not pay for it.
    authentication: hmac::Key,
}

impl CounterMode {
    pub(crate) const RTCP_WORD_FROM_END: usize = RTCP_WORD + RTCP_TAG;

    pub(crate) fn new(master: &KeyingMaterial) -> Result<Self, Unspecified> {
        let derivation = Derivation::new(master)?;
        Ok(Self {
            rtp: Keys::derive(&derivation, master.profile(), Protocol::Rtp)?,
            rtcp: Keys::derive(&derivation, master.profile(), Protocol::Rtcp)?,
            rtp_tag: master.profile().rtp_overhead(),
        })
    }

    pub(crate) fn seal_rtp(
        &self,
        packet: &mut Vec<u8>,
        header: RtpHeader,
        index: u64,
    ) -> Result<(), Error> {
        let payload = &mut packet[header.length..];
        self.rtp.add_keystream(header.ssrc, index, payload)?;
        let tag = self.rtp.tag(packet, &roc(index));
        packet.extend_from_slice(&tag.as_ref()[..self.rtp_tag]);
        Ok(())
    }

    pub(crate) fn open_rtp(
        &self,
        packet: &mut [u8],
        header: RtpHeader,
        index: u64,
    ) -> Result<usize, Error> {
        let (body, tag) = split_tag(packet, self.rtp_tag)?;
        verify(&self.rtp.tag(body, &roc(index)), tag)?;
        let payload = &mut body[header.length..];
        self.rtp.add_keystream(header.ssrc, index, payload)?;
        Ok(body.len())
    }

    pub(crate) fn seal_rtcp(
        &self,
        packet: &mut Vec<u8>,
        ssrc: u32,
        index: u32,
    ) -> Result<(), Error> {
        let reports = &mut packet[RTCP_HEADER..];
        self.rtcp.add_keystream(ssrc, index.into(), reports)?;
        packet.extend_from_slice(&(ENCRYPTED | index).to_be_bytes());
        let tag = self.rtcp.tag(packet, &[]);
        packet.extend_from_slice(&tag.as_ref()[..RTCP_TAG]);
        Ok(())
    }

    pub(crate) fn open_rtcp(
        &self,
        packet: &mut [u8],
        ssrc: u32,
        index: u32,
    ) -> Result<usize, Error> {
        let (signed, tag) = split_tag(packet, RTCP_TAG)?;
        verify(&self.rtcp.tag(signed, &[]), tag)?;
        let (body, _) = split_tag(signed, RTCP_WORD)?;
        let reports = &mut body[RTCP_HEADER..];
        self.rtcp.add_keystream(ssrc, index.into(), reports)?;
        Ok(body.len())
    }
}

impl Keys {
    fn derive(
        derivation: &Derivation,
        profile: Profile,
        protocol: Protocol,
    ) -> Result<Self, Unspecified> {
        let mut key = Zeroizing::new([0; 16]);
        derivation.derive(protocol, Purpose::Encryption, key.as_mut_slice())?;
        let mut salt = [0; 16];
        derivation.derive(protocol, Purpose::Salt, &mut salt[..SALT])?;
        let mut authentication = Zeroizing::new([0; AUTHENTICATION_KEY]);
        derivation.derive(
            protocol,
            Purpose::Authentication,
            authentication.as_mut_slice(),
        )?;
        Ok(Self {
            cipher: counter_mode(profile, key.as_slice())?,
            salt,
            authentication: hmac::Key::new(
                hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                authentication.as_slice(),
            ),
        })
    }

    /// Encrypts or decrypts: IV = (salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16).
    fn add_keystream(&self, ssrc: u32, index: u64, octets: &mut [u8]) -> Result<(), Error> {
        let iv = u128::from_be_bytes(self.salt) ^ u128::from(ssrc) << 64 ^ u128::from(index) << 16;
        Ok(keystream(&self.cipher, iv.to_be_bytes(), octets)?)
    }

    fn tag(&self, packet: &[u8], after: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(packet);
        context.update(after);
        context.sign()
    }
}

fn split_tag(packet: &mut [u8], length: usize) -> Result<(&mut [u8], &mut [u8]), Error> {
    let at = packet.len().checked_sub(length).ok_or(Error::Truncated)?;
    Ok(packet.split_at_mut(at))
}

/// Compares in constant time.
fn verify(computed: &hmac::Tag, received: &[u8]) -> Result<(), Error> {
    verify_slices_are_equal(&computed.as_ref()[..received.len()], received)
        .map_err(|_| Error::Unauthentic)
}
