//! Connecting the caller with another party: the call rings it, joins both, and parts them again.

use std::net::SocketAddr;

use bytes::Bytes;
use callplane_agent as agent;
use callplane_flow::TransferEnd;
use callplane_sip::{Command, Ending, Event};
use callplane_types::{HangupParty, Instant, WallTime};

use super::party::{Due, Party, PartyId};
use super::signal::NOT_ACCEPTABLE_HERE;
use super::{Call, Phase};
use crate::facts::EventKind;
use crate::hangup::{Hangup, HangupCause};
use crate::input::PartyLine;
use crate::media::{Audience, Leg, Line, Outgoing, Packets, Port};
use crate::output::Output;

/// From one party's seed to the next, so that their streams differ: odd.
const SEED_STEP: u64 = 0x9E37_79B9_7F4A_7C15;

// === Signalling ===

impl Call {
    /// Rings the other party. The flow asks for one after the other.
    pub(super) fn transfer(&mut self, now: Instant, transfer: agent::Transfer) {
        self.parties_rung += 1;
        let id = PartyId(self.parties_rung);
        let seed = self
            .seed
            .wrapping_add(SEED_STEP.wrapping_mul(u64::from(self.parties_rung)));
        let party = Party::new(
            now,
            self.timeline.wall(now),
            id,
            transfer,
            &self.language,
            seed,
        );
        self.timeline.event(now, EventKind::TransferStarted);
        let to = party.to().clone();
        self.party = Some(party);
        self.outputs.push_back(Output::Dial { party: id, to });
    }

    /// The party, if it is still the one that is meant: what comes of an earlier one is late.
    fn party(&mut self, id: PartyId) -> Option<&mut Party> {
        self.party.as_mut().filter(|party| party.id == id)
    }

    pub(super) fn party_ready(&mut self, now: Instant, id: PartyId, line: PartyLine) {
        let codec = match &self.line {
            Some(Line::Rtp(leg)) => Some(leg.codec()),
            _ => None,
        };
        let offer = self
            .party(id)
            .and_then(|party| party.prepare(now, line, codec));
        if let Some(sdp) = offer {
            self.outputs
                .push_back(Output::PartyInvite { party: id, sdp });
        }
    }

    pub(super) fn party_unreachable(&mut self, now: Instant, id: PartyId) {
        if self.party(id).is_some() {
            let hangup = Hangup::system(HangupCause::NetworkOutOfOrder);
            self.part(now, hangup, None);
        }
    }

    pub(super) fn party_signal(&mut self, now: Instant, id: PartyId, event: Event) {
        let wall = self.timeline.wall(now);
        let Some(party) = self.party(id) else {
            return;
        };
        match event {
            // It is our INVITE, and its keys are no answers to the agent.
            Event::Incoming(_) | Event::Info { .. } => {}
            Event::Ringing { .. } => party.ringing(wall),
            Event::EarlyMedia { sdp } => {
                party.ringing(wall);
                party.accept(now, &sdp);
            }
            Event::Answered { sdp } => self.party_answered(now, &sdp),
            Event::Acknowledged { sdp } => party.acknowledged(now, sdp.as_deref()),
            Event::Reinvite { offer } => {
                let command = match party.describe(now, offer.as_deref()) {
                    Some(sdp) => Command::AnswerReinvite { sdp },
                    None => Command::RejectReinvite {
                        status: NOT_ACCEPTABLE_HERE,
                    },
                };
                self.outputs
                    .push_back(Output::PartySip { party: id, command });
            }
            Event::Ended(ending) => {
                let (hangup, sip_status) = hangup_of(&ending);
                self.close_party(now, hangup, sip_status);
            }
        }
    }

    fn party_answered(&mut self, now: Instant, answer: &Bytes) {
        let wall = self.timeline.wall(now);
        let Some(party) = &mut self.party else {
            return;
        };
        let agreed = party.accept(now, answer);
        party.answered(now, wall);
        if !agreed {
            let hangup = Hangup::system(HangupCause::IncompatibleDestination);
            self.part(now, hangup, None);
        }
    }

