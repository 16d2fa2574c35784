//! Any graph, any caller: the compiler never panics, and what it passes always comes to an end.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use callplane_flow::graph::{
    Answer, Assignment, Branch, Choice, Collect, Converse, DigitRules, Edge, EdgeEvent, Global,
    Hangup, Input, InputMode, Menu, MenuOption, Node, Noted, NotedKind, NumberRange, Retry, Say,
    Set, Transfer, Waiting,
};
use callplane_flow::{
    Action, AgentSettings, EndReason, Event, Graph, HttpMethod, HttpUse, KnowledgeUse, Limits,
    Parameters, PathTemplate, Run, Thought, ToolCall, ToolUse, TransferEnd, compile,
};
use callplane_types::Instant;
use proptest::prelude::*;
use proptest::sample::select;

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const TURNS: u32 = 40;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![80 => select(&NAMES[..]), 1 => Just("zz")].prop_map(str::to_owned)
}

fn variable() -> impl Strategy<Value = String> {
    prop_oneof![
        40 => select(vec!["x", "y", "n", "ok"]),
        1 => Just("Bad"),
        1 => Just("value")
    ]
    .prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    let good = select(vec![
        "{{ x }}",
        "{{ x }} of {{ y | digits }}",
        "{{ direction }}",
    ]);
    let other = select(vec!["{{ n }}", "{{", "", "{{ value }}"]);
    prop_oneof![20 => good, 1 => other].prop_map(str::to_owned)
}

fn plain() -> impl Strategy<Value = String> {
    prop_oneof![12 => Just("Hello.".to_owned()), 1 => text()]
}

fn expression() -> impl Strategy<Value = String> {
    let good = select(vec![
        "true",
        "false",
        "direction == 'inbound'",
        "x == y",
        "size(direction) / size(x) == 1",
        "int(x) > 2",
    ]);
    let other = select(vec!["n > 3", "ok", "1 +", "n + 1", "!ok", "x + 'a'"]);
    prop_oneof![8 => good, 1 => other].prop_map(str::to_owned)
}

fn phrase() -> impl Strategy<Value = String> {
    let good = select(vec![
        "yes",
        "red",
        "green",
        "blue one",
        "help",
        "main menu",
        "left",
    ]);
    prop_oneof![60 => good, 1 => Just("7"), 1 => Just("?")].prop_map(str::to_owned)
}

fn digit() -> impl Strategy<Value = Option<String>> {
    prop::option::of(select(vec!["1", "2", "0", "*", "#"]).prop_map(str::to_owned))
}

fn edge() -> impl Strategy<Value = Edge> {
    let event = prop::option::weighted(
        0.5,
        select(vec![
            EdgeEvent::NoInput,
            EdgeEvent::NoMatch,
            EdgeEvent::Digit,
            EdgeEvent::NotReached,
            EdgeEvent::ModelFailed,
        ]),
    );
    let prompt = prop::option::weighted(0.3, Just("It rains.".to_owned()));
    let condition = prop::option::weighted(0.2, expression());
    (name(), event, digit(), prompt, condition, -2..3_i32).prop_map(
        |(to, event, digit, prompt, condition, priority)| {
            // Mostly well formed, or nothing would ever compile.
            let digit = (event == Some(EdgeEvent::Digit)).then(|| digit.unwrap_or("9".to_owned()));
            let prompt = prompt.filter(|_| event.is_none());
            let condition = condition.filter(|_| event.is_none() && prompt.is_none());
            Edge {
                to,
                event,
                digit,
                prompt,
                condition,
                priority,
            }
        },
    )
}

fn retry() -> impl Strategy<Value = Retry> {
    (1..4_u32, prop::option::of(plain())).prop_map(|(attempts, no_input)| Retry {
        attempts,
        no_input,
        no_match: None,
    })
}

