//! May this recipient be dialled now?

use callplane_types::{E164, WallTime};

use crate::window::{CallingWindow, Opening};
use crate::zones::Zones;

/// What is known about a recipient.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// The number to dial.
    pub number: &'a E164,
    /// The IANA zone that the list tells for it.
    pub time_zone: Option<&'a str>,
    /// Whether the number is on one of the campaign's do-not-call lists, or its contact does not
    /// want to be called.
    pub do_not_call: bool,
}

/// The clock that a calling window is read on.
#[derive(Debug, Clone)]
pub enum Clock {
    /// Each recipient's own: the zone of its row, else every zone of its number.
    Recipient,
    /// The same for all.
    Fixed(Zones),
}

/// What the rules say about a recipient at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Dial.
    Dial,
    /// Not now; ask again at this time.
    NotBefore(WallTime),
    /// Never.
    Suppress(Suppression),
}

/// Why a recipient is never dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suppression {
    /// It must not be called.
    DoNotCall,
    /// Its row names no time zone that exists, and its number tells none.
    NoTimeZone,
    /// The zones of its number have no hour of the window in common: the row must tell which.
    NoCommonHour,
}

impl Suppression {
    /// The word in SQL, events and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DoNotCall => "on_dnc",
            Self::NoTimeZone => "no_time_zone",
            Self::NoCommonHour => "no_common_hour",
        }
    }
}

/// Decides whether `recipient` may be dialled at `now`. A row with a zone that does not exist is
/// not dialled by the zones of its number: whoever wrote it meant another place.
#[must_use]
pub fn decide(
    recipient: &Recipient<'_>,
    window: &CallingWindow,
    clock: &Clock,
    now: WallTime,
) -> Decision {
    if recipient.do_not_call {
        return Decision::Suppress(Suppression::DoNotCall);
    }
    let own = match (clock, recipient.time_zone) {
        (Clock::Fixed(_), _) => None,
        (Clock::Recipient, Some(name)) => Zones::named(name).ok(),
        (Clock::Recipient, None) => Zones::of_number(recipient.number),
    };
    let zones = match clock {
        Clock::Fixed(zones) => Some(zones),
        Clock::Recipient => own.as_ref(),
    };
    let Some(zones) = zones else {
        return Decision::Suppress(Suppression::NoTimeZone);
    };
    match window.opening(zones, now) {
        Opening::Now => Decision::Dial,
        Opening::At(time) => Decision::NotBefore(time),
        Opening::Never => Decision::Suppress(Suppression::NoCommonHour),
    }
}
