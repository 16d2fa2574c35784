//! What a call has shown, beside what was expected of it.

use callplane_agent::Message;
use serde_json::Value;

use super::call::Played;
use super::file::Expectation;

/// A sentence for each thing that is not as expected.
pub(super) fn failures(expected: &Expectation, played: &Played) -> Vec<String> {
    let mut failures = played.faults.clone();
    failures.extend(in_order("node", "reached", &expected.nodes, &played.nodes));
    failures.extend(in_order("tool", "called", &expected.tools, &played.tools));
    for node in &expected.never_nodes {
        if played.nodes.contains(node) {
            failures.push(format!("node {node} was reached"));
        }
    }
    for (name, value) in &expected.captured {
        let was = played.captured.get(name).unwrap_or(&Value::Null);
        if was != value {
            failures.push(format!("captured {name}: expected {value}, was {was}"));
        }
    }
    failures.extend(words(expected, played));
    if let Some(outcome) = &expected.outcome
        && played.outcome.as_ref() != Some(outcome)
    {
        let was = played.outcome.as_deref().unwrap_or("none");
        failures.push(format!("outcome: expected {outcome}, was {was}"));
    }
    if let Some(limit) = expected.reply_within {
        let slow = |message: &&Message| message.latency.is_some_and(|latency| latency > limit);
        failures.extend(played.heard().filter(slow).map(|message| {
            let took = message.latency.unwrap_or_default().as_millis();
            let limit = limit.as_millis();
            format!(
                "the caller waited {took} ms, not {limit}, for {:?}",
                message.text
            )
        }));
    }
    failures
}

/// What of `expected` is missing in `found`, where others may be between.
fn in_order(what: &str, done: &str, expected: &[String], found: &[String]) -> Option<String> {
    let mut rest = found.iter();
    let missing = expected
        .iter()
        .find(|one| !rest.any(|found| found == *one))?;
    let found = match found.is_empty() {
        true => "none was".to_owned(),
        false => found.join(", "),
    };
    Some(match expected[0] == *missing {
        true => format!("{what} {missing} was not {done}: {found}"),
        false => format!("{what} {missing} was not {done} behind those before it: {found}"),
    })
}

fn words(expected: &Expectation, played: &Played) -> Vec<String> {
    let texts: Vec<&str> = played
        .heard()
        .map(|message| message.text.as_str())
        .collect();
    // What goes on after an interruption is a message of its own: a phrase may begin in one and end in the next.
    let whole = texts.join(" ");
    let says = |phrase: &str| {
        let phrase = words_of(phrase);
        let said = |text: &&str| {
            let words = words_of(text);
            let mut parts = words.windows(phrase.len().max(1));
            parts.any(|part| part == phrase)
        };
        texts.iter().copied().chain([whole.as_str()]).find(said)
    };
    let missing = expected
        .says
        .iter()
        .filter(|phrase| says(phrase).is_none())
        .map(|phrase| format!("the caller did not hear {phrase:?}"));
    let forbidden = expected.never_says.iter().filter_map(|phrase| {
        let text = says(phrase)?;
        Some(format!("the caller heard {phrase:?}: {text:?}"))
    });
    missing.chain(forbidden).collect()
}

/// Words alone count: neither case nor punctuation.
fn words_of(text: &str) -> Vec<String> {
    let is_apart = |character: char| !character.is_alphanumeric() && character != '\'';
    let words = text.split(is_apart).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use callplane_agent::Speaker;
    use callplane_types::Instant;
    use serde_json::json;

    use super::*;

    fn played() -> Played {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let message = |text: &str, latency| Message {
            speaker: Speaker::Agent,
            text: text.to_owned(),
            at: Instant::ZERO,
            intended: None,
            latency: Some(Duration::from_millis(latency)),
            confidence: None,
            citations: Arc::default(),
        };
        Played {
            nodes: words(&["talk", "booked"]),
            tools: words(&["note", "go_to"]),
            messages: vec![
                message("Hello! On which day?", 0),
                message("See you on Monday.", 900),
            ],
            captured: json!({ "day": "Monday" }).as_object().unwrap().clone(),
            outcome: Some("booked".to_owned()),
            ..Played::default()
        }
    }

    fn told(expected: Value) -> Vec<String> {
        let expected: Expectation = serde_json::from_value(expected).unwrap();
        failures(&expected, &played())
    }

    #[test]
    fn what_was_shown_as_expected_is_no_failure() {
        let all = json!({
            "nodes": ["talk", "booked"], "neverNodes": ["sorry"],
            "captured": {"day": "Monday", "guests": null}, "tools": ["go_to"],
            "says": ["hello, on which day", "monday"], "neverSays": ["mon", "you see"],
            "outcome": "booked", "replyWithinMs": 900,
        });
        assert_eq!(told(all), Vec::<String>::new());
        assert_eq!(told(json!({})), Vec::<String>::new());
    }

    #[test]
    fn each_thing_that_is_not_as_expected_is_told() {
        for (expected, failure) in [
            (
                json!({"nodes": ["booked", "talk"]}),
                "node talk was not reached behind those before it: talk, booked",
            ),
            (json!({"neverNodes": ["talk"]}), "node talk was reached"),
            (
                json!({"tools": ["refund"]}),
                "tool refund was not called: note, go_to",
            ),
            (
                json!({"captured": {"day": "Tuesday"}}),
                "captured day: expected \"Tuesday\", was \"Monday\"",
            ),
            (
                json!({"captured": {"guests": 2}}),
                "captured guests: expected 2, was null",
            ),
            (
                json!({"captured": {"day": null}}),
                "captured day: expected null, was \"Monday\"",
            ),
            (
                json!({"says": ["on tuesday"]}),
                "the caller did not hear \"on tuesday\"",
            ),
            (
                json!({"neverSays": ["MONDAY"]}),
                "the caller heard \"MONDAY\": \"See you on Monday.\"",
            ),
            (
                json!({"neverSays": ["which day see you"]}),
                "the caller heard \"which day see you\": \"Hello! On which day? See you on Monday.\"",
            ),
            (
                json!({"outcome": "informed"}),
                "outcome: expected informed, was booked",
            ),
            (
                json!({"replyWithinMs": 899}),
                "the caller waited 900 ms, not 899, for \"See you on Monday.\"",
            ),
        ] {
            assert_eq!(told(expected.clone()), [failure], "{expected}");
        }
    }
}
