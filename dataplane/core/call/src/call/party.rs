//! The other party of a transfer: whom the caller is to be connected with, and how far that is.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use callplane_agent::{Transfer, UtteranceId};
use callplane_audio::mix_into;
use callplane_flow::Waiting;
use callplane_sdp::{Codec, LocalMedia};
use callplane_sip::Command;
use callplane_types::{E164, Instant, WallTime};

use super::agreement::Agreement;
use crate::facts::PartyFacts;
use crate::hangup::Hangup;
use crate::input::PartyLine;
use crate::media::{
    Audience, Clip, FRAME_SAMPLES, Frame, Line, Observers, Packets, Playout, Port, WaitingSound,
};
use crate::setup::Guards;

/// How long whoever makes the line may take.
const PREPARATION: Duration = Duration::from_secs(5);
/// How long somebody who answered is kept from the caller by a whisper that is not there.
const WHISPER_WAIT: Duration = Duration::from_secs(3);

/// Names a party within its call; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartyId(pub(crate) u32);

/// The other party. **Until it is joined it hears nothing of the caller, and the caller nothing of it but what
/// its network plays before the answer.**
#[derive(Debug)]
pub(super) struct Party {
    pub(super) id: PartyId,
    phase: Phase,
    ring: Duration,
    waiting: Waiting,
    sound: WaitingSound,
    whisper: Whisper,
    playout: Playout,
    agreement: Option<Agreement>,
    answered: Option<Instant>,
    line: Option<Line>,
    seed: u64,
    /// What is heard of them.
    voice: Frame,
    /// What they hear.
    hears: Frame,
    facts: PartyFacts,
}

/// How far it is, and until when it may stay there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Somebody looks for a line and a port.
    Preparing { until: Instant },
    /// The INVITE is on its way.
    Ringing { until: Instant },
    /// Answered; hears what it is about.
    Whispering { until: Instant },
    /// Talks with the caller.
    Joined { since: Instant },
}

/// What is said to who answers.
#[derive(Debug)]
enum Whisper {
    None,
    /// Being synthesised.
    Awaited(UtteranceId),
    Ready(UtteranceId, Clip),
    /// In the playout.
    Playing,
}

/// What time brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// It was rung for as long as it may.
    NotReached,
    /// It can talk with the caller from now on.
    Joined,
    /// The handshake that its media has its keys of failed.
    Unkeyed,
    /// Nothing comes from it any more.
    Silent,
}

impl Party {
    pub(super) fn new(
        now: Instant,
        wall: WallTime,
        id: PartyId,
        transfer: Transfer,
        language: &str,
        seed: u64,
    ) -> Self {
        let Transfer {
            to,
            ring,
            waiting,
            whisper,
        } = transfer;
        Self {
            id,
            phase: Phase::Preparing {
                until: now + PREPARATION,
            },
            ring,
            waiting,
            sound: WaitingSound::new(waiting, language),
            whisper: whisper.map_or(Whisper::None, Whisper::Awaited),
            playout: Playout::default(),
            agreement: None,
            answered: None,
            line: None,
            seed,
            voice: [0; FRAME_SAMPLES],
            hears: [0; FRAME_SAMPLES],
            facts: PartyFacts::new(id, to, wall),
        }
    }

    pub(super) fn to(&self) -> &E164 {
        &self.facts.to
    }

    /// There is a line: what to offer on it. The caller's codec comes first, so that nothing needs to be coded
    /// anew between both.
    pub(super) fn prepare(
        &mut self,
        now: Instant,
        line: PartyLine,
        caller: Option<Codec>,
    ) -> Option<Bytes> {
        if !matches!(self.phase, Phase::Preparing { .. }) {
            return None;
        }
        self.phase = Phase::Ringing {
            until: now + self.ring,
        };
        let PartyLine { local, secrecy } = line;
        let mut codecs = local.codecs;
        codecs.sort_by_key(|codec| Some(*codec) != caller);
        let local = LocalMedia { codecs, ..local };
        let agreement = Agreement::new(self.seed, local, secrecy);
        Some(self.agreement.insert(agreement).offer())
    }

    pub(super) fn ringing(&mut self, wall: WallTime) {
        self.facts.ringing_at.get_or_insert(wall);
    }

    /// Takes an answer to our offer, early or final; whether it can be used.
    pub(super) fn accept(&mut self, now: Instant, answer: &[u8]) -> bool {
        match (&mut self.agreement, answer.is_empty()) {
            (Some(agreement), false) => agreement.accept(now, answer, &mut self.line),
            // A 200 may leave out what a 183 said.
            _ => self.line.is_some(),
        }
    }

    /// What our 200 to another INVITE of theirs says.
    pub(super) fn describe(&mut self, now: Instant, offer: Option<&[u8]>) -> Option<Bytes> {
        self.agreement
            .as_mut()?
            .describe(now, offer, &mut self.line)
    }

    /// The ACK of that, which brings an answer where our 200 held the offer.
    pub(super) fn acknowledged(&mut self, now: Instant, answer: Option<&[u8]>) {
        if let Some(agreement) = &mut self.agreement
            && agreement.takes_answer()
            && let Some(answer) = answer
        {
            agreement.accept(now, answer, &mut self.line);
        }
    }

    pub(super) fn answered(&mut self, now: Instant, wall: WallTime) {
        self.facts.answered_at = Some(wall);
        self.answered = Some(now);
        self.phase = Phase::Whispering {
            until: now + WHISPER_WAIT,
        };
    }

