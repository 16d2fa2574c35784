//! `database migrate`: brings schemas up to date now.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use callplane_kit::sentence;
use callplane_store::migrate::{self, Migrated, RolledForward, Throttle};
use callplane_store::{Fence, OperatorDatabase};
use clap::Args;

use super::progress::Progress;

/// How fast to go.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    throttle: ThrottleOptions,
}

/// How much of the database a roll-forward of all tenants may take.
#[derive(Debug, Clone, Args)]
pub(crate) struct ThrottleOptions {
    /// Schemas of tenants that are migrated at a time.
    #[arg(long, env = "CALLPLANE_MIGRATIONS_AT_ONCE", default_value = "4")]
    migrations_at_once: NonZeroUsize,
    /// Milliseconds of rest after each schema.
    #[arg(long, env = "CALLPLANE_MIGRATION_PAUSE_MS", default_value_t = 50)]
    migration_pause_ms: u64,
}

impl ThrottleOptions {
    pub(crate) fn throttle(&self) -> Throttle {
        Throttle {
            at_once: self.migrations_at_once,
            pause: Duration::from_millis(self.migration_pause_ms),
        }
    }
}

/// Migrates `platform`, then every tenant that lacks a file. The exit code is 1 when one failed.
pub(super) async fn run(
    database: &OperatorDatabase,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let platform = migrate::platform(database).await?;
    println!("platform: {}", told(&platform));
    let fence = Fence::command("database migrate");
    let behind = migrate::behind(database).await?;
    let mut progress = Progress::new("schemas", behind.len() as u64);
    let mut failed = 0_u64;
    let tell = |schema: RolledForward| {
        progress.step(schema.tenant.as_str());
        if let Err(error) = schema.outcome {
            failed += 1;
            progress.say(&format!("{}: {}", schema.tenant, sentence(&error)));
        }
    };
    migrate::tenants(database, &fence, options.throttle.throttle(), tell).await?;
    drop(progress);
    println!(
        "{} schemas were behind, {failed} of them failed",
        behind.len()
    );
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn told(migrated: &Migrated) -> String {
    if migrated.applied.is_empty() {
        format!("at version {}", migrated.version)
    } else {
        let files = migrated.applied.join(" ");
        format!("now at version {}, applied {files}", migrated.version)
    }
}
