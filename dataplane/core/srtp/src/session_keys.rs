//! The keys that packets are protected with, of whatever profile.

use aws_lc_rs::error::Unspecified;

use crate::counter_mode::CounterMode;
use crate::error::Error;
use crate::gcm::Gcm;
use crate::header::RtpHeader;
use crate::keying::KeyingMaterial;
use crate::profile::Profile;

/// The bit of the index word that says that a control packet is encrypted (RFC 3711 section 3.4).
pub(crate) const ENCRYPTED: u32 = 1 << 31;

/// The rollover counter of an index, as it goes into a tag.
pub(crate) fn roc(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// Seals and opens packets whose header was checked and whose index is known.
///
/// Packets are changed in place; opening gives the length of the plain packet, which is a prefix of
/// the protected one. Callers have checked that headers end within the packet and before the tag.
pub(crate) enum SessionKeys {
    CounterMode(Box<CounterMode>),
    Gcm(Box<Gcm>),
}

impl SessionKeys {
    pub(crate) fn new(master: &KeyingMaterial) -> Result<Self, Unspecified> {
        Ok(match master.profile() {
            Profile::AesCm128HmacSha1Tag80 | Profile::AesCm128HmacSha1Tag32 => {
                Self::CounterMode(Box::new(CounterMode::new(master)?))
            }
            Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => {
                Self::Gcm(Box::new(Gcm::new(master)?))
            }
        })
    }

    pub(crate) fn seal_rtp(
        &self,
        packet: &mut Vec<u8>,
        header: RtpHeader,
        index: u64,
    ) -> Result<(), Error> {
        match self {
            Self::CounterMode(keys) => keys.seal_rtp(packet, header, index),
            Self::Gcm(keys) => keys.seal_rtp(packet, header, index),
        }
    }

    pub(crate) fn open_rtp(
        &self,
        packet: &mut [u8],
        header: RtpHeader,
        index: u64,
    ) -> Result<usize, Error> {
        match self {
            Self::CounterMode(keys) => keys.open_rtp(packet, header, index),
            Self::Gcm(keys) => keys.open_rtp(packet, header, index),
        }
    }

    pub(crate) fn seal_rtcp(
        &self,
        packet: &mut Vec<u8>,
        ssrc: u32,
        index: u32,
    ) -> Result<(), Error> {
        match self {
            Self::CounterMode(keys) => keys.seal_rtcp(packet, ssrc, index),
            Self::Gcm(keys) => keys.seal_rtcp(packet, ssrc, index),
        }
    }

    pub(crate) fn open_rtcp(
        &self,
        packet: &mut [u8],
        ssrc: u32,
        index: u32,
    ) -> Result<usize, Error> {
        match self {
            Self::CounterMode(keys) => keys.open_rtcp(packet, ssrc, index),
            Self::Gcm(keys) => keys.open_rtcp(packet, ssrc, index),
        }
    }

    /// Where the word with the index is, counted from the end of a control packet.
    pub(crate) fn rtcp_word_from_end(&self) -> usize {
        match self {
            Self::CounterMode(_) => CounterMode::RTCP_WORD_FROM_END,
            Self::Gcm(_) => Gcm::RTCP_WORD_FROM_END,
        }
    }
}
