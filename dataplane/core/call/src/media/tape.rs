//! The recording of a call, handed out half a second at a time.

use std::time::Duration;

use callplane_audio::{FRAME_TIME, Recording, Side};
use callplane_types::Instant;

use super::Frame;

/// How much is handed out at once, and lost at most when the process dies: half a second, and as many
/// octets as a piece of the sealed file has, so that nothing waits for the next to be sealed. A call holds
/// as much for as long.
const CHUNK: Duration = Duration::from_millis(512);
/// Octets of a chunk: two channels of 16 bits at 8 kHz.
const CHUNK_OCTETS: usize = 4 * 8 * CHUNK.as_millis() as usize;
/// How far the samples of a side may be from where their time would put them.
const LEEWAY: Duration = FRAME_TIME.saturating_mul(2);
/// How late a chunk may be handed out: beyond it there was a stall.
const PATIENCE: Duration = LEEWAY.saturating_add(FRAME_TIME);
/// Held: a chunk, and what is said until it is handed out.
const ROOM: Duration = CHUNK
    .saturating_add(PATIENCE)
    .saturating_add(LEEWAY)
    .saturating_add(FRAME_TIME);

/// Caller left, agent right, from the moment it was made; what is handed out are the octets of
/// the file behind its header.
#[derive(Debug)]
pub(crate) struct Tape {
    recording: Recording,
    origin: Instant,
    due: Duration,
}

impl Tape {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            recording: Recording::with_room(ROOM),
            origin: now,
            due: CHUNK,
        }
    }

    /// Whether a chunk is handed out with the 20 ms that begin at `now`.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now - self.origin >= self.due
    }

    /// Adds the 20 ms that begin at `now`; gives the chunk that became full, in the `spare` buffer if there is
    /// one.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        caller: &Frame,
        agent: &Frame,
        spare: &mut Option<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        let at = now - self.origin;
        // After a stall there is no room for it before what is held is handed out.
        let stalled = at >= self.due + PATIENCE;
        let mut chunk = stalled.then(|| self.hand_out(at - LEEWAY, spare));
        self.recording.write(Side::Caller, at, caller);
        self.recording.write(Side::Agent, at, agent);
        if self.is_due(now) {
            chunk = Some(self.hand_out(self.due, spare));
        }
        chunk
    }

    fn hand_out(&mut self, until: Duration, spare: &mut Option<Vec<u8>>) -> Vec<u8> {
        let mut chunk = spare.take().unwrap_or_default();
        chunk.clear();
        chunk.reserve_exact(CHUNK_OCTETS);
        self.recording.drain(until, &mut chunk);
        self.due = until + CHUNK;
        chunk
    }

    /// Where in the file the 20 ms that begin at `now` are put.
    pub(crate) fn place_of(&self, now: Instant) -> Duration {
        let at = now - self.origin;
        let place = |side| self.recording.place_of(side, at);
        place(Side::Caller).min(place(Side::Agent))
    }

    /// How much was handed out.
    pub(crate) fn duration(&self) -> Duration {
        self.recording.duration()
    }

    /// Goes on at `now` after it was finished; how much silence is to be put in between.
    pub(crate) fn resume(&mut self, now: Instant) -> Duration {
        let at = now - self.origin;
        self.due = at + CHUNK;
        self.recording.skip(at)
    }

    /// The rest, at the end of the recording.
    pub(crate) fn finish(&mut self, now: Instant) -> Vec<u8> {
        let mut rest = Vec::new();
        self.recording.finish(now - self.origin, &mut rest);
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::FRAME_SAMPLES;

    #[test]
    fn every_frame_of_both_sides_is_handed_out_once() {
        let mut tape = Tape::new(Instant::ZERO);
        let mut octets = Vec::new();
        for frame in 0..125u32 {
            let now = Instant::ZERO + Duration::from_millis(20) * frame;
            octets.extend(tape.push(now, &[1; FRAME_SAMPLES], &[2; FRAME_SAMPLES], &mut None));
        }
        assert_eq!(octets.len(), 4, "one about every half second");
        octets.push(tape.finish(Instant::ZERO + Duration::from_millis(2_500)));
        let octets = octets.concat();
        assert_eq!(octets.len(), 4 * 125 * FRAME_SAMPLES);
        assert!(octets.chunks(4).all(|sample| sample == [1, 0, 2, 0]));
    }

    #[test]
    fn what_is_said_after_a_stall_is_at_its_place() {
        for stall in [0, 30, 60, 250, 3_000] {
            let mut tape = Tape::new(Instant::ZERO);
            let mut octets = Vec::new();
            // Past the first chunk, where one is due while the thread stands still.
            for frame in 0..100u32 {
                let late = Duration::from_millis(if frame < 51 { 0 } else { stall });
                let now = Instant::ZERO + Duration::from_millis(20) * frame + late;
                octets.extend(tape.push(now, &[1; FRAME_SAMPLES], &[2; FRAME_SAMPLES], &mut None));
            }
            let end = Duration::from_millis(2_000 + stall);
            octets.push(tape.finish(Instant::ZERO + end));
            let octets = octets.concat();
            assert_eq!(octets.len(), 32 * end.as_millis() as usize, "{stall} ms");
            let silent = octets.chunks(4).filter(|sample| *sample == [0; 4]);
            assert_eq!(silent.count(), 8 * stall as usize, "{stall} ms");
        }
    }
}
