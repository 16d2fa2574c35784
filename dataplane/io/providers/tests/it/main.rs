//! Clients of models against servers that answer as the documents say, and as broken servers do.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "tests may fail loudly"
)]

mod chat;
mod embedding;
mod page;
mod probe;
mod server;
mod speech;
mod tool;
mod transcription;
