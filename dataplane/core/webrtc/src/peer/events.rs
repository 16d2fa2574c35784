//! What the protocols say.

use std::time::Duration;

use callplane_rtp::dtmf::DigitEvent;
use callplane_rtp::{FarEnd, Packet};
use callplane_types::Instant;
use str0m::format::Codec;
use str0m::net::Protocol;
use str0m::rtp::RtpPacket;
use str0m::stats::RemoteIngressStats;
use str0m::{Event, IceConnectionState, Output as RtcOutput};

use super::{CONSENT, Closed, MAX_OUTPUTS, NOTICED_AFTER, Output, Peer};
use crate::playout::Arrived;
use crate::{TransportAddress, Voice};

impl Peer {
    /// Drains the state machine after every change.
    pub(super) fn settle(&mut self, now: Instant, failed: bool) {
        if failed {
            self.end(Closed::Failed);
        }
        loop {
            match self.rtc.poll_output() {
                Ok(RtcOutput::Timeout(at)) => {
                    self.deadline = Instant::from_origin(at.saturating_duration_since(self.origin));
                    break;
                }
                Ok(RtcOutput::Transmit(transmit)) => {
                    let to = match transmit.proto {
                        Protocol::Udp => TransportAddress::udp(transmit.destination),
                        _ => TransportAddress::tcp(transmit.destination),
                    };
                    if self.outputs.len() < MAX_OUTPUTS {
                        self.outputs.push_back(Output::Transmit {
                            to,
                            datagram: transmit.contents.to_vec(),
                        });
                    }
                }
                Ok(RtcOutput::Event(event)) => self.happened(now, event),
                Err(_) => {
                    self.end(Closed::Failed);
                    break;
                }
            }
        }
        if !self.rtc.is_alive() {
            self.end(Closed::ByPeer);
        }
    }

    fn happened(&mut self, now: Instant, event: Event) {
        match event {
            Event::Connected if !self.connected => {
                self.connected = true;
                self.outputs.push_back(Output::Connected);
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) if self.connected => {
                self.expires.get_or_insert(now + (CONSENT - NOTICED_AFTER));
            }
            // A restart that nobody comes to ends like a network that is gone. Candidates that trickle in say
            // nothing of who sent them, so they do not give more time.
            Event::IceConnectionStateChange(IceConnectionState::Checking) if self.connected => {
                self.expires.get_or_insert(now + CONSENT);
            }
            Event::IceConnectionStateChange(
                IceConnectionState::Connected | IceConnectionState::Completed,
            ) => self.expires = None,
            Event::RtpPacket(packet) => self.arrived(now, packet),
            Event::PeerStats(stats) => {
                if let Some(trip) = stats.rtt {
                    self.round_trips.0 += 1;
                    self.round_trips.1 += trip;
                }
            }
            Event::MediaEgressStats(stats) if stats.mid == self.mid => {
                if let Some(remote) = stats.remote {
                    self.reported(&remote);
                }
            }
            Event::Closed => self.end(Closed::ByPeer),
            _ => {}
        }
    }

    /// What the other side received of us.
    fn reported(&mut self, remote: &RemoteIngressStats) {
        let flying = self
            .sequence
            .saturating_sub(1)
            .saturating_sub(*remote.maximum_sequence_number);
        let expected = u64::from(self.sent).saturating_sub(flying);
        // 24 bits with sign (RFC 3550 section 6.4.1): more duplicates than losses are no loss.
        let lost = Some(remote.packets_lost).filter(|lost| *lost < 0x80_0000);
        let rate = f64::from(self.voice.clock_rate());
        let jitter = Duration::from_secs_f64(f64::from(remote.jitter) / rate);
        let before = self.far_end.unwrap_or_default();
        self.far_end = Some(FarEnd {
            expected,
            lost: lost.unwrap_or(0).min(expected),
            jitter,
            max_jitter: before.max_jitter.max(jitter),
            voip: None,
        });
    }

    fn arrived(&mut self, now: Instant, packet: RtpPacket) {
        let codec = self
            .rtc
            .codec_config()
            .params()
            .iter()
            .find(|one| one.pt() == packet.header.payload_type)
            .map(|one| one.spec().codec);
        match codec {
            Some(Codec::Tele) => self.pressed(now, &packet),
            Some(codec) => {
                let Some(voice) = Voice::of(codec) else {
                    return;
                };
                self.last_heard = Some(now);
                self.playout.push(
                    now,
                    Arrived {
                        voice,
                        ssrc: *packet.header.ssrc,
                        sequence: *packet.seq_no,
                        timestamp: packet.header.timestamp,
                        payload: packet.payload,
                    },
                );
            }
            None => {}
        }
    }

    fn pressed(&mut self, now: Instant, packet: &RtpPacket) {
        self.last_heard = Some(now);
        self.playout
            .pass_over(self.voice, *packet.header.ssrc, *packet.seq_no);
        self.digits.push(
            now,
            &Packet {
                marker: packet.header.marker,
                payload_type: *packet.header.payload_type,
                sequence: packet.header.sequence_number,
                timestamp: packet.header.timestamp,
                ssrc: *packet.header.ssrc,
                contributors: &[],
                extension: None,
                payload: &packet.payload,
            },
        );
        while let Some(event) = self.digits.poll() {
            if let DigitEvent::Began(digit) = event {
                self.outputs.push_back(Output::Key(digit.as_char()));
            }
        }
    }

    /// Says once that it is over.
    pub(super) fn end(&mut self, why: Closed) {
        if !self.closed {
            self.closed = true;
            self.outputs.push_back(Output::Closed(why));
        }
    }
}
