//! What an offer and its answer agree on.

use std::net::SocketAddr;
use std::time::Duration;

use crate::codec::{Codec, RtpMap};
use crate::description::SessionDescription;
use crate::direction::Direction;
use crate::error::NegotiationError;
use crate::ice::IceTerms;
use crate::media::MediaDescription;
use crate::opus::OpusParameters;
use crate::parse::connection;
use crate::security::{MediaCrypto, Protection};

/// Packet times we can send, in milliseconds. A frame of Opus has one of some lengths (RFC 6716 section
/// 2.1.4).
const PACKET_TIMES: [u64; 6] = [10, 20, 30, 40, 50, 60];
const OPUS_PACKET_TIMES: [u64; 4] = [10, 20, 40, 60];
/// Where nothing is said (RFC 3551 section 4.2).
const USUAL_PACKET_TIME: u64 = 20;

/// The agreement about the audio stream of a call, seen from our side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// Where our packets go. Unspecified (`0.0.0.0`) while an old telephone holds us; then
    /// [`Negotiated::direction`] does not send.
    pub remote: SocketAddr,
    /// Where our RTCP goes: `a=rtcp` (RFC 3605) or the port above, or with the media.
    pub remote_rtcp: SocketAddr,
    /// Whether RTCP goes with the media, both ways (RFC 5761).
    pub rtcp_mux: bool,
    /// The codec to send.
    pub codec: Codec,
    /// Payload types of [`Negotiated::codec`].
    pub payload_types: PayloadTypes,
    /// Every codec the other side may switch to without asking, with the payload type it arrives
    /// with; contains the chosen codec.
    pub receivable: Vec<(u8, Codec)>,
    /// What the other side wants of [`Negotiated::codec`], if that is Opus.
    pub opus: OpusParameters,
    /// Telephone events, if both sides can do them: those of the codec's clock first, which are to
    /// be sent.
    pub telephone_events: Vec<TelephoneEvents>,
    /// The payload type that comfort noise (RFC 3389) comes with, if the other side sends it.
    pub comfort_noise: Option<u8>,
    /// How much audio we send in a packet: 10 to 60 ms, what the other side wants or the nearest to it
    /// that it takes and we can. What we receive is another matter: a packet says by itself how long it is.
    pub packet_time: Duration,
    /// Which way media flows, seen from us.
    pub direction: Direction,
    /// Where the keys of both ends are from.
    pub protection: Protection,
    /// What checks show that prove where the other side is; nothing where it does not speak ICE, or not with us.
    pub ice: Option<IceTerms>,
}

impl Negotiated {
    /// The keys, if they are in the descriptions.
    #[must_use]
    pub const fn crypto(&self) -> Option<&MediaCrypto> {
        match &self.protection {
            Protection::Sdes(crypto) => Some(crypto),
            Protection::Plain | Protection::Dtls(_) => None,
        }
    }
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

/// Telephone events of one clock. A stream has one clock, so events go with the clock of the audio
/// (RFC 4733 section 2.1); who sends Opus and knows events of 8000 only sends those all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TelephoneEvents {
    /// Ticks a second, in which durations are said.
    pub clock_rate: u32,
    /// Their payload types.
    pub payload_types: PayloadTypes,
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
    remote_rtcp: SocketAddr,
    /// Codecs in the other side's order of preference with its payload types.
    pub(crate) codecs: Vec<(u8, Codec)>,
    /// Payload types and clocks.
    pub(crate) telephone_events: Vec<(u8, u32)>,
    pub(crate) comfort_noise: Option<u8>,
    /// `a=ptime` and `a=maxptime`, in milliseconds.
    packet_time: Option<u64>,
    longest_packet_time: Option<u64>,
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
        Ok(Self {
            remote,
            remote_rtcp: rtcp_address(media, remote),
            codecs: maps
                .iter()
                .filter_map(|map| Some((map.payload_type, Codec::of(map)?)))
                .collect(),
            telephone_events: maps
                .iter()
                .filter(|map| map.is_telephone_event())
                .map(|map: &RtpMap| (map.payload_type, map.clock_rate))
                .collect(),
            comfort_noise: maps
                .iter()
                .find(|map| map.is_comfort_noise())
                .map(|map| map.payload_type),
            packet_time: media.packet_time(),
            longest_packet_time: media.longest_packet_time(),
            direction: said.unwrap_or_default().intersect(reachable),
        })
    }

    /// Where its RTCP is received.
    pub(crate) const fn rtcp(&self, rtcp_mux: bool) -> SocketAddr {
        match rtcp_mux {
            true => self.remote,
            false => self.remote_rtcp,
        }
    }

    /// What we send in a packet of `codec`. `a=ptime` is what the sayer wants to receive, `a=maxptime`
    /// what it can (RFC 8866 sections 6.4 and 6.5).
    pub(crate) fn packet_time_of(&self, codec: Codec) -> Duration {
        let possible: &[u64] = match codec {
            Codec::Opus => &OPUS_PACKET_TIMES,
            Codec::Pcmu | Codec::Pcma | Codec::G722 => &PACKET_TIMES,
        };
        let wanted = self.packet_time.unwrap_or(USUAL_PACKET_TIME);
        let longest = self.longest_packet_time.unwrap_or(u64::MAX);
        let taken = possible.iter().filter(|millis| **millis <= longest);
        let nearest = taken.min_by_key(|millis| millis.abs_diff(wanted));
        Duration::from_millis(*nearest.unwrap_or(&possible[0]))
    }
}

/// `a=rtcp:53020` or `a=rtcp:53020 IN IP4 126.16.64.4`.
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
