//! Counts what the media path allocates, and what a call holds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use callplane_call::{Codec, MediaSecurity};
use callplane_sip::Event;

use crate::phone::{Line, digits, wideband_phone};

thread_local! {
    static COUNTING: Cell<bool> = const { Cell::new(false) };
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Octets that this thread allocated and did not give back.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTING.with(Cell::get) {
            ALLOCATIONS.with(|count| count.set(count.get() + 1));
        }
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

/// Runs `work` and counts what it allocates on this thread.
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> T {
    COUNTING.with(|counting| counting.set(true));
    let result = work();
    COUNTING.with(|counting| counting.set(false));
    result
}

pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

/// Takes back what was counted since there were `count`.
pub(crate) fn forget_since(count: u64) {
    ALLOCATIONS.with(|allocations| allocations.set(count));
}

/// A graph whose prompt outlasts the test.
pub(crate) fn talkative() -> serde_json::Value {
    let mut graph = digits();
    graph["nodes"]["pin"]["collect"]["prompt"] = "word ".repeat(300).into();
    graph
}

fn costs_nothing(mut line: Line) {
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    // The agent has begun to speak, the buffers have their size, a first second is recorded.
    line.pass(Duration::from_secs(3));
    let before = allocations();
    line.pass(Duration::from_secs(10));
    assert_eq!(allocations() - before, 0, "in 500 frames of both sides");
    assert!(line.heard_frames > 500, "{}", line.heard_frames);
}

#[test]
fn a_packet_costs_no_allocation_while_nobodys_turn_changes() {
    costs_nothing(Line::inbound(talkative(), true));
}

#[test]
fn nor_does_an_encrypted_one_with_wideband_audio() {
    let (sdp, plan) = wideband_phone(MediaSecurity::Required);
    let mut line = Line::new(talkative(), sdp, plan);
    line.codec = Codec::G722;
    costs_nothing(line);
}

/// KiB that are given back when a call goes in which the agent talks, its clip of 24 KiB and the apology of 16
/// included. What waits for the disk is not its.
fn held_by_call(mut line: Line) -> usize {
    line.take_answer();
    line.sip(Event::Acknowledged { sdp: None });
    line.pass(Duration::from_secs(10));
    let call = line.into_call();
    let before = HELD.with(Cell::get);
    drop(call);
    (before - HELD.with(Cell::get)) / 1_024
}

#[test]
fn a_call_holds_what_its_next_second_needs() {
    let held = held_by_call(Line::inbound(digits(), true));
    assert!((40..100).contains(&held), "{held} KiB");
}

#[test]
fn so_does_an_encrypted_one_with_wideband_audio() {
    let (sdp, plan) = wideband_phone(MediaSecurity::Required);
    let mut line = Line::new(digits(), sdp, plan);
    line.codec = Codec::G722;
    let held = held_by_call(line);
    assert!((40..115).contains(&held), "{held} KiB");
}
