//! A call without a telephone: the agent of real calls, in text and in virtual time.
//!
//! Words stand for voice, and time passes as fast as it can while nobody has to think. Turns, silences, keys and what
//! was heard are the agent's own doing: nothing of it is decided here.

use std::collections::VecDeque;
use std::time::Duration;

use callplane_agent::{
    Agent, Apology, Ending, Input, Message, Output, Recognition, TurnPolicy, UtteranceId,
};
use callplane_flow::graph::NodeKind;
use callplane_flow::{Program, Run, Think, ThinkId, Thought, ToolRun, ToolRunId, TransferEnd};
use callplane_types::{E164, Instant};

const FRAME: Duration = Duration::from_millis(20);
/// Samples of a frame of the playout clock.
const FRAME_SAMPLES: u64 = 160;
/// Samples that a character takes to say: some 15 a second.
const CHARACTER_SAMPLES: u64 = 530;
/// How long words that were typed sound. It counts as speech, and longer makes no difference.
const SPEAKING: Duration = Duration::from_millis(800);
/// After so long, words that were said into the agent's are not taken any more.
const UNDERSTANDING: Duration = Duration::from_secs(5);
/// After so long no further key is waited for.
const BETWEEN_KEYS: Duration = Duration::from_secs(6);
/// The longest that time may run without anything to show for it.
const PATIENCE: Duration = Duration::from_secs(180);

/// What happened, for whoever looks on.
#[derive(Debug)]
pub(crate) enum Happening {
    /// The flow came to a node.
    Entered { node: String, kind: NodeKind },
    /// One side said something.
    Said(Message),
    /// An expression failed.
    Failed { node: String, message: String },
    /// The model is asked.
    Think(Think),
    /// Its answer is not wanted any more.
    StopThinking(ThinkId),
    /// A tool is to be run.
    RunTool(ToolRun),
    /// Somebody would be rung.
    Transfer(E164),
    /// The call is over.
    Over(Ending),
}

/// What the conversation waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// The caller, who may speak, press keys, or both.
    Caller { speech: bool, keys: bool },
    /// The model.
    Model,
    /// Tools that run.
    Tool,
    /// The end of a transfer.
    Transfer,
    /// Nothing.
    Over,
}

/// What the caller says into the agent's words.
#[derive(Debug, Clone)]
pub(crate) struct Interruption {
    /// What.
    pub(crate) words: String,
    /// So long after the agent began.
    pub(crate) after: Duration,
}

/// One conversation.
pub(crate) struct Conversation {
    agent: Agent,
    now: Instant,
    playing: Option<(UtteranceId, u64)>,
    lengths: Vec<(UtteranceId, u64)>,
    /// What the caller says in the turn that goes on.
    words: Option<String>,
    /// What the caller will say as soon as the agent has spoken for long enough.
    interruption: Option<Interruption>,
    speaking_until: Instant,
    thinking: Option<ThinkId>,
    running: Vec<ToolRunId>,
    transferring: bool,
    over: bool,
    happenings: VecDeque<Happening>,
}

impl Conversation {
    /// The call is answered.
    pub(crate) fn begin(
        program: &std::sync::Arc<Program>,
        variables: impl IntoIterator<Item = (String, String)>,
        interruption: Option<Interruption>,
    ) -> Self {
        let run = Run::new(std::sync::Arc::clone(program), variables);
        let policy = TurnPolicy::from(&program.agent);
        let mut conversation = Self {
            agent: Agent::new(run, policy, Apology::Tone),
            now: Instant::ZERO,
            playing: None,
            lengths: Vec::new(),
            words: None,
            interruption,
            speaking_until: Instant::ZERO,
            thinking: None,
            running: Vec::new(),
            transferring: false,
            over: false,
            happenings: VecDeque::new(),
        };
        conversation.tell(Input::Started);
        conversation.settle();
        conversation
    }

    /// How long the call lasts by now.
    pub(crate) fn duration(&self) -> Duration {
        self.now - Instant::ZERO
    }

    /// The next thing that happened.
    pub(crate) fn poll(&mut self) -> Option<Happening> {
        self.happenings.pop_front()
    }

    /// Variables that the conversation bound.
    pub(crate) fn captured(&self) -> serde_json::Map<String, serde_json::Value> {
        self.agent.run().captured()
    }

    /// What has to happen before it goes on.
    pub(crate) fn waits(&self) -> Waits {
        if self.over {
            return Waits::Over;
        }
        if self.transferring {
            return Waits::Transfer;
        }
        match self.agent.awaits() {
            Some(awaits) => Waits::Caller {
                speech: awaits.speech,
                keys: awaits.keys,
            },
            None if !self.running.is_empty() => Waits::Tool,
            None => Waits::Model,
        }
    }

    // --- what the caller does ---

