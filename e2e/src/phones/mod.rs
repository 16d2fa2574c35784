//! Telephones of others, and the carrier between them and Callplane.

mod baresip;
mod carrier;
mod scenario;
mod sipp;

pub use baresip::{Baresip, Event};
pub use carrier::Carrier;
pub use scenario::{Callee, Caller};
pub use sipp::{Sipp, SippReport};
