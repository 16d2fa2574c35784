//! Whom a campaign may dial now, and what became of an attempt.
//!
//! ```text
//! number, time zone of the row --> Zones --\
//!                    CallingWindow --------+--> Decision: dial, not before, never
//! do-not-call lists, contact --------------/
//! ```
//!
//! **A number is dialled only when the window is open on every clock its owner may look at**: a
//! prefix that lies in several zones is judged in all of them, and one that is unknown not at all.
//! Zones come from the tzdata that is compiled in, so that the answer is the same on every node.
//!
//! Which recipients are free, how many calls go at once and who is on a list is SQL: see the claim
//! transaction of the store, which asks [`decide`] for each candidate.

#![forbid(unsafe_code)]

mod decision;
mod outcome;
mod window;
mod zones;

pub use decision::{Clock, Decision, Recipient, Suppression, decide};
pub use outcome::{AttemptEnd, Outcome, Retry};
pub use window::{CallingWindow, InvalidWindow, Opening};
pub use zones::{UnknownZone, Zones};
