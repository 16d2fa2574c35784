//! From packets to frames: puts them in order, decodes them, and fills what is missing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use callplane_audio::{Concealer, Downsampler, Law, OPUS_MAX_SAMPLES, OpusDecoder, OpusPacket};
use callplane_rtp::ReceiverStats;
use callplane_types::Instant;

use crate::{FRAME_SAMPLES, Frame, Voice};

/// Packets that are waited for before the first is played: 40 ms of jitter cost nobody a word.
const START: usize = 2;
/// Packets that wait at most; what is beyond is a burst after a stall, and its oldest part is passed over.
const MOST: usize = 15;
/// What is left of a burst.
const KEPT: usize = 3;
/// Frames made up in a row before the sender counts as silent.
const IDLE_AFTER: u32 = 5;
/// A gap of more packets than this is a new beginning, not loss: half a second.
const MAX_GAP: u64 = 25;

/// What the 20 ms handed out are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// What the caller sent.
    Audio,
    /// Made up, because something is late or lost.
    Lost,
    /// Silence: the caller sends nothing.
    Idle,
}

/// One packet of audio that came.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) voice: Voice,
    pub(crate) ssrc: u32,
    /// Extended, so that it never wraps.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) payload: Arc<[u8]>,
}

/// The receiving end of one stream. **Each packet is played at most once and in order, and every pop
/// gives a frame.**
pub(crate) struct Playout {
    packets: BTreeMap<u64, Arrived>,
    /// Whose packets they are.
    ssrc: Option<u32>,
    /// The packet to be played next, once one was.
    next: Option<u64>,
    /// Whether packets are gathered before playing.
    filling: bool,
    made_up: u32,
    ready: VecDeque<i16>,
    opus: Option<Box<OpusDecoder>>,
    narrow: Downsampler,
    law: Law,
    concealer: Concealer,
    wideband: Vec<i16>,
    decoded: Vec<i16>,
    stats: ReceiverStats,
    last: Option<(Instant, u32)>,
    jitter: f64,
    /// Samples that waited before each frame, together.
    waited: u64,
}

impl Playout {
    pub(crate) fn new(voice: Voice) -> Self {
        Self {
            packets: BTreeMap::new(),
            ssrc: None,
            next: None,
            filling: true,
            made_up: IDLE_AFTER,
            ready: VecDeque::with_capacity(8 * FRAME_SAMPLES),
            opus: (voice == Voice::Opus).then(|| Box::new(OpusDecoder::new())),
            narrow: Downsampler::default(),
            law: Law::Mu,
            concealer: Concealer::default(),
            wideband: vec![0; OPUS_MAX_SAMPLES],
            decoded: Vec::with_capacity(OPUS_MAX_SAMPLES / 2 + 1),
            stats: ReceiverStats::default(),
            last: None,
            jitter: 0.0,
            waited: 0,
        }
    }

    /// Takes a packet.
    pub(crate) fn push(&mut self, now: Instant, packet: Arrived) {
        if self.ssrc != Some(packet.ssrc) {
            self.begin(packet.ssrc);
        }
        self.measure(now, &packet);
        self.stats.packets += 1;
        self.stats.octets += packet.payload.len() as u64;
        if self.next.is_some_and(|next| packet.sequence < next) {
            self.stats.late += 1;
            return;
        }
        let newest = self.packets.last_key_value().map(|(sequence, _)| *sequence);
        if newest.is_some_and(|newest| packet.sequence < newest) {
            self.stats.reordered += 1;
        }
        if self.packets.insert(packet.sequence, packet).is_some() {
            self.stats.duplicates += 1;
        }
        self.bound();
    }

    /// Drops the oldest of too many.
    fn bound(&mut self) {
        if self.packets.len() > MOST {
            while self.packets.len() > KEPT {
                self.packets.pop_first();
                self.stats.skipped_frames += 1;
            }
            self.next = self
                .packets
                .first_key_value()
                .map(|(sequence, _)| *sequence);
            self.ready.clear();
        }
    }

    /// A packet of the same stream that holds no audio, such as a key (RFC 4733 section 2.2): its place
    /// in the numbering is not a loss.
    pub(crate) fn pass_over(&mut self, voice: Voice, ssrc: u32, sequence: u64) {
        if self.ssrc == Some(ssrc) && self.next.is_none_or(|next| sequence >= next) {
            let nothing = Arrived {
                voice,
                ssrc,
                sequence,
                timestamp: 0,
                payload: Arc::new([]),
            };
            self.packets.entry(sequence).or_insert(nothing);
            self.bound();
        }
    }

