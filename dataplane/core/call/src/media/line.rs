//! What connects a call with its caller.

use std::time::Duration;

use callplane_srtp::Profile;
use callplane_types::{Instant, WallTime};

use super::frames::Frames;
use super::leg::{Leg, Packets};
use super::{Audience, Frame, Outgoing, WideFrame};
use crate::facts::{Quality, RefusedPackets};

/// The line of a call.
#[derive(Debug)]
pub(crate) enum Line {
    /// RTP, agreed on over SIP.
    Rtp(Box<Leg>),
    /// Frames that are handed in and out.
    Frames(Box<Frames>),
}

impl Line {
    /// The next 20 ms of the caller, as far as the audience needs them.
    pub(crate) fn listen(&mut self, now: Instant, audience: Audience, caller: &mut Frame) {
        match self {
            Self::Rtp(leg) => leg.decode_next(now, audience, caller),
            Self::Frames(frames) => frames.take(caller),
        }
    }

    /// The frame that was taken last at 16 kHz, where there may be more in it than at 8 kHz.
    pub(crate) fn wide(&self) -> Option<&WideFrame> {
        match self {
            Self::Rtp(leg) => leg.wide(),
            Self::Frames(_) => None,
        }
    }

    /// The packets of this frame of the agent; there are none where frames are handed out.
    pub(crate) fn send(&mut self, now: Instant, wall: WallTime, agent: &Frame) -> Packets<'_> {
        match self {
            Self::Rtp(leg) => leg.send(now, wall, agent),
            Self::Frames(_) => Packets::default(),
        }
    }

    /// The control packets alone, while the audio of another party is passed on.
    pub(crate) fn report(&mut self, now: Instant, wall: WallTime) -> Packets<'_> {
        match self {
            Self::Rtp(leg) => leg.report(now, wall),
            Self::Frames(_) => Packets::default(),
        }
    }

    pub(crate) fn is_held(&self) -> bool {
        match self {
            Self::Rtp(leg) => leg.is_held(),
            Self::Frames(_) => false,
        }
    }

    /// Whether anything was let through.
    pub(crate) fn has_heard(&self) -> bool {
        match self {
            Self::Rtp(leg) => leg.has_heard(),
            Self::Frames(frames) => frames.last_heard().is_some(),
        }
    }

    /// Since when nothing is heard; nothing while we are not to hear anything. A browser in whose call
    /// nobody talks may send nothing (RFC 7587 section 3.1.3): whether it is there, its own checks say.
    pub(crate) fn last_heard(&self, connected: Instant) -> Option<Instant> {
        match self {
            Self::Rtp(leg) => leg.last_heard(connected),
            Self::Frames(_) => None,
        }
    }

    /// Checks and handshakes go on. `may_begin`: the other side said that it is there.
    pub(crate) fn advance(&mut self, now: Instant, may_begin: bool) {
        if let Self::Rtp(leg) = self {
            leg.advance(now, may_begin);
        }
    }

    /// Whether media, which could flow since `connected`, has not got the keys of its handshake within `limit`, or
    /// never will.
    pub(crate) fn lacks_keys(&self, now: Instant, connected: Instant, limit: Duration) -> bool {
        let since = match self {
            Self::Rtp(leg) => leg.awaits_keys_since(),
            Self::Frames(_) => None,
        };
        self.has_failed() || since.is_some_and(|since| now - since.max(connected) >= limit)
    }

    /// Whether media will never have the keys of its handshake.
    pub(crate) fn has_failed(&self) -> bool {
        match self {
            Self::Rtp(leg) => leg.failure().is_some(),
            Self::Frames(_) => false,
        }
    }

    /// What is to be sent besides [`Packets`].
    pub(crate) fn poll_outgoing(&mut self) -> Option<Outgoing> {
        match self {
            Self::Rtp(leg) => leg.poll_outgoing(),
            Self::Frames(_) => None,
        }
    }

    /// Whether the keys that come are in the audio as well.
    pub(crate) fn has_audible_keys(&self) -> bool {
        match self {
            Self::Rtp(leg) => leg.has_audible_keys(),
            Self::Frames(_) => false,
        }
    }

    /// Presses a key at the far end. A browser takes none.
    pub(crate) fn press(&mut self, key: char) {
        if let Self::Rtp(leg) = self {
            leg.press(key);
        }
    }

    pub(crate) fn poll_key(&mut self) -> Option<char> {
        match self {
            Self::Rtp(leg) => leg.poll_key(),
            Self::Frames(_) => None,
        }
    }

    /// Whether a key that came by INFO is another than those that were heard.
    pub(crate) fn is_news(&mut self, now: Instant, key: char) -> bool {
        match self {
            Self::Rtp(leg) => leg.is_news(now, key),
            Self::Frames(_) => true,
        }
    }

    pub(crate) fn codec(&self) -> &'static str {
        match self {
            Self::Rtp(leg) => leg.codec().name(),
            Self::Frames(frames) => frames.codec(),
        }
    }

    /// What SRTP encrypts with; a browser's media has its own, which never comes here.
    pub(crate) fn encryption(&self) -> Option<Profile> {
        match self {
            Self::Rtp(leg) => leg.encryption(),
            Self::Frames(_) => None,
        }
    }

    /// Nothing if nothing came.
    pub(crate) fn quality(&self, now: Instant) -> Option<Quality> {
        match self {
            Self::Rtp(leg) => leg.quality(now),
            Self::Frames(frames) => frames.quality(),
        }
    }

    pub(crate) fn refused(&self) -> RefusedPackets {
        match self {
            Self::Rtp(leg) => leg.refused(),
            Self::Frames(_) => RefusedPackets::default(),
        }
    }
}
