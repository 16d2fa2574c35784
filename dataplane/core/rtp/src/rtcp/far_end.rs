//! How our stream arrives at the other end, as its reports say.

use std::time::Duration;

use crate::rtcp::{ReportBlock, VoipMetrics};
use crate::sender::Sender;
use crate::{FRAME_TIME, part};

/// MOS and delays that RFC 3611 section 4.7 calls unknown.
const UNKNOWN_MOS: u8 = 127;

/// What the far end received of us, over all our SSRCs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FarEnd {
    /// Packets it should have received.
    pub expected: u64,
    /// Of these, packets that it did not.
    pub lost: u64,
    /// Interarrival jitter in its last report.
    pub jitter: Duration,
    /// The largest it was in any.
    pub max_jitter: Duration,
    /// How it sounds there, where the far end sends extended reports.
    pub voip: Option<VoipMetrics>,
}

impl FarEnd {
    /// The part of the packets that was of no use there, lost or discarded, 0 to 1.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let lost = part(self.lost, self.expected);
        let discarded = self.voip.map_or(0, |voip| voip.discard_rate);
        (lost + f64::from(discarded) / 256.0).min(1.0)
    }

    /// What the far end adds to the way there: what it says, or else a jitter buffer of twice the
    /// jitter it reports, and a frame.
    #[must_use]
    pub fn delay(&self) -> Duration {
        let told = self.voip.map_or(0, |voip| {
            u64::from(voip.end_system_delay_ms.max(voip.buffer_nominal_ms))
        });
        match told {
            0 => self.jitter * 2 + FRAME_TIME,
            told => Duration::from_millis(told),
        }
    }

    /// The mean opinion score that the far end itself computed, in a conversation.
    #[must_use]
    pub fn own_mos(&self) -> Option<f64> {
        let score = self.voip?.mos_cq;
        (score != UNKNOWN_MOS && (10..=50).contains(&score)).then(|| f64::from(score) / 10.0)
    }
}

/// [`FarEnd`] while reports come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reported {
    /// The SSRC of ours that `now` is about.
    ssrc: Option<u32>,
    now: FarEnd,
    /// Counts of the SSRCs before.
    expected_before: u64,
    lost_before: u64,
}

impl Reported {
    /// Takes a report about the stream of `sender`. What is on its way is not expected yet.
    pub(super) fn report(&mut self, report: &ReportBlock, sender: &Sender) {
        if self.ssrc.replace(report.ssrc) != Some(report.ssrc) {
            self.expected_before = self.now.expected;
            self.lost_before = self.now.lost;
        }
        let last = sender.next_sequence().wrapping_sub(1);
        let flying = u64::from(last.wrapping_sub(report.highest_sequence as u16));
        let expected = u64::from(sender.packets()).saturating_sub(flying);
        // More duplicates than losses count as no loss.
        let lost = u64::try_from(report.cumulative_lost).unwrap_or(0);
        self.now.expected = self.expected_before + expected;
        self.now.lost = self.lost_before + lost.min(expected);
        self.now.jitter = sender.clock().duration(i64::from(report.jitter));
        self.now.max_jitter = self.now.max_jitter.max(self.now.jitter);
    }

    pub(super) fn voip(&mut self, metrics: VoipMetrics) {
        self.now.voip = Some(metrics);
    }

    /// Nothing as long as nothing was reported.
    pub(super) fn far_end(&self) -> Option<FarEnd> {
        self.ssrc.map(|_| self.now)
    }
}
