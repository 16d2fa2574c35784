//! The call: joins signalling, media, agent and guards.

mod agreement;
mod joined;
mod observer;
mod party;
mod recording;
mod signal;
mod talk;
mod transfer;

use std::collections::VecDeque;
use std::net::SocketAddr;

use callplane_agent::{Agent, TurnPolicy, UtteranceId};
use callplane_flow::{Recording, Run, ToolRunId};
use callplane_sip::Command;
use callplane_types::{CallStatus, HangupParty, Instant, WallTime};

use self::agreement::Agreement;
pub use self::observer::{CannotObserve, Observer};
use self::party::Party;
pub use self::party::PartyId;
use crate::facts::{Facts, ObserverFacts, PartyFacts, Quality, SpeechUse, Timeline};
use crate::hangup::{Hangup, HangupCause};
use crate::input::Input;
use crate::media::{Clip, Line, Observers, Outgoing, Packets, Port, Voices};
use crate::output::Output;
use crate::setup::{Guards, Opening, Setup};

/// One call.
///
/// Hand it what happens ([`Call::handle`], [`Call::rtp`], [`Call::rtcp`]), call [`Call::tick`] every
/// 20 ms, and after each of them drain [`Call::poll`] to `None`.
///
/// **It ends with exactly one [`Output::Finished`], which is the last output.**
#[derive(Debug)]
pub struct Call {
    phase: Phase,
    inbound: bool,
    guards: Guards,
    agreement: Agreement,
    line: Option<Line>,
    voices: Voices,
    /// Whom the caller is, or is to be, connected with.
    party: Option<Party>,
    /// Those who were rung so far, and what is left of those who are gone.
    parties_rung: u32,
    parties: Vec<PartyFacts>,
    /// Packets of both are passed on as they come.
    passing: bool,
    /// Who listens in, or talks in the agent's place; and what the record says of them.
    observers: Observers,
    observations: Vec<ObserverFacts>,
    seed: u64,
    language: String,
    agent: Agent,
    /// Tools that run.
    tools: Vec<(ToolRunId, String)>,
    /// Synthesised and not yet played.
    clips: Vec<(UtteranceId, Clip)>,
    apology: Clip,
    timeline: Timeline,
    /// Why we are ending it, once we are.
    hangup: Option<Hangup>,
    sip_status: Option<u16>,
    ending: Option<callplane_flow::Ending>,
    speech: SpeechUse,
    /// Somebody follows it.
    watched: bool,
    outputs: VecDeque<Output>,
}

/// Where the call stands, and until when it may stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Inbound: 200 sent. Media that comes is as good as the ACK; until then nothing is sent, since
    /// anybody can write any address into an INVITE.
    Answering { until: Instant },
    /// Outbound: INVITE sent.
    Inviting {
        until: Instant,
        /// Something was heard of the other side.
        progressed: bool,
    },
    /// Both sides can hear each other.
    Talking { since: Instant },
    /// We asked for the end and wait for the session's.
    Closing { until: Instant },
    /// Over.
    Over,
}

impl Phase {
    const fn sends_media(self) -> bool {
        !matches!(self, Self::Answering { .. } | Self::Over)
    }
}

impl Call {
    /// A call that begins at `now`, which is `wall` on the clock. Inbound, it answers or rejects
    /// at once; outbound, it asks for the INVITE.
    #[must_use]
    pub fn new(now: Instant, wall: WallTime, setup: Setup) -> Self {
        let Setup {
            opening,
            local,
            secrecy,
            program,
            variables,
            apology,
            seed,
            guards,
        } = setup;
        let policy = TurnPolicy::from(&program.agent);
        let record = program.agent.recording == Recording::On;
        let language = program.agent.language.clone();
        let run = Run::new(program, variables);
        let mut call = Self {
            phase: Phase::Inviting {
                until: now + guards.ring,
                progressed: false,
            },
            inbound: opening != Opening::Outbound,
            guards,
            agreement: Agreement::new(seed, local, secrecy),
            line: None,
            voices: Voices::new(record),
            party: None,
            parties_rung: 0,
            parties: Vec::new(),
            passing: false,
            observers: Observers::default(),
            observations: Vec::new(),
            seed,
            language,
            agent: Agent::new(run, policy, apology.as_apology()),
            tools: Vec::new(),
            clips: Vec::new(),
            apology,
            timeline: Timeline::new(now, wall),
            hangup: None,
            sip_status: None,
            ending: None,
            speech: SpeechUse::default(),
            watched: false,
            outputs: VecDeque::with_capacity(16),
        };
        match opening {
            Opening::Inbound { offer } => call.open_inbound(now, offer.as_deref()),
            Opening::Outbound => call.open_outbound(),
            Opening::Joined { codec } => call.open_joined(now, codec),
        }
        call
    }

