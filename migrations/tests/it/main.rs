#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]
//! The store against a real PostgreSQL.

mod campaigns;
mod fence;
mod grants;
mod items;
mod media_nodes;
mod migrations;
mod numbers;
mod programs;
mod quotas;
mod records;
mod roles;
mod schema;
mod support;
mod tenants;
mod walls;