    /// The caller says something.
    pub(crate) fn hear(&mut self, words: &str) {
        self.words = Some(words.to_owned());
        let spoken = self.now + SPEAKING;
        while self.now < spoken {
            self.tick(true);
        }
        let until = self.now + PATIENCE;
        while self.words.is_some() && self.now < until && !self.over {
            self.tick(false);
        }
        self.words = None;
        self.settle();
    }

    /// The caller will say this into what the agent says next.
    pub(crate) fn interrupt(&mut self, interruption: Interruption) {
        self.interruption = Some(interruption);
    }

    /// What was to be said into the agent's words, and found no end of them to be said into.
    pub(crate) fn take_interruption(&mut self) -> Option<Interruption> {
        self.interruption.take()
    }

    /// The caller presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        for key in keys.chars().filter(|key| callplane_flow::is_key(*key)) {
            self.tell(Input::Digit(key));
            self.tick(false);
        }
        // Until it is clear that no key follows.
        self.pass_until_something_happens(BETWEEN_KEYS);
    }

    /// The caller is silent until the agent does something about it.
    pub(crate) fn be_silent(&mut self) {
        self.pass_until_something_happens(PATIENCE);
    }

    /// The caller hangs up.
    pub(crate) fn hang_up(&mut self) {
        self.tell(Input::Ended);
        self.over = true;
    }

    // --- what others do ---

    /// A part of the model's answer.
    pub(crate) fn think(&mut self, id: ThinkId, thought: Thought) {
        if matches!(thought, Thought::Done | Thought::Failed) {
            self.thinking.take_if(|asked| *asked == id);
        }
        self.tell(Input::Thought { id, thought });
        self.settle();
    }

    /// A tool has run.
    pub(crate) fn tool_done(&mut self, id: ToolRunId, result: Result<String, String>) {
        self.running.retain(|running| *running != id);
        self.tell(Input::ToolDone { id, result });
        self.settle();
    }

    /// Time passes while the model thinks or a tool runs, in whole frames.
    pub(crate) fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now + FRAME <= until && !self.over {
            self.tick(false);
        }
        self.settle();
    }

    /// The transfer is over.
    pub(crate) fn transferred(&mut self, end: TransferEnd) {
        self.transferring = false;
        self.tell(Input::Transferred(end));
        self.settle();
    }

    // --- time ---

    fn pass_until_something_happens(&mut self, longest: Duration) {
        let until = self.now + longest;
        let happened = self.happenings.len();
        while self.happenings.len() == happened && self.now < until && !self.over {
            self.tick(false);
        }
        self.settle();
    }

    /// Lets time pass until somebody has to do something.
    fn settle(&mut self) {
        let until = self.now + PATIENCE;
        while self.now < until && !self.over && !self.transferring && self.goes_on() {
            self.tick(false);
        }
        // Nobody took what the caller said meanwhile.
        self.words = None;
    }

    /// Whether something happens without anybody's doing.
    fn goes_on(&self) -> bool {
        let is_speaking = self.words.is_some() && self.now < self.speaking_until + UNDERSTANDING;
        let is_waiting = self.thinking.is_some() || !self.running.is_empty();
        let is_silent = self.playing.is_none();
        is_speaking || self.agent.awaits().is_none() && !(is_waiting && is_silent)
    }

    fn tick(&mut self, voice: bool) {
        self.now += FRAME;
        let voice = voice || self.is_interrupting();
        if let Some((utterance, sent)) = self.playing {
            let samples = sent + FRAME_SAMPLES;
            let length = self.length(utterance);
            let done = samples >= length;
            self.playing = (!done).then_some((utterance, samples));
            self.tell(Input::Played {
                utterance,
                samples: samples.min(length),
                done,
            });
        }
        self.tell(Input::Frame { voice });
    }

    fn is_interrupting(&mut self) -> bool {
        let said = self.playing.map_or(0, |(_, samples)| samples);
        let said = FRAME * (said / FRAME_SAMPLES) as u32;
        let due =
            |interruption: &mut Interruption| said > Duration::ZERO && said >= interruption.after;
        if let Some(interruption) = self.interruption.take_if(due) {
            self.words = Some(interruption.words);
            self.speaking_until = self.now + SPEAKING;
        }
        self.now < self.speaking_until
    }

    fn length(&self, utterance: UtteranceId) -> u64 {
        let found = self.lengths.iter().find(|(id, _)| *id == utterance);
        found.map_or(FRAME_SAMPLES, |(_, length)| *length)
    }

    fn tell(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.agent.handle(self.now, input);
            while let Some(output) = self.agent.poll() {
                inputs.extend(self.obey(output));
            }
        }
    }

    /// Does what the agent wants; gives what it is to be told at once.
    fn obey(&mut self, output: Output) -> Option<Input> {
        let happening = match output {
            Output::Synthesize { utterance, text } => {
                let samples = CHARACTER_SAMPLES * text.chars().count() as u64;
                self.lengths.push((utterance, samples));
                return Some(Input::SpeechReady { utterance, samples });
            }
            Output::Play { utterance, .. } => {
                self.playing = Some((utterance, 0));
                self.lengths.retain(|(id, _)| *id >= utterance);
                return None;
            }
            Output::StopPlayout => {
                self.playing = None;
                return None;
            }
            Output::Recognize { turn, .. } => {
                let text = self.words.take();
                let result = Ok(text.map(|text| Recognition {
                    text,
                    confidence: None,
                }));
                return Some(Input::Recognized { turn, result });
            }
            Output::Entered { node, kind } => Happening::Entered { node, kind },
            Output::Failed { node, message } => Happening::Failed { node, message },
            Output::Message(message) => Happening::Said(message),
            // There is no knowledge base here.
            Output::LookUp(look_up) => {
                return Some(Input::Found {
                    id: look_up.id,
                    passages: Vec::new(),
                });
            }
            Output::Think(think) => {
                self.thinking = Some(think.id);
                Happening::Think(think)
            }
            Output::StopThinking(id) => {
                self.thinking.take_if(|asked| *asked == id);
                Happening::StopThinking(id)
            }
            Output::RunTool(run) => {
                self.running.push(run.id);
                Happening::RunTool(run)
            }
            Output::Transfer(transfer) => {
                self.transferring = true;
                Happening::Transfer(transfer.to)
            }
            Output::HangUp(ending) => {
                self.over = true;
                Happening::Over(ending)
            }
            Output::Capture(_)
            | Output::Record(_)
            | Output::BargeIn
            | Output::SpeechDown
            | Output::Stage(..) => return None,
        };
        self.happenings.push_back(happening);
        None
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use callplane_agent::Speaker;
    use callplane_flow::ToolCall;

    use super::super::load;
    use super::*;

    fn example(folder: &str, agent: &str) -> Arc<Program> {
        let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crds/examples");
        load::load(&[Path::new(examples).join(folder)], Some(agent))
            .unwrap()
            .program
    }

    /// What was said since, and the last thing that the model was asked.
    fn said(conversation: &mut Conversation) -> (Vec<(Speaker, String)>, Option<Think>) {
        let (mut said, mut asked) = (Vec::new(), None);
        while let Some(happening) = conversation.poll() {
            match happening {
                Happening::Said(message) => said.push((message.speaker, message.text)),
                Happening::Think(think) => asked = Some(think),
                _ => {}
            }
        }
        (said, asked)
    }

    #[test]
    fn the_example_is_talked_through_by_words_silence_and_keys() {
        let program = example("acme", "front-desk");
        let mut conversation = Conversation::begin(&program, [], None);
        let (greeting, _) = said(&mut conversation);
        assert!(greeting[0].1.starts_with("Welcome to Acme."));
        conversation.be_silent();
        let (reminder, _) = said(&mut conversation);
        assert!(reminder[0].1.starts_with("I did not hear you."));
        conversation.hear("Book an appointment.");
        conversation.press("9123");
        assert_eq!(conversation.captured()["reference"], "9123");
        conversation.press("1");
        while conversation.waits() != Waits::Over {
            assert!(matches!(conversation.waits(), Waits::Caller { .. }));
            conversation.hear("Yes.");
        }
        let spoken: Vec<_> = said(&mut conversation).0;
        assert!(spoken.contains(&(Speaker::Caller, "Book an appointment.".to_owned())));
        assert!(spoken.contains(&(Speaker::Keys, "9123".to_owned())));
    }

    #[test]
    fn the_model_leads_the_example_to_its_end() {
        let program = example("converse", "emma");
        let mut conversation = Conversation::begin(&program, [], None);
        conversation.hear("I would like to come by.");
        assert_eq!(conversation.waits(), Waits::Model);
        let think = said(&mut conversation).1.unwrap();
        conversation.think(think.id, Thought::Text("Gladly. On which".to_owned()));
        conversation.think(think.id, Thought::Text(" day?".to_owned()));
        conversation.think(think.id, Thought::Done);
        let agent = |text: &str| (Speaker::Agent, text.to_owned());
        assert_eq!(
            said(&mut conversation).0,
            [agent("Gladly."), agent("On which day?")]
        );
        conversation.hear("On Monday.");
        let think = said(&mut conversation).1.unwrap();
        for (name, arguments) in [
            ("note", r#"{"day":"Monday"}"#),
            ("go_to", r#"{"to":"booked"}"#),
        ] {
            let call = ToolCall {
                id: name.to_owned(),
                name: name.to_owned(),
                arguments: arguments.to_owned(),
            };
            conversation.think(think.id, Thought::Call(call));
        }
        conversation.think(think.id, Thought::Done);
        assert_eq!(conversation.waits(), Waits::Over);
        let goodbye = said(&mut conversation).0;
        assert!(goodbye.last().unwrap().1.contains("Monday"), "{goodbye:?}");
    }
}
