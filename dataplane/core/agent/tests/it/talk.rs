//! A caller, a synthesiser, a recogniser and a playout clock, all in virtual time.

use std::sync::Arc;
use std::time::Duration;

use callplane_agent::{
    Agent, Apology, Capture, Ending, Input, Message, Output, Recognition, Sound, Speaker,
    SpeechDown, Transfer, TurnPolicy, UtteranceId,
};
use callplane_flow::{
    AgentSettings, Graph, LookUp, Run, Think, ThinkId, Thought, ToolRun, compile,
};
use callplane_types::Instant;
use serde_json::json;

const FRAME: Duration = Duration::from_millis(20);
const SAMPLES: u64 = 160;
/// Playout samples of one letter: 60 ms.
const LETTER: u64 = 480;
/// Length of the apology: a second.
const SORRY: u64 = 8_000;

pub(crate) struct Talk {
    pub(crate) agent: Agent,
    pub(crate) now: Instant,
    /// What the recogniser will say about the next turn.
    pub(crate) recognition: Result<Option<&'static str>, SpeechDown>,
    pub(crate) synthesis_up: bool,
    pub(crate) messages: Vec<Message>,
    pub(crate) entered: Vec<String>,
    pub(crate) ending: Option<Ending>,
    pub(crate) barge_ins: usize,
    pub(crate) apologies: usize,
    pub(crate) transfers: Vec<Transfer>,
    /// Everything that was to be spoken, to whomever.
    pub(crate) synthesized: Vec<(UtteranceId, String)>,
    pub(crate) speech_down: usize,
    pub(crate) capturing: bool,
    /// What the model was asked.
    pub(crate) thinks: Vec<Think>,
    pub(crate) stopped: Vec<ThinkId>,
    pub(crate) look_ups: Vec<LookUp>,
    pub(crate) tools: Vec<ToolRun>,
    playing: Option<(UtteranceId, u64, u64)>,
    ready: Vec<(UtteranceId, u64)>,
}

impl Talk {
    pub(crate) fn start(graph: serde_json::Value) -> Self {
        Self::start_with(graph, Apology::Spoken { samples: SORRY })
    }

    pub(crate) fn start_with(graph: serde_json::Value, apology: Apology) -> Self {
        Self::begin(graph, apology, AgentSettings::default())
    }

    pub(crate) fn begin(
        graph: serde_json::Value,
        apology: Apology,
        mut settings: AgentSettings,
    ) -> Self {
        let graph: Graph = serde_json::from_value(graph).unwrap();
        settings.limits.silence = Duration::from_secs(20);
        let program = compile(&graph, &settings).unwrap();
        let policy = TurnPolicy::from(&program.agent);
        let mut talk = Self {
            agent: Agent::new(Run::new(Arc::new(program), []), policy, apology),
            now: Instant::ZERO,
            recognition: Ok(None),
            synthesis_up: true,
            messages: Vec::new(),
            entered: Vec::new(),
            ending: None,
            barge_ins: 0,
            apologies: 0,
            transfers: Vec::new(),
            synthesized: Vec::new(),
            speech_down: 0,
            capturing: false,
            thinks: Vec::new(),
            look_ups: Vec::new(),
            stopped: Vec::new(),
            tools: Vec::new(),
            playing: None,
            ready: Vec::new(),
        };
        talk.tell(Input::Started);
        talk
    }

    /// Lets `ms` pass with the caller speaking or not.
    pub(crate) fn pass(&mut self, ms: u64, voice: bool) {
        for _ in 0..ms / 20 {
            self.now += FRAME;
            if let Some((utterance, total, played)) = self.playing.as_mut() {
                *played = (*played + SAMPLES).min(*total);
                let (utterance, samples, done) = (*utterance, *played, *played == *total);
                if done {
                    self.playing = None;
                }
                self.tell(Input::Played {
                    utterance,
                    samples,
                    done,
                });
            }
            self.tell(Input::Frame { voice });
        }
    }

    pub(crate) fn silence(&mut self, ms: u64) {
        self.pass(ms, false);
    }

    pub(crate) fn speech(&mut self, ms: u64) {
        self.pass(ms, true);
    }

