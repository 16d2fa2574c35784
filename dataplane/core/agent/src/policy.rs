//! The numbers of turn taking, in one place so that a decision can be explained and replayed.

use std::time::Duration;

use callplane_flow::AgentSettings;

use crate::acknowledgement;

/// When speech counts as speech, when a turn is over and how long nobody may say anything.
///
/// The defaults are those of the field: half a second of silence ends a turn, a third of a second
/// of speech interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnPolicy {
    /// Voice a turn must hold to be more than a click, while the agent is silent.
    pub min_speech: Duration,
    /// Voice that interrupts the agent. Longer than [`Self::min_speech`], so that a cough does not
    /// cost the caller the sentence.
    pub barge_in: Duration,
    /// Silence that ends a turn (endpointing).
    pub end_silence: Duration,
    /// Silence after which voice shorter than the minimum is forgotten.
    pub discard_silence: Duration,
    /// Longest turn; then it ends whether or not the caller does.
    pub max_turn: Duration,
    /// Time in which neither side says anything, after which the call ends.
    pub max_silence: Duration,
    /// Longest conversation.
    pub max_duration: Duration,
    /// How long synthesis or recognition may take until it counts as down.
    pub speech_timeout: Duration,
    /// How long the model may say nothing until it counts as failed.
    pub model_timeout: Duration,
    /// How long the caller may wait for the model in silence.
    pub filler_after: Duration,
    /// How long after that, and again and again.
    pub filler_again: Duration,
    /// How much longer than its own timeout a tool is waited for.
    pub tool_grace: Duration,
    /// Words of the caller that do not interrupt the agent where anything may be said, in lower case. After a question
    /// they are an answer.
    pub acknowledgements: &'static [&'static str],
    /// Time between two apologies for speech that is down: once an outage, not once a sentence.
    pub apology_interval: Duration,
}

impl Default for TurnPolicy {
    fn default() -> Self {
        Self {
            min_speech: Duration::from_millis(100),
            barge_in: Duration::from_millis(300),
            end_silence: Duration::from_millis(600),
            discard_silence: Duration::from_millis(300),
            max_turn: Duration::from_secs(20),
            max_silence: Duration::from_secs(30),
            max_duration: Duration::from_secs(3600),
            speech_timeout: Duration::from_secs(4),
            model_timeout: Duration::from_secs(8),
            filler_after: Duration::from_millis(1_400),
            filler_again: Duration::from_secs(6),
            tool_grace: Duration::from_secs(1),
            acknowledgements: acknowledgement::of_language("en"),
            apology_interval: Duration::from_secs(10),
        }
    }
}

impl From<&AgentSettings> for TurnPolicy {
    fn from(settings: &AgentSettings) -> Self {
        Self {
            barge_in: settings.turn_taking.barge_in,
            end_silence: settings.turn_taking.endpointing,
            max_turn: settings.turn_taking.max_turn,
            max_silence: settings.limits.silence,
            max_duration: settings.limits.max_call,
            acknowledgements: acknowledgement::of_language(&settings.language),
            ..Self::default()
        }
    }
}
