//! ICE as a host with an address that everybody reaches does it (RFC 8445, lite): it answers checks.
//!
//! [`LiteAgent`] is our end of one component. A check that shows the user name and the password of the description
//! proves that who has read it is at the address that the check came from; the other side says by `USE-CANDIDATE`
//! which of the addresses it takes. The messages are those of the crate `is`.
//!
//! **Nothing but such a check is answered**, and an answer is shorter than its check.
//!
//! Left out: checks of our own, gathering, and consent: what ends a silent call is that it is silent.

#![forbid(unsafe_code)]

mod agent;
mod candidate;
mod credentials;

pub use agent::{Checked, LiteAgent};
pub use candidate::{Candidate, Component};
pub use credentials::Credentials;
