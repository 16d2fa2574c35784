//! Kubernetes operator of Callplane.
//!
//! It turns custom resources into rows of the database and into pods, and is never on the path of a
//! call. Every kind has the same six files in `controllers/<kind>/`; see `callplane_kit` for what
//! each of them does.

#![forbid(unsafe_code)]

pub mod admin;
mod backups;
mod connections;
pub mod context;
pub mod controllers;
pub mod crd;
mod database;
pub mod keys;
pub mod maintenance;
pub mod names;
mod process;
pub mod render;
pub mod run;
mod strays;