    /// Another source: its numbers and times have nothing to do with those before (RFC 3550 section 8).
    fn begin(&mut self, ssrc: u32) {
        if self.ssrc.replace(ssrc).is_some() {
            self.stats.source_changes += 1;
        }
        self.packets.clear();
        self.next = None;
        self.last = None;
        self.filling = true;
    }

    /// Interarrival jitter (RFC 3550 section 6.4.1).
    fn measure(&mut self, now: Instant, packet: &Arrived) {
        if let Some((before, timestamp)) = self.last {
            let rate = f64::from(packet.voice.clock_rate());
            let ticks = packet.timestamp.wrapping_sub(timestamp) as i32;
            let difference = (now - before).as_secs_f64() - f64::from(ticks) / rate;
            // A pause in the talk says nothing about the network.
            if difference.abs() < 1.0 {
                self.jitter += (difference.abs() - self.jitter) / 16.0;
                let jitter = Duration::from_secs_f64(self.jitter);
                self.stats.max_jitter = self.stats.max_jitter.max(jitter);
            }
        }
        self.last = Some((now, packet.timestamp));
    }

    /// The next 20 ms.
    pub(crate) fn pop(&mut self, frame: &mut Frame) -> Heard {
        if self.filling && self.packets.len() < START {
            return self.make_up(frame);
        }
        self.filling = false;
        let waiting = self.waiting();
        self.waited += waiting;
        self.stats.max_delay = self.stats.max_delay.max(time_of(waiting));
        while self.ready.len() < FRAME_SAMPLES {
            if !self.decode_next() {
                return self.make_up(frame);
            }
        }
        self.made_up = 0;
        self.stats.played_frames += 1;
        for sample in frame.iter_mut() {
            *sample = self.ready.pop_front().unwrap_or(0);
        }
        self.concealer.received(frame);
        Heard::Audio
    }

    /// Decodes the packet whose turn it is, or what stands for it; false if it has to be waited for.
    fn decode_next(&mut self) -> bool {
        let Some((&first, _)) = self.packets.first_key_value() else {
            return false;
        };
        let next = self.next.unwrap_or(first);
        let missing = first.saturating_sub(next);
        if missing > MAX_GAP {
            self.stats.lost += missing;
        } else if missing > 0 {
            // One more frame of patience, until a second packet says that it will not come.
            if self.packets.len() < START {
                return false;
            }
            self.stats.lost += 1;
            self.next = Some(next + 1);
            match self.recover(missing == 1) {
                true => self.stats.repaired += 1,
                false => self.stats.concealed_frames += 1,
            }
            return true;
        }
        let Some((_, packet)) = self.packets.pop_first() else {
            return false;
        };
        self.next = Some(first + 1);
        self.decode(&packet);
        true
    }

    fn decode(&mut self, packet: &Arrived) {
        if packet.payload.is_empty() {
            return;
        }
        self.decoded.clear();
        match (self.opus.as_mut(), packet.voice) {
            (Some(opus), Voice::Opus) => {
                let length = opus
                    .decode(&packet.payload, &mut self.wideband)
                    .unwrap_or(0);
                self.narrow
                    .process(&self.wideband[..length], &mut self.decoded);
            }
            (_, voice) => {
                self.law = if voice == Voice::Pcma {
                    Law::A
                } else {
                    Law::Mu
                };
                let length = packet.payload.len().min(OPUS_MAX_SAMPLES / 2);
                self.decoded.resize(length, 0);
                self.law
                    .decode(&packet.payload[..length], &mut self.decoded);
            }
        }
        self.ready.extend(&self.decoded);
    }

    /// 20 ms for a packet that is lost: from the copy in the one after it, where there is one. Whether
    /// there was.
    fn recover(&mut self, is_before_first: bool) -> bool {
        let wide = 2 * FRAME_SAMPLES;
        let next = self
            .packets
            .first_key_value()
            .map(|(_, packet)| Arc::clone(&packet.payload));
        self.decoded.clear();
        let mut repaired = false;
        match self.opus.as_mut() {
            Some(opus) => {
                let copy = next.filter(|next| {
                    is_before_first && OpusPacket::read(next).is_some_and(|packet| packet.fec)
                });
                repaired = copy
                    .is_some_and(|copy| opus.recover(&copy, &mut self.wideband[..wide]).is_ok());
                if !repaired {
                    opus.conceal(&mut self.wideband[..wide]);
                }
                self.narrow
                    .process(&self.wideband[..wide], &mut self.decoded);
            }
            None => {
                self.decoded.resize(FRAME_SAMPLES, 0);
                self.concealer.conceal(&mut self.decoded);
            }
        }
        self.ready.extend(&self.decoded);
        repaired
    }