    /// Ends the session of the party, if there is one, and what it was for.
    fn part(&mut self, now: Instant, hangup: Hangup, sip_status: Option<u16>) {
        self.dismiss_party();
        self.close_party(now, hangup, sip_status);
    }

    fn dismiss_party(&mut self) {
        if let Some(party) = &self.party
            && let Some(command) = party.farewell()
        {
            self.outputs.push_back(Output::PartySip {
                party: party.id,
                command,
            });
        }
    }

    /// The party is gone: the agent goes on with the caller.
    fn close_party(&mut self, now: Instant, hangup: Hangup, sip_status: Option<u16>) {
        let wall = self.timeline.wall(now);
        let Some(party) = self.party.take() else {
            return;
        };
        self.passing = false;
        let end = match party.is_joined() {
            true => {
                self.timeline.event(now, EventKind::TransferEnded);
                TransferEnd::Left
            }
            false => {
                let cause = hangup.cause;
                self.timeline
                    .event(now, EventKind::TransferFailed { cause });
                TransferEnd::NotReached
            }
        };
        self.parties
            .push(party.finish(now, wall, hangup, sip_status));
        self.tell_agent(now, agent::Input::Transferred(end));
    }

    /// The call is over, and so it is for the other party.
    pub(super) fn leave_party(&mut self, now: Instant) {
        self.dismiss_party();
        let wall = self.timeline.wall(now);
        if let Some(party) = self.party.take() {
            let hangup = Hangup {
                cause: match party.is_joined() {
                    true => HangupCause::NormalClearing,
                    false => HangupCause::OriginatorCancel,
                },
                party: HangupParty::Caller,
            };
            self.parties.push(party.finish(now, wall, hangup, None));
        }
    }
}

// === Media ===

impl Call {
    /// The party whose ports are needed, if there is one.
    #[must_use]
    pub fn rung(&self) -> Option<PartyId> {
        self.party.as_ref().map(|party| party.id)
    }

    /// A datagram on the RTP port of the party; as [`Call::rtp`].
    pub fn party_rtp(
        &mut self,
        now: Instant,
        wall: WallTime,
        from: SocketAddr,
        datagram: &mut [u8],
    ) -> Option<(SocketAddr, &[u8])> {
        let party = self.party.as_mut()?;
        party.arrived_early(Port::Rtp, from, datagram);
        let Some(Line::Rtp(leg)) = party.line() else {
            return None;
        };
        let (media, packet) = leg.rtp(now, wall, from, datagram)?;
        match &mut self.line {
            Some(Line::Rtp(caller)) if self.passing => caller.pass(media, &packet),
            _ => None,
        }
    }

    /// A datagram on the RTCP port of the party.
    pub fn party_rtcp(
        &mut self,
        now: Instant,
        wall: WallTime,
        from: SocketAddr,
        datagram: &mut [u8],
    ) {
        let Some(party) = &mut self.party else {
            return;
        };
        party.arrived_early(Port::Rtcp, from, datagram);
        if let Some(Line::Rtp(leg)) = party.line() {
            leg.rtcp(now, wall, from, datagram);
        }
    }

    /// As [`Call::poll_outgoing`].
    pub fn poll_party_outgoing(&mut self) -> Option<Outgoing> {
        let line = self.party.as_mut().and_then(Party::line)?;
        line.poll_outgoing()
    }

