//! What the compiler refuses, and how it says so.

use callplane_flow::{AgentSettings, Graph, Program, compile};

use crate::driver::{graph, problems, program};

const END: &str = "  end: {hangup: {}}\n";

/// The nodes, with `start: a` before and a hangup node `end` after.
fn refused(nodes: &str) -> Vec<String> {
    let yaml = format!("start: a\nnodes:\n{nodes}{END}");
    problems(&yaml).iter().map(ToString::to_string).collect()
}

#[test]
fn every_mistake_is_named_with_its_node_and_a_fix() {
    for (nodes, sentence) in [
        (
            "  a: {say: {text: hi}}\n  b: {say: {text: hi}, edges: [{to: end}]}\n",
            "node `a`: the conversation has nowhere to go from here; add an edge with neither event nor if",
        ),
        (
            "  a: {say: {text: hi}, edges: [{to: end}]}\n  b: {say: {text: hi}, edges: [{to: end}]}\n",
            "node `b`: no way leads here; lead an edge here or remove the node",
        ),
        (
            "  a: {say: {text: hi}, edges: [{to: nowhere}]}\n",
            "node `a`: it leads to `nowhere`, which does not exist; correct the name or add the node",
        ),
        (
            "  a: {say: {text: hi}, set: {variables: [{variable: x, text: y}]}, edges: [{to: end}]}\n",
            "node `a`: a node does exactly one thing; give it one of say, collect, menu, converse, branch, set, transfer and hangup",
        ),
        (
            "  a: {say: {text: 'hi {{ name }}'}, edges: [{to: end}]}\n",
            "node `a`: nothing gives `name` a value; correct the name, declare it under inputs, or collect or set it before",
        ),
        (
            "  a: {say: {text: 'hi {{ name'}, edges: [{to: end}]}\n",
            "node `a`: text cannot be read: `{{` without `}}`; write {{ name }} for the variable name",
        ),
        (
            "  a: {branch: {}, edges: [{if: '1 +', to: end}, {to: end}]}\n",
            "node `a`: the expression cannot be read at character 4 of line 1: unexpected end; correct the expression",
        ),
        (
            "  a: {branch: {}, edges: [{if: '1 + 1', to: end}, {to: end}]}\n",
            "node `a`: the expression `1 + 1` is a whole number, not true or false; correct the expression, or convert with int(), double() or string()",
        ),
        (
            "  a: {branch: {}, edges: [{if: 'true', to: end}]}\n",
            "node `a`: the conversation has nowhere to go from here; add an edge with neither event nor if",
        ),
        (
            "  a: {say: {text: hi}, edges: [{event: noInput, to: end}, {to: end}]}\n",
            "node `a`: this event never happens at a say node; remove the edge or use a collect or menu node",
        ),
        (
            "  a: {say: {text: hi}, edges: [{to: end}, {to: end}]}\n",
            "node `a`: two edges have neither event nor if; keep one of them, or give the other an event or an if",
        ),
        (
            "  a: {say: {text: hi}, edges: [{to: b}]}\n  b: {branch: {}, edges: [{if: 'direction == \"x\"', to: a}, {to: end}]}\n",
            "node `a`: the conversation goes round without asking anything: a -> b -> a; lead one of them out of the circle or to a question",
        ),
        (
            "  a: {menu: {prompt: x, options: [{phrases: [one], to: end}]}, edges: [{to: b}]}\n  b: {say: {text: again}, edges: [{to: a}]}\n",
            "node `a`: a caller who is silent or not understood goes round for ever: a -> b -> a; ask again with retry.attempts, then lead event: noInput and event: noMatch to a hangup",
        ),
        (
            "  a: {menu: {prompt: x, options: [{phrases: [one], to: end}, {phrases: ['One!'], to: end}]}, edges: [{to: end}]}\n",
            "node `a`: the phrase `one` occurs twice; keep it at one of them",
        ),
        (
            "  a: {menu: {prompt: x, options: [{phrases: [option 1], to: end}]}, edges: [{to: end}]}\n",
            "node `a`: `option 1` is no phrase; use words, without digits, of 100 characters in all",
        ),
        (
            "  a: {menu: {prompt: x, options: [{phrases: [one], digit: '1', to: end}, {digit: '1', to: end}]}, edges: [{to: end}]}\n",
            "node `a`: the key 1 has two meanings; keep one of them",
        ),
        (
            "  a: {menu: {prompt: x, options: [{phrases: [one], to: end}]}}\n",
            "node `a`: a caller who says nothing, or nothing that fits, has nowhere to go; add edges with event: noInput and event: noMatch, or one edge with neither event nor if",
        ),
        (
            "  a: {collect: {variable: X, type: yesNo, prompt: x}, edges: [{to: end}]}\n",
            "node `a`: `X` is no name of a variable; use a lower-case letter, then lower-case letters, digits and underscores, 63 in all, and not `value`",
        ),
        (
            "  a: {collect: {variable: x, type: digits, prompt: x}, edges: [{event: digit, digit: '5', to: end}, {to: end}]}\n",
            "node `a`: the key 5 is part of the answer; use the one of * and # that does not end it",
        ),
        (
            "  a: {menu: {prompt: x, options: [{phrases: [help], to: end}]}, edges: [{to: end}]}\n  b: {global: {phrases: [help]}, hangup: {}}\n",
            "node `a`: its phrase `help` means something else at the global node `b`; use another phrase at one of them",
        ),
        (
            "  a: {say: {text: hi}, edges: [{to: b}]}\n  b: {global: {phrases: [help], return: true}, say: {text: x}}\n",
            "node `b`: it returns to where the conversation was, but node `a` leads here, and then there is no such place; add an edge with neither event nor if, or lead to another node",
        ),
        (
            "  a: {hangup: {}, edges: [{to: end}]}\n",
            "node `a`: nothing follows a hangup; remove its edges",
        ),
        (
            "  a: {transfer: {to: '+15550001111'}, edges: [{to: end}]}\n",
            "node `a`: a caller for whom nobody answers has nowhere to go; add an edge with event: notReached",
        ),
        (
            "  a: {transfer: {to: '+15550001111'}, edges: [{event: notReached, to: end}]}\n",
            "node `a`: the conversation has nowhere to go from here; add an edge with neither event nor if",
        ),
        (
            "  a: {transfer: {to: '+15550001111'}, edges: [{event: notReached, to: end}, {if: 'true', to: end}]}\n",
            "node `a`: the conversation has nowhere to go from here; add an edge with neither event nor if",
        ),
        (
            "  a: {transfer: {to: '112'}, edges: [{event: notReached, to: end}, {to: end}]}\n",
            "node `a`: `112` is no telephone number; write + and 7 to 15 digits, as in +15551230001",
        ),
        (
            "  a: {transfer: {to: '{{ caller_number }}'}, edges: [{event: notReached, to: end}, {to: end}]}\n",
            "node `a`: `{{ caller_number }}` is no telephone number; write + and 7 to 15 digits, as in +15551230001",
        ),
        (
            "  a: {transfer: {to: '+15550001111', ringSeconds: 4}, edges: [{event: notReached, to: end}, {to: end}]}\n",
            "node `a`: ringSeconds is not 5 to 120; use 5 to 120",
        ),
        (
            "  a: {transfer: {to: '+15550001111', whisper: 'About {{ topic }}.'}, edges: [{event: notReached, to: end}, {to: end}]}\n",
            "node `a`: nothing gives `topic` a value; correct the name, declare it under inputs, or collect or set it before",
        ),
        (
            "  a: {transfer: {to: '+15550001111', text: 'Hello {{ who }}.'}, edges: [{event: notReached, to: end}, {to: end}]}\n",
            "node `a`: nothing gives `who` a value; correct the name, declare it under inputs, or collect or set it before",
        ),
        (
            "  a: {transfer: {to: '+15550001111', whisper: ' '}, edges: [{event: notReached, to: end}, {to: end}]}\n",
            "node `a`: whisper is empty or longer than 2000 characters; say something shorter, or in several nodes",
        ),
        (
            "  a: {say: {text: hi}, edges: [{event: notReached, to: end}, {to: end}]}\n",
            "node `a`: this event never happens at a say node; remove the edge or use a transfer node",
        ),
        (
            "  a: {transfer: {to: '+15550001111'}, edges: [{event: digit, digit: '1', to: end}, {event: notReached, to: end}, {to: end}]}\n",
            "node `a`: this event never happens at a transfer node; remove the edge or use a collect or menu node",
        ),
        (
            "  a: {transfer: {to: '+15550001111'}, edges: [{event: notReached, to: end}, {event: notReached, to: end}, {to: end}]}\n",
            "node `a`: two edges have the same event; keep one of them",
        ),
        (
            "  a: {transfer: {to: '+15550001111'}, edges: [{event: notReached, to: nowhere}, {to: end}]}\n",
            "node `a`: it leads to `nowhere`, which does not exist; correct the name or add the node",
        ),
        (
            "  a: {transfer: {to: '+15550001111'}, edges: [{event: notReached, to: b}, {to: end}]}\n  b: {transfer: {to: '+15550002222'}, edges: [{event: notReached, to: a}, {to: end}]}\n",
            "node `a`: the conversation goes round without asking anything: a -> b -> a; lead one of them out of the circle or to a question",
        ),
        (
            "  a: {transfer: {to: '+15550001111'}, edges: [{event: notReached, to: end}, {to: a}]}\n",
            "node `a`: the conversation goes round without asking anything: a -> a; lead one of them out of the circle or to a question",
        ),
        (
            "  a: {menu: {prompt: x, options: [{phrases: [one], to: end}]}, edges: [{to: b}]}\n  b: {transfer: {to: '+15550001111'}, edges: [{event: notReached, to: a}, {to: end}]}\n",
            "node `a`: a caller who is silent or not understood goes round for ever: a -> b -> a; ask again with retry.attempts, then lead event: noInput and event: noMatch to a hangup",
        ),
    ] {
        let found = refused(nodes);
        assert!(
            found.iter().any(|problem| problem == sentence),
            "{nodes}\n{found:#?}"
        );
    }
}

