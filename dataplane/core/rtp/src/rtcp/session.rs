//! The RTCP of one call: when to report, what the other side reported.

use std::time::Duration;

use callplane_types::{Instant, WallTime};

use crate::receiver::Receiver;
use crate::rtcp::far_end::{FarEnd, Reported};
use crate::rtcp::{ControlPacket, ParseError, ReportBlock, SenderInfo, parse, write};
use crate::sender::Sender;

/// Reports are this far apart, times 0.5 to 1.5 (RFC 3550 section 6.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// Seconds from 1900 to 1970.
const NTP_OFFSET: u64 = 2_208_988_800;

/// The RTCP state of one call between two parties.
#[derive(Debug, Clone)]
pub struct ControlSession {
    name: String,
    random: u64,
    next_report: Option<Instant>,
    /// The last sender report: middle bits of its NTP time, and when it came.
    last_sender_report: Option<(u32, Instant)>,
    heard: Heard,
    reported: Reported,
    trips: Trips,
}

/// The round trips of a call.
#[derive(Debug, Clone, Copy, Default)]
struct Trips {
    count: u32,
    sum: Duration,
}

/// What the other side told us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// Its last report about our stream.
    pub report: Option<ReportBlock>,
    /// What arrived of us so far.
    pub far_end: Option<FarEnd>,
    /// The way there and back, from that report.
    pub round_trip: Option<Duration>,
    /// Its mean over all reports.
    pub mean_round_trip: Option<Duration>,
    /// It said goodbye.
    pub goodbye: bool,
}

impl ControlSession {
    /// `name` is our canonical name (RFC 7022 wants it random and without an address); `seed`
    /// spreads the reports of many calls.
    #[must_use]
    pub fn new(name: String, seed: u64) -> Self {
        Self {
            name,
            random: seed | 1,
            next_report: None,
            last_sender_report: None,
            heard: Heard::default(),
            reported: Reported::default(),
            trips: Trips::default(),
        }
    }

    /// Builds a report in `out`, which is cleared first, when one is due. The first call only sets
    /// the time of the first report.
    pub fn poll(
        &mut self,
        now: Instant,
        wall: WallTime,
        sender: &Sender,
        receiver: &mut Receiver,
        out: &mut Vec<u8>,
    ) -> bool {
        out.clear();
        match self.next_report {
            Some(due) if now >= due => {}
            Some(_) => return false,
            None => {
                self.next_report = Some(now + self.interval() / 2);
                return false;
            }
        }
        self.next_report = Some(now + self.interval());
        write(&self.report(now, wall, sender, receiver), out);
        true
    }

    /// When [`ControlSession::poll`] is due.
    #[must_use]
    pub const fn next_timeout(&self) -> Option<Instant> {
        self.next_report
    }

    /// Builds the last compound of the call, a report and a BYE, in `out`, which is cleared first.
    pub fn goodbye(
        &mut self,
        now: Instant,
        wall: WallTime,
        sender: &Sender,
        receiver: &mut Receiver,
        out: &mut Vec<u8>,
    ) {
        out.clear();
        let mut packets = self.report(now, wall, sender, receiver);
        packets.push(ControlPacket::Goodbye {
            sources: vec![sender.ssrc()],
            reason: None,
        });
        write(&packets, out);
    }

    fn report(
        &self,
        now: Instant,
        wall: WallTime,
        sender: &Sender,
        receiver: &mut Receiver,
    ) -> Vec<ControlPacket> {
        let ssrc = sender.ssrc();
        let block = receiver.report().map(|mut block| {
            if let Some((middle, came)) = self.last_sender_report {
                block.last_sender_report = middle;
                block.delay_since_last_sender_report = short_time(now.saturating_since(came));
            }
            block
        });
        let reports = block.into_iter().collect();
        let report = match sender.packets() {
            0 => ControlPacket::ReceiverReport { ssrc, reports },
            packets => ControlPacket::SenderReport {
                ssrc,
                info: SenderInfo {
                    ntp: ntp(wall),
                    timestamp: sender.timestamp(),
                    packets,
                    octets: sender.octets(),
                },
                reports,
            },
        };
        let name = ControlPacket::SourceDescription(vec![(ssrc, self.name.clone())]);
        vec![report, name]
    }

    /// Takes a compound of the other side. `sender` is what we send with; reports about other SSRCs
    /// than its own are not for us.
    ///
    /// # Errors
    /// The datagram is malformed; nothing of it was used.
    pub fn handle(
        &mut self,
        now: Instant,
        wall: WallTime,
        sender: &Sender,
        datagram: &[u8],
    ) -> Result<Heard, ParseError> {
        let ours = sender.ssrc();
        for packet in parse(datagram)? {
            let reports = match packet {
                ControlPacket::SenderReport { info, reports, .. } => {
                    self.last_sender_report = Some(((info.ntp >> 16) as u32, now));
                    reports
                }
                ControlPacket::ReceiverReport { reports, .. } => reports,
                ControlPacket::Goodbye { .. } => {
                    self.heard.goodbye = true;
                    continue;
                }
                ControlPacket::ExtendedReport { voip, .. } => {
                    let about_us = voip.into_iter().find(|metrics| metrics.ssrc == ours);
                    if let Some(metrics) = about_us {
                        self.reported.voip(metrics);
                    }
                    continue;
                }
                ControlPacket::SourceDescription(_) | ControlPacket::Other { .. } => continue,
            };
            if let Some(report) = reports.into_iter().find(|report| report.ssrc == ours) {
                if let Some(trip) = round_trip(wall, &report) {
                    self.heard.round_trip = Some(trip);
                    self.trips.count += 1;
                    self.trips.sum += trip;
                    self.heard.mean_round_trip = Some(self.trips.sum / self.trips.count);
                }
                self.reported.report(&report, sender);
                self.heard.report = Some(report);
            }
        }
        self.heard.far_end = self.reported.far_end();
        Ok(self.heard)
    }

    /// What the other side has told so far.
    #[must_use]
    pub const fn heard(&self) -> Heard {
        self.heard
    }

    /// 2.5 to 7.5 seconds.
    fn interval(&mut self) -> Duration {
        // Xorshift: enough to spread reports.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let factor = 512 + (self.random >> 32) as u32 % 1024;
        INTERVAL * factor / 1024
    }
}

/// Wall time as NTP writes it: seconds since 1900 and their fraction.
fn ntp(wall: WallTime) -> u64 {
    let micros = u64::try_from(wall.unix_micros()).unwrap_or(0);
    let seconds = micros / 1_000_000 + NTP_OFFSET;
    let fraction = ((micros % 1_000_000) << 32) / 1_000_000;
    seconds << 32 | fraction
}

/// A duration in 65536ths of a second.
fn short_time(time: Duration) -> u32 {
    u32::try_from(time.as_micros() * 65_536 / 1_000_000).unwrap_or(u32::MAX)
}

/// RFC 3550 section 6.4.1: arrival minus LSR minus DLSR. Nonsense, as a peer with a broken clock
/// produces it, gives nothing.
fn round_trip(wall: WallTime, report: &ReportBlock) -> Option<Duration> {
    if report.last_sender_report == 0 {
        return None;
    }
    let arrival = (ntp(wall) >> 16) as u32;
    let units = arrival
        .wrapping_sub(report.last_sender_report)
        .wrapping_sub(report.delay_since_last_sender_report);
    let micros = u64::from(units) * 1_000_000 / 65_536;
    (micros < 10_000_000).then(|| Duration::from_micros(micros))
}
