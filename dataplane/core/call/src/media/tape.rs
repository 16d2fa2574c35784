//! The recording of a call, handed out a second at a time.

use std::mem;
use std::time::Duration;

use callplane_audio::{Recording, Side};
use callplane_types::Instant;

use super::Frame;

/// How much is handed out at once, and lost at most when the process dies.
const CHUNK: Duration = Duration::from_secs(1);
/// Octets of a chunk: two channels of 16 bits at 8 kHz, and a frame more.
const CHUNK_OCTETS: usize = 4 * 8_000 + 4 * super::FRAME_SAMPLES;

/// Caller left, agent right, from the moment it was made; what is handed out are the octets of
/// the file behind its header.
#[derive(Debug)]
pub(crate) struct Tape {
    recording: Recording,
    origin: Instant,
    chunk: Vec<u8>,
    due: Duration,
}

impl Tape {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            recording: Recording::default(),
            origin: now,
            chunk: Vec::with_capacity(CHUNK_OCTETS),
            due: CHUNK,
        }
    }

    /// Adds the 20 ms that begin at `now`; gives the second that became full. `spare` supplies the
    /// buffer of the next one.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        caller: &Frame,
        agent: &Frame,
        spare: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        let at = now - self.origin;
        self.recording.write(Side::Caller, at, caller);
        self.recording.write(Side::Agent, at, agent);
        if at < self.due {
            return None;
        }
        self.due = at + CHUNK;
        self.recording.drain(at, &mut self.chunk);
        let mut next = spare().unwrap_or_default();
        next.clear();
        next.reserve(CHUNK_OCTETS);
        Some(mem::replace(&mut self.chunk, next))
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
        self.chunk.reserve(CHUNK_OCTETS);
        self.recording.skip(at)
    }

    /// The rest, at the end of the recording.
    pub(crate) fn finish(&mut self, now: Instant) -> Vec<u8> {
        self.recording.finish(now - self.origin, &mut self.chunk);
        mem::take(&mut self.chunk)
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
            octets.extend(tape.push(now, &[1; FRAME_SAMPLES], &[2; FRAME_SAMPLES], || None));
        }
        assert_eq!(octets.len(), 2, "one a second");
        octets.push(tape.finish(Instant::ZERO + Duration::from_millis(2_500)));
        let octets = octets.concat();
        assert_eq!(octets.len(), 4 * 125 * FRAME_SAMPLES);
        assert!(octets.chunks(4).all(|sample| sample == [1, 0, 2, 0]));
    }
}