#[test]
fn a_start_that_is_no_node_is_refused() {
    let found = problems("start: b\nnodes: {a: {hangup: {}}}");
    assert_eq!(
        found[0].to_string(),
        "the start `b` is no node; name one of the nodes as start"
    );
    assert_eq!(found.len(), 1);
    assert!(compile(&Graph::default(), &AgentSettings::default()).is_err());
}

#[test]
fn a_variable_must_be_bound_on_every_way() {
    let found = refused(
        r"
  a: {collect: {variable: age, type: number, prompt: Age?}, edges: [{to: b}]}
  b: {say: {text: 'You are {{ age }}.'}, edges: [{to: end}]}
",
    );
    assert_eq!(
        found,
        [
            "node `b`: `age` has no value on every way that leads here; bind it on all of them: lead event: noInput and event: noMatch elsewhere, or set it before"
        ]
    );
    program(
        r#"
start: a
nodes:
  a: {collect: {variable: age, type: number, prompt: Age?}, edges: [{event: noInput, to: c}, {event: noMatch, to: c}, {if: "age > 3", to: b}, {to: b}]}
  b: {say: {text: 'You are {{ age }}.'}, edges: [{to: end}]}
  c: {set: {variables: [{variable: age, expression: "0"}]}, edges: [{to: b}]}
  end: {hangup: {}}
"#,
    );
}

