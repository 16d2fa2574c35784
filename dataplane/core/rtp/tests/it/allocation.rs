//! Nothing on the path of a packet allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use callplane_rtp::dtmf::Digit;
use callplane_rtp::{Clock, Frame, Latch, Packet, Receiver, ReceiverConfig, Sender, SenderConfig};

use crate::network::{Random, at};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is left to the system's allocator; the counter does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_packet_costs_no_allocation() {
    let mut random = Random::new(31);
    let mut sender = Sender::new(SenderConfig {
        ssrc: 1,
        first_sequence: 1,
        first_timestamp: 1,
        payload_type: 0,
        clock: Clock::Khz8,
        telephone_event: Some(101),
    });
    let mut receiver = Receiver::new(ReceiverConfig::new(vec![0], Some(101)));
    let from = "192.0.2.1:4000".parse().unwrap();
    let mut latch = Latch::new(from);
    let mut datagram = Vec::with_capacity(200);
    let digit = Digit::try_from('5').unwrap();
    let (mut before, mut played) = (0, 0);
    for index in 0..2000u64 {
        if index == 1 {
            before = ALLOCATIONS.get();
        }
        if index % 100 == 50 {
            sender.press(digit, Duration::from_millis(100)).unwrap();
        }
        sender.frame(Some(&[0x55; 160]), &mut datagram);
        let now = at(index * 20_000 + random.below(15_000));
        if !random.chance(50) {
            let packet = Packet::parse(&datagram).unwrap();
            latch.judge(now, from, packet.ssrc);
            receiver.push(now, &packet);
        }
        played += u64::from(matches!(receiver.pop(now), Frame::Audio { .. }));
        while receiver.poll_digit().is_some() {}
        let _ = receiver.stats(now);
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert!(played > 1500);
}