fn collect() -> impl Strategy<Value = Collect> {
    let answer = select(vec![
        Answer::Choice,
        Answer::Digits,
        Answer::YesNo,
        Answer::Number,
    ]);
    let input = select(vec![InputMode::Any, InputMode::Speech, InputMode::Digits]);
    let choices = prop::collection::vec(
        (phrase(), digit()).prop_map(|(value, digit)| Choice {
            value,
            phrases: vec![],
            digit,
        }),
        1..4,
    );
    (
        variable(),
        plain(),
        answer,
        input,
        choices,
        prop::option::of(plain()),
        retry(),
    )
        .prop_map(
            |(variable, prompt, answer, input, choices, confirm, retry)| Collect {
                variable,
                prompt,
                answer,
                input,
                choices: if answer == Answer::Choice {
                    choices
                } else {
                    vec![]
                },
                digits: (answer == Answer::Digits).then(DigitRules::default),
                number: (answer == Answer::Number).then_some(NumberRange { min: 0, max: 20 }),
                confirm,
                interruptible: true,
                timeout_seconds: 5,
                retry,
            },
        )
}

fn menu() -> impl Strategy<Value = Menu> {
    let option = (phrase(), digit(), name()).prop_map(|(phrase, digit, to)| MenuOption {
        phrases: vec![phrase],
        digit,
        value: None,
        to,
    });
    let options = prop::collection::vec(option, 1..3);
    (plain(), options, prop::option::of(variable()), retry()).prop_map(
        |(prompt, options, variable, retry)| Menu {
            prompt,
            options,
            variable,
            interruptible: true,
            timeout_seconds: 5,
            retry,
        },
    )
}

fn global() -> impl Strategy<Value = Global> {
    let phrases = prop::collection::vec(phrase(), 0..2);
    let condition = prop::option::weighted(0.4, expression());
    (phrases, digit(), condition, 0..4_u32, any::<bool>()).prop_map(
        |(phrases, digit, condition, cooldown_seconds, returns)| Global {
            phrases,
            digit,
            condition,
            cooldown_seconds,
            returns,
        },
    )
}

fn transfer() -> impl Strategy<Value = Transfer> {
    let to = prop_oneof![30 => Just("+15550001111"), 1 => Just("112")];
    (to, prop::option::of(plain()), prop::option::of(text())).prop_map(|(to, text, whisper)| {
        Transfer {
            to: to.to_owned(),
            text,
            whisper,
            waiting: Waiting::Music,
            ring_seconds: 30,
        }
    })
}

fn converse() -> impl Strategy<Value = Converse> {
    let variables = prop::collection::vec((variable(), any::<bool>()), 0..3);
    (plain(), prop::option::of(plain()), variables, 1..4_u32).prop_map(
        |(instructions, opening, variables, max_turns)| Converse {
            instructions,
            opening,
            variables: variables
                .into_iter()
                .map(|(name, required)| Noted {
                    name,
                    kind: NotedKind::Text,
                    description: "What was said.".to_owned(),
                    required,
                })
                .collect(),
            tools: vec!["look_up".to_owned(); usize::from(max_turns > 1)],
            knowledge_bases: (max_turns > 2).then(Vec::new),
            max_turns,
            interruptible: true,
            timeout_seconds: 5,
            retry: Retry::default(),
        },
    )
}

