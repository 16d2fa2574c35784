//! One leg: packets in, frames to ears and tape; frames of the agent out, packets to be sent.

use std::collections::VecDeque;
use std::net::SocketAddr;

use callplane_agent::UtteranceId;
use callplane_audio::{Concealer, Law, Vad, VadConfig};
use callplane_rtp::dtmf::DigitEvent;
use callplane_rtp::{
    ControlLatch, ControlSession, Datagram, Frame as Received, Latch, Packet, Receiver,
    ReceiverConfig, Sender, SenderConfig, Verdict, classify, rtcp,
};
use callplane_sdp::{Codec, Negotiated};
use callplane_types::{Instant, WallTime};

use super::capture::Capture;
use super::playout::{Clip, Playout, Progress};
use super::tape::Tape;
use super::{FRAME_SAMPLES, Frame};
use crate::facts::{Quality, RefusedPackets};

/// Keys that may wait for the next frame.
const MAX_KEYS: usize = 32;
/// Silence the voice detector bridges: that of a stop consonant.
const VAD_HANGOVER_FRAMES: u32 = 4;
/// Room for the largest packet we send, so that sending allocates nothing.
const PACKET_ROOM: usize = 512;

/// What makes one leg differ from every other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LegSeed {
    pub(crate) seed: u64,
    pub(crate) record: bool,
}

/// What one frame brought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) voice: bool,
    pub(crate) played: Option<Progress>,
}

