//! What of an offer can be judged before anything is made for it.

use str0m::change::SdpOffer;

/// Longest offer that is read. A browser's is some 2 KiB with audio alone.
pub const MAX_OFFER: usize = 64 * 1024;
/// Media lines of an offer; each costs an answer.
const MAX_LINES: usize = 16;

/// What the audio of an offer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioUse {
    /// Both sides talk: it has to be `sendrecv`.
    Conversation,
    /// The other side listens: it may be `recvonly` as well.
    Listening,
}

impl AudioUse {
    /// What an offer that was taken is for, as far as it shows.
    pub(crate) fn of(offer: &str) -> Self {
        let mut audio = sections(offer).filter(|one| one.starts_with("m=audio "));
        match audio.any(|section| says(section, "recvonly")) {
            true => Self::Listening,
            false => Self::Conversation,
        }
    }

    fn takes(self, one_way: &str) -> bool {
        self == Self::Listening && one_way == "recvonly"
    }
}

/// Why an offer is of no use: what is wrong with it, for whoever wrote the page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Longer than [`MAX_OFFER`].
    #[error("an offer has at most 64 KiB")]
    TooLong,
    /// Not SDP.
    #[error("the offer is no SDP: {0}")]
    Malformed(String),
    /// Nothing to talk with.
    #[error("the offer has no audio: add a microphone track before createOffer()")]
    NoAudio,
    /// More lines of audio than one.
    #[error("the offer has {0} audio lines: an agent talks and listens on one")]
    TooMuchAudio(usize),
    /// More media lines than are looked at.
    #[error("the offer has {0} media lines, at most {MAX_LINES} are read")]
    TooManyLines(usize),
    /// RFC 8829 section 5.2.1 wants a name for every line.
    #[error("the audio of the offer has no a=mid")]
    NoMid,
    /// The agent could not be heard, or not hear.
    #[error("the audio of the offer is {0}: it has to be sendrecv, the agent talks and listens")]
    OneWay(&'static str),
    /// Nothing that both sides speak.
    #[error("the offer has none of Opus, PCMU and PCMA for its audio")]
    NoCodec,
    /// RFC 8827: without a fingerprint anybody could answer.
    #[error("the offer has no a=fingerprint: DTLS-SRTP is the only way media is carried")]
    NoFingerprint,
    /// No credentials for checks.
    #[error("the offer has no a=ice-ufrag and a=ice-pwd")]
    NoIce,
    /// RFC 8445 section 6.1.1: one side has to send checks.
    #[error("the offer says a=ice-lite, and so does this side: nobody would send checks")]
    BothLite,
    /// The state machine did not take it.
    #[error("the offer was not taken: {0}")]
    Refused(String),
    /// RFC 8842 section 5.5: other fingerprints want another DTLS association, and so another call.
    #[error("the offer has another a=fingerprint than the call: begin a new call")]
    OtherFingerprint,
    /// A call is spoken with what it began with.
    #[error(
        "the offer has no {0} for its audio any more, which the call is spoken with: begin a new call"
    )]
    OtherCodec(&'static str),
    /// It was read against an offer that another has replaced meanwhile.
    #[error("another offer was taken meanwhile: read the answer to that one, and offer again")]
    Outdated,
    /// It was taken in part, so the call ended.
    #[error("the offer was not taken, and the call is over: {0}")]
    Fatal(String),
}

/// Looks over an offer and reads it.
pub(crate) fn read(text: &str, audio: AudioUse) -> Result<(SdpOffer, String), OfferError> {
    if text.len() > MAX_OFFER {
        return Err(OfferError::TooLong);
    }
    check_lines(text, audio)?;
    let text = usable(text);
    let offer = SdpOffer::from_sdp_string(&text)
        .map_err(|error| OfferError::Malformed(first_line(&error.to_string())))?;
    Ok((offer, text))
}

fn check_lines(text: &str, audio: AudioUse) -> Result<(), OfferError> {
    let has = |start: &str| text.lines().any(|line| line.starts_with(start));
    if !text.starts_with("v=0") {
        return Err(OfferError::Malformed(
            "it does not begin with v=0".to_owned(),
        ));
    }
    let lines = text.lines().filter(|line| line.starts_with("m=")).count();
    if lines > MAX_LINES {
        return Err(OfferError::TooManyLines(lines));
    }
    let sections: Vec<&str> = sections(text)
        .filter(|one| one.starts_with("m=audio "))
        .collect();
    match sections[..] {
        [] => return Err(OfferError::NoAudio),
        [section] => check_audio(section, audio)?,
        _ => return Err(OfferError::TooMuchAudio(sections.len())),
    }
    if !has("a=fingerprint:") {
        return Err(OfferError::NoFingerprint);
    }
    if !has("a=ice-ufrag:") || !has("a=ice-pwd:") {
        return Err(OfferError::NoIce);
    }
    match has("a=ice-lite") {
        true => Err(OfferError::BothLite),
        false => Ok(()),
    }
}

