//! The other end of a call: a phone that sends a tone or silence, presses keys, and hears. The
//! network between may lose packets, by a seed.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant as StdInstant};

use callplane_audio::{
    Cadence, G722Decoder, G722Encoder, Law, OPUS_MAX_OCTETS, OPUS_MAX_SAMPLES, OpusConfig,
    OpusDecoder, OpusEncoder, OpusPacket, Tone, ToneGenerator, Upsampler,
};
use callplane_call::{
    Call, Clip, Facts, Guards, Identity, Input, KeyExchange, KeySource, LocalMedia, MediaSecurity,
    Opening, Output, Port, Secrecy, Setup, SpeechDown,
};
use callplane_flow::{AgentSettings, Graph, Program, compile};
use callplane_rtp::dtmf::Digit;
use callplane_rtp::{
    Clock, Format, Frame, Packet, PacketInfo, Receiver, ReceiverConfig, Sender, SenderConfig,
};
use callplane_sdp::{Codec, MediaCrypto, Negotiated, Session, SessionDescription};
use callplane_sip::{Command, Event};
use callplane_srtp::{Protector, Unprotector};
use callplane_types::{Instant, WallTime};
use serde_json::json;

use crate::allocation::{allocations, counted, forget_since};

const FRAME: Duration = Duration::from_millis(20);
const NODE: &str = "192.0.2.1";
pub(crate) const PHONE: &str = "192.0.2.9:4000";
/// Playout samples of one letter: 60 ms.
const LETTER: usize = 480;

pub(crate) struct Line {
    pub(crate) call: Call,
    pub(crate) now: Instant,
    pub(crate) commands: Vec<Command>,
    pub(crate) facts: Option<Facts>,
    pub(crate) recording: Vec<u8>,
    /// Octets of the largest piece of it.
    pub(crate) largest_piece: usize,
    /// Buffers that it came in.
    spare: Vec<Vec<u8>>,
    pub(crate) rtcp_packets: usize,
    /// Reports of the node: the port that they left, and where they went.
    pub(crate) reports: Vec<(Port, SocketAddr, Vec<u8>)>,
    /// Where the phone is.
    pub(crate) address: String,
    /// Packets of either kind that the node sent.
    pub(crate) node_packets: usize,
    /// Non-silent frames the phone heard.
    pub(crate) heard_frames: usize,
    /// What the phone heard in G.711, sample by sample.
    pub(crate) heard: Vec<i16>,
    /// What the node wants of another party, oldest first.
    pub(crate) wishes: VecDeque<Output>,
    /// Packets of the phone that the node passed on.
    pub(crate) passed: Vec<(SocketAddr, Vec<u8>)>,
    /// Packets lost of each hundred.
    pub(crate) loss_percent: u32,
    pub(crate) sends_audio: bool,
    pub(crate) speech_up: bool,
    pub(crate) offer: Option<bytes::Bytes>,
    sdp: Session,
    sender: Sender,
    receiver: Receiver,
    tone: ToneGenerator,
    /// What is said instead of the tone, until it is over.
    pub(crate) speech: VecDeque<i16>,
    /// What the phone protects and opens with, once it is agreed on.
    pub(crate) crypto: Option<(Protector, Unprotector)>,
    /// What the phone sends.
    pub(crate) codec: Codec,
    /// How much of it in a packet: a multiple of 10 ms.
    pub(crate) packet_time: Duration,
    /// What the phone has said and not sent.
    unsent: Vec<i16>,
    /// Of the node: media time and octets of each packet.
    pub(crate) payloads: Vec<(u32, usize)>,
    up: Upsampler,
    encoder: G722Encoder,
    decoder: G722Decoder,
    pub(crate) opus_encoder: OpusEncoder,
    opus_decoder: OpusDecoder,
    /// Frames of the packet that the phone plays.
    unheard: usize,
    /// Of Opus of the node: marker, timestamp, and what the octets say.
    pub(crate) opus_packets: Vec<(bool, u32, OpusPacket)>,
    /// The last packet the phone sent, as it was on the wire.
    pub(crate) last_packet: Vec<u8>,
    /// SSRCs of the node, in order.
    pub(crate) node_sources: Vec<u32>,
    late_inputs: VecDeque<(Instant, Input)>,
    random: u64,
}

