//! What comes from the network.

use std::net::SocketAddr;
use std::time::Duration;

use callplane_audio::DtmfEvent;
use callplane_rtp::dtmf::{Digit, DigitEvent};
use callplane_rtp::{Arrival, Datagram, Packet, Verdict, classify, rtcp};
use callplane_sdp::Codec;
use callplane_types::{Instant, WallTime};

use super::{Leg, MAX_KEYS, comfort_noise};
use crate::media::{Frame, Port};

/// An INFO about a key is no later than this behind its tones.
const SAME_KEY: Duration = Duration::from_secs(2);

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    /// Audio of a codec that was agreed on.
    Audio(Codec),
    /// What silence sounds like (RFC 3389).
    ComfortNoise,
    /// A telephone event (RFC 4733).
    Event {
        /// Ticks a second, in which its duration is said.
        clock_rate: u32,
    },
}

impl Leg {
    /// What is not authentic is neither read nor does it say where the far end is. Gives what is to be passed on,
    /// if anything is: each packet once, and none that no listener would play.
    pub(crate) fn rtp<'a>(
        &mut self,
        now: Instant,
        wall: WallTime,
        from: SocketAddr,
        datagram: &'a mut [u8],
    ) -> Option<(Media, Packet<'a>)> {
        match classify(datagram) {
            Datagram::Rtp => {}
            Datagram::Rtcp if self.negotiated.rtcp_mux => {
                self.report_arrived(now, wall, from, datagram);
                return None;
            }
            Datagram::Stun | Datagram::Dtls => {
                self.prelude(now, Port::Rtp, from, datagram);
                return None;
            }
            Datagram::Rtcp | Datagram::Other => return None,
        }
        let is_barred = self.is_barred(Port::Rtp, from);
        let opened = match &mut self.shield {
            _ if is_barred => None,
            Some(shield) => shield.open_rtp(datagram),
            None => Some(datagram.len()),
        };
        let Some(length) = opened else {
            self.unauthentic.rtp += 1;
            return None;
        };
        let mut packet = Packet::parse(&datagram[..length]).ok()?;
        if self.media_of(packet.payload_type).is_none() {
            // Some answerers send events with the number of their own answer, not of our offer.
            let mut events = self.negotiated.telephone_events.iter();
            let types = events.find_map(|event| {
                let types = event.payload_types;
                (types.send == packet.payload_type).then_some(types)
            });
            packet.payload_type = types.map_or(packet.payload_type, |types| types.receive);
        }
        let media = self.media_of(packet.payload_type)?;
        let before = self.latch.remote();
        let is_checked = self.media_way.is_checked();
        if !is_checked && self.latch.judge(now, from, packet.ssrc) != Verdict::Accepted {
            return None;
        }
        if self.latch.remote() != before {
            self.control_latch.follow();
        }
        let arrival = self.receiver.push(now, &packet);
        self.collect_keys();
        match arrival {
            Arrival::Audio | Arrival::Late | Arrival::Event | Arrival::Noise => {
                Some((media, packet))
            }
            Arrival::Duplicate | Arrival::Stray | Arrival::Ignored => None,
        }
    }

    fn media_of(&self, payload_type: u8) -> Option<Media> {
        let mut events = self.negotiated.telephone_events.iter();
        let event = events.find(|event| event.payload_types.receive == payload_type);
        if let Some(event) = event {
            return Some(Media::Event {
                clock_rate: event.clock_rate,
            });
        }
        let mut codecs = self.negotiated.receivable.iter();
        match codecs.find(|(known, _)| *known == payload_type) {
            Some((_, codec)) => Some(Media::Audio(*codec)),
            None => (comfort_noise(&self.negotiated) == Some(payload_type))
                .then_some(Media::ComfortNoise),
        }
    }

    pub(crate) fn rtcp(
        &mut self,
        now: Instant,
        wall: WallTime,
        from: SocketAddr,
        datagram: &mut [u8],
    ) {
        match classify(datagram) {
            Datagram::Stun | Datagram::Dtls => self.prelude(now, Port::Rtcp, from, datagram),
            _ if self.negotiated.rtcp_mux => {}
            _ => self.report_arrived(now, wall, from, datagram),
        }
    }

    /// A report, on whichever port.
    fn report_arrived(
        &mut self,
        now: Instant,
        wall: WallTime,
        from: SocketAddr,
        datagram: &mut [u8],
    ) {
        let is_barred = self.is_barred(self.control_port(), from);
        let opened = match self.control_shield.as_mut().or(self.shield.as_mut()) {
            _ if is_barred => None,
            Some(shield) => shield.open_rtcp(datagram),
            None => Some(datagram.len()),
        };
        let Some(length) = opened else {
            self.unauthentic.rtcp += 1;
            return;
        };
        let datagram = &datagram[..length];
        let reporter = rtcp::reporter(datagram);
        let names_stream = reporter.is_some() && reporter == self.receiver.ssrc();
        if self.judge_report(from, names_stream) == Verdict::Accepted {
            // Garbage on this port changes nothing.
            let heard = self.control.handle(now, wall, &self.sender, datagram);
            if let Some(report) = heard.ok().and_then(|heard| heard.report) {
                self.encoder.lose(f64::from(report.fraction_lost) / 256.0);
            }
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

    pub(super) fn collect_keys(&mut self) {
        while let Some(event) = self.receiver.poll_digit() {
            if let DigitEvent::Began(digit) = event
                && self.keys.len() < MAX_KEYS
            {
                self.keys.push_back(digit.as_char());
            }
        }
    }

    /// Whether keys are listened for: they came neither as events nor by INFO.
    pub(super) const fn hears_tones(&self) -> bool {
        self.tones.is_some() && !self.has_info
    }

    pub(super) fn hear_tones(&mut self, now: Instant, caller: &Frame) {
        let hears_tones = self.hears_tones();
        let Some(tones) = self.tones.as_mut().filter(|_| hears_tones) else {
            return;
        };
        let (keys, last) = (&mut self.keys, &mut self.last_tone);
        tones.push(caller, |event| {
            if let DtmfEvent::Begin { key, .. } = event
                && let Some(digit) = Digit::from_event(key)
                && keys.len() < MAX_KEYS
            {
                keys.push_back(digit.as_char());
                *last = Some((now, digit.as_char()));
            }
        });
    }

    /// A key came by INFO. Whether it is another than the one that was just heard: some send keys both
    /// ways.
    pub(crate) fn is_news(&mut self, now: Instant, key: char) -> bool {
        let was_heard = self
            .last_tone
            .take()
            .is_some_and(|(heard, tone)| tone == key && now.saturating_since(heard) < SAME_KEY);
        let is_first = !std::mem::replace(&mut self.has_info, true);
        !(is_first && was_heard)
    }
}
