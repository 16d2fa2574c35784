//! `call`: what was said, what it cost, how it sounded.

use serde::Deserialize;
use serde_json::Value;

use crate::arguments::CallCommand;
use crate::connection::Connection;
use crate::join;
use crate::node::{Node, segment};
use crate::recording;
use crate::table::Table;
use crate::trace;

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
    let (path, json) = match command {
        CallCommand::Recording {
            id,
            output,
            steering,
        } => {
            return match steering.action() {
                Some(action) => recording::steer(connection, id, action).await,
                None => recording::fetch(connection, id, output.as_deref()).await,
            };
        }
        CallCommand::Trace {
            id,
            verbose,
            pcap,
            seconds,
            unmasked,
            json,
        } => {
            return match pcap {
                Some(file) => trace::capture(connection, id, file, *seconds, *unmasked).await,
                None => trace::show(connection, id, *verbose, *json).await,
            };
        }
        CallCommand::Join(arguments) => return join::run(connection, arguments).await,
        CallCommand::List { limit, json } => (format!("/v1/calls?limit={limit}"), *json),
        CallCommand::Show { id, json } => (format!("/v1/calls/{}", segment(id)), *json),
    };
    let node = Node::of(connection).await?;
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

/// Codec and encryption of a leg; nothing of one that never came so far.
fn spoken_with(leg: &Value) -> Option<String> {
    let codec = plain(&leg["codec"])?;
    let suite = match plain(&leg["srtpSuite"]) {
        Some(suite) => format!("SRTP {suite}"),
        // WebRTC knows no other media.
        None if leg["endpoint"] == "webrtc" => "DTLS-SRTP".to_owned(),
        None => "not encrypted".to_owned(),
    };
    Some(format!("{codec}, {suite}"))
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
        self.gaps(f)?;
        self.cost(f)?;
        self.media(f)?;
        self.transfers(f)?;
        self.supervisors(f)?;
        self.quality(f)?;
        self.conversation(f)?;
        if let Some(why) = plain(&json["sealed"]) {
            writeln!(f, "\nWhat was said is sealed and does not open: {why}")?;
        }
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
    /// From when to when the recording has silence because nothing was recorded.
    fn gaps(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gaps = self.0["recording"]["gaps"].as_array();
        for gap in gaps.into_iter().flatten() {
            if let (Some(from), Some(to)) = (gap["from"].as_f64(), gap["to"].as_f64()) {
                let reason = gap["reason"].as_str().unwrap_or("paused");
                writeln!(f, "{:<12}{from:.1} to {to:.1} s: {reason}", "")?;
            }
        }
        Ok(())
    }

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

    /// How the first leg spoke; nothing of calls that never came so far.
    fn media(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match spoken_with(&self.0["legs"][0]) {
            Some(media) => writeln!(f, "{:<12}{media}", "Media"),
            None => Ok(()),
        }
    }

    /// Whom the caller was to be connected with, and what came of it.
    fn transfers(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let legs = self.0["legs"].as_array().into_iter().flatten();
        for leg in legs.filter(|leg| leg["kind"] == "transfer") {
            let to = plain(&leg["to"]).unwrap_or_else(|| "nobody".to_owned());
            let media = match plain(&leg["answeredAt"]) {
                Some(_) => spoken_with(leg),
                None => Some("not answered".to_owned()),
            };
            let cause = plain(&leg["hangupCause"]);
            let rest: Vec<String> = media.into_iter().chain(cause).collect();
            writeln!(f, "{:<12}{to}: {}", "Transfer", rest.join(", "))?;
        }
        Ok(())
    }

    /// Who joined the call, to do what, from when to when.
    fn supervisors(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let legs = self.0["legs"].as_array().into_iter().flatten();
        for leg in legs.filter(|leg| leg["kind"] == "monitor") {
            let mode = leg["mode"].as_str().unwrap_or("listen");
            let (from, to) = (plain(&leg["answeredAt"]), plain(&leg["endedAt"]));
            match from.zip(to) {
                Some((from, to)) => writeln!(f, "{:<12}{mode}, {from} to {to}", "Supervisor")?,
                None => writeln!(f, "{:<12}{mode}, never came", "Supervisor")?,
            }
        }
        Ok(())
    }

    /// One line a leg that was heard.
    fn quality(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let legs = self.0["legs"].as_array().map_or(&[][..], Vec::as_slice);
        for leg in legs.iter().filter(|leg| leg["quality"].is_object()) {
            let quality = quality_line(&leg["quality"]);
            match (legs.len(), leg["kind"].as_str()) {
                (2.., Some(kind)) => writeln!(f, "{:<12}{kind}: {quality}", "Quality")?,
                _ => writeln!(f, "{:<12}{quality}", "Quality")?,
            }
        }
        Ok(())
    }

    /// The words of the agent are those that the caller heard; what was cut off stands in brackets.
    fn conversation(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let messages = self.0["messages"].as_array().into_iter().flatten();
        // Those that are sealed have no text.
        let said: Vec<_> = messages
            .filter_map(|message| Some((message, message["text"].as_str()?)))
            .collect();
        if !said.is_empty() {
            writeln!(f, "\nConversation")?;
        }
        for (message, text) in said {
            let role = message["role"].as_str().unwrap_or("?");
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

/// How a leg sounded. What both ends know stands as here / there.
pub(crate) fn quality_line(quality: &Value) -> String {
    let far_end = &quality["farEnd"];
    let number = |value: &Value, digits: usize| {
        let number = value.as_f64();
        number.map_or_else(|| "-".to_owned(), |number| format!("{number:.digits$}"))
    };
    let mut parts = Vec::new();
    let mos = number(&quality["mos"], 1);
    let loss = number(&quality["packetLossPercent"], 1);
    if far_end.is_object() {
        let there = |key: &str| number(&far_end[key], 1);
        parts.push(format!("MOS {mos} heard / {} at the far end", there("mos")));
        parts.push(format!("loss {loss} % / {} %", there("packetLossPercent")));
    } else {
        parts.push(format!("MOS {mos} heard"));
        parts.push(format!("loss {loss} %"));
    }
    parts.push(format!("jitter {} ms", number(&quality["jitterMs"], 0)));
    if quality["roundTripMs"].is_number() {
        let trip = number(&quality["roundTripMs"], 0);
        parts.push(format!("round trip {trip} ms"));
    }
    parts.push(format!(
        "{} ms concealed",
        number(&quality["concealedMs"], 0)
    ));
    parts.push(format!(
        "buffer {} ms (max {})",
        number(&quality["bufferMs"], 0),
        number(&quality["maxBufferMs"], 0)
    ));
    for (key, word) in [
        ("packetsLate", "late"),
        ("packetsDuplicate", "twice"),
        ("packetsReordered", "out of order"),
    ] {
        if let Some(count) = quality[key].as_u64().filter(|count| *count > 0) {
            parts.push(format!("{count} {word}"));
        }
    }
    let packets = number(&quality["packetsReceived"], 0);
    parts.push(format!("of {packets} packets"));
    parts.join(", ")
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
            "call": {"id": "x", "status": "completed", "hangupCause": null,
                     "recordingPath": "acme/x.wav.sealed"},
            "recording": {"gaps": [{"from": 3.24, "to": 8.0, "reason": "paused"}]},
            "cost": {"totalMicros": 12_000, "currency": "USD",
                     "components": [{"component": "telephony", "micros": 12_000}]},
            "legs": [{"codec": "G722", "srtpSuite": "AEAD_AES_128_GCM", "kind": "caller", "quality": {
                "packetsReceived": 500, "packetsLost": 1, "packetsLate": 3, "packetsDuplicate": 0,
                "packetsReordered": 2, "packetLossPercent": 0.199, "jitterMs": 3.25, "roundTripMs": 41.4,
                "concealedMs": 20.0, "bufferMs": 40.2, "maxBufferMs": 80, "mos": 4.304_37,
                "farEnd": {"mos": 4.1, "packetLossPercent": 0.0, "jitterMs": 1.0},
            }}],
            "messages": [
                {"role": "assistant", "text": "Good day. How can I help?", "heardText": "Good day."},
                {"role": "user", "text": "opening hours"},
            ],
            "variables": {"choice": "hours"},
        });
        assert_eq!(
            Report(&json).to_string(),
            "Call        x\nStatus      completed\nRecording   acme/x.wav.sealed\n            3.2 to 8.0 s: paused\nCost        0.012000 USD  telephony 0.012000\n\
             Media       G722, SRTP AEAD_AES_128_GCM\n\
             Quality     MOS 4.3 heard / 4.1 at the far end, loss 0.2 % / 0.0 %, jitter 3 ms, round trip 41 ms, \
             20 ms concealed, buffer 40 ms (max 80), 3 late, 2 out of order, of 500 packets\n\n\
             Conversation\n  agent   Good day. [not heard: How can I help?]\n  caller  opening hours\n\n\
             Captured\n  choice = \"hours\"\n"
        );
    }

    #[test]
    fn only_media_that_was_plain_is_told_as_not_encrypted() {
        for (leg, told) in [
            (
                serde_json::json!({"codec": "opus", "endpoint": "webrtc"}),
                "opus, DTLS-SRTP",
            ),
            (
                serde_json::json!({"codec": "PCMU", "endpoint": "external"}),
                "PCMU, not encrypted",
            ),
        ] {
            let json = serde_json::json!({"call": {"id": "x"}, "legs": [leg]});
            let report = Report(&json).to_string();
            assert!(
                report.contains(&format!("{:<12}{told}\n", "Media")),
                "{report}"
            );
        }
    }

    #[test]
    fn whom_the_caller_was_connected_with_is_told() {
        let json = serde_json::json!({"call": {"id": "x"}, "legs": [
            {"kind": "caller", "codec": "PCMU"},
            {"kind": "transfer", "to": "sip:+15550000001@192.0.2.7", "hangupCause": "user_busy"},
            {"kind": "transfer", "to": "sip:+15550000002@192.0.2.7", "answeredAt": "2026-01-01",
             "codec": "PCMA", "srtpSuite": "AEAD_AES_128_GCM", "hangupCause": "normal_clearing"},
        ]});
        let report = Report(&json).to_string();
        assert!(
            report.contains(
                "Transfer    sip:+15550000001@192.0.2.7: not answered, user_busy\n\
                 Transfer    sip:+15550000002@192.0.2.7: PCMA, SRTP AEAD_AES_128_GCM, normal_clearing\n"
            ),
            "{report}"
        );
    }

    #[test]
    fn who_joined_the_call_is_told() {
        let json = serde_json::json!({"call": {"id": "x"}, "legs": [
            {"kind": "caller", "codec": "PCMU"},
            {"kind": "monitor", "mode": "talk", "answeredAt": "10:00", "endedAt": "10:05"},
            {"kind": "monitor", "mode": "listen", "answeredAt": null, "endedAt": "10:07"},
        ]});
        let report = Report(&json).to_string();
        assert!(
            report.contains("Supervisor  talk, 10:00 to 10:05\nSupervisor  listen, never came\n"),
            "{report}"
        );
    }

    #[test]
    fn what_nobody_measured_is_not_told() {
        let quality = serde_json::json!({
            "packetsReceived": 90, "packetLossPercent": 0.0, "jitterMs": 0.1, "roundTripMs": null,
            "concealedMs": 0.0, "bufferMs": 40.0, "maxBufferMs": 60.0, "mos": 4.4, "farEnd": null,
        });
        assert_eq!(
            quality_line(&quality),
            "MOS 4.4 heard, loss 0.0 %, jitter 0 ms, 0 ms concealed, buffer 40 ms (max 60), of 90 packets"
        );
        let legs = serde_json::json!([{"kind": "caller", "quality": quality}, {"kind": "human", "quality": null}]);
        let report = Report(&serde_json::json!({"call": {"id": "x"}, "legs": legs})).to_string();
        assert!(report.contains("Quality     caller: MOS 4.4"), "{report}");
        assert_eq!(report.matches("Quality").count(), 1);
    }

    #[test]
    fn words_that_do_not_open_are_told_as_such() {
        let json = serde_json::json!({
            "call": {"id": "x"}, "variables": null, "sealed": "there are no data keys here",
            "messages": [{"role": "user", "text": null, "heardText": null}],
        });
        assert_eq!(
            Report(&json).to_string(),
            "Call        x\n\nWhat was said is sealed and does not open: there are no data keys here\n"
        );
    }
}