/// The packets of one tick, to be sent before the next.
#[derive(Debug, Clone, Copy, Default)]
pub struct Packets<'a> {
    /// From the RTP port.
    pub rtp: Option<(SocketAddr, &'a [u8])>,
    /// From the RTCP port.
    pub rtcp: Option<(SocketAddr, &'a [u8])>,
}

/// The media of one leg. **Nothing here allocates while no turn begins or ends.**
#[derive(Debug)]
pub(crate) struct Leg {
    negotiated: Negotiated,
    latch: Latch,
    control_latch: ControlLatch,
    receiver: Receiver,
    sender: Sender,
    control: ControlSession,
    concealer: Concealer,
    vad: Vad,
    keys: VecDeque<char>,
    playout: Playout,
    capture: Capture,
    tape: Option<Tape>,
    spare: Option<Vec<u8>>,
    recorded: Option<Vec<u8>>,
    record: bool,
    resumed_at: Instant,
    caller: Frame,
    agent: Frame,
    encoded: [u8; FRAME_SAMPLES],
    rtp_packet: Vec<u8>,
    rtcp_packet: Vec<u8>,
}

impl Leg {
    pub(crate) fn new(now: Instant, negotiated: Negotiated, seed: &LegSeed) -> Self {
        let LegSeed { seed, record } = *seed;
        let events = negotiated.telephone_event;
        let mut receiving = ReceiverConfig::new(
            payload_types(&negotiated),
            events.map(|event| event.receive),
        );
        receiving.quiet = |payload_type, octets| match payload_type {
            0 => Law::Mu.is_quiet(octets),
            8 => Law::A.is_quiet(octets),
            _ => false,
        };
        Self {
            latch: Latch::new(negotiated.remote),
            control_latch: ControlLatch::new(negotiated.remote_rtcp),
            receiver: Receiver::new(receiving),
            sender: Sender::new(SenderConfig {
                ssrc: (seed >> 32) as u32,
                first_sequence: (seed >> 16) as u16,
                first_timestamp: seed as u32,
                payload_type: negotiated.payload_types.send,
                telephone_event: events.map(|event| event.send),
            }),
            control: ControlSession::new(format!("{seed:016x}"), seed),
            concealer: Concealer::default(),
            vad: Vad::new(VadConfig {
                // The agent's endpointing bridges pauses; twice would be too long.
                hangover_frames: VAD_HANGOVER_FRAMES,
                ..VadConfig::default()
            }),
            keys: VecDeque::with_capacity(MAX_KEYS),
            playout: Playout::default(),
            capture: Capture::new(),
            tape: None,
            record,
            spare: None,
            recorded: None,
            resumed_at: now,
            caller: [0; FRAME_SAMPLES],
            agent: [0; FRAME_SAMPLES],
            encoded: [0; FRAME_SAMPLES],
            rtp_packet: Vec::with_capacity(PACKET_ROOM),
            rtcp_packet: Vec::with_capacity(PACKET_ROOM),
            negotiated,
        }
    }

    /// Another agreement about the same stream.
    pub(crate) fn renegotiate(&mut self, now: Instant, negotiated: Negotiated) {
        let events = negotiated.telephone_event;
        if !negotiated.remote.ip().is_unspecified() {
            self.latch.resignal(negotiated.remote);
            self.control_latch.resignal(negotiated.remote_rtcp);
        }
        self.receiver.set_payload_types(
            payload_types(&negotiated),
            events.map(|event| event.receive),
        );
        self.sender.set_payload_types(
            negotiated.payload_types.send,
            events.map(|event| event.send),
        );
        if self.is_held() {
            self.resumed_at = now;
        }
        self.negotiated = negotiated;
    }

    pub(crate) fn codec(&self) -> Codec {
        self.negotiated.codec
    }

    /// Whether the other side does not want to hear us, or will not be heard: the conversation
    /// rests.
    pub(crate) fn is_held(&self) -> bool {
        !self.negotiated.direction.sends() || !self.negotiated.direction.receives()
    }
}

// === From the network ===

impl Leg {
    pub(crate) fn rtp(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        if classify(datagram) != Datagram::Rtp {
            return;
        }
        let Ok(mut packet) = Packet::parse(datagram) else {
            return;
        };
        if let Some(event) = self.negotiated.telephone_event
            && packet.payload_type == event.send
            && self.law(packet.payload_type).is_none()
        {
            // Some answerers send events with the number of their own answer, not of our offer.
            packet.payload_type = event.receive;
        }
        if self.is_known(packet.payload_type)
            && self.latch.judge(now, from, packet.ssrc) == Verdict::Accepted
        {
            self.receiver.push(now, &packet);
            self.collect_keys();
        }
    }

    fn is_known(&self, payload_type: u8) -> bool {
        let event = self.negotiated.telephone_event;
        event.is_some_and(|event| event.receive == payload_type) || self.law(payload_type).is_some()
    }

    pub(crate) fn rtcp(&mut self, now: Instant, wall: WallTime, from: SocketAddr, datagram: &[u8]) {
        let reporter = rtcp::reporter(datagram);
        let names_stream = reporter.is_some() && reporter == self.receiver.ssrc();
        if self.control_latch.judge(from, &self.latch, names_stream) == Verdict::Accepted {
            // Garbage on this port changes nothing.
            let _ = self.control.handle(now, wall, self.sender.ssrc(), datagram);
        }
    }

    /// Whether any packet was let through.
    pub(crate) fn has_heard(&self) -> bool {
        self.receiver.last_packet().is_some()
    }

    /// Since when nothing is heard; nothing while we are not to hear anything.
    pub(crate) fn last_heard(&self, connected: Instant) -> Option<Instant> {
        let last = self.receiver.last_packet().unwrap_or(connected);
        (!self.is_held()).then(|| last.max(connected).max(self.resumed_at))
    }

    pub(crate) fn poll_key(&mut self) -> Option<char> {
        self.keys.pop_front()
    }

    fn collect_keys(&mut self) {
        while let Some(event) = self.receiver.poll_digit() {
            if let DigitEvent::Began(digit) = event
                && self.keys.len() < MAX_KEYS
            {
                self.keys.push_back(digit.as_char());
            }
        }
    }

    fn law(&self, payload_type: u8) -> Option<Law> {
        self.negotiated
            .receivable
            .iter()
            .find(|(known, _)| *known == payload_type)
            .map(|(_, codec)| law(*codec))
    }
}

// === A frame ===

impl Leg {
    /// Takes the next frame of both sides: decodes what came, takes what the agent says. While the
    /// call is not `talking` or is held nothing is said; a hold is recorded as silence, so that the
    /// recording is handed out at its pace whatever happens.
    pub(crate) fn listen(&mut self, now: Instant, talking: bool) -> Heard {
        self.decode_next(now);
        let held = self.is_held();
        if !talking || held {
            self.agent.fill(0);
            if talking {
                self.record(now, &[0; FRAME_SAMPLES]);
            }
            return Heard {
                voice: false,
                played: None,
            };
        }
        let voice = self.vad.push(&self.caller).is_speech();
        self.capture.push(&self.caller);
        let played = self.playout.next(&mut self.agent);
        if played.is_none() {
            self.agent.fill(0);
        }
        let caller = self.caller;
        self.record(now, &caller);
        Heard { voice, played }
    }

    fn record(&mut self, now: Instant, caller: &Frame) {
        if self.record {
            let tape = self.tape.get_or_insert_with(|| Tape::new(now));
            let spare = &mut self.spare;
            let full = tape.push(now, caller, &self.agent, || spare.take());
            self.recorded = full.or(self.recorded.take());
        }
    }

    fn decode_next(&mut self, now: Instant) {
        match self.receiver.pop(now) {
            Received::Audio {
                payload_type,
                payload,
            } => {
                let codec = self
                    .negotiated
                    .receivable
                    .iter()
                    .find(|(known, _)| *known == payload_type)
                    .map_or(self.negotiated.codec, |(_, codec)| *codec);
                law(codec).decode(payload, &mut self.caller);
                self.concealer.received(&mut self.caller);
            }
            Received::Lost => self.concealer.conceal(&mut self.caller),
            Received::Idle => {
                self.caller.fill(0);
                self.concealer.received(&mut self.caller);
            }
        }
        self.collect_keys();
    }

    /// Builds the packets of this frame.
    pub(crate) fn send(&mut self, now: Instant, wall: WallTime) -> Packets<'_> {
        law(self.negotiated.codec).encode(&self.agent, &mut self.encoded);
        let audio = self
            .negotiated
            .direction
            .sends()
            .then_some(self.encoded.as_slice());
        let has_rtp = self.sender.frame(audio, &mut self.rtp_packet);
        let has_rtcp = self.control.poll(
            now,
            wall,
            &self.sender,
            &mut self.receiver,
            &mut self.rtcp_packet,
        );
        let rtp = self.latch.remote();
        let rtcp = self.control_latch.remote(&self.latch);
        Packets {
            rtp: has_rtp.then_some((rtp, self.rtp_packet.as_slice())),
            rtcp: has_rtcp.then_some((rtcp, self.rtcp_packet.as_slice())),
        }
    }
}

