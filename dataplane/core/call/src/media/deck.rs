//! Whether the tape of a call runs: the agent's settings, the flow and people may start, stop and pause it.

use std::collections::VecDeque;
use std::time::Duration;

use callplane_flow::RecordingAction;
use callplane_types::Instant;

use super::tape::Tape;
use super::{FRAME_SAMPLES, Frame};
use crate::facts::{Gap, GapReason};

/// How long the recording stays paused behind a node that paused it: the key that ended the answer may
/// still sound.
const KEY_TAIL: Duration = Duration::from_millis(400);
/// Most gaps kept of one call. Later ones are silence as well, but not listed.
const MAX_GAPS: usize = 1_000;

/// Where the recording of a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingState {
    /// Nothing was recorded yet.
    Off,
    /// Both sides are recorded.
    Running,
    /// Silence is recorded.
    Paused,
    /// Nothing is recorded any more.
    Stopped,
}

impl RecordingState {
    /// The word in the control API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }
}

/// Who wants something done to the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A node of the flow.
    Flow,
    /// A person.
    Person,
}

/// Why the recording does not do what a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotRecord {
    /// Nobody talks yet.
    #[error("the call has not begun; try again when it is answered")]
    NotBegun,
    /// There is nothing to pause.
    #[error("the call is not recorded now; start the recording first")]
    NotRunning,
    /// A node pauses it, and only the flow knows when that is over.
    #[error(
        "the flow pauses the recording where the conversation is; try again when it is elsewhere"
    )]
    PausedByFlow,
}

/// What goes into the file next.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Samples, as the file holds them.
    Octets(Vec<u8>),
    /// As much silence.
    Silence(Duration),
}

/// Runs the tape of a call. **While it is paused the samples of neither side reach the tape**: zeros do, so
/// that times in the file stay those of the call, and the gap is noted.
#[derive(Debug)]
pub(crate) struct Deck {
    on: bool,
    begun: bool,
    tape: Option<Tape>,
    started: Option<Instant>,
    paused_by_flow: bool,
    paused_by_person: bool,
    quiet_until: Instant,
    /// Where the gap began that goes on.
    gap: Option<Duration>,
    gaps: Vec<Gap>,
    pieces: VecDeque<Piece>,
    spare: Option<Vec<u8>>,
}

impl Deck {
    /// `on`: whether the agent's calls are recorded from their beginning.
    pub(crate) fn new(on: bool) -> Self {
        Self {
            on,
            begun: false,
            tape: None,
            started: None,
            paused_by_flow: false,
            paused_by_person: false,
            quiet_until: Instant::ZERO,
            gap: None,
            gaps: Vec::new(),
            pieces: VecDeque::with_capacity(4),
            spare: None,
        }
    }

