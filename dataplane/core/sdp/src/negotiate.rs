//! What an offer and its answer agree on.

use std::net::SocketAddr;
use std::time::Duration;

use crate::codec::{Codec, RtpMap};
use crate::description::SessionDescription;
use crate::direction::Direction;
use crate::error::NegotiationError;
use crate::media::MediaDescription;
use crate::parse::connection;

/// Packet times we can pace; anything else a peer asks for becomes [`DEFAULT_PACKET_TIME`].
const PACKET_TIMES_MS: [u64; 5] = [10, 20, 30, 40, 60];
const DEFAULT_PACKET_TIME: Duration = Duration::from_millis(20);

/// The agreement about the audio stream of a call, seen from our side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// Where our packets go. Unspecified (`0.0.0.0`) while an old telephone holds us; then
    /// [`Negotiated::direction`] does not send.
    pub remote: SocketAddr,
    /// Where our RTCP goes: `a=rtcp` (RFC 3605) or the port above.
    pub remote_rtcp: SocketAddr,
    /// The codec to send.
    pub codec: Codec,
    /// Payload types of [`Negotiated::codec`].
    pub payload_types: PayloadTypes,
    /// Every codec the other side may switch to without asking, with the payload type it arrives
    /// with; contains the chosen codec.
    pub receivable: Vec<(u8, Codec)>,
    /// Payload types of telephone events, if both sides can do them.
    pub telephone_event: Option<PayloadTypes>,
    /// How much audio the other side wants in a packet.
    pub packet_time: Duration,
    /// Which way media flows, seen from us.
    pub direction: Direction,
}

/// The payload types one format has in the two directions. They differ where the answerer numbers
/// a dynamic format differently from the offerer (RFC 3264 section 6.1): each sends with the number
/// that the receiver chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadTypes {
    /// In packets we send.
    pub send: u8,
    /// In packets we receive.
    pub receive: u8,
}

impl PayloadTypes {
    pub(crate) const fn both(payload_type: u8) -> Self {
        Self {
            send: payload_type,
            receive: payload_type,
        }
    }
}

/// What a media line of the other side says about the things we negotiate.
pub(crate) struct RemoteAudio {
    pub(crate) remote: SocketAddr,
    pub(crate) remote_rtcp: SocketAddr,
    /// Codecs in the other side's order of preference with its payload types.
    pub(crate) codecs: Vec<(u8, Codec)>,
    pub(crate) telephone_event: Option<u8>,
    pub(crate) packet_time: Duration,
    /// Seen from the other side.
    pub(crate) direction: Direction,
}

impl RemoteAudio {
    pub(crate) fn read(
        session: &SessionDescription,
        media: &MediaDescription,
    ) -> Result<Self, NegotiationError> {
        let address = session
            .connection_of(media)
            .and_then(super::Host::ip)
            .ok_or(NegotiationError::NoAddress)?;
        let remote = SocketAddr::new(address, media.port);
        let maps = media.rtp_maps();
        let said = media.direction().or_else(|| session.direction());
        // RFC 2543 put a call on hold with 0.0.0.0: nothing can be sent there (RFC 3264 8.4).
        let reachable = Direction::new(true, !address.is_unspecified());
        let packet_time = media
            .packet_time()
            .filter(|time| PACKET_TIMES_MS.contains(&(time.as_millis() as u64)));
        Ok(Self {
            remote,
            remote_rtcp: rtcp_address(media, remote),
            codecs: maps
                .iter()
                .filter_map(|map| Some((map.payload_type, Codec::of(map)?)))
                .collect(),
            telephone_event: maps
                .iter()
                .find(|map| map.is_telephone_event())
                .map(|map: &RtpMap| map.payload_type),
            packet_time: packet_time.unwrap_or(DEFAULT_PACKET_TIME),
            direction: said.unwrap_or_default().intersect(reachable),
        })
    }
}

/// `a=rtcp:53020` or `a=rtcp:53020 IN IP4 126.16.64.4`; `a=rtcp-mux` is not negotiated.
fn rtcp_address(media: &MediaDescription, rtp: SocketAddr) -> SocketAddr {
    let next = SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1));
    let Some(value) = media.values("rtcp").next() else {
        return next;
    };
    let (port, rest) = value.split_once(' ').unwrap_or((value, ""));
    match port.parse() {
        Ok(0) | Err(_) => next,
        Ok(port) => {
            let host = connection(rest).and_then(|host| host.ip());
            SocketAddr::new(host.unwrap_or(rtp.ip()), port)
        }
    }
}
