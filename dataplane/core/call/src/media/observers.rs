//! Supervisors in a call: who hears whom.
//!
//! | | caller | agent, party | listener | whisperer | talker |
//! |---|---|---|---|---|---|
//! | the caller hears | | yes | no | no | yes |
//! | the party hears | yes | yes | no | yes | yes |
//! | an observer hears | yes | yes | no | no | yes, but not itself |
//! | the recording has | left | right | no | no | right |
//!
//! A whisper is in no recording: what is recorded is the call as its caller had it.

use callplane_audio::mix_into;
use callplane_types::{Instant, LegId, ObserverMode};

use super::{FRAME_SAMPLES, Frame};

/// Most observers of a call at once.
pub(crate) const MAX_OBSERVERS: usize = 4;

/// Silence.
const NOBODY: Frame = [0; FRAME_SAMPLES];

/// The observers of one call. **Nothing here allocates for a frame. Of each observer that is there a frame is to be
/// handed in before each mix**; one that is not there yet is heard by nobody and hears nothing.
#[derive(Debug, Default)]
pub(crate) struct Observers {
    places: [Option<Box<Observer>>; MAX_OBSERVERS],
}

#[derive(Debug)]
struct Observer {
    leg: LegId,
    mode: ObserverMode,
    state: State,
    says: Frame,
    hears: Frame,
}

/// How far an observer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// On its way, and expected until then.
    Expected { until: Instant },
    /// Both sides can hear each other.
    There,
}

impl Observers {
    /// Keeps a place until somebody comes to it, or until `until`; whether there was one.
    pub(crate) fn enter(&mut self, leg: LegId, mode: ObserverMode, until: Instant) -> bool {
        let Some(place) = self.places.iter_mut().find(|place| place.is_none()) else {
            return false;
        };
        *place = Some(Box::new(Observer {
            leg,
            mode,
            state: State::Expected { until },
            says: NOBODY,
            hears: NOBODY,
        }));
        true
    }

    /// From here on it hears, and is heard as its mode says. Gives the mode if that is news.
    pub(crate) fn arrive(&mut self, leg: LegId) -> Option<ObserverMode> {
        let observer = self.find(leg).filter(|observer| !observer.is_there())?;
        observer.state = State::There;
        Some(observer.mode)
    }

    /// Gives its mode if it was there.
    pub(crate) fn leave(&mut self, leg: LegId) -> Option<ObserverMode> {
        let is_it = |observer: &mut Box<Observer>| observer.leg == leg;
        let mut places = self.places.iter_mut();
        let observer = places.find_map(|place| place.take_if(is_it))?;
        observer.is_there().then_some(observer.mode)
    }

    /// One that did not come in time.
    pub(crate) fn overdue(&self, now: Instant) -> Option<LegId> {
        let is_late = |observer: &&Observer| matches!(observer.state, State::Expected { until } if now >= until);
        self.all().find(is_late).map(|observer| observer.leg)
    }

    /// Any of them.
    pub(crate) fn first(&self) -> Option<LegId> {
        self.all().next().map(|observer| observer.leg)
    }

    pub(crate) fn has(&self, leg: LegId) -> bool {
        self.all().any(|observer| observer.leg == leg)
    }

    /// Whether nobody needs the sound of the call.
    pub(crate) fn is_empty(&self) -> bool {
        self.there().next().is_none()
    }

    /// Whether somebody talks with the caller in the agent's place.
    pub(crate) fn have_floor(&self) -> bool {
        self.there()
            .any(|observer| observer.mode == ObserverMode::Talk)
    }

    /// Whether what an observer says is for the caller or for the party.
    pub(crate) fn are_heard(&self) -> bool {
        self.there()
            .any(|observer| observer.mode != ObserverMode::Listen)
    }

    fn all(&self) -> impl Iterator<Item = &Observer> {
        self.places.iter().flatten().map(|observer| &**observer)
    }

    fn there(&self) -> impl Iterator<Item = &Observer> {
        self.all().filter(|observer| observer.is_there())
    }

    fn find(&mut self, leg: LegId) -> Option<&mut Observer> {
        let mut all = self.places.iter_mut().flatten();
        all.find(|observer| observer.leg == leg)
            .map(|observer| &mut **observer)
    }
}

impl Observer {
    const fn is_there(&self) -> bool {
        matches!(self.state, State::There)
    }
}

// === Frames ===

impl Observers {
    /// The next 20 ms of an observer.
    pub(crate) fn hand_in(&mut self, leg: LegId, frame: &Frame) {
        if let Some(observer) = self.find(leg) {
            observer.says = *frame;
        }
    }

    /// What an observer heard last; nothing of one that is gone.
    pub(crate) fn hears(&self, leg: LegId) -> Option<&Frame> {
        let mut all = self.all();
        let observer = all.find(|observer| observer.leg == leg)?;
        Some(&observer.hears)
    }

