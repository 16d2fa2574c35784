//! The streams under one key.

use crate::derivation::Protocol;
use crate::error::Error;
use crate::window::Window;

/// How many SSRCs one key serves. A call has one or two at a time; a far end that changes its SSRC
/// with every transfer stays within this for long.
pub const MAX_SOURCES: usize = 64;
/// The highest index of SRTP: a key protects at most 2^48 packets (RFC 3711 section 9.2).
pub(crate) const MAX_RTP_INDEX: u64 = (1 << 48) - 1;
/// The highest index of SRTCP: 2^31 packets.
pub(crate) const MAX_RTCP_INDEX: u64 = (1 << 31) - 1;

/// How far a source has come: what has to go on when its keys change.
///
/// Neither the rollover counter nor the SRTCP index begins again under new keys (RFC 3711 sections
/// 3.3.1 and 3.4), and the counter is in no packet to be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Whose packets these are.
    pub ssrc: u32,
    /// The highest index of an RTP packet, 48 bits: the rollover counter, then the sequence number.
    pub rtp_index: Option<u64>,
    /// The highest index of a control packet, 31 bits.
    pub rtcp_index: Option<u32>,
}

/// What is known of each source. **None is ever forgotten**: that would let its packets be replayed,
/// or its keystream be used again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources(Vec<Source>);

#[derive(Debug, Clone)]
struct Source {
    ssrc: u32,
    rtp: Option<Window>,
    rtcp: Option<Window>,
}

impl Sources {
    pub(crate) fn resume(positions: impl IntoIterator<Item = Position>) -> Result<Self, Error> {
        let mut sources = Self::default();
        for position in positions {
            let source = sources.entry(position.ssrc)?;
            source.rtp = position.rtp_index.map(Window::after);
            source.rtcp = position.rtcp_index.map(u64::from).map(Window::after);
        }
        Ok(sources)
    }

    pub(crate) fn positions(&self) -> impl Iterator<Item = Position> {
        self.0.iter().map(|source| Position {
            ssrc: source.ssrc,
            rtp_index: source.rtp.map(|window| window.highest()),
            rtcp_index: source.rtcp.map(|window| window.highest() as u32),
        })
    }

    /// The index of an RTP packet, if it was not used before.
    pub(crate) fn rtp_index(&self, ssrc: u32, sequence: u16) -> Result<u64, Error> {
        let Some(window) = self.window(Protocol::Rtp, ssrc)? else {
            return Ok(sequence.into());
        };
        let index = window.estimate(sequence).ok_or(Error::Replayed)?;
        if index > MAX_RTP_INDEX {
            return Err(Error::KeyExhausted);
        }
        match window.is_new(index) {
            true => Ok(index),
            false => Err(Error::Replayed),
        }
    }

    /// The index of the next control packet. The first is 1, as other implementations have it.
    pub(crate) fn next_rtcp_index(&self, ssrc: u32) -> Result<u32, Error> {
        let before = match self.window(Protocol::Rtcp, ssrc)? {
            Some(window) => window.highest(),
            None => 0,
        };
        match before {
            MAX_RTCP_INDEX.. => Err(Error::KeyExhausted),
            before => Ok(before as u32 + 1),
        }
    }

    /// Whether the index of a control packet was not used before.
    pub(crate) fn check_rtcp(&self, ssrc: u32, index: u32) -> Result<(), Error> {
        match self.window(Protocol::Rtcp, ssrc)? {
            Some(window) if !window.is_new(index.into()) => Err(Error::Replayed),
            Some(_) | None => Ok(()),
        }
    }

    /// Counts a packet that was protected, or that proved authentic.
    pub(crate) fn mark(&mut self, protocol: Protocol, ssrc: u32, index: u64) -> Result<(), Error> {
        let source = self.entry(ssrc)?;
        let window = match protocol {
            Protocol::Rtp => &mut source.rtp,
            Protocol::Rtcp => &mut source.rtcp,
        };
        window
            .get_or_insert_with(|| Window::begin(index))
            .mark(index);
        Ok(())
    }

    /// The window of a source; none of one that may still be added.
    fn window(&self, protocol: Protocol, ssrc: u32) -> Result<Option<&Window>, Error> {
        match self.0.iter().find(|source| source.ssrc == ssrc) {
            Some(source) => Ok(match protocol {
                Protocol::Rtp => source.rtp.as_ref(),
                Protocol::Rtcp => source.rtcp.as_ref(),
            }),
            None if self.0.len() < MAX_SOURCES => Ok(None),
            None => Err(Error::TooManySources),
        }
    }

    fn entry(&mut self, ssrc: u32) -> Result<&mut Source, Error> {
        let known = self.0.iter().position(|source| source.ssrc == ssrc);
        let at = match known {
            Some(at) => at,
            None if self.0.len() < MAX_SOURCES => {
                self.0.push(Source {
                    ssrc,
                    rtp: None,
                    rtcp: None,
                });
                self.0.len() - 1
            }
            None => return Err(Error::TooManySources),
        };
        Ok(&mut self.0[at])
    }
}
