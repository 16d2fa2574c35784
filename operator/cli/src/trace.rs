//! `call trace`: what a call was on the wire.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use serde_json::Value;

use crate::call::quality_line;
use crate::connection::Connection;
use crate::node::{Node, segment};

/// Shows the messages of call `id`, from the media node that has them.
pub(crate) async fn show(
    connection: &Connection,
    id: &str,
    verbose: bool,
    json: bool,
) -> anyhow::Result<()> {
    let path = format!("/v1/calls/{}/trace", segment(id));
    let mut found: Option<Value> = None;
    let mut failed = None;
    for node in Node::all(connection).await? {
        match node.get::<Value>(&path).await {
            Ok(trace) if trace["ladder"].is_array() => {
                found = Some(trace);
                break;
            }
            Ok(trace) => found = found.or(Some(trace)),
            Err(error) => failed = Some(error),
        }
    }
    let Some(trace) = found else {
        return Err(failed.unwrap_or_else(|| anyhow::anyhow!("no media node answers")));
    };
    match json {
        true => println!("{}", serde_json::to_string_pretty(&trace)?),
        false => print!(
            "{}",
            Trace {
                json: &trace,
                verbose
            }
        ),
    }
    Ok(())
}

/// Writes what is on the wire of call `id` to `file` while it goes on.
pub(crate) async fn capture(
    connection: &Connection,
    id: &str,
    file: &Path,
    seconds: u64,
    unmasked: bool,
) -> anyhow::Result<()> {
    let path = format!(
        "/v1/calls/{}/capture?seconds={seconds}&unmasked={unmasked}",
        segment(id)
    );
    for node in Node::all(connection).await? {
        // Another one may carry it.
        let Some(answer) = node.stream(Method::POST, &path).await? else {
            continue;
        };
        let to_output = file == Path::new("-");
        if !to_output {
            eprintln!(
                "capturing for {seconds} seconds or until the call ends; Ctrl-C ends it before"
            );
        }
        let written = match to_output {
            true => copy(answer.into_body(), &mut io::stdout()).await,
            false => {
                let mut out = File::create(file)
                    .with_context(|| format!("failed to make {}", file.display()))?;
                copy(answer.into_body(), &mut out).await
            }
        }?;
        if !to_output {
            println!("{} {written} octets", file.display());
        }
        return Ok(());
    }
    bail!(
        "call {id} does not go on at any ready media node of namespace {}: a capture takes what is on the wire now; \
         see `kubectl callplane call list`",
        connection.namespace
    )
}

/// What comes, as it comes: a capture that was cut off reads up to there.
async fn copy(mut packets: Incoming, to: &mut impl Write) -> anyhow::Result<u64> {
    let mut written = 0;
    while let Some(frame) = packets.frame().await {
        let frame = frame.context("the media node stopped in the middle; what came reads")?;
        if let Some(octets) = frame.data_ref() {
            to.write_all(octets)?;
            to.flush()?;
            written += octets.len() as u64;
        }
    }
    Ok(written)
}

/// A trace for people. Reads the JSON loosely: a field that a node does not send is left out.
struct Trace<'a> {
    json: &'a Value,
    verbose: bool,
}

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { json, verbose } = self;
        for (label, key) in [
            ("Call", "id"),
            ("Status", "status"),
            ("Started", "startedAt"),
            ("Ended", "endedAt"),
            ("Ended by", "hangupParty"),
            ("Cause", "hangupCause"),
            ("SIP status", "sipCode"),
            ("Media node", "mediaNode"),
        ] {
            match &json[key] {
                Value::Null => {}
                Value::String(text) => writeln!(f, "{label:<12}{text}")?,
                other => writeln!(f, "{label:<12}{other}")?,
            }
        }
        for leg in json["legs"].as_array().into_iter().flatten() {
            let kind = leg["kind"].as_str().unwrap_or("leg");
            match leg["codec"].as_str() {
                Some(codec) => writeln!(f, "{:<12}{kind}, {codec}", "Leg")?,
                None => writeln!(f, "{:<12}{kind}", "Leg")?,
            }
            if leg["quality"].is_object() {
                writeln!(f, "{:<12}{}", "RTP", quality_line(&leg["quality"]))?;
            }
        }
        let Some(steps) = json["ladder"].as_array() else {
            return writeln!(
                f,
                "\nThe SIP messages are not kept any more, or there were none: a media node keeps those of its last 256 calls while it runs."
            );
        };
        writeln!(f)?;
        for step in steps {
            let after = step["afterSeconds"].as_f64().unwrap_or_default();
            let arrow = match step["direction"].as_str() {
                Some("sent") => "-->",
                _ => "<--",
            };
            let word = |key: &str| step[key].as_str().unwrap_or_default();
            let times = step["times"].as_u64().unwrap_or(1);
            let again = match times {
                0 | 1 => String::new(),
                times => format!("  ({times} times)"),
            };
            writeln!(
                f,
                "{after:>9.3}  {arrow}  {:<21}  {}  [{}]{again}",
                word("peer"),
                first_line(word("startLine")),
                word("cseq")
            )?;
            if *verbose {
                for line in word("head").lines().skip(1) {
                    writeln!(f, "{:>16}{line}", "")?;
                }
                writeln!(f)?;
            }
        }
        match json["leftOut"].as_u64() {
            None | Some(0) => Ok(()),
            Some(more) => writeln!(f, "and {more} messages more"),
        }
    }
}

/// The protocol's version says nothing.
fn first_line(line: &str) -> &str {
    let line = line.strip_suffix(" SIP/2.0").unwrap_or(line);
    line.strip_prefix("SIP/2.0 ").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn trace(ladder: &Value) -> Value {
        json!({
            "id": "x", "status": "completed", "sipCode": 200, "endedAt": null,
            "legs": [{"kind": "caller", "codec": "PCMU", "quality": null}], "ladder": ladder, "leftOut": 2,
        })
    }

    #[test]
    fn a_ladder_reads_from_top_to_bottom() {
        let step = |after: f64, direction: &str, line: &str, times: u64| {
            json!({
                "afterSeconds": after, "direction": direction, "peer": "192.0.2.9:5060", "startLine": line,
                "times": times, "cseq": "1 INVITE", "head": format!("{line}\r\nCSeq: 1 INVITE"),
            })
        };
        let json = trace(&json!([
            step(0.0, "received", "INVITE sip:xxx@h SIP/2.0", 2),
            step(0.25, "sent", "SIP/2.0 200 OK", 1),
        ]));
        let head =
            "Call        x\nStatus      completed\nSIP status  200\nLeg         caller, PCMU\n\n";
        let lines = [
            "    0.000  <--  192.0.2.9:5060         INVITE sip:xxx@h  [1 INVITE]  (2 times)\n",
            "    0.250  -->  192.0.2.9:5060         200 OK  [1 INVITE]\n",
            "and 2 messages more\n",
        ];
        let shown = Trace {
            json: &json,
            verbose: false,
        }
        .to_string();
        assert_eq!(shown, format!("{head}{}", lines.concat()));
        let shown = Trace {
            json: &json,
            verbose: true,
        }
        .to_string();
        assert!(
            shown.contains("                CSeq: 1 INVITE\n"),
            "{shown}"
        );
    }

    #[test]
    fn of_an_old_call_it_is_said_what_is_missing() {
        let shown = Trace {
            json: &trace(&Value::Null),
            verbose: false,
        }
        .to_string();
        assert!(shown.contains("not kept any more"), "{shown}");
    }
}
