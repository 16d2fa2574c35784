//! One `m=` line and what belongs to it.

use crate::codec::RtpMap;
use crate::description::{Attribute, Host, direction_of, values_of};
use crate::direction::Direction;

/// RFC 3551, RFC 4585.
const PLAIN: [&str; 2] = ["RTP/AVP", "RTP/AVPF"];
/// RFC 3711, RFC 5124.
const ENCRYPTED: [&str; 2] = ["RTP/SAVP", "RTP/SAVPF"];
/// RFC 5764.
const HANDSHAKE: [&str; 2] = ["UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"];

/// What the protocol of a line says of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// There are none.
    Plain,
    /// They are in `a=crypto` (RFC 4568); some who write this have them of a handshake.
    Encrypted,
    /// They come of a handshake.
    Handshake,
}

/// A media line with its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaDescription {
    /// `audio`, `video`, `image`, ...
    pub kind: String,
    /// Where it is received; 0 refuses or removes the stream.
    pub port: u16,
    /// `RTP/AVP` and its relatives.
    pub protocol: String,
    /// Formats in the order of preference; payload types for RTP.
    pub formats: Vec<String>,
    /// Its own `c=`.
    pub connection: Option<Host>,
    /// Its `a=` lines.
    pub attributes: Vec<Attribute>,
}

impl MediaDescription {
    /// Whether this is audio over RTP, plain or encrypted, that has not been refused.
    #[must_use]
    pub fn is_open_audio(&self) -> bool {
        self.port != 0 && self.is_audio()
    }

    pub(crate) fn is_audio(&self) -> bool {
        self.kind.eq_ignore_ascii_case("audio") && self.profile().is_some()
    }

    /// Nothing of what is no RTP.
    pub(crate) fn profile(&self) -> Option<Profile> {
        [
            (&PLAIN, Profile::Plain),
            (&ENCRYPTED, Profile::Encrypted),
            (&HANDSHAKE, Profile::Handshake),
        ]
        .into_iter()
        .find_map(|(names, profile)| self.has_profile(names).then_some(profile))
    }

    fn has_profile(&self, profiles: &[&str]) -> bool {
        profiles
            .iter()
            .any(|profile| self.protocol.eq_ignore_ascii_case(profile))
    }

    /// The values of all attributes called `name`.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        values_of(&self.attributes, name)
    }

    /// Whether it has a property.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|attribute| attribute.is(name))
    }

    /// What the payload types mean, in the order of preference; formats that nothing explains are
    /// left out.
    #[must_use]
    pub fn rtp_maps(&self) -> Vec<RtpMap> {
        let written: Vec<RtpMap> = self.values("rtpmap").filter_map(RtpMap::parse).collect();
        self.formats
            .iter()
            .filter_map(|format| format.parse::<u8>().ok())
            .filter_map(|payload_type| {
                written
                    .iter()
                    .find(|map| map.payload_type == payload_type)
                    .cloned()
                    .or_else(|| RtpMap::well_known(payload_type))
            })
            .collect()
    }

    /// Its direction, if the line itself says one.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        direction_of(&self.attributes)
    }

    /// `a=ptime`: how many milliseconds of media the sayer wants in one packet.
    #[must_use]
    pub fn packet_time(&self) -> Option<u64> {
        self.millis("ptime")
    }

    /// `a=maxptime`: how many it takes at most.
    #[must_use]
    pub fn longest_packet_time(&self) -> Option<u64> {
        self.millis("maxptime")
    }

    /// Some write a fraction, or no number at all.
    fn millis(&self, name: &str) -> Option<u64> {
        self.values(name)
            .find_map(|value| value.trim().split('.').next()?.parse::<u64>().ok())
            .filter(|millis| (1..=1000).contains(millis))
    }
}