    /// Adds what talkers say to what the caller hears, and makes what each observer hears: the sum without its own
    /// part. Sums are made before they are cut to 16 bits, so that whoever is loud takes nothing of anybody else
    /// out of a mix.
    pub(crate) fn mix(&mut self, caller: &Frame, hears: &mut Frame) {
        if self.is_empty() {
            return;
        }
        let mut sum = [0_i32; FRAME_SAMPLES];
        add(&mut sum, hears);
        for observer in self.there() {
            if observer.mode == ObserverMode::Talk {
                add(&mut sum, &observer.says);
            }
        }
        cut(&sum, &NOBODY, hears);
        add(&mut sum, caller);
        for observer in self.places.iter_mut().flatten() {
            let Observer {
                mode,
                state,
                says,
                hears,
                ..
            } = &mut **observer;
            match (state, mode) {
                (State::Expected { .. }, _) => {}
                (State::There, ObserverMode::Talk) => cut(&sum, says, hears),
                (State::There, ObserverMode::Listen | ObserverMode::Whisper) => {
                    cut(&sum, &NOBODY, hears);
                }
            }
        }
    }

    /// The same while nobody can hear the caller, nor the caller anybody.
    pub(crate) fn mix_alone(&mut self) {
        let mut nobody = NOBODY;
        self.mix(&NOBODY, &mut nobody);
    }

    /// Adds what talkers and whisperers say to what the party hears.
    pub(crate) fn mix_for_party(&self, hears: &mut Frame) {
        for observer in self.there() {
            match observer.mode {
                ObserverMode::Listen => {}
                ObserverMode::Whisper | ObserverMode::Talk => mix_into(hears, &observer.says),
            }
        }
    }
}

fn add(sum: &mut [i32; FRAME_SAMPLES], frame: &Frame) {
    for (sum, sample) in sum.iter_mut().zip(frame) {
        *sum += i32::from(*sample);
    }
}

/// What is left of a sum without one part, saturated.
fn cut(sum: &[i32; FRAME_SAMPLES], without: &Frame, into: &mut Frame) {
    for ((into, sum), own) in into.iter_mut().zip(sum).zip(without) {
        let sample = (sum - i32::from(*own)).clamp(i32::from(i16::MIN), i32::from(i16::MAX));
        *into = sample as i16;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn leg(number: u128) -> LegId {
        format!("{number:032x}").parse().unwrap()
    }

    fn soon() -> Instant {
        Instant::ZERO + Duration::from_secs(9)
    }

    fn level(value: i16) -> Frame {
        [value; FRAME_SAMPLES]
    }

    /// Observers of these modes, all there, who say 1, 10, 100 and 1000.
    fn room(modes: &[ObserverMode]) -> Observers {
        let mut room = Observers::default();
        for (number, mode) in (0..).zip(modes) {
            assert!(room.enter(leg(number), *mode, soon()));
            assert_eq!(room.arrive(leg(number)), Some(*mode));
            room.hand_in(leg(number), &level(10_i16.pow(number as u32)));
        }
        room
    }

    fn heard(room: &Observers, number: u128) -> i16 {
        room.hears(leg(number)).unwrap()[7]
    }

    use ObserverMode::{Listen, Talk, Whisper};

    #[test]
    fn each_hears_whom_it_should() {
        let mut room = room(&[Listen, Whisper, Talk, Talk]);
        let mut caller_hears = level(10_000);
        room.mix(&level(20_000), &mut caller_hears);
        assert_eq!(caller_hears[7], 11_100, "the agent and both talkers");
        assert_eq!(heard(&room, 0), 31_100);
        assert_eq!(heard(&room, 1), 31_100);
        assert_eq!(heard(&room, 2), 31_000, "not itself");
        assert_eq!(heard(&room, 3), 30_100, "not itself");
        let mut party_hears = level(20_000);
        room.mix_for_party(&mut party_hears);
        assert_eq!(party_hears[7], 21_110);
    }

    #[test]
    fn a_sum_saturates_and_takes_nobody_out_of_the_mix_of_who_is_loud() {
        let mut room = room(&[Talk]);
        room.hand_in(leg(0), &level(-30_000));
        let mut caller_hears = level(-20_000);
        room.mix(&level(-5_000), &mut caller_hears);
        assert_eq!(caller_hears[7], i16::MIN);
        assert_eq!(heard(&room, 0), -25_000);
        room.hand_in(leg(0), &level(i16::MIN));
        room.mix(&level(i16::MIN), &mut level(i16::MIN));
        assert_eq!(heard(&room, 0), i16::MIN);
    }

    #[test]
    fn who_is_not_there_yet_hears_nothing_and_is_not_heard() {
        let mut room = Observers::default();
        assert!(room.enter(leg(0), Talk, soon()));
        room.hand_in(leg(0), &level(500));
        let mut caller_hears = level(100);
        room.mix(&level(20), &mut caller_hears);
        room.mix_for_party(&mut caller_hears);
        assert_eq!((caller_hears[7], heard(&room, 0)), (100, 0));
        assert!(room.is_empty() && !room.have_floor() && !room.are_heard());
        assert_eq!(room.overdue(Instant::ZERO), None);
        assert_eq!(room.overdue(soon()), Some(leg(0)));
        assert_eq!(room.leave(leg(0)), None);
    }

    #[test]
    fn a_room_is_bounded_and_a_place_is_free_again() {
        let mut room = room(&[Listen; MAX_OBSERVERS]);
        assert!(!room.is_empty() && !room.have_floor() && !room.are_heard());
        assert!(!room.enter(leg(9), Talk, soon()));
        assert_eq!(room.arrive(leg(0)), None, "it is there");
        assert_eq!(room.leave(leg(0)), Some(Listen));
        assert_eq!(room.leave(leg(0)), None);
        assert!(!room.has(leg(0)) && room.hears(leg(0)).is_none());
        assert!(room.enter(leg(9), Talk, soon()));
    }
}
