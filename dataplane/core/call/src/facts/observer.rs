//! What a supervisor's time in a call leaves behind.

use callplane_types::{LegId, ObserverMode, WallTime};

use super::{Measured, Quality};

/// Somebody who joined the call to listen or to talk.
#[derive(Debug, Clone, PartialEq)]
pub struct ObserverFacts {
    /// The leg.
    pub leg: LegId,
    /// What they did.
    pub mode: ObserverMode,
    /// When they were let in.
    pub entered_at: WallTime,
    /// When both sides could hear each other; nothing if that never was.
    pub joined_at: Option<WallTime>,
    /// When they were gone.
    pub left_at: Option<WallTime>,
    /// What was spoken with.
    pub codec: &'static str,
    /// How it sounded here; nothing of who sent nothing.
    pub quality: Option<Quality>,
}

impl ObserverFacts {
    pub(crate) fn measured(&mut self, measured: Measured) {
        self.quality = (measured.received.packets > 0).then(|| Quality::new(self.codec, measured));
    }
}
