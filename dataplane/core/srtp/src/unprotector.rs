//! The receiving end.

use std::fmt;

use crate::derivation::Protocol;
use crate::error::Error;
use crate::header::{RTCP_HEADER, RtpHeader, rtcp_ssrc};
use crate::keying::KeyingMaterial;
use crate::profile::Profile;
use crate::session_keys::{ENCRYPTED, SessionKeys};
use crate::source::{Position, Sources};

/// Opens what comes in under one master key.
///
/// **A packet is delivered at most once, and nothing is remembered of one that is not authentic.**
/// An SSRC that was not heard before begins with a rollover counter of zero, where it must prove
/// authentic like any other.
pub struct Unprotector {
    profile: Profile,
    keys: SessionKeys,
    sources: Sources,
}

impl Unprotector {
    /// Of streams of which nothing has been heard: rollover counters begin at zero.
    #[must_use]
    pub fn new(keys: &KeyingMaterial) -> Self {
        Self::with_sources(keys, Sources::default())
    }

    /// Under new keys, of streams that go on from [`Unprotector::positions`] of the old ones. What
    /// the sender protected before is still opened by the old ones.
    ///
    /// Whoever has to hear far ends that begin to count at zero under new keys, against RFC 3711
    /// section 3.3.1, gives copies of the first packets to a [`new`](Self::new) one as well.
    ///
    /// # Errors
    /// There are more than [`MAX_SOURCES`](crate::MAX_SOURCES).
    pub fn resume(
        keys: &KeyingMaterial,
        positions: impl IntoIterator<Item = Position>,
    ) -> Result<Self, Error> {
        Ok(Self::with_sources(keys, Sources::resume(positions)?))
    }

    fn with_sources(keys: &KeyingMaterial, sources: Sources) -> Self {
        Self {
            profile: keys.profile(),
            keys: SessionKeys::new(keys).expect("keying material is as long as its profile says"),
            sources,
        }
    }

    /// How far each source has come.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.sources.positions()
    }

    /// Makes an SRTP packet an RTP packet, which is at the beginning of the same octets.
    ///
    /// # Errors
    /// The packet is malformed, not authentic or was seen before. Its octets are then of no use.
    pub fn unprotect_rtp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a mut [u8], Error> {
        let end = before_overhead(packet, self.profile.rtp_overhead())?;
        let header = RtpHeader::parse(&packet[..end])?;
        let index = self.sources.rtp_index(header.ssrc, header.sequence)?;
        let length = self.keys.open_rtp(packet, header, index)?;
        self.sources.mark(Protocol::Rtp, header.ssrc, index)?;
        Ok(&mut packet[..length])
    }

    /// Makes an SRTCP packet an RTCP packet, which is at the beginning of the same octets.
    ///
    /// # Errors
    /// The packet is malformed, not authentic or was seen before. Its octets are then of no use.
    pub fn unprotect_rtcp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a mut [u8], Error> {
        let end = before_overhead(packet, self.profile.rtcp_overhead())?;
        if end < RTCP_HEADER {
            return Err(Error::Truncated);
        }
        let ssrc = rtcp_ssrc(packet)?;
        let word = index_word(packet, self.keys.rtcp_word_from_end())?;
        if word & ENCRYPTED == 0 {
            return Err(Error::Unencrypted);
        }
        let index = word & !ENCRYPTED;
        self.sources.check_rtcp(ssrc, index)?;
        let length = self.keys.open_rtcp(packet, ssrc, index)?;
        self.sources.mark(Protocol::Rtcp, ssrc, index.into())?;
        Ok(&mut packet[..length])
    }
}

impl fmt::Debug for Unprotector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unprotector")
            .field("profile", &self.profile)
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

fn before_overhead(packet: &[u8], overhead: usize) -> Result<usize, Error> {
    packet.len().checked_sub(overhead).ok_or(Error::Truncated)
}

/// The word with the flag and the index (RFC 3711 section 3.4).
fn index_word(packet: &[u8], from_end: usize) -> Result<u32, Error> {
    let at = before_overhead(packet, from_end)?;
    let word = packet[at..].first_chunk().ok_or(Error::Truncated)?;
    Ok(u32::from_be_bytes(*word))
}
