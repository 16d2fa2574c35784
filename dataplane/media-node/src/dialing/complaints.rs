//! What is wrong with campaigns, so that the log tells it once: the dialer looks twice a second.

use std::collections::HashMap;

use callplane_types::CampaignId;

/// What was last told of each campaign that cannot be dialled.
#[derive(Debug, Default)]
pub(super) struct Complaints(HashMap<CampaignId, String>);

impl Complaints {
    /// Notes what is wrong with a campaign; whether that is news.
    pub(super) fn is_news(&mut self, campaign: CampaignId, reason: &str) -> bool {
        if self.0.get(&campaign).is_some_and(|told| told == reason) {
            return false;
        }
        self.0.insert(campaign, reason.to_owned());
        true
    }

    /// Nothing is wrong with it any more.
    pub(super) fn settle(&mut self, campaign: CampaignId) {
        self.0.remove(&campaign);
    }

    /// Forgets the campaigns that no longer run.
    pub(super) fn retain(&mut self, runs: impl Fn(CampaignId) -> bool) {
        self.0.retain(|campaign, _| runs(*campaign));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_wrong_is_news_once_until_it_changes_or_was_mended() {
        let mut complaints = Complaints::default();
        let [spring, autumn] = [1, 2].map(|id| CampaignId::new(Uuid::from_u128(id)));
        assert!(complaints.is_news(spring, "no address"));
        assert!(!complaints.is_news(spring, "no address"));
        assert!(complaints.is_news(autumn, "no address"), "another campaign");
        assert!(complaints.is_news(spring, "bad window"));
        assert!(!complaints.is_news(spring, "bad window"));
        complaints.settle(spring);
        assert!(complaints.is_news(spring, "bad window"), "mended between");
        complaints.retain(|campaign| campaign == spring);
        assert!(!complaints.is_news(spring, "bad window"));
        assert!(complaints.is_news(autumn, "no address"), "paused between");
    }
}
