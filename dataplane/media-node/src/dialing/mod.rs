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
        // Its agent must be in memory, or the calls would fail for a reason that passes by itself.
        if node
            .directory()
            .program(campaign.agent_version_id)
            .is_some()
        {
            dial_campaign(node, &epoch, &campaign).await?;
        }
    }
    Ok(())
}

async fn dial_campaign(
    node: &Arc<Node>,
    epoch: &NodeEpoch,
    campaign: &Arc<ActiveCampaign>,
) -> callplane_store::Result<()> {
    let directory = node.directory();
    let Some(trunk) = directory.trunk(campaign.trunk_id) else {
        return Ok(());
    };
    let limit = node
        .slots
        .free(trunk.id, trunk.max_calls)
        .min(campaign.max_concurrent_calls)
        .min(MAX_CLAIM);
    if limit == 0 {
        return Ok(());
    }
    let rules = match Rules::of(campaign) {
        Ok(rules) => rules,
        Err(reason) => {
            tracing::error!(
                campaign = campaign.name,
                reason,
                "failed to read the calling window of a campaign; nobody is dialled"
            );
            return Ok(());
        }
    };
    // Before the claim: who is claimed shall ring at once, not after a name server's pause.
    let Some(next_hop) = trunk.next_hop().await else {
        tracing::warn!(
            campaign = campaign.name,
            "no address of the trunk resolves; nobody is dialled"
        );
        return Ok(());
    };
    let claimed = campaigns::claim(&node.database, campaign.id, epoch, limit, |candidate| {
        rules.decide(candidate)
    })
    .await?;
    match claimed {
        Ok(claimed) => {
            for claimed in claimed {
                let slot = node.slots.take_over(claimed.call_id, campaign.trunk_id);
                start(node, campaign, claimed, next_hop, slot);
            }
        }
        Err(Refusal::Quota) => {
            tracing::debug!(
                campaign = campaign.name,
                "the tenant's quota holds a campaign back"
            );
        }
        Err(Refusal::NotRunning | Refusal::Paced | Refusal::Nobody) => {}
    }
    Ok(())
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
