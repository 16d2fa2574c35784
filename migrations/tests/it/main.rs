#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
//! The store against a real PostgreSQL.

mod backup;
mod campaigns;
mod compatibility;
mod drift;
mod engine;
mod erd;
mod fence;
mod grants;
mod import;
mod isolation;
mod items;
mod keys;
mod media_nodes;
mod migrations;
mod months;
mod numbers;
mod platform;
mod pools;
mod programs;
mod queries;
mod quotas;
mod records;
mod roles;
mod schema;
mod seed;
mod structure;
mod support;
mod tenants;
mod walls;
