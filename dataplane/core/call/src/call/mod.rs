//! The call: joins signalling, media, agent and guards.

mod signal;
mod talk;

use std::collections::VecDeque;
use std::net::SocketAddr;

use callplane_agent::{Agent, TurnPolicy, UtteranceId};
use callplane_flow::{Recording, Run};
use callplane_sdp::Session;
use callplane_sip::Command;
use callplane_types::{CallStatus, HangupParty, Instant, WallTime};

use crate::facts::{Facts, SpeechUse, Timeline};
use crate::hangup::{Hangup, HangupCause};
use crate::input::Input;
use crate::media::{Clip, Leg, LegSeed, Packets};
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
    sdp: Session,
    /// Our 200 held an offer, and the ACK brings its answer.
    offered: bool,
    leg: Option<Leg>,
    leg_seed: LegSeed,
    agent: Agent,
    /// Synthesised and not yet played.
    clips: Vec<(UtteranceId, Clip)>,
    apology: Clip,
    timeline: Timeline,
    /// Why we are ending it, once we are.
    hangup: Option<Hangup>,
    sip_status: Option<u16>,
    ending: Option<callplane_flow::Ending>,
    speech: SpeechUse,
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
            program,
            variables,
            apology,
            seed,
            guards,
        } = setup;
        let policy = TurnPolicy::from(&program.agent);
        let record = program.agent.recording == Recording::On;
        let run = Run::new(program, variables);
        let mut call = Self {
            phase: Phase::Inviting {
                until: now + guards.ring,
                progressed: false,
            },
            inbound: opening != Opening::Outbound,
            guards,
            sdp: Session::new(seed, local),
            offered: false,
            leg: None,
            leg_seed: LegSeed { seed, record },
            agent: Agent::new(run, policy, apology.as_apology()),
            clips: Vec::new(),
            apology,
            timeline: Timeline::new(now, wall),
            hangup: None,
            sip_status: None,
            ending: None,
            speech: SpeechUse::default(),
            outputs: VecDeque::with_capacity(16),
        };
        match opening {
            Opening::Inbound { offer } => call.open_inbound(now, offer.as_deref()),
            Opening::Outbound => call.open_outbound(),
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
            Input::HangUp(cause) => self.hang_up(now, Hangup::system(cause)),
        }
    }

    /// A datagram on the RTP port.
    pub fn rtp(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        if let Some(leg) = self.leg.as_mut() {
            leg.rtp(now, from, datagram);
        }
    }

    /// A datagram on the RTCP port.
    pub fn rtcp(&mut self, now: Instant, wall: WallTime, from: SocketAddr, datagram: &[u8]) {
        if let Some(leg) = self.leg.as_mut() {
            leg.rtcp(now, wall, from, datagram);
        }
    }

    /// 20 ms passed. Lends the packets to be sent now. Allocates nothing while nobody's turn
    /// changes.
    pub fn tick(&mut self, now: Instant, wall: WallTime) -> Packets<'_> {
        self.check_guards(now);
        self.talk(now);
        match self.leg.as_mut() {
            Some(leg) if self.phase.sends_media() => leg.send(now, wall),
            _ => Packets::default(),
        }
    }

    /// Takes back the buffer of an [`Output::Recorded`].
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        if let Some(leg) = self.leg.as_mut() {
            leg.recycle(buffer);
        }
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
            Phase::Talking { since } => {
                let heard = self.leg.as_ref().and_then(|leg| leg.last_heard(since));
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
        self.phase = Phase::Over;
        let status = match self.timeline.status() {
            CallStatus::InProgress => CallStatus::Completed,
            _ => unanswered,
        };
        self.timeline.close_segment(now);
        self.timeline.set_status(now, status);
        let quality = self.leg.as_ref().and_then(|leg| leg.quality(now));
        let codec = self.leg.as_ref().map(Leg::codec);
        if let Some(rest) = self.leg.as_mut().and_then(|leg| leg.finish_recording(now)) {
            self.outputs.push_back(Output::Recorded(rest));
        }
        let facts = Facts {
            status,
            hangup,
            sip_status: self.sip_status,
            initiated_at: self.timeline.initiated_at(),
            ringing_at: self.timeline.ringing_at,
            answered_at: self.timeline.answered_at,
            connected_at: self.timeline.connected_at,
            ended_at: self.timeline.wall(now),
            codec,
            quality,
            refused: self.leg.as_ref().map(Leg::refused).unwrap_or_default(),
            segments: std::mem::take(&mut self.timeline.segments),
            events: std::mem::take(&mut self.timeline.events),
            messages: std::mem::take(&mut self.timeline.messages),
            variables: self.agent.run().captured(),
            ending: self.ending.take(),
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