/// How a [`Line`] is set up.
pub(crate) struct Plan {
    pub(crate) opening: Opening,
    pub(crate) security: MediaSecurity,
    pub(crate) exchange: KeyExchange,
    pub(crate) codecs: Vec<Codec>,
}

pub(crate) fn program(graph: serde_json::Value) -> Arc<Program> {
    let graph: Graph = serde_json::from_value(graph).unwrap();
    Arc::new(compile(&graph, &AgentSettings::default()).unwrap())
}

/// Takes four digits.
pub(crate) fn digits() -> serde_json::Value {
    json!({
        "start": "pin",
        "nodes": {
            "pin": {
                "collect": {
                    "variable": "pin", "prompt": "Enter your number, please.", "type": "digits",
                    "input": "digits", "digits": {"min": 4, "max": 4}, "timeoutSeconds": 10,
                },
                "edges": [{"to": "no", "event": "noInput"}, {"to": "no", "event": "noMatch"}, {"to": "bye"}],
            },
            "no": {"hangup": {"outcome": "gave_up"}},
            "bye": {"hangup": {"text": "Goodbye.", "outcome": "done"}},
        },
    })
}

/// The phone's side, with keys of its own.
pub(crate) fn phone(security: MediaSecurity, seed: u8) -> Session {
    Session::new(7, local(4000, "192.0.2.9")).secured(security, KeySource::new([seed; 32]))
}

/// The same with wideband audio, and a call from it.
pub(crate) fn wideband_phone(security: MediaSecurity) -> (Session, Plan) {
    phone_with(&[Codec::G722, Codec::Pcmu], security)
}

/// The same with codecs of its own.
pub(crate) fn phone_with(codecs: &[Codec], security: MediaSecurity) -> (Session, Plan) {
    phone_wanting(20, codecs, security)
}

/// The same with packets of its own.
pub(crate) fn phone_wanting(
    packet_time_ms: u8,
    codecs: &[Codec],
    security: MediaSecurity,
) -> (Session, Plan) {
    let media = LocalMedia {
        packet_time_ms,
        codecs: codecs.to_vec(),
        ..local(4000, "192.0.2.9")
    };
    let codecs = media.codecs.clone();
    let mut sdp = Session::new(7, media).secured(security, KeySource::new([1; 32]));
    let offer = Some(sdp.offer().to_string().into());
    let plan = Plan {
        security,
        exchange: KeyExchange::Sdes,
        codecs,
        opening: Opening::Inbound { offer },
    };
    (sdp, plan)
}

fn local(port: u16, address: &str) -> LocalMedia {
    LocalMedia {
        address: address.parse().unwrap(),
        port,
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        packet_time_ms: 20,
    }
}

/// What the origin of virtual time stands for.
#[allow(
    clippy::disallowed_methods,
    reason = "the standard library has no other way to make one"
)]
pub(crate) fn origin() -> StdInstant {
    static ORIGIN: OnceLock<StdInstant> = OnceLock::new();
    *ORIGIN.get_or_init(StdInstant::now)
}

/// How the node keeps media secret.
pub(crate) fn secrecy(security: MediaSecurity, seed: u8) -> Secrecy {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    let identity = IDENTITY.get_or_init(|| Identity::generate(origin()).unwrap());
    Secrecy {
        security,
        exchange: KeyExchange::Sdes,
        keys: KeySource::new([seed; 32]),
        identity: identity.clone(),
    }
}

