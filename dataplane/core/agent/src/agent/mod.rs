//! The agent of one call: joins gate, keys, speech and guards with the flow.

mod caller;
mod floor;
mod knowledge;
mod model;
mod resume;
mod tools;
mod transfer;
mod voice;

use std::collections::VecDeque;
use std::sync::Arc;

use callplane_flow::{Action, Citation, Event, Listen, Run, SayId};
use callplane_types::Instant;

use self::floor::Floor;
use self::knowledge::Looking;
use self::model::{Cover, Thinking};
pub use self::model::{FILLER, STILL_THERE};
use self::resume::BrokenOff;
use self::tools::Running;
use crate::gate::Gate;
use crate::input::{Apology, Input, TurnId};
use crate::keys::Keys;
use crate::ledger::UtteranceId;
use crate::listening::Listening;
use crate::output::{Ending, Output, Stage};
use crate::policy::TurnPolicy;
use crate::speech::{Sentence, Speech};

/// What callers hear when speech is down, from a clip that was made while it was up.
pub const APOLOGY: &str = "I am sorry, I have trouble speaking and listening right now. You can use the keys of your phone.";

/// The agent of one call.
///
/// **It never speaks while the caller's turn is going on, and what it reports as said is what the
/// playout clock says was heard.**
#[derive(Debug)]
pub struct Agent {
    policy: TurnPolicy,
    apology: Apology,
    run: Run,
    outputs: VecDeque<Output>,
    gate: Gate,
    keys: Keys,
    speech: Speech,
    listening: Option<Listening>,
    recognizing: Option<Recognizing>,
    thinking: Option<Thinking>,
    looking: Option<Looking>,
    /// What the last sentences were made of.
    citations: VecDeque<(SayId, Arc<[Citation]>)>,
    running: Vec<Running>,
    /// What the model or a tool has to say, while the caller says something into the agent's words: nothing is done that
    /// they may be about to forbid.
    held: VecDeque<Event>,
    /// What the caller heard while tools ran.
    tool_cover: Cover,
    /// When either side was heard last.
    last_sound: Instant,
    started: Option<Instant>,
    last_frame: Option<Instant>,
    last_apology: Option<Instant>,
    /// Sentences the caller cut off with an answer that is not known yet. The flow hears of them
    /// after the answer, so that the answer still finds the node that was speaking.
    cut_off: Vec<(SayId, String)>,
    broken_off: BrokenOff,
    /// The caller's last word or key that was not answered yet.
    unanswered: Option<Instant>,
    last_turn: u32,
    phase: Phase,
    floor: Floor,
    /// The sentence that the flow wanted said last.
    last_said: Option<Sentence>,
}

/// How the caller may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaits {
    /// By voice.
    pub speech: bool,
    /// By keys.
    pub keys: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Waiting,
    Talking,
    /// Somebody is rung, or the caller talks with them; the agent neither speaks nor listens.
    Transferring,
    /// The flow is over; what is being said is said to its end.
    Leaving(Ending),
    Over,
}

#[derive(Debug)]
struct Recognizing {
    turn: TurnId,
    asked: Instant,
    last_voice: Instant,
}

impl Agent {
    /// An agent that runs `run`, which must not have been started. `apology` is what the caller
    /// hears as [`Sound::Apology`](crate::Sound::Apology).
    #[must_use]
    pub fn new(run: Run, policy: TurnPolicy, apology: Apology) -> Self {
        Self {
            apology,
            gate: Gate::new(policy),
            last_sound: Instant::ZERO,
            policy,
            run,
            outputs: VecDeque::new(),
            keys: Keys::default(),
            speech: Speech::default(),
            listening: None,
            recognizing: None,
            thinking: None,
            looking: None,
            citations: VecDeque::new(),
            running: Vec::new(),
            held: VecDeque::new(),
            tool_cover: Cover::default(),
            started: None,
            last_frame: None,
            last_apology: None,
            cut_off: Vec::new(),
            broken_off: BrokenOff::default(),
            unanswered: None,
            last_turn: 0,
            phase: Phase::Waiting,
            floor: Floor::Own,
            last_said: None,
        }
    }

    /// The flow this agent runs, for what it captured.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// What the agent waits for when it has said everything and it is the caller's turn; nothing while it speaks,
    /// understands or thinks.
    #[must_use]
    pub fn awaits(&self) -> Option<Awaits> {
        let listening = self.listening.as_ref()?;
        let is_quiet = self.phase == Phase::Talking
            && self.speech.idle()
            && self.recognizing.is_none()
            && self.thinking.is_none()
            && self.looking.is_none()
            && !self.run.waits_for_tools()
            && !self.gate.open();
        is_quiet.then(|| Awaits {
            speech: listening.speech.is_some(),
            keys: self.keys.are_asked(),
        })
    }

