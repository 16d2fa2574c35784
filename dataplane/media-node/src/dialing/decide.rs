//! The rules of a campaign for one candidate.

use callplane_campaign::{self as rules, CallingWindow, Clock, Recipient, Zones};
use callplane_store::campaigns::{ActiveCampaign, Candidate, Decision, WindowZone};

/// A campaign's rules, read once for all candidates of a claim.
pub(super) struct Rules {
    window: Option<(CallingWindow, Clock)>,
}

impl Rules {
    /// Reads the rules. **Rules that do not read let nobody be dialled**; the reason is for people.
    pub(super) fn of(campaign: &ActiveCampaign) -> Result<Self, String> {
        let Some(window) = &campaign.window else {
            return Ok(Self { window: None });
        };
        let read = CallingWindow::new(
            window.from_minute,
            window.to_minute,
            window.days.iter().copied(),
        )
        .map_err(|error| error.to_string())?;
        let clock = match &campaign.zone {
            WindowZone::Recipient => Clock::Recipient,
            WindowZone::Fixed(zone) => {
                Clock::Fixed(Zones::named(zone).map_err(|error| error.to_string())?)
            }
        };
        Ok(Self {
            window: Some((read, clock)),
        })
    }

    /// Whether to dial `candidate` now. Do-not-call lists were asked before, in the same
    /// transaction.
    pub(super) fn decide(&self, candidate: &Candidate) -> Decision {
        let Some((window, clock)) = &self.window else {
            return Decision::Dial;
        };
        let recipient = Recipient {
            number: &candidate.number,
            time_zone: candidate.time_zone.as_deref(),
            do_not_call: false,
        };
        match rules::decide(&recipient, window, clock, candidate.now) {
            rules::Decision::Dial => Decision::Dial,
            rules::Decision::NotBefore(time) => Decision::NotBefore(time),
            rules::Decision::Suppress(why) => Decision::Suppress(why.as_str()),
        }
    }
}
