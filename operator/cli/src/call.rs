//! `call`: what was said, what it cost, how it sounded.

use serde::Deserialize;
use serde_json::Value;

use crate::arguments::CallCommand;
use crate::connection::Connection;
use crate::node::{Node, segment};
use crate::table::Table;

#[derive(Deserialize)]
struct Listed {
    calls: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    direction: String,
    status: String,
    from: Option<String>,
    to: Option<String>,
    agent: Option<String>,
    initiated_at: String,
    duration_seconds: Option<i64>,
}

pub(crate) async fn run(connection: &Connection, command: &CallCommand) -> anyhow::Result<()> {
    let node = Node::of(connection).await?;
    let (path, json) = match command {
        CallCommand::List { limit, json } => (format!("/v1/calls?limit={limit}"), *json),
        CallCommand::Show { id, json } => (format!("/v1/calls/{}", segment(id)), *json),
    };
    let value: Value = node.get(&path).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&value)?);
    } else if matches!(command, CallCommand::List { .. }) {
        list(serde_json::from_value(value)?);
    } else {
        print!("{}", Report(&value));
    }
    Ok(())
}

fn list(listed: Listed) {
    let heading = [
        "ID",
        "STARTED",
        "DIRECTION",
        "FROM",
        "TO",
        "AGENT",
        "STATUS",
        "SECONDS",
    ];
    let mut table = Table::new(&heading);
    for row in listed.calls {
        let Row {
            id,
            direction,
            status,
            from,
            to,
            agent,
            initiated_at,
            duration_seconds,
        } = row;
        table.row([
            id,
            initiated_at,
            direction,
            from.unwrap_or_default(),
            to.unwrap_or_default(),
            agent.unwrap_or_default(),
            status,
            duration_seconds
                .map(|seconds| seconds.to_string())
                .unwrap_or_default(),
        ]);
    }
    print!("{table}");
}

/// A call for people. Reads the JSON loosely: a field that a node does not send is left out.
struct Report<'a>(&'a Value);

impl std::fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(json) = self;
        let call = &json["call"];
        for (label, key) in [
            ("Call", "id"),
            ("Direction", "direction"),
            ("From", "from"),
            ("To", "to"),
            ("Agent", "agent"),
            ("Campaign", "campaign"),
            ("Status", "status"),
            ("Started", "initiatedAt"),
            ("Answered", "answeredAt"),
            ("Ended", "endedAt"),
            ("Seconds", "durationSeconds"),
            ("Billable", "billableSeconds"),
            ("Ended by", "hangupParty"),
            ("Cause", "hangupCause"),
            ("Recording", "recordingPath"),
        ] {
            if let Some(text) = plain(&call[key]) {
                writeln!(f, "{label:<12}{text}")?;
            }
        }
        self.cost(f)?;
        self.quality(f)?;
        self.conversation(f)?;
        if json["variables"]
            .as_object()
            .is_some_and(|variables| !variables.is_empty())
        {
            writeln!(f, "\nCaptured")?;
            for (name, value) in json["variables"].as_object().into_iter().flatten() {
                writeln!(f, "  {name} = {value}")?;
            }
        }
        Ok(())
    }
}

impl Report<'_> {
    fn cost(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cost = &self.0["cost"];
        let Some(total) = cost["totalMicros"].as_i64() else {
            return Ok(());
        };
        let currency = cost["currency"].as_str().unwrap_or("");
        write!(
            f,
            "{:<12}{} {currency}",
            "Cost",
            callplane_types::Micros(total)
        )?;
        let components = cost["components"].as_array().map_or(&[][..], Vec::as_slice);
        for part in components {
            let micros = callplane_types::Micros(part["micros"].as_i64().unwrap_or(0));
            write!(
                f,
                "  {} {micros}",
                part["component"].as_str().unwrap_or("other")
            )?;
        }
        writeln!(f)
    }

    fn quality(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let quality = &self.0["quality"];
        if !quality.is_object() {
            return Ok(());
        }
        let show = |key: &str| plain(&quality[key]).unwrap_or_else(|| "-".to_owned());
        let rounded = |key: &str, digits: usize| {
            let number = quality[key].as_f64();
            number.map_or_else(|| "-".to_owned(), |number| format!("{number:.digits$}"))
        };
        writeln!(
            f,
            "{:<12}{} packets, {} lost, jitter {} ms, MOS {}",
            "Quality",
            show("packetsReceived"),
            show("packetsLost"),
            rounded("jitterMs", 1),
            rounded("mos", 2)
        )
    }

    /// The words of the agent are those that the caller heard; what was cut off stands in brackets.
    fn conversation(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let messages = self.0["messages"].as_array().map_or(&[][..], Vec::as_slice);
        if !messages.is_empty() {
            writeln!(f, "\nConversation")?;
        }
        for message in messages {
            let role = message["role"].as_str().unwrap_or("?");
            let text = message["text"].as_str().unwrap_or("");
            let heard = message["heardText"].as_str().unwrap_or(text);
            let who = if role == "assistant" {
                "agent"
            } else {
                "caller"
            };
            match text.strip_prefix(heard).map(str::trim) {
                Some(unheard) if !unheard.is_empty() => {
                    writeln!(f, "  {who:<7} {} [not heard: {unheard}]", heard.trim())?;
                }
                _ => writeln!(f, "  {who:<7} {}", heard.trim())?,
            }
        }
        Ok(())
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_off_is_told_from_what_was_heard() {
        let json = serde_json::json!({
            "call": {"id": "x", "status": "completed", "hangupCause": null},
            "cost": {"totalMicros": 12_000, "currency": "USD",
                     "components": [{"component": "telephony", "micros": 12_000}]},
            "messages": [
                {"role": "assistant", "text": "Good day. How can I help?", "heardText": "Good day."},
                {"role": "user", "text": "opening hours"},
            ],
            "variables": {"choice": "hours"},
            "quality": {"packetsReceived": 500, "packetsLost": 0, "jitterMs": 0.25, "mos": 4.394_37},
        });
        assert_eq!(
            Report(&json).to_string(),
            "Call        x\nStatus      completed\nCost        0.012000 USD  telephony 0.012000\n\
             Quality     500 packets, 0 lost, jitter 0.2 ms, MOS 4.39\n\n\
             Conversation\n  agent   Good day. [not heard: How can I help?]\n  caller  opening hours\n\n\
             Captured\n  choice = \"hours\"\n"
        );
    }
}