    /// The next wish or fact; drain it to `None` after each [`Agent::handle`].
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Something happened.
    pub fn handle(&mut self, now: Instant, input: Input) {
        if self.phase == Phase::Over {
            return;
        }
        match input {
            Input::Started => self.start(now),
            Input::Frame { voice } => self.frame(now, voice),
            Input::Held => self.held(now),
            Input::Digit(key) => self.digit(now, key),
            Input::SpeechReady { utterance, samples } => {
                if let Some(took) = self.speech.ready(now, utterance, samples) {
                    self.outputs
                        .push_back(Output::Stage(Stage::Synthesize, took));
                }
            }
            Input::SpeechFailed { utterance } => self.speech_failed(now, utterance),
            Input::Played {
                utterance,
                samples,
                done,
            } => {
                if let Some(finished) = self.speech.played(utterance, samples, done) {
                    self.finish(now, finished);
                }
            }
            Input::Recognized { turn, result } => self.recognized(now, turn, result),
            Input::Thought { id, thought } => self.thought(now, id, thought),
            Input::Found { id, passages } => self.found(now, id, passages),
            Input::ToolDone { id, result } => self.tool_done(now, id, result),
            Input::Transferred(end) => self.transferred(now, end),
            Input::FloorTaken => self.take_floor(),
            Input::FloorReturned => self.return_floor(now),
            Input::Ended => self.end(now),
        }
        self.go_on(now);
    }

    fn start(&mut self, now: Instant) {
        if self.phase == Phase::Waiting {
            self.phase = Phase::Talking;
            self.started = Some(now);
            self.last_sound = now;
            self.tell(now, Event::Started);
        }
    }

    fn speech_failed(&mut self, now: Instant, utterance: UtteranceId) {
        // Cut off, given up, or a whisper: the caller waits for nothing.
        if !self.speech.awaits(utterance) {
            return;
        }
        self.outputs.push_back(Output::SpeechDown);
        let apologise = self.may_apologise(now);
        self.speech.failed(utterance, apologise);
    }

    /// Whether an apology may be played now; if so it counts as played.
    fn may_apologise(&mut self, now: Instant) -> bool {
        let due = self
            .last_apology
            .is_none_or(|last| now - last >= self.policy.apology_interval);
        if due {
            self.last_apology = Some(now);
        }
        due
    }
}

// === The flow ===

impl Agent {
    /// Tells the flow and does what it wants.
    fn tell(&mut self, now: Instant, event: Event) {
        self.run.handle(now, event);
        while let Some(action) = self.run.poll() {
            self.act(now, action);
        }
    }

    /// Tells the flow, once it is known what the caller says.
    fn tell_in_turn(&mut self, now: Instant, event: Event) {
        self.held.push_back(event);
        self.tell_held(now);
    }

    /// Tells the flow what waited for the caller.
    fn tell_held(&mut self, now: Instant) {
        while !self.is_cut_in()
            && let Some(event) = self.held.pop_front()
        {
            self.tell(now, event);
        }
    }

    /// Whether the caller says something that is not understood yet.
    fn is_cut_in(&self) -> bool {
        self.gate.in_turn() || self.recognizing.is_some() || !self.cut_off.is_empty()
    }

    fn act(&mut self, now: Instant, action: Action) {
        match action {
            Action::Entered { node, kind } => {
                self.outputs.push_back(Output::Entered { node, kind });
            }
            Action::Record(action) => self.outputs.push_back(Output::Record(action)),
            // The run keeps them: `Run::captured`.
            Action::Captured { .. } => {}
            Action::Failed { node, message } => {
                self.outputs.push_back(Output::Failed { node, message });
            }
            Action::Say {
                id,
                text,
                interruptible,
                citations,
            } => {
                if !citations.is_empty() {
                    self.keep_citations(id, citations);
                }
                let sentence = Sentence {
                    id,
                    text,
                    interruptible,
                };
                self.last_said = Some(sentence.clone());
                self.say(now, sentence);
            }
            Action::Listen(Listen {
                speech,
                digits,
                timeout,
            }) => {
                self.listening = Some(Listening::new(speech, timeout));
                self.keys.ask(digits);
            }
            Action::StopListening => self.stop_listening(),
            Action::LookUp(look_up) => self.look_up(now, look_up),
            Action::Think(think) => self.think(now, think),
            Action::StopThinking(id) => self.stop_thinking(id),
            Action::RunTool(run) => self.run_tool(now, run),
            Action::Transfer(transfer) => self.transfer(transfer),
            Action::Hangup(ending) => self.phase = Phase::Leaving(Ending::Flow(ending)),
        }
    }
}
