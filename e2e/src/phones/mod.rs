//! Telephones of others, and the carrier between them and Callplane.

mod aiortc;
mod baresip;
mod carrier;
mod chromium;
mod scenario;
mod sipp;

pub use aiortc::{Aiortc, AiortcOptions};
pub use baresip::{Baresip, Encryption, Event, Speech};
pub use carrier::Carrier;
pub use chromium::{Chromium, ChromiumOptions};
pub use scenario::{Callee, Caller, Keys};
pub use sipp::{Sipp, SippReport};
