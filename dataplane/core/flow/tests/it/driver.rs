//! A caller who follows a script, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use callplane_flow::{
    Action, AgentSettings, Ending, Event, Graph, Listen, LookUp, Problem, Program, Run, SayId,
    Think, Thought, ToolCall, ToolRun, Transfer, compile,
};
use callplane_types::Instant;

pub(crate) fn graph(yaml: &str) -> Graph {
    serde_yaml_ng::from_str(yaml).unwrap()
}

pub(crate) fn problems(yaml: &str) -> Vec<Problem> {
    compile(&graph(yaml), &AgentSettings::default()).expect_err("it should be refused")
}

pub(crate) fn program(yaml: &str) -> Arc<Program> {
    program_for(yaml, &AgentSettings::default())
}

pub(crate) fn program_for(yaml: &str, agent: &AgentSettings) -> Arc<Program> {
    let program = compile(&graph(yaml), agent).unwrap_or_else(|problems| {
        let text: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", text.join("\n"))
    });
    // Every test runs what the database would give back.
    let stored = serde_json::to_string(&program.to_json()).unwrap();
    Arc::new(Program::from_json(serde_json::from_str(&stored).unwrap()).unwrap())
}

/// A model says this.
pub(crate) fn text(text: &str) -> Thought {
    Thought::Text(text.to_owned())
}

/// A model calls for this.
pub(crate) fn call(name: &str, arguments: &str) -> Thought {
    Thought::Call(ToolCall {
        id: format!("call-{name}"),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    })
}

/// Plays a run: sentences end at once, and what happened is kept as short lines.
pub(crate) struct Caller {
    pub(crate) run: Run,
    pub(crate) now: Instant,
    pub(crate) log: Vec<String>,
    pub(crate) listen: Option<Listen>,
    pub(crate) transfer: Option<Transfer>,
    pub(crate) think: Option<Think>,
    pub(crate) look_up: Option<LookUp>,
    pub(crate) cited: Vec<Vec<u32>>,
    pub(crate) tools: Vec<ToolRun>,
    pub(crate) saying: Vec<(SayId, String)>,
}

impl Caller {
    pub(crate) fn start(program: &Arc<Program>) -> Self {
        Self::start_with(program, &[])
    }

    pub(crate) fn start_with(program: &Arc<Program>, given: &[(&str, &str)]) -> Self {
        let given = given
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let mut caller = Self {
            run: Run::new(Arc::clone(program), given),
            now: Instant::ZERO,
            log: Vec::new(),
            listen: None,
            transfer: None,
            think: None,
            look_up: None,
            cited: Vec::new(),
            tools: Vec::new(),
            saying: Vec::new(),
        };
        caller.event(Event::Started);
        caller
    }

    pub(crate) fn event(&mut self, event: Event) -> &mut Self {
        self.run.handle(self.now, event);
        self.drain();
        while !self.saying.is_empty() {
            let (id, heard) = self.saying.remove(0);
            self.run.handle(self.now, Event::SayDone { id, heard });
            self.drain();
        }
        self
    }

    /// Takes what the run wants, without ending any sentence.
    pub(crate) fn drain(&mut self) {
        while let Some(action) = self.run.poll() {
            match action {
                Action::Entered { node, kind } => self.log.push(format!("{kind} {node}")),
                Action::Record(action) => self.log.push(format!("record {action:?}")),
                Action::Say {
                    id,
                    text,
                    citations,
                    ..
                } => {
                    let chunks = citations.iter().map(|citation| citation.chunk);
                    self.cited.push(chunks.collect());
                    self.log.push(format!("> {text}"));
                    self.saying.push((id, text));
                }
                Action::Listen(listen) => self.listen = Some(listen),
                Action::StopListening => self.listen = None,
                Action::Captured { variable, value } => {
                    self.log.push(format!("{variable} = {value}"));
                }
                Action::Failed { node, message } => self.log.push(format!("! {node}: {message}")),
                Action::LookUp(look_up) => {
                    self.log.push(format!("look up {}", look_up.words));
                    self.look_up = Some(look_up);
                }
                Action::Think(think) => {
                    self.log.push("think".to_owned());
                    self.think = Some(think);
                }
                Action::StopThinking(_) => self.log.push("stop thinking".to_owned()),
                Action::RunTool(run) => {
                    self.log.push(format!("run {}", run.tool));
                    self.tools.push(run);
                }
                Action::Transfer(transfer) => {
                    self.log.push(format!("-> {}", transfer.to));
                    self.transfer = Some(transfer);
                }
                Action::Hangup(ending) => {
                    let outcome = ending.outcome.as_deref().unwrap_or("-");
                    self.log
                        .push(format!("hangup {} {outcome}", ending.reason.as_str()));
                }
            }
        }
    }

    pub(crate) fn say(&mut self, text: &str) -> &mut Self {
        self.log.push(format!("< {text}"));
        self.event(Event::Heard {
            text: text.to_owned(),
        })
    }

    /// Parts of the model's answer to what it was asked last.
    pub(crate) fn think(&mut self, thoughts: impl IntoIterator<Item = Thought>) -> &mut Self {
        let id = self.think.as_ref().expect("the model was asked").id;
        for thought in thoughts {
            self.event(Event::Thought { id, thought });
        }
        self
    }

    pub(crate) fn press(&mut self, digits: &str) -> &mut Self {
        self.log.push(format!("# {digits}"));
        self.event(Event::Digits {
            digits: digits.to_owned(),
        })
    }

    pub(crate) fn wait(&mut self, seconds: u64) -> &mut Self {
        self.now += Duration::from_secs(seconds);
        self
    }

    pub(crate) fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    pub(crate) fn ending(&self) -> &Ending {
        self.run.ending().expect("the run is over")
    }
}
