//! PostgreSQL store of Callplane: migrations and every query.
//!
//! **No other crate writes SQL.** A module is a table family, a function is a query. There are three
//! doors into the database:
//!
//! - [`OperatorDatabase`], the operator's: it owns schemas and roles, and every write through it
//!   names the [`Fence`] of the leader, which is checked in the same transaction;
//! - [`ApiDatabase`], the API's before it knows the tenant: people, sessions and keys;
//! - [`TenantDatabase`], a tenant's: a login role of its own that can read and write nothing but
//!   that tenant's rows, whatever the statement says. [`TenantPools`] bounds the doors of a process
//!   that serves many.
//!
//! Time in queries is the server's, so that nodes with differing clocks agree on leases and
//! windows.

#![forbid(unsafe_code)]

pub mod agents;
pub mod audit;
pub mod backups;
pub mod billing;
pub mod buyers;
pub mod calls;
pub mod campaigns;
mod column;
pub mod compatibility;
pub mod consent;
pub mod contact_lists;
pub mod contacts;
mod credentials;
pub mod dashboards;
mod database;
pub mod deliveries;
pub mod dnc;
pub mod drift;
pub mod erasure;
pub mod erd;
mod error;
pub mod events;
mod fence;
pub mod flows;
pub mod import;
mod input;
pub mod keys;
pub mod knowledge;
pub mod media_nodes;
pub mod members;
pub mod messaging;
pub mod metrics;
pub mod migrate;
pub mod months;
pub mod notify;
pub mod numbers;
mod object;
mod page;
pub mod people;
mod pools;
pub mod providers;
pub mod publishers;
pub mod queues;
pub mod quotas;
pub mod rates;
pub mod records;
pub mod retention;
pub mod roles;
pub mod routes;
pub mod schedules;
pub mod seed;
pub mod tags;
pub mod tenants;
#[cfg(feature = "test-util")]
pub mod test_util;
mod time;
pub mod trunks;
pub mod webhooks;
mod words;

pub use credentials::{Credentials, ReadCredentialsError, Slot};
pub use database::{ApiDatabase, Connections, OperatorDatabase, TenantDatabase};
pub use error::{Error, Result};
pub use fence::Fence;
pub use object::ObjectRef;
pub use page::Page;
pub use pools::{PoolLimits, PurposeUsage, TenantPools, Usage};