    /// The next wish.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Something happened.
    pub fn handle(&mut self, now: Instant, input: Input) {
        if self.phase == Phase::Over {
            return;
        }
        match input {
            Input::Sip(event) => self.signal(now, event),
            Input::InviteRefused => {
                let hangup = Hangup::system(HangupCause::NetworkOutOfOrder);
                self.finish(now, hangup, CallStatus::Failed);
            }
            Input::Speech { utterance, clip } => self.speech_arrived(now, utterance, clip),
            Input::Recognized { turn, result } => {
                let input = callplane_agent::Input::Recognized { turn, result };
                self.tell_agent(now, input);
            }
            Input::Thought { id, thought } => {
                self.tell_agent(now, callplane_agent::Input::Thought { id, thought });
            }
            Input::Found { id, passages } => {
                self.tell_agent(now, callplane_agent::Input::Found { id, passages });
            }
            Input::ToolDone { id, result } => self.tool_done(now, id, result),
            Input::Joined => self.joined(now),
            Input::Left(why) => self.left(now, why),
            Input::Key(key) => self.key(now, key),
            Input::PartyReady { party, line } => self.party_ready(now, party, line),
            Input::PartyUnreachable { party } => self.party_unreachable(now, party),
            Input::PartySip { party, event } => self.party_signal(now, party, event),
            Input::Watch => self.watch(),
            Input::HangUp(cause) => self.hang_up(now, Hangup::system(cause)),
        }
    }

    /// A datagram on the RTP port; it is opened where it lies. Lends the packet that leaves the RTP port of another
    /// party at once, where audio is passed on.
    pub fn rtp(
        &mut self,
        now: Instant,
        wall: WallTime,
        from: SocketAddr,
        datagram: &mut [u8],
    ) -> Option<(SocketAddr, &[u8])> {
        let leg = match &mut self.line {
            Some(Line::Rtp(leg)) => leg,
            None => {
                self.agreement.arrived_early(Port::Rtp, from, datagram);
                return None;
            }
            Some(_) => return None,
        };
        let (media, packet) = leg.rtp(now, wall, from, datagram)?;
        match self.party.as_mut().and_then(Party::line) {
            Some(Line::Rtp(party)) if self.passing => party.pass(media, &packet),
            _ => None,
        }
    }

    /// A datagram on the RTCP port; it is opened where it lies.
    pub fn rtcp(&mut self, now: Instant, wall: WallTime, from: SocketAddr, datagram: &mut [u8]) {
        match &mut self.line {
            Some(Line::Rtp(leg)) => leg.rtcp(now, wall, from, datagram),
            None => self.agreement.arrived_early(Port::Rtcp, from, datagram),
            Some(_) => {}
        }
    }

    /// The next datagram to be sent besides packets: an answer to a check, or a part of a handshake. There may be some
    /// after each [`Call::rtp`], [`Call::rtcp`] and [`Call::tick`].
    pub fn poll_outgoing(&mut self) -> Option<Outgoing> {
        self.line.as_mut()?.poll_outgoing()
    }

