//! Logs, metrics, health endpoints and shutdown, the same for every daemon.
//!
//! A daemon calls [`init_logging`] first, builds its metrics in a
//! [`prometheus_client::registry::Registry`] and its [`Health`], hands both to an [`AdminServer`],
//! and ends when the token of [`shutdown_signal`] is cancelled.

mod admin;
mod exposition;
mod health;
mod logging;
mod shutdown;

pub use admin::{AdminError, AdminServer};
pub use exposition::{OPEN_METRICS, PLAIN_TEXT, plain_text};
pub use health::{Health, Verdict};
pub use logging::{LogFormat, LoggingError, init_logging};
pub use shutdown::shutdown_signal;
