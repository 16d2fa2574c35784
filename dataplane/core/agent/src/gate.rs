//! The gate between voice and turns: 20 ms of voice or silence in, edges of a turn out.
//!
//! The voice activity detector says what one frame holds; this says when a person began to speak,
//! when that became worth listening to, and when they were done.

use std::time::Duration;

use callplane_types::Instant;

use crate::policy::TurnPolicy;

/// What changed with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// First voiced frame: capture from here, and from a little before.
    Onset,
    /// Enough voice: this is a turn, and it interrupts whoever may be interrupted.
    Confirmed,
    /// The turn is over. `last_voice` is when its last voiced frame ended: latency counts from it.
    Ended { last_voice: Instant },
    /// It was a click; forget what was captured.
    Discarded,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Quiet,
    Voiced {
        since: Instant,
        last_voice: Instant,
        /// Sum of the voiced frames, which pauses do not count towards.
        voiced: Duration,
        confirmed: bool,
    },
}

/// **Every `Onset` is followed by exactly one of `Ended`, `Discarded` and a [`Gate::reset`].**
#[derive(Debug)]
pub(crate) struct Gate {
    policy: TurnPolicy,
    state: State,
}

impl Gate {
    pub(crate) fn new(policy: TurnPolicy) -> Self {
        Self {
            policy,
            state: State::Quiet,
        }
    }

    /// Whether a confirmed turn is going on.
    pub(crate) fn in_turn(&self) -> bool {
        matches!(
            self.state,
            State::Voiced {
                confirmed: true,
                ..
            }
        )
    }

    /// One frame that ended at `now`. `interrupting` asks for the longer proof.
    pub(crate) fn frame(
        &mut self,
        now: Instant,
        length: Duration,
        voice: bool,
        interrupting: bool,
    ) -> Option<Edge> {
        let State::Voiced {
            since,
            mut last_voice,
            mut voiced,
            confirmed,
        } = self.state
        else {
            return voice.then(|| self.begin(now, length));
        };
        if voice {
            last_voice = now;
            voiced += length;
        }
        let silence = now - last_voice;
        let needed = if interrupting {
            self.policy.barge_in
        } else {
            self.policy.min_speech
        };
        let edge = if confirmed {
            let over = silence >= self.policy.end_silence || now - since >= self.policy.max_turn;
            over.then_some(Edge::Ended { last_voice })
        } else if voiced >= needed {
            Some(Edge::Confirmed)
        } else {
            (silence >= self.policy.discard_silence).then_some(Edge::Discarded)
        };
        self.state = match edge {
            Some(Edge::Ended { .. } | Edge::Discarded) => State::Quiet,
            _ => State::Voiced {
                since,
                last_voice,
                voiced,
                confirmed: confirmed || edge == Some(Edge::Confirmed),
            },
        };
        edge
    }

    /// Whether there was an onset that is neither ended nor discarded.
    pub(crate) fn open(&self) -> bool {
        !matches!(self.state, State::Quiet)
    }

    /// Forgets the turn that is going on, as after a digit; whether there was one.
    pub(crate) fn reset(&mut self) -> bool {
        let open = self.open();
        self.state = State::Quiet;
        open
    }

    fn begin(&mut self, now: Instant, length: Duration) -> Edge {
        self.state = State::Voiced {
            since: now,
            last_voice: now,
            voiced: length,
            confirmed: false,
        };
        Edge::Onset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    /// Feeds `pattern` (`x` voice, `.` silence, 20 ms each); gives the edges with their frame.
    fn edges(pattern: &str, interrupting: bool) -> Vec<(usize, Edge)> {
        let mut gate = Gate::new(TurnPolicy::default());
        let mut now = Instant::ZERO;
        let mut found = Vec::new();
        for (index, frame) in pattern.chars().enumerate() {
            now += FRAME;
            if let Some(edge) = gate.frame(now, FRAME, frame == 'x', interrupting) {
                found.push((index, edge));
            }
        }
        found
    }

    #[test]
    fn a_click_is_discarded() {
        let pattern = format!("..xx{}", ".".repeat(20));
        assert_eq!(
            edges(&pattern, false),
            [(2, Edge::Onset), (18, Edge::Discarded)]
        );
    }

    #[test]
    fn a_turn_ends_after_the_silence_and_tells_when_the_voice_stopped() {
        let pattern = format!("{}{}", "x".repeat(30), ".".repeat(40));
        let last_voice = Instant::ZERO + FRAME * 30;
        assert_eq!(
            edges(&pattern, false),
            [
                (0, Edge::Onset),
                (4, Edge::Confirmed),
                (59, Edge::Ended { last_voice })
            ]
        );
    }

    #[test]
    fn a_pause_inside_a_sentence_does_not_end_the_turn() {
        let pattern = format!("{}{}{}", "x".repeat(20), ".".repeat(25), "x".repeat(20));
        assert_eq!(
            edges(&pattern, false),
            [(0, Edge::Onset), (4, Edge::Confirmed)]
        );
    }

    #[test]
    fn interrupting_takes_three_times_the_voice() {
        assert_eq!(edges(&"x".repeat(14), true), [(0, Edge::Onset)]);
        assert_eq!(
            edges(&"x".repeat(15), true),
            [(0, Edge::Onset), (14, Edge::Confirmed)]
        );
    }

    #[test]
    fn an_endless_turn_is_cut() {
        let found = edges(&"x".repeat(1100), false);
        assert!(matches!(found[2], (1000, Edge::Ended { .. })), "{found:?}");
    }
}
