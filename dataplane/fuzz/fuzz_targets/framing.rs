//! Streams at the TCP port of WebRTC: datagrams, or an error, and never more memory.

#![no_main]

use callplane_webrtc::{Deframer, MAX_FRAMED};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|stream: &[u8]| {
    let Some((piece, mut rest)) = stream.split_first() else {
        return;
    };
    let mut deframer = Deframer::default();
    while !rest.is_empty() {
        let space = deframer.space();
        let length = rest.len().min(usize::from(*piece) * 20 + 1).min(space.len());
        space[..length].copy_from_slice(&rest[..length]);
        deframer.filled(length);
        rest = &rest[length..];
        loop {
            match deframer.next_datagram() {
                Ok(Some(datagram)) => assert!((1..=MAX_FRAMED).contains(&datagram.len())),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
});
