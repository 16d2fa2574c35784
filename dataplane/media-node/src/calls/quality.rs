//! How a call sounded, as its record has it.

use std::iter;
use std::time::Duration;

use callplane_call::{Facts, FarEndQuality, Quality, RefusedPackets};
use callplane_store::records::{MediaStream, Playout, QualitySample};
use callplane_types::WallTime;
use serde_json::{Map, Value, json};

/// One sample of each stream of each leg, of all of its time: what was heard, and what the far end says it heard.
pub(super) fn samples(facts: &Facts) -> Vec<QualitySample> {
    let caller = (facts.ended_at, facts.quality.as_ref(), facts.codec);
    let parties = facts
        .parties
        .iter()
        .map(|party| (party.ended_at, party.quality.as_ref(), party.codec));
    let observers = facts.observers.iter().map(|observer| {
        let at = observer.left_at.unwrap_or(facts.ended_at);
        (at, observer.quality.as_ref(), Some(observer.codec))
    });
    iter::once(caller)
        .chain(parties)
        .chain(observers)
        .zip(1..)
        .filter_map(|((at, quality, codec), leg_no)| Some((leg_no, at, quality?, codec)))
        .flat_map(|(leg_no, at, quality, codec)| of_leg(leg_no, at, quality, codec))
        .collect()
}

fn of_leg(
    leg_no: i16,
    at: WallTime,
    quality: &Quality,
    codec: Option<&str>,
) -> impl Iterator<Item = QualitySample> {
    let received = heard(leg_no, at, quality, codec);
    let sent = quality.far_end.as_ref().map(|far_end| QualitySample {
        stream: MediaStream::Sent,
        ..told(&received, far_end)
    });
    iter::once(received).chain(sent)
}

fn heard(leg_no: i16, at: WallTime, quality: &Quality, codec: Option<&str>) -> QualitySample {
    let received = &quality.received;
    QualitySample {
        sampled_at: at,
        leg_no,
        stream: MediaStream::Received,
        mos_score: quality.heard.mos,
        r_factor: quality.heard.rating,
        jitter_ms: millis(received.jitter),
        packet_loss_percent: received.loss() * 100.0,
        rtt_ms: quality.round_trip.map(millis),
        packets: Some(received.packets),
        packets_lost: Some(received.lost),
        playout: Some(Playout {
            packets_late: received.late,
            packets_duplicate: received.duplicates,
            packets_reordered: received.reordered,
            concealed_percent: received.concealed() * 100.0,
            buffer_ms: millis(received.mean_delay),
            max_buffer_ms: millis(received.max_delay),
        }),
        codec: codec.map(str::to_owned),
    }
}

fn told(received: &QualitySample, far_end: &FarEndQuality) -> QualitySample {
    let FarEndQuality {
        received: told,
        score,
    } = far_end;
    QualitySample {
        mos_score: score.mos,
        r_factor: score.rating,
        jitter_ms: millis(told.jitter),
        packet_loss_percent: told.loss() * 100.0,
        packets: Some(told.expected.saturating_sub(told.lost)),
        packets_lost: Some(told.lost),
        playout: None,
        ..received.clone()
    }
}

/// The counters of a leg; those of what was heard only where something was.
pub(super) fn media(refused: RefusedPackets, quality: Option<&Quality>) -> Value {
    let RefusedPackets { rtp, rtcp } = refused;
    let mut media = json!({"packets_refused": rtp, "rtcp_packets_refused": rtcp});
    if let (Some(quality), Some(media)) = (quality, media.as_object_mut()) {
        media.extend(figures(quality));
    }
    media
}

/// The counters of what was heard.
pub(crate) fn figures(quality: &Quality) -> Map<String, Value> {
    let received = &quality.received;
    [
        ("packets_received", json!(received.packets)),
        ("packets_lost", json!(received.lost)),
        ("packets_repaired", json!(received.repaired)),
        ("packets_late", json!(received.late)),
        ("packets_duplicate", json!(received.duplicates)),
        ("packets_reordered", json!(received.reordered)),
        ("packet_loss_percent", json!(received.loss() * 100.0)),
        ("packets_sent", json!(quality.sent_packets)),
        ("source_changes", json!(received.source_changes)),
        ("jitter_ms", json!(millis(received.jitter))),
        ("max_jitter_ms", json!(millis(received.max_jitter))),
        ("concealed_ms", json!(millis(received.concealed_time()))),
        ("concealed_percent", json!(received.concealed() * 100.0)),
        ("buffer_ms", json!(millis(received.mean_delay))),
        ("max_buffer_ms", json!(millis(received.max_delay))),
        ("round_trip_ms", json!(quality.round_trip.map(millis))),
        ("mos", json!(quality.heard.mos)),
        ("far_end", json!(quality.far_end.as_ref().map(far_end))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect()
}

/// What the far end reported; its own score where it sends extended reports (RFC 3611).
fn far_end(quality: &FarEndQuality) -> Value {
    let FarEndQuality { received, score } = quality;
    json!({
        "packets_expected": received.expected,
        "packets_lost": received.lost,
        "packet_loss_percent": received.loss() * 100.0,
        "jitter_ms": millis(received.jitter),
        "max_jitter_ms": millis(received.max_jitter),
        "mos": score.mos,
        "own_mos": received.own_mos(),
        "buffer_ms": received.voip.map(|voip| voip.buffer_nominal_ms),
    })
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
