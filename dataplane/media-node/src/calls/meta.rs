//! Who calls whom, and on whose behalf: what is known about a call before it begins.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use callplane_campaign::Retry;
use callplane_types::{
    CallId, CampaignId, Direction, E164, NumberId, Pii, RecipientId, TenantId, TrunkId, WallTime,
};

use crate::routing::LoadedProgram;

/// The facts around a call.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub(crate) id: CallId,
    pub(crate) tenant_id: TenantId,
    pub(crate) direction: Direction,
    pub(crate) initiated_at: WallTime,
    pub(crate) from_number: Option<E164>,
    pub(crate) to_number: Option<E164>,
    pub(crate) from_uri: Option<Pii<String>>,
    pub(crate) to_uri: Option<Pii<String>>,
    /// The tenant's own number of the two.
    pub(crate) own_number_id: Option<NumberId>,
    pub(crate) customer_name: Option<Pii<String>>,
    pub(crate) trunk_id: Option<TrunkId>,
    pub(crate) program: Option<Arc<LoadedProgram>>,
    pub(crate) sip_call_id: String,
    pub(crate) campaign: Option<Attempt>,
    /// Set when the record of the call is written: what is acquired for it later is given back.
    pub(crate) over: Arc<AtomicBool>,
}

/// What a campaign wants to know of a call it placed.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) campaign_id: CampaignId,
    pub(crate) recipient_id: RecipientId,
    /// From 1.
    pub(crate) number: u32,
    pub(crate) retry: Retry,
}

/// Longest text of a peer that is kept, in octets: indexes of the database take some 2,700.
const MAX_FOREIGN: usize = 1_000;

/// Text of a peer as a record may hold it: without control characters, of which the database refuses
/// some, and cut. A record that is refused would be lost.
pub(crate) fn foreign_text(octets: &[u8]) -> String {
    let octets = &octets[..octets.len().min(MAX_FOREIGN)];
    String::from_utf8_lossy(octets)
        .chars()
        .filter(|sign| !sign.is_control())
        .collect()
}

impl Meta {
    /// The variables that every flow may use.
    pub(crate) fn flow_variables(&self) -> Vec<(String, String)> {
        let text = |number: &Option<E164>| number.as_ref().map(E164::to_string);
        vec![
            (
                "caller_number".to_owned(),
                text(&self.from_number).unwrap_or_default(),
            ),
            (
                "called_number".to_owned(),
                text(&self.to_number).unwrap_or_default(),
            ),
            ("direction".to_owned(), self.direction.to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_FOREIGN, foreign_text};

    #[test]
    fn text_of_a_peer_is_cut_and_loses_what_a_database_refuses() {
        assert_eq!(foreign_text(b"sip:a\0b\x01@\x7fhost"), "sip:ab@host");
        assert_eq!(foreign_text(b"abc\xff"), "abc\u{fffd}");
        assert_eq!(foreign_text(&[b'x'; 8_000]).len(), MAX_FOREIGN);
    }
}
