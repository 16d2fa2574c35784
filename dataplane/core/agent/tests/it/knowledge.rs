//! The caller who waits until something is looked up, and no longer than that.

use callplane_agent::{Apology, Input};
use callplane_flow::{AgentSettings, Citation, KnowledgeUse, Passage, Thought};
use serde_json::json;

use crate::talk::Talk;

/// A caller who has asked something that documents may say.
fn asked() -> Talk {
    let graph = json!({
        "start": "talk",
        "nodes": {
            "talk": {
                "converse": {"instructions": "Talk.", "opening": "Hello."},
                "edges": [{"event": "modelFailed", "to": "bye"}, {"to": "bye"}],
            },
            "bye": {"hangup": {"outcome": "bye"}},
        },
    });
    let settings = AgentSettings {
        knowledge_bases: vec![KnowledgeUse {
            name: "faq".to_owned(),
            base: "acme/faq".to_owned(),
        }],
        ..AgentSettings::default()
    };
    let mut talk = Talk::begin(graph, Apology::Tone, settings);
    talk.silence(1_000);
    talk.recognition = Ok(Some("when are you open"));
    talk.speech(1_000);
    talk.silence(620);
    assert_eq!(talk.look_ups.len(), 1);
    talk
}

fn passage() -> Passage {
    Passage {
        citation: Citation {
            base: "acme/faq".to_owned(),
            document: "Opening hours".to_owned(),
            chunk: 1,
        },
        text: "From nine to five.".to_owned(),
    }
}

fn found(talk: &mut Talk, look_up: usize) {
    let id = talk.look_ups[look_up].id;
    let passages = vec![passage()];
    talk.tell(Input::Found { id, passages });
}

#[test]
fn what_documents_say_is_cited_in_the_transcript_beside_what_was_heard_of_the_answer() {
    let mut talk = asked();
    assert!(talk.thinks.is_empty());
    assert!(talk.agent.awaits().is_none(), "it is not the caller's turn");
    found(&mut talk, 0);
    assert!(talk.thinks[0].system.contains("From nine to five."));
    let answer = "From nine to five. ".to_owned();
    talk.think([Thought::Text(answer), Thought::Done]);
    talk.silence(3_000);
    let of = |text: &str| {
        let message = talk.messages.iter().find(|message| message.text == text);
        message.unwrap().citations.to_vec()
    };
    assert_eq!(of("From nine to five."), [passage().citation]);
    assert!(of("Hello.").is_empty() && of("when are you open").is_empty());
}

#[test]
fn the_model_is_asked_without_what_is_not_found_in_time() {
    let mut talk = asked();
    talk.silence(240);
    assert!(talk.thinks.is_empty());
    talk.silence(60);
    assert_eq!(talk.thinks.len(), 1);
    assert!(!talk.thinks[0].system.contains("nine"));
    // What is found later changes nothing.
    found(&mut talk, 0);
    assert_eq!(talk.thinks.len(), 1);
}

#[test]
fn a_caller_who_goes_on_talking_has_that_looked_up() {
    let mut talk = asked();
    talk.recognition = Ok(Some("on sundays"));
    talk.speech(200);
    // The model is not asked about half of what they say.
    found(&mut talk, 0);
    assert!(talk.thinks.is_empty());
    talk.silence(620);
    assert_eq!(talk.look_ups[1].words, "on sundays");
    assert!(talk.thinks.is_empty());
    found(&mut talk, 1);
    assert_eq!(talk.thinks.len(), 1);
}
