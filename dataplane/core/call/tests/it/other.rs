//! Another party, whom the caller of a [`Line`] is to be connected with: a phone of its own, with a tone of its own.

use std::net::SocketAddr;
use std::time::Duration;

use callplane_audio::{Cadence, Law, Tone, ToneGenerator};
use callplane_call::{
    Codec, Input, KeySource, LocalMedia, MediaSecurity, Output, PartyId, PartyLine,
};
use callplane_rtp::dtmf::{Digit, DigitEvent};
use callplane_rtp::{Clock, Frame, Packet, Receiver, ReceiverConfig, Sender, SenderConfig};
use callplane_sdp::{Session, SessionDescription};
use callplane_sip::{Command, Event, StatusCode};
use callplane_srtp::{Protector, Unprotector};
use callplane_types::WallTime;

use crate::phone::{Line, contexts, secrecy};

const FRAME: Duration = Duration::from_millis(20);
const ADDRESS: &str = "192.0.2.20:6000";
/// What the other party says, in hertz.
pub(crate) const OTHER_TONE: f32 = 440.0;
/// What the phone of a [`Line`] says.
pub(crate) const PHONE_TONE: f32 = 1_000.0;

pub(crate) struct Other {
    pub(crate) id: PartyId,
    sdp: Session,
    offer: bytes::Bytes,
    law: Law,
    sender: Sender,
    receiver: Receiver,
    tone: ToneGenerator,
    crypto: Option<(Protector, Unprotector)>,
    pub(crate) sends: bool,
    /// What it heard, sample by sample.
    pub(crate) heard: Vec<i16>,
    pub(crate) keys: String,
    /// Packets of the caller that reached it as they were.
    pub(crate) passed: usize,
}

/// What a party is called with, and how it answers.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) codec: Codec,
    pub(crate) security: MediaSecurity,
}

pub(crate) const PLAIN: Terms = Terms {
    codec: Codec::Pcmu,
    security: MediaSecurity::Disabled,
};

/// The party that the node wants to ring.
pub(crate) fn dialled(line: &mut Line) -> PartyId {
    match line.wishes.pop_front() {
        Some(Output::Dial { party, to }) => {
            assert_eq!(to.as_str(), "+15550000001");
            party
        }
        other => panic!("nobody is rung: {other:?}"),
    }
}

/// The command for a party that the node wants sent.
pub(crate) fn told(line: &mut Line) -> Option<Command> {
    match line.wishes.pop_front()? {
        Output::PartySip { command, .. } => Some(command),
        other => panic!("no command: {other:?}"),
    }
}

impl Other {
    /// Gives the node a line to the party, which is rung.
    pub(crate) fn rung(line: &mut Line, terms: Terms) -> Self {
        let id = dialled(line);
        let local = |port, address: &str, codecs| LocalMedia {
            address: address.parse().unwrap(),
            port,
            codecs,
            packet_time_ms: 20,
        };
        line.call.handle(
            line.now,
            Input::PartyReady {
                party: id,
                line: PartyLine {
                    local: local(20_010, "192.0.2.1", vec![Codec::Pcma, Codec::Pcmu]),
                    secrecy: secrecy(terms.security, 5),
                },
            },
        );
        line.collect();
        let Some(Output::PartyInvite { party, sdp }) = line.wishes.pop_front() else {
            panic!("no INVITE: {:?}", line.wishes);
        };
        assert_eq!(party, id);
        Self {
            id,
            sdp: Session::new(3, local(6_000, "192.0.2.20", vec![terms.codec]))
                .secured(terms.security, KeySource::new([6; 32])),
            offer: sdp,
            law: match terms.codec {
                Codec::Pcma => Law::A,
                _ => Law::Mu,
            },
            sender: Sender::new(SenderConfig {
                ssrc: 77,
                first_sequence: 40_000,
                first_timestamp: 9,
                payload_type: terms.codec.payload_type(),
                clock: Clock::Khz8,
                telephone_event: Some(101),
            }),
            receiver: Receiver::new(ReceiverConfig::new(vec![0, 8], Some(101))),
            tone: ToneGenerator::new(Tone::single(OTHER_TONE, -12.0), Cadence::STEADY, 8_000),
            crypto: None,
            sends: false,
            heard: Vec::new(),
            keys: String::new(),
            passed: 0,
        }
    }

    /// The first codec that the node offers.
    pub(crate) fn first_offered(&self) -> String {
        let text = String::from_utf8(self.offer.to_vec()).unwrap();
        let line = text.lines().find(|line| line.starts_with("m=")).unwrap();
        line.split(' ').nth(3).unwrap().to_owned()
    }

