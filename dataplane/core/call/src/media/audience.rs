//! For whom a line is heard.

/// Who hears what comes, each with those before: nothing is made of it that nobody hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Audience {
    /// Nobody. Packets are counted and take their time, keys are noticed, and each frame is silence.
    Nobody,
    /// People, what records them, and whoever listens for tones.
    People,
    /// The recogniser, which is given more than the band of a telephone.
    Recogniser,
}