/// What the phone protects and opens with.
pub(crate) fn contexts(crypto: &MediaCrypto) -> (Protector, Unprotector) {
    (
        Protector::new(&crypto.local),
        Unprotector::new(&crypto.remote),
    )
}

/// 500 Hz, at one loudness from the first sample to the last.
fn buzz(samples: usize) -> Vec<i16> {
    let wave = [[8_000; 8], [-8_000; 8]].concat();
    wave.into_iter().cycle().take(samples).collect()
}

impl Plan {
    pub(crate) fn plain(opening: Opening) -> Self {
        Self {
            opening,
            security: MediaSecurity::Disabled,
            exchange: KeyExchange::Sdes,
            codecs: vec![Codec::Pcmu, Codec::Pcma],
        }
    }
}

impl Line {
    /// A call from the phone, with its offer in the INVITE or without one.
    pub(crate) fn inbound(graph: serde_json::Value, with_offer: bool) -> Self {
        let mut sdp = Session::new(7, local(4000, "192.0.2.9"));
        let offer = with_offer.then(|| bytes::Bytes::from(sdp.offer().to_string()));
        Self::new(graph, sdp, Plan::plain(Opening::Inbound { offer }))
    }

    /// A call from a phone that knows no telephone events.
    pub(crate) fn without_events(graph: serde_json::Value) -> Self {
        let mut sdp = Session::new(7, local(4000, "192.0.2.9"));
        let offer = sdp.offer().to_string().replace(" 101\r\n", "\r\n");
        let offer = Some(bytes::Bytes::from(offer));
        Self::new(graph, sdp, Plan::plain(Opening::Inbound { offer }))
    }

    /// A call from a phone that wants it as `security` says, to a node that wants it as `node` says.
    pub(crate) fn secured(node: MediaSecurity, security: MediaSecurity) -> Self {
        let mut sdp = phone(security, 1);
        let offer = Some(bytes::Bytes::from(sdp.offer().to_string()));
        let plan = Plan {
            security: node,
            ..Plan::plain(Opening::Inbound { offer })
        };
        Self::new(digits(), sdp, plan)
    }

    /// The same phone with another opening.
    pub(crate) fn reopened(self, opening: Opening) -> Self {
        Self::new(digits(), self.sdp, Plan::plain(opening))
    }

    /// A call to the phone; what it does with the INVITE is the test's.
    pub(crate) fn outbound(graph: serde_json::Value) -> Self {
        let sdp = Session::new(7, local(4000, "192.0.2.9"));
        Self::new(graph, sdp, Plan::plain(Opening::Outbound))
    }

