//! Who calls whom, and on whose behalf: what is known about a call before it begins.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use callplane_campaign::Retry;
use callplane_flow::{AgentSettings, ToolUse};
use callplane_sip::{NameAddr, Uri};
use callplane_store::records::StirStatus;
use callplane_types::{
    CallId, CampaignId, Direction, E164, NumberId, Pii, RecipientId, TenantId, TrunkId, WallTime,
};

use crate::routing::{LoadedProgram, number_in};

/// The facts around a call.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub(crate) id: CallId,
    pub(crate) tenant_id: TenantId,
    pub(crate) direction: Direction,
    pub(crate) channel: Channel,
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
    /// The SIP Call-ID, or the name of the token that a browser showed.
    pub(crate) external_id: String,
    /// What the other side claims about the calling number of an inbound call.
    pub(crate) stir: Option<StirStatus>,
    pub(crate) campaign: Option<Attempt>,
    /// Set when the record of the call is written: what is acquired for it later is given back.
    pub(crate) over: Arc<AtomicBool>,
}

impl Meta {
    /// The settings of the agent, if the call has one.
    pub(crate) fn agent(&self) -> Option<&AgentSettings> {
        let program = self.program.as_ref();
        program.map(|loaded| &loaded.program.agent)
    }

    /// The tool of this name that the agent has.
    pub(crate) fn tool(&self, name: &str) -> Option<&ToolUse> {
        self.program.as_ref()?.program.tool(name)
    }
}

/// What the other side calls with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// SIP.
    Telephone,
    /// WebRTC.
    Browser,
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
    foreign_text_of(octets, MAX_FOREIGN)
}

/// [`foreign_text`] of at most so many octets, for columns without an index.
pub(crate) fn foreign_text_of(octets: &[u8], most: usize) -> String {
    let octets = &octets[..octets.len().min(most)];
    let mut text: String = String::from_utf8_lossy(octets)
        .chars()
        .filter(|sign| !sign.is_control())
        .collect();
    // Again: an octet that is not UTF-8 becomes a sign of three.
    text.truncate(text.floor_char_boundary(most));
    text
}

/// The name a caller shows; nothing where it shows its number again.
pub(crate) fn shown_name(caller: &NameAddr) -> Option<Pii<String>> {
    let name = foreign_text(caller.display.as_deref()?);
    let name = name.trim();
    (!name.is_empty() && number_in(name).is_none()).then(|| Pii::new(name.to_owned()))
}

/// An address as text.
pub(crate) fn uri_text(uri: &Uri) -> Pii<String> {
    Pii::new(foreign_text(&uri.to_bytes()))
}

impl Meta {
    /// The tenant's own number of the two.
    pub(crate) fn own_number(&self) -> Option<&E164> {
        match self.direction {
            Direction::Inbound => self.to_number.as_ref(),
            Direction::Outbound => self.from_number.as_ref(),
        }
    }

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
        let cut = foreign_text(&[0xff; 8_000]);
        assert_eq!(cut, "\u{fffd}".repeat(MAX_FOREIGN / 3));
    }
}
