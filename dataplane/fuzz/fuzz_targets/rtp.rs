//! A stream of datagrams: each is preceded by its length and by the milliseconds since the one before.

#![no_main]

use std::time::Duration;

use callplane_rtp::{FRAME_SAMPLES, Frame, Packet, Receiver, ReceiverConfig, classify};
use callplane_types::Instant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let mut receiver = Receiver::new(ReceiverConfig::new(vec![0, 8], Some(101)));
    let mut now = Instant::ZERO;
    let mut rest = octets;
    while let [length, wait, after @ ..] = rest {
        let (datagram, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        now += Duration::from_millis(u64::from(*wait));
        let _ = classify(datagram);
        if let Ok(packet) = Packet::parse(datagram) {
            let mut again = Vec::new();
            packet.write(&mut again);
            assert_eq!(Packet::parse(&again), Ok(packet));
            receiver.push(now, &packet);
        }
        if let Frame::Audio { payload, .. } = receiver.pop(now) {
            assert_eq!(payload.len(), FRAME_SAMPLES);
        }
        while receiver.poll_digit().is_some() {}
    }
    assert!((0.0..=1.0).contains(&receiver.stats(now).loss()));
});