    /// Whether the utterance is the whisper, which then is ready, or never will be.
    pub(super) fn whisper_arrived(&mut self, utterance: UtteranceId, clip: Option<&Clip>) -> bool {
        match self.whisper {
            Whisper::Awaited(awaited) if awaited == utterance => {}
            _ => return false,
        }
        self.whisper = match clip {
            Some(clip) => Whisper::Ready(utterance, clip.clone()),
            None => Whisper::None,
        };
        true
    }

    /// What has become due at `now`.
    pub(super) fn due(&mut self, now: Instant, guards: &Guards) -> Option<Due> {
        if self.lacks_keys(now, guards.handshake) {
            return Some(Due::Unkeyed);
        }
        match self.phase {
            Phase::Preparing { until } | Phase::Ringing { until } => {
                (now >= until).then_some(Due::NotReached)
            }
            Phase::Whispering { until } => {
                let whispers = match &self.whisper {
                    Whisper::None => false,
                    Whisper::Awaited(_) => now < until,
                    Whisper::Ready(utterance, clip) => {
                        self.playout.play(*utterance, clip.clone());
                        self.whisper = Whisper::Playing;
                        true
                    }
                    Whisper::Playing => self.playout.is_playing(),
                };
                (!whispers).then_some(Due::Joined)
            }
            Phase::Joined { since } => {
                let heard = self.line.as_ref().and_then(|line| line.last_heard(since));
                heard
                    .is_some_and(|heard| now - heard >= guards.media)
                    .then_some(Due::Silent)
            }
        }
    }

    fn lacks_keys(&self, now: Instant, limit: Duration) -> bool {
        let Some(answered) = self.answered else {
            return false;
        };
        let mut line = self.line.iter();
        line.any(|line| line.lacks_keys(now, answered, limit))
    }

    pub(super) fn join(&mut self, now: Instant, wall: WallTime) {
        self.phase = Phase::Joined { since: now };
        self.facts.joined_at = Some(wall);
    }

    pub(super) const fn is_joined(&self) -> bool {
        matches!(self.phase, Phase::Joined { .. })
    }

    /// What ends its session.
    pub(super) const fn farewell(&self) -> Option<Command> {
        match self.phase {
            Phase::Preparing { .. } => None,
            Phase::Ringing { .. } => Some(Command::Cancel),
            Phase::Whispering { .. } | Phase::Joined { .. } => Some(Command::Hangup),
        }
    }

    /// What is left of it.
    pub(super) fn finish(
        mut self,
        now: Instant,
        wall: WallTime,
        hangup: Hangup,
        sip_status: Option<u16>,
    ) -> PartyFacts {
        self.facts.ended_at = wall;
        self.facts.hangup = hangup;
        self.facts.sip_status = sip_status.or(self.facts.answered_at.map(|_| 200));
        if let Some(line) = &self.line {
            self.facts.codec = Some(line.codec());
            self.facts.encryption = line.encryption();
            self.facts.quality = line.quality(now);
            self.facts.refused = line.refused();
        }
        self.facts
    }
}

// === Media ===

impl Party {
    /// A datagram that came before there is a line.
    pub(super) fn arrived_early(&mut self, port: Port, from: SocketAddr, datagram: &[u8]) {
        if let (None, Some(agreement)) = (&self.line, &mut self.agreement) {
            agreement.arrived_early(port, from, datagram);
        }
    }

    pub(super) fn line(&mut self) -> Option<&mut Line> {
        self.line.as_mut()
    }

    /// Takes the next 20 ms of it for the `audience` of the call: what the caller hears instead of it, or of it.
    pub(super) fn listen(&mut self, now: Instant, audience: Audience) -> &Frame {
        let is_heard = match self.phase {
            Phase::Preparing { .. } | Phase::Whispering { .. } => false,
            Phase::Ringing { .. } => {
                self.waiting == Waiting::Ringback && self.line.as_ref().is_some_and(Line::has_heard)
            }
            Phase::Joined { .. } => true,
        };
        let audience = match is_heard {
            true => audience,
            false => Audience::Nobody,
        };
        match &mut self.line {
            Some(line) => line.listen(now, audience, &mut self.voice),
            None => self.voice.fill(0),
        }
        if !is_heard {
            self.sound.fill(&mut self.voice);
        }
        &self.voice
    }

    /// Makes the next 20 ms that it hears.
    pub(super) fn hear(&mut self, caller: &Frame, agent: &Frame, observers: &Observers) {
        match self.phase {
            Phase::Joined { .. } => {
                self.hears = *caller;
                mix_into(&mut self.hears, agent);
                observers.mix_for_party(&mut self.hears);
            }
            _ => {
                if self.playout.next(&mut self.hears).is_none() {
                    self.hears.fill(0);
                }
            }
        }
    }

    /// Checks and handshakes go on; it is there since it answered our offer.
    pub(super) fn advance(&mut self, now: Instant) {
        if let Some(line) = &mut self.line {
            line.advance(now, true);
        }
    }

    /// The packets of that frame; the control packets alone while the caller's are passed on.
    pub(super) fn send(&mut self, now: Instant, wall: WallTime, passing: bool) -> Packets<'_> {
        self.advance(now);
        match (&mut self.line, passing) {
            (Some(line), false) => line.send(now, wall, &self.hears),
            (Some(line), true) => line.report(now, wall),
            (None, _) => Packets::default(),
        }
    }
}
