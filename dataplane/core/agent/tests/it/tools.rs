//! The caller who waits for a tool.

use std::time::Duration;

use callplane_agent::{Apology, FILLER, Input, STILL_THERE};
use callplane_flow::{
    AgentSettings, HttpMethod, HttpUse, ModelMessage, Parameters, PathTemplate, Thought, ToolCall,
    ToolUse,
};
use serde_json::json;

use crate::talk::Talk;

/// A caller who has asked for something that a tool looks up, and waits. The tool has so long.
fn asked(timeout: u64) -> Talk {
    let graph = json!({
        "start": "talk",
        "nodes": {
            "talk": {
                "converse": {"instructions": "Talk.", "opening": "Hello.", "tools": ["slots"]},
                "edges": [{"event": "modelFailed", "to": "broken"}, {"to": "bye"}],
            },
            "broken": {"hangup": {"text": "Sorry.", "outcome": "broken"}},
            "bye": {"hangup": {"outcome": "bye"}},
        },
    });
    let slots = ToolUse {
        name: "slots".to_owned(),
        description: "Looks up free hours.".to_owned(),
        parameters: Parameters::new(json!({"type": "object"})).unwrap(),
        timeout: Duration::from_secs(timeout),
        filler: None,
        http: HttpUse {
            provider: "acme/booking".to_owned(),
            method: HttpMethod::Get,
            path: PathTemplate::parse("slots").unwrap(),
            idempotent: false,
        },
    };
    let settings = AgentSettings {
        tools: vec![slots],
        ..AgentSettings::default()
    };
    let mut talk = Talk::begin(graph, Apology::Tone, settings);
    talk.silence(1_000);
    talk.recognition = Ok(Some("when can I come"));
    talk.speech(1_000);
    talk.silence(620);
    let call = ToolCall {
        id: "call_1".to_owned(),
        name: "slots".to_owned(),
        arguments: String::new(),
    };
    talk.think([Thought::Call(call), Thought::Done]);
    assert_eq!(talk.tools.len(), 1);
    talk
}

fn done(talk: &mut Talk, result: Result<&str, &str>) {
    let id = talk.tools[0].id;
    let result = result.map(str::to_owned).map_err(str::to_owned);
    talk.tell(Input::ToolDone { id, result });
}

fn told(talk: &Talk) -> &str {
    match talk.thinks.last().unwrap().messages.last() {
        Some(ModelMessage::Tool { content, .. }) => content,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_slow_tool_is_covered_again_and_again() {
    let mut talk = asked(60);
    assert!(talk.agent.awaits().is_none(), "it is not the caller's turn");
    talk.silence(900);
    assert!(talk.is_playing(), "1.5 s after the caller's last word");
    talk.silence(20_000);
    let heard = talk.heard_of_agent();
    assert_eq!(heard[1..4], [FILLER, STILL_THERE, STILL_THERE]);
    done(&mut talk, Ok("nine"));
    assert_eq!(told(&talk), "nine");
    talk.think([Thought::Text("At nine.".to_owned()), Thought::Done]);
    talk.silence(2_000);
    assert_eq!(talk.heard_of_agent().last(), Some(&"At nine."));
    assert!(talk.agent.awaits().is_some());
}

#[test]
fn a_tool_that_never_returns_has_failed_a_second_after_its_time() {
    let mut talk = asked(5);
    talk.silence(5_800);
    assert_eq!(talk.thinks.len(), 1);
    talk.silence(400);
    assert_eq!(talk.thinks.len(), 2);
    assert!(told(&talk).starts_with("error: it did not answer in time"));
    // What comes of it later changes nothing.
    done(&mut talk, Ok("nine"));
    assert_eq!(talk.thinks.len(), 2);
    talk.think([
        Thought::Text("I cannot see the calendar.".to_owned()),
        Thought::Done,
    ]);
    talk.silence(3_000);
    assert_eq!(
        talk.heard_of_agent().last(),
        Some(&"I cannot see the calendar.")
    );
    assert!(talk.ending.is_none());
}

#[test]
fn nothing_is_done_that_the_caller_may_be_about_to_forbid() {
    let mut talk = asked(30);
    talk.silence(900);
    assert!(talk.is_playing(), "a filler");
    // They cut in; what came of the tool is not acted on before it is known what they say.
    talk.recognition = Ok(Some("no, wait, not on Monday"));
    talk.speech(600);
    done(&mut talk, Ok("nine"));
    assert_eq!(talk.thinks.len(), 1);
    talk.silence(620);
    assert_eq!(talk.thinks.len(), 2);
    let messages = &talk.thinks[1].messages;
    let [.., tool, user] = &messages[..] else {
        panic!("{messages:?}");
    };
    assert!(matches!(tool, ModelMessage::Tool { content, .. } if content == "nine"));
    assert_eq!(
        *user,
        ModelMessage::User("no, wait, not on Monday".to_owned())
    );

    // So it is with what the model calls for.
    let call = Thought::Call(ToolCall {
        id: "call_2".to_owned(),
        name: "slots".to_owned(),
        arguments: String::new(),
    });
    talk.think([Thought::Text("Let me see. ".to_owned()), call]);
    talk.silence(400);
    assert!(talk.is_playing());
    talk.recognition = Ok(Some("leave it"));
    talk.speech(600);
    talk.think([Thought::Done]);
    talk.silence(620);
    assert_eq!(talk.tools.len(), 1, "nothing is looked up");
    assert_eq!(talk.thinks.len(), 3);
}
