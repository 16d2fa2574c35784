//! A compound.

#![no_main]

use callplane_rtp::rtcp::{ControlPacket, ControlSession, parse, write};
use callplane_rtp::{Clock, Sender, SenderConfig, mask_rtcp, mask_rtp};
use callplane_types::{Instant, WallTime};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagram: &[u8]| {
    for mask in [mask_rtp, mask_rtcp] {
        mask(&mut datagram.to_vec());
    }
    let Ok(mut packets) = parse(datagram) else {
        return;
    };
    let mut session = ControlSession::new("fuzz".to_owned(), 1);
    let now = Instant::ZERO;
    let sender = Sender::new(SenderConfig {
        ssrc: 1,
        first_sequence: 0,
        first_timestamp: 0,
        payload_type: 0,
        clock: Clock::Khz8,
        telephone_event: None,
    });
    let _ = session.handle(now, WallTime::from_unix_micros(0), &sender, datagram);

    // Bodies of unknown packets are not kept, and names that were no text may have grown too long.
    packets.retain(|packet| !matches!(packet, ControlPacket::Other { .. }));
    let mut once = Vec::new();
    write(&packets, &mut once);
    if packets.is_empty() {
        return;
    }
    let again = parse(&once).expect("what we write is valid");
    let mut twice = Vec::new();
    write(&again, &mut twice);
    assert_eq!(once, twice);
});