#[test]
fn an_expression_asked_after_a_failed_question_must_not_use_the_answer() {
    let found = refused(
        "  a: {collect: {variable: age, type: number, prompt: Age?}, edges: [{if: 'age > 3', to: end}, {to: end}]}\n",
    );
    assert!(
        found[0].contains("`age` has no value on every way"),
        "{found:?}"
    );
}

#[test]
fn a_global_node_may_use_only_what_is_bound_everywhere() {
    let found = refused(
        r"
  a: {collect: {variable: age, type: number, prompt: Age?}, edges: [{event: noInput, to: end}, {event: noMatch, to: end}, {to: end}]}
  g: {global: {phrases: [help], return: true}, say: {text: 'You said {{ age }}.'}}
",
    );
    assert!(
        found[0].starts_with("node `g`: `age` has no value"),
        "{found:?}"
    );
}

#[test]
fn a_variable_keeps_one_type() {
    let found = refused(
        r"
  a: {set: {variables: [{variable: x, text: one}]}, edges: [{to: b}]}
  b: {set: {variables: [{variable: x, expression: '1'}]}, edges: [{to: end}]}
",
    );
    assert_eq!(
        found,
        [
            "node `b`: `x` is a whole number here and text elsewhere; use another name here, or convert with int(), double() or string()"
        ]
    );
}

#[test]
fn the_first_sentence_knows_only_inputs() {
    let agent = AgentSettings {
        first_sentence: Some("Hi {{ age }}".to_owned()),
        ..AgentSettings::default()
    };
    let found = compile(&graph("start: a\nnodes: {a: {hangup: {}}}"), &agent).unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "the first sentence uses `age`, which no call brings along; declare it under inputs of the flow or leave it out"
    );
}

#[test]
fn a_program_of_another_format_is_refused_with_what_to_do() {
    let mut json = program("start: a\nnodes: {a: {hangup: {}}}").to_json();
    assert_eq!(json["format"], 1);
    json["format"] = 99.into();
    let error = Program::from_json(json).unwrap_err();
    assert!(
        error.to_string().contains("apply the Agent again"),
        "{error}"
    );
    assert!(Program::from_json(serde_json::json!({"format": 1})).is_err());
    assert!(Program::from_json(serde_json::json!([])).is_err());
}

#[test]
fn a_large_graph_compiles_quickly() {
    let mut nodes = String::new();
    for n in 0..198 {
        nodes.push_str(&format!(
            "  n{n}: {{collect: {{variable: v{n}, type: yesNo, prompt: x}}, edges: [{{event: noInput, to: end}}, {{event: noMatch, to: end}}, {{to: n{}}}]}}\n",
            n + 1
        ));
    }
    let yaml = format!(
        "start: n0\nnodes:\n{nodes}  n198: {{global: {{phrases: [help]}}, hangup: {{}}}}\n{END}"
    );
    assert_eq!(program(&yaml).nodes().count(), 200);
}
