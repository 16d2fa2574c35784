//! A stream of datagrams: each is preceded by its length and by the milliseconds since the one before.

#![no_main]

use std::time::Duration;

use callplane_audio::OpusPacket;
use callplane_rtp::{
    FRAME_SAMPLES, Format, Frame, Packet, PacketInfo, Receiver, ReceiverConfig, classify,
};
use callplane_types::Instant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let mut receiver = Receiver::new(ReceiverConfig {
        audio: vec![Format::khz8(0), Format::khz8(8), Format::khz48(111)],
        telephone_events: vec![Format::khz8(101), Format::khz48(110)],
        comfort_noise: Some(13),
        inspect: |packet| {
            let read = OpusPacket::read(packet)?;
            Some(PacketInfo {
                time: read.duration(),
                quiet: !read.voice,
            })
        },
        ..ReceiverConfig::new(Vec::new(), None)
    });
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
        match receiver.pop(now) {
            Frame::Audio { payload, .. } => assert_eq!(payload.len(), FRAME_SAMPLES),
            Frame::LostBefore { next, time, .. } => {
                assert!(time <= OpusPacket::read(next).unwrap().duration());
            }
            Frame::Noise(description) => assert!(description.len() <= 16),
            Frame::Packet { .. } | Frame::Lost | Frame::Idle => {}
        }
        while receiver.poll_digit().is_some() {}
    }
    assert!((0.0..=1.0).contains(&receiver.stats(now).loss()));
});
