//! What the time of a call was spent with, as slices that do not overlap: ringing, the nodes of the
//! flow, and being held, which cuts the node it falls into. A node that transfers is a time of its
//! own kind: who is rung or talked with is not the agent.

use callplane_call::{EventKind, Facts, Segment};
use callplane_flow::graph::NodeKind;
use callplane_store::records::{self, SegmentKind};
use callplane_types::{AgentId, SegmentId, WallTime};
use serde_json::json;
use uuid::Uuid;

/// A time, end excluded.
type Span = (WallTime, WallTime);

/// The rows of `call_segments`, in the order of their beginnings.
pub(super) fn segments(facts: &Facts, agent: Option<AgentId>) -> Vec<records::Segment> {
    let holds = holds(facts);
    let ringing = facts
        .ringing_at
        .map(|at| (at, facts.answered_at.unwrap_or(facts.ended_at)));
    let mut segments: Vec<records::Segment> = ringing
        .map(|span| row(SegmentKind::Ring, span))
        .into_iter()
        .chain(holds.iter().map(|span| row(SegmentKind::Hold, *span)))
        .chain(facts.segments.iter().flat_map(|segment| {
            let spans = without(&holds, (segment.started_at, segment.ended_at));
            spans
                .into_iter()
                .map(move |span| node(segment, span, agent))
        }))
        .collect();
    // Stable: nodes that take no time stay in their order.
    segments.sort_by_key(|segment| segment.started_at);
    segments
}

/// From each hold to its end, at the latest that of the call.
fn holds(facts: &Facts) -> Vec<Span> {
    let mut holds = Vec::new();
    let mut held_since = None;
    for event in &facts.events {
        match event.kind {
            EventKind::Hold => held_since = Some(event.at),
            EventKind::Resumed => holds.extend(held_since.take().map(|since| (since, event.at))),
            _ => {}
        }
    }
    holds.extend(held_since.map(|since| (since, facts.ended_at)));
    holds
}

/// What is left of a span. One that takes no time is left as it is.
fn without(holds: &[Span], (start, end): Span) -> Vec<Span> {
    let mut left = Vec::new();
    let mut from = start;
    for &(held, resumed) in holds {
        if resumed <= from || held >= end {
            continue;
        }
        if held > from {
            left.push((from, held));
        }
        from = resumed;
    }
    if from < end || start == end {
        left.push((from.min(end), end));
    }
    left
}

fn row(kind: SegmentKind, (started_at, ended_at): Span) -> records::Segment {
    records::Segment {
        id: SegmentId::new(Uuid::now_v7()),
        kind,
        started_at,
        ended_at: Some(ended_at),
        agent_id: None,
        node: None,
        metadata: json!({}),
    }
}

fn node(segment: &Segment, span: Span, agent: Option<AgentId>) -> records::Segment {
    let (kind, agent_id) = match segment.kind {
        NodeKind::Transfer => (SegmentKind::Transfer, None),
        _ => (SegmentKind::Agent, agent),
    };
    records::Segment {
        agent_id,
        node: Some(segment.node.clone()),
        metadata: json!({"node": segment.node, "node_kind": segment.kind.as_str()}),
        ..row(kind, span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> WallTime {
        WallTime::from_unix_micros(second * 1_000_000)
    }

    fn left(holds: &[(i64, i64)], span: (i64, i64)) -> Vec<(i64, i64)> {
        let holds: Vec<Span> = holds.iter().map(|(a, b)| (at(*a), at(*b))).collect();
        let second = |time: WallTime| time.unix_micros() / 1_000_000;
        without(&holds, (at(span.0), at(span.1)))
            .into_iter()
            .map(|(a, b)| (second(a), second(b)))
            .collect()
    }

    #[test]
    fn the_time_of_a_transfer_is_not_the_agents() {
        let agent = Some(AgentId::new(Uuid::now_v7()));
        let row = |kind| {
            let segment = Segment {
                node: "connect".to_owned(),
                kind,
                started_at: at(1),
                ended_at: at(9),
            };
            let row = node(&segment, (at(1), at(9)), agent);
            (row.kind, row.agent_id, row.node)
        };
        let name = Some("connect".to_owned());
        assert_eq!(
            row(NodeKind::Transfer),
            (SegmentKind::Transfer, None, name.clone())
        );
        assert_eq!(row(NodeKind::Say), (SegmentKind::Agent, agent, name));
    }

    #[test]
    fn a_hold_cuts_the_node_it_falls_into() {
        assert_eq!(left(&[], (1, 9)), [(1, 9)]);
        assert_eq!(left(&[(3, 5)], (1, 9)), [(1, 3), (5, 9)]);
        assert_eq!(left(&[(3, 5), (6, 7)], (1, 9)), [(1, 3), (5, 6), (7, 9)]);
        // Held before, or beyond.
        assert_eq!(left(&[(0, 5)], (1, 9)), [(5, 9)]);
        assert_eq!(left(&[(3, 12)], (1, 9)), [(1, 3)]);
        assert_eq!(left(&[(0, 12)], (1, 9)), []);
        assert_eq!(left(&[(0, 1), (9, 12)], (1, 9)), [(1, 9)]);
        // A branch takes no time and is there all the same.
        assert_eq!(left(&[(0, 12)], (4, 4)), [(4, 4)]);
    }
}