    /// Parts of the answer to the last question to the model.
    pub(crate) fn think(&mut self, thoughts: impl IntoIterator<Item = Thought>) {
        let id = self.thinks.last().expect("the model was asked").id;
        for thought in thoughts {
            self.tell(Input::Thought { id, thought });
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.tell(Input::Digit(key));
            self.silence(200);
        }
    }

    pub(crate) fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    pub(crate) fn heard_of_agent(&self) -> Vec<&str> {
        self.texts(Speaker::Agent)
    }

    pub(crate) fn texts(&self, speaker: Speaker) -> Vec<&str> {
        let of = self.messages.iter().filter(|m| m.speaker == speaker);
        of.map(|m| m.text.as_str()).collect()
    }

    pub(crate) fn captured(&self, variable: &str) -> Option<serde_json::Value> {
        self.agent.run().captured().get(variable).cloned()
    }

    pub(crate) fn tell(&mut self, input: Input) {
        self.agent.handle(self.now, input);
        while let Some(output) = self.agent.poll() {
            self.obey(output);
        }
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Synthesize { utterance, text } => {
                self.synthesized.push((utterance, text.clone()));
                match self.synthesis_up {
                    true => {
                        let samples = text.chars().filter(char::is_ascii).count() as u64 * LETTER;
                        self.ready.push((utterance, samples));
                        self.tell(Input::SpeechReady { utterance, samples });
                    }
                    false => self.tell(Input::SpeechFailed { utterance }),
                }
            }
            Output::Play { utterance, sound } => {
                assert!(self.playing.is_none(), "two voices at once");
                let total = match sound {
                    Sound::Apology => {
                        self.apologies += 1;
                        SORRY
                    }
                    Sound::Speech => {
                        self.ready
                            .iter()
                            .find(|(id, _)| *id == utterance)
                            .unwrap()
                            .1
                    }
                };
                self.playing = Some((utterance, total, 0));
            }
            Output::StopPlayout => self.playing = None,
            Output::Recognize { turn, .. } => {
                self.capturing = false;
                let result = self.recognition.map(|text| {
                    text.map(|text| Recognition {
                        text: text.to_owned(),
                        confidence: Some(0.9),
                    })
                });
                self.tell(Input::Recognized { turn, result });
            }
            Output::Entered { node, .. } => self.entered.push(node),
            Output::Message(message) => self.messages.push(message),
            Output::BargeIn => self.barge_ins += 1,
            Output::Transfer(transfer) => self.transfers.push(transfer),
            Output::Think(think) => self.thinks.push(think),
            Output::StopThinking(id) => self.stopped.push(id),
            Output::LookUp(look_up) => self.look_ups.push(look_up),
            Output::RunTool(run) => self.tools.push(run),
            Output::HangUp(ending) => self.ending = Some(ending),
            Output::Capture(capture) => self.capturing = capture == Capture::Begin,
            Output::SpeechDown => self.speech_down += 1,
            Output::Failed { .. } | Output::Record(_) | Output::Stage(..) => {}
        }
    }
}

/// Greets, asks for a colour by voice or key and for digits, says goodbye.
pub(crate) fn order() -> serde_json::Value {
    json!({
        "start": "greet",
        "nodes": {
            "greet": {
                "say": {"text": "Welcome to the shop of colours."},
                "edges": [{"to": "colour"}],
            },
            "colour": {
                "collect": {
                    "variable": "colour", "prompt": "Which colour would you like to have?",
                    "type": "choice", "timeoutSeconds": 5,
                    "choices": [
                        {"value": "red", "digit": "1"}, {"value": "blue", "digit": "2"},
                    ],
                    "retry": {"attempts": 2, "noInput": "Are you there?", "noMatch": "Please say red or blue."},
                },
                "edges": [{"to": "sorry", "event": "noInput"}, {"to": "sorry", "event": "noMatch"}, {"to": "pin"}],
            },
            "pin": {
                "collect": {
                    "variable": "pin", "prompt": "Enter your number.", "type": "digits",
                    "input": "digits", "digits": {"min": 4, "max": 4},
                },
                "edges": [{"to": "sorry", "event": "noInput"}, {"to": "sorry", "event": "noMatch"}, {"to": "bye"}],
            },
            "sorry": {"hangup": {"text": "Sorry.", "outcome": "gave_up"}},
            "bye": {"hangup": {"text": "Goodbye.", "outcome": "ordered"}},
        },
    })
}
