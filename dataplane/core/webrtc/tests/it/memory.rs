//! Counts what a peer holds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use str0m::format::Codec;

use crate::browser::{Pair, tone};

thread_local! {
    /// Octets that this thread allocated and did not give back.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.with(|held| held.set(held.get().wrapping_add(layout.size())));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.with(|held| held.set(held.get().wrapping_sub(layout.size())));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// KiB that are given back when a peer goes after a conversation.
fn held_after(seconds: usize) -> usize {
    let mut pair = Pair::new(Codec::Opus);
    pair.connect();
    for frame in 0..seconds * 50 {
        pair.frame(&tone(700.0, frame), &tone(400.0, frame));
    }
    let Pair { peer, .. } = pair;
    let before = HELD.with(Cell::get);
    drop(peer);
    (before - HELD.with(Cell::get)) / 1_024
}

#[test]
fn a_peer_holds_as_much_after_a_long_talk_as_after_a_short_one() {
    let (short, long) = (held_after(2), held_after(25));
    println!("{short} KiB, {long} KiB");
    assert!((50..200).contains(&short), "{short} KiB");
    assert!(long <= short + 15, "{short} KiB, then {long} KiB");
}
