//! Documents of other platforms, from their JSON to a call.

use callplane_flow::convert::{Conversion, ConvertError, nodes_and_edges, objective_graph};
use callplane_flow::{AgentSettings, Event, TransferEnd, compile};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::driver::Caller;

fn call(conversion: &Conversion) -> Caller {
    let program = compile(&conversion.graph, &AgentSettings::default());
    let program = program.unwrap_or_else(|problems| {
        let text: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("{}\n{:#?}", text.join("\n"), conversion.graph)
    });
    Caller::start(&std::sync::Arc::new(program))
}

fn notes(conversion: &Conversion) -> Vec<String> {
    conversion.notes.iter().map(ToString::to_string).collect()
}

#[test]
fn objectives_become_questions_in_their_order() {
    let document = json!({
        "schema_version": 2,
        "greeting": "Thanks for calling Acme Plumbing.",
        "objectives": [
            {"id": "confirm_time", "order": 3, "field": "ok", "type": "boolean", "prompt": "A person will come at {{ hour }}. Is that right?"},
            {"id": "service", "order": 1, "prompt": "What do you need?", "field": "service",
             "options": [{"value": "leak", "synonyms": ["a leak", "it is leaking"]}, "Drain 24"]},
            {"id": "details", "order": 2, "required_data": ["customerPhone", {"name": "hour", "type": "number", "max": 23, "prompt": "At which hour?"}]},
            {"id": "story", "order": 2, "field": "story", "prompt": "Tell me all.", "required": false}
        ],
        "captured_data": {"customerPhone": {"type": "phone", "label": "phone number", "min_length": 3, "confirm": true}},
        "closing": "Goodbye."
    });
    let conversion = objective_graph(&document).unwrap();
    assert_eq!(
        notes(&conversion),
        ["`story`: `story` is free text, which has no grammar, so it is left empty"]
    );
    let mut caller = call(&conversion);
    caller
        .say("it is leaking")
        .say("five five five")
        .say("yes")
        .say("fourteen")
        .say("yes");
    assert_eq!(
        caller.log,
        [
            "say greeting",
            "> Thanks for calling Acme Plumbing.",
            "collect service",
            "> What do you need?",
            "< it is leaking",
            "service = leak",
            "collect details",
            "> What is your phone number?",
            "< five five five",
            "> I heard 5 5 5. Is that right?",
            "< yes",
            "customer_phone = 555",
            "collect details-2",
            "> At which hour?",
            "< fourteen",
            "hour = 14",
            "set story",
            "story = ",
            "collect confirm_time",
            "> A person will come at 14. Is that right?",
            "< yes",
            "ok = yes",
            "hangup end",
            "> Goodbye.",
            "hangup completed completed"
        ]
    );
    assert_eq!(caller.run.captured()["customer_phone"], "555");
}

#[test]
fn objectives_follow_next_and_dependencies() {
    let document = json!({
        "objectives": {
            "bye": {"prompt": "Then goodbye.", "depends_on": ["kind", "size"]},
            "kind": {"prompt": "New or old?", "options": ["new", {"value": "old", "next": "bye"}]},
            "size": {"prompt": "How many?", "type": "integer", "required": false, "next": {"0": "kind"}, "depends_on": ["kind"]}
        },
        "start": "kind"
    });
    let conversion = objective_graph(&document).unwrap();
    let mut caller = call(&conversion);
    caller.press("2");
    assert!(caller.log.contains(&"say bye".to_owned()));
    let mut caller = call(&conversion);
    caller.say("new").say("zero");
    assert_eq!(caller.log.last().unwrap(), "> New or old?");
}

#[test]
fn a_path_of_nodes_and_edges_becomes_a_flow() {
    let document = json!({
        "nodes": [
            {"id": "1", "type": "input", "position": {"x": 0, "y": 0}, "data": {"label": "Start"}},
            {"id": "2", "type": "default", "data": {"label": "Hello from Acme."}},
            {"id": "3", "data": {"text": "Are you interested?"}},
            {"id": "4", "type": "question", "data": {"text": "How many seats?", "variable": "seats", "inputType": "number"}},
            {"id": "5", "type": "condition", "data": {"condition": "seats > 10"}},
            {"id": "6", "type": "transferCall", "data": {"text": "A colleague will call you."}},
            {"id": "7", "type": "output", "data": {"label": "End", "text": "Thank you."}},
            {"id": "8", "type": "default", "data": {"label": "Forgotten."}}
        ],
        "edges": [
            {"id": "e1-2", "source": "1", "target": "2"},
            {"id": "e2-3", "source": "2", "target": "3"},
            {"id": "e3-4", "source": "3", "target": "4", "label": "Yes"},
            {"id": "e3-7", "source": "3", "target": "7", "label": "No"},
            {"id": "e4-5", "source": "4", "target": "5"},
            {"id": "e5-6", "source": "5", "target": "6", "sourceHandle": "true"},
            {"id": "e5-7", "source": "5", "target": "7", "sourceHandle": "false"},
            {"id": "e6-7", "source": "6", "target": "7"},
            {"id": "e9", "source": "6", "target": "99"}
        ]
    });
    let conversion = nodes_and_edges(&document).unwrap();
    assert_eq!(
        notes(&conversion),
        [
            "`e9`: it does not join two nodes, so it was left out",
            "`6`: it has no number of + and 7 to 15 digits to ring, so its words are said and it goes on",
            "`8`: nothing leads to it, so it was left out"
        ]
    );
    let mut caller = call(&conversion);
    caller.say("yes").say("twelve");
    assert_eq!(
        caller.log,
        [
            "branch 1",
            "say 2",
            "> Hello from Acme.",
            "menu 3",
            "> Are you interested?",
            "< yes",
            "collect 4",
            "> How many seats?",
            "< twelve",
            "seats = 12",
            "branch 5",
            "say 6",
            "> A colleague will call you.",
            "hangup 7",
            "> Thank you.",
            "hangup completed completed"
        ]
    );
    let mut caller = call(&conversion);
    caller.press("1").press("3");
    assert!(!caller.log.contains(&"say 6".to_owned()));
}

