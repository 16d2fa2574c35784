//! `callplane-operator database`: what a person or a CronJob does to the database beside the operator.
//!
//! A command is a thin shell over a function of `callplane_store`: it reads options, shows progress on
//! standard error and prints the outcome on standard output. It needs no cluster, but for `keys`, whose
//! key-encryption key may be in a Secret.
//!
//! It runs while an operator leads, so it writes by [`callplane_store::Fence::command`] and takes part
//! under the lock of each schema, not under the leader's epoch.

mod backup;
mod connection;
mod drift;
mod erase;
mod erd;
mod import;
mod keys;
mod maintain;
mod migrate;
mod progress;
mod reset;
mod resolve;
mod seed;
mod status;
mod table;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::process::block_on;
use connection::Connection;

pub(crate) use migrate::ThrottleOptions;

/// Settings of `database`.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show how far each schema is migrated
    ///
    /// The exit code is 1 while a file is pending, has failed or was changed after it was applied.
    Status(status::Options),
    /// Bring schema platform and the schemas of all tenants up to date
    ///
    /// The operator does the same by itself, so this is for who wants it done before the operator is
    /// upgraded. It may run beside the operator and beside another of its kind.
    Migrate(migrate::Options),
    /// Note what backups there are, and show how far a restore would come
    Backup(backup::Options),
    /// Show what was changed in the database otherwise than by a migration, and how to mend it
    ///
    /// Compares the catalogue of schema platform and of each tenant with what the migrations make:
    /// tables, columns, constraints, indexes, triggers, policies, grants, functions and roles. The
    /// exit code is 1 when something differs.
    Drift(drift::Options),
    /// Say how a migration stands that failed or was changed: there after all, or not there at all
    Resolve(resolve::Options),
    /// Drop the data of a tenant and make its schema anew
    ///
    /// Refused unless platform.database_clusters marks the database as one for development.
    Reset(reset::Options),
    /// Write data to begin with: the catalogue, a demo, calls by the thousand
    ///
    /// What is there is left as it is, so a second run writes nothing.
    Seed(seed::Options),
    /// Bring the data of a tenant from the database of another platform
    ///
    /// What was brought before is left as it is: an import that was stopped goes on where it was, and
    /// one that is repeated writes nothing. The report names every row that has no place here and why.
    Import(Box<import::Options>),
    /// Archive and remove what is old, and make the months to come
    ///
    /// The chart runs it as a CronJob. It may be ended at any time and run again: nothing is removed
    /// that was not archived and read back before.
    Maintain(Box<maintain::Options>),
    /// Erase a person: rows, recordings and archives of a tenant, with a signed receipt
    ///
    /// What a legal hold keeps stays and is in the receipt. A number that must not be called again stays
    /// as a hash.
    Erase(Box<erase::Options>),
    /// Draw the tables: Mermaid and SVG by table family
    Erd(erd::Options),
    /// Show, rotate, rewrap and destroy the data keys of tenants
    Keys(Box<keys::Options>),
}

/// Runs a command to its end.
///
/// # Errors
/// What the command could not do, as a sentence.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    block_on(async {
        let database = options.connection.open()?;
        let outcome = match &options.command {
            Command::Status(options) => status::run(&database, options).await,
            Command::Migrate(options) => migrate::run(&database, options).await,
            Command::Backup(options) => backup::run(&database, options).await,
            Command::Drift(options) => drift::run(&database, options).await,
            Command::Resolve(options) => resolve::run(&database, options).await,
            Command::Reset(options) => reset::run(&database, options).await,
            Command::Seed(options) => seed::run(&database, options).await,
            Command::Import(options) => import::run(&database, options).await,
            Command::Maintain(options) => maintain::run(&database, options).await,
            Command::Erase(options) => erase::run(&database, options).await,
            Command::Erd(options) => erd::run(&database, options).await,
            Command::Keys(options) => keys::run(&database, options).await,
        };
        database.close().await;
        outcome
    })
}