    /// 20 ms passed. Lends the packets to be sent now. Allocates nothing while nobody's turn
    /// changes.
    pub fn tick(&mut self, now: Instant, wall: WallTime) -> Packets<'_> {
        let may_begin = self.phase.sends_media();
        if let Some(line) = self.line.as_mut() {
            line.advance(now, may_begin);
        }
        self.check_guards(now);
        self.check_observers(now);
        self.talk(now);
        match self.line.as_mut() {
            Some(line) if self.passing => line.report(now, wall),
            Some(line) if self.phase.sends_media() => line.send(now, wall, self.voices.agent()),
            _ => Packets::default(),
        }
    }

    /// Whether a [`Call::tick`] at `now` puts out an [`Output::Recorded`] for which it has no buffer; given none, it
    /// makes one.
    #[must_use]
    pub fn wants_buffer(&self, now: Instant) -> bool {
        self.voices.wants_buffer(now)
    }

    /// Takes the buffer of an [`Output::Recorded`] for the next one: of this call or another, since a call needs
    /// one only for a moment.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        self.voices.deck().recycle(buffer);
    }

    /// How it has sounded so far; nothing if no packet came.
    #[must_use]
    pub fn quality(&self, now: Instant) -> Option<Quality> {
        self.line.as_ref().and_then(|line| line.quality(now))
    }

    /// Whether [`Output::Finished`] was put out.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    fn check_guards(&mut self, now: Instant) {
        match self.phase {
            Phase::Inviting { until, .. } if now >= until => {
                self.hang_up(now, Hangup::system(HangupCause::NoAnswer));
            }
            Phase::Answering { until } if now >= until => {
                self.timeline.retract_answer();
                self.hang_up(now, Hangup::system(HangupCause::ProtocolTimeout));
            }
            Phase::Talking { since } if self.lacks_keys(now, since) => {
                self.hang_up(now, Hangup::system(HangupCause::HandshakeFailed));
            }
            Phase::Talking { since } => {
                let heard = self.line.as_ref().and_then(|line| line.last_heard(since));
                if heard.is_some_and(|heard| now - heard >= self.guards.media) {
                    self.hang_up(now, Hangup::system(HangupCause::MediaTimeout));
                }
            }
            Phase::Closing { until } if now >= until => {
                let hangup = self
                    .hangup
                    .unwrap_or(Hangup::system(HangupCause::NormalUnspecified));
                self.finish(now, hangup, hangup.cause.unanswered_status());
            }
            _ => {}
        }
    }

    fn lacks_keys(&self, now: Instant, connected: Instant) -> bool {
        let limit = self.guards.handshake;
        let mut line = self.line.iter();
        line.any(|line| line.lacks_keys(now, connected, limit))
    }

    /// Ends the call from our side. Who was answered is finished at once: the record does not wait
    /// for the peer's 200 to our BYE.
    fn hang_up(&mut self, now: Instant, hangup: Hangup) {
        match self.phase {
            Phase::Over | Phase::Closing { .. } => {}
            Phase::Inviting { .. } => {
                self.hangup = Some(hangup);
                self.phase = Phase::Closing {
                    until: now + self.guards.closing,
                };
                self.outputs.push_back(Output::Sip(Command::Cancel));
            }
            Phase::Answering { .. } | Phase::Talking { .. } => {
                self.outputs.push_back(Output::Sip(Command::Hangup));
                self.finish(now, hangup, CallStatus::Failed);
            }
        }
    }

    /// Closes the books. `unanswered` is how the call stands if nobody ever answered.
    fn finish(&mut self, now: Instant, hangup: Hangup, unanswered: CallStatus) {
        if self.phase == Phase::Over {
            return;
        }
        self.tell_agent(now, callplane_agent::Input::Ended);
        self.leave_party(now);
        self.leave_observers(now);
        self.phase = Phase::Over;
        let status = match self.timeline.status() {
            CallStatus::InProgress => CallStatus::Completed,
            _ => unanswered,
        };
        self.timeline.close_segment(now);
        self.timeline.set_status(now, status);
        let quality = self.quality(now);
        let codec = self.line.as_ref().map(Line::codec);
        let encryption = self.line.as_ref().and_then(Line::encryption);
        let recording = self.finish_recording(now);
        let facts = Facts {
            status,
            hangup,
            disagreement: self
                .agreement
                .disagreement()
                .filter(|_| hangup.cause == HangupCause::IncompatibleDestination),
            sip_status: self.sip_status,
            initiated_at: self.timeline.initiated_at(),
            ringing_at: self.timeline.ringing_at,
            answered_at: self.timeline.answered_at,
            connected_at: self.timeline.connected_at,
            ended_at: self.timeline.wall(now),
            codec,
            encryption,
            quality,
            refused: self.line.as_ref().map(Line::refused).unwrap_or_default(),
            parties: std::mem::take(&mut self.parties),
            observers: std::mem::take(&mut self.observations),
            segments: std::mem::take(&mut self.timeline.segments),
            events: std::mem::take(&mut self.timeline.events),
            messages: std::mem::take(&mut self.timeline.messages),
            variables: self.agent.run().captured(),
            ending: self.ending.take(),
            recording,
            speech: self.speech,
        };
        self.outputs.push_back(Output::Finished(Box::new(facts)));
    }

    /// The party at the other end.
    fn remote_party(&self) -> HangupParty {
        match self.inbound {
            true => HangupParty::Caller,
            false => HangupParty::Callee,
        }
    }

    /// The agent.
    fn own_party(&self) -> HangupParty {
        match self.inbound {
            true => HangupParty::Callee,
            false => HangupParty::Caller,
        }
    }
}
