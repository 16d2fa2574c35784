//! The legs of a call, as its record has them.

use std::iter;

use callplane_call::{Facts, ObserverFacts, PartyFacts, RefusedPackets};
use callplane_store::records::{self, EndpointKind, Leg, LegKind};
use callplane_types::{CallStatus, Direction, LegId};
use uuid::Uuid;

use super::meta::{Channel, Meta};
use super::party::Way;
use super::quality;

/// That of the caller, those of the parties in order, those of supervisors in order: as [`quality::samples`] counts
/// them.
pub(super) fn legs(meta: &Meta, call: &records::Call, facts: &Facts, ways: &[Way]) -> Vec<Leg> {
    let parties = facts.parties.iter().map(|party| party_leg(party, ways));
    let observers = facts.observers.iter().map(|one| observer_leg(one, facts));
    iter::once(leg(meta, call, facts))
        .chain(parties)
        .chain(observers)
        .collect()
}

/// The leg to the person. The agent has no leg of its own: it sits on the node.
fn leg(meta: &Meta, call: &records::Call, facts: &Facts) -> Leg {
    Leg {
        id: LegId::new(Uuid::now_v7()),
        kind: LegKind::Caller,
        endpoint_kind: match (meta.channel, call.customer_number()) {
            (Channel::Browser, _) => EndpointKind::Webrtc,
            (Channel::Telephone, Some(_)) => EndpointKind::Pstn,
            (Channel::Telephone, None) => EndpointKind::Sip,
        },
        direction: meta.direction,
        from_uri: meta.from_uri.clone(),
        to_uri: meta.to_uri.clone(),
        trunk_id: meta.trunk_id,
        agent_id: None,
        carrier_leg_id: Some(meta.external_id.clone()),
        status: facts.status,
        initiated_at: facts.initiated_at,
        answered_at: facts.answered_at,
        ended_at: Some(facts.ended_at),
        hangup_cause: call.hangup_cause.clone(),
        sip_code: facts.sip_status,
        codec: facts.codec.map(str::to_owned),
        srtp_suite: facts.encryption.map(|profile| profile.suite().to_owned()),
        media: quality::media(facts.refused, facts.quality.as_ref()),
    }
}

/// The leg to somebody whom the caller was to be connected with.
fn party_leg(party: &PartyFacts, ways: &[Way]) -> Leg {
    let way = ways.iter().find(|way| way.party == party.party);
    Leg {
        id: LegId::new(Uuid::now_v7()),
        kind: LegKind::Transfer,
        endpoint_kind: EndpointKind::Pstn,
        direction: Direction::Outbound,
        from_uri: way.map(|way| way.from.clone()),
        to_uri: way.map(|way| way.to.clone()),
        trunk_id: way.map(|way| way.trunk),
        agent_id: None,
        carrier_leg_id: way.map(|way| way.sip_call_id.clone()),
        status: match party.answered_at {
            Some(_) => CallStatus::Completed,
            None => party.hangup.cause.unanswered_status(),
        },
        initiated_at: party.started_at,
        answered_at: party.answered_at,
        ended_at: Some(party.ended_at),
        hangup_cause: Some(party.hangup.cause.as_str().to_owned()),
        sip_code: party.sip_status,
        codec: party.codec.map(str::to_owned),
        srtp_suite: party.encryption.map(|profile| profile.suite().to_owned()),
        media: quality::media(party.refused, party.quality.as_ref()),
    }
}

/// The leg to a supervisor who joined the call. It has the name of the token, which stands in `audit_logs`
/// with who got it.
fn observer_leg(observer: &ObserverFacts, facts: &Facts) -> Leg {
    let ObserverFacts {
        leg,
        mode,
        entered_at,
        joined_at,
        left_at,
        codec,
        quality,
    } = observer;
    let mut media = quality::media(RefusedPackets::default(), quality.as_ref());
    media["mode"] = mode.as_str().into();
    Leg {
        id: *leg,
        kind: LegKind::Monitor,
        endpoint_kind: EndpointKind::Webrtc,
        direction: Direction::Inbound,
        from_uri: None,
        to_uri: None,
        trunk_id: None,
        agent_id: None,
        carrier_leg_id: None,
        status: match joined_at {
            Some(_) => CallStatus::Completed,
            None => CallStatus::Failed,
        },
        initiated_at: *entered_at,
        answered_at: *joined_at,
        ended_at: Some(left_at.unwrap_or(facts.ended_at)),
        hangup_cause: None,
        sip_code: None,
        codec: Some((*codec).to_owned()),
        // As of the caller's leg from a browser: WebRTC knows no other media.
        srtp_suite: None,
        media,
    }
}
