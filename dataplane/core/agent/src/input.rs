//! What happens to the agent.

use callplane_flow::{LookUpId, Passage, ThinkId, Thought, ToolRunId, TransferEnd};

use crate::ledger::UtteranceId;

/// Identifies one turn of the caller within a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TurnId(pub u32);

/// What the recogniser understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognition {
    /// One of the phrases that were asked for, or anything where anything could be said.
    pub text: String,
    /// How sure it is, 0 to 1; not every recogniser says so.
    pub confidence: Option<f32>,
}

/// The speech provider did not answer, or answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpeechDown;

/// What is played when speech is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apology {
    /// [`APOLOGY`](crate::APOLOGY), spoken while speech was up.
    Spoken {
        /// Its length in samples of the playout clock.
        samples: u64,
    },
    /// A tone, which says nothing.
    Tone,
}

/// One input. Every 20 ms brings a [`Frame`](Input::Frame), spoken or not, or [`Held`](Input::Held):
/// it is also the clock by which the agent notices that time passed.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The call is answered and media may flow.
    Started,
    /// 20 ms passed; `voice` when the caller's side held a human voice.
    Frame {
        /// What the voice activity detector said.
        voice: bool,
    },
    /// 20 ms passed on hold: nobody can be heard. Comes instead of [`Frame`](Input::Frame).
    Held,
    /// A key: one of `0123456789*#`.
    Digit(char),
    /// An utterance is ready to be played.
    SpeechReady {
        /// Which.
        utterance: UtteranceId,
        /// Its length in samples of the playout clock.
        samples: u64,
    },
    /// An utterance could not be synthesised.
    SpeechFailed {
        /// Which.
        utterance: UtteranceId,
    },
    /// The playout clock moved.
    Played {
        /// What is being played.
        utterance: UtteranceId,
        /// Samples sent so far.
        samples: u64,
        /// The last of them was sent.
        done: bool,
    },
    /// The recogniser is done with a turn.
    Recognized {
        /// Which.
        turn: TurnId,
        /// `Ok(None)`: there was speech, and nothing that could be said.
        result: Result<Option<Recognition>, SpeechDown>,
    },
    /// A part of the model's answer.
    Thought {
        /// To which question.
        id: ThinkId,
        /// The part.
        thought: Thought,
    },
    /// What was looked up.
    Found {
        /// Which look-up; one that was given up counts no more.
        id: LookUpId,
        /// What was found, the best first.
        passages: Vec<Passage>,
    },
    /// A tool has run.
    ToolDone {
        /// Which run; one that was given up counts no more.
        id: ToolRunId,
        /// What the model is to be told: what it said, or why there is nothing.
        result: Result<String, String>,
    },
    /// The transfer that was asked for is over, and the caller is still there. Counts only once
    /// for each [`Output::Transfer`](crate::Output::Transfer).
    Transferred(TransferEnd),
    /// Somebody else talks with the caller from here on: the agent breaks off, and what people say and press is
    /// nobody's turn. Frames still tell it the time.
    FloorTaken,
    /// They are gone: the agent says what it could not say, or asks its question again.
    FloorReturned,
    /// The call is over, whoever ended it.
    Ended,
}
