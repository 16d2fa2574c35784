//! Clients of models against servers that answer as the documents say, and as broken servers do.

mod chat;
mod server;
