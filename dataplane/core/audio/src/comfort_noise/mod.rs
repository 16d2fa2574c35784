//! Comfort noise (RFC 3389): what a silence sounded like, in a few octets, and something alike.
//!
//! RTP payload type 13 at 8 kHz. When to send it is left to the caller.

mod description;
mod generator;

pub use description::NoiseDescription;
pub use generator::ComfortNoise;

/// Coefficients that are sent and used; more are read over, as section 3 allows.
const ORDER: usize = 10;
