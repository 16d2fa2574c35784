//! The dialer: pulls recipients of the tenant's running campaigns whenever there is room.
//!
//! There is no central dialer to lose: each node claims for itself, and the claim transaction keeps
//! nodes apart. **A recipient is committed as `dialing` before anything leaves for the network.**

mod decide;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use callplane_store::campaigns::{self, ActiveCampaign, Claimed, Refusal};
use callplane_store::media_nodes::NodeEpoch;
use tokio::sync::Notify;

use crate::calls::{Placement, Slot, place};
use crate::node::Node;
use decide::Rules;

/// A pause or a resume is seen after this long even when its notification is lost.
const LOOK: Duration = Duration::from_millis(500);
/// Pause after the database did not answer.
const RETRY: Duration = Duration::from_secs(2);
/// Recipients claimed in one transaction at most: a claim shall be short.
const MAX_CLAIM: u32 = 20;

/// Dials until the node drains.
pub(crate) async fn dial(node: Arc<Node>, campaigns_changed: Arc<Notify>) {
    loop {
        let woken = campaigns_changed.notified();
        let mut pause = LOOK;
        if let Err(error) = look_once(&node).await {
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

async fn look_once(node: &Arc<Node>) -> callplane_store::Result<()> {
    let Some(epoch) = node.epoch() else {
        return Ok(());
    };
    for campaign in campaigns::active(&node.database).await? {
        if node.draining.is_cancelled() {
            return Ok(());
        }
        let campaign = Arc::new(campaign);
        match dial_campaign(node, &epoch, &campaign).await {
            Ok(claim) => node.metrics.claim(claim.as_str()),
            Err(error) if error.is_transient() => return Err(error),
            // What is wrong with one campaign holds no other back.
            Err(error) => {
                tracing::error!(campaign = campaign.name, %error, "failed to claim recipients of a campaign");
                node.metrics.claim("failed");
            }
        }
    }
    node.metrics.dialer_rounds.inc();
    Ok(())
}

/// What came of looking at a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// Recipients are being dialled.
    Claimed,
    /// Its agent is not in memory yet: the calls would fail for a reason that passes by itself.
    NoProgram,
    /// The trunk of its caller number is not known here.
    NoTrunk,
    /// This node, or the trunk, carries as many calls as it may.
    NoSlot,
    /// Its calling window does not read.
    BadWindow,
    /// No address of the trunk resolves.
    UnresolvedTrunk,
    /// The store gave nobody.
    Refused(Refusal),
}

impl Claim {
    /// The word in the metric.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::NoProgram => "no_program",
            Self::NoTrunk => "no_trunk",
            Self::NoSlot => "no_slot",
            Self::BadWindow => "bad_window",
            Self::UnresolvedTrunk => "unresolved_trunk",
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
        Err(reason) => {
            tracing::error!(
                campaign = campaign.name,
                reason,
                "failed to read the calling window of a campaign; nobody is dialled"
            );
            return Ok(Claim::BadWindow);
        }
    };
    // Before the claim: who is claimed shall ring at once, not after a name server's pause.
    let Some(next_hop) = trunk.next_hop().await else {
        tracing::warn!(
            campaign = campaign.name,
            "no address of the trunk resolves; nobody is dialled"
        );
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