#[test]
fn a_node_that_transfers_rings_its_number() {
    let document = json!({
        "nodes": [
            {"id": "1", "data": {"text": "Sales or service?"}},
            {"id": "sales", "type": "transferCall", "data": {
                "label": "To sales", "message": "I connect you.", "phoneNumber": "+1 (555) 000-1111",
                "whisper": "A caller.", "ringSeconds": 300}},
            {"id": "service", "type": "forward", "data": {"destination": {"number": "tel:+1-555-000-2222"}}},
            {"id": "local", "type": "transfer", "data": {"number": "0555 0003333", "text": "Please call again."}},
            {"id": "mail", "data": {"text": "Please write to us."}},
            {"id": "end", "type": "end", "data": {"text": "Thank you."}}
        ],
        "edges": [
            {"source": "1", "target": "sales", "label": "Sales"},
            {"source": "1", "target": "service", "label": "Service"},
            {"source": "1", "target": "local", "label": "Local"},
            {"source": "sales", "target": "mail", "sourceHandle": "no-answer"},
            {"source": "sales", "target": "end"},
            {"source": "mail", "target": "end"}
        ]
    });
    let conversion = nodes_and_edges(&document).unwrap();
    assert_eq!(
        notes(&conversion),
        [
            "`service`: it does not say where to go when nobody is reached, so the caller is told and the call ends",
            "`local`: it has no number of + and 7 to 15 digits to ring, so its words are said and it goes on",
        ]
    );
    let ended = |said: &str, end| {
        let mut caller = call(&conversion);
        caller.say(said).take_log();
        caller.event(Event::Transferred(end));
        let transfer = caller.transfer.clone().unwrap();
        (transfer, caller.take_log())
    };
    let (sales, log) = ended("sales", TransferEnd::NotReached);
    assert_eq!(sales.to.as_str(), "+15550001111");
    assert_eq!(sales.whisper.as_deref(), Some("A caller."));
    assert_eq!(sales.ring.as_secs(), 120, "the most");
    assert_eq!(log[1], "> Please write to us.");
    assert_eq!(ended("sales", TransferEnd::Left).1[1], "> Thank you.");
    let (service, log) = ended("service", TransferEnd::NotReached);
    assert_eq!(service.to.as_str(), "+15550002222");
    assert_eq!(
        log[2], "hangup completed not_reached",
        "the caller was told"
    );
    assert_eq!(
        ended("service", TransferEnd::Left).1[1],
        "hangup completed completed"
    );
}

#[test]
fn a_document_of_another_shape_is_refused() {
    for document in [
        json!(null),
        json!({}),
        json!([]),
        json!({"nodes": 3}),
        json!("x"),
    ] {
        assert_eq!(
            nodes_and_edges(&document),
            Err(ConvertError::Missing("nodes"))
        );
        assert_eq!(
            objective_graph(&document),
            Err(ConvertError::Missing("objectives"))
        );
    }
    let many = json!({"nodes": vec![json!({}); 2000]});
    assert_eq!(nodes_and_edges(&many), Err(ConvertError::TooLarge(1000)));
}

/// JSON that is nearly a document: the right words in the wrong places.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..30_u32).prop_map(Value::from),
        prop::sample::select(vec![
            "a",
            "b",
            "c",
            "start",
            "end",
            "menu",
            "collect",
            "condition",
            "set",
            "transferCall",
            "+15550001111",
            "busy",
            "number",
            "digits",
            "choice",
            "a == 'x'",
            "{{ a }}",
            "{{",
            "yes",
            "",
            "Ünïcode\u{0}",
            "1",
        ])
        .prop_map(Value::from),
    ];
    let keys = vec![
        "nodes",
        "edges",
        "objectives",
        "id",
        "type",
        "data",
        "text",
        "label",
        "source",
        "target",
        "options",
        "variable",
        "next",
        "field",
        "required_data",
        "order",
        "depends_on",
        "condition",
        "sourceHandle",
        "greeting",
        "start",
        "confirm",
        "max",
        "min_length",
        "retries",
        "number",
        "whisper",
    ];
    leaf.prop_recursive(5, 80, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(prop::sample::select(keys.clone()), inner, 0..7).prop_map(
                |fields| Value::Object(
                    fields
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect()
                )
            ),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_document_panics(
        nodes in prop::collection::vec(documents(), 1..6),
        edges in prop::collection::vec(documents(), 0..6),
    ) {
        let document = json!({"nodes": nodes, "edges": edges, "objectives": nodes});
        let conversions = [nodes_and_edges(&document), objective_graph(&document)];
        for conversion in conversions.into_iter().flatten() {
            let _ = compile(&conversion.graph, &AgentSettings::default());
        }
    }
}
