//! The dialer: pulls recipients of the tenant's running campaigns whenever there is room.
//!
//! There is no central dialer to lose: each node claims for itself, and the claim transaction keeps
//! nodes apart. **A recipient is committed as `dialing` before anything leaves for the network.**

mod complaints;
mod decide;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use callplane_store::campaigns::{self, ActiveCampaign, Claimed, Refusal};
use callplane_store::media_nodes::NodeEpoch;
use tokio::sync::Notify;

use crate::calls::{Placement, Slot, place};
use crate::node::Node;
use complaints::Complaints;
use decide::Rules;

/// A pause or a resume is seen after this long even when its notification is lost.
const LOOK: Duration = Duration::from_millis(500);
/// Pause after the database did not answer.
const RETRY: Duration = Duration::from_secs(2);
/// Recipients claimed in one transaction at most: a claim shall be short.
const MAX_CLAIM: u32 = 20;

/// Dials until the node drains.
pub(crate) async fn dial(node: Arc<Node>, campaigns_changed: Arc<Notify>) {
    let mut complaints = Complaints::default();
    loop {
        let woken = campaigns_changed.notified();
        let mut pause = LOOK;
        if let Err(error) = look_once(&node, &mut complaints).await {
            tracing::warn!(%error, "failed to look for recipients to dial");
            pause = RETRY;
        }
        tokio::select! {
            () = node.draining.cancelled() => return,
            () = woken => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn look_once(node: &Arc<Node>, complaints: &mut Complaints) -> callplane_store::Result<()> {
    let Some(epoch) = node.epoch() else {
        return Ok(());
    };
    let campaigns = campaigns::active(&node.database).await?;
    complaints.retain(|id| campaigns.iter().any(|campaign| campaign.id == id));
    for campaign in campaigns {
        if node.draining.is_cancelled() {
            return Ok(());
        }
        let campaign = Arc::new(campaign);
        // What is wrong with one campaign holds no other back.
        let outcome = match dial_campaign(node, &epoch, &campaign).await {
            Err(error) if error.is_transient() => return Err(error),
            outcome => outcome,
        };
        let word = outcome.as_ref().map_or("failed", Claim::as_str);
        node.metrics.claim(word);
        complain(complaints, &campaign, outcome);
    }
    node.metrics.dialer_rounds.inc();
    Ok(())
}

/// Logs what is wrong with a campaign when that changes; how often it is met tells the counter.
fn complain(
    complaints: &mut Complaints,
    campaign: &ActiveCampaign,
    outcome: callplane_store::Result<Claim>,
) {
    let reason = match outcome {
        Ok(Claim::Claimed | Claim::Refused(_)) => return complaints.settle(campaign.id),
        // Passes by itself, and says nothing of what was wrong before.
        Ok(Claim::NoProgram | Claim::NoTrunk | Claim::NoSlot | Claim::Overloaded) => return,
        Ok(Claim::BadWindow(reason)) => format!("its calling window does not read: {reason}"),
        Ok(Claim::UnresolvedTrunk) => "no address of its trunk resolves".to_owned(),
        Ok(Claim::NoDataKey) => {
            "transcripts are to be encrypted, and no data key can do it".to_owned()
        }
        Err(error) => match error.sqlstate() {
            Some(state) => format!("{error} (SQLSTATE {state})"),
            None => error.to_string(),
        },
    };
    if complaints.is_news(campaign.id, &reason) {
        tracing::error!(
            campaign = campaign.name,
            reason,
            "failed to claim recipients of a campaign; nobody is dialled"
        );
    }
}

/// What came of looking at a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Claim {
    /// Recipients are being dialled.
    Claimed,
    /// Its agent is not in memory yet: the calls would fail for a reason that passes by itself.
    NoProgram,
    /// The trunk of its caller number is not known here.
    NoTrunk,
    /// This node, or the trunk, carries as many calls as it may.
    NoSlot,
    /// One more call would make others late.
    Overloaded,
    /// Its calling window does not read, and why.
    BadWindow(String),
    /// No address of the trunk resolves.
    UnresolvedTrunk,
    /// Transcripts are to be encrypted, and no data key can do it.
    NoDataKey,
    /// The store gave nobody.
    Refused(Refusal),
}

impl Claim {
    /// The word in the metric.
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::NoProgram => "no_program",
            Self::NoTrunk => "no_trunk",
            Self::NoSlot => "no_slot",
            Self::Overloaded => "overloaded",
            Self::BadWindow(_) => "bad_window",
            Self::UnresolvedTrunk => "unresolved_trunk",
            Self::NoDataKey => "no_data_key",
            Self::Refused(Refusal::NotRunning) => "not_running",
            Self::Refused(Refusal::Paced) => "paced",
            Self::Refused(Refusal::Quota) => "quota",
            Self::Refused(Refusal::Nobody) => "nobody",
        }
    }
}

async fn dial_campaign(
    node: &Arc<Node>,
    epoch: &NodeEpoch,
    campaign: &Arc<ActiveCampaign>,
) -> callplane_store::Result<Claim> {
    if !node.records.can_keep() {
        return Ok(Claim::NoDataKey);
    }
    if !node.media.has_room() {
        return Ok(Claim::Overloaded);
    }
    let directory = node.directory();
    if directory.program(campaign.agent_version_id).is_none() {
        return Ok(Claim::NoProgram);
    }
    let Some(trunk) = directory.trunk(campaign.trunk_id) else {
        return Ok(Claim::NoTrunk);
    };
    let limit = node
        .slots
        .free(trunk.id, trunk.max_calls)
        .min(campaign.max_concurrent_calls)
        .min(MAX_CLAIM);
    if limit == 0 {
        return Ok(Claim::NoSlot);
    }
    let rules = match Rules::of(campaign) {
        Ok(rules) => rules,
        Err(reason) => return Ok(Claim::BadWindow(reason)),
    };
    // Before the claim: who is claimed shall ring at once, not after a name server's pause.
    let Some(next_hop) = trunk.next_hop().await else {
        return Ok(Claim::UnresolvedTrunk);
    };
    let claimed = campaigns::claim(&node.database, campaign.id, epoch, limit, |candidate| {
        rules.decide(candidate)
    })
    .await?;
    Ok(match claimed {
        Ok(claimed) => {
            for claimed in claimed {
                let slot = node.slots.take_over(claimed.call_id, campaign.trunk_id);
                start(node, campaign, claimed, next_hop, slot);
            }
            Claim::Claimed
        }
        Err(refusal) => Claim::Refused(refusal),
    })
}

fn start(
    node: &Arc<Node>,
    campaign: &Arc<ActiveCampaign>,
    claimed: Claimed,
    next_hop: SocketAddr,
    slot: Slot,
) {
    tracing::info!(call.id = %claimed.call_id, campaign = campaign.name, attempt = claimed.attempt, "Dialing");
    // Held until the INVITE has left, so that a drain does not cut it off.
    let placing = node.placing.token();
    let attempt = Placement {
        campaign: Arc::clone(campaign),
        claimed,
        next_hop,
        slot,
        placing,
    };
    node.tasks.spawn(place(Arc::clone(node), attempt));
}
