//! Nothing on the path of a frame allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use callplane_audio::{
    Cadence, ComfortNoise, Concealer, Downsampler, DriftControl, DriftResampler, DtmfDetector,
    FRAME_SAMPLES, FRAME_TIME, G722Decoder, G722Encoder, Law, NoiseDescription, RateConverter,
    Recording, SampleRate, Side, Tone, ToneGenerator, Upsampler, Vad,
};

use crate::support::Random;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static KEPT: Cell<i64> = const { Cell::new(0) };
}

/// How often this thread took memory so far.
pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.get()
}

/// Octets that this thread took and did not give back.
pub(crate) fn kept() -> i64 {
    KEPT.get()
}

// SAFETY: everything is left to the system's allocator; the counter does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        KEPT.set(KEPT.get() + layout.size() as i64);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        KEPT.set(KEPT.get() - layout.size() as i64);
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
    let mut recording = Recording::with_room(std::time::Duration::from_secs(4));
    let mut wide = Vec::with_capacity(2 * FRAME_SAMPLES);
    let mut narrow = Vec::with_capacity(FRAME_SAMPLES);
    let mut file = Vec::with_capacity(1 << 20);
    let (mut octets, mut frame) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
    let (mut coder, mut decoder) = (G722Encoder::default(), G722Decoder::default());
    let mut noise = ComfortNoise::new(1);
    let mut keys = DtmfDetector::default();
    let (mut control, mut drift) = (DriftControl::new(FRAME_TIME), DriftResampler::default());
    let mut even = Vec::with_capacity(2 * FRAME_SAMPLES);
    let mut rate = RateConverter::new(SampleRate::Narrowband, SampleRate::SuperWideband);
    let mut high = Vec::with_capacity(4 * FRAME_SAMPLES);
    let mut before = 0;
    for index in 0..200u64 {
        // The first frames compute the tables that all calls share.
        if index == 10 {
            before = allocations();
        }
        noise.describe(&NoiseDescription::of(&frame, 10));
        noise.fill(&mut frame);
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
        keys.push(&frame, |_| ());
        wide.clear();
        narrow.clear();
        up.process(&frame, &mut wide);
        coder.encode(&wide, &mut octets);
        decoder.decode(&octets, &mut wide);
        down.process(&wide, &mut narrow);
        high.clear();
        rate.process(&narrow, &mut high);
        even.clear();
        drift.set_ppm(control.update(Duration::from_millis(random.next() % 40)));
        drift.process(&narrow, &mut even);
        let at = Duration::from_millis(index * 20);
        recording.write(Side::Caller, at, &narrow);
        recording.drain(at.saturating_sub(Duration::from_millis(500)), &mut file);
    }
    assert_eq!(allocations() - before, 0);
}