    pub(crate) fn new(graph: serde_json::Value, sdp: Session, plan: Plan) -> Self {
        let Plan {
            opening,
            security,
            exchange,
            codecs,
        } = plan;
        let now = Instant::ZERO + Duration::from_secs(5);
        let setup = Setup {
            opening,
            local: LocalMedia {
                codecs,
                ..local(20_000, NODE)
            },
            secrecy: Secrecy {
                exchange,
                ..secrecy(security, 9)
            },
            program: program(graph),
            variables: Vec::new(),
            apology: Clip::sorry_tone(),
            seed: 0x1234_5678_9abc_def1,
            guards: Guards {
                ring: Duration::from_secs(10),
                ..Guards::default()
            },
        };
        let mut line = Self {
            call: Call::new(
                now,
                WallTime::from_unix_micros(1_700_000_000_000_000),
                setup,
            ),
            now,
            commands: Vec::new(),
            facts: None,
            recording: Vec::new(),
            largest_piece: 0,
            spare: Vec::new(),
            rtcp_packets: 0,
            reports: Vec::new(),
            address: PHONE.to_owned(),
            node_packets: 0,
            heard_frames: 0,
            heard: Vec::new(),
            wishes: VecDeque::new(),
            passed: Vec::new(),
            loss_percent: 0,
            sends_audio: true,
            speech_up: true,
            offer: None,
            sdp,
            sender: Sender::new(SenderConfig {
                ssrc: 99,
                first_sequence: 65_530,
                first_timestamp: 1_000,
                payload_type: 0,
                clock: Clock::Khz8,
                telephone_event: Some(101),
            }),
            receiver: Receiver::new(ReceiverConfig {
                audio: [0, 8, 9]
                    .map(Format::khz8)
                    .into_iter()
                    .chain([Format::khz48(111)])
                    .collect(),
                inspect: |packet| {
                    let read = OpusPacket::read(packet)?;
                    Some(PacketInfo {
                        time: read.duration(),
                        quiet: !read.voice,
                    })
                },
                ..ReceiverConfig::new(Vec::new(), Some(101))
            }),
            tone: ToneGenerator::new(Tone::BEEP, Cadence::STEADY, 8_000),
            speech: VecDeque::new(),
            crypto: None,
            codec: Codec::Pcmu,
            packet_time: FRAME,
            unsent: Vec::new(),
            payloads: Vec::new(),
            up: Upsampler::default(),
            encoder: G722Encoder::default(),
            decoder: G722Decoder::default(),
            opus_encoder: OpusEncoder::new(OpusConfig {
                bitrate: 32_000,
                expected_loss_percent: 10,
                ..OpusConfig::default()
            }),
            opus_decoder: OpusDecoder::new(),
            unheard: 0,
            opus_packets: Vec::new(),
            last_packet: Vec::new(),
            node_sources: Vec::new(),
            late_inputs: VecDeque::new(),
            random: 1,
        };
        line.collect();
        line
    }

    /// Puts the phone away.
    pub(crate) fn into_call(self) -> Call {
        self.call
    }

    /// The answer of the node, taken by the phone.
    pub(crate) fn take_answer(&mut self) -> Negotiated {
        let answer = self.commands.iter().find_map(|command| match command {
            Command::Answer { sdp } => Some(sdp.clone()),
            _ => None,
        });
        let answer = SessionDescription::parse(&answer.unwrap()).unwrap();
        let negotiated = self.sdp.accept(&answer).unwrap();
        self.crypto = negotiated.crypto().map(contexts);
        negotiated
    }

    /// The phone's answer to an offer of the node.
    pub(crate) fn answer_to(&mut self, offer: &[u8]) -> bytes::Bytes {
        let offer = SessionDescription::parse(offer).unwrap();
        let (answer, negotiated) = self.sdp.answer(&offer).unwrap();
        self.crypto = negotiated.crypto().map(contexts);
        answer.to_string().into()
    }

    /// The phone offers again, from now on as `sdp` where there is one; what is agreed on then.
    pub(crate) fn reoffer(&mut self, sdp: Option<Session>) -> Negotiated {
        if let Some(sdp) = sdp {
            self.sdp = sdp;
        }
        let offer = Some(self.sdp.offer().to_string().into());
        self.sip(Event::Reinvite { offer });
        let Some(Command::AnswerReinvite { sdp }) = self.commands.last() else {
            panic!("no answer: {:?}", self.commands.last());
        };
        let sdp = sdp.clone();
        self.accept(&sdp)
    }

    pub(crate) fn accept(&mut self, answer: &[u8]) -> Negotiated {
        let answer = SessionDescription::parse(answer).unwrap();
        self.sdp.accept(&answer).unwrap()
    }

    /// The phone's offer with another direction.
    pub(crate) fn offer(&mut self, direction: callplane_sdp::Direction) -> bytes::Bytes {
        self.sdp.set_direction(direction);
        self.sdp.offer().to_string().into()
    }

    pub(crate) fn sip(&mut self, event: Event) {
        self.call.handle(self.now, Input::Sip(event));
        self.collect();
    }

    /// What the phone says from now on.
    pub(crate) fn sound(&mut self, tone: Tone) {
        self.tone = ToneGenerator::new(tone, Cadence::STEADY, 8_000);
    }

