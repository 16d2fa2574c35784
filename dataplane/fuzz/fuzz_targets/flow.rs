//! A document in JSON, and after its first octet zero what a caller does. A graph is compiled as
//! it is; what the converters read is converted first. What compiles is called.
//!
//! The caller: each line is an answer. `#12` presses keys, `?` is not understood, an empty line is
//! silence, anything else is said. Of a person who is rung only `#` is an answer: they come and
//! leave; with anything else nobody is reached.

#![no_main]

use std::sync::Arc;
use std::time::Duration;

use callplane_flow::convert::{nodes_and_edges, objective_graph};
use callplane_flow::{
    Action, AgentSettings, Citation, EndReason, Event, Grammar, Graph, HttpMethod, HttpUse, KnowledgeUse, Limits, LookUpId,
    Parameters, Passage, PathTemplate, Program, Run,
    Speech, ThinkId, Thought, ToolCall, ToolRunId, ToolUse, TransferEnd,
    compile,
};
use callplane_types::Instant;
use libfuzzer_sys::fuzz_target;

const TURNS: u32 = 30;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|octet| *octet == 0);
    let (document, caller) = input.split_at(end.unwrap_or(input.len()));
    let Ok(document) = serde_json::from_slice::<serde_json::Value>(document) else {
        return;
    };
    let caller = String::from_utf8_lossy(caller.get(1..).unwrap_or_default());
    if let Ok(graph) = serde_json::from_value(document.clone()) {
        call(&graph, &caller);
    }
    for convert in [nodes_and_edges, objective_graph] {
        if let Ok(conversion) = convert(&document) {
            call(&conversion.graph, &caller);
        }
    }
});

fn call(graph: &Graph, caller: &str) {
    let limits = Limits {
        max_turns: TURNS,
        ..Limits::default()
    };
    let agent = AgentSettings {
        limits,
        tools: vec![tool()],
        knowledge_bases: vec![KnowledgeUse {
            name: "faq".to_owned(),
            base: "acme/faq".to_owned(),
        }],
        ..AgentSettings::default()
    };
    let program = match compile(graph, &agent) {
        Ok(program) => program,
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            return;
        }
    };
    let program = Program::from_json(program.to_json()).expect("what we write can be read");
    let mut run = Run::new(Arc::new(program), []);
    let mut lines = caller.lines();
    let mut now = Instant::ZERO;
    run.handle(now, Event::Started);
    // A turn passes every node at most once, and a global one before.
    for _ in 0..(TURNS as usize + 2) * (graph.nodes.len() + 2) * 2 {
        let Waits {
            said,
            listens,
            rings,
            thinks,
            runs,
            looks,
        } = drain(&mut run);
        if let Some(ending) = run.ending() {
            assert_ne!(ending.reason, EndReason::Fault, "{ending:?}");
            return;
        }
        assert!(
            listens || rings || thinks.is_some() || looks.is_some() || !runs.is_empty() || !said.is_empty(),
            "the run waits for nothing"
        );
        now += Duration::from_secs(1);
        for done in said {
            run.handle(now, done);
        }
        if let Some(id) = looks {
            let passages = lines.next().map(passage).into_iter().collect();
            run.handle(now, Event::Found { id, passages });
        }
        if let Some(id) = thinks {
            for thought in thoughts(lines.next()) {
                run.handle(now, Event::Thought { id, thought });
            }
        }
        for id in runs {
            let result = lines.next().map(str::to_owned).ok_or_else(|| "it failed".to_owned());
            run.handle(now, Event::ToolDone { id, result });
        }
        if listens {
            run.handle(now, answer(lines.next()));
        }
        if rings {
            let came = lines.next().is_some_and(|line| line.starts_with('#'));
            let end = match came {
                true => TransferEnd::Left,
                false => TransferEnd::NotReached,
            };
            run.handle(now, Event::Transferred(end));
        }
    }
    panic!("the run does not end");
}

/// What the run waits for.
#[derive(Default)]
struct Waits {
    /// The ends of sentences.
    said: Vec<Event>,
    /// An answer of the caller.
    listens: bool,
    /// A person who is rung.
    rings: bool,
    /// A model that thinks.
    thinks: Option<ThinkId>,
    /// Tools that run.
    runs: Vec<ToolRunId>,
    /// Something that is looked up.
    looks: Option<LookUpId>,
}

/// A document says this.
fn passage(text: &str) -> Passage {
    Passage {
        citation: Citation {
            base: "acme/faq".to_owned(),
            document: text.to_owned(),
            chunk: 1,
        },
        text: text.to_owned(),
    }
}

fn drain(run: &mut Run) -> Waits {
    let mut waits = Waits::default();
    while let Some(action) = run.poll() {
        match action {
            Action::Say { id, text, .. } => {
                waits.said.push(Event::SayDone { id, heard: text });
            }
            Action::Listen(listen) => {
                waits.listens = true;
                if let Some(Speech::Grammar(grammar)) = &listen.speech {
                    check(grammar);
                }
            }
            Action::StopListening => waits.listens = false,
            Action::Transfer(_) => waits.rings = true,
            Action::LookUp(look_up) => waits.looks = Some(look_up.id),
            Action::Think(think) => waits.thinks = Some(think.id),
            Action::RunTool(tool) => waits.runs.push(tool.id),
            _ => {}
        }
    }
    waits
}

/// No phrase gets out of its place in the text for the recogniser.
fn check(grammar: &Grammar) {
    let text = grammar.to_jsgf();
    let rule = text
        .lines()
        .find_map(|line| line.strip_prefix("public <answer> = "))
        .and_then(|rule| rule.strip_suffix(';'))
        .expect("one public rule");
    let mut phrases: Vec<&str> = grammar.phrases().collect();
    let wanted = phrases.len() + usize::from(grammar.builtin().is_some());
    assert_eq!(rule.split(" | ").count(), wanted.max(1));
    phrases.retain(|phrase| phrase.contains(|c: char| c.is_ascii_punctuation() && c != '\''));
    assert!(phrases.is_empty(), "{phrases:?}");
}

/// The tool that flows may name `look_up`.
fn tool() -> ToolUse {
    ToolUse {
        name: "look_up".to_owned(),
        description: "Looks something up.".to_owned(),
        parameters: Parameters::new(serde_json::json!({ "type": "object" })).expect("it is one"),
        timeout: Duration::from_secs(10),
        filler: Some("One moment.".to_owned()),
        http: HttpUse {
            provider: "acme/api".to_owned(),
            method: HttpMethod::Get,
            path: PathTemplate::parse("look/up").expect("it is one"),
            idempotent: false,
        },
    }
}

/// What a model says: words, or a call with whatever arguments.
fn thoughts(line: Option<&str>) -> Vec<Thought> {
    let Some(line) = line else {
        return vec![Thought::Failed];
    };
    let thought = match line.split_once('(') {
        None => Thought::Text(line.to_owned()),
        Some((name, arguments)) => Thought::Call(ToolCall {
            id: "call".to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }),
    };
    vec![thought, Thought::Done]
}

fn answer(line: Option<&str>) -> Event {
    match line {
        None | Some("") => Event::NoInput,
        Some("?") => Event::NoMatch,
        Some(line) => match line.strip_prefix('#') {
            Some(digits) => Event::Digits {
                digits: digits.to_owned(),
            },
            None => Event::Heard {
                text: line.to_owned(),
            },
        },
    }
}
