//! What the answer to our offer agrees on.

use super::{AudioLine, Keying, Session};
use crate::codec::Codec;
use crate::description::SessionDescription;
use crate::error::NegotiationError;
use crate::handshake::{self, DtlsTerms};
use crate::ice;
use crate::media::{MediaDescription, Profile};
use crate::negotiate::{Negotiated, PayloadTypes, RemoteAudio, TelephoneEvents};
use crate::opus::OpusParameters;
use crate::security::Protection;

impl Session {
    /// Takes the answer to our last [`Session::offer`]. The same answer may come twice: first in a
    /// 183, then in the 200.
    ///
    /// # Errors
    /// The stream was refused, or the answer does not fit.
    pub fn accept(&mut self, answer: &SessionDescription) -> Result<Negotiated, NegotiationError> {
        if !self.offered {
            return Err(NegotiationError::UnexpectedAnswer);
        }
        let (place, line) = self
            .audio_line()
            .ok_or(NegotiationError::MismatchedAnswer)?;
        let AudioLine {
            keying, rtcp_mux, ..
        } = *line;
        let media = answer
            .media
            .get(place)
            .filter(|media| media.is_audio())
            .ok_or(NegotiationError::MismatchedAnswer)?;
        if media.port == 0 {
            return Err(NegotiationError::Refused);
        }
        let remote = RemoteAudio::read(answer, media)?;
        let protection = self.accept_keys(keying, answer, media)?;
        // The first codec of the answer is the one the other side likes best (RFC 3264 6.1).
        let ours = |codec: Codec| self.numbers.codecs.iter().find(|(_, c)| *c == codec);
        let (send, codec, receive) = remote
            .codecs
            .iter()
            .find_map(|(send, codec)| Some((*send, *codec, ours(*codec)?.0)))
            .ok_or(NegotiationError::NoCommonAudio)?;
        let receivable = self
            .numbers
            .codecs
            .iter()
            .filter(|(_, codec)| remote.codecs.iter().any(|(_, theirs)| theirs == codec))
            .copied()
            .collect();
        let telephone_events = self.common_events(&remote, codec);
        let direction = remote.direction.reversed().intersect(self.direction);
        // What was not offered cannot be answered.
        let ice = match (&mut self.ice, ice::read(answer, media, remote.remote)) {
            (Some(known), ice::Said::Spoken(theirs)) => Some(known.answered(theirs)),
            _ => {
                self.ice = None;
                None
            }
        };
        let rtcp_mux = rtcp_mux && media.has("rtcp-mux");
        Ok(Negotiated {
            remote: remote.remote,
            remote_rtcp: remote.rtcp(rtcp_mux),
            rtcp_mux,
            codec,
            payload_types: PayloadTypes { send, receive },
            receivable,
            opus: OpusParameters::of(media, send),
            telephone_events,
            comfort_noise: remote.comfort_noise.and(self.numbers.comfort_noise),
            packet_time: remote.packet_time_of(codec),
            direction,
            protection,
            ice,
        })
    }

    fn accept_keys(
        &mut self,
        keying: Keying,
        answer: &SessionDescription,
        media: &MediaDescription,
    ) -> Result<Protection, NegotiationError> {
        let profile = media.profile();
        match (keying, &mut self.keys) {
            (Keying::Plain, _) if profile == Some(Profile::Plain) => Ok(Protection::Plain),
            (Keying::Sdes, Some(keys)) if profile == Some(Profile::Encrypted) => {
                keys.accept(media).map(Protection::Sdes)
            }
            (Keying::Dtls, _) if profile != Some(Profile::Plain) => {
                let said = handshake::read(answer, media);
                let terms = said
                    .and_then(DtlsTerms::accepted)
                    .ok_or(NegotiationError::Handshake)?;
                self.dtls = Some(terms.clone());
                Ok(Protection::Dtls(terms))
            }
            _ => Err(NegotiationError::MismatchedAnswer),
        }
    }

    /// The telephone events of an answer that we offered, those of the codec's clock first.
    fn common_events(&self, remote: &RemoteAudio, codec: Codec) -> Vec<TelephoneEvents> {
        let ours = &self.numbers.telephone_events;
        let common = |(send, clock_rate): &(u8, u32)| {
            let (receive, _) = ours.iter().find(|(_, clock)| clock == clock_rate)?;
            Some(TelephoneEvents {
                clock_rate: *clock_rate,
                payload_types: PayloadTypes {
                    send: *send,
                    receive: *receive,
                },
            })
        };
        let mut events: Vec<_> = remote.telephone_events.iter().filter_map(common).collect();
        events.sort_by_key(|event| event.clock_rate != codec.clock_rate());
        events
    }
}