fn check_audio(section: &str, audio: AudioUse) -> Result<(), OfferError> {
    let first = section.lines().next().unwrap_or_default();
    if first.starts_with("m=audio 0 ") {
        return Err(OfferError::NoAudio);
    }
    for one_way in ["sendonly", "recvonly", "inactive"] {
        if says(section, one_way) && !audio.takes(one_way) {
            return Err(OfferError::OneWay(one_way));
        }
    }
    let formats: Vec<&str> = first.split_ascii_whitespace().skip(3).collect();
    let is_static = formats.iter().any(|format| matches!(*format, "0" | "8"));
    let is_mapped = section
        .lines()
        .filter_map(|line| line.strip_prefix("a=rtpmap:"))
        .any(|map| {
            let name = map
                .split(' ')
                .nth(1)
                .unwrap_or_default()
                .to_ascii_lowercase();
            ["opus/48000", "pcmu/8000", "pcma/8000"]
                .iter()
                .any(|known| name.starts_with(known))
        });
    match is_static || is_mapped {
        true => Ok(()),
        false => Err(OfferError::NoCodec),
    }
}

/// Whether a section has the property attribute `a=name`.
fn says(section: &str, name: &str) -> bool {
    section
        .lines()
        .any(|line| line.trim_end().strip_prefix("a=") == Some(name))
}

/// Whether the audio of an offer has `encoding` under this payload type.
pub(crate) fn maps(text: &str, payload_type: u8, encoding: &str) -> bool {
    let Some(section) = sections(text).find(|one| one.starts_with("m=audio ")) else {
        return false;
    };
    let number = payload_type.to_string();
    let mut formats = section
        .lines()
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .skip(3);
    let mapped = section.lines().find_map(|line| {
        let (of, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        (of == number).then(|| name.split('/').next().unwrap_or_default())
    });
    // Without a line of their own, 0 and 8 are what RFC 3551 says.
    let is_it = mapped.map_or(matches!(payload_type, 0 | 8), |name| {
        name.eq_ignore_ascii_case(encoding)
    });
    is_it && formats.any(|format| format == number)
}

/// The media sections, each from its `m=` line on.
fn sections(text: &str) -> impl Iterator<Item = &str> {
    let mut starts: Vec<usize> = text.match_indices("\nm=").map(|(at, _)| at + 1).collect();
    starts.push(text.len());
    (1..starts.len()).map(move |place| &text[starts[place - 1]..starts[place]])
}

/// The offer with CRLF and without the candidates that are no addresses: names of mDNS, which only the
/// browser's own network resolves, and which a lite agent, who sends no checks, has no use for.
fn usable(text: &str) -> String {
    let mut usable = String::with_capacity(text.len() + 64);
    for line in text.lines() {
        let line = line.trim_end();
        let address = line
            .strip_prefix("a=candidate:")
            .map(|line| line.split(' ').nth(4));
        let is_name = address.is_some_and(|address| {
            address.is_none_or(|address| address.parse::<std::net::IpAddr>().is_err())
        });
        if !line.is_empty() && !is_name {
            usable.push_str(line);
            usable.push_str("\r\n");
        }
    }
    usable
}

pub(crate) fn first_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}

/// The offer with other ICE credentials: what a restart by fragment comes to.
pub(crate) fn with_credentials(offer: &str, ufrag: &str, password: &str) -> String {
    let mut text = String::with_capacity(offer.len());
    for line in offer.lines() {
        if line.starts_with("a=ice-ufrag:") {
            text.push_str("a=ice-ufrag:");
            text.push_str(ufrag);
        } else if line.starts_with("a=ice-pwd:") {
            text.push_str("a=ice-pwd:");
            text.push_str(password);
        } else if line.starts_with("a=candidate:") {
            continue;
        } else {
            text.push_str(line);
        }
        text.push_str("\r\n");
    }
    text
}