    /// Lends the packets for the party, after each [`Call::tick`].
    pub fn tick_party(&mut self, now: Instant, wall: WallTime) -> Packets<'_> {
        match &mut self.party {
            Some(party) => party.send(now, wall, self.passing),
            None => Packets::default(),
        }
    }

    /// One frame while another party is there, or is rung.
    pub(super) fn talk_joined(&mut self, now: Instant) {
        self.pass_time_of_party(now);
        let (Some(party), Some(line)) = (&mut self.party, &mut self.line) else {
            return;
        };
        self.passing = party.is_joined()
            && !self.voices.is_playing()
            && !self.observers.are_heard()
            && is_one_codec(line, party.line().map(|line| &*line));
        let is_unheard = self.passing && !self.voices.are_recorded() && self.observers.is_empty();
        let audience = match is_unheard {
            true => Audience::Nobody,
            false => Audience::People,
        };
        let voice = party.listen(now, audience);
        let observers = &mut self.observers;
        let (caller, agent, played) = self.voices.join(now, line, observers, audience, voice);
        party.hear(&caller, &agent, &self.observers);
        self.carry_keys(now);
        self.hand_out_recorded();
        if let Some(progress) = played {
            self.tell_agent(now, progress.into());
        }
        self.tell_agent(now, agent::Input::Frame { voice: false });
    }

    fn pass_time_of_party(&mut self, now: Instant) {
        let wall = self.timeline.wall(now);
        let Some(party) = &mut self.party else {
            return;
        };
        match party.due(now, &self.guards) {
            Some(Due::NotReached) => self.part(now, Hangup::system(HangupCause::NoAnswer), None),
            Some(Due::Unkeyed) => {
                self.part(now, Hangup::system(HangupCause::HandshakeFailed), None);
            }
            Some(Due::Silent) => self.part(now, Hangup::system(HangupCause::MediaTimeout), None),
            Some(Due::Joined) => {
                party.join(now, wall);
                self.timeline.event(now, EventKind::Transferred);
            }
            None => {}
        }
    }

    /// Keys of one side are for the other: among the packets that are passed on, in the audio, or pressed anew.
    fn carry_keys(&mut self, now: Instant) {
        let passing = self.passing;
        let is_carried =
            |line: Option<&mut Line>| passing || line.is_some_and(|line| line.has_audible_keys());
        let callers = is_carried(self.line.as_mut());
        let partys = is_carried(self.party.as_mut().and_then(Party::line));
        while let Some(key) = self.line.as_mut().and_then(Line::poll_key) {
            self.timeline.event(now, EventKind::Dtmf);
            if !callers {
                self.press_at_party(key);
            }
        }
        while let Some(key) = self
            .party
            .as_mut()
            .and_then(Party::line)
            .and_then(Line::poll_key)
        {
            let joined = self.party.as_ref().is_some_and(Party::is_joined);
            if let Some(line) = self.line.as_mut().filter(|_| joined && !partys) {
                line.press(key);
            }
        }
    }

    /// Before it is joined, keys are nobody's.
    pub(super) fn press_at_party(&mut self, key: char) {
        let party = self.party.as_mut().filter(|party| party.is_joined());
        if let Some(line) = party.and_then(Party::line) {
            line.press(key);
        }
    }

    pub(super) fn is_transferring(&self) -> bool {
        self.party.is_some() && matches!(self.phase, Phase::Talking { .. })
    }
}

/// Whether what comes on one line may leave on the other as it is.
fn is_one_codec(caller: &Line, party: Option<&Line>) -> bool {
    match (caller, party) {
        (Line::Rtp(caller), Some(Line::Rtp(party))) => {
            let is_open = |leg: &Leg| !leg.is_held() && !leg.is_pressing();
            caller.codec() == party.codec() && is_open(caller) && is_open(party)
        }
        _ => false,
    }
}

/// What the end of a party's session means, and the final status to our INVITE.
fn hangup_of(ending: &Ending) -> (Hangup, Option<u16>) {
    let callee = |cause| Hangup {
        cause,
        party: HangupParty::Callee,
    };
    match ending {
        Ending::Bye => (callee(HangupCause::NormalClearing), None),
        Ending::Failed { status, .. } => {
            let status = status.code();
            (callee(HangupCause::from_sip_status(status)), Some(status))
        }
        Ending::Timeout => (Hangup::system(HangupCause::NoAnswer), None),
        // Neither is asked for while the party is there.
        Ending::Local | Ending::Cancelled => (Hangup::system(HangupCause::NormalUnspecified), None),
        Ending::NotAcknowledged | Ending::TransportFailed => {
            (Hangup::system(HangupCause::NetworkOutOfOrder), None)
        }
    }
}
