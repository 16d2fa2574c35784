//! The sending end.

use std::fmt;

use crate::derivation::Protocol;
use crate::error::Error;
use crate::header::{RtpHeader, rtcp_ssrc};
use crate::keying::KeyingMaterial;
use crate::session_keys::SessionKeys;
use crate::source::{Position, Sources};

/// Protects what goes out under one master key.
///
/// **No index is used twice**, so no two packets share a keystream: a sequence number that was used,
/// or that is more than 127 behind, is an error. A stream's first sequence number should be below
/// 2^15 (RFC 4568 section 6.4): else a receiver that misses the packets before the first wrap never
/// learns of it.
pub struct Protector {
    keys: SessionKeys,
    sources: Sources,
}

impl Protector {
    /// Of streams of which nothing has been sent: rollover counters begin at zero.
    #[must_use]
    pub fn new(keys: &KeyingMaterial) -> Self {
        Self::with_sources(keys, Sources::default())
    }

    /// Under new keys, of streams that go on from [`Protector::positions`] of the old ones.
    ///
    /// Far ends are known that begin to count at zero under new keys, against RFC 3711 section
    /// 3.3.1. A stream that takes a new SSRC with its new keys begins at zero for all of them.
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
        let keys = SessionKeys::new(keys).expect("keying material is as long as its profile says");
        Self { keys, sources }
    }

    /// How far each source has come.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.sources.positions()
    }

    /// Makes an RTP packet an SRTP packet, [`Profile::rtp_overhead`](crate::Profile::rtp_overhead)
    /// octets longer.
    ///
    /// # Errors
    /// The packet is malformed, its sequence number was used, or the key is used up.
    pub fn protect_rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), Error> {
        let header = RtpHeader::parse(packet)?;
        let index = self.sources.rtp_index(header.ssrc, header.sequence)?;
        self.keys.seal_rtp(packet, header, index)?;
        self.sources.mark(Protocol::Rtp, header.ssrc, index)
    }

    /// Makes a compound RTCP packet an SRTCP packet,
    /// [`Profile::rtcp_overhead`](crate::Profile::rtcp_overhead) octets longer.
    ///
    /// # Errors
    /// The packet is malformed, or the key is used up.
    pub fn protect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Error> {
        let ssrc = rtcp_ssrc(packet)?;
        let index = self.sources.next_rtcp_index(ssrc)?;
        self.keys.seal_rtcp(packet, ssrc, index)?;
        self.sources.mark(Protocol::Rtcp, ssrc, index.into())
    }
}

impl fmt::Debug for Protector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protector")
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}
