//! Nothing on the path of a packet allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use callplane_srtp::{Error, Profile, Protector, Unprotector};

use crate::{keys, rtcp, rtp};

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
    for profile in Profile::ALL {
        let mut sender = Protector::new(&keys(profile, 1));
        let mut receiver = Unprotector::new(&keys(profile, 1));
        let (media, report) = (rtp(7, 0), rtcp(7));
        let mut packet = Vec::with_capacity(200);
        let mut before = 0;
        for sequence in 0..2000u16 {
            packet.clear();
            packet.extend_from_slice(&media);
            packet[2..4].copy_from_slice(&sequence.to_be_bytes());
            sender.protect_rtp(&mut packet).unwrap();
            let mut forged = [0; 200];
            forged[..packet.len()].copy_from_slice(&packet);
            forged[20] ^= 1;
            let forged = &mut forged[..packet.len()];
            assert_eq!(receiver.unprotect_rtp(forged), Err(Error::Unauthentic));
            receiver.unprotect_rtp(&mut packet).unwrap();
            assert_eq!(receiver.unprotect_rtp(&mut packet), Err(Error::Replayed));
            packet.clear();
            packet.extend_from_slice(&report);
            sender.protect_rtcp(&mut packet).unwrap();
            receiver.unprotect_rtcp(&mut packet).unwrap();
            if sequence == 0 {
                before = ALLOCATIONS.get();
            }
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{profile}");
    }
}
