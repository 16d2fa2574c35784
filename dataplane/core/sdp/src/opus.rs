//! What `a=fmtp` says about Opus (RFC 7587 section 6.1).

use crate::media::MediaDescription;

/// The lowest rate the RFC allows for `maxaveragebitrate`.
const LEAST_BITRATE: u32 = 6000;

/// What the sayer wants to receive. All of it is a wish, and nothing is said about what it sends.
/// `maxplaybackrate` is read over: no voice here has more than anybody plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpusParameters {
    /// `useinbandfec`: it can use copies of the packet before.
    pub in_band_fec: bool,
    /// `usedtx`: it prefers that nothing is sent while nothing is said.
    pub dtx: bool,
    /// `maxaveragebitrate`, bits a second.
    pub max_average_bitrate: Option<u32>,
}

impl OpusParameters {
    /// Ours: the recogniser hears 16 kHz, and the decoder makes the best of copies and of pauses.
    pub(crate) const OWN: &str = "useinbandfec=1;usedtx=1;maxplaybackrate=16000";

    /// What is said of a payload type; values that make no sense count as not said.
    pub(crate) fn of(media: &MediaDescription, payload_type: u8) -> Self {
        let mut parameters = Self::default();
        let said = media.values("fmtp").find_map(|value| {
            let (number, said) = value.trim().split_once(char::is_whitespace)?;
            (number.parse() == Ok(payload_type)).then_some(said)
        });
        for parameter in said.unwrap_or_default().split(';') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let (name, value) = (name.trim(), value.trim());
            let number = || value.parse::<u32>().ok();
            match name.to_ascii_lowercase().as_str() {
                "useinbandfec" => parameters.in_band_fec = value == "1",
                "usedtx" => parameters.dtx = value == "1",
                "maxaveragebitrate" => {
                    parameters.max_average_bitrate = number().filter(|rate| *rate >= LEAST_BITRATE);
                }
                _ => {}
            }
        }
        parameters
    }
}
