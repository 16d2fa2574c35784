//! What a chat looks like.

use std::io::Write as _;
use std::time::Duration;

use callplane_agent::{Ending, Message, Speaker};
use callplane_flow::{ToolCall, ToolRun};
use callplane_providers::Usage;
use serde_json::{Map, Value};

use crate::talk::Happening;

const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// The terminal, or the file that stands for it.
pub(super) struct Screen {
    is_terminal: bool,
    price: Option<(f64, f64)>,
    shown: Map<String, Value>,
}

impl Screen {
    pub(super) fn new(is_terminal: bool, price: Option<(f64, f64)>) -> Self {
        Self {
            is_terminal,
            price,
            shown: Map::new(),
        }
    }

    /// What to do, once.
    pub(super) fn hint(&self) {
        if self.is_terminal {
            self.note("type what the caller says; an empty line is silence; /help shows more");
        }
    }

    pub(super) fn help(&self) {
        for line in [
            "words          the caller says them",
            "(empty)        the caller is silent",
            "/keys 12#      the caller presses keys",
            "/variables     what the conversation knows",
            "/quit          the caller hangs up",
        ] {
            self.note(line);
        }
    }

    pub(super) fn ask_for_transfer(&self) {
        self.note("Enter: they talked, and the other hung up; /notreached: nobody answered");
        self.prompt();
    }

    pub(super) fn ask_for_answer(&self, run: &ToolRun) {
        self.note(&format!(
            "type what {} answers; Enter: it is done; /fail: it fails",
            run.tool
        ));
        if self.is_terminal {
            print!("{BOLD}{}:{PLAIN} ", run.tool);
            drop(std::io::stdout().flush());
        }
    }

    pub(super) fn prompt(&self) {
        if self.is_terminal {
            print!("{BOLD}you:{PLAIN} ");
            // A terminal that is gone ends the program by itself.
            drop(std::io::stdout().flush());
        }
    }

    pub(super) fn show(&self, happening: &Happening) {
        match happening {
            Happening::Entered { node, kind } => self.note(&format!("[{node}] {kind}")),
            Happening::Said(message) => self.said(message),
            Happening::Failed { node, message } => self.note(&format!("[{node}] {message}")),
            Happening::Transfer(to) => self.note(&format!("transfer to {}", to.as_str())),
            Happening::Over(ending) => self.over(&match ending {
                Ending::Flow(ending) => match &ending.outcome {
                    Some(outcome) => format!("the agent hung up: {outcome}"),
                    None => format!("the agent hung up: {}", ending.reason.as_str()),
                },
                Ending::Silence => "the call ended: silence".to_owned(),
                Ending::MaxDuration => "the call ended: the longest call was reached".to_owned(),
            }),
            Happening::Think(_) | Happening::StopThinking(_) | Happening::RunTool(_) => {}
        }
    }

    fn said(&self, message: &Message) {
        let who = match message.speaker {
            Speaker::Agent => "agent",
            // It stands there already.
            Speaker::Caller if self.is_terminal => return,
            Speaker::Caller => "you",
            Speaker::Keys => "keys",
        };
        let (bold, plain) = match self.is_terminal {
            true => (BOLD, PLAIN),
            false => ("", ""),
        };
        println!("{bold}{who}:{plain} {}", message.text);
    }

    /// What the model calls for.
    pub(super) fn call(&self, call: &ToolCall) {
        self.note(&format!("model calls {} {}", call.name, call.arguments));
    }

    /// What an answer took.
    pub(super) fn usage(&self, usage: Usage, took: Duration) {
        let Usage {
            prompt_tokens,
            completion_tokens,
            is_estimated,
        } = usage;
        let about = if is_estimated { "about " } else { "" };
        let cost = self.price.map_or(String::new(), |(question, answer)| {
            let cost = prompt_tokens as f64 * question + completion_tokens as f64 * answer;
            format!(", {:.6}", cost / 1e6)
        });
        self.note(&format!(
            "model: {about}{prompt_tokens} + {completion_tokens} tokens{cost}, {:.2} s",
            took.as_secs_f64()
        ));
    }

    /// Variables that are new or have another value.
    pub(super) fn news(&mut self, captured: &Map<String, Value>) {
        for (name, value) in captured {
            if self.shown.get(name) != Some(value) {
                self.note(&format!("{name} = {value}"));
            }
        }
        self.shown.clone_from(captured);
    }

    pub(super) fn variables(&self, captured: &Map<String, Value>) {
        if captured.is_empty() {
            self.note("none yet");
        }
        for (name, value) in captured {
            self.note(&format!("{name} = {value}"));
        }
    }

    pub(super) fn over(&self, why: &str) {
        self.note(why);
    }

    /// Something that nobody said.
    pub(super) fn note(&self, text: &str) {
        match self.is_terminal {
            true => println!("{DIM}  {text}{PLAIN}"),
            false => println!("  {text}"),
        }
    }
}
