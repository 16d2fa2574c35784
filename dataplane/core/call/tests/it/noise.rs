//! Comfort noise: what a pause sounds like that the phone describes and does not send.

use std::time::Duration;

use callplane_rtp::Packet;
use callplane_sip::{Ending, Event};

use crate::phone::{Line, PHONE, digits};

/// Root of the mean square of the caller in the recording, of the seconds from `start`.
fn loudness(line: &Line, start: usize, seconds: usize) -> f64 {
    let caller = line
        .recording
        .chunks_exact(4)
        .skip(start * 8_000)
        .take(seconds * 8_000);
    let samples: Vec<f64> = caller
        .map(|sample| f64::from(i16::from_le_bytes([sample[0], sample[1]])))
        .collect();
    assert_eq!(samples.len(), seconds * 8_000);
    (samples.iter().map(|sample| sample.powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
}

#[test]
fn a_pause_sounds_as_the_phone_says() {
    for (level, least, most) in [(40, 250.0, 420.0), (70, 5.0, 20.0)] {
        let mut line = Line::inbound(digits(), true);
        line.take_answer();
        line.sip(Event::Acknowledged { sdp: None });
        line.pass(Duration::from_secs(1));
        line.sends_audio = false;
        let before = Packet::parse(&line.last_packet).unwrap();
        let (sequence, timestamp, ssrc) = (before.sequence, before.timestamp, before.ssrc);
        let mut octets = Vec::new();
        Packet {
            payload_type: 13,
            sequence: sequence.wrapping_add(1),
            timestamp: timestamp.wrapping_add(160),
            ssrc,
            payload: &[level],
            ..Packet::default()
        }
        .write(&mut octets);
        line.inject(PHONE, &mut octets);
        line.pass(Duration::from_secs(3));
        line.sip(Event::Ended(Ending::Bye));
        let heard = loudness(&line, 2, 1);
        // 32768 at 0 dBov.
        assert!((least..most).contains(&heard), "{level}: {heard}");
        let received = line.facts.unwrap().quality.unwrap().received;
        assert_eq!((received.lost, received.ignored), (0, 0));
        assert!(received.concealed_frames == 0, "{received:?}");
    }
}
