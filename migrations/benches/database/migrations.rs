//! A tenant's schema made, and 500 rolled forward while calls are written.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use callplane_store::migrate::{File, Throttle};
use callplane_store::records;
use callplane_store::test_util::{TestDatabase, TestTenant};
use futures::StreamExt as _;

use crate::bench::Bench;
use crate::figure::Figure;
use crate::records::now;
use crate::sample::Sampler;
use crate::{Failure, equip};

/// Tenants of a database (data model, D26), unless the environment says fewer.
const TENANTS: usize = 500;
/// Tenants whose calls go on.
const BUSY: usize = 8;
/// Schemas whose creation is measured.
const CREATED: usize = 10;
/// Between two calls of a tenant.
const BETWEEN: Duration = Duration::from_millis(50);

/// What a release may bring beside the index of `0019_search.sql`: a column of the busiest table.
const NEXT: [File; 1] = [File {
    name: "9999_next.sql",
    sql: "ALTER TABLE calls ADD COLUMN next_thing text, ADD COLUMN next_count integer NOT NULL DEFAULT 0",
}];

/// As the operator does it unless it is told otherwise.
const THROTTLE: Throttle = Throttle {
    at_once: NonZeroUsize::new(4).unwrap(),
    pause: Duration::from_millis(50),
};

pub(crate) async fn run(bench: &Bench) -> Result<Vec<Figure>, Failure> {
    let mut figures = created(&bench.database().await?).await?;
    figures.extend(rolled_forward(&bench.database().await?).await?);
    Ok(figures)
}

async fn created(database: &TestDatabase<'_>) -> Result<Vec<Figure>, Failure> {
    let mut took = Vec::new();
    for _ in 0..CREATED {
        let begun = Instant::now();
        database.tenant("made").await?;
        took.push(begun.elapsed().as_secs_f64());
    }
    took.sort_by(f64::total_cmp);
    let slowest = took.last().copied().unwrap_or(f64::NAN);
    Ok(vec![
        Figure::at_most(
            "migrations: a tenant with schema, roles and a login, half of them",
            took[took.len() / 2],
            "s",
            1.0,
        ),
        Figure::shown("migrations: the slowest of them", slowest, "s"),
    ])
}

async fn rolled_forward(database: &TestDatabase<'_>) -> Result<Vec<Figure>, Failure> {
    let tenants = std::env::var("CALLPLANE_BENCH_TENANTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(TENANTS);
    let busy = prepare(database, tenants).await?;
    let samplers = futures::future::join_all(busy.iter().map(Sampler::of)).await;
    let samplers: Vec<Sampler> = samplers.into_iter().collect::<Result<_, _>>()?;
    let before = quiet(&busy, &samplers).await?;

    let over = AtomicBool::new(false);
    let calls = futures::future::join_all(
        busy.iter()
            .zip(&samplers)
            .map(|(tenant, sampler)| calls(tenant, sampler, &over)),
    );
    let migrations = async {
        let begun = Instant::now();
        let mut failed = 0;
        let tell = |schema: callplane_store::migrate::RolledForward| {
            failed += usize::from(schema.outcome.is_err());
        };
        let outcome = database.roll_forward(THROTTLE, &NEXT, tell).await;
        over.store(true, Ordering::Relaxed);
        outcome.map(|()| (begun.elapsed(), failed))
    };
    let (latencies, migrated) = tokio::join!(calls, migrations);
    let (took, failed) = migrated?;
    if failed > 0 {
        return Err(format!("{failed} tenants could not be rolled forward").into());
    }
    let mut during = Vec::new();
    for latency in latencies {
        during.extend(latency?);
    }
    during.sort_unstable();
    Ok(vec![
        Figure::at_most(
            format!("migrations: {tenants} tenants rolled forward, 4 at a time, calls in {BUSY}"),
            took.as_secs_f64(),
            "s",
            300.0,
        ),
        Figure::shown("a call's record before, p99", at(&before, 0.99), "ms"),
        Figure::shown("a call's record meanwhile, p50", at(&during, 0.5), "ms"),
        Figure::shown("a call's record meanwhile, p99", at(&during, 0.99), "ms"),
        // Media nodes give a statement up after 15 s; a migration lets nobody wait that long.
        Figure::at_most(
            "a call's record meanwhile, slowest",
            at(&during, 1.0),
            "ms",
            3_000.0,
        ),
        Figure::shown("calls written meanwhile", during.len() as f64, "calls"),
    ])
}

/// Makes the tenants as the last release left them, and equips some for calls.
async fn prepare(database: &TestDatabase<'_>, tenants: usize) -> Result<Vec<TestTenant>, Failure> {
    let mut made = futures::stream::iter(0..tenants)
        .map(|_| database.tenant_of_release("rolled"))
        .buffer_unordered(2);
    let mut busy = Vec::new();
    let mut count = 0;
    while let Some(tenant) = made.next().await {
        let tenant = tenant?;
        count += 1;
        if count % 50 == 0 {
            eprintln!("   {count} of {tenants} tenants made");
        }
        if busy.len() < BUSY {
            let number = format!("+1555000{:04}", busy.len());
            equip::equip(database, &tenant, &number).await?;
            busy.push(tenant);
        } else {
            tenant.database.close().await;
        }
    }
    Ok(busy)
}

/// The same calls for three seconds without a migration.
async fn quiet(busy: &[TestTenant], samplers: &[Sampler]) -> Result<Vec<Duration>, Failure> {
    let over = AtomicBool::new(false);
    let all = busy.iter().zip(samplers);
    let calls =
        futures::future::join_all(all.map(|(tenant, sampler)| calls(tenant, sampler, &over)));
    let end = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        over.store(true, Ordering::Relaxed);
    };
    let (latencies, ()) = tokio::join!(calls, end);
    let mut before = Vec::new();
    for latency in latencies {
        before.extend(latency?);
    }
    before.sort_unstable();
    Ok(before)
}

/// Writes records of calls until it is over; says how long each took.
async fn calls(
    tenant: &TestTenant,
    sampler: &Sampler,
    over: &AtomicBool,
) -> Result<Vec<Duration>, Failure> {
    let mut took = Vec::new();
    for serial in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let record = sampler.record(serial, now()?)?;
        let begun = Instant::now();
        records::finish(&tenant.database, &record).await?;
        took.push(begun.elapsed());
        tokio::time::sleep(BETWEEN).await;
    }
    Ok(took)
}

/// The latency that a share of all stays below, in milliseconds.
fn at(sorted: &[Duration], share: f64) -> f64 {
    let index = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted
        .get(index.min(sorted.len().saturating_sub(1)))
        .map_or(f64::NAN, |latency| latency.as_secs_f64() * 1_000.0)
}
