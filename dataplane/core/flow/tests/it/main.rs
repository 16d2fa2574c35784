//! Flows from the YAML that people write to the actions of a call.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod arbitrary;
mod compile;
mod converse;
mod convert;
mod driver;
mod knowledge;
mod run;
mod tools;
mod transfer;
