//! One leg over RTP: packets in, frames of the caller out; frames of the agent in, packets to be sent.

mod receive;
mod secure;

pub(crate) use receive::Media;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use callplane_audio::DtmfDetector;
use callplane_dtls::Identity;
use callplane_rtp::dtmf::Digit;
use callplane_rtp::{
    Clock, ControlLatch, ControlSession, Format, Latch, Packet, Receiver, ReceiverConfig, Sender,
    SenderConfig,
};
use callplane_sdp::{Codec, Negotiated, Protection};
use callplane_types::{Instant, WallTime};

use super::decode::{inspect, is_quiet};
use super::encode::Encoder;
use super::hearing::Hearing;
use super::shield::Shield;
use super::way::{Outgoing, Port, Way};
use super::{Audience, FRAME_SAMPLES, Frame, MAX_PACKET_SAMPLES, WideFrame};
use crate::facts::{Measured, Quality, RefusedPackets};

/// How long a key is pressed that is passed on.
const KEY_TIME: Duration = Duration::from_millis(100);
/// Keys that may wait for the next frame.
const MAX_KEYS: usize = 32;
/// Room for the largest packet we send, so that sending allocates nothing.
const PACKET_ROOM: usize = 512;
/// First sequence numbers are below this, so that nobody misses the first wrap under a key (RFC 4568
/// section 6.4).
const FIRST_SEQUENCES: u16 = 1 << 15;
/// From one SSRC to the next: odd, so that none comes twice.
const SSRC_STEP: u32 = 0x9E37_79B9;

/// At the 8 kHz of a leg.
const SAMPLES_A_MILLISECOND: usize = FRAME_SAMPLES / 20;
/// Packets a tick at most: two of 10 ms.
const PACKETS: usize = 2;

