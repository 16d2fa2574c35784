use super::window::{WINDOW, look};

/// Samples between two looks: 5 ms.
const HOP: usize = 40;
/// The part of the energy that the tones of a new key need.
const PURE: f32 = 0.85;
/// The part of it that keeps a key down: the tones fill half of the window.
const HELD: f32 = 0.5;
/// Samples from the start of a tone to the middle of the first window that is pure.
const ONSET: u64 = 60;
/// Pure looks in a row that make a key. A tone of 40 ms has five, one of 23 ms two (Q.24 table A-1,
/// AT&T).
const LOOKS: u32 = 4;
/// Looks without the tones that end a key. A pause of 40 ms has eight, and one of 10 ms, which is none,
/// two (the same).
const MISSES: u32 = 5;

/// A key goes down or up. `at` is the sample, counted from the first one pushed, give or take 5 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DtmfEvent {
    /// The tones began.
    Begin {
        /// Event code (RFC 4733 section 3.2), 0 to 15 for `0`-`9`, `*`, `#`, `A`-`D`.
        key: u8,
        /// The sample.
        at: u64,
    },
    /// The tones ended.
    End {
        /// Of the event before.
        key: u8,
        /// The sample.
        at: u64,
    },
}

/// Hears keys in 8 kHz audio. A key is known some 40 ms after it began, and its end as long after it ended.
#[derive(Debug, Clone)]
pub struct DtmfDetector {
    line: [i16; WINDOW],
    /// Samples of the hop that is not complete yet.
    filled: usize,
    /// Samples before that hop.
    position: u64,
    /// The key that the last looks were pure of, how many they were, and where it began.
    candidate: Option<u8>,
    looks: u32,
    since: u64,
    /// The key that is down, looks since it was heard, and where that was.
    down: Option<u8>,
    misses: u32,
    heard: u64,
}

impl Default for DtmfDetector {
    fn default() -> Self {
        Self {
            line: [0; WINDOW],
            filled: 0,
            position: 0,
            candidate: None,
            looks: 0,
            since: 0,
            down: None,
            misses: 0,
            heard: 0,
        }
    }
}

impl DtmfDetector {
    /// Listens to any number of samples, and tells `event` what it hears, in order.
    pub fn push(&mut self, samples: &[i16], mut event: impl FnMut(DtmfEvent)) {
        let mut rest = samples;
        while !rest.is_empty() {
            let start = WINDOW - HOP + self.filled;
            let (taken, after) = rest.split_at(rest.len().min(WINDOW - start));
            self.line[start..start + taken.len()].copy_from_slice(taken);
            self.filled += taken.len();
            rest = after;
            if self.filled == HOP {
                self.filled = 0;
                self.position += HOP as u64;
                self.hop(&mut event);
                self.line.copy_within(HOP.., 0);
            }
        }
    }

    /// The key that is down.
    #[must_use]
    pub fn key(&self) -> Option<u8> {
        self.down
    }

    /// Forgets the signal so far, and the count of its samples.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    fn hop(&mut self, event: &mut impl FnMut(DtmfEvent)) {
        let found = look(&self.line);
        let middle = self.position.saturating_sub(WINDOW as u64 / 2);
        let pure = found.filter(|found| found.proper && found.purity >= PURE);
        self.consider(pure.map(|found| found.key), middle);
        let changed = self.looks >= LOOKS && self.candidate != self.down;
        if let Some(key) = self.down {
            if found.is_some_and(|found| found.key == key && found.purity >= HELD) {
                self.heard = middle;
                self.misses = 0;
            } else {
                self.misses += 1;
            }
            if self.misses >= MISSES || changed {
                self.down = None;
                event(DtmfEvent::End {
                    key,
                    at: self.heard,
                });
            }
        }
        if let (None, Some(key), true) = (self.down, self.candidate, self.looks >= LOOKS) {
            self.down = Some(key);
            self.misses = 0;
            let at = self.since.max(self.heard);
            self.heard = middle;
            event(DtmfEvent::Begin { key, at });
        }
    }

    /// Counts pure looks at the same key.
    fn consider(&mut self, key: Option<u8>, middle: u64) {
        if key.is_none() || key != self.candidate {
            self.looks = 0;
            self.since = middle.saturating_sub(ONSET);
        }
        self.candidate = key;
        self.looks += u32::from(key.is_some());
    }
}
