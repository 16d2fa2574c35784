//! A question in the words of the protocol.

use callplane_flow::{ModelMessage, Think, Tool, ToolCall};
use serde_json::{Value, json};

use super::ChatModel;

/// The body of the request.
pub(super) fn body(model: &ChatModel, think: &Think) -> Value {
    let system = json!({ "role": "system", "content": think.system });
    let messages: Vec<Value> = std::iter::once(system)
        .chain(think.messages.iter().map(message))
        .collect();
    let mut body = json!({
        "model": model.model,
        "messages": messages,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if !think.tools.is_empty() {
        body["tools"] = think.tools.iter().map(tool).collect();
    }
    if let Some(percent) = model.temperature_percent {
        body["temperature"] = json!(f64::from(percent) / 100.0);
    }
    if let Some(tokens) = model.max_tokens {
        // The name that all servers know; OpenAI's models that reason want another.
        body["max_tokens"] = json!(tokens);
    }
    body
}

fn message(message: &ModelMessage) -> Value {
    match message {
        ModelMessage::User(text) => json!({ "role": "user", "content": text }),
        ModelMessage::Assistant { text, calls } if calls.is_empty() => {
            json!({ "role": "assistant", "content": text })
        }
        ModelMessage::Assistant { text, calls } => {
            let calls: Vec<Value> = calls.iter().map(call).collect();
            let content = (!text.is_empty()).then_some(text);
            json!({ "role": "assistant", "content": content, "tool_calls": calls })
        }
        ModelMessage::Tool { id, content } => {
            json!({ "role": "tool", "tool_call_id": id, "content": content })
        }
    }
}

fn call(call: &ToolCall) -> Value {
    let ToolCall {
        id,
        name,
        arguments,
    } = call;
    let function = json!({ "name": name, "arguments": arguments });
    json!({ "id": id, "type": "function", "function": function })
}

fn tool(tool: &Tool) -> Value {
    let Tool {
        name,
        description,
        parameters,
    } = tool;
    let function = json!({ "name": name, "description": description, "parameters": parameters });
    json!({ "type": "function", "function": function })
}