/// The packets of one tick, to be sent before the next. Two of 10 ms go out together: a buffer that plays
/// from 10 ms packets holds more than that, and nothing need wake twice as often.
#[derive(Debug, Clone, Copy, Default)]
pub struct Packets<'a> {
    /// From the RTP port, in this order; none while a longer packet is being filled.
    pub rtp: [Option<(SocketAddr, &'a [u8])>; PACKETS],
    /// From the port that it names.
    pub rtcp: Option<(Port, SocketAddr, &'a [u8])>,
}

/// The RTP of one leg. **Nothing here allocates while no turn begins or ends**, but for the codec of
/// Opus.
#[derive(Debug)]
pub(crate) struct Leg {
    negotiated: Negotiated,
    latch: Latch,
    control_latch: ControlLatch,
    receiver: Receiver,
    sender: Sender,
    control: ControlSession,
    /// How both components are reached. That of RTCP has nothing where it goes with the media.
    media_way: Way,
    control_way: Way,
    identity: Identity,
    /// Answers to checks, and handshakes, that wait to be sent.
    outgoing: VecDeque<Outgoing>,
    /// Nothing while media is plain, or waits for its keys.
    shield: Option<Shield>,
    /// That of RTCP where it has a handshake of its own.
    control_shield: Option<Shield>,
    /// What media was encrypted with before it became plain: the same keys may come again, and their counters and replay
    /// window then go on.
    rests: Option<Shield>,
    /// Media was plain at some time.
    was_plain: bool,
    /// What was dropped because it did not prove authentic.
    unauthentic: RefusedPackets,
    hearing: Hearing,
    encoder: Encoder,
    keys: VecDeque<char>,
    /// Keys are heard as tones, where no telephone events were agreed on.
    tones: Option<DtmfDetector>,
    /// The last key that was heard as a tone.
    last_tone: Option<(Instant, char)>,
    /// Keys come by INFO: their tones say them once more.
    has_info: bool,
    resumed_at: Instant,
    /// What the agent said and is not sent yet: less than a packet.
    unsent: Vec<i16>,
    rtp_packets: [Vec<u8>; PACKETS],
    rtcp_packet: Vec<u8>,
}

impl Leg {
    /// A stream; `seed` makes it differ from every other.
    pub(crate) fn new(
        now: Instant,
        negotiated: &Negotiated,
        seed: u64,
        identity: &Identity,
    ) -> Self {
        let (mut hearing, mut encoder) = (Hearing::new(seed), Encoder::default());
        hearing.prepare(negotiated);
        encoder.prepare(negotiated);
        let mut leg = Self {
            latch: Latch::new(negotiated.remote),
            control_latch: ControlLatch::new(negotiated.remote_rtcp),
            receiver: receiver(negotiated),
            sender: sender(negotiated, seed),
            control: ControlSession::new(format!("{seed:016x}"), seed),
            media_way: Way::default(),
            control_way: Way::default(),
            identity: identity.clone(),
            outgoing: VecDeque::new(),
            shield: negotiated.crypto().cloned().map(Shield::new),
            control_shield: None,
            rests: None,
            was_plain: negotiated.protection == Protection::Plain,
            unauthentic: RefusedPackets::default(),
            hearing,
            encoder,
            keys: VecDeque::with_capacity(MAX_KEYS),
            tones: tones(negotiated),
            last_tone: None,
            has_info: false,
            resumed_at: now,
            unsent: Vec::with_capacity(MAX_PACKET_SAMPLES + FRAME_SAMPLES),
            rtp_packets: std::array::from_fn(|_| Vec::with_capacity(PACKET_ROOM)),
            rtcp_packet: Vec::with_capacity(PACKET_ROOM),
            negotiated: negotiated.clone(),
        };
        leg.find_ways(now, negotiated);
        leg
    }

    /// Another agreement about the same stream.
    pub(crate) fn renegotiate(&mut self, now: Instant, negotiated: Negotiated) {
        let mut moved = false;
        if !negotiated.remote.ip().is_unspecified() {
            moved = negotiated.remote != self.latch.signalled();
            self.latch.resignal(negotiated.remote);
            self.control_latch.resignal(negotiated.remote_rtcp);
        }
        let (audio, events) = receivable(&negotiated);
        let noise = comfort_noise(&negotiated);
        self.receiver.set_formats(audio, events, noise);
        let (audio, event) = sendable(&negotiated);
        let other_clock = audio.clock != self.sender.clock();
        self.sender.set_formats(audio, event);
        if self.is_held() {
            self.resumed_at = now;
        }
        self.hearing.prepare(&negotiated);
        self.encoder.prepare(&negotiated);
        if negotiated.telephone_events.is_empty() != self.tones.is_some() {
            self.tones = tones(&negotiated);
        }
        if negotiated.packet_time != self.negotiated.packet_time {
            // Of shorter packets more would be due at once than a tick sends.
            self.unsent.clear();
        }
        // Timestamps of two clocks are two sources (RFC 7160 section 4.1).
        self.find_ways(now, &negotiated);
        if self.protect(&negotiated.protection, moved) || other_clock {
            self.change_source();
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

// === A frame ===

impl Leg {
    /// Takes the next 20 ms of the caller, which are silence for nobody unless keys may be heard in them.
    pub(crate) fn decode_next(&mut self, now: Instant, audience: Audience, caller: &mut Frame) {
        let audience = match self.hears_tones() {
            true => audience.max(Audience::People),
            false => audience,
        };
        let receivable = &self.negotiated.receivable;
        self.hearing
            .take(now, audience, &mut self.receiver, receivable, caller);
        self.collect_keys();
        self.hear_tones(now, caller);
    }

    /// The frame that was taken last at 16 kHz, where there may be more in it than at 8 kHz.
    pub(crate) fn wide(&self) -> Option<&WideFrame> {
        self.hearing.wide()
    }

    /// Builds the packets that this frame of the agent fills.
    pub(crate) fn send(&mut self, now: Instant, wall: WallTime, agent: &Frame) -> Packets<'_> {
        self.unsent.extend_from_slice(agent);
        let has_rtp = self.send_due();
        self.packets(now, wall, has_rtp)
    }

    /// The control packets alone, while the audio of another leg is passed on.
    pub(crate) fn report(&mut self, now: Instant, wall: WallTime) -> Packets<'_> {
        self.unsent.clear();
        self.packets(now, wall, [false; PACKETS])
    }

    fn packets(&mut self, now: Instant, wall: WallTime, has_rtp: [bool; PACKETS]) -> Packets<'_> {
        let has_rtcp = self.build_report(now, wall);
        let (rtp, rtcp) = (self.media_remote(), self.control_remote());
        let packet = |place: usize| Some((rtp?, self.rtp_packets[place].as_slice()));
        let report = rtcp.map(|to| (self.control_port(), to, self.rtcp_packet.as_slice()));
        Packets {
            rtp: std::array::from_fn(|place| packet(place).filter(|_| has_rtp[place])),
            rtcp: report.filter(|_| has_rtcp),
        }
    }

    /// Whether a report is due, and there.
    fn build_report(&mut self, now: Instant, wall: WallTime) -> bool {
        if !self.may_report() {
            return false;
        }
        let has_rtcp = self.control.poll(
            now,
            wall,
            &self.sender,
            &mut self.receiver,
            &mut self.rtcp_packet,
        );
        match self.control_shield.as_mut().or(self.shield.as_mut()) {
            Some(shield) => has_rtcp && shield.protect_rtcp(&mut self.rtcp_packet),
            None => has_rtcp,
        }
    }

    /// Builds the packets that are full, and says which there are.
    fn send_due(&mut self) -> [bool; PACKETS] {
        let time = self.negotiated.packet_time;
        let length = time.as_millis() as usize * SAMPLES_A_MILLISECOND;
        let sends = self.negotiated.direction.sends();
        let mut has = [false; PACKETS];
        if !self.may_send() {
            let whole = self.unsent.len() / length * length;
            self.unsent.drain(..whole);
            return has;
        }
        for (has, packet) in has.iter_mut().zip(&mut self.rtp_packets) {
            let Some(samples) = self.unsent.get(..length) else {
                break;
            };
            let audio = self.encoder.encode(self.negotiated.codec, samples);
            *has = self.sender.packet(time, audio.filter(|_| sends), packet);
            if let Some(shield) = &mut self.shield {
                // What cannot be protected is not sent.
                *has = *has && shield.protect_rtp(packet);
            }
            self.unsent.drain(..length);
        }
        has
    }

    /// Passes on what another leg let through, with the same codec; nothing of what this side does not take.
    pub(crate) fn pass(
        &mut self,
        media: Media,
        packet: &Packet<'_>,
    ) -> Option<(SocketAddr, &[u8])> {
        if !self.negotiated.direction.sends() || !self.may_send() {
            return None;
        }
        let to = self.media_remote()?;
        let payload_type = match media {
            Media::Audio(codec) if codec == self.negotiated.codec => {
                self.negotiated.payload_types.send
            }
            Media::Audio(_) => return None,
            Media::ComfortNoise => comfort_noise(&self.negotiated)?,
            Media::Event { clock_rate } => {
                let mut events = self.negotiated.telephone_events.iter();
                let event = events.find(|event| event.clock_rate == clock_rate)?;
                event.payload_types.send
            }
        };
        let [passed, _] = &mut self.rtp_packets;
        self.sender.pass(packet, payload_type, passed);
        let may_be_sent = match &mut self.shield {
            Some(shield) => shield.protect_rtp(passed),
            None => true,
        };
        may_be_sent.then_some((to, passed.as_slice()))
    }

    /// Whether the keys of the far end are in its audio.
    pub(crate) fn has_audible_keys(&self) -> bool {
        self.tones.is_some()
    }

    /// Whether a key is being pressed at the far end.
    pub(crate) fn is_pressing(&self) -> bool {
        self.sender.is_pressing()
    }

    /// Presses a key at the far end; what is beyond 32 waiting ones is lost.
    pub(crate) fn press(&mut self, key: char) {
        if let Ok(digit) = Digit::try_from(key) {
            let _ = self.sender.press(digit, KEY_TIME);
        }
    }
}

// === What is left ===

impl Leg {
    /// Nothing if no packet came.
    pub(crate) fn quality(&self, now: Instant) -> Option<Quality> {
        self.receiver.last_packet()?;
        let heard = self.control.heard();
        Some(Quality::new(
            self.codec().name(),
            Measured {
                received: self.receiver.stats(now),
                sent_packets: self.sender.total_packets(),
                round_trip: heard.mean_round_trip,
                far_end: heard.far_end,
            },
        ))
    }

    pub(crate) fn refused(&self) -> RefusedPackets {
        RefusedPackets {
            rtp: self.latch.refused() + self.unauthentic.rtp,
            rtcp: self.control_latch.refused() + self.unauthentic.rtcp,
        }
    }
}

fn receiver(negotiated: &Negotiated) -> Receiver {
    let (audio, telephone_events) = receivable(negotiated);
    Receiver::new(ReceiverConfig {
        audio,
        telephone_events,
        comfort_noise: comfort_noise(negotiated),
        quiet: is_quiet,
        inspect,
        ..ReceiverConfig::new(Vec::new(), None)
    })
}

fn sender(negotiated: &Negotiated, seed: u64) -> Sender {
    let (audio, telephone_event) = sendable(negotiated);
    Sender::new(SenderConfig {
        ssrc: (seed >> 32) as u32,
        first_sequence: (seed >> 16) as u16 % FIRST_SEQUENCES,
        first_timestamp: seed as u32,
        payload_type: audio.payload_type,
        clock: audio.clock,
        telephone_event,
    })
}

/// Audio and telephone events that may come.
fn receivable(negotiated: &Negotiated) -> (Vec<Format>, Vec<Format>) {
    let audio = negotiated.receivable.iter();
    let audio = audio.map(|(payload_type, codec)| format(*payload_type, codec.clock_rate()));
    let events = negotiated.telephone_events.iter();
    let events = events.map(|event| format(event.payload_types.receive, event.clock_rate));
    (audio.collect(), events.collect())
}

fn tones(negotiated: &Negotiated) -> Option<DtmfDetector> {
    let has_none = negotiated.telephone_events.is_empty();
    has_none.then(DtmfDetector::default)
}

/// The payload type of comfort noise: as agreed, and else the one that many send without a word.
fn comfort_noise(negotiated: &Negotiated) -> Option<u8> {
    const STATIC: u8 = 13;
    let mut codecs = negotiated.receivable.iter();
    let is_free =
        codecs.all(|(payload_type, codec)| *payload_type != STATIC && *codec != Codec::Opus);
    negotiated.comfort_noise.or(is_free.then_some(STATIC))
}

/// The audio that is sent, and the telephone events that go with its clock.
fn sendable(negotiated: &Negotiated) -> (Format, Option<u8>) {
    let audio = negotiated.payload_types.send;
    let audio = format(audio, negotiated.codec.clock_rate());
    let mut events = negotiated.telephone_events.iter();
    let event = events.find(|event| event.clock_rate == audio.clock.rate());
    (audio, event.map(|event| event.payload_types.send))
}

fn format(payload_type: u8, clock_rate: u32) -> Format {
    Format {
        payload_type,
        clock: Clock::of_rate(clock_rate).unwrap_or_default(),
    }
}