    /// Both sides can hear each other.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.begun = true;
        if self.on {
            self.start(now);
        }
    }

    pub(crate) fn state(&self) -> RecordingState {
        match (&self.tape, self.on) {
            (None, _) => RecordingState::Off,
            (Some(_), false) => RecordingState::Stopped,
            (Some(_), true) if self.paused_by_flow || self.paused_by_person => {
                RecordingState::Paused
            }
            (Some(_), true) => RecordingState::Running,
        }
    }

    /// Does what the flow or a person wants. What is so already is left so.
    pub(crate) fn act(
        &mut self,
        now: Instant,
        by: By,
        action: RecordingAction,
    ) -> Result<(), CannotRecord> {
        if !self.begun {
            return Err(CannotRecord::NotBegun);
        }
        match (action, by) {
            (RecordingAction::Start, _) => {
                self.paused_by_person &= by == By::Flow;
                if !self.on || self.tape.is_none() {
                    self.start(now);
                }
            }
            (RecordingAction::Stop, _) => {
                self.paused_by_person = false;
                self.stop(now);
            }
            (RecordingAction::Pause, By::Flow) => self.paused_by_flow = true,
            (RecordingAction::Resume, By::Flow) => {
                if std::mem::take(&mut self.paused_by_flow) {
                    self.quiet_until = now + KEY_TAIL;
                }
            }
            (RecordingAction::Pause | RecordingAction::Resume, By::Person) if !self.on => {
                return Err(CannotRecord::NotRunning);
            }
            (RecordingAction::Pause, By::Person) => self.paused_by_person = true,
            (RecordingAction::Resume, By::Person) if self.paused_by_flow => {
                return Err(CannotRecord::PausedByFlow);
            }
            (RecordingAction::Resume, By::Person) => self.paused_by_person = false,
        }
        Ok(())
    }

    fn start(&mut self, now: Instant) {
        self.on = true;
        match &mut self.tape {
            None => {
                self.tape = Some(Tape::new(now));
                self.started = Some(now);
            }
            Some(tape) => {
                let from = tape.duration();
                let silence = tape.resume(now);
                let to = tape.duration();
                self.pieces.push_back(Piece::Silence(silence));
                self.note(GapReason::Stopped, from, to);
            }
        }
    }

    fn stop(&mut self, now: Instant) {
        if !std::mem::take(&mut self.on) {
            return;
        }
        if let Some(tape) = &mut self.tape {
            self.pieces.push_back(Piece::Octets(tape.finish(now)));
            let end = tape.duration();
            self.close_gap(end);
        }
    }

    /// Adds the 20 ms that begin at `now`.
    pub(crate) fn push(&mut self, now: Instant, caller: &Frame, agent: &Frame) {
        let silent = self.state() == RecordingState::Paused || now < self.quiet_until;
        let (true, Some(tape)) = (self.on, &mut self.tape) else {
            return;
        };
        let place = tape.place_of(now);
        const NOTHING: Frame = [0; FRAME_SAMPLES];
        let (caller, agent) = match silent {
            true => (&NOTHING, &NOTHING),
            false => (caller, agent),
        };
        let full = tape.push(now, caller, agent, &mut self.spare);
        self.pieces.extend(full.map(Piece::Octets));
        match silent {
            true => self.gap = self.gap.or(Some(place)),
            false => self.close_gap(place),
        }
    }

    fn close_gap(&mut self, to: Duration) {
        if let Some(from) = self.gap.take() {
            self.note(GapReason::Paused, from, to);
        }
    }

    fn note(&mut self, reason: GapReason, from: Duration, to: Duration) {
        if to > from && self.gaps.len() < MAX_GAPS {
            self.gaps.push(Gap { from, to, reason });
        }
    }

    /// What goes into the file next.
    pub(crate) fn next_piece(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }

    /// Whether the frame that begins at `now` needs a buffer to be handed out in.
    pub(crate) fn wants_buffer(&self, now: Instant) -> bool {
        let due = self.tape.as_ref().is_some_and(|tape| tape.is_due(now));
        self.on && due && self.spare.is_none()
    }

    pub(crate) fn recycle(&mut self, buffer: Vec<u8>) {
        self.spare = Some(buffer);
    }

    /// The call is over: the rest goes out.
    pub(crate) fn finish(&mut self, now: Instant) {
        self.stop(now);
    }

    /// When the file begins, and where it has gaps; nothing without a file.
    pub(crate) fn taken(&mut self) -> Option<(Instant, Vec<Gap>)> {
        Some((self.started?, std::mem::take(&mut self.gaps)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOUD: Frame = [1_000; FRAME_SAMPLES];

    /// Plays frames into a deck, and keeps what it hands out.
    struct Player {
        deck: Deck,
        frame: u32,
        samples: Vec<i16>,
    }

    impl Player {
        fn new(on: bool) -> Self {
            let mut deck = Deck::new(on);
            deck.begin(Instant::ZERO);
            Self {
                deck,
                frame: 0,
                samples: Vec::new(),
            }
        }

        fn now(&self) -> Instant {
            Instant::ZERO + Duration::from_millis(20) * self.frame
        }

        fn play(&mut self, seconds: u32) {
            for _ in 0..seconds * 50 {
                let now = self.now();
                self.deck.push(now, &LOUD, &LOUD);
                self.frame += 1;
                self.collect();
            }
        }

        fn act(&mut self, by: By, action: RecordingAction) -> Result<RecordingState, CannotRecord> {
            // Between two frames, as people are.
            let played = Duration::from_millis(20) * self.frame;
            let now = Instant::ZERO + played.saturating_sub(Duration::from_millis(7));
            self.deck.act(now, by, action).map(|()| self.deck.state())
        }

        fn collect(&mut self) {
            while let Some(piece) = self.deck.next_piece() {
                match piece {
                    Piece::Octets(octets) => {
                        let pairs = octets.chunks_exact(2);
                        self.samples
                            .extend(pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
                    }
                    Piece::Silence(time) => {
                        let samples = time.as_micros() / 125 * 2;
                        self.samples
                            .extend(std::iter::repeat_n(0, samples as usize));
                    }
                }
            }
        }

        /// The file, and its gaps in milliseconds.
        fn end(mut self) -> (Vec<i16>, Vec<(GapReason, u64, u64)>) {
            let now = self.now();
            self.deck.finish(now);
            self.collect();
            let millis = |time: Duration| time.as_millis() as u64;
            let (_, gaps) = self.deck.taken().unwrap();
            let gaps = gaps
                .iter()
                .map(|gap| (gap.reason, millis(gap.from), millis(gap.to)));
            let gaps = gaps.collect();
            (self.samples, gaps)
        }
    }

    /// Stretches of silence in a file, in milliseconds.
    fn silences(samples: &[i16]) -> Vec<(u64, u64)> {
        let mut found: Vec<(u64, u64)> = Vec::new();
        for (number, pair) in samples.chunks(320).enumerate() {
            let at = number as u64 * 20;
            match (pair.iter().all(|sample| *sample == 0), found.last_mut()) {
                (true, Some(last)) if last.1 == at => last.1 = at + 20,
                (true, _) => found.push((at, at + 20)),
                (false, _) => assert!(pair.iter().all(|sample| *sample == 1_000)),
            }
        }
        found
    }

    #[test]
    fn a_pause_is_silence_of_its_length_and_is_noted_where_it_is() {
        let mut player = Player::new(true);
        player.play(3);
        let paused = player.act(By::Person, RecordingAction::Pause);
        assert_eq!(paused, Ok(RecordingState::Paused));
        player.play(2);
        let resumed = player.act(By::Person, RecordingAction::Resume);
        assert_eq!(resumed, Ok(RecordingState::Running));
        player.play(1);
        let (samples, gaps) = player.end();
        assert_eq!(samples.len(), 6 * 16_000);
        assert_eq!(silences(&samples), [(3_000, 5_000)]);
        assert_eq!(gaps, [(GapReason::Paused, 3_000, 5_000)]);
    }

    #[test]
    fn a_stopped_file_ends_and_one_that_is_started_again_has_silence_between() {
        let mut player = Player::new(true);
        player.play(2);
        player.act(By::Person, RecordingAction::Stop).unwrap();
        player.play(5);
        assert_eq!(player.samples.len(), 2 * 16_000);
        let started = player.act(By::Person, RecordingAction::Start);
        assert_eq!(started, Ok(RecordingState::Running));
        player.play(1);
        let stopped = player.act(By::Person, RecordingAction::Stop);
        assert_eq!(stopped, Ok(RecordingState::Stopped));
        player.play(9);
        let (samples, gaps) = player.end();
        assert_eq!(samples.len().div_ceil(320), 8 * 50);
        let [(GapReason::Stopped, from, to)] = gaps[..] else {
            panic!("{gaps:?}")
        };
        assert_eq!((from, to.next_multiple_of(20)), (2_000, 7_000));
    }

    #[test]
    fn what_the_flow_pauses_people_cannot_resume_and_the_other_way_round() {
        let mut player = Player::new(true);
        player.play(1);
        player.act(By::Person, RecordingAction::Pause).unwrap();
        player.act(By::Flow, RecordingAction::Pause).unwrap();
        player.play(1);
        assert_eq!(
            player.act(By::Person, RecordingAction::Resume),
            Err(CannotRecord::PausedByFlow)
        );
        let left = player.act(By::Flow, RecordingAction::Resume);
        assert_eq!(left, Ok(RecordingState::Paused));
        player.play(1);
        player.act(By::Person, RecordingAction::Resume).unwrap();
        player.play(1);
        let (samples, gaps) = player.end();
        assert_eq!(silences(&samples), [(1_000, 3_000)]);
        assert_eq!(gaps, [(GapReason::Paused, 1_000, 3_000)]);
    }

    #[test]
    fn the_key_that_ended_an_answer_is_not_heard_either() {
        let mut player = Player::new(true);
        player.act(By::Flow, RecordingAction::Pause).unwrap();
        player.play(1);
        player.act(By::Flow, RecordingAction::Resume).unwrap();
        player.play(1);
        let (samples, gaps) = player.end();
        assert_eq!(silences(&samples), [(0, 1_400)]);
        assert_eq!(gaps, [(GapReason::Paused, 0, 1_400)]);
    }

    #[test]
    fn a_call_that_is_not_recorded_can_be_started_and_not_paused() {
        let mut player = Player::new(false);
        player.play(2);
        for action in [RecordingAction::Pause, RecordingAction::Resume] {
            let refused = player.act(By::Person, action);
            assert_eq!(refused, Err(CannotRecord::NotRunning));
        }
        assert_eq!(player.deck.state(), RecordingState::Off);
        player.act(By::Person, RecordingAction::Start).unwrap();
        player.play(1);
        player.act(By::Person, RecordingAction::Pause).unwrap();
        player.play(1);
        let (samples, gaps) = player.end();
        // It began a little before its first frame.
        assert_eq!(silences(&samples), [(1_000, 2_020)]);
        assert_eq!(gaps, [(GapReason::Paused, 1_000, 2_007)]);

        let mut early = Deck::new(false);
        let refused = early.act(Instant::ZERO, By::Person, RecordingAction::Start);
        assert_eq!(refused, Err(CannotRecord::NotBegun));
        assert!(early.taken().is_none());
    }
}