fn node() -> impl Strategy<Value = Node> {
    let assignment = (
        variable(),
        prop_oneof![
            text().prop_map(|text| (Some(text), None)),
            expression().prop_map(|expression| (None, Some(expression))),
        ],
    )
        .prop_map(|(variable, (text, expression))| Assignment {
            variable,
            text,
            expression,
        });
    let step = prop_oneof![
        3 => plain().prop_map(|text| Node { say: Some(Say { text, interruptible: true }), ..Node::default() }),
        3 => collect().prop_map(|collect| Node { collect: Some(collect), ..Node::default() }),
        3 => menu().prop_map(|menu| Node { menu: Some(menu), ..Node::default() }),
        3 => converse().prop_map(|converse| Node { converse: Some(converse), ..Node::default() }),
        1 => Just(Node { branch: Some(Branch {}), ..Node::default() }),
        2 => prop::collection::vec(assignment, 1..3)
            .prop_map(|variables| Node { set: Some(Set { variables }), ..Node::default() }),
        2 => transfer().prop_map(|transfer| Node { transfer: Some(transfer), ..Node::default() }),
        3 => plain().prop_map(|text| Node {
            hangup: Some(Hangup { text: Some(text), outcome: None }),
            ..Node::default()
        }),
    ];
    let edges = prop::collection::vec(edge(), 0..3);
    (
        step,
        edges,
        prop::option::weighted(0.95, name()),
        prop::option::weighted(0.15, global()),
    )
        .prop_map(|(mut node, mut edges, otherwise, global)| {
            if node.hangup.is_none() {
                let converses = node.converse.is_some();
                let asks = node.collect.is_some() || node.menu.is_some() || converses;
                let speaks = asks || node.say.is_some();
                let fits = |edge: &Edge| match edge.event {
                    Some(EdgeEvent::NoInput | EdgeEvent::NoMatch) => asks,
                    Some(EdgeEvent::Digit) => speaks,
                    Some(EdgeEvent::NotReached) => node.transfer.is_some(),
                    Some(EdgeEvent::ModelFailed) => converses,
                    None if edge.prompt.is_some() => converses,
                    None => edge.condition.is_some(),
                };
                edges.retain(fits);
                if node.transfer.is_some() && !edges.iter().any(not_reached) {
                    edges.extend(
                        otherwise
                            .clone()
                            .map(|to| Edge::on(EdgeEvent::NotReached, to)),
                    );
                }
                edges.extend(otherwise.map(Edge::to));
                node.edges = edges;
            }
            node.global = global;
            node
        })
}

fn not_reached(edge: &Edge) -> bool {
    edge.event == Some(EdgeEvent::NotReached)
}

fn graphs() -> impl Strategy<Value = Graph> {
    (2..=NAMES.len())
        .prop_flat_map(|count| prop::collection::vec(node(), count))
        .prop_map(|mut nodes| {
            // Targets mostly exist, and mostly lie ahead.
            let count = nodes.len();
            for (index, node) in nodes.iter_mut().enumerate() {
                let edges = node.edges.iter_mut().map(|edge| &mut edge.to);
                let options = node.menu.iter_mut().flat_map(|menu| &mut menu.options);
                for to in edges.chain(options.map(|option| &mut option.to)) {
                    let Some(at) = NAMES.iter().position(|name| name == to) else {
                        continue;
                    };
                    let ahead = at.max(index + usize::from(at > 0)).min(count - 1);
                    *to = NAMES[ahead].to_owned();
                }
            }
            Graph {
                start: "a".to_owned(),
                nodes: NAMES
                    .iter()
                    .map(|name| (*name).to_owned())
                    .zip(nodes)
                    .collect(),
                inputs: ["x", "y"]
                    .map(|name| (name.to_owned(), Input::default()))
                    .into_iter()
                    .collect(),
            }
        })
}

/// The graph with as little changed as makes it compile: a node that is reached by nothing goes,
/// one with any other problem becomes a question to the next or a hangup.
fn repaired(mut graph: Graph) -> Graph {
    for round in 0..12 {
        let Err(problems) = compile(&graph, &AgentSettings::default()) else {
            break;
        };
        for problem in problems {
            let Some(name) = problem.node else { continue };
            if problem.message == "no way leads here" {
                graph.nodes.remove(&name);
                continue;
            }
            let last = graph.nodes.keys().next_back().cloned().unwrap_or_default();
            let node = if round < 6 && name != last {
                Node {
                    collect: Some(Collect {
                        variable: format!("answer_{name}"),
                        prompt: "Yes or no?".to_owned(),
                        answer: Answer::YesNo,
                        timeout_seconds: 5,
                        ..Collect::default()
                    }),
                    edges: vec![Edge::to(last)],
                    ..Node::default()
                }
            } else {
                Node::hangup(None, None)
            };
            graph.nodes.insert(name, node);
        }
    }
    graph
}

