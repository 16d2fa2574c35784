//! One scenario, played: the same conversation core as in a call, in virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use callplane_agent::{Ending, Message, Speaker};
use callplane_flow::{Program, Think, ThinkId, Thought, ToolCall, ToolRun, TransferEnd};
use callplane_providers::ChatModel;
use serde_json::{Map, Value};

use super::caller::Caller;
use super::file::{Answer, Reached, Scenario, Step, ToolAnswer};
use crate::talk::{Asking, Conversation, Happening, Part, Waits};

/// What a call has shown.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub(super) nodes: Vec<String>,
    /// Names of what the model called for.
    pub(super) tools: Vec<String>,
    pub(super) messages: Vec<Message>,
    pub(super) captured: Map<String, Value>,
    pub(super) outcome: Option<String>,
    /// How long the call was for the caller.
    pub(super) duration: Duration,
    /// What kept the scenario from being played as it is written.
    pub(super) faults: Vec<String>,
}

/// Who answers for the model.
enum Model {
    Real(Box<Asking>),
    Scripted {
        answers: VecDeque<Answer>,
        asked: Option<ThinkId>,
        given: usize,
    },
}

struct Call<'a> {
    conversation: Conversation,
    model: Model,
    /// What tools answer, and those that wait for it.
    tools: BTreeMap<String, VecDeque<ToolAnswer>>,
    running: VecDeque<ToolRun>,
    caller: Caller<'a>,
    played: Played,
}

/// Plays it to its end: of the call, or of what the caller does.
pub(super) async fn play(
    program: &Arc<Program>,
    model: Option<&ChatModel>,
    scenario: &Scenario,
) -> Played {
    let mut caller = Caller::new(scenario, model);
    let interruption = caller.interruption();
    let answers = scenario.model.clone();
    let model = match answers {
        Some(answers) => Model::Scripted {
            answers: answers.into(),
            asked: None,
            given: 0,
        },
        None => Model::Real(Box::new(Asking::new(model.cloned()))),
    };
    let variables = scenario.variables.clone();
    let mut call = Call {
        conversation: Conversation::begin(program, variables, interruption),
        model,
        tools: scenario
            .tools
            .iter()
            .map(|(name, answers)| (name.clone(), answers.iter().cloned().collect()))
            .collect(),
        running: VecDeque::new(),
        caller,
        played: Played::default(),
    };
    call.run().await;
    let mut played = call.played;
    played.captured = call.conversation.captured();
    played.duration = call.conversation.duration();
    played
}

