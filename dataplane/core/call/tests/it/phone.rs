//! The other end of a call: a phone that sends a tone or silence, presses keys, and hears. The
//! network between may lose packets, by a seed.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use callplane_audio::{Cadence, Law, Tone, ToneGenerator};
use callplane_call::{
    Call, Clip, Facts, Guards, Input, LocalMedia, Opening, Output, Setup, SpeechDown,
};
use callplane_flow::{AgentSettings, Graph, Program, compile};
use callplane_rtp::dtmf::Digit;
use callplane_rtp::{Frame, Packet, Receiver, ReceiverConfig, Sender, SenderConfig};
use callplane_sdp::{Codec, Negotiated, Session, SessionDescription};
use callplane_sip::{Command, Event};
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
    pub(crate) rtcp_packets: usize,
    /// Packets of either kind that the node sent.
    pub(crate) node_packets: usize,
    /// Non-silent frames the phone heard.
    pub(crate) heard_frames: usize,
    /// Packets lost of each hundred.
    pub(crate) loss_percent: u32,
    pub(crate) sends_audio: bool,
    pub(crate) speech_up: bool,
    pub(crate) offer: Option<bytes::Bytes>,
    sdp: Session,
    sender: Sender,
    receiver: Receiver,
    tone: ToneGenerator,
    late_inputs: VecDeque<(Instant, Input)>,
    random: u64,
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

fn local(port: u16, address: &str) -> LocalMedia {
    LocalMedia {
        address: address.parse().unwrap(),
        port,
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        packet_time_ms: 20,
    }
}

impl Line {
    /// A call from the phone, with its offer in the INVITE or without one.
    pub(crate) fn inbound(graph: serde_json::Value, with_offer: bool) -> Self {
        let mut sdp = Session::new(7, local(4000, "192.0.2.9"));
        let offer = with_offer.then(|| bytes::Bytes::from(sdp.offer().to_string()));
        Self::new(graph, sdp, Opening::Inbound { offer })
    }

    /// The same phone with another opening.
    pub(crate) fn reopened(self, opening: Opening) -> Self {
        Self::new(digits(), self.sdp, opening)
    }

    /// A call to the phone; what it does with the INVITE is the test's.
    pub(crate) fn outbound(graph: serde_json::Value) -> Self {
        Self::new(
            graph,
            Session::new(7, local(4000, "192.0.2.9")),
            Opening::Outbound,
        )
    }

    fn new(graph: serde_json::Value, sdp: Session, opening: Opening) -> Self {
        let now = Instant::ZERO + Duration::from_secs(5);
        let setup = Setup {
            opening,
            local: local(20_000, NODE),
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
            rtcp_packets: 0,
            node_packets: 0,
            heard_frames: 0,
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
                telephone_event: Some(101),
            }),
            receiver: Receiver::new(ReceiverConfig::new(vec![0, 8], Some(101))),
            tone: ToneGenerator::new(Tone::BEEP, Cadence::STEADY, 8_000),
            late_inputs: VecDeque::new(),
            random: 1,
        };
        line.drain();
        line
    }

    /// The answer of the node, taken by the phone.
    pub(crate) fn take_answer(&mut self) -> Negotiated {
        let answer = self.commands.iter().find_map(|command| match command {
            Command::Answer { sdp } => Some(sdp.clone()),
            _ => None,
        });
        let answer = SessionDescription::parse(&answer.unwrap()).unwrap();
        self.sdp.accept(&answer).unwrap()
    }

    /// The phone's answer to an offer of the node.
    pub(crate) fn answer_to(&mut self, offer: &[u8]) -> bytes::Bytes {
        let offer = SessionDescription::parse(offer).unwrap();
        self.sdp.answer(&offer).unwrap().0.to_string().into()
    }

    /// The phone's offer with another direction.
    pub(crate) fn offer(&mut self, direction: callplane_sdp::Direction) -> bytes::Bytes {
        self.sdp.set_direction(direction);
        self.sdp.offer().to_string().into()
    }

    pub(crate) fn sip(&mut self, event: Event) {
        self.call.handle(self.now, Input::Sip(event));
        self.drain();
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
        let mut octets = [0; 160];
        self.tone.fill(&mut samples);
        Law::Mu.encode(&samples, &mut octets);
        let mut packet = Vec::new();
        let audio = self.sends_audio.then_some(octets.as_slice());
        if self.sender.frame(audio, &mut packet) && !self.is_lost() {
            let from: SocketAddr = PHONE.parse().unwrap();
            counted(|| self.call.rtp(self.now, from, &packet));
        }
    }

    fn node_ticks(&mut self) {
        let wall = WallTime::from_unix_micros(1_700_000_000_000_000) + (self.now - Instant::ZERO);
        let before = allocations();
        let packets = counted(|| self.call.tick(self.now, wall));
        if packets.rtcp.is_some() {
            // A report every five seconds may cost something.
            forget_since(before);
            self.rtcp_packets += 1;
        }
        self.node_packets += usize::from(packets.rtp.is_some());
        self.node_packets += usize::from(packets.rtcp.is_some());
        let sent = packets.rtp.map(|(to, packet)| (to, packet.to_vec()));
        if let Some((to, packet)) = sent {
            assert_eq!(to, PHONE.parse().unwrap());
            self.receiver
                .push(self.now, &Packet::parse(&packet).unwrap());
        }
        if let Frame::Audio { payload, .. } = self.receiver.pop(self.now)
            && !Law::Mu.is_quiet(payload)
        {
            self.heard_frames += 1;
        }
        while let Some((due, _)) = self.late_inputs.front()
            && *due <= self.now
        {
            let (_, input) = self.late_inputs.pop_front().unwrap();
            self.call.handle(self.now, input);
        }
        self.drain();
    }

    fn is_lost(&mut self) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 33) % 100 < u64::from(self.loss_percent)
    }

    fn drain(&mut self) {
        while let Some(output) = self.call.poll() {
            assert!(self.facts.is_none(), "nothing follows the end");
            match output {
                Output::Invite { sdp } => self.offer = Some(sdp),
                Output::Sip(command) => self.commands.push(command),
                Output::Synthesize { utterance, text } => {
                    let clip = match self.speech_up {
                        true => Ok(Clip::new(vec![8_000; text.len() * LETTER])),
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
                    self.call.recycle(octets);
                }
                Output::Finished(facts) => self.facts = Some(*facts),
                Output::Answered | Output::Stage(..) => {}
            }
        }
    }
}