    pub(crate) fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            let digit = Digit::try_from(key).unwrap();
            self.sender
                .press(digit, Duration::from_millis(100))
                .unwrap();
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += FRAME;
            self.phone_sends();
            self.node_ticks();
        }
    }

    fn phone_sends(&mut self) {
        let mut samples = [0; 160];
        match self.speech.is_empty() {
            true => self.tone.fill(&mut samples),
            false => samples.fill_with(|| self.speech.pop_front().unwrap_or_default()),
        }
        self.unsent.extend(samples);
        let length = self.packet_time.as_millis() as usize * 8;
        while self.unsent.len() >= length {
            let samples: Vec<i16> = self.unsent.drain(..length).collect();
            self.phone_sends_packet(&samples);
        }
    }

    fn phone_sends_packet(&mut self, samples: &[i16]) {
        let mut octets = vec![0; samples.len()];
        let mut wide = Vec::new();
        self.up.process(samples, &mut wide);
        match self.codec {
            Codec::Pcmu => Law::Mu.encode(samples, &mut octets),
            Codec::Pcma => Law::A.encode(samples, &mut octets),
            Codec::G722 => self.encoder.encode(&wide, &mut octets),
            Codec::Opus => {
                octets.resize(OPUS_MAX_OCTETS, 0);
                let length = self.opus_encoder.encode(&wide, &mut octets).unwrap();
                octets.truncate(length);
            }
        }
        let (format, event) = match self.codec {
            Codec::Opus => (Format::khz48(self.codec.payload_type()), 110),
            codec => (Format::khz8(codec.payload_type()), 101),
        };
        self.sender.set_formats(format, Some(event));
        let mut packet = Vec::new();
        let audio = (self.sends_audio && !octets.is_empty()).then_some(octets.as_slice());
        if self.sender.packet(self.packet_time, audio, &mut packet) {
            if let Some((protector, _)) = &mut self.crypto {
                protector.protect_rtp(&mut packet).unwrap();
            }
            self.last_packet.clone_from(&packet);
            if !self.is_lost() {
                let from = self.address.clone();
                self.inject(&from, &mut packet);
            }
        }
    }

    /// A datagram on the node's RTP port.
    pub(crate) fn inject(&mut self, from: &str, datagram: &mut [u8]) {
        let from: SocketAddr = from.parse().unwrap();
        let wall = self.wall();
        let passed = counted(|| self.call.rtp(self.now, wall, from, datagram));
        if let Some((to, packet)) = passed {
            self.passed.push((to, packet.to_vec()));
        }
    }

    pub(crate) fn wall(&self) -> WallTime {
        WallTime::from_unix_micros(1_700_000_000_000_000) + (self.now - Instant::ZERO)
    }

    fn node_ticks(&mut self) {
        let wall = self.wall();
        let before = allocations();
        if self.call.wants_buffer(self.now)
            && let Some(buffer) = self.spare.pop()
        {
            self.call.recycle(buffer);
        }
        let packets = counted(|| self.call.tick(self.now, wall));
        if packets.rtcp.is_some() {
            // A report every five seconds may cost something.
            forget_since(before);
            self.rtcp_packets += 1;
        }
        let report = packets.rtcp;
        let report = report.map(|(port, to, packet)| (port, to, packet.to_vec()));
        self.reports.extend(report);
        self.node_packets += packets.rtp.iter().flatten().count();
        self.node_packets += usize::from(packets.rtcp.is_some());
        let sent = packets.rtp.into_iter().flatten();
        let sent: Vec<_> = sent.map(|(to, packet)| (to, packet.to_vec())).collect();
        for (to, packet) in sent {
            self.deliver(to, packet);
        }
        self.hear();
        while let Some((due, _)) = self.late_inputs.front()
            && *due <= self.now
        {
            let (_, input) = self.late_inputs.pop_front().unwrap();
            self.call.handle(self.now, input);
        }
        self.collect();
    }

    /// A packet of the node to the phone.
    pub(crate) fn deliver(&mut self, to: SocketAddr, mut packet: Vec<u8>) {
        assert_eq!(to, self.address.parse().unwrap());
        let packet = match &mut self.crypto {
            Some((_, opener)) => opener.unprotect_rtp(&mut packet).unwrap(),
            None => &mut packet,
        };
        let packet = Packet::parse(packet).unwrap();
        if self.node_sources.last() != Some(&packet.ssrc) {
            self.node_sources.push(packet.ssrc);
        }
        self.payloads.push((packet.timestamp, packet.payload.len()));
        if packet.payload_type == 111 {
            let read = OpusPacket::read(packet.payload).unwrap();
            self.opus_packets
                .push((packet.marker, packet.timestamp, read));
        }
        self.receiver.push(self.now, &packet);
    }

    fn hear(&mut self) {
        self.unheard = self.unheard.saturating_sub(1);
        if self.unheard > 0 {
            // A long packet is being played.
            return;
        }
        let mut wide = [0; OPUS_MAX_SAMPLES];
        let is_quiet = |wide: &[i16]| wide.iter().all(|sample| sample.unsigned_abs() < 500);
        let quiet = match self.receiver.pop(self.now) {
            Frame::Audio {
                payload_type: 9,
                payload,
            } => {
                self.decoder.decode(payload, &mut wide[..320]);
                is_quiet(&wide)
            }
            Frame::Audio { payload, .. } => {
                let mut frame = [0; 160];
                Law::Mu.decode(payload, &mut frame);
                self.heard.extend(frame);
                Law::Mu.is_quiet(payload)
            }
            Frame::Packet { payload, .. } => {
                let length = self.opus_decoder.decode(payload, &mut wide).unwrap();
                self.unheard = length / 320;
                if length < 320 {
                    // Two of 10 ms are a frame.
                    self.receiver.pop(self.now);
                }
                is_quiet(&wide[..length])
            }
            _ => return,
        };
        self.heard_frames += usize::from(!quiet) * self.unheard.max(1);
    }

    fn is_lost(&mut self) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 33) % 100 < u64::from(self.loss_percent)
    }

    /// Takes what the call wants.
    pub(crate) fn collect(&mut self) {
        while let Some(output) = self.call.poll() {
            assert!(self.facts.is_none(), "nothing follows the end");
            match output {
                Output::Invite { sdp } => self.offer = Some(sdp),
                Output::Sip(command) => self.commands.push(command),
                Output::Synthesize { utterance, text } => {
                    let clip = match self.speech_up {
                        true => Ok(Clip::new(buzz(text.len() * LETTER))),
                        false => Err(SpeechDown),
                    };
                    let due = self.now + Duration::from_millis(100);
                    self.late_inputs
                        .push_back((due, Input::Speech { utterance, clip }));
                }
                Output::Recognize { turn, .. } => {
                    let due = self.now + Duration::from_millis(100);
                    self.late_inputs.push_back((
                        due,
                        Input::Recognized {
                            turn,
                            result: Ok(None),
                        },
                    ));
                }
                Output::Recorded(octets) => {
                    self.recording.extend(&octets);
                    self.spare.push(octets);
                }
                Output::Finished(facts) => self.facts = Some(*facts),
                wish @ (Output::Dial { .. }
                | Output::PartyInvite { .. }
                | Output::PartySip { .. }) => {
                    self.wishes.push_back(wish);
                }
                Output::NotRecorded(time) => {
                    let octets = time.as_micros() as usize / 125 * 4;
                    self.recording.resize(self.recording.len() + octets, 0);
                }
                Output::Answered
                | Output::Stage(..)
                | Output::Said(_)
                | Output::LookUp(_)
                | Output::Think(_)
                | Output::StopThinking(_)
                | Output::RunTool(_) => {}
            }
        }
    }
}
