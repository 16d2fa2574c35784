//! What is said and what is heard: speech by flite, WAV files, and the comparison of the two.

mod compare;
mod speech;
mod wav;

pub use compare::best_match;
pub use speech::{say, say_at};
pub use wav::Wav;