    pub(crate) fn sip(&self, line: &mut Line, event: Event) {
        let party = self.id;
        line.call.handle(line.now, Input::PartySip { party, event });
        line.collect();
    }

    fn description(&mut self) -> bytes::Bytes {
        let offer = SessionDescription::parse(&self.offer).unwrap();
        let (answer, negotiated) = self.sdp.answer(&offer).unwrap();
        self.crypto = negotiated.crypto().map(contexts);
        answer.to_string().into()
    }

    /// It rings, and its network plays its tone meanwhile.
    pub(crate) fn plays_early_media(&mut self, line: &mut Line) {
        let sdp = self.description();
        self.sip(line, Event::EarlyMedia { sdp });
        self.sends = true;
    }

    pub(crate) fn answers(&mut self, line: &mut Line) {
        let sdp = self.description();
        self.sip(line, Event::Answered { sdp });
        self.sends = true;
    }

    pub(crate) fn refuses(&self, line: &mut Line, status: u16) {
        self.sip(
            line,
            Event::Ended(callplane_sip::Ending::Failed {
                status: StatusCode::new(status).unwrap(),
                reason: String::new(),
                retry_after: None,
            }),
        );
    }

    pub(crate) fn press(&mut self, key: char) {
        let digit = Digit::try_from(key).unwrap();
        self.sender
            .press(digit, Duration::from_millis(100))
            .unwrap();
    }

    /// Time of both phones and the node.
    pub(crate) fn pass(&mut self, line: &mut Line, time: Duration) {
        let end = line.now + time;
        while line.now < end {
            line.pass(FRAME);
            self.speak(line);
            for (to, packet) in std::mem::take(&mut line.passed) {
                self.passed += 1;
                self.take(line, to, packet);
            }
            let wall = WallTime::from_unix_micros(0);
            let packets = line.call.tick_party(line.now, wall);
            let sent = packets.rtp.into_iter().flatten();
            let sent: Vec<_> = sent.map(|(to, packet)| (to, packet.to_vec())).collect();
            for (to, packet) in sent {
                self.take(line, to, packet);
            }
            self.listen(line);
        }
    }

    fn speak(&mut self, line: &mut Line) {
        let (mut samples, mut octets, mut packet) = ([0; 160], [0; 160], Vec::new());
        self.tone.fill(&mut samples);
        self.law.encode(&samples, &mut octets);
        let audio = self.sends.then_some(octets.as_slice());
        if !self.sender.frame(audio, &mut packet) {
            return;
        }
        if let Some((protector, _)) = &mut self.crypto {
            protector.protect_rtp(&mut packet).unwrap();
        }
        let from = ADDRESS.parse().unwrap();
        let passed = line
            .call
            .party_rtp(line.now, line.wall(), from, &mut packet);
        let passed = passed.map(|(to, packet)| (to, packet.to_vec()));
        if let Some((to, packet)) = passed {
            line.deliver(to, packet);
        }
    }

    fn take(&mut self, line: &Line, to: SocketAddr, mut packet: Vec<u8>) {
        assert_eq!(to, ADDRESS.parse().unwrap());
        let packet = match &mut self.crypto {
            Some((_, opener)) => opener.unprotect_rtp(&mut packet).unwrap(),
            None => &mut packet,
        };
        let packet = Packet::parse(packet).unwrap();
        self.receiver.push(line.now, &packet);
    }

    fn listen(&mut self, line: &Line) {
        let mut frame = [0; 160];
        if let Frame::Audio { payload, .. } = self.receiver.pop(line.now) {
            self.law.decode(payload, &mut frame);
        }
        self.heard.extend(frame);
        while let Some(event) = self.receiver.poll_digit() {
            if let DigitEvent::Began(digit) = event {
                self.keys.push(digit.as_char());
            }
        }
    }
}

/// How loud a frequency is in the last half second, of 32767.
pub(crate) fn loudness(samples: &[i16], frequency: f32) -> f32 {
    let last = &samples[samples.len().saturating_sub(4_000)..];
    let angle = |at: usize| at as f32 * frequency * std::f32::consts::TAU / 8_000.0;
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (at, sample) in last.iter().enumerate() {
        sine += f32::from(*sample) * angle(at).sin();
        cosine += f32::from(*sample) * angle(at).cos();
    }
    2.0 * sine.hypot(cosine) / last.len() as f32
}
