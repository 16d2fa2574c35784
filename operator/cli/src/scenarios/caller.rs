//! What the caller of a scenario does next: as it is written, or as the model plays them.

use std::collections::vec_deque::VecDeque;
use std::fmt;

use callplane_agent::{Message, Speaker};
use callplane_flow::{ModelMessage, Think, ThinkId, Thought, Tool};
use callplane_providers::ChatModel;
use serde_json::json;

use super::file::{Reached, Scenario, SimulatedCaller, Step};
use crate::talk::{Interruption, Waits};

/// What it is told besides the instructions of the scenario.
const RULES: &str = "You play a person who calls a company by telephone and talks to its agent. Answer with nothing but \
    the words that the person says next, in one or two short sentences. Call press_keys where the agent asks for keys of \
    the telephone, and hang_up when the person has nothing more to say. The person:";

/// Who calls.
pub(super) enum Caller<'a> {
    Written(VecDeque<&'a Step>),
    Simulated {
        who: &'a SimulatedCaller,
        model: Option<&'a ChatModel>,
        turns: u32,
    },
}

impl<'a> Caller<'a> {
    pub(super) fn new(scenario: &'a Scenario, model: Option<&'a ChatModel>) -> Self {
        match &scenario.simulated_caller {
            Some(who) => Self::Simulated {
                who,
                model,
                turns: 0,
            },
            None => Self::Written(scenario.caller.iter().collect()),
        }
    }

    /// What is to be said into the agent's next words, if that is what comes next.
    pub(super) fn interruption(&mut self) -> Option<Interruption> {
        let Self::Written(steps) = self else {
            return None;
        };
        let Some(Step::Interrupt { say, after }) = steps.front() else {
            return None;
        };
        steps.pop_front();
        Some(Interruption {
            words: say.clone(),
            after: *after,
        })
    }

    /// What the caller does now; nothing: that was all. What is wrong with it, if the model cannot be asked.
    pub(super) async fn next(
        &mut self,
        waits: Waits,
        messages: &[Message],
    ) -> Option<Result<Step, String>> {
        match self {
            Self::Written(steps) => steps.pop_front().cloned().map(Ok),
            Self::Simulated { who, model, turns } => {
                if waits == Waits::Transfer {
                    return Some(Ok(Step::Transfer(Reached::Reached)));
                }
                if *turns == who.max_turns {
                    return Some(Ok(Step::HangUp));
                }
                *turns += 1;
                let Some(model) = model else {
                    return Some(Err("a simulatedCaller needs a model".to_owned()));
                };
                Some(simulate(who, model, messages).await)
            }
        }
    }

    /// What the caller would still do.
    pub(super) fn left_over(&self) -> Option<String> {
        match self {
            Self::Written(steps) => steps.front().map(ToString::to_string),
            Self::Simulated { .. } => None,
        }
    }
}

/// Asks the model what the person does next.
async fn simulate(
    who: &SimulatedCaller,
    model: &ChatModel,
    messages: &[Message],
) -> Result<Step, String> {
    let tool = |name: &str, description: &str, properties: serde_json::Value| Tool {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters: json!({ "type": "object", "properties": properties }),
    };
    let keys = json!({ "keys": { "type": "string", "description": "0 to 9, * and #" } });
    let think = Think {
        id: ThinkId(0),
        system: format!("{RULES} {}", who.instructions),
        messages: messages.iter().map(seen_by_the_caller).collect(),
        tools: vec![
            tool("press_keys", "Press keys of the telephone", keys),
            tool("hang_up", "End the call", json!({})),
        ],
    };
    let (mut words, mut called) = (String::new(), None);
    let part = |thought| match thought {
        Thought::Text(text) => words.push_str(&text),
        Thought::Call(call) => {
            called.get_or_insert(call);
        }
        Thought::Done | Thought::Failed => {}
    };
    let asked = model.ask(&think, part).await;
    asked.map_err(|error| format!("the model of the simulated caller: {error}"))?;
    let words = words.trim();
    match called {
        _ if !words.is_empty() => Ok(Step::Say(words.to_owned())),
        None => Ok(Step::Silent),
        Some(call) if call.name == "press_keys" => {
            let arguments: serde_json::Value =
                serde_json::from_str(&call.arguments).unwrap_or_default();
            let keys = arguments["keys"].as_str().unwrap_or_default().to_owned();
            Ok(Step::Keys(keys))
        }
        Some(_) => Ok(Step::HangUp),
    }
}

fn seen_by_the_caller(message: &Message) -> ModelMessage {
    match message.speaker {
        Speaker::Agent => ModelMessage::User(message.text.clone()),
        Speaker::Caller | Speaker::Keys => ModelMessage::Assistant {
            text: message.text.clone(),
            calls: Vec::new(),
        },
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Say(words) => write!(f, "say {words:?}"),
            Self::Keys(keys) => write!(f, "press {keys}"),
            Self::Silent => f.write_str("be silent"),
            Self::Interrupt { say, .. } => write!(f, "interrupt with {say:?}"),
            Self::Transfer(Reached::Reached) => f.write_str("be transferred"),
            Self::Transfer(Reached::NotReached) => f.write_str("come back from a transfer"),
            Self::HangUp => f.write_str("hang up"),
        }
    }
}