impl Call<'_> {
    async fn run(&mut self) {
        loop {
            self.look();
            if !self.played.faults.is_empty() {
                return;
            }
            let waits = self.conversation.waits();
            match waits {
                Waits::Over => return self.caller_left_over(),
                Waits::Model => self.wait().await,
                Waits::Tool => self.run_tool(),
                Waits::Transfer | Waits::Caller { .. } => {
                    if let Some(interruption) = self.conversation.take_interruption() {
                        return self.fault(format!(
                            "the agent had said all before {:?} was to interrupt it after {} ms",
                            interruption.words,
                            interruption.after.as_millis()
                        ));
                    }
                    let Some(step) = self.caller.next(waits, &self.played.messages).await else {
                        return;
                    };
                    match step {
                        Ok(step) => self.act(&step, waits),
                        Err(error) => return self.fault(error),
                    }
                }
            }
        }
    }

    fn caller_left_over(&mut self) {
        if let Some(left) = self.caller.left_over() {
            self.fault(format!("the call was over before the caller could {left}"));
        }
    }

    fn fault(&mut self, fault: String) {
        self.played.faults.push(fault);
    }

    /// Does what the caller does, if the agent is there for it.
    fn act(&mut self, step: &Step, waits: Waits) {
        // What comes next may be said into the agent's answer to this.
        if let Some(interruption) = self.caller.interruption() {
            self.conversation.interrupt(interruption);
        }
        match (step, waits) {
            (Step::HangUp, _) => self.conversation.hang_up(),
            (Step::Say(words), Waits::Caller { speech: true, .. }) => self.conversation.hear(words),
            (Step::Keys(keys), Waits::Caller { keys: true, .. }) => self.conversation.press(keys),
            (Step::Silent, Waits::Caller { .. }) => self.conversation.be_silent(),
            (Step::Transfer(reached), Waits::Transfer) => {
                self.conversation.transferred(match reached {
                    Reached::Reached => TransferEnd::Left,
                    Reached::NotReached => TransferEnd::NotReached,
                });
            }
            (_, Waits::Caller { speech, keys }) => {
                let wants = match (speech, keys) {
                    (true, true) => "words or keys",
                    (true, false) => "words",
                    (false, true) => "keys",
                    (false, false) => "nothing but silence",
                };
                let at = self.node();
                self.fault(format!(
                    "{at}: the agent waits for {wants} where the caller would {step}"
                ));
            }
            _ => {
                let at = self.node();
                self.fault(format!(
                    "{at}: somebody is rung where the caller would {step}: say how it ends with transfer: reached or notReached"
                ));
            }
        }
    }

    fn node(&self) -> String {
        format!(
            "node {}",
            self.played.nodes.last().map_or("", String::as_str)
        )
    }

    /// Takes what the model says, while time passes.
    async fn wait(&mut self) {
        match &mut self.model {
            Model::Scripted {
                answers,
                asked,
                given,
            } => {
                let Some(id) = asked.take() else {
                    return self.conversation.wait(Duration::from_millis(100));
                };
                let Some(answer) = answers.pop_front() else {
                    let sentence = match given {
                        0 => "the model is asked, and the scenario gives it no answer".to_owned(),
                        given => format!(
                            "the model is asked once more, and the scenario gives it {given} answers"
                        ),
                    };
                    return self.fault(sentence);
                };
                *given += 1;
                self.answer(id, answer);
            }
            Model::Real(asking) => match asking.next(&mut self.conversation).await {
                None => {}
                Some(Part::Thought(id, thought)) => {
                    if let Thought::Call(call) = &thought {
                        self.played.tools.push(call.name.clone());
                    }
                    self.conversation.think(id, thought);
                }
                Some(Part::Ended(id, Ok(_), _)) => self.conversation.think(id, Thought::Done),
                Some(Part::Ended(id, Err(error), _)) => {
                    // A model that cannot be asked is no fault of the agent.
                    self.played.faults.push(format!("the model: {error}"));
                    self.conversation.think(id, Thought::Failed);
                }
            },
        }
    }

    /// Gives the tool that was called first its answer.
    fn run_tool(&mut self) {
        let Some(run) = self.running.pop_front() else {
            return self.conversation.wait(Duration::from_millis(100));
        };
        let answers = self.tools.get_mut(&run.tool);
        let Some(answer) = answers.and_then(VecDeque::pop_front) else {
            let tool = &run.tool;
            return self.fault(format!(
                "the tool {tool} is called, and the scenario gives it no answer for that: add one to tools.{tool}"
            ));
        };
        self.conversation.wait(answer.after);
        self.conversation.tool_done(run.id, answer.into_result());
    }

    fn answer(&mut self, id: ThinkId, answer: Answer) {
        let Answer {
            after,
            text,
            calls,
            fails,
        } = answer;
        self.conversation.wait(after);
        if !text.is_empty() {
            self.conversation.think(id, Thought::Text(text));
        }
        for (index, call) in calls.into_iter().enumerate() {
            self.played.tools.push(call.name.clone());
            let call = ToolCall {
                id: format!("call-{index}"),
                name: call.name,
                arguments: Value::Object(call.arguments).to_string(),
            };
            self.conversation.think(id, Thought::Call(call));
        }
        let end = if fails {
            Thought::Failed
        } else {
            Thought::Done
        };
        self.conversation.think(id, end);
    }

    /// Takes note of what happened.
    fn look(&mut self) {
        while let Some(happening) = self.conversation.poll() {
            match happening {
                Happening::Entered { node, .. } => self.played.nodes.push(node),
                Happening::Said(message) => self.played.messages.push(message),
                Happening::Failed { node, message } => {
                    self.fault(format!("node {node}: {message}"));
                }
                Happening::Think(think) => self.think(think),
                Happening::StopThinking(stopped) => match &mut self.model {
                    Model::Real(asking) => asking.stop(stopped),
                    Model::Scripted { asked, .. } => {
                        asked.take_if(|asked| *asked == stopped);
                    }
                },
                Happening::RunTool(run) => self.running.push_back(run),
                Happening::Transfer(_) => {}
                Happening::Over(ending) => {
                    if let Ending::Flow(ending) = ending {
                        self.played.outcome = ending.outcome;
                    }
                }
            }
        }
    }

    fn think(&mut self, think: Think) {
        match &mut self.model {
            Model::Real(asking) => asking.ask(think),
            Model::Scripted { asked, .. } => *asked = Some(think.id),
        }
    }
}

impl Played {
    /// What the agent said, as far as the caller heard it.
    pub(super) fn heard(&self) -> impl Iterator<Item = &Message> {
        let of_agent = |message: &&Message| message.speaker == Speaker::Agent;
        self.messages.iter().filter(of_agent)
    }
}
