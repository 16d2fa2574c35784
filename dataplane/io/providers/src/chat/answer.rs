//! An answer, put together from its chunks. No sockets here: texts in, parts out.

use std::collections::BTreeMap;

use callplane_flow::{Thought, ToolCall};
use serde::Deserialize;

use super::Usage;
use crate::error::ModelError;
use crate::http::reason;

/// Calls in one answer.
const MAX_CALLS: usize = 16;

/// What has come of an answer so far.
#[derive(Debug)]
pub(super) struct Answer {
    calls: BTreeMap<u32, ToolCall>,
    octets: usize,
    limit: usize,
    usage: Option<Usage>,
    is_finished: bool,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Tokens>,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    /// Some servers leave it out where there is one call.
    #[serde(default)]
    index: u32,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<FunctionDelta>,
}

#[derive(Deserialize)]
struct FunctionDelta {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl Answer {
    /// An answer of at most so many octets of text and arguments.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            calls: BTreeMap::new(),
            octets: 0,
            limit,
            usage: None,
            is_finished: false,
        }
    }

    /// A chunk; whether something of the answer was in it.
    pub(super) fn take(
        &mut self,
        data: &str,
        part: &mut impl FnMut(Thought),
    ) -> Result<bool, ModelError> {
        let chunk: Chunk = serde_json::from_str(data)
            .map_err(|_| ModelError::Protocol("an event is no chunk of a completion"))?;
        if chunk.error.is_some() {
            return Err(ModelError::Refused {
                status: 200,
                reason: reason(data.as_bytes()),
            });
        }
        if let Some(tokens) = chunk.usage {
            self.usage = Some(Usage {
                prompt_tokens: tokens.prompt_tokens,
                completion_tokens: tokens.completion_tokens,
                is_estimated: false,
            });
        }
        let Some(choice) = chunk.choices.into_iter().next() else {
            return Ok(false);
        };
        self.is_finished |= choice.finish_reason.is_some();
        let delta = choice.delta.unwrap_or_default();
        let mut came = choice.finish_reason.is_some();
        if let Some(text) = delta.content.filter(|text| !text.is_empty()) {
            self.grow(text.len())?;
            came = true;
            part(Thought::Text(text));
        }
        for call in delta.tool_calls.into_iter().flatten() {
            came = true;
            self.call(call)?;
        }
        Ok(came)
    }

    /// The stream is at its end.
    pub(super) fn finish(
        mut self,
        asked: usize,
        part: &mut impl FnMut(Thought),
    ) -> Result<Usage, ModelError> {
        if !self.is_finished {
            return Err(ModelError::Cut);
        }
        for call in std::mem::take(&mut self.calls).into_values() {
            part(Thought::Call(call));
        }
        part(Thought::Done);
        Ok(self
            .usage
            .unwrap_or_else(|| Usage::estimate(asked, self.octets)))
    }

    fn call(&mut self, delta: CallDelta) -> Result<(), ModelError> {
        let CallDelta {
            index,
            id,
            function,
        } = delta;
        let FunctionDelta { name, arguments } = function.unwrap_or(FunctionDelta {
            name: None,
            arguments: None,
        });
        let size = [&id, &name, &arguments].into_iter().flatten();
        self.grow(size.map(String::len).sum())?;
        if !self.calls.contains_key(&index) && self.calls.len() >= MAX_CALLS {
            return Err(ModelError::TooLong);
        }
        let call = self.calls.entry(index).or_insert_with(|| ToolCall {
            id: String::new(),
            name: String::new(),
            arguments: String::new(),
        });
        // The name comes once, the arguments in pieces.
        if let Some(id) = id.filter(|_| call.id.is_empty()) {
            call.id = id;
        }
        if let Some(name) = name.filter(|_| call.name.is_empty()) {
            call.name = name;
        }
        call.arguments.push_str(&arguments.unwrap_or_default());
        Ok(())
    }

    fn grow(&mut self, octets: usize) -> Result<(), ModelError> {
        self.octets += octets;
        match self.octets <= self.limit {
            true => Ok(()),
            false => Err(ModelError::TooLong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of these chunks.
    fn parts(chunks: &[&str]) -> Result<(Vec<Thought>, Usage), ModelError> {
        let mut answer = Answer::new(1_000);
        let mut parts = Vec::new();
        let mut part = |thought| parts.push(thought);
        for chunk in chunks {
            answer.take(chunk, &mut part)?;
        }
        let usage = answer.finish(400, &mut part)?;
        Ok((parts, usage))
    }

    #[test]
    fn a_call_comes_whole_though_its_arguments_come_in_pieces() {
        let (parts, usage) = parts(&[
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"One moment."}}],"obfuscation":"xx"}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"note","arguments":""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"day\":"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"Monday\"}"}}]}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":31,"completion_tokens":7}}"#,
        ])
        .unwrap();
        let call = ToolCall {
            id: "call_1".to_owned(),
            name: "note".to_owned(),
            arguments: r#"{"day":"Monday"}"#.to_owned(),
        };
        let expected = [
            Thought::Text("One moment.".to_owned()),
            Thought::Call(call),
            Thought::Done,
        ];
        assert_eq!(parts, expected);
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (31, 7));
        assert!(!usage.is_estimated);
    }

    #[test]
    fn an_answer_without_an_end_is_cut_and_one_without_usage_is_estimated() {
        let text = r#"{"choices":[{"delta":{"content":"Good morning"}}]}"#;
        let end = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
        assert_eq!(parts(&[text]).unwrap_err(), ModelError::Cut);
        let (_, usage) = parts(&[text, end]).unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (100, 3));
        assert!(usage.is_estimated);
    }

    #[test]
    fn what_is_no_chunk_or_too_long_is_an_error() {
        for wrong in ["", "null", "{\"choices\":3}", "data"] {
            assert!(
                matches!(parts(&[wrong]), Err(ModelError::Protocol(_))),
                "{wrong}"
            );
        }
        let long = format!(
            r#"{{"choices":[{{"delta":{{"content":"{}"}}}}]}}"#,
            "x".repeat(1_001)
        );
        assert_eq!(parts(&[&long]).unwrap_err(), ModelError::TooLong);
        let calls: Vec<String> = (0..17)
            .map(|index| {
                format!(
                    r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":{index},"id":"c"}}]}}}}]}}"#
                )
            })
            .collect();
        let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
        assert_eq!(parts(&calls).unwrap_err(), ModelError::TooLong);
        let told = r#"{"error":{"message":"no such\nmodel"}}"#;
        let ModelError::Refused { reason, .. } = parts(&[told]).unwrap_err() else {
            panic!("the server says why");
        };
        assert_eq!(reason, "no such model");
    }
}
