//! Nothing on the path of a frame allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use callplane_audio::{
    Cadence, Concealer, Downsampler, FRAME_SAMPLES, Law, Recording, Side, Tone, ToneGenerator,
    Upsampler, Vad,
};

use crate::support::Random;

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
fn a_frame_costs_no_allocation() {
    let mut random = Random::new(1);
    let mut vad = Vad::default();
    let mut concealer = Concealer::default();
    let (mut up, mut down) = (Upsampler::default(), Downsampler::default());
    let mut tone = ToneGenerator::new(Tone::BEEP, Cadence::STEADY, 8000);
    let mut recording = Recording::default();
    let mut wide = Vec::with_capacity(2 * FRAME_SAMPLES);
    let mut narrow = Vec::with_capacity(FRAME_SAMPLES);
    let mut file = Vec::with_capacity(1 << 20);
    let (mut octets, mut frame) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
    let mut before = 0;
    for index in 0..200u64 {
        // The first frames compute the tables that all calls share.
        if index == 10 {
            before = ALLOCATIONS.get();
        }
        tone.fill(&mut frame);
        frame
            .iter_mut()
            .for_each(|sample| *sample += (random.noise() * 300.0) as i16);
        Law::A.encode(&frame, &mut octets);
        Law::A.decode(&octets, &mut frame);
        match index % 7 {
            0 => concealer.conceal(&mut frame),
            _ => concealer.received(&mut frame),
        }
        vad.push(&frame);
        wide.clear();
        narrow.clear();
        up.process(&frame, &mut wide);
        down.process(&wide, &mut narrow);
        let at = Duration::from_millis(index * 20);
        recording.write(Side::Caller, at, &narrow);
        recording.drain(at.saturating_sub(Duration::from_millis(500)), &mut file);
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