#[derive(Debug, Clone)]
enum Did {
    Said(&'static str),
    Pressed(&'static str),
    Mumbled,
    Nothing,
    HungUp,
}

fn callers() -> impl Strategy<Value = Vec<Did>> {
    let act = prop_oneof![
        8 => select(vec!["yes", "no", "red", "green", "blue one", "help", "main menu", "seven", "one two", ""])
            .prop_map(Did::Said),
        6 => select(vec!["1", "2", "0", "*", "#", "12", "", "99999"]).prop_map(Did::Pressed),
        2 => Just(Did::Mumbled),
        3 => Just(Did::Nothing),
        1 => (0..20).prop_map(|n| if n == 0 { Did::HungUp } else { Did::Nothing }),
    ];
    prop::collection::vec(act, 200)
}

/// The tool that flows name.
fn look_up() -> ToolUse {
    ToolUse {
        name: "look_up".to_owned(),
        description: "Looks something up.".to_owned(),
        parameters: Parameters::new(serde_json::json!({"type": "object"})).unwrap(),
        timeout: Duration::from_secs(10),
        filler: Some("One moment.".to_owned()),
        http: HttpUse {
            provider: "acme/api".to_owned(),
            method: HttpMethod::Get,
            path: PathTemplate::parse("look/up").unwrap(),
            idempotent: false,
        },
    }
}

/// What a model makes of what it is told.
fn thoughts(did: Option<&Did>) -> Vec<Thought> {
    let call = |name: &str, arguments: String| {
        Thought::Call(ToolCall {
            id: "call".to_owned(),
            name: name.to_owned(),
            arguments,
        })
    };
    let thought = match did {
        Some(Did::Said(text)) => Thought::Text((*text).to_owned()),
        Some(Did::Pressed(digits)) => {
            let to = NAMES[digits.len() % NAMES.len()];
            call("go_to", format!(r#"{{"to":"{to}"}}"#))
        }
        Some(Did::Mumbled) => call("note", r#"{"x":"red","y":"green","n":7}"#.to_owned()),
        Some(Did::Nothing) => call("look_up", "{}".to_owned()),
        Some(Did::HungUp) | None => return vec![Thought::Failed],
    };
    vec![thought, Thought::Done]
}

/// Plays a call; returns how many events it took.
fn play(run: &mut Run, acts: &[Did]) -> Result<usize, TestCaseError> {
    let mut events = 1;
    let mut now = Instant::ZERO;
    let mut acts = acts.iter();
    let (mut listens, mut rings, mut thinks, mut open) = (false, false, None, VecDeque::new());
    let mut looks = None;
    run.handle(now, Event::Started);
    loop {
        let (mut says, mut hung_up, mut actions) = (Vec::new(), false, 0);
        while let Some(action) = run.poll() {
            actions += 1;
            prop_assert!(actions < 200, "too many actions for one event");
            match action {
                Action::Say { id, .. } => says.push(id),
                Action::Listen(_) => listens = true,
                Action::StopListening => listens = false,
                Action::LookUp(look_up) => looks = Some(look_up.id),
                Action::Think(think) => thinks = Some(think.id),
                Action::StopThinking(_) => thinks = None,
                Action::RunTool(run) => open.push_back(run.id),
                Action::Transfer(_) => {
                    rings = true;
                    listens = false;
                }
                Action::Hangup(_) => hung_up = true,
                _ => {}
            }
        }
        if let Some(ending) = run.ending() {
            prop_assert!(ending.reason != EndReason::Fault, "{ending:?}");
            prop_assert!(hung_up || ending.reason == EndReason::CallEnded);
            return Ok(events);
        }
        prop_assert!(
            !says.is_empty()
                || listens
                || rings
                || thinks.is_some()
                || looks.is_some()
                || !open.is_empty(),
            "the run waits for nothing"
        );
        prop_assert!(
            !rings || says.is_empty() && !listens,
            "a person is rung while the caller is talked to"
        );
        now += Duration::from_secs(1);
        for id in says {
            run.handle(
                now,
                Event::SayDone {
                    id,
                    heard: String::new(),
                },
            );
            events += 1;
        }
        // So does what is looked up, which nothing replaces but what the caller says next.
        let is_patient = matches!(acts.clone().next(), Some(Did::Said(_))) && listens;
        if let Some(id) = looks.take_if(|_| !is_patient) {
            run.handle(
                now,
                Event::Found {
                    id,
                    passages: Vec::new(),
                },
            );
            events += 1;
            continue;
        }
        // A tool takes as long as it takes: the caller may do something first.
        let is_idle = !listens && !rings && thinks.is_none();
        let next = acts.clone().next();
        let is_soon = is_idle || matches!(next, Some(Did::Said(_)) | None);
        if let Some(id) = open.pop_front_if(|_| is_soon) {
            let result = match acts.next() {
                Some(Did::Said(text)) => Ok((*text).to_owned()),
                _ => Err("it failed".to_owned()),
            };
            run.handle(now, Event::ToolDone { id, result });
            events += 1;
            continue;
        }
        if let Some(id) = thinks.take() {
            for thought in thoughts(acts.next()) {
                run.handle(now, Event::Thought { id, thought });
                events += 1;
            }
        } else if std::mem::take(&mut listens) {
            let event = match acts.next() {
                Some(Did::Said(text)) => Event::Heard {
                    text: (*text).to_owned(),
                },
                Some(Did::Pressed(digits)) => Event::Digits {
                    digits: (*digits).to_owned(),
                },
                Some(Did::Mumbled) => Event::NoMatch,
                Some(Did::Nothing) | None => Event::NoInput,
                Some(Did::HungUp) => Event::Hangup,
            };
            run.handle(now, event);
            events += 1;
        }
        if std::mem::take(&mut rings) {
            let event = match acts.next() {
                Some(Did::Said(_) | Did::Pressed(_)) => Event::Transferred(TransferEnd::Left),
                Some(Did::HungUp) => Event::Hangup,
                _ => Event::Transferred(TransferEnd::NotReached),
            };
            run.handle(now, event);
            events += 1;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_compiled_flow_ends_with_any_caller(graph in graphs(), acts in callers()) {
        let agent = AgentSettings {
            limits: Limits { max_turns: TURNS, ..Limits::default() },
            tools: vec![look_up()],
            knowledge_bases: vec![KnowledgeUse {
                name: "faq".to_owned(),
                base: "acme/faq".to_owned(),
            }],
            ..AgentSettings::default()
        };
        if let Ok(program) = compile(&repaired(graph), &agent) {
            let program = Arc::new(program);
            let events = play(&mut Run::new(Arc::clone(&program), []), &acts)?;
            // Between two turns every node speaks at most once, and a global one before; a model is asked nine times, six
            // of them after a tool, and each answer has two parts, a sentence and a tool.
            let most = (TURNS as usize + 2) * (NAMES.len() + 2) * 2 * 9 * 4;
            prop_assert!(events <= most, "{events} events");
            // The same events give the same call.
            let again = play(&mut Run::new(program, []), &acts)?;
            prop_assert_eq!(events, again);
        }
    }

    /// A caller who never says anything is out after every question was asked as often as it may.
    #[test]
    fn a_silent_caller_is_let_go(graph in graphs()) {
        if let Ok(program) = compile(&repaired(graph), &AgentSettings::default()) {
            let mut run = Run::new(Arc::new(program), []);
            play(&mut run, &[])?;
            let reason = run.ending().unwrap().reason;
            prop_assert_eq!(reason, EndReason::Completed);
        }
    }
}

/// The generator is worth something only when a good part of its graphs compiles.
#[test]
fn enough_arbitrary_graphs_compile() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut compiled = 0;
    for _ in 0..500 {
        let graph = repaired(graphs().new_tree(&mut runner).unwrap().current());
        if let Ok(program) = compile(&graph, &AgentSettings::default()) {
            compiled += 1;
            for (_, kind) in program.nodes() {
                *kinds.entry(kind.as_str()).or_default() += 1;
            }
        }
    }
    assert!(compiled > 300, "{compiled} {kinds:?}");
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    assert!(kinds.values().all(|count| *count > 20), "{kinds:?}");
}