// === What the agent wants ===

impl Leg {
    pub(crate) fn play(&mut self, utterance: UtteranceId, clip: Clip) {
        self.playout.play(utterance, clip);
    }

    pub(crate) fn stop_playing(&mut self) {
        self.playout.stop();
    }

    pub(crate) fn begin_capture(&mut self) {
        self.capture.begin();
    }

    pub(crate) fn discard_capture(&mut self) {
        self.capture.discard();
    }

    pub(crate) fn take_capture(&mut self) -> Vec<i16> {
        self.capture.take()
    }
}

// === What is left ===

impl Leg {
    /// The second that became full with the last frame.
    pub(crate) fn take_recorded(&mut self) -> Option<Vec<u8>> {
        self.recorded.take()
    }

    pub(crate) fn recycle(&mut self, buffer: Vec<u8>) {
        self.spare = Some(buffer);
    }

    pub(crate) fn finish_recording(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.tape.as_mut().map(|tape| tape.finish(now))
    }

    /// Nothing if no packet came.
    pub(crate) fn quality(&self, now: Instant) -> Option<Quality> {
        self.receiver.last_packet()?;
        Some(Quality::new(
            self.receiver.stats(now),
            self.sender.packets(),
            self.control.heard().round_trip,
        ))
    }

    pub(crate) fn refused(&self) -> RefusedPackets {
        RefusedPackets {
            rtp: self.latch.refused(),
            rtcp: self.control_latch.refused(),
        }
    }
}

fn law(codec: Codec) -> Law {
    match codec {
        Codec::Pcmu => Law::Mu,
        Codec::Pcma => Law::A,
    }
}

fn payload_types(negotiated: &Negotiated) -> Vec<u8> {
    negotiated
        .receivable
        .iter()
        .map(|(payload_type, _)| *payload_type)
        .collect()
}