    /// Samples that wait to be played: those of packets of 20 ms, and what is left of the last.
    fn waiting(&self) -> u64 {
        (self.packets.len() * FRAME_SAMPLES + self.ready.len()) as u64
    }

    /// Nothing is there in time: a little is made up, then it is silence until packets come again.
    fn make_up(&mut self, frame: &mut Frame) -> Heard {
        self.made_up = self.made_up.saturating_add(1);
        if self.made_up > IDLE_AFTER {
            self.filling = true;
            self.ready.clear();
            frame.fill(0);
            self.concealer.received(frame);
            return Heard::Idle;
        }
        self.stats.concealed_frames += 1;
        self.concealer.conceal(frame);
        Heard::Lost
    }

    /// The counters so far.
    pub(crate) fn stats(&self) -> ReceiverStats {
        let frames = self.stats.played_frames.max(1);
        ReceiverStats {
            jitter: Duration::from_secs_f64(self.jitter),
            delay: time_of(self.waiting()),
            mean_delay: time_of(self.waited / frames),
            ..self.stats
        }
    }
}

/// How long samples at 8 kHz take.
fn time_of(samples: u64) -> Duration {
    Duration::from_micros(samples * 125)
}

#[cfg(test)]
mod tests {
    use callplane_audio::FRAME_TIME;

    use super::*;

    fn packet(sequence: u64) -> Arrived {
        Arrived {
            voice: Voice::Pcmu,
            ssrc: 1,
            sequence,
            timestamp: sequence as u32 * 160,
            payload: vec![sequence as u8; 160].into(),
        }
    }

    fn at(frame: u64) -> Instant {
        Instant::from_origin(FRAME_TIME * frame as u32)
    }

    #[test]
    fn packets_out_of_order_are_played_in_order_and_a_lost_one_is_made_up() {
        let mut playout = Playout::new(Voice::Pcmu);
        let mut frame = [0; FRAME_SAMPLES];
        let mut heard = Vec::new();
        for (now, arrive) in [
            vec![10],
            vec![12],
            vec![11],
            vec![],
            vec![14],
            vec![15],
            vec![16],
        ]
        .into_iter()
        .enumerate()
        {
            for sequence in arrive {
                playout.push(at(now as u64), packet(sequence));
            }
            heard.push(playout.pop(&mut frame));
        }
        let audio = heard.iter().filter(|heard| **heard == Heard::Audio).count();
        assert!(audio >= 4, "{heard:?}");
        let stats = playout.stats();
        assert_eq!((stats.lost, stats.reordered, stats.late), (1, 1, 0));
    }

    #[test]
    fn another_source_may_count_from_anywhere() {
        let mut playout = Playout::new(Voice::Pcmu);
        let mut frame = [0; FRAME_SAMPLES];
        for sequence in 5_000..5_010 {
            playout.push(at(sequence), packet(sequence));
            playout.pop(&mut frame);
        }
        let mut heard = Vec::new();
        for sequence in 3..13 {
            let other = Arrived {
                ssrc: 2,
                ..packet(sequence)
            };
            playout.push(at(sequence + 6_000), other);
            heard.push(playout.pop(&mut frame));
        }
        let stats = playout.stats();
        assert_eq!((stats.late, stats.source_changes), (0, 1));
        assert_eq!(heard.last(), Some(&Heard::Audio));
    }

    #[test]
    fn a_burst_after_a_stall_does_not_delay_the_rest_of_the_call() {
        let mut playout = Playout::new(Voice::Pcmu);
        for sequence in 0..50 {
            playout.push(at(0), packet(sequence));
        }
        assert!(playout.stats().delay <= FRAME_TIME * MOST as u32);
    }

    #[test]
    fn who_sends_nothing_is_silent_and_not_made_up_for_ever() {
        let mut playout = Playout::new(Voice::Pcmu);
        playout.push(at(0), packet(0));
        playout.push(at(1), packet(1));
        let mut frame = [1; FRAME_SAMPLES];
        let heard: Vec<Heard> = (0..12).map(|_| playout.pop(&mut frame)).collect();
        assert_eq!(heard[..2], [Heard::Audio; 2]);
        assert_eq!(heard[7..], [Heard::Idle; 5]);
        assert_eq!(frame, [0; FRAME_SAMPLES]);
    }
}
